"""Money that goes ahead of the goods against a guarantee, on the real servers: met, charged back, owed, written off, undone."""

from typing import Any

import pytest

from api.schemas.returns import present
from database import advances
from database.history import history_of
from domain.order import Order
from domain.tier import Tier
from tests.builders import a_tender
from tests.house import OPERATOR, House
from tests.journeys.test_programmes import make
from tests.waiting_for import eventually

pytestmark = pytest.mark.anyio

PRICE = 10_000


async def ahead(house: House, *, method: str = "card") -> tuple[str, Order]:
    """A return of the best known customer, whose refund is promised once it is authorized."""
    order = await house.sell(1, price_minor=PRICE)
    if method != "card":
        number = f"o_{method}_{order.id}"
        tender = a_tender(
            order_id=number,
            id="t_1",
            method=method,
            amount_minor=PRICE,
            processor="simulated",
            reference=f"pay_{number}",
        )
        order = await house.sell(1, price_minor=PRICE, customer=order.customer_id, id=number, tenders=(tender,))
    make(house, order, Tier.VIP)
    return await house.open(order), order


def advance(house: House, case_id: str) -> Any:
    with house.made() as session:
        return advances.of_case(session, case_id)


def hold(house: House, case_id: str) -> dict[str, Any]:
    """The hold as the provider's own books have it."""
    found: dict[str, Any] = house.world.payments.get(f"/v1/holds/{advance(house, case_id).hold_id}")
    return found


def advances_lost(house: House, order: Order) -> int:
    assert order.customer_id
    with house.made() as session:
        return history_of(session, order.customer_id, currency="GBP", at=house.clock_now()).advances_lost


async def never_came(house: House, **how: str) -> tuple[str, Order]:
    case_id, order = await ahead(house, **how)
    await house.until(case_id, "awaited")
    await house.pass_deadline(case_id)
    return case_id, order


async def test_what_is_paid_ahead_is_held_first_and_let_go_of_when_the_goods_are_accepted(house: House) -> None:
    case_id, order = await ahead(house)
    row = await house.until(case_id, "awaited")
    assert (row.refunded_minor, row.due_default) == (PRICE, "recharge")
    assert (hold(house, case_id)["status"], hold(house, case_id)["amount"]) == ("held", PRICE)
    assert (advance(house, case_id).status, advance(house, case_id).guarantee) == ("open", "hold")

    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    assert hold(house, case_id)["status"] == "released"
    assert advance(house, case_id).status == "met"
    assert house.balances(case_id)["goods_returned:merchant"] == PRICE
    assert advances_lost(house, order) == 0


async def test_goods_that_never_come_are_reminded_of_and_then_charged_to_the_held_card(house: House) -> None:
    case_id, order = await never_came(house)
    row = await house.until(case_id, "closed")
    assert (row.outcome, row.refunded_minor) == ("charged_back", PRICE)
    assert (hold(house, case_id)["status"], hold(house, case_id)["captured"]) == ("captured", PRICE)
    assert house.event_types(case_id)[-3:] == ["deadline.missed", "advance.captured", "return.closed"]
    balances = house.balances(case_id)
    assert (balances["goods_returned:merchant"], balances["receivable:shopper"]) == (0, 0)
    assert balances["clearing:captures:simulated"] == PRICE
    assert advances_lost(house, order) == 1
    with house.made() as session:
        shown = present(session, case_id)["advance"]
    assert (shown["amount"]["amount"], shown["guarantee"], shown["status"]) == (PRICE, "hold", "captured")
    assert (shown["due"], shown["owed"]["amount"]) == (None, 0)
    assert order.customer_id
    assert (await house.desk.customers.get(order.customer_id)).advances == {"captured": 1}

    again = await house.open(await house.sell(1, price_minor=PRICE, customer=order.customer_id))
    assert house.case(again).terms["limits"]["refund_trigger"] == "received", "the right to an advance is lost"


async def test_who_is_warned_is_told_so_before_the_deadline(house: House) -> None:
    case_id, _ = await ahead(house)
    row = await house.until(case_id, "awaited")
    await house.pass_time(case_id, (row.due_at - house.clock_now()) * 0.9)
    await house.until_event(case_id, "advance.reminded")
    assert house.case(case_id).stage == "awaited"


