"""An order that cannot be is refused by name, with a pointer to the field at fault."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import order as order_module
from domain.errors import Invalid
from domain.money import LARGEST_MINOR, UnknownCurrency
from domain.order import (
    LARGEST_QUANTITY,
    AmountNegative,
    AmountNotWhole,
    AmountTooLarge,
    DeliveredBeforePlaced,
    DiscountAbovePrice,
    DuplicateIdentifier,
    LineOfAnotherOrder,
    MissingIdentifier,
    MomentWithoutZone,
    NoOrderLines,
    Order,
    OrderLine,
    QuantityNotPositive,
    QuantityNotWhole,
    QuantityTooLarge,
    TendersDoNotSum,
    check_order,
)
from tests.builders import a_tender, an_order, an_order_line


def an_order_of(*lines: OrderLine) -> Order:
    return an_order(lines=lines, tenders=(a_tender(amount_minor=0),))


def test_a_valid_order_passes() -> None:
    check_order(an_order())


def test_a_guest_and_an_undelivered_order_pass() -> None:
    check_order(an_order(customer_id=None, delivered_at=None))


def test_a_free_order_passes_without_any_tender() -> None:
    check_order(an_order(lines=(an_order_line(unit_price_minor=0),), tenders=()))


def test_a_fully_discounted_line_passes() -> None:
    check_order(an_order(lines=(an_order_line(discount_minor=12000),)))


def test_a_line_costs_its_units_less_its_discount() -> None:
    assert an_order_line(quantity=10, unit_price_minor=8250, discount_minor=12375).paid_minor == 70125


def test_the_builder_carries_another_order_id_into_lines_and_tenders() -> None:
    check_order(an_order(id="o_2"))


QUANTITIES = [
    (0, QuantityNotPositive),
    (-1, QuantityNotPositive),
    (0.5, QuantityNotWhole),
    (1.0, QuantityNotWhole),
    (float("nan"), QuantityNotWhole),
    (True, QuantityNotWhole),
    ("1", QuantityNotWhole),
    (None, QuantityNotWhole),
    (Decimal(1), QuantityNotWhole),
    (Fraction(1), QuantityNotWhole),
    (LARGEST_QUANTITY + 1, QuantityTooLarge),
]


@pytest.mark.parametrize(("quantity", "error"), QUANTITIES, ids=lambda value: getattr(value, "code", repr(value)))
def test_a_quantity_is_a_positive_whole_number(quantity: object, error: type[Invalid]) -> None:
    # A line priced at zero, so that the quantity alone is at fault.
    lines = (an_order_line(), an_order_line(id="l_2", quantity=quantity, unit_price_minor=0))
    with pytest.raises(error) as refusal:
        check_order(an_order_of(*lines))
    assert refusal.value.pointer == "/lines/1/quantity"


AMOUNTS = [
    (-1, AmountNegative),
    (0.5, AmountNotWhole),
    (True, AmountNotWhole),
    ("100", AmountNotWhole),
    (LARGEST_MINOR, AmountTooLarge),
    (10**30, AmountTooLarge),
]


@pytest.mark.parametrize(("field", "name"), [("unit_price_minor", "unit_price"), ("discount_minor", "discount")])
@pytest.mark.parametrize(("amount", "error"), AMOUNTS, ids=lambda value: getattr(value, "code", repr(value)))
def test_prices_and_discounts_are_whole_and_not_negative(
    field: str, name: str, amount: object, error: type[Invalid]
) -> None:
    with pytest.raises(error) as refusal:
        check_order(an_order_of(an_order_line(**{field: amount})))
    assert refusal.value.pointer == f"/lines/0/{name}"


@pytest.mark.parametrize(("amount", "error"), AMOUNTS, ids=lambda value: getattr(value, "code", repr(value)))
def test_tenders_are_whole_and_not_negative(amount: object, error: type[Invalid]) -> None:
    with pytest.raises(error) as refusal:
        check_order(an_order(tenders=(a_tender(), a_tender(id="t_2", amount_minor=amount))))
    assert refusal.value.pointer == "/tenders/1/amount"


def test_many_units_of_a_high_price_are_too_large_together() -> None:
    with pytest.raises(AmountTooLarge) as refusal:
        check_order(an_order_of(an_order_line(quantity=1000, unit_price_minor=LARGEST_MINOR - 1)))
    assert refusal.value.pointer == "/lines/0/unit_price"


def test_many_large_lines_are_too_large_together() -> None:
    lines = [an_order_line(id=f"l_{number}", unit_price_minor=LARGEST_MINOR - 1) for number in (1, 2)]
    with pytest.raises(AmountTooLarge) as refusal:
        check_order(an_order_of(*lines))
    assert refusal.value.pointer == "/lines"


def test_a_discount_cannot_exceed_the_price_of_its_line() -> None:
    with pytest.raises(DiscountAbovePrice) as refusal:
        check_order(an_order(lines=(an_order_line(quantity=2, discount_minor=24001),)))
    assert refusal.value.pointer == "/lines/0/discount"
    assert "EUR 240.00" in refusal.value.detail


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency) as refusal:
        check_order(an_order(currency="EURO"))
    assert refusal.value.pointer == "/currency"


@pytest.mark.parametrize("off_by", [-1, 1], ids=["too little", "too much"])
def test_the_tenders_add_up_to_the_lines(off_by: int) -> None:
    with pytest.raises(TendersDoNotSum) as refusal:
        check_order(an_order(tenders=(a_tender(amount_minor=15000 + off_by),)))
    assert refusal.value.pointer == "/tenders"
    assert refusal.value.facts == {"tenders_minor": 15000 + off_by, "lines_minor": 15000}


def test_an_order_without_tenders_was_not_paid() -> None:
    with pytest.raises(TendersDoNotSum):
        check_order(an_order(tenders=()))


def test_an_order_has_lines() -> None:
    with pytest.raises(NoOrderLines) as refusal:
        check_order(an_order(lines=()))
    assert refusal.value.pointer == "/lines"


def test_line_identifiers_are_used_once() -> None:
    with pytest.raises(DuplicateIdentifier) as refusal:
        check_order(an_order(lines=(an_order_line(), an_order_line(id="l_2"), an_order_line())))
    assert refusal.value.pointer == "/lines/2/id"


def test_tender_identifiers_are_used_once() -> None:
    with pytest.raises(DuplicateIdentifier) as refusal:
        check_order(an_order(tenders=(a_tender(), a_tender(amount_minor=5000))))
    assert refusal.value.pointer == "/tenders/1/id"


@pytest.mark.parametrize(
    ("vary", "pointer"),
    [
        ({"lines": (an_order_line(order_id="o_9"),)}, "/lines/0"),
        ({"tenders": (a_tender(), a_tender(id="t_2", order_id="o_9", amount_minor=5000))}, "/tenders/1"),
    ],
    ids=["line", "tender"],
)
def test_a_line_or_tender_of_another_order_is_refused(vary: dict[str, Any], pointer: str) -> None:
    with pytest.raises(LineOfAnotherOrder) as refusal:
        check_order(an_order(**vary))
    assert refusal.value.pointer == pointer


@pytest.mark.parametrize(
    ("order", "pointer"),
    [
        (an_order(id=""), "/id"),
        (an_order(lines=(an_order_line(id=" "),)), "/lines/0/id"),
        (an_order(lines=(an_order_line(sku=""),)), "/lines/0/sku"),
        (an_order(tenders=(a_tender(id="", amount_minor=15000),)), "/tenders/0/id"),
    ],
    ids=["order", "line", "sku", "tender"],
)
def test_nothing_goes_without_its_identifier(order: Order, pointer: str) -> None:
    with pytest.raises(MissingIdentifier) as refusal:
        check_order(order)
    assert refusal.value.pointer == pointer


@pytest.mark.parametrize("field", ["placed_at", "delivered_at"])
def test_a_moment_without_a_zone_is_refused(field: str) -> None:
    with pytest.raises(MomentWithoutZone) as refusal:
        check_order(an_order(**{field: datetime(2026, 3, 4)}))  # noqa: DTZ001 - the subject of the test
    assert refusal.value.pointer == f"/{field}"


def test_nothing_is_delivered_before_it_is_ordered() -> None:
    with pytest.raises(DeliveredBeforePlaced) as refusal:
        check_order(an_order(delivered_at=datetime(2026, 3, 1, tzinfo=UTC)))
    assert refusal.value.pointer == "/delivered_at"


def test_every_refusal_has_a_code_of_its_own_and_says_what_to_do() -> None:
    errors = [error for error in vars(order_module).values() if isinstance(error, type) and issubclass(error, Invalid)]
    named = [error for error in errors if error is not Invalid]
    assert len({error.code for error in named}) == len(named) > 10
    assert all(error.next_action and error.next_action != Invalid.next_action for error in named)


@given(
    lines=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 10**6), st.integers(0, 100)), min_size=1, max_size=8),
    data=st.data(),
)
def test_any_order_paid_in_full_by_any_tenders_passes(lines: list[tuple[int, int, int]], data: st.DataObject) -> None:
    sold = tuple(
        an_order_line(
            id=f"l_{number}", quantity=units, unit_price_minor=price, discount_minor=units * price * percent // 100
        )
        for number, (units, price, percent) in enumerate(lines)
    )
    paid = sum(line.paid_minor for line in sold)
    by_card = data.draw(st.integers(0, paid))
    check_order(
        an_order(lines=sold, tenders=(a_tender(amount_minor=by_card), a_tender(id="t_2", amount_minor=paid - by_card)))
    )
