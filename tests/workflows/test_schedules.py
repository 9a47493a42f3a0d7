"""The schedules of the house on the real Temporal server: made once, brought up to date, left paused when an operator paused them."""

import asyncio
from datetime import timedelta
from itertools import count

import pytest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleOverlapPolicy, ScheduleSpec
from temporalio.client import ScheduleIntervalSpec as Every
from temporalio.contrib.pydantic import pydantic_data_converter

from workflows.schedules import RECONCILE_HOUR, REVIEW_HOUR, ensure_schedules, reconciliation_id, tier_review_id
from workflows.tier_review import TierReview

pytestmark = pytest.mark.anyio
_numbers = count(1)


@pytest.fixture(autouse=True)
def fresh() -> None:
    """No house is needed."""


@pytest.fixture
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture
def queue() -> str:
    return f"schedules-{next(_numbers)}"


SCHEDULES = {
    "TierReview": (tier_review_id, REVIEW_HOUR),
    "Reconciliation": (reconciliation_id, RECONCILE_HOUR),
}


@pytest.mark.parametrize("name", SCHEDULES)
async def test_it_is_made_once_however_many_workers_start_at_once(client: Client, queue: str, name: str) -> None:
    id_of, hour = SCHEDULES[name]
    await asyncio.gather(*(ensure_schedules(client, queue) for _ in range(4)))
    found = await client.get_schedule_handle(id_of(queue)).describe()

    assert isinstance(found.schedule.action, ScheduleActionStartWorkflow)
    assert (found.schedule.action.workflow, found.schedule.action.task_queue) == (name, queue)
    assert found.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    first, second = found.info.next_action_times[:2]
    assert (first.hour, first.minute, second - first) == (hour, 0, timedelta(days=1))


async def test_one_that_is_there_is_brought_up_to_date_and_stays_paused(client: Client, queue: str) -> None:
    action = ScheduleActionStartWorkflow(TierReview.run, 1, id="as-it-was", task_queue="elsewhere")
    handle = await client.create_schedule(
        tier_review_id(queue), Schedule(action, ScheduleSpec(intervals=[Every(timedelta(hours=7))]))
    )
    await handle.pause(note="the shop is closed")
    await ensure_schedules(client, queue)
    found = (await handle.describe()).schedule

    assert isinstance(found.action, ScheduleActionStartWorkflow)
    assert (found.action.task_queue, found.action.id) == (queue, tier_review_id(queue))
    assert (len(found.spec.intervals), len(found.spec.calendars)) == (0, 1)
    assert (found.state.paused, found.state.note) == (True, "the shop is closed")
