"""Stripe's units: exact or refused before anything is sent."""

import pytest

from domain.money import EXPONENTS
from gateways.errors import OutcomeUnknown
from gateways.payments.base import RefundRefused
from gateways.payments.stripe_amounts import BY_100, TENS_ONLY, TIMES_100, our_minor, stripes_amount


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_every_currency_comes_back_as_it_went(currency: str) -> None:
    for minor in (100, 1_000, 123_400):
        assert our_minor(stripes_amount(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("currency", "minor", "stripes"),
    [("EUR", 1, 1), ("JPY", 1, 1), ("KWD", 12_340, 12_340), ("ISK", 5, 500), ("UGX", 5, 500), ("MGA", 500, 5)],
)
def test_units_that_differ_are_turned_exactly(currency: str, minor: int, stripes: int) -> None:
    assert stripes_amount(minor, currency) == stripes


@pytest.mark.parametrize(("currency", "minor"), [("KWD", 12_345), ("BHD", 1), ("MGA", 150)])
def test_what_cannot_be_paid_exactly_is_refused(currency: str, minor: int) -> None:
    with pytest.raises(RefundRefused) as refused:
        stripes_amount(minor, currency)
    assert refused.value.code == "amount_not_representable"


def test_a_fraction_of_a_crown_is_not_believed() -> None:
    with pytest.raises(OutcomeUnknown):
        our_minor(550, "ISK")


def test_the_exceptions_are_those_of_the_currencies_digits() -> None:
    assert {currency for currency, digits in EXPONENTS.items() if digits == 3} == TENS_ONLY
    assert {EXPONENTS[currency] for currency in TIMES_100} == {0}
    assert {EXPONENTS[currency] for currency in BY_100} == {2}
