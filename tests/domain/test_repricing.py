"""Whole orders come back piece by piece: whatever was paid for and however it is split, all of it returns and nothing runs ahead.

Orders of every kind: several lines, discounts on lines and on the whole, taxes in the price and on top of it, delivery and other charges,
one to four tenders, currencies of no, two and three decimals; returned in any number of parts, in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from domain.charges import Charge, ChargeKind, DeliveryBack
from domain.money import split
from domain.order import Order, OrderLine, Tender, check_order
from domain.promotions import Promotion, PromotionKind, shared_over_lines
from domain.refund import RefundLine, RefundQuote, quote_refund
from domain.refund_terms import RefundTerms
from domain.repricing import LineBack, OrderedLine, OrderMoney, progress
from domain.tax import Tax
from domain.tenders import Spread, TenderRoom, spread_over_tenders
from tests.nightly import examples

RATES = (0, 55000, 70000, 88750, 190000, 200000, 255000)
METHODS = ("card", "gift_card", "points", "store_credit", "wallet", "bank", "cash")
ALL_BACK = RefundTerms(delivery=DeliveryBack.ALL)


@dataclass
class Books:
    """An order, and what has come back of it: what the database keeps, for a test that needs none."""

    order: Order
    units: dict[str, int] = field(default_factory=dict)
    minor: dict[str, int] = field(default_factory=dict)
    charges: dict[str, int] = field(default_factory=dict)
    tenders: dict[str, int] = field(default_factory=dict)
    taxes: dict[tuple[str, int], int] = field(default_factory=dict)

    def money(self) -> OrderMoney:
        lines = tuple(
            OrderedLine(
                line.id,
                line.quantity,
                line.price_minor,
                line.paid_minor,
                self.units.get(line.id, 0),
                self.minor.get(line.id, 0),
                0,
                line.taxes,
            )
            for line in self.order.lines
        )
        charges = tuple((charge, self.charges.get(charge.id, 0)) for charge in self.order.charges)
        return OrderMoney(self.order.id, lines, self.order.promotions, charges)

    def give_back(self, units: dict[str, int], terms: RefundTerms) -> RefundQuote:
        lines = [
            RefundLine(
                "o_1",
                line.id,
                units[line.id],
                line.quantity,
                line.paid_minor,
                self.units.get(line.id, 0),
                self.minor.get(line.id, 0),
                taxes=line.taxes,
            )
            for line in self.order.lines
            if units.get(line.id)
        ]
        quote = quote_refund(self.order.currency, lines, orders=[self.money()], by=terms)
        self._write(quote)
        return quote

    def _write(self, quote: RefundQuote) -> None:
        for line in quote.lines:
            self.units[line.order_line_id] = self.units.get(line.order_line_id, 0) + line.quantity
            self.minor[line.order_line_id] = self.minor.get(line.order_line_id, 0) + line.goods_minor
        for charge in quote.charges:
            self.charges[charge.charge_id] = self.charges.get(charge.charge_id, 0) + charge.amount_minor
        for tax in quote.taxes:
            self.taxes[tax.name, tax.rate_ppm] = self.taxes.get((tax.name, tax.rate_ppm), 0) + tax.tax_minor
        rooms = [
            TenderRoom(
                tender.order_id,
                tender.id,
                tender.method,
                tender.processor,
                tender.reference,
                tender.amount_minor,
                self.tenders.get(tender.id, 0),
            )
            for tender in self.order.tenders
        ]
        spread = spread_over_tenders(quote.total_minor, rooms)
        assert isinstance(spread, Spread), "the tenders have room for whatever is refunded"
        for part in spread.parts:
            self.tenders[part.tender_id] = self.tenders.get(part.tender_id, 0) + part.amount_minor


def charged_taxes(order: Order) -> dict[tuple[str, int], int]:
    sums: dict[tuple[str, int], int] = {}
    for tax in (*(tax for line in order.lines for tax in line.taxes), *(t for one in order.charges for t in one.taxes)):
        sums[tax.name, tax.rate_ppm] = sums.get((tax.name, tax.rate_ppm), 0) + tax.amount_minor
    return sums


@st.composite
def taxes(draw: st.DrawFn, price_minor: int) -> tuple[Tax, ...]:
    rates = draw(st.lists(st.sampled_from(RATES), max_size=2, unique=True))
    left, drawn = price_minor, []
    for number, rate in enumerate(rates):
        included = draw(st.booleans())
        amount = draw(st.integers(0, left if included else price_minor // 2))
        left -= amount if included else 0
        drawn.append(Tax(f"tax {number}", rate, amount, included))
    return tuple(drawn)


@st.composite
def promotions(draw: st.DrawFn, prices: dict[str, int]) -> tuple[Promotion, ...]:
    drawn: list[Promotion] = []
    for number in range(draw(st.integers(0, 2))):
        lines = tuple(draw(st.lists(st.sampled_from(sorted(prices)), unique=True)))
        whole = {line: price for line, price in prices.items() if not lines or line in lines}
        off = shared_over_lines(drawn, prices)
        left = sum(price - off[line] for line, price in whole.items())
        if not left:
            continue
        kind = draw(st.sampled_from(list(PromotionKind)))
        buy, free = (draw(st.integers(1, 4)), draw(st.integers(1, 3))) if kind is PromotionKind.BUY_GET else (0, 0)
        threshold = draw(st.integers(0, sum(whole.values())))
        drawn.append(
            Promotion(f"p_{number}", kind, draw(st.integers(1, left)), lines, draw(st.booleans()), threshold, buy, free)
        )
    return tuple(drawn)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    prices: list[OrderLine] = []
    for number in range(draw(st.integers(1, 5))):
        quantity, unit = draw(st.integers(1, 12)), draw(st.integers(0, 50_000))
        discount = draw(st.one_of(st.just(0), st.integers(0, quantity * unit), st.just(quantity * unit)))
        prices.append(OrderLine("o_1", f"l_{number}", "SKU", "goods", None, quantity, unit, discount))
    given_off = draw(promotions({line.id: line.price_minor for line in prices}))
    off = shared_over_lines(given_off, {line.id: line.price_minor for line in prices})
    lines = tuple(
        replace(line, order_discount_minor=off[line.id], taxes=draw(taxes(line.price_minor - off[line.id])))
        for line in prices
    )
    charges = []
    for number in range(draw(st.integers(0, 3))):
        kind, amount = draw(st.sampled_from(list(ChargeKind))), draw(st.integers(0, 9_999))
        surplus = draw(st.integers(0, amount)) if kind is ChargeKind.DELIVERY else 0
        line_id = draw(st.sampled_from([None, *(line.id for line in lines)]))
        charges.append(Charge("o_1", f"c_{number}", kind, amount, surplus, draw(taxes(amount)), line_id))
    total = sum(line.paid_minor for line in lines) + sum(charge.paid_minor for charge in charges)
    weights = draw(st.lists(st.integers(1, 100), min_size=1, max_size=4))
    tenders = tuple(
        Tender("o_1", f"t_{number}", draw(st.sampled_from(METHODS)), part, "simulated", f"pay_{number}")
        for number, part in enumerate(split(total, weights))
    )
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    placed = datetime(2026, 3, 2, tzinfo=UTC)
    order = Order(
        "o_1", "c_1", "DE", placed, placed, currency, lines, tenders, charges=tuple(charges), promotions=given_off
    )
    check_order(order)
    return order


@st.composite
def returned_in_parts(draw: st.DrawFn) -> tuple[Order, list[dict[str, int]]]:
    """An order, and all of its units in returns of some units each."""
    order = draw(orders())
    pieces: list[str] = draw(st.permutations([line.id for line in order.lines for _ in range(line.quantity)]))
    cuts = sorted(draw(st.lists(st.integers(0, len(pieces)), max_size=6)))
    parts = [pieces[start:end] for start, end in zip([0, *cuts], [*cuts, len(pieces)], strict=True)]
    return order, [{line: part.count(line) for line in set(part)} for part in parts if part]


def check_all_came_back(order: Order, parts: Sequence[dict[str, int]], terms: RefundTerms) -> None:
    books = Books(order)
    captured = sum(tender.amount_minor for tender in order.tenders)
    refunded = 0
    for units in parts:
        quote = books.give_back(units, terms)
        refunded += quote.total_minor
        assert quote.total_minor >= 0
        assert all(line.goods_minor >= 0 for line in quote.lines)
        assert sum(quote.per_order.values()) == quote.total_minor
        assert refunded <= captured, "nothing runs ahead of what was captured"
        assert all(books.minor[line.id] <= line.paid_minor for line in order.lines if line.id in books.minor)
    assert refunded == captured
    assert books.tenders == {tender.id: tender.amount_minor for tender in order.tenders if tender.amount_minor}
    assert {key: minor for key, minor in books.taxes.items() if minor} == {
        key: minor for key, minor in charged_taxes(order).items() if minor
    }


@settings(
    max_examples=examples(every_run=400, nightly=20_000), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(returned_in_parts())
def test_whatever_was_paid_comes_back_over_every_tender_and_with_every_tax(
    returned: tuple[Order, list[dict[str, int]]],
) -> None:
    order, parts = returned
    event(f"{len(parts)} parts, {len(order.promotions)} promotions")
    check_all_came_back(order, parts, ALL_BACK)


@settings(
    max_examples=examples(every_run=400, nightly=20_000), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(returned_in_parts())
def test_kept_goods_priced_again_come_to_the_same_in_the_end(
    returned: tuple[Order, list[dict[str, int]]],
) -> None:
    order, parts = returned
    check_all_came_back(order, parts, replace(ALL_BACK, reprice=True))


@pytest.mark.parametrize(
    ("returnable", "complete"),
    [
        pytest.param(None, False, id="the second unit is still with the shopper"),
        pytest.param(1, True, id="the second unit was exchanged, or never shipped, and cannot come back"),
    ],
)
def test_units_that_cannot_come_back_hold_nothing_up(returnable: int | None, complete: bool) -> None:
    line = OrderedLine("l_1", 2, 2000, 2000, 0, 0, 0, returnable=returnable)
    assert progress(OrderMoney("o_1", (line,)), {"l_1": LineBack(1, 1000, 0)}).complete is complete


@pytest.mark.parametrize("cost", [0, 490, 1290])
@pytest.mark.parametrize("delivery", DeliveryBack)
def test_what_the_delivery_cost_or_gives_back_does_not_change_what_the_goods_bring(
    cost: int, delivery: DeliveryBack
) -> None:
    line = OrderedLine("l_1", 2, 2000, 2000, 0, 0, 0)
    charge = Charge("o_1", "s_1", ChargeKind.DELIVERY, cost)
    order = OrderMoney("o_1", (line,), charges=((charge, 0),))
    asked = [RefundLine("o_1", "l_1", 2, 2, 2000, 0, 0)]
    quote = quote_refund("EUR", asked, orders=[order], by=RefundTerms(delivery=delivery))
    assert (quote.goods_minor, quote.charges_minor) == (2000, 0 if delivery is DeliveryBack.NONE else cost)
