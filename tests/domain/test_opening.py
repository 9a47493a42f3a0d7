"""Opening a return: what is asked, what was sold, and the whole answer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.eligibility import Verdict
from domain.errors import BoomerangError
from domain.fees import Bearer
from domain.market import market_of
from domain.money import CurrencyMismatch
from domain.opening import (
    NO_HISTORY,
    Judgement,
    LineNotInOrder,
    LineNotNamed,
    NoLines,
    OrdersOfSeveralCurrencies,
    RequestedLine,
    ReturnRequest,
    Setting,
    judge,
    risk_of,
)
from domain.order import QuantityNotPositive, QuantityNotWhole, SoldLine
from domain.reasons import ReturnReason
from domain.refund import LineNamedTwice, MoreThanIsLeft, RefundLine, quote_refund
from domain.risk import ReturnHistory
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book
from policies.calendars import calendar_of
from tests.builders import an_order_line

BOOK = load_policy_book()
STANDARD = BOOK.programme("standard")
PLACED = datetime(2026, 3, 2, 10, tzinfo=UTC)
DELIVERED = datetime(2026, 3, 5, 15, tzinfo=UTC)


def sold(*, claimed: int = 0, refunded: int = 0, refunded_minor: int = 0, **vary: Any) -> SoldLine:
    """One dress from Germany, delivered, nothing come back; words of the order line vary the order line."""
    of_order = {name: vary.pop(name) for name in ("currency", "placed_at", "delivered_at") if name in vary}
    line = SoldLine(
        line=an_order_line(**vary),
        currency="EUR",
        market="DE",
        customer_id="c_1",
        placed_at=PLACED,
        delivered_at=DELIVERED,
        claimed=claimed,
        refunded=refunded,
        refunded_minor=refunded_minor,
    )
    return replace(line, **of_order)


def belt(**vary: Any) -> SoldLine:
    return sold(**{"id": "l_2", "sku": "BELT", "description": "Leather belt", "unit_price_minor": 3000, **vary})


def line(**vary: Any) -> RequestedLine:
    asked = RequestedLine(1, ReturnReason.CHANGED_MIND, order_line_id="l_1")
    return replace(asked, **vary)


def of_sku(sku: str = "DRESS-38", quantity: int = 1, **vary: Any) -> RequestedLine:
    return line(order_line_id=None, sku=sku, quantity=quantity, **vary)


def answer(
    *lines: RequestedLine,
    to: tuple[SoldLine, ...] = (),
    order_id: str | None = "o_1",
    days: int = 2,
    country: str = "DE",
    tier: Tier = Tier.ENTRY,
    policy: dict[str, Any] | None = None,
    history: ReturnHistory = NO_HISTORY,
    **vary: Any,
) -> Judgement:
    """The judgement on a request of these lines, two days after delivery, about the dress and the belt unless others are named."""
    programme, market = replace(STANDARD, **(policy or {})), market_of(BOOK, country)
    calendar = calendar_of(country, date(2026, 1, 1), moves=True, days=1200)
    risk = risk_of(history, programme, tier)
    terms = terms_for(programme, market, tier, benefits=not risk.ends_benefits)
    return judge(
        ReturnRequest(lines=lines, order_id=order_id, customer_id="c_1", **vary),
        sold=to or (sold(), belt()),
        by=Setting(programme, terms, market, calendar, calendar, BOOK.rates, history, risk),
        at=DELIVERED + timedelta(days=days),
        currency="USD",
    )


# --- with an order number ----------------------------------------------------------------------------------------------------


def test_a_dress_that_is_not_wanted_may_come_back_at_the_price_paid() -> None:
    judged = answer(line())

    assert (judged.verdict, judged.currency, judged.quote.total_minor) == (Verdict.ELIGIBLE, "EUR", 12000)
    assert [(one.sku, one.quantity, one.verdict, one.grounds) for one in judged.lines] == [
        ("DRESS-38", 1, Verdict.ELIGIBLE, ())
    ]


def test_a_line_may_be_named_by_its_sku_where_that_is_the_only_one() -> None:
    judged = answer(of_sku("BELT"))

    assert judged.lines[0].sold == belt()


@pytest.mark.parametrize(
    ("lines", "error", "pointer"),
    [
        pytest.param((), NoLines, "/lines", id="no lines"),
        pytest.param((line(quantity=0),), QuantityNotPositive, "/lines/0/quantity", id="zero"),
        pytest.param((line(), of_sku("BELT", -1)), QuantityNotPositive, "/lines/1/quantity", id="negative"),
        pytest.param((line(quantity=0.5),), QuantityNotWhole, "/lines/0/quantity", id="half a dress"),
        pytest.param((line(quantity=True),), QuantityNotWhole, "/lines/0/quantity", id="true"),
        pytest.param((line(quantity=2),), MoreThanIsLeft, "/lines/0/quantity", id="more than was bought"),
        pytest.param((line(order_line_id="l_9"),), LineNotInOrder, "/lines/0/order_line_id", id="another order's line"),
        pytest.param((line(), of_sku("HAT")), LineNotInOrder, "/lines/1/order_line_id", id="a SKU not in the order"),
        pytest.param((line(), line()), LineNamedTwice, "/lines/1/order_line_id", id="twice"),
        pytest.param((line(), of_sku()), LineNamedTwice, "/lines/1/order_line_id", id="twice, once by its SKU"),
        pytest.param((line(order_line_id=None),), LineNotNamed, "/lines/0/order_line_id", id="not named"),
    ],
)
def test_a_request_that_cannot_be_right_points_to_the_field(
    lines: tuple[RequestedLine, ...], error: type[BoomerangError], pointer: str
) -> None:
    with pytest.raises(error) as caught:
        answer(*lines)

    assert caught.value.pointer == pointer


def test_a_sku_that_stands_in_two_lines_must_be_named_by_its_line() -> None:
    with pytest.raises(LineNotNamed, match="several lines"):
        answer(of_sku(), to=(sold(), sold(id="l_3")))


def test_units_in_other_returns_count_as_gone_and_the_answer_says_how_many_are_left() -> None:
    with pytest.raises(MoreThanIsLeft) as caught:
        answer(line(quantity=2), to=(sold(quantity=3, claimed=2),))

    assert caught.value.facts == {"asked": 2, "left": 1}


def test_goods_outside_the_window_are_refused_with_the_ground() -> None:
    judged = answer(line(), days=300)

    assert (judged.verdict, judged.lines[0].grounds) == (Verdict.REFUSED, ("outside_window",))
    assert judged.quote.total_minor == 0


def test_refused_lines_stay_behind_while_the_others_come_back() -> None:
    judged = answer(line(), line(order_line_id="l_2"), policy={"not_goods_skus": frozenset({"BELT"})})

    assert [one.verdict for one in judged.lines] == [Verdict.ELIGIBLE, Verdict.REFUSED]
    assert (judged.verdict, judged.quote.total_minor) == (Verdict.ELIGIBLE, 12000)


def test_one_line_that_needs_a_person_refers_the_whole_return() -> None:
    judged = answer(line(), line(order_line_id="l_2"), policy={"refer_above_minor": {"EUR": 5000}})

    assert [one.verdict for one in judged.lines] == [Verdict.REFERRED, Verdict.ELIGIBLE]
    assert (judged.verdict, judged.quote.total_minor) == (Verdict.REFERRED, 15000)


def test_a_note_of_the_shopper_stays_with_its_line() -> None:
    assert answer(line(note="A button is missing.")).lines[0].note == "A button is missing."


# --- without an order number -------------------------------------------------------------------------------------------------


def purchases() -> tuple[SoldLine, ...]:
    """Two units in March at EUR 120, three in February at EUR 100, of which one has come back."""
    february = PLACED - timedelta(days=20)
    return (
        sold(order_id="o_march", quantity=2, delivered_at=None),
        sold(
            order_id="o_february",
            quantity=3,
            unit_price_minor=10000,
            claimed=1,
            refunded=1,
            refunded_minor=10000,
            placed_at=february,
            delivered_at=None,
        ),
    )


def matched(*lines: RequestedLine, **vary: Any) -> Judgement:
    given = {"order_id": None, "to": purchases(), "policy": {"return_window_days": 400}, **vary}
    return answer(*lines, **given)


def parts(judged: Judgement) -> list[tuple[str | None, int, str | None]]:
    return [
        (one.sold.line.order_id if one.sold else None, one.quantity, one.grounds[0] if one.grounds else None)
        for one in judged.lines
    ]


def test_units_come_from_the_oldest_purchase_first_and_are_split_over_purchases() -> None:
    judged = matched(of_sku(quantity=3))

    assert parts(judged) == [("o_february", 2, None), ("o_march", 1, None)]
    assert judged.quote.per_order == {"o_february": 20000, "o_march": 12000}


def test_units_beyond_what_was_bought_are_refused_and_the_others_come_back() -> None:
    judged = matched(of_sku(quantity=6))

    assert parts(judged) == [
        ("o_february", 2, None),
        ("o_march", 2, None),
        (None, 2, "QUANTITY_EXCEEDS_EARLIER_PURCHASES"),
    ]
    assert (judged.verdict, judged.quote.total_minor) == (Verdict.ELIGIBLE, 44000)


def test_two_lines_of_one_sku_do_not_take_the_same_units() -> None:
    judged = matched(of_sku(quantity=2), of_sku(quantity=2))

    assert parts(judged) == [("o_february", 2, None), ("o_march", 2, None)]
    assert judged.quote.total_minor == 44000


def test_two_lines_that_share_a_purchase_are_refunded_as_one() -> None:
    judged = matched(of_sku(quantity=1), of_sku(quantity=1))

    assert parts(judged) == [("o_february", 1, None), ("o_february", 1, None)]
    assert [quoted.quantity for quoted in judged.quote.lines] == [2]


def test_what_was_never_bought_is_refused_in_the_currency_of_the_house() -> None:
    judged = matched(of_sku("HAT"))

    assert (judged.verdict, judged.currency) == (Verdict.REFUSED, "USD")
    assert parts(judged) == [(None, 1, "ITEM_NEVER_PURCHASED_IN_DATA")]


def test_units_without_a_purchase_may_be_referred_by_the_programme() -> None:
    policy = {"return_window_days": 400, "refer_unmatched": frozenset({"ITEM_NEVER_PURCHASED_IN_DATA"})}

    assert matched(of_sku("HAT"), policy=policy).verdict is Verdict.REFERRED


def test_without_an_order_number_a_line_needs_its_sku() -> None:
    with pytest.raises(LineNotNamed) as caught:
        matched(of_sku(), line())

    assert caught.value.pointer == "/lines/1/sku"


@given(quantities=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_no_unit_is_lost_and_none_is_given_twice(quantities: list[int]) -> None:
    judged = matched(*[of_sku(quantity=quantity) for quantity in quantities])
    taken = {
        order: sum(quantity for one, quantity, _ in parts(judged) if one == order)
        for order in ("o_february", "o_march")
    }

    assert sum(one.quantity for one in judged.lines) == sum(quantities)
    assert taken["o_february"] <= 2
    assert taken["o_march"] <= 2
    assert judged.quote.total_minor == taken["o_february"] * 10000 + taken["o_march"] * 12000


# --- currency ----------------------------------------------------------------------------------------------------------------


def test_goods_paid_in_two_currencies_come_back_in_two_returns() -> None:
    march, february = purchases()

    with pytest.raises(OrdersOfSeveralCurrencies, match="EUR, USD") as caught:
        matched(of_sku(quantity=3), to=(march, replace(february, currency="USD")))

    assert caught.value.pointer == "/lines"


def test_a_currency_that_is_not_the_orders_is_refused() -> None:
    with pytest.raises(CurrencyMismatch) as caught:
        answer(line(), currency="USD")

    assert (caught.value.pointer, caught.value.facts["order_currency"]) == ("/currency", "EUR")


def test_the_orders_own_currency_may_be_named() -> None:
    assert answer(line(), currency="EUR").currency == "EUR"


# --- freight -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reasons", "bearer"),
    [
        pytest.param((ReturnReason.DEFECTIVE,), Bearer.MERCHANT, id="the merchant's fault"),
        pytest.param((ReturnReason.DAMAGED_IN_TRANSIT,), Bearer.CARRIER, id="the carrier's fault"),
        pytest.param((ReturnReason.DUPLICATE_ORDER,), Bearer.PLATFORM, id="the platform's fault"),
        pytest.param(
            (ReturnReason.CHANGED_MIND, ReturnReason.DEFECTIVE), Bearer.MERCHANT, id="one defective piece spares her"
        ),
        pytest.param(
            (ReturnReason.NOT_COLLECTED, ReturnReason.DAMAGED_IN_TRANSIT),
            Bearer.CARRIER,
            id="the fault that spares her",
        ),
    ],
)
def test_the_worst_fault_of_the_lines_decides_who_bears_the_freight(
    reasons: tuple[ReturnReason, ...], bearer: Bearer
) -> None:
    lines = [line(order_line_id=f"l_{number}", reason=reason) for number, reason in enumerate(reasons, start=1)]

    assert answer(*lines).freight.bearer is bearer


def test_a_programme_that_bears_all_bears_the_freight_of_a_changed_mind() -> None:
    assert answer(line(), policy={"bears_all": True}).freight.bearer is Bearer.MERCHANT


def test_the_law_of_the_market_decides_when_nobody_is_at_fault() -> None:
    judged = answer(line(), country="US")

    assert judged.freight.rule.startswith("no_fault_")
    assert "US" in judged.freight.source


# --- quote and explanation ---------------------------------------------------------------------------------------------------


@given(
    units=st.integers(1, 9),
    price=st.integers(1, 9999),
    discount=st.integers(0, 9999),
    data=st.data(),
)
def test_the_quote_is_what_the_refund_rule_says_of_the_same_units(
    units: int, price: int, discount: int, data: st.DataObject
) -> None:
    before = data.draw(st.integers(0, units - 1), label="units refunded before")
    asked = data.draw(st.integers(1, units - before), label="units asked")
    discount = min(discount, units * price)
    dresses = sold(quantity=units, unit_price_minor=price, discount_minor=discount, claimed=before, refunded=before)

    judged = answer(line(quantity=asked), to=(dresses,))

    paid = units * price - discount
    rule = quote_refund("EUR", [RefundLine("o_1", "l_1", asked, units, paid, before, 0)])
    assert judged.quote == rule


def test_asking_twice_gets_the_same_answer() -> None:
    assert answer(line()) == answer(line())


def test_the_three_checks_come_first_and_the_verdict_last() -> None:
    rules = [decision.rule for decision in answer(line()).explanation]

    assert rules[:3] == ["check_order", "check_logistics", "check_problem"]
    assert rules[-1] == "worst_line_that_can_come"


def test_a_delivery_that_is_not_on_record_is_said_to_be_so() -> None:
    judged = answer(line(), to=(sold(delivered_at=None),))

    assert next(one.answer for one in judged.explanation if one.rule == "check_logistics") == "not on record"


def test_every_answer_names_its_rule_and_its_source() -> None:
    for judged in (answer(line()), answer(line(), days=300), matched(of_sku(quantity=6))):
        assert all(one.question and one.answer and one.rule and one.source for one in judged.explanation)


LATE: dict[str, Any] = {"days": 70, "country": "HK", "tier": Tier.VIP}


def test_goods_after_the_window_alone_are_paid_as_store_credit_and_it_is_said_why() -> None:
    judged = answer(line(), **LATE)

    assert (judged.verdict, judged.refund_as) == (Verdict.REFERRED, "store_credit")
    said = [one for one in judged.explanation if one.question == "How is the refund paid?"]
    assert [one.answer for one in said] == [
        "as store credit, because the goods come back after the return window",
    ]


def test_goods_in_time_beside_late_ones_are_owed_money_and_then_all_is_paid_in_it() -> None:
    in_time = belt(delivered_at=DELIVERED + timedelta(days=60))
    judged = answer(line(), line(order_line_id="l_2"), to=(sold(), in_time), **LATE)

    assert [one.grounds for one in judged.lines] == [("store_credit_only",), ()]
    assert judged.refund_as == ""


def test_goods_that_are_in_time_go_back_over_their_tenders() -> None:
    assert answer(line()).refund_as == ""
