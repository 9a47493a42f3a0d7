"""Money is exact: it splits without losing a cent, keeps currencies apart, and refuses what it cannot represent."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    EXPONENTS,
    LARGEST_MINOR,
    CurrencyMismatch,
    Money,
    NotExactInCurrency,
    NothingToSplitOver,
    UnknownCurrency,
    exponent,
    format_minor,
    minor_from_decimal,
    share,
    split,
)

amounts = st.integers(min_value=-(10**12), max_value=10**12)
currencies = st.sampled_from(sorted(EXPONENTS))


def test_money_of_one_currency_adds_compares_and_reads() -> None:
    assert Money(1234, "EUR") + Money(66, "EUR") == Money(1300, "EUR")
    assert Money(1234, "EUR") - Money(1300, "EUR") == -Money(66, "EUR")
    assert Money(1, "EUR") < Money(2, "EUR") <= Money(2, "EUR")
    assert str(Money(-1234, "EUR")) == "EUR -12.34"
    assert Money(1, "EUR")
    assert not Money.zero("EUR")


@pytest.mark.parametrize(
    "mix",
    [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a <= b, lambda a, b: b > a],
    ids=["add", "subtract", "less", "at most", "more"],
)
def test_two_currencies_never_mix(mix: Callable[[Money, Money], object]) -> None:
    with pytest.raises(CurrencyMismatch) as refusal:
        mix(Money(100, "EUR"), Money(100, "USD"))
    assert refusal.value.facts == {"left": "EUR", "right": "USD"} or refusal.value.facts == {
        "left": "USD",
        "right": "EUR",
    }


def test_equal_amounts_of_two_currencies_are_not_equal() -> None:
    assert Money(100, "EUR") != Money(100, "USD")


@pytest.mark.parametrize("minor", [0.5, 1.0, True, "1", Decimal(1), None], ids=repr)
def test_money_is_whole_minor_units_only(minor: Any) -> None:
    with pytest.raises(NotExactInCurrency):
        Money(minor, "EUR")


@pytest.mark.parametrize("currency", ["XXX", "eur", "", "EURO"])
def test_an_unknown_currency_has_no_money(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, currency)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("JPY", 0),
        ("KRW", 0),
        ("VND", 0),
        ("CLP", 0),
        ("EUR", 2),
        ("GBP", 2),
        ("IDR", 2),
        ("TWD", 2),
        ("KWD", 3),
        ("TND", 3),
    ],
)
def test_digits_follow_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1234, "EUR", "12.34"),
        (5, "EUR", "0.05"),
        (-5, "EUR", "-0.05"),
        (0, "EUR", "0.00"),
        (1200, "JPY", "1200"),
        (-1200, "JPY", "-1200"),
        (1234, "KWD", "1.234"),
        (7, "KWD", "0.007"),
    ],
)
def test_minor_units_read_as_decimals(minor: int, currency: str, text: str) -> None:
    assert format_minor(minor, currency) == text


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("82.50", "EUR", 8250),
        ("82.5", "EUR", 8250),
        ("1E+2", "EUR", 10000),
        ("-0.05", "EUR", -5),
        ("0", "EUR", 0),
        ("1200", "JPY", 1200),
        ("1200.00", "JPY", 1200),
        ("1.234", "KWD", 1234),
    ],
)
def test_a_decimal_becomes_its_exact_minor_units(amount: str, currency: str, minor: int) -> None:
    assert minor_from_decimal(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "EUR"),
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("NaN", "EUR"),
        ("sNaN", "EUR"),
        ("Infinity", "EUR"),
        ("-Infinity", "JPY"),
        ("1E+999999", "EUR"),
        ("1E-999999", "EUR"),
        (str(LARGEST_MINOR) + "00", "EUR"),
        ("0.00" + "0" * 40 + "1", "EUR"),
    ],
)
def test_a_decimal_is_never_rounded(amount: str, currency: str) -> None:
    with pytest.raises(NotExactInCurrency):
        minor_from_decimal(Decimal(amount), currency)


@given(minor=amounts, currency=currencies)
def test_reading_and_writing_an_amount_are_inverse(minor: int, currency: str) -> None:
    assert minor_from_decimal(Decimal(format_minor(minor, currency)), currency) == minor


@given(total=amounts, weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any))
def test_a_split_sums_to_the_whole_keeps_the_sign_and_is_never_off_by_a_unit(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert part * total >= 0
        assert abs(part * sum(weights) - total * weight) < sum(weights)
        assert weight or part == 0


@given(total=amounts, weights=st.lists(st.integers(0, 1000), min_size=1, max_size=10).filter(any))
def test_a_negative_split_mirrors_its_positive_twin(total: int, weights: list[int]) -> None:
    assert split(-total, weights) == [-part for part in split(total, weights)]


def test_equal_remainders_favour_the_earlier() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(2, [1, 1, 1]) == [1, 1, 0]


def test_nothing_splits_into_nothings_over_any_weights() -> None:
    assert split(0, [0, 0]) == [0, 0]
    assert split(0, []) == []


@pytest.mark.parametrize("weights", [[], [0, 0]], ids=["no one", "weightless"])
def test_something_cannot_be_split_over_no_one(weights: list[int]) -> None:
    with pytest.raises(NothingToSplitOver):
        split(1, weights)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        split(1, [2, -1])


@given(total=amounts, whole=st.integers(1, 10**6), data=st.data())
def test_a_share_is_rounded_towards_zero_and_grows_with_the_part(total: int, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    assert 0 <= abs(total) * part - abs(share(total, part, whole)) * whole < whole
    assert share(-total, part, whole) == -share(total, part, whole)
    assert share(total, 0, whole) == 0
    assert share(total, whole, whole) == total


@pytest.mark.parametrize(("part", "whole"), [(0, 0), (-1, 3), (4, 3)])
def test_a_share_of_no_whole_raises(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="part of a whole"):
        share(100, part, whole)
