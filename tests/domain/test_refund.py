"""The refund rule: any sequence of partial returns adds up to what was paid; fees take the refund to zero at most."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.fees import Bearer, FeeKind
from domain.money import CurrencyMismatch, UnknownCurrency
from domain.order import AmountNegative, AmountTooLarge, QuantityNotPositive, QuantityNotWhole
from domain.refund import LineNamedTwice, MoreThanIsLeft, NotForTheShopper, quote_refund
from tests.builders import a_fee, a_refund_line


def refunds_of(paid_minor: int, parts: list[int], currency: str = "EUR") -> list[int]:
    """Return a line in these parts, one after another, as the engine does: each quote knows what went before."""
    refunds: list[int] = []
    for number, units in enumerate(parts):
        line = a_refund_line(
            quantity=units,
            line_quantity=sum(parts),
            paid_minor=paid_minor,
            refunded_units_before=sum(parts[:number]),
            refunded_minor_before=sum(refunds),
        )
        refunds.append(quote_refund(currency, [line]).total_minor)
    return refunds


partitions = st.lists(st.integers(1, 40), min_size=1, max_size=12)
payments = st.integers(0, 10**11)


@given(paid_minor=payments, parts=partitions)
def test_any_sequence_of_partial_returns_adds_up_to_what_was_paid(paid_minor: int, parts: list[int]) -> None:
    refunds = refunds_of(paid_minor, parts)
    assert sum(refunds) == paid_minor
    assert all(refund >= 0 for refund in refunds)
    assert all(sum(refunds[:count]) <= paid_minor for count in range(len(refunds)))


@given(paid_minor=payments, parts=partitions, data=st.data())
def test_the_same_parts_in_another_order_add_up_to_the_same(
    paid_minor: int, parts: list[int], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(parts))
    assert sum(refunds_of(paid_minor, parts)) == sum(refunds_of(paid_minor, shuffled)) == paid_minor


@given(paid_minor=payments, parts=partitions)
def test_no_return_runs_ahead_of_its_units_nor_a_minor_unit_behind(paid_minor: int, parts: list[int]) -> None:
    refunds = refunds_of(paid_minor, parts)
    for count in range(1, len(parts) + 1):
        due = Fraction(paid_minor * sum(parts[:count]), sum(parts))
        assert 0 <= due - sum(refunds[:count]) < 1


@given(paid_minor=payments, parts=partitions)
def test_one_return_of_all_equals_returns_one_by_one(paid_minor: int, parts: list[int]) -> None:
    assert refunds_of(paid_minor, [sum(parts)]) == [paid_minor]
    assert sum(refunds_of(paid_minor, [1] * sum(parts))) == paid_minor


@given(
    goods=st.lists(st.tuples(st.sampled_from(["o_1", "o_2", "o_3"]), payments), max_size=6),
    fees=st.lists(st.integers(0, 10**9), max_size=4),
)
def test_a_quote_always_adds_up(goods: list[tuple[str, int]], fees: list[int]) -> None:
    lines = [
        a_refund_line(order_id=order_id, order_line_id=f"l_{number}", paid_minor=paid)
        for number, (order_id, paid) in enumerate(goods)
    ]
    quote = quote_refund("EUR", lines, [a_fee(amount_minor=fee) for fee in fees])
    assert quote.goods_minor == sum(paid for _, paid in goods) == sum(line.goods_minor for line in quote.lines)
    assert quote.total_minor == quote.goods_minor - quote.deducted_minor == sum(quote.per_order.values())
    assert quote.deducted_minor == min(sum(fees), quote.goods_minor)
    assert quote.deducted_minor + sum(fee.amount_minor for fee in quote.absorbed) == sum(fees)
    for order_id, minor in quote.per_order.items():
        assert 0 <= minor <= sum(paid for of, paid in goods if of == order_id)


@pytest.mark.parametrize(
    "parts",
    [[10], [1] * 10, [3, 3, 4], [4, 3, 3], [9, 1], [1, 9], [2, 5, 3]],
    ids=lambda parts: "+".join(map(str, parts)),
)
def test_ten_units_at_82_50_less_15_percent_come_back_to_the_cent(parts: list[int]) -> None:
    refunds = refunds_of(70125, parts)  # 10 x 82.50 less 15 %: 70.125 a unit, which no unit can be refunded exactly
    assert sum(refunds) == 70125
    assert all(abs(refund - units * Fraction(70125, 10)) < 1 for refund, units in zip(refunds, parts, strict=True))


def test_three_units_of_ten_euros_do_not_lose_a_cent() -> None:
    assert refunds_of(1000, [1, 1, 1]) == [333, 333, 334]


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_minor_units_are_whole_in_every_currency(currency: str) -> None:
    assert refunds_of(1000, [1, 2], currency) == [333, 667]


def test_yen_and_dinar_read_with_their_own_digits() -> None:
    assert quote_refund("JPY", [a_refund_line()]).explanation[0].answer == "JPY 12000"
    assert quote_refund("KWD", [a_refund_line()]).explanation[0].answer == "KWD 12.000"


def test_a_line_that_was_free_comes_back_for_nothing() -> None:
    quote = quote_refund("EUR", [a_refund_line(paid_minor=0, quantity=2, line_quantity=3)])
    assert quote.total_minor == 0
    assert quote.explanation[0].answer == "EUR 0.00"


def test_of_a_free_order_nothing_comes_back_and_the_fee_falls_to_the_merchant() -> None:
    quote = quote_refund("EUR", [a_refund_line(paid_minor=0)], [a_fee()])
    assert quote.per_order == {"o_1": 0}
    assert quote.deductions == ()
    assert [(fee.amount_minor, fee.bearer) for fee in quote.absorbed] == [(490, Bearer.MERCHANT)]


def test_nothing_accepted_is_a_quote_of_nothing() -> None:
    quote = quote_refund("EUR", [])
    assert (quote.goods_minor, quote.total_minor, quote.per_order, quote.explanation) == (0, 0, {}, ())


def test_a_shopper_fee_is_deducted_and_named_with_its_source() -> None:
    quote = quote_refund("EUR", [a_refund_line()], [a_fee(amount_minor=490)])
    assert (quote.goods_minor, quote.deducted_minor, quote.total_minor) == (12000, 490, 11510)
    deduction = quote.explanation[1]
    assert deduction.answer == "yes, EUR 4.90"
    assert deduction.rule == "no_fault_shopper_informed"
    assert deduction.source == "Directive 2011/83/EU, art. 14(1)"


def test_a_fee_larger_than_the_refund_is_capped_and_the_cap_explained() -> None:
    quote = quote_refund("EUR", [a_refund_line(paid_minor=300)], [a_fee(amount_minor=490)])
    assert (quote.deducted_minor, quote.total_minor) == (300, 0)
    assert [(fee.amount_minor, fee.bearer) for fee in quote.absorbed] == [(190, Bearer.MERCHANT)]
    cap = quote.explanation[-1]
    assert cap.rule == "fee_above_refund"
    assert cap.answer == "EUR 1.90, borne by the merchant"
    assert ("goods", "EUR 3.00") in cap.inputs


def test_fees_are_deducted_in_the_order_given_until_nothing_is_left() -> None:
    fees = [a_fee(amount_minor=200), a_fee(kind=FeeKind.INSPECTION, amount_minor=200)]
    quote = quote_refund("EUR", [a_refund_line(paid_minor=300)], fees)
    assert [(fee.kind, fee.amount_minor) for fee in quote.deductions] == [
        (FeeKind.RETURN_LABEL, 200),
        (FeeKind.INSPECTION, 100),
    ]
    assert [(fee.kind, fee.amount_minor) for fee in quote.absorbed] == [(FeeKind.INSPECTION, 100)]


def test_a_fee_is_shared_by_the_orders_in_proportion_to_their_goods() -> None:
    lines = [a_refund_line(paid_minor=9000), a_refund_line(order_id="o_2", paid_minor=3000)]
    assert quote_refund("EUR", lines, [a_fee(amount_minor=401)]).per_order == {"o_1": 8699, "o_2": 2900}


def test_every_line_is_explained_with_what_the_rule_looked_at() -> None:
    line = a_refund_line(
        quantity=3, line_quantity=10, paid_minor=70125, refunded_units_before=2, refunded_minor_before=14025
    )
    (decision,) = quote_refund("EUR", [line]).explanation
    assert decision.question == "What comes back for 3 of 10 units of line l_1?"
    assert decision.answer == "EUR 210.37"
    assert decision.rule == "price_paid"
    assert dict(decision.inputs) == {
        "order": "o_1",
        "paid for the line": "EUR 701.25",
        "units refunded before": "2",
        "refunded before": "EUR 140.25",
    }


def test_goodwill_given_before_is_never_paid_twice() -> None:
    line = a_refund_line(line_quantity=2, paid_minor=12000, refunded_units_before=1, refunded_minor_before=11000)
    quote = quote_refund("EUR", [line])
    assert quote.total_minor == 1000
    assert quote.explanation[0].rule == "limited_to_what_is_left"


def test_more_refunded_before_than_paid_leaves_nothing_rather_than_a_debt() -> None:
    assert quote_refund("EUR", [a_refund_line(line_quantity=2, refunded_minor_before=13000)]).total_minor == 0


@pytest.mark.parametrize(("before", "quantity"), [(0, 11), (10, 1), (7, 4)])
def test_more_units_than_are_left_are_refused(before: int, quantity: int) -> None:
    line = a_refund_line(quantity=quantity, line_quantity=10, refunded_units_before=before)
    with pytest.raises(MoreThanIsLeft) as refusal:
        quote_refund("EUR", [a_refund_line(order_line_id="l_0"), line])
    assert refusal.value.pointer == "/lines/1/quantity"
    assert refusal.value.facts == {"asked": quantity, "left": 10 - before}


@pytest.mark.parametrize(
    ("vary", "error", "pointer"),
    [
        ({"quantity": 0}, QuantityNotPositive, "/lines/0/quantity"),
        ({"quantity": -1}, QuantityNotPositive, "/lines/0/quantity"),
        ({"quantity": 0.5}, QuantityNotWhole, "/lines/0/quantity"),
        ({"quantity": True}, QuantityNotWhole, "/lines/0/quantity"),
        ({"line_quantity": 0}, QuantityNotPositive, "/lines/0"),
        ({"paid_minor": -1}, AmountNegative, "/lines/0"),
        ({"paid_minor": 10**12}, AmountTooLarge, "/lines/0"),
        ({"refunded_minor_before": -1}, AmountNegative, "/lines/0"),
    ],
    ids=str,
)
def test_an_impossible_line_is_refused_by_name(vary: dict[str, Any], error: type[Invalid], pointer: str) -> None:
    with pytest.raises(error) as refusal:
        quote_refund("EUR", [a_refund_line(**vary)])
    assert refusal.value.pointer == pointer


def test_negative_units_before_would_pay_twice_and_raise() -> None:
    with pytest.raises(ValueError, match="negative"):
        quote_refund("EUR", [a_refund_line(refunded_units_before=-1)])


def test_an_order_line_named_twice_would_be_counted_from_the_same_start_and_is_refused() -> None:
    line = a_refund_line(line_quantity=2)
    with pytest.raises(LineNamedTwice) as refusal:
        quote_refund("EUR", [line, line])
    assert refusal.value.pointer == "/lines/1"


def test_lines_of_two_orders_may_share_a_line_identifier() -> None:
    assert quote_refund("EUR", [a_refund_line(), a_refund_line(order_id="o_2")]).total_minor == 24000


def test_a_fee_of_another_currency_is_refused() -> None:
    with pytest.raises(CurrencyMismatch) as refusal:
        quote_refund("EUR", [a_refund_line()], [a_fee(currency="USD")])
    assert refusal.value.pointer == "/fees/0"


def test_a_fee_of_another_bearer_is_never_deducted() -> None:
    with pytest.raises(NotForTheShopper):
        quote_refund("EUR", [a_refund_line()], [a_fee(bearer=Bearer.MERCHANT)])


def test_a_refund_has_a_known_currency() -> None:
    with pytest.raises(UnknownCurrency):
        quote_refund("XXX", [a_refund_line()])


@pytest.mark.parametrize(
    ("worn", "at_fault", "goods", "loss"),
    [
        pytest.param(((1, 20),), False, 9600, 2400, id="worn goods lose a fifth of their price"),
        pytest.param(((1, 20),), True, 12000, 0, id="what was defective loses nothing in the shopper's hands"),
        pytest.param(((1, 100),), False, 0, 12000, id="goods without value bring nothing back"),
        pytest.param((), False, 12000, 0, id="unworn goods come back whole"),
    ],
)
def test_value_lost_in_the_shoppers_hands_is_taken_off(
    worn: tuple[tuple[int, int], ...], at_fault: bool, goods: int, loss: int
) -> None:
    quote = quote_refund("EUR", [a_refund_line(worn=worn)], at_fault=at_fault)
    assert (quote.lines[0].goods_minor, quote.lines[0].loss_minor) == (goods, loss)
    assert ("loss_in_value" in [decision.rule for decision in quote.explanation]) is bool(loss)


def test_value_that_was_lost_is_not_given_back_with_the_next_unit() -> None:
    second = a_refund_line(
        quantity=1,
        line_quantity=2,
        paid_minor=200,
        refunded_units_before=1,
        refunded_minor_before=20,
        lost_minor_before=80,
    )
    assert quote_refund("EUR", [second]).total_minor == 100


def test_ten_units_at_fifteen_per_cent_off_come_back_to_what_was_paid_in_any_split() -> None:
    paid = 10 * 8250 - 12375
    for parts in ([1] * 10, [3, 3, 4], [7, 2, 1], [10]):
        assert sum(refunds_of(paid, parts)) == paid == 70125


def test_units_cancelled_before_shipping_do_not_dilute_the_others() -> None:
    """The order was told anew with two of its three units: each is worth half of what was paid for the two."""
    assert refunds_of(2000, [1, 1]) == [1000, 1000]


def test_amounts_that_would_be_rounded_up_are_rounded_down_and_add_up_in_total() -> None:
    assert refunds_of(200, [1, 1, 1]) == [66, 67, 67]
