"""Money that its tender cannot take back: the shopper is asked where it goes, and it arrives there once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from database.engine import Sessions
from desk import DoneBefore, NotNow
from desk.words import NothingPaysOut
from domain.destination import DestinationKind, destination_of
from domain.opening import RequestedLine, ReturnRequest
from domain.order import Order, Tender
from domain.reasons import ReturnReason
from domain.tenders import TenderLimits
from tests.house import OPERATOR, SHOP, House, World, open_house
from tests.waiting_for import eventually

pytestmark = pytest.mark.anyio

CREDIT = destination_of(DestinationKind.STORE_CREDIT)
BANK = destination_of(DestinationKind.BANK, "ba_ofTheShopper")
CLOSED_LATER = {"next": 1, "mode": "pending_then_failed", "seconds": 0.2}
YEAR = {"simulated": TenderLimits(max_age_days=365)}


@pytest.fixture(scope="module")
async def house(made_sessions: Sessions, temporal_address: str, world: World) -> AsyncIterator[House]:
    """The standard programme, at a processor whose payments take money back for a year."""
    async with open_house(made_sessions, temporal_address, world, tender_limits=YEAR) as made:
        yield made
        world.calm()


@pytest.fixture(scope="module")
async def crediting(made_sessions: Sessions, temporal_address: str, world: World, house: House) -> AsyncIterator[House]:
    """The same under a programme whose shoppers' silence means store credit."""
    async with open_house(made_sessions, temporal_address, world, programme="worry_free", tender_limits=YEAR) as made:
        yield made


async def refunded_to_a_closed_account(house: House, country: str = "GB") -> tuple[str, Order]:
    house.world.payments.knobs(status_later=CLOSED_LATER)
    order = await house.sell(2, country=country)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    row = await house.until(case_id, "attention")
    assert (row.attention_reason, row.due_owner) == ("destination_needed", "shopper")
    return case_id, order


async def test_a_closed_account_is_asked_about_and_store_credit_closes_the_return(house: House) -> None:
    case_id, order = await refunded_to_a_closed_account(house)
    assert "refund.needs_destination" in house.event_types(case_id)
    assert house.case(case_id).due_default == "call_operator"
    said = await house.desk.give_destination(case_id, CREDIT, SHOP)
    assert said.body["stage"] == "inspected"
    row = await house.until(case_id, "closed")
    assert (row.refunded_minor, row.outcome) == (2500, "refunded")
    assert [(part.status, part.destination) for part in house.parts(case_id)] == [
        ("failed", None),
        ("succeeded", "store_credit"),
    ]
    assert [(one.amount_minor, one.status) for one in house.payouts(case_id)] == [(2500, "succeeded")]
    assert [one.status for one in house.provider_refunds(order)] == ["failed"]
    assert house.balances(case_id)["payable:shopper"] == 0
    assert house.broken() == set()


async def test_a_payout_that_is_paid_and_answered_with_500_is_paid_once(house: House) -> None:
    case_id, _ = await refunded_to_a_closed_account(house)
    house.world.payments.knobs(fail_after={"next": 2}, ignore_keys={"probability": 1})
    await house.desk.give_destination(case_id, BANK, SHOP)
    await house.until(case_id, "closed")
    assert [one.amount_minor for one in house.payouts(case_id)] == [2500]
    assert house.broken() == set()


async def test_a_destination_that_fails_is_asked_for_again(house: House) -> None:
    case_id, _ = await refunded_to_a_closed_account(house)
    house.world.payments.knobs(status_later=CLOSED_LATER)
    await house.desk.give_destination(case_id, BANK, SHOP)
    await house.until(case_id, "settled", "attention")
    assert (await house.until(case_id, "attention")).attention_reason == "destination_needed"
    await house.desk.give_destination(case_id, CREDIT, SHOP)
    await house.until(case_id, "closed")
    assert [part.status for part in house.parts(case_id)] == ["failed", "failed", "succeeded"]
    assert house.broken() == set()


