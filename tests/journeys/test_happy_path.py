"""A return from request to closure, by itself, and what it costs."""

from collections import Counter

import pytest
from temporalio.api.enums.v1 import EventType

from tests.house import House

pytestmark = pytest.mark.anyio

# One billable action each (docs.temporal.io, "Actions"); updates and signals count when they reach history.
ACTIONS = (
    "WORKFLOW_EXECUTION_STARTED",
    "ACTIVITY_TASK_SCHEDULED",
    "TIMER_STARTED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
    "MARKER_RECORDED",
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
)
EVENTS_AT_MOST = 33
ACTIONS_AT_MOST = 10
BYTES_AT_MOST = 6 * 1024


async def carried_through(house: House) -> str:
    """One return, each event meeting a case that waits for it."""
    order = await house.sell(2, 1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "in_transit")
    await house.until_idle(case_id)
    await house.receive(case_id)
    assert house.case(case_id).stage == "received", "what was said can be read at once"
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    return case_id


async def test_a_return_is_refunded_and_closed(house: House) -> None:
    case_id = await carried_through(house)
    row = house.case(case_id)
    assert (row.status, row.outcome, row.refunded_minor, row.due_at) == ("closed", "refunded", 3750, None)
    assert [line.refund_minor for line in house.lines(case_id)] == [2500, 1250]
    assert [(fact.kind, fact.stage) for fact in house.timeline(case_id)] == [
        ("requested", "requested"),
        ("checked", "checked"),
        ("opened_authorized", "authorized"),
        ("booked", "booked"),
        ("scanned", "in_transit"),
        ("received", "received"),
        ("inspected", "inspected"),
        ("settled", "closed"),
    ]
    assert house.event_types(case_id) == [
        "return.authorized",
        "label.booked",
        "parcel.in_transit",
        "parcel.received",
        "return.inspected",
        "refund.succeeded",
        "return.closed",
    ]


async def test_the_provider_paid_what_the_ledger_says(house: House) -> None:
    order = await house.sell(3, price_minor=999)
    case_id = await house.return_all(order)
    assert [(refund.amount_minor, refund.status) for refund in house.provider_refunds(order)] == [(2997, "succeeded")]
    assert [part.status for part in house.parts(case_id)] == ["succeeded"]
    balances = house.balances(case_id)
    assert sum(balances.values()) == 0
    assert balances["payable:shopper"] == 0
    assert balances["clearing:payments:simulated"] == -2997
    assert balances["goods_returned:merchant"] == 2997


async def test_what_a_happy_path_costs(house: House) -> None:
    case_id = await carried_through(house)
    history = await house.handle(case_id).fetch_history()
    kinds = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
    described = await house.handle(case_id).describe()
    size = described.raw_description.workflow_execution_info.history_size_bytes
    actions = sum(kinds[kind] for kind in ACTIONS)
    assert len(history.events) <= EVENTS_AT_MOST, kinds
    assert actions <= ACTIONS_AT_MOST, kinds
    assert size <= BYTES_AT_MOST, size
    # Exact, so that a change of the price is seen by whoever makes it.
    assert (len(history.events), actions) == (33, 8), kinds
