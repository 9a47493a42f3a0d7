"""What runs by the clock: the schedules of the house, made when a worker starts, and brought up to date when they are there already."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from workflows.reconciliation import Asked, Reconciliation
from workflows.tier_review import PAGE, TierReview

REVIEW_HOUR = 3  # UTC; shops in Europe sleep, and those in America are done with their evening
RECONCILE_HOUR = 4  # after the review; what differs is there when the people of payments come to work
CAUGHT_UP_WITHIN = timedelta(hours=20)  # what was missed longer ago than that is left to the next day's


def tier_review_id(task_queue: str) -> str:
    """The schedule's id, which is also how its runs are called."""
    return f"tier-review/{task_queue}"


def reconciliation_id(task_queue: str) -> str:
    """The schedule's id, which is also how its runs are called."""
    return f"reconciliation/{task_queue}"


async def ensure_schedules(client: Client, task_queue: str) -> None:
    """Make the schedules, or bring those that are there up to date; one that an operator has paused stays so. Safe to repeat."""
    await _ensure(client, tier_review_id(task_queue), _tier_review(task_queue))
    await _ensure(client, reconciliation_id(task_queue), _reconciliation(task_queue))


async def _ensure(client: Client, schedule_id: str, wanted: Schedule) -> None:
    try:
        await client.create_schedule(schedule_id, wanted)
    except ScheduleAlreadyRunningError:

        def renewed(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            known = found.description.schedule
            return ScheduleUpdate(Schedule(wanted.action, wanted.spec, policy=wanted.policy, state=known.state))

        await client.get_schedule_handle(schedule_id).update(renewed)


def _tier_review(task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(TierReview.run, PAGE, id=tier_review_id(task_queue), task_queue=task_queue),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(REVIEW_HOUR)], comment="every customer's tier")]
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CAUGHT_UP_WITHIN),
    )


def _reconciliation(task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            Reconciliation.run, Asked(), id=reconciliation_id(task_queue), task_queue=task_queue
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(RECONCILE_HOUR)], comment="every payment provider")]
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CAUGHT_UP_WITHIN),
    )
