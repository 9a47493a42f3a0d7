"""The interpreter: reset anywhere, replayed at every task, told twice, told without a worker, told after the end."""

import asyncio
from collections.abc import AsyncIterator
from threading import Event
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError
from ulid import ULID

from database import cases
from database.engine import Sessions
from domain.process import Fact, FactKind
from domain.replica import digest, from_json
from tests.house import SHOP, House, World, open_house
from tests.waiting_for import eventually
from workflows.names import workflow_id

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def forgetful(made_sessions: Sessions, temporal_address: str, world: World) -> AsyncIterator[House]:
    """A house whose worker remembers nothing between two tasks: every one of them replays the case from its history."""
    async with open_house(made_sessions, temporal_address, world, max_cached_workflows=0) as made:
        yield made


async def test_every_task_may_be_replayed(forgetful: House) -> None:
    order = await forgetful.sell(2)
    case_id = await forgetful.open(order)
    await forgetful.until(case_id, "booked")
    await forgetful.scan(case_id, "picked_up")
    await forgetful.until(case_id, "in_transit")
    await forgetful.receive(case_id)
    await forgetful.inspect(case_id)
    row = await forgetful.until(case_id, "closed")
    await forgetful.until_done(case_id)
    assert (row.outcome, row.refunded_minor) == ("refunded", 2500)


async def test_a_deadline_passes_for_a_case_that_nobody_remembers(forgetful: House) -> None:
    order = await forgetful.sell(1)
    case_id = await forgetful.open(order)
    await forgetful.until(case_id, "booked")
    await forgetful.pass_deadline(case_id)
    await forgetful.until(case_id, "expired")
    await forgetful.until_done(case_id)


async def test_reset_at_every_point_of_a_closed_case_ends_closed_with_no_second_effect(house: House) -> None:
    order = await house.sell(2)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "in_transit")
    await house.until_idle(case_id)
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    run_id = (await house.handle(case_id).describe()).run_id
    points = [
        event.event_id
        async for event in house.client.get_workflow_handle(workflow_id(case_id), run_id=run_id).fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    assert len(points) == 6
    before = (house.fees(case_id), house.balances(case_id), house.event_types(case_id))
    for point in points:
        await house.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=house.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id(case_id), run_id=run_id),
                reason=f"to task {point}",
                workflow_task_finish_event_id=point,
                request_id=str(ULID()),
            )
        )
        assert await house.client.get_workflow_handle(workflow_id(case_id)).result() == "closed", f"reset to {point}"
        row = await house.until(case_id, "closed")
        assert (row.outcome, row.refunded_minor) == ("refunded", 2500), f"reset to {point}"
        assert len(house.provider_refunds(order)) == 1, f"reset to {point}"
        assert len(house.bookings(case_id)) == 1, f"reset to {point}"
        assert (house.fees(case_id), house.balances(case_id)) == before[:2], f"reset to {point}"
        assert house.order_line(order).claimed == 2
        assert house.order_line(order).refunded == 2


async def test_the_row_and_the_running_case_agree_at_every_stage(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    for stage, step in (("booked", None), ("in_transit", "picked_up"), ("received", "receive")):
        if step == "picked_up":
            await house.scan(case_id, step)
        if step == "receive":
            await house.receive(case_id)
        await house.until(case_id, stage)
        await house.until_idle(case_id)
        row = house.case(case_id)
        await house.handle(case_id).signal("nudge")  # the case writes its own state over the row
        await house.until_idle(case_id)
        assert house.case(case_id).state == row.state, stage
        assert digest(from_json(row.state)) == house.timeline(case_id)[-1].seen


async def test_a_word_of_the_case_that_crosses_a_new_fact_does_not_stay_on_the_row(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case is writing its state over the row while somebody records a fact there, which is overwritten with it."""
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.until_idle(case_id)
    writing, recorded, writes = Event(), Event(), cases.write_over

    def held(*given: Any, **more: Any) -> int:
        writing.set()
        recorded.wait(2)
        return writes(*given, **more)

    monkeypatch.setattr(cases, "write_over", held)
    await house.handle(case_id).signal("nudge")
    await eventually(writing.is_set)
    receiving = asyncio.create_task(house.receive(case_id))
    await eventually(lambda: any(fact.kind == "received" for fact in house.timeline(case_id)))
    recorded.set()
    await receiving
    assert house.case(case_id).stage == "received"
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    assert house.case(case_id).stage == "closed"


async def test_the_same_fact_told_twice_is_taken_once(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    fact = Fact(FactKind.RECEIVED, house.clock_now(), "received:told-twice", "dock")
    tell = [house.handle(case_id).execute_update("receive", fact, id=fact.id) for _ in range(5)]
    answers: list[dict[str, str]] = await asyncio.gather(*tell)
    assert {answer["stage"] for answer in answers} == {"received"}
    other = Fact(FactKind.RECEIVED, house.clock_now(), "received:somebody-else", "dock")
    with pytest.raises(WorkflowUpdateFailedError):
        await house.handle(case_id).execute_update("receive", other, id=other.id)


async def test_a_case_whose_start_was_lost_is_healed(house: House) -> None:
    """The process died after the return was written down and before the case was started: the next look finds it."""
    order = await house.sell(1)
    starts = house.desk._teller.start

    async def died(case_id: str) -> None:
        raise ConnectionError("killed")

    house.desk._teller.start = died  # type: ignore[method-assign]
    try:
        case_id = await house.open(order)
        assert house.case(case_id).started_at is None
    finally:
        house.desk._teller.start = starts  # type: ignore[method-assign]
    await house.until_healed(case_id)
    await house.until(case_id, "booked")


async def test_a_word_that_was_written_and_not_told_is_healed(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    tells = house.desk._teller.tell

    async def died(*_: object) -> None:
        raise ConnectionError("killed")

    house.desk._teller.tell = died  # type: ignore[method-assign,assignment]
    try:
        await house.desk.cancel(case_id, SHOP)
    finally:
        house.desk._teller.tell = tells  # type: ignore[method-assign]
    assert house.timeline(case_id)[-1].told_at is None
    await house.until_healed(case_id)
    await house.until(case_id, "cancelled")


async def test_a_word_to_a_case_that_is_being_opened_again_waits_for_that(house: House) -> None:
    """Two people at once: the dock has goods of an expired return, and the bench judges them before the case runs again."""
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.pass_deadline(case_id)
    await house.until(case_id, "expired")
    await house.until_done(case_id)
    tells, first = house.desk._teller._tell, Event()

    async def late(told: str, fact: Fact, how: str) -> None:
        if fact.kind is FactKind.RECEIVED:
            while not first.is_set():
                await asyncio.sleep(0.01)
        await tells(told, fact, how)

    house.desk._teller._tell = late  # type: ignore[method-assign,assignment]
    try:
        receiving = asyncio.create_task(house.receive(case_id))
        await house.until(case_id, "received")
        inspecting = asyncio.create_task(house.inspect(case_id))
        await house.until(case_id, "inspected")
        assert not inspecting.done(), "nobody has opened the case yet"
        first.set()
        await asyncio.gather(receiving, inspecting)
    finally:
        house.desk._teller._tell = tells  # type: ignore[method-assign]
    assert (await house.until(case_id, "closed")).refunded_minor == 1250


async def test_cancelling_in_temporals_own_tools_is_the_shoppers_cancellation(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.handle(case_id).cancel()
    await house.until(case_id, "cancelled")
    assert await house.handle(case_id).result() == "cancelled"
    assert (await house.parcel(case_id)).status == "voided"
