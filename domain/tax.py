"""Tax as it was charged with a price, and how much of it a refund takes along.

Rates are whole millionths (ppm): 19 % is 190000, New York's 8.875 % is 88750. A tax is part of the price (`included`, as VAT is) or
charged on top of it (as sales taxes are); either way the amount that the shop charged counts, not one worked out again. A refund takes
tax along in proportion to the money, cumulatively, so that all refunds of a price take exactly the tax that was charged with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.frozen import quickly_made
from domain.money import share

WHOLE_PPM = 1_000_000


@dataclass(frozen=True)
class Tax:
    """One tax on a price, in minor units: its name, its rate in millionths of the price before tax, and what was charged."""

    name: str
    rate_ppm: int
    amount_minor: int
    included: bool = True


@quickly_made
@dataclass(frozen=True)
class TaxPart:
    """What a refund takes along of one tax: `tax_minor` on goods and services of `net_minor` before any tax."""

    name: str
    rate_ppm: int
    net_minor: int
    tax_minor: int


def on_top(taxes: Sequence[Tax]) -> int:
    """What the taxes add to the price, in minor units."""
    return sum(tax.amount_minor for tax in taxes if not tax.included)


def included_tax(price_minor: int, rate_ppm: int) -> int:
    """The tax within a price that includes it, down to the minor unit: for shops that tell rates and no amounts.

    >>> included_tax(11900, 190000)
    1900
    """
    return share(price_minor, rate_ppm, WHOLE_PPM + rate_ppm)


def taxes_of_refund(taxes: Sequence[Tax], paid_minor: int, before_minor: int, now_minor: int) -> tuple[TaxPart, ...]:
    """The taxes within `now_minor` of a price of `paid_minor`, of which `before_minor` went back before; all with the taxes on top.

    >>> vat = Tax("VAT", 190000, 19)
    >>> [taxes_of_refund([vat], 119, before, 17)[0].tax_minor for before in (0, 17, 34, 51, 68, 85, 102)]
    [2, 3, 3, 2, 3, 3, 3]
    """
    if not taxes or not now_minor:
        return ()
    parts = [
        share(tax.amount_minor, before_minor + now_minor, paid_minor)
        - share(tax.amount_minor, before_minor, paid_minor)
        for tax in taxes
    ]
    net = now_minor - sum(parts)
    return tuple(TaxPart(tax.name, tax.rate_ppm, net, part) for tax, part in zip(taxes, parts, strict=True))


def summed(parts: Sequence[TaxPart]) -> tuple[TaxPart, ...]:
    """One row per tax and rate, in the order in which they first appear."""
    rows: dict[tuple[str, int], tuple[int, int]] = {}
    for part in parts:
        net, tax = rows.get((part.name, part.rate_ppm), (0, 0))
        rows[part.name, part.rate_ppm] = (net + part.net_minor, tax + part.tax_minor)
    return tuple(TaxPart(name, rate, net, tax) for (name, rate), (net, tax) in rows.items())
