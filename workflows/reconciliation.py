"""Reconciling with payment providers, by the clock or because somebody asks: one effect for each provider, side by side.

A provider that does not answer holds up no other; when it has not answered for hours, its part of the run ends as failed, and the
next day's run asks it again.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from domain.reconciliation import Reconciled

BY_THE_CLOCK = "schedule"
# A page of a list takes a provider some ten seconds at most; a worker that has said nothing for so long is gone.
SILENCE = timedelta(seconds=45)
LONGEST = timedelta(hours=6)
ROW = timedelta(seconds=30)
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@dataclass(frozen=True)
class Asked:
    """Who wants which providers asked (none named: all), under which id; empty where the clock asks: the run's own."""

    by: str = BY_THE_CLOCK
    providers: list[str] | None = None
    run_id: str = ""


@workflow.defn(name="Reconciliation")
class Reconciliation:
    @workflow.run
    async def run(self, asked: Asked) -> list[Reconciled]:
        """Ask every provider; those that could be asked."""
        run_id = asked.run_id or f"rec_{workflow.info().run_id}"
        providers: list[str] = await workflow.execute_activity(
            "begin_reconciliation",
            args=[run_id, asked.by, asked.providers or []],
            result_type=list[str],
            start_to_close_timeout=ROW,
            retry_policy=RETRY,
        )
        found = await asyncio.gather(*(self._with(run_id, provider) for provider in providers))
        return [one for one in found if one is not None]

    async def _with(self, run_id: str, provider: str) -> Reconciled | None:
        try:
            reconciled: Reconciled = await workflow.execute_activity(
                "reconcile_provider",
                args=[run_id, provider],
                result_type=Reconciled,
                start_to_close_timeout=LONGEST,
                schedule_to_close_timeout=LONGEST,
                heartbeat_timeout=SILENCE,
                retry_policy=RETRY,
                summary=provider,
            )
        except ActivityError:
            await workflow.execute_activity(
                "end_reconciliation", args=[run_id, provider], start_to_close_timeout=ROW, retry_policy=RETRY
            )
            return None
        return reconciled
