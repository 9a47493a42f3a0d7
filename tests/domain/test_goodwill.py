"""Goodwill that cannot be is refused with the most that can; and who counts as a second person."""

from typing import Any

import pytest

from domain.errors import BoomerangError
from domain.goodwill import (
    GoodwillAboveWhatIsLeft,
    GoodwillNothing,
    GoodwillWithoutPayment,
    check_goodwill,
    one_person_may,
    same_person,
)
from domain.money import CurrencyMismatch

PAID = {"order_currency": "EUR", "order_status": "completed", "captured_minor": 10000, "left_minor": 4000}


@pytest.mark.parametrize(
    ("amount", "currency", "vary", "error", "maximum"),
    [
        pytest.param(4001, "EUR", {}, GoodwillAboveWhatIsLeft, 4000, id="above what is left, below what was paid"),
        pytest.param(10001, "EUR", {}, GoodwillAboveWhatIsLeft, 4000, id="above what was paid"),
        pytest.param(1, "EUR", {"left_minor": 0}, GoodwillAboveWhatIsLeft, 0, id="all has gone back"),
        pytest.param(1, "EUR", {"left_minor": -5}, GoodwillAboveWhatIsLeft, 0, id="more is spoken for than is left"),
        pytest.param(0, "EUR", {}, GoodwillNothing, 4000, id="nothing"),
        pytest.param(-1, "EUR", {}, GoodwillNothing, 4000, id="less than nothing"),
        pytest.param(None, None, {}, GoodwillNothing, 4000, id="no amount"),
        pytest.param(500, "GBP", {}, CurrencyMismatch, 4000, id="another currency"),
        pytest.param(500, "EUR", {"captured_minor": 0}, GoodwillWithoutPayment, 0, id="a free order"),
        pytest.param(500, "EUR", {"order_status": "open"}, GoodwillWithoutPayment, 0, id="an order that was not paid"),
    ],
)
def test_what_cannot_be_given_is_refused_with_the_most_that_can(
    amount: int | None, currency: str | None, vary: dict[str, Any], error: type[BoomerangError], maximum: int
) -> None:
    with pytest.raises(error) as refused:
        check_goodwill(amount, currency, **{**PAID, **vary})
    assert refused.value.facts["maximum"] == {"amount": maximum, "currency": "EUR"}


def test_all_that_is_left_may_be_given() -> None:
    check_goodwill(4000, "EUR", **PAID)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "limit", "alone"), [(500, 500, True), (501, 500, False), (1, None, False), (1, 0, False)]
)
def test_one_person_decides_up_to_the_limit_and_without_one_nobody_does(
    amount: int, limit: int | None, alone: bool
) -> None:
    assert one_person_may(amount, limit) is alone


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(("k1", "ops"), ("k1", "ops"), True, id="one key"),
        pytest.param(("k1", "ops: ann"), ("k1", "ops: bob"), False, id="two actors under one key"),
        pytest.param(("k1", "ops: ann"), ("k1", "ops: Ann"), True, id="one actor, written otherwise"),
        pytest.param(("k1", "ops: ann"), ("k1", "ops"), True, id="an actor, and the key without one"),
        pytest.param(("k1", "ops"), ("k1", "ops: ann"), True, id="the key, and then an actor"),
        pytest.param(("k1", "ann"), ("k2", "bob"), False, id="two keys"),
        pytest.param(("k1", "ann"), ("k2", "ann"), True, id="two keys of one name"),
        pytest.param(("k1", "desk: ann"), ("k2", "phone: ann"), True, id="one actor under two keys"),
    ],
)
def test_who_may_be_one_and_the_same_is_no_second_person(
    one: tuple[str, str], other: tuple[str, str], same: bool
) -> None:
    assert same_person(*one, *other) is same
    assert same_person(*other, *one) is same
