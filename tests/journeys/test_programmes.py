"""Each programme carries a return by its own numbers, on the real servers, and says why like a letter that decides."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from api.schemas import records
from database import cases, customers, refunds
from database.engine import Sessions
from domain.calendar import Calendar, local_day
from domain.opening import RequestedLine, Resolution, ReturnRequest
from domain.order import Order
from domain.reasons import ReturnReason
from domain.state import Method
from domain.tier import Tier, TierLock, standing_at
from policies.book import load_policy_book
from tests.house import MERCHANT, OPERATOR, SHOP, House, World, open_house
from tests.waiting_for import eventually

pytestmark = pytest.mark.anyio

BOOK = load_policy_book()
Shop = Callable[[str], AbstractAsyncContextManager[House]]


@pytest.fixture(scope="module")
def house(world: World) -> SimpleNamespace:
    """No house beside those of the programmes: it would hear the same carriers, by another clock."""
    return SimpleNamespace(world=world, moved=timedelta())


@pytest.fixture
def shop(made_sessions: Sessions, temporal_address: str, world: World) -> Shop:
    """A house under a programme of its own."""

    @asynccontextmanager
    async def under(programme: str) -> AsyncIterator[House]:
        async with open_house(made_sessions, temporal_address, world, programme=programme) as made:
            yield made

    return under


async def ask(
    house: House,
    order: Order,
    reason: ReturnReason | None = ReturnReason.CHANGED_MIND,
    *,
    method: Method = Method.LABEL,
    resolution: Resolution = Resolution.REFUND,
) -> str:
    lines = (RequestedLine(order.lines[0].quantity, reason, order_line_id="l_1"),)
    request = ReturnRequest(lines, order.id, order.customer_id, method=method, resolution=resolution)
    return (await house.desk.open(request, SHOP)).case_id


def make(house: House, order: Order, tier: Tier) -> None:
    """The customer of the order has this tier."""
    assert order.customer_id
    at = house.clock_now()
    lock = TierLock(tier, "test", "known well", at)
    with house.made.begin() as session:
        customers.get(session, order.customer_id, lock=True)
        standing = standing_at([], lock, BOOK.tiers.thresholds, BOOK.rates, at)
        customers.lock_tier(session, order.customer_id, lock, standing)


def days_of(house: House, case_id: str) -> Calendar:
    return Calendar.parse(house.case(case_id).terms["limits"]["calendar"])


def end_of_day(house: House, case_id: str, at: datetime, days: int, *, legal: bool = False) -> datetime:
    """The end of the local day so many days after the moment; a legal one is a working day."""
    calendar = days_of(house, case_id)
    day = local_day(at, calendar) + timedelta(days=days)
    while legal and calendar.last_moves and not calendar.is_working(day):
        day += timedelta(days=1)
    return calendar.closes(day)


def business_days_later(house: House, case_id: str, at: datetime, days: int) -> datetime:
    calendar = days_of(house, case_id)
    day = local_day(at, calendar)
    while days:
        day += timedelta(days=1)
        days -= calendar.is_working(day)
    return calendar.closes(day)


def decided(house: House, case_id: str, rule: str) -> dict[str, Any]:
    """What the case says of one rule; and every decision has a question, an answer, a rule, values and a source."""
    with house.made() as session:
        row = cases.get(session, case_id)
        shown = records.show_explanation(row, refunds.of_case(session, case_id))["data"]
        letter = records.letter(row, refunds.of_case(session, case_id))
    for one in shown:
        assert one["question"].endswith("?"), one
        assert all((one["answer"], one["rule"], one["source"])), one
        assert one["source"] in letter
        assert one["question"] in letter
    return next(one for one in shown if one["rule"] == rule)


def value(decision: dict[str, Any], name: str) -> str:
    return next(str(one["value"]) for one in decision["inputs"] if one["name"] == name)


async def test_worry_free_asks_no_reason_and_the_insurance_pays_the_way_back(shop: Shop) -> None:
    async with shop("worry_free") as house:
        order = await house.sell(1, country="CN", insured=True)
        case_id = await ask(house, order, None)
        await house.until(case_id, "booked")
        assert [(kind, bearer) for kind, bearer, _ in house.fees(case_id)] == [("return_label", "insurer")]
        await house.receive(case_id)
        row = house.case(case_id)
        assert row.due_at == end_of_day(house, case_id, house.clock_now(), 7, legal=True), (
            "the law's 7 days come before the 10"
        )
        await house.pass_deadline(case_id)
        row = await house.until(case_id, "awaited")
        assert (row.refunded_minor, house.refund(case_id).ground) == (1250, "by_law")
        assert row.due_owner == "warehouse", "which may still look, and keeps its own ten days for that"
        await house.pass_deadline(case_id)
        assert (await house.until(case_id, "closed")).refunded_minor == 1250
        assert decided(house, case_id, "order_insured")["answer"] == "insurer"
        assert decided(house, case_id, "refund_clock")["source"].startswith("law of CN")


async def test_worry_free_gives_a_member_five_free_labels_a_month_and_then_the_shopper_pays(shop: Shop) -> None:
    async with shop("worry_free") as house:
        order = await house.sell(1, country="CN")
        make(house, order, Tier.VIP)
        bearers = []
        for _ in range(6):
            order = await house.sell(1, country="CN", customer=order.customer_id)
            case_id = await ask(house, order, None)
            await house.until(case_id, "booked", "inspected", "settled", "awaited")
            bearers += [bearer for kind, bearer, _ in house.fees(case_id) if kind == "return_label"]
        assert bearers == ["platform"] * 5 + ["shopper"]
        assert decided(house, case_id, "no_fault_as_agreed")["answer"] == "shopper"


async def test_speedy_refunds_a_known_customer_when_the_courier_takes_the_goods(shop: Shop) -> None:
    async with shop("speedy") as house:
        order = await house.sell(1, price_minor=300_000, country="CN", currency="CNY")
        make(house, order, Tier.ADVANCED)
        case_id = await ask(house, order, method=Method.PICKUP)
        await house.until(case_id, "booked")
        assert house.provider_refunds(order) == []
        await house.scan(case_id, "picked_up")
        row = await house.until(case_id, "awaited")
        assert row.refunded_minor == 300_000
        assert [refund.status for refund in house.provider_refunds(order)] == ["succeeded"]
        assert [(kind, bearer) for kind, bearer, _ in house.fees(case_id)] == [("pickup", "platform")], (
            "free for the tier"
        )
        await house.receive(case_id)
        await house.inspect(case_id)
        await house.until(case_id, "closed")
        assert len(house.provider_refunds(order)) == 1, "paid once"
        waits = decided(house, case_id, "refund_trigger")
        assert waits["answer"] == "the carrier's first scan"
        assert value(waits, "refund") == "CNY 3000.00"


async def test_speedy_looks_first_above_the_ceiling_and_for_newcomers(shop: Shop) -> None:
    async with shop("speedy") as house:
        dear = await house.sell(1, price_minor=301_000, country="CN", currency="CNY")
        make(house, dear, Tier.VIP)
        new = await house.sell(1, price_minor=10_000, country="CN", currency="CNY")
        for order, waits_for in ((dear, "received"), (new, "inspection_passed")):
            case_id = await ask(house, order)
            await house.until(case_id, "booked")
            assert house.case(case_id).terms["limits"]["refund_trigger"] == waits_for
            await house.scan(case_id, "picked_up")
            await house.until(case_id, "in_transit")
            await house.until_idle(case_id)
            assert house.provider_refunds(order) == []


async def test_standard_global_refunds_small_sums_without_a_parcel(shop: Shop) -> None:
    async with shop("standard_global") as house:
        order = await house.sell(1, price_minor=2_500, country="US", currency="USD")
        case_id = await ask(house, order)
        row = await house.until(case_id, "closed")
        assert (row.refunded_minor, row.outcome) == (2_500, "refunded")
        assert house.bookings(case_id) == []
        assert decided(house, case_id, "returnless_ceiling")["answer"] == "nothing: the goods stay"


async def test_standard_global_refunds_at_the_first_scan_and_charges_the_card_when_goods_never_come(shop: Shop) -> None:
    async with shop("standard_global") as house:
        order = await house.sell(1, price_minor=6_000, country="US", currency="USD")
        case_id = await ask(house, order)
        await house.until(case_id, "booked")
        await house.scan(case_id, "picked_up")
        row = await house.until(case_id, "awaited")
        label = next(
            amount for kind, bearer, amount in house.fees(case_id) if (kind, bearer) == ("return_label", "shopper")
        )
        assert row.refunded_minor == 6_000 - label, "the label is deducted where nobody is at fault"
        assert row.due_at == end_of_day(house, case_id, house.clock_now(), 30)
        await house.pass_deadline(case_id)
        assert (await house.until(case_id, "closed")).outcome == "charged_back"


async def test_standard_global_refunds_four_days_after_delivery_when_the_seller_is_silent(shop: Shop) -> None:
    async with shop("standard_global") as house:
        order = await house.sell(1, price_minor=6_000, country="US", currency="USD")
        case_id = await ask(house, order)
        await house.until(case_id, "booked")
        await house.scan(case_id, "picked_up")
        await house.until(case_id, "awaited")
        await house.receive(case_id)
        assert house.case(case_id).due_at == end_of_day(house, case_id, house.clock_now(), 4)
        await house.pass_deadline(case_id)
        await house.until(case_id, "closed")
        assert len(house.provider_refunds(order)) == 1


async def test_mediated_asks_the_seller_then_the_platform_and_refunds_for_the_seller(shop: Shop) -> None:
    async with shop("mediated") as house:
        weeks_ago = house.clock_now() - timedelta(days=20)
        order = await house.sell(1, placed_at=weeks_ago, delivered_at=weeks_ago)
        case_id = await ask(house, order)
        row = house.case(case_id)
        assert (row.stage, row.due_owner, row.due_default) == ("referred", "merchant", "escalate")
        assert row.due_at == business_days_later(house, case_id, row.opened_at, 3)
        await house.pass_deadline(case_id)
        row = house.case(case_id)
        assert (row.stage, row.due_owner, row.due_default) == ("referred", "platform", "authorize")
        assert timedelta(hours=47) < row.due_at - house.clock_now() <= timedelta(hours=48)
        await house.pass_deadline(case_id)
        await house.until(case_id, "booked")
        await house.scan(case_id, "picked_up")
        await house.scan(case_id, "delivered")
        row = await eventually(lambda: row if (row := house.case(case_id)).due_owner == "warehouse" else None)
        assert row.stage == "in_transit"
        assert row.due_at == business_days_later(house, case_id, house.clock_now(), 2)
        await house.pass_deadline(case_id)
        row = await house.until(case_id, "closed")
        label = next(
            amount for kind, bearer, amount in house.fees(case_id) if (kind, bearer) == ("return_label", "shopper")
        )
        assert (row.refunded_minor, house.refund(case_id).ground) == (1250 - label, "as_declared")
        assert decided(house, case_id, "merchant_decides")["answer"] == "yes"


async def test_mediated_asks_nobody_where_a_right_is_exercised(shop: Shop) -> None:
    async with shop("mediated") as house:
        case_id = await ask(house, await house.sell(1, country="DE"))
        await house.until(case_id, "booked")
        assert decided(house, case_id, "merchant_decides")["answer"] == "no: a right is exercised, nobody is asked"


async def test_transparent_lets_the_merchant_decide_about_money_without_goods(shop: Shop) -> None:
    async with shop("transparent") as house:
        order = await house.sell(1, country="CN")
        case_id = await ask(house, order, None, resolution=Resolution.REFUND_ONLY)
        row = house.case(case_id)
        assert (row.stage, row.due_owner) == ("referred", "merchant")
        assert timedelta(hours=47) < row.due_at - house.clock_now() <= timedelta(hours=48)
        await house.pass_deadline(case_id)
        row = await house.until(case_id, "closed")
        assert (row.refunded_minor, row.outcome) == (1250, "refunded")
        assert house.bookings(case_id) == [], "nothing is sent back"
        assert decided(house, case_id, "refund_only")["answer"] in ("the merchant decides", "nothing: the goods stay")
        refused = await ask(house, await house.sell(1, country="CN"), None, resolution=Resolution.REFUND_ONLY)
        await house.desk.refuse(refused, MERCHANT, reason="the photograph shows another article")
        row = house.case(refused)
        assert row.outcome == "refused"
        assert "return.refused" in house.event_types(refused), "and the shopper sees each step"


async def test_timer_sheet_keeps_every_time_out_of_the_sheet(shop: Shop) -> None:
    async with shop("timer_sheet") as house:
        order = await house.sell(1, country="CN")
        case_id = await ask(house, order, ReturnReason.DEFECTIVE)
        row = house.case(case_id)
        assert (row.stage, row.due_owner) == ("referred", "merchant")
        assert timedelta(hours=47) < row.due_at - house.clock_now() <= timedelta(hours=48)
        await house.desk.authorize(case_id, MERCHANT)
        row = await house.until(case_id, "booked")
        assert row.due_at == end_of_day(house, case_id, house.clock_now(), 7, legal=True)
        await house.receive(case_id)
        assert house.case(case_id).due_at == end_of_day(house, case_id, house.clock_now(), 10)
        await house.pass_deadline(case_id)
        assert (await house.until(case_id, "closed")).refunded_minor == 1250
        refused = await ask(house, await house.sell(1, country="CN"), ReturnReason.DEFECTIVE)
        said = await house.desk.refuse(refused, MERCHANT, reason="it works on our bench")
        until = datetime.fromisoformat(said.body["appeal"]["until"])
        assert until == end_of_day(house, refused, house.clock_now(), 7, legal=True)
        await house.desk.appeal(refused, SHOP, reason="not at my home")
        row = house.case(refused)
        assert (row.stage, row.due_owner, row.due_default) == ("referred", "platform", "authorize")
        await house.desk.authorize(refused, OPERATOR, note="a second look: it is broken")
        await house.until(refused, "booked")


async def test_the_norm_reviews_in_a_day_and_is_done_in_three_working_days(shop: Shop) -> None:
    async with shop("norm_2025") as house:
        long_ago = house.clock_now() - timedelta(days=200)
        order = await house.sell(1, placed_at=long_ago, delivered_at=long_ago)
        make(house, order, Tier.VIP)
        case_id = await ask(house, order, ReturnReason.DEFECTIVE)
        row = house.case(case_id)
        assert (row.stage, row.due_owner) == ("referred", "merchant")
        assert row.due_at - row.opened_at == timedelta(hours=24), "for everybody alike"
        await house.pass_deadline(case_id)
        row = house.case(case_id)
        assert (row.due_owner, row.due_default) == ("platform", "authorize")
        await house.pass_deadline(case_id)
        await house.until(case_id, "booked")
        assert house.clock_now() - row.opened_at < timedelta(hours=73), "the third step of the ladder"
        received = house.clock_now()
        await house.receive(case_id)
        assert house.case(case_id).due_at == business_days_later(house, case_id, received, 2)
        assert house.case(case_id).terms["limits"]["refund"] == "1bd"
        await house.pass_deadline(case_id)
        row = await house.until(case_id, "closed")
        assert row.closed_at <= business_days_later(house, case_id, received, 3)


async def test_a_tier_that_changes_while_the_return_is_open_moves_no_deadline_of_it(shop: Shop) -> None:
    async with shop("standard") as house:
        order = await house.sell(1, price_minor=90_000)
        make(house, order, Tier.VIP)
        case_id = await ask(house, order)
        due = (await house.until(case_id, "booked")).due_at
        limits = house.case(case_id).terms["limits"]
        make(house, order, Tier.ENTRY)
        await house.receive(case_id)
        row = house.case(case_id)
        assert (row.tier, row.terms["limits"]) == ("VIP", limits)
        assert limits["inspection"] == "12h"
        assert row.due_at < due
        again = await ask(house, await house.sell(1, customer=order.customer_id))
        assert house.case(again).tier == "ENTRY"