async def test_said_twice_it_is_paid_once_and_the_second_is_told(house: House) -> None:
    case_id, _ = await refunded_to_a_closed_account(house)
    await house.desk.give_destination(case_id, CREDIT, SHOP)
    with pytest.raises(DoneBefore, match="was given a destination by shop"):
        await house.desk.give_destination(case_id, BANK, SHOP)
    await house.until(case_id, "closed")
    assert len(house.payouts(case_id)) == 1


async def test_nobody_is_asked_while_no_money_looks_for_a_destination(house: House) -> None:
    case_id = await house.open(await house.sell(1))
    with pytest.raises(NotNow, match="no money looks for another destination"):
        await house.desk.give_destination(case_id, CREDIT, SHOP)


async def test_silence_calls_an_operator_where_the_law_gives_the_money_back_as_money(house: House) -> None:
    case_id, order = await refunded_to_a_closed_account(house)
    await house.pass_deadline(case_id)
    row = await house.until(case_id, "attention")
    assert (row.attention_reason, row.due_owner) == ("refund_failed", "operator")
    await house.desk.retry(case_id, OPERATOR, reason="the account is open again")
    await house.until(case_id, "closed")
    assert [one.status for one in house.provider_refunds(order)] == ["failed", "succeeded"]


async def test_silence_is_store_credit_where_the_policy_says_so(crediting: House) -> None:
    case_id, _ = await refunded_to_a_closed_account(crediting, country="US")
    assert crediting.case(case_id).due_default == "store_credit"
    await crediting.pass_deadline(case_id)
    await crediting.until(case_id, "closed")
    assert [part.destination for part in crediting.parts(case_id)] == [None, "store_credit"]


async def test_money_that_the_bank_returns_days_later_leads_to_the_same_question(house: House) -> None:
    house.world.payments.knobs(status_later={"next": 1, "mode": "succeeded_then_failed", "seconds": 86400})
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    house.world.payments.advance(90000)
    assert (await house.until(case_id, "attention")).attention_reason == "destination_needed"
    await house.desk.give_destination(case_id, BANK, SHOP)
    row = await house.until(case_id, "closed")
    assert row.refunded_minor == 1250
    assert house.balances(case_id)["payable:shopper"] == 0
    assert house.broken() == set()


async def test_a_card_of_366_days_ago_is_not_even_tried(house: House) -> None:
    case_id, order = await long_after(house, 366)
    row = await house.until(case_id, "attention")
    assert row.attention_reason == "destination_needed"
    assert house.provider_refunds(order) == []
    assert [(part.status, part.failure, part.tries) for part in house.parts(case_id)] == [
        ("failed", "refund_too_old", 0)
    ]
    await house.desk.give_destination(case_id, CREDIT, SHOP)
    assert (await house.until(case_id, "closed")).refunded_minor == 1250
    assert len(house.payouts(case_id)) == 1
    assert house.broken() == set()


async def test_a_card_of_364_days_ago_takes_its_money_back(house: House) -> None:
    case_id, order = await long_after(house, 364)
    await house.until(case_id, "closed")
    assert [one.amount_minor for one in house.provider_refunds(order)] == [1250]


async def long_after(house: House, days: int) -> tuple[str, Order]:
    """Goods that turned out to be defective long after they were bought: a person allowed them back, and they are here."""
    then = house.clock_now() - timedelta(days=days)
    order = await house.sell(1, placed_at=then, delivered_at=then)
    lines = (RequestedLine(1, ReturnReason.DEFECTIVE, order_line_id="l_1"),)
    said = await house.desk.open(ReturnRequest(lines, order_id=order.id, customer_id=order.customer_id), SHOP)
    assert said.body["stage"] == "referred"
    await house.desk.authorize(said.case_id, OPERATOR)
    await house.until(said.case_id, "booked")
    await house.inspect(said.case_id)
    return said.case_id, order


