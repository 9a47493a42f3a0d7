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

from workflows.tier_review import PAGE, TierReview

REVIEW_HOUR = 3  # UTC; shops in Europe sleep, and those in America are done with their evening
CAUGHT_UP_WITHIN = timedelta(hours=20)  # a review missed longer ago than that is left to the next one


def tier_review_id(task_queue: str) -> str:
    """The schedule's id, which is also how its runs are called."""
    return f"tier-review/{task_queue}"


async def ensure_schedules(client: Client, task_queue: str) -> None:
    """Make the schedules, or bring those that are there up to date; one that an operator has paused stays so. Safe to repeat."""
    wanted = _tier_review(task_queue)
    try:
        await client.create_schedule(tier_review_id(task_queue), wanted)
    except ScheduleAlreadyRunningError:

        def renewed(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            known = found.description.schedule
            return ScheduleUpdate(Schedule(wanted.action, wanted.spec, policy=wanted.policy, state=known.state))

        await client.get_schedule_handle(tier_review_id(task_queue)).update(renewed)


def _tier_review(task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(TierReview.run, PAGE, id=tier_review_id(task_queue), task_queue=task_queue),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(REVIEW_HOUR)], comment="every customer's tier")]
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CAUGHT_UP_WITHIN),
    )
