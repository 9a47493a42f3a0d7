"""Nobody says anything: the seller's silence resolves for the shopper, the shopper's closes the return. Weeks pass in moments."""

from datetime import timedelta

import pytest

from desk import NotNow
from domain.state import Method
from tests.house import MERCHANT, OPERATOR, SHOP, House

pytestmark = pytest.mark.anyio


async def test_a_silent_shopper_is_warned_and_the_return_expires(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    given = house.case(case_id).due_at - house.clock_now()
    await house.pass_time(case_id, given * 0.85)
    await house.until_event(case_id, "deadline.warned")
    assert house.case(case_id).stage == "booked"
    await house.pass_time(case_id, given * 0.2)
    row = await house.until(case_id, "expired")
    assert row.outcome == "expired"
    assert "deadline.missed" in house.event_types(case_id)
    assert (await house.parcel(case_id)).status == "voided"
    assert house.order_line(order).claimed == 0, "the units may come back in another return"
    assert house.provider_refunds(order) == []
    assert sum(house.balances(case_id).values()) == 0


async def test_a_silent_warehouse_settles_as_declared(house: House) -> None:
    order = await house.sell(2)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.receive(case_id)
    await house.pass_time(case_id, timedelta(days=5))
    row = await house.until(case_id, "closed")
    assert row.refunded_minor == 2500
    assert house.refund(case_id).ground == "as_declared"


async def test_a_parcel_that_never_arrives_is_refunded_and_the_carrier_bears_it(house: House) -> None:
    order = await house.sell(2)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "in_transit")
    await house.pass_time(case_id, timedelta(days=30))
    row = await house.until(case_id, "closed")
    assert (row.refunded_minor, house.refund(case_id).ground) == (2500, "lost")
    assert ("lost_goods", "carrier", 2500) in house.fees(case_id)
    assert house.balances(case_id)["receivable:carrier:simulated"] == 2500


async def test_a_parcel_the_carrier_lost_is_refunded_at_once(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.scan(case_id, "lost")
    assert (await house.until(case_id, "closed")).refunded_minor == 1250


async def test_a_merchant_who_does_not_decide_has_decided_for_the_shopper(house: House) -> None:
    case_id = await house.open_referred()
    row = house.case(case_id)
    assert (row.stage, row.due_owner, row.due_default) == ("referred", "merchant", "authorize")
    await house.pass_time(case_id, timedelta(hours=25))
    await house.until(case_id, "booked")


async def test_a_merchant_authorizes_or_refuses_a_referred_return(house: House) -> None:
    allowed, refused = await house.open_referred(), await house.open_referred()
    await house.desk.authorize(allowed, MERCHANT)
    await house.until(allowed, "booked")
    await house.desk.refuse(refused, MERCHANT, reason="worn for a year")
    assert house.case(refused).outcome == "refused"
    await house.until_done(refused)


async def test_an_extended_deadline_holds(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    due = (await house.until(case_id, "booked")).due_at
    await house.desk.extend(case_id, OPERATOR, until=due + timedelta(days=20), reason="in hospital")
    await house.pass_time(case_id, timedelta(days=20))
    assert house.case(case_id).stage == "booked"
    await house.pass_time(case_id, timedelta(days=20))
    await house.until(case_id, "expired")


async def test_a_pickup_that_never_comes_is_booked_again_and_then_an_operator_is_called(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order, method=Method.PICKUP)
    row = await house.until(case_id, "booked")
    assert (row.due_owner, row.due_default) == ("carrier", "book_again")
    for _ in range(2):
        await house.pass_time(case_id, timedelta(hours=73))
        await house.until(case_id, "booked")
    await house.pass_time(case_id, timedelta(hours=73))
    row = await house.until(case_id, "attention")
    assert row.attention_reason == "pickup_failed"
    await house.desk.retry(case_id, OPERATOR, reason="carrier has a van again")
    await house.until(case_id, "booked")
    first, *others = [bearer for _, bearer, _ in house.fees(case_id)]
    assert first != "carrier"
    assert others == ["carrier"] * 3, "whoever did not come in time pays for coming again"


async def test_a_refund_the_provider_never_confirms_is_asked_for(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    house.world.payments.knobs(
        status_later={"next": 1, "mode": "pending_then_succeeded", "seconds": 3600}, drop_events={"probability": 1}
    )
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "settled")
    await house.pass_deadline(case_id)
    assert (await house.until(case_id, "attention")).attention_reason == "refund_unconfirmed"
    house.world.payments.advance(4000)
    await house.desk.retry(case_id, OPERATOR, reason="ask the provider")
    await house.until(case_id, "closed")
    assert len(house.provider_refunds(order)) == 1


async def test_a_shopper_cancels_before_the_goods_move(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.desk.cancel(case_id, SHOP)
    await house.until(case_id, "cancelled")
    await house.until_done(case_id)
    assert (await house.parcel(case_id)).status == "voided"
    again = await house.open(order)
    await house.until(again, "booked")


async def test_a_return_with_something_received_is_not_cancelled(house: House) -> None:
    order = await house.sell(2)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.receive(case_id)
    with pytest.raises(NotNow, match="on their way or with us"):
        await house.desk.cancel(case_id, SHOP)
    assert house.case(case_id).stage == "received"
    assert (await house.parcel(case_id)).status != "voided"