async def test_a_tender_that_was_closed_once_is_not_tried_by_the_next_return_of_the_order(house: House) -> None:
    order_id = f"closed_{house.queue}"
    paid = tuple(
        Tender(order_id, name, method, amount, "simulated", f"{name}_{order_id}")
        for name, method, amount in (("gift", "gift_card", 1000), ("card", "card", 1500))
    )
    order = await house.sell(2, id=order_id, tenders=paid)
    house.world.payments.knobs(status_later=CLOSED_LATER)
    first = await house.open(order, 1)
    await house.until(first, "booked")
    await house.inspect(first)
    assert (await house.until(first, "attention")).attention_reason == "destination_needed"
    await house.desk.give_destination(first, CREDIT, SHOP)
    await house.until(first, "closed")
    second = await house.open(order, 1)
    await house.until(second, "booked")
    await house.inspect(second)
    await house.until(second, "closed")
    assert {part.tender_id for part in house.parts(second) if part.status == "succeeded"} == {"card"}
    assert house.case(first).refunded_minor + house.case(second).refunded_minor == 2500
    assert house.broken() == set()


# --- late returns ---


async def test_goods_after_the_window_are_paid_as_store_credit_where_the_policy_says_so(house: House) -> None:
    case_id, order = await after_the_window(house)
    why = [decision["answer"] for decision in house.case(case_id).explanation]
    assert "as store credit, because the goods come back after the return window" in why
    await house.desk.authorize(case_id, OPERATOR)
    await eventually(lambda: house.case(case_id).refunded_minor == 1250)
    assert house.provider_refunds(order) == []
    assert [(part.destination, part.status) for part in house.parts(case_id)] == [("store_credit", "succeeded")]
    assert [one.amount_minor for one in house.payouts(case_id)] == [1250]
    assert house.broken() == set()


async def after_the_window(house: House) -> tuple[str, Order]:
    then = house.clock_now() - timedelta(days=70)
    customer = f"late_{house.queue}"
    for _ in range(12):  # a customer of a tier that has store credit after the window
        await house.sell(8, price_minor=20000, customer=customer)
    order = await house.sell(1, customer=customer, placed_at=then, delivered_at=then)
    lines = (RequestedLine(1, ReturnReason.CHANGED_MIND, order_line_id="l_1"),)
    said = await house.desk.open(ReturnRequest(lines, order_id=order.id, customer_id=customer), SHOP)
    assert (said.body["stage"], said.body["lines"][0]["verdict_reasons"]) == ("referred", ["store_credit_only"])
    return said.case_id, order


async def test_store_credit_in_place_of_a_refund_stays_in_the_currency_of_the_order(house: House) -> None:
    house.world.payments.knobs(status_later=CLOSED_LATER)
    order = await house.sell(1, currency="USD")
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    await house.until(case_id, "attention")
    await house.desk.give_destination(case_id, CREDIT, SHOP)
    await house.until(case_id, "closed")
    assert [(one.amount_minor, one.currency) for one in house.payouts(case_id)] == [(1250, "USD")]


async def test_where_no_provider_pays_out_an_operator_is_asked_and_not_the_shopper(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with Stripe alone: there is nothing that a shopper's answer could set going."""
    for module in ("activities.paying", "desk.door", "desk.events"):
        monkeypatch.setattr(f"{module}.pays_out", lambda gateway: False)
    house.world.payments.knobs(status_later=CLOSED_LATER)
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    row = await house.until(case_id, "attention")
    assert (row.attention_reason, row.due_owner) == ("refund_failed", "operator")
    with pytest.raises(NothingPaysOut):
        await house.desk.give_destination(case_id, CREDIT, SHOP)


async def test_an_operator_sends_it_the_old_way_after_another_destination_has_failed(house: House) -> None:
    case_id, order = await refunded_to_a_closed_account(house)
    house.world.payments.knobs(status_later=CLOSED_LATER)
    await house.desk.give_destination(case_id, BANK, SHOP)
    await house.until(case_id, "attention")
    house.world.payments.calm()
    await house.desk.retry(case_id, OPERATOR, reason="the account was opened again")
    await house.until(case_id, "closed")
    assert [part.destination for part in house.parts(case_id)] == [None, str(BANK), None]
    assert [one.status for one in house.provider_refunds(order)] == ["failed", "succeeded"]
