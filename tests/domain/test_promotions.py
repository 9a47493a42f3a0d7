"""Discounts on a whole order are shared once; kept goods priced again cost what they would have cost by themselves."""

from typing import Any

import pytest

from domain.money import NothingToSplitOver
from domain.promotions import BasketLine, Promotion, PromotionKind, price_of_kept, shared_over_lines
from domain.refund import RefundLine, RefundQuote, quote_refund
from domain.refund_terms import RefundTerms
from domain.repricing import OrderedLine, OrderMoney

REPRICED = RefundTerms(reprice=True, policy_source="programme test v1")


def off(kind: PromotionKind, discount: int, **vary: Any) -> Promotion:
    return Promotion("p_1", kind, discount, **vary)


def test_a_discount_is_shared_over_its_lines_in_proportion_to_the_last_cent() -> None:
    assert shared_over_lines([off(PromotionKind.DISCOUNT, 100)], {"a": 1, "b": 1, "c": 1}) == {
        "a": 34,
        "b": 33,
        "c": 33,
    }
    assert shared_over_lines([off(PromotionKind.COUPON, 10, lines=("b",))], {"a": 90, "b": 10}) == {"a": 0, "b": 10}


def test_the_second_discount_is_shared_by_what_the_first_left() -> None:
    both = [off(PromotionKind.DISCOUNT, 1000, lines=("a",)), off(PromotionKind.COUPON, 1000)]
    assert shared_over_lines(both, {"a": 1000, "b": 1000}) == {"a": 1000, "b": 1000}


def test_free_lines_carry_no_discount() -> None:
    with pytest.raises(NothingToSplitOver):
        shared_over_lines([off(PromotionKind.DISCOUNT, 1)], {"a": 0})


@pytest.mark.parametrize(
    ("promotion", "kept", "price"),
    [
        pytest.param(off(PromotionKind.BUY_GET, 1000, buy=3, free=1), 4, 3000, id="four for the price of three, all kept"),
        pytest.param(off(PromotionKind.BUY_GET, 1000, buy=3, free=1), 3, 3000, id="three kept cost three"),
        pytest.param(off(PromotionKind.BUY_GET, 1000, buy=1, free=1), 3, 2000, id="one of two kept is free, the third is not"),
        pytest.param(off(PromotionKind.THRESHOLD, 1000, threshold_minor=3000), 3, 2000, id="above the sum it stays"),
        pytest.param(off(PromotionKind.THRESHOLD, 1000, threshold_minor=3500), 3, 3000, id="below the sum it is gone"),
        pytest.param(off(PromotionKind.THRESHOLD, 1000, threshold_minor=3000, percent=True), 3, 2250, id="a percentage shrinks"),
        pytest.param(off(PromotionKind.COUPON, 1000), 2, 1000, id="a coupon's fixed sum stays whole"),
        pytest.param(off(PromotionKind.COUPON, 3000), 2, 0, id="never below zero"),
        pytest.param(off(PromotionKind.DISCOUNT, 1000), 2, 1500, id="an agreed reduction goes with each unit"),
        pytest.param(off(PromotionKind.COUPON, 1000), 0, 0, id="nothing kept costs nothing"),
    ],
)  # fmt: skip
def test_kept_units_cost_what_they_would_have_cost_by_themselves(promotion: Promotion, kept: int, price: int) -> None:
    assert price_of_kept([BasketLine("a", 4, kept, 4000)], [promotion]) == price


def test_the_cheapest_units_are_the_free_ones() -> None:
    basket = [BasketLine("dear", 1, 1, 5000), BasketLine("cheap", 1, 1, 2000), BasketLine("middle", 1, 0, 3000)]
    assert price_of_kept(basket, [off(PromotionKind.BUY_GET, 2000, buy=1, free=1)]) == 5000


def back(promotion: Promotion, *, returned: int, terms: RefundTerms = REPRICED, **vary: Any) -> RefundQuote:
    """Four units at 10.00 under the promotion, of which some come back at first."""
    paid = 4000 - promotion.discount_minor
    order = OrderMoney("o_1", (OrderedLine("l_1", 4, 4000, paid, 0, 0, 0),), (promotion,))
    return quote_refund("EUR", [RefundLine("o_1", "l_1", returned, 4, paid, 0, 0)], orders=[order], by=terms, **vary)


@pytest.mark.parametrize(
    ("promotion", "returned", "minor"),
    [
        pytest.param(off(PromotionKind.BUY_GET, 1000, buy=3, free=1), 1, 0, id="of four for three one comes back for nothing"),
        pytest.param(off(PromotionKind.BUY_GET, 1000, buy=3, free=1), 2, 1000, id="two come back for one"),
        pytest.param(off(PromotionKind.THRESHOLD, 1000, threshold_minor=3500), 1, 0, id="the whole discount is lost with one unit"),
        pytest.param(off(PromotionKind.THRESHOLD, 2000, threshold_minor=3500), 1, 0, id="and never more than the refund"),
        pytest.param(off(PromotionKind.COUPON, 1000), 1, 1000, id="the coupon is kept, so the unit's full price comes back"),
    ],
)  # fmt: skip
def test_the_refund_is_what_was_paid_less_what_the_kept_goods_cost(
    promotion: Promotion, returned: int, minor: int
) -> None:
    quote = back(promotion, returned=returned)
    assert quote.total_minor == minor
    said = [decision for decision in quote.explanation if decision.rule == "kept_goods_priced_again"]
    assert len(said) == 1
    assert said[0].source == "programme test v1"


def test_without_the_switch_each_unit_comes_back_at_the_price_paid() -> None:
    assert back(off(PromotionKind.BUY_GET, 1000, buy=3, free=1), returned=1, terms=RefundTerms()).total_minor == 750


def test_a_small_claw_back_is_waived_and_the_explanation_says_so() -> None:
    waiving = RefundTerms(reprice=True, waived_minor=(("EUR", 750),), policy_source="programme test v1")
    quote = back(off(PromotionKind.BUY_GET, 1000, buy=3, free=1), returned=1, terms=waiving)
    assert quote.total_minor == 750
    assert "claw_back_waived" in [decision.rule for decision in quote.explanation]


def test_whoever_caused_the_return_takes_no_discount_back_for_it() -> None:
    assert back(off(PromotionKind.BUY_GET, 1000, buy=3, free=1), returned=1, at_fault=True).total_minor == 750


def test_a_defect_brings_back_what_an_earlier_return_lost_of_the_discount() -> None:
    """Two goods at 60.00 each, 20.00 off above 100.00: the first back loses the discount, the second is defective."""
    off_above = off(PromotionKind.THRESHOLD, 2000, threshold_minor=10000)

    def order(first_back: int) -> OrderMoney:
        first = OrderedLine("l_1", 1, 6000, 5000, int(first_back > 0), first_back, 0)
        return OrderMoney("o_1", (first, OrderedLine("l_2", 1, 6000, 5000, 0, 0, 0)), (off_above,))

    changed_mind = quote_refund("EUR", [RefundLine("o_1", "l_1", 1, 1, 5000, 0, 0)], orders=[order(0)], by=REPRICED)
    defective = quote_refund(
        "EUR",
        [RefundLine("o_1", "l_2", 1, 1, 5000, 0, 0)],
        orders=[order(changed_mind.total_minor)],
        by=REPRICED,
        at_fault=True,
    )
    assert (changed_mind.total_minor, defective.total_minor) == (4000, 6000)
