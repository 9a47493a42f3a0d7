"""Events that come early, late, twice or across each other: kept, taken up, or known already; never lost, never an error page."""

import pytest

from database.inspections import Judged
from desk import DoneBefore
from domain.errors import Conflict
from tests.house import BENCH, MERCHANT, OPERATOR, SHOP, House

pytestmark = pytest.mark.anyio


async def test_goods_that_overtake_their_label(house: House) -> None:
    """The carrier's system is away, so there is no label yet; the shopper has brought the parcel to the dock herself."""
    house.world.carriers.knobs(fail_before={"probability": 1})
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until_trouble(case_id)
    await house.inspect(case_id)
    assert house.case(case_id).stage == "authorized", "kept until its stage comes"
    house.world.carriers.calm()
    assert (await house.until(case_id, "closed")).refunded_minor == 1250


async def test_an_inspection_before_any_scan_or_receipt(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.scan(case_id, "picked_up")
    await house.until_scanned(case_id)
    assert house.case(case_id).stage == "closed"


async def test_scans_that_are_repeated_late_and_out_of_order_change_nothing_twice(house: House) -> None:
    house.world.carriers.knobs(duplicate_events={"probability": 1, "count": 3}, reorder_events={"probability": 0.5})
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    for status in ("picked_up", "in_transit", "delivered"):
        await house.scan(case_id, status)
    row = await house.until(case_id, "in_transit")
    await house.receive(case_id)
    await house.inspect(case_id)
    row = await house.until(case_id, "closed")
    assert row.refunded_minor == 1250
    assert len(house.provider_refunds(order)) == 1


async def test_goods_that_come_after_the_return_expired_open_it_again(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.pass_deadline(case_id)
    await house.until(case_id, "expired")
    await house.until_done(case_id)
    await house.receive(case_id)
    assert house.case(case_id).stage == "received"
    await house.inspect(case_id)
    row = await house.until(case_id, "closed")
    assert (row.outcome, row.refunded_minor) == ("refunded", 1250)
    assert house.order_line(order).claimed == 1


async def test_goods_that_are_scanned_after_the_shopper_cancelled(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.desk.cancel(case_id, SHOP)
    await house.until(case_id, "cancelled")
    await house.until_done(case_id)
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "in_transit")
    await house.inspect(case_id)
    assert (await house.until(case_id, "closed")).refunded_minor == 1250


async def test_goods_that_come_after_their_units_went_into_another_return_wait_for_a_person(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.desk.cancel(case_id, SHOP)
    await house.until(case_id, "cancelled")
    await house.until_done(case_id)
    other = await house.return_all(order)
    await house.receive(case_id)
    row = await house.until(case_id, "attention")
    assert row.attention_reason == "units_in_another_return"
    await house.desk.authorize(case_id, OPERATOR)
    await house.inspect(case_id)
    row = await house.until(case_id, "attention")
    assert row.attention_reason == "settle_failed", "there is nothing left of the order to pay back, whoever says so"
    assert house.case(other).refunded_minor == 1250
    assert len(house.provider_refunds(order)) == 1


async def test_goods_of_a_refused_return_wait_for_a_person(house: House) -> None:
    case_id = await house.open_referred()
    await house.desk.refuse(case_id, MERCHANT, reason="worn")
    await house.until_done(case_id)
    await house.desk.inspect(case_id, [Judged("rl_1", 1, "A", True, (), "restock")], BENCH)
    assert (await house.until(case_id, "attention")).attention_reason == "goods_without_permission"
    await house.desk.authorize(case_id, OPERATOR)
    assert (await house.until(case_id, "closed")).refunded_minor == 1250


async def test_goods_that_are_not_accepted_go_back(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id, accepted=False, grade="D")
    row = await house.until(case_id, "sent_back")
    assert (row.outcome, row.refunded_minor) == ("sent_back", 0)
    assert house.provider_refunds(order) == []
    assert ("outbound_label", "merchant", 320) in house.fees(case_id)


async def test_a_label_that_turns_out_to_be_used_is_not_given_back(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    house.world.carriers.knobs(drop_events={"probability": 1})
    await house.scan(case_id, "picked_up")
    await house.desk.cancel(case_id, SHOP)
    await house.until(case_id, "in_transit")
    with pytest.raises(Conflict, match="on their way"):
        await house.desk.cancel(case_id, SHOP)


async def test_a_second_clerk_is_told_who_was_first(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.receive(case_id)
    with pytest.raises(DoneBefore, match="received by dock on"):
        await house.receive(case_id)


async def test_cancelling_while_the_label_is_being_bought(house: House) -> None:
    house.world.carriers.knobs(fail_before={"probability": 1})
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until_trouble(case_id)
    await house.desk.cancel(case_id, SHOP)
    house.world.carriers.calm()
    await house.until(case_id, "cancelled")
    assert (await house.parcel(case_id)).status == "voided"
    assert house.order_line(order).claimed == 0