async def test_goods_that_come_after_all_bring_the_money_back_over_the_charge(house: House) -> None:
    case_id, order = await never_came(house)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    await house.receive(case_id)
    await house.until(case_id, "awaited")
    await house.inspect(case_id)
    row = await house.until(case_id, "closed")
    assert row.outcome == "refunded"
    given_back = list(house.partners.payments["simulated"].list_refunds(hold(house, case_id)["captured_payment"]))
    assert [refund.amount_minor for refund in given_back] == [PRICE]
    assert advance(house, case_id).status == "reversed"
    balances = house.balances(case_id)
    assert (balances["goods_returned:merchant"], balances["clearing:captures:simulated"]) == (PRICE, 0)
    assert advances_lost(house, order) == 0, "the right is there again"


async def test_a_payment_that_cannot_be_held_is_owed_reminded_of_and_written_off(house: House) -> None:
    case_id, _ = await never_came(house, method="bank")
    row = await house.until(case_id, "owed")
    assert (row.due_owner, row.due_default) == ("shopper", "dun")
    assert advance(house, case_id).status == "receivable"
    assert house.balances(case_id)["receivable:shopper"] == PRICE
    for reminder in range(1, 4):
        await house.pass_deadline(case_id)
        await house.until_idle(case_id)
        assert house.event_types(case_id).count("advance.dunned") == reminder
    await house.pass_deadline(case_id)
    await house.until(case_id, "closed")
    assert advance(house, case_id).status == "written_off"
    balances = house.balances(case_id)
    assert (balances["receivable:shopper"], balances["written_off:merchant"]) == (0, PRICE)


async def test_goods_that_come_while_they_are_owed_cancel_the_debt(house: House) -> None:
    case_id, order = await never_came(house, method="bank")
    await house.until(case_id, "owed")
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    assert advance(house, case_id).status == "reversed"
    balances = house.balances(case_id)
    assert (balances["receivable:shopper"], balances["goods_returned:merchant"]) == (0, PRICE)
    assert advances_lost(house, order) == 0


async def test_a_card_that_cannot_be_held_any_more_leaves_a_debt(house: House) -> None:
    house.world.payments.knobs(hold_ends={"next": 1, "seconds": 5})
    case_id, _ = await ahead(house)
    await house.until(case_id, "awaited")
    house.world.payments.advance(10)
    await house.pass_deadline(case_id)
    await house.until(case_id, "owed")
    row = advance(house, case_id)
    assert (row.hold_status, row.captured_minor, row.charged_minor) == ("ended", 0, PRICE)


async def test_where_only_a_hold_is_promised_an_empty_card_is_paid_after_the_judgement(house: House) -> None:
    house.world.payments.knobs(card_empty={"next": 1})
    order = await house.sell(1, price_minor=PRICE)
    make(house, order, Tier.ADVANCED)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    row = await house.until(case_id, "in_transit")
    await eventually(lambda: advance(house, case_id) and advance(house, case_id).status == "withheld")
    assert row.refunded_minor == 0
    await house.until_idle(case_id)
    await house.receive(case_id)
    await house.inspect(case_id)
    assert (await house.until(case_id, "closed")).refunded_minor == PRICE


@pytest.mark.parametrize("knob", ["fail_before", "fail_after"])
async def test_a_provider_that_fails_at_the_hold_holds_once(house: House, knob: str) -> None:
    house.world.payments.knobs(**{knob: {"next": 1}})
    case_id, order = await ahead(house)
    await house.until(case_id, "awaited")
    assert hold(house, case_id)["status"] == "held"
    assert len(house.provider_refunds(order)) == 1


@pytest.mark.parametrize("knob", ["fail_capture", "lose_capture"])
async def test_a_provider_that_fails_at_the_capture_charges_once(house: House, knob: str) -> None:
    case_id, _ = await ahead(house)
    await house.until(case_id, "awaited")
    house.world.payments.knobs(**{knob: {"next": 1}})
    await house.pass_deadline(case_id)
    await house.until(case_id, "closed")
    assert hold(house, case_id)["captured"] == PRICE
    assert house.balances(case_id)["clearing:captures:simulated"] == PRICE


async def test_a_person_may_charge_back_what_the_bench_did_not_accept(house: House) -> None:
    case_id, _ = await ahead(house)
    await house.until(case_id, "awaited")
    await house.receive(case_id)
    await house.inspect(case_id, accepted=False, grade="D")
    await house.until(case_id, "attention")
    await house.desk.refuse(case_id, OPERATOR, reason="another article was in the box")
    row = await house.until(case_id, "closed")
    assert row.outcome == "charged_back"
    assert hold(house, case_id)["captured"] == PRICE
    assert [fact.kind for fact in house.timeline(case_id)][-2:] == ["recharged", "sent_back"], "she has her goods again"
