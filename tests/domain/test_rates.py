"""Rates of the policy: exact, rounded once, and nothing where no rate is known."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import EXPONENTS
from domain.rates import PolicyRates

PER_EURO = {
    "GBP": Decimal("0.8338"),
    "JPY": Decimal("175.68"),
    "USD": Decimal("1.1172"),
    "KRW": Decimal("1491.76"),
    "DKK": Decimal("2.5"),
}
RATES = PolicyRates(date(2026, 10, 30), "an example", PER_EURO)
currencies = st.sampled_from(["EUR", *PER_EURO])
amounts = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("minor", "from_currency", "to_currency", "expected"),
    [
        pytest.param(10_000, "EUR", "GBP", 8_338, id="from the euro"),
        pytest.param(8_338, "GBP", "EUR", 10_000, id="to the euro"),
        pytest.param(17_568, "JPY", "EUR", 10_000, id="yen have no decimals: JPY 17,568 is EUR 100.00"),
        pytest.param(10_000, "EUR", "JPY", 17_568, id="and back"),
        pytest.param(83_38, "GBP", "USD", 111_72, id="through the euro, rounded once"),
        pytest.param(1, "EUR", "DKK", 3, id="two and a half are three"),
        pytest.param(-1, "EUR", "DKK", -3, id="a negative amount mirrors its positive twin"),
        pytest.param(1, "DKK", "EUR", 0, id="less than half is nothing"),
        pytest.param(123, "RUB", "RUB", 123, id="the same currency needs no rate"),
        pytest.param(123, "RUB", "EUR", None, id="no rate"),
        pytest.param(123, "EUR", "RUB", None, id="no rate to go to"),
    ],
)
def test_amounts_in_another_currency(minor: int, from_currency: str, to_currency: str, expected: int | None) -> None:
    assert RATES.translate(minor, from_currency, to_currency) == expected


@given(minor=amounts, from_currency=currencies, to_currency=currencies)
def test_no_amount_is_off_by_more_than_its_one_rounding(minor: int, from_currency: str, to_currency: str) -> None:
    with localcontext() as context:
        context.prec = 60
        rate = RATES.per_euro.get(to_currency, Decimal(1)) / RATES.per_euro.get(from_currency, Decimal(1))
        exact = minor * rate * Decimal(10) ** (EXPONENTS[to_currency] - EXPONENTS[from_currency])
        expected = int(exact.quantize(Decimal(1), ROUND_HALF_UP))

    assert RATES.translate(minor, from_currency, to_currency) == expected


@given(one=amounts, more=st.integers(0, 10**9), from_currency=currencies, to_currency=currencies)
def test_more_is_never_worth_less(one: int, more: int, from_currency: str, to_currency: str) -> None:
    less, greater = (RATES.translate(amount, from_currency, to_currency) for amount in (one, one + more))

    assert less is not None
    assert greater is not None
    assert less <= greater


def test_rates_say_where_they_come_from() -> None:
    assert str(RATES) == "an example, 30 Oct 2026"
