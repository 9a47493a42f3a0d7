"""The daily review of tiers: one effect that says how far it is, and is taken up from there by whichever worker comes next."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.tier import Reviewed

PAGE = 1000  # customers
# A page takes well under a second; a worker that has said nothing for so long is gone.
SILENCE = timedelta(seconds=10)
LONGEST = timedelta(hours=6)
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn(name="TierReview")
class TierReview:
    @workflow.run
    async def run(self, page_size: int = PAGE) -> Reviewed:
        """Review every customer, so many at a time."""
        reviewed: Reviewed = await workflow.execute_activity(
            "review_tiers",
            page_size,
            result_type=Reviewed,
            start_to_close_timeout=LONGEST,
            heartbeat_timeout=SILENCE,
            retry_policy=RETRY,
            summary="every customer's tier",
        )
        return reviewed
