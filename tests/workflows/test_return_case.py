"""The interpreter: reset anywhere, replayed at every task, told twice, told without a worker, told after the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
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
from domain.replica import digest, from_json
from domain.state import Fact, FactKind
from tests.house import MERCHANT, SHOP, House, World, open_house
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
    before = (house.fees(case_id), house.balances(case_id), house.event_types(case_id))
    points = []
    async for point in resets_to_every_point(house, case_id):
        points.append(point)
        row = await house.until(case_id, "closed")
        assert (row.outcome, row.refunded_minor) == ("refunded", 2500), f"reset to {point}"
        assert len(house.provider_refunds(order)) == 1, f"reset to {point}"
        assert len(house.bookings(case_id)) == 1, f"reset to {point}"
        assert (house.fees(case_id), house.balances(case_id)) == before[:2], f"reset to {point}"
        assert house.order_line(order).claimed == 2
        assert house.order_line(order).refunded == 2
    assert len(points) == 6


async def resets_to_every_point(house: House, case_id: str) -> AsyncIterator[int]:
    """The closed case's run, reset to one completed task after another, each time carried to its end again."""
    run_id = (await house.handle(case_id).describe()).run_id
    points = [
        event.event_id
        async for event in house.client.get_workflow_handle(workflow_id(case_id), run_id=run_id).fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
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
        yield point


@pytest.fixture(scope="module")
async def trusting(made_sessions: Sessions, temporal_address: str, world: World) -> AsyncIterator[House]:
    """A house that refunds at the first scan, and small sums without a parcel."""
    async with open_house(made_sessions, temporal_address, world, programme="standard_global") as made:
        yield made


@pytest.mark.parametrize("ending", ["judged", "lost"])
async def test_reset_at_every_point_of_a_case_that_was_paid_ahead_pays_and_charges_once(
    trusting: House, ending: str
) -> None:
    order = await trusting.sell(1, price_minor=12000)
    case_id = await trusting.open(order)
    await trusting.until(case_id, "booked")
    await trusting.scan(case_id, "picked_up")
    await trusting.until(case_id, "awaited")
    await trusting.until_idle(case_id)
    if ending == "judged":
        await trusting.receive(case_id)
        await trusting.inspect(case_id)
    else:
        await trusting.scan(case_id, "lost")
    await trusting.until(case_id, "closed")
    await trusting.until_done(case_id)
    said = trusting.event_types(case_id)
    assert said.count("refund.succeeded") == said.count("return.closed") == 1
    assert said.index("refund.succeeded") < said.index("return.closed")
    charged = [fee for fee in trusting.fees(case_id) if fee[0] == "lost_goods"]
    assert charged == ([("lost_goods", "carrier", 12000)] if ending == "lost" else [])
    before = (trusting.fees(case_id), trusting.balances(case_id))
    refunded = trusting.case(case_id).refunded_minor
    assert refunded == 12000 - sum(amount for _, bearer, amount in trusting.fees(case_id) if bearer == "shopper")
    async for point in resets_to_every_point(trusting, case_id):
        assert (await trusting.until(case_id, "closed")).refunded_minor == refunded, f"reset to {point}"
        assert [refund.amount_minor for refund in trusting.provider_refunds(order)] == [refunded], f"reset to {point}"
        assert len(trusting.bookings(case_id)) == 1, f"reset to {point}"
        assert (trusting.fees(case_id), trusting.balances(case_id)) == before, f"reset to {point}"


async def test_another_label_after_the_refund_is_borne_by_the_merchant(trusting: House) -> None:
    """Nothing is left of the refund that it could come off."""
    case_id = await trusting.open(await trusting.sell(1, price_minor=12000))
    await trusting.until(case_id, "booked")
    await trusting.scan(case_id, "picked_up")
    await trusting.until(case_id, "awaited")
    await trusting.until_idle(case_id)
    await trusting.scan(case_id, "return_to_sender")
    await trusting.until(case_id, "attention")
    await trusting.desk.retry(case_id, MERCHANT, reason="she has it again")
    await trusting.until(case_id, "awaited")
    labels = [(bearer, amount > 0) for kind, bearer, amount in trusting.fees(case_id) if kind == "return_label"]
    assert sorted(labels) == [("merchant", True), ("shopper", True)]


async def test_a_small_sum_is_refunded_and_nothing_is_booked(trusting: House) -> None:
    order = await trusting.sell(1, price_minor=500)
    case_id = await trusting.open(order)
    row = await trusting.until(case_id, "closed")
    await trusting.until_done(case_id)
    assert (row.outcome, row.refunded_minor) == ("refunded", 500)
    assert trusting.bookings(case_id) == []
    assert trusting.event_types(case_id) == ["return.authorized", "refund.succeeded", "return.closed"]


async def a_return_refused_when_it_was_asked_for(house: House) -> str:
    long_ago = house.clock_now() - timedelta(days=200)
    case_id = await house.open(await house.sell(1, price_minor=12000, placed_at=long_ago, delivered_at=long_ago))
    row = house.case(case_id)
    assert (row.stage, row.started_at) == ("refused", None)
    return case_id


async def test_an_appeal_sets_a_return_running_that_was_refused_when_it_was_asked_for(house: House) -> None:
    case_id = await a_return_refused_when_it_was_asked_for(house)
    said = await house.desk.appeal(case_id, SHOP, reason="it came broken")
    assert said.body["stage"] == "referred"
    row = house.case(case_id)
    assert (row.due_owner, row.due_default) == ("platform", "authorize")
    assert row.started_at is not None
    await house.desk.authorize(case_id, MERCHANT)
    await house.until(case_id, "booked")
    await house.receive(case_id)
    await house.inspect(case_id)
    row = await house.until(case_id, "closed")
    await house.until_done(case_id)
    borne = sum(amount for _, bearer, amount in house.fees(case_id) if bearer == "shopper")
    assert row.refunded_minor == 12000 - borne > 0


async def test_an_appeal_that_was_written_and_not_told_is_healed(house: House) -> None:
    """The process died before the case was set running: neither is it started anew, nor is the appeal lost."""
    case_id = await a_return_refused_when_it_was_asked_for(house)
    tells = house.desk._teller.tell

    async def died(*_: object) -> None:
        raise ConnectionError("killed")

    house.desk._teller.tell = died  # type: ignore[method-assign,assignment]
    try:
        await house.desk.appeal(case_id, SHOP, reason="it came broken")
    finally:
        house.desk._teller.tell = tells  # type: ignore[method-assign]
    assert house.case(case_id).started_at is None
    await house.until_healed(case_id)
    await house.until_idle(case_id)
    assert house.case(case_id).stage == "referred"
    assert house.bookings(case_id) == []
    await house.desk.refuse(case_id, MERCHANT, reason="too late")
    await house.until_done(case_id)
    assert house.case(case_id).stage == "refused"
    assert await house.handle(case_id).result() == "refused"


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
