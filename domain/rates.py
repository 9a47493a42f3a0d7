"""Rates by which the policy's own figures are compared across currencies: thresholds of tiers, ceilings, limits.

They never touch a refund: money goes back in the currency and the amount in which it was paid (domain/tenders.py). A threshold is
a merchant's round figure, so one rate of one day is good enough for it, and the day and the source are said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from domain.money import exponent

BASE = "EUR"


@dataclass(frozen=True)
class PolicyRates:
    """Units of each currency for one euro, as of one day, from one source."""

    as_of: date
    source: str
    per_euro: Mapping[str, Decimal]

    def knows(self, currency: str) -> bool:
        return currency == BASE or currency in self.per_euro

    def translate(self, minor: int, from_currency: str, to_currency: str) -> int | None:
        """What an amount is in another currency, both in minor units; None where one of the two has no rate.

        Computed exactly and rounded once, half of a minor unit away from zero. For thresholds and ceilings only, never for a refund.

        >>> rates = PolicyRates(date(2026, 10, 30), "example", {"GBP": Decimal("0.8338"), "JPY": Decimal("175.68")})
        >>> rates.translate(10_000, "EUR", "GBP"), rates.translate(500, "JPY", "EUR"), rates.translate(1, "RUB", "EUR")
        (8338, 285, None)
        """
        if from_currency == to_currency:
            return minor
        if not (self.knows(from_currency) and self.knows(to_currency)):
            return None
        shift = exponent(to_currency) - exponent(from_currency)
        rate = _rate(self._per_euro(from_currency), self._per_euro(to_currency), shift)
        half_up = (2 * abs(minor) * rate.numerator + rate.denominator) // (2 * rate.denominator)
        return half_up if minor >= 0 else -half_up

    def _per_euro(self, currency: str) -> Decimal:
        return Decimal(1) if currency == BASE else self.per_euro[currency]

    def __str__(self) -> str:
        return f"{self.source}, {self.as_of:%d %b %Y}"


@lru_cache(maxsize=1024)
def _rate(from_per_euro: Decimal, to_per_euro: Decimal, shift: int) -> Fraction:
    """Minor units for a minor unit, exactly; `shift` is how many more decimals the second currency has."""
    return Fraction(to_per_euro) / Fraction(from_per_euro) * Fraction(10) ** shift
