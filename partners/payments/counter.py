"""The counter where refunds are asked for under an idempotency key, whichever face of the provider the asker sees."""

from partners.alarm import Alarm
from partners.faults import befalling, fail_before
from partners.knobs import Knobs
from partners.payments.refunds import Answer, RefundBooks, Wanted, other_parameters
from partners.program import Refusal


class Counter:
    """Each key is served once and one at a time; the knobs strike here, their subject is the key."""

    def __init__(self, refunds: RefundBooks, knobs: Knobs, goes_on: Alarm) -> None:
        self._refunds = refunds
        self._knobs = knobs
        self._goes_on = goes_on
        self._running: dict[str, Wanted] = {}

    async def refund(self, wanted: Wanted, key: str) -> tuple[Answer, bool]:
        """What is answered, and whether it was answered before. Raises `Refusal` for what is not kept under the key."""
        fail_before(self._knobs, key)
        if self._knobs.strikes("forget_keys", key):
            self._refunds.forget(key)
        if self._knobs.strikes("ignore_keys", key):
            return await self._pay(wanted, key, kept=False), False
        if key in self._running:
            # Running until its answer is given: a refund that is paid and hangs is in progress to whoever asks again.
            if self._running[key] != wanted:
                raise other_parameters(key)
            raise Refusal(409, "in_progress", f"The first request under the key {key} is still running.")
        if stored := self._refunds.stored_answer(key, wanted):
            return stored, True
        self._running[key] = wanted
        try:
            return await self._pay(wanted, key, kept=True), False
        finally:
            del self._running[key]

    async def _pay(self, wanted: Wanted, key: str, *, kept: bool) -> Answer:
        async with befalling(self._knobs, key):
            later = self._knobs.strikes("status_later", key)
            answer = self._refunds.pay(wanted, key=key if kept else None, later=later)
            self._goes_on.ring()
        return answer
