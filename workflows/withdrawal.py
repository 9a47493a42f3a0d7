"""The acknowledgement of a withdrawal: one mail, tried until the mail server has taken it.

Directive 2011/83/EU, art. 11a(4): without undue delay, on a durable medium. There is no end to the trying: the duty has none.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

MAIL_TRY = timedelta(seconds=60)
MAIL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
)


@workflow.defn(name="AcknowledgeWithdrawal")
class AcknowledgeWithdrawal:
    @workflow.run
    async def run(self, withdrawal_id: str) -> None:
        await workflow.execute_activity(
            "acknowledge_withdrawal",
            withdrawal_id,
            activity_id="acknowledge",
            start_to_close_timeout=MAIL_TRY,
            retry_policy=MAIL_RETRY,
        )
