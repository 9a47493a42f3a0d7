"""A goodwill on its way: paid by one effect that is safe to repeat, and asked about until the provider has said what became of it."""

from datetime import timedelta

from temporalio import workflow

from workflows.options import EFFECT_RETRY, EFFECT_TRY

APPROVED = "approved"  # accepted by the provider, and not confirmed
ASKED_AGAIN_AFTER = (timedelta(hours=1), timedelta(hours=6), *(timedelta(days=1),) * 30)


@workflow.defn(name="Goodwill")
class Goodwill:
    @workflow.run
    async def run(self, goodwill_id: str) -> str:
        status = await self._pay(goodwill_id)
        for pause in ASKED_AGAIN_AFTER:
            if status != APPROVED:
                break
            await workflow.sleep(pause)
            status = await self._pay(goodwill_id)
        return status

    async def _pay(self, goodwill_id: str) -> str:
        status: str = await workflow.execute_activity(
            "pay_goodwill",
            goodwill_id,
            result_type=str,
            start_to_close_timeout=EFFECT_TRY,
            retry_policy=EFFECT_RETRY,
        )
        return status
