"""Currency: what a refund is worth in the merchant's accounting currency, and what the rate cost between sale and refund.

House rule: a refund goes back in the currency in which it was captured, in the amount of that currency (Directive 2011/83/EU,
art. 13(1): by the same means of payment, at no cost to the consumer; card schemes refund in the currency of the transaction). So
the shopper never meets a rate here. Who sells for pounds and keeps the books in euro does: the pounds given back are worth more
or less than they were on the day of the sale, and that difference is somebody's.

Rates are the reference rates of a central bank: units of a currency for one euro, as published, row by row. Two other currencies
meet through the euro, both at the rates of the same day. A day without a rate (weekend, holiday) takes the last one before it, at
most `LOOK_BACK_DAYS` back, and the answer says which. There is no older rate and no guess: `NoRate` is an answer too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from domain.explain import Decision
from domain.fees import Bearer, Fee, FeeKind
from domain.money import Money, exponent, share

BASE = "EUR"
LOOK_BACK_DAYS = 7
WARN_PERCENT = 5
BASIS_POINTS = 10_000
PER_CENT = 100
BEARERS = (Bearer.MERCHANT, Bearer.PLATFORM)
"""Who may bear a difference of rates. Never the shopper: she paid in the currency that comes back to her."""

SAME_CURRENCY = (
    "house rule: a refund goes back in the currency captured (Directive 2011/83/EU, art. 13(1); card scheme practice)"
)


@dataclass(frozen=True)
class RateUsed:
    """How much of `to_currency` one unit of `from_currency` is: both per euro, as published on `day` for the day `asked`."""

    from_currency: str
    to_currency: str
    asked: date
    day: date
    from_per_euro: Decimal
    to_per_euro: Decimal
    source: str

    @property
    def ratio(self) -> Fraction:
        return Fraction(self.to_per_euro) / Fraction(self.from_per_euro)

    def __str__(self) -> str:
        late = f", the last before {self.asked}" if self.day != self.asked else ""
        pair = f"{self.from_currency} {self.from_per_euro}, {self.to_currency} {self.to_per_euro} for one {BASE}"
        return f"{pair} ({self.source}, {self.day}{late})"


@dataclass(frozen=True)
class NoRate:
    """No rate of both currencies is on file for the day or the `LOOK_BACK_DAYS` before it."""

    from_currency: str
    to_currency: str
    asked: date

    def __str__(self) -> str:
        first = self.asked - timedelta(days=LOOK_BACK_DAYS)
        return f"no rate on file from {self.from_currency} to {self.to_currency} between {first} and {self.asked}"


@dataclass(frozen=True)
class Translated:
    """An amount in another currency, and the rate that made it so."""

    money: Money
    rate: RateUsed


@dataclass(frozen=True)
class ReferenceRates:
    """Units of each currency for one euro, by day, from one source; a day may lack any of them."""

    source: str
    per_euro: Mapping[date, Mapping[str, Decimal]]

    def rate(self, from_currency: str, to_currency: str, on: date) -> RateUsed | NoRate:
        """The rate of the day, or the last one before it on which both currencies were published.

        >>> rates = ReferenceRates("ECB", {date(2011, 12, 9): {"GBP": Decimal("0.8552")}})
        >>> rates.rate("GBP", "EUR", date(2011, 12, 11)).day
        datetime.date(2011, 12, 9)
        """
        for days in range(LOOK_BACK_DAYS + 1):
            day = on - timedelta(days=days)
            known = self.per_euro.get(day, {})
            one, other = (Decimal(1) if name == BASE else known.get(name) for name in (from_currency, to_currency))
            if one is not None and other is not None and (known or from_currency == to_currency):
                return RateUsed(from_currency, to_currency, on, day, one, other, self.source)
        return NoRate(from_currency, to_currency, on)


def translate(amount: Money, to: str, on: date, rates: ReferenceRates) -> Translated | NoRate:
    """The amount in another currency at the rate of a day: computed exactly, then rounded once, down to the minor unit.

    >>> rates = ReferenceRates("ECB", {date(2011, 12, 9): {"GBP": Decimal("0.8552")}})
    >>> str(translate(Money(1000, "GBP"), "EUR", date(2011, 12, 9), rates).money)
    'EUR 11.69'
    """
    rate = rates.rate(amount.currency, to, on)
    if isinstance(rate, NoRate):
        return rate
    minor_ratio = rate.ratio * Fraction(10) ** (exponent(to) - exponent(amount.currency))
    return Translated(Money(share(amount.minor * minor_ratio.numerator, 1, minor_ratio.denominator), to), rate)


# --- the difference of a refund ---


@dataclass(frozen=True)
class Accounting:
    """What a policy says of currency, frozen into the terms of a case: `currency` of the books, or "" for no such books.

    borne_by      who bears a loss, and has a gain
    warn_percent  a rate that moved by more than so many percent between sale and refund is pointed out
    """

    currency: str = ""
    borne_by: Bearer = Bearer.MERCHANT
    warn_percent: int = WARN_PERCENT


@dataclass(frozen=True)
class Returned:
    """What goes back for one order, and the day on which it was sold."""

    order_id: str
    amount: Money
    sold_on: date


@dataclass(frozen=True)
class Revalued:
    """The same amount as it was worth on the day of the sale, and is on the day of the refund."""

    returned: Returned
    sale: Translated
    refund: Translated

    @property
    def moved(self) -> Fraction:
        """By how much of itself the captured currency rose between sale and refund; negative where it fell."""
        return self.refund.rate.ratio / self.sale.rate.ratio - 1


@dataclass(frozen=True)
class ExchangeDifference:
    """What a refund cost more (or less, negative) in the accounting currency than the sale had brought.

    `sale_minor` + `difference_minor` = `refund_minor`, exactly. `moved_bps` is the largest movement among the orders, in
    hundredths of a percent, cut off; `warned` compares the exact one.
    """

    accounting: Accounting
    parts: tuple[Revalued, ...]
    sale_minor: int
    refund_minor: int
    moved_bps: int
    warned: bool

    @property
    def difference_minor(self) -> int:
        return self.refund_minor - self.sale_minor

    @property
    def difference(self) -> Money:
        """Above zero a loss, below zero a gain."""
        return Money(self.difference_minor, self.accounting.currency)

    def fee(self) -> Fee | None:
        """The loss as a cost of the return; a gain or nothing is none."""
        if self.difference_minor <= 0:
            return None
        return Fee(
            FeeKind.EXCHANGE_DIFFERENCE,
            self.difference_minor,
            self.accounting.currency,
            self.accounting.borne_by,
            "difference_of_rates",
            SAME_CURRENCY,
        )


def exchange_difference(
    returned: Sequence[Returned], refunded_on: date, by: Accounting, rates: ReferenceRates
) -> ExchangeDifference | NoRate:
    """What the refund is worth on its day against what the same money was worth when the goods were sold.

    Order by order, since each was sold on its own day; one order without a rate leaves the whole unsaid.
    """
    parts = []
    for one in returned:
        sale = translate(one.amount, by.currency, one.sold_on, rates)
        refund = translate(one.amount, by.currency, refunded_on, rates)
        for found in (sale, refund):
            if isinstance(found, NoRate):
                return found
        assert isinstance(sale, Translated)
        assert isinstance(refund, Translated)
        parts.append(Revalued(one, sale, refund))
    largest = max((part.moved for part in parts), key=abs, default=Fraction(0))
    return ExchangeDifference(
        accounting=by,
        parts=tuple(parts),
        sale_minor=sum(part.sale.money.minor for part in parts),
        refund_minor=sum(part.refund.money.minor for part in parts),
        moved_bps=int(largest * BASIS_POINTS),
        warned=abs(largest) * PER_CENT > by.warn_percent,
    )


def in_basis_points(bps: int) -> str:
    """Hundredths of a percent as people read them.

    >>> in_basis_points(-612), in_basis_points(5)
    ('-6.12 %', '+0.05 %')
    """
    whole, rest = divmod(abs(bps), PER_CENT)
    return f"{'-' if bps < 0 else '+'}{whole}.{rest:02} %"


def difference_decision(
    difference: Money, bearer: str, *, moved_bps: int, warned: bool, inputs: Sequence[tuple[str, str]]
) -> Decision:
    """The answer for the explanation of a return."""
    if difference.minor == 0:
        answer = f"nothing, in {difference.currency}"
    elif difference.minor > 0:
        answer = f"a loss of {difference}, borne by the {bearer}"
    else:
        answer = f"a gain of {-difference}, which the {bearer} has"
    warning = f"; the rate moved by {in_basis_points(moved_bps)}" if warned else ""
    return Decision(
        "What did the rate cost between sale and refund?",
        f"{answer}{warning}",
        "exchange_difference",
        SAME_CURRENCY,
        tuple(inputs),
    )


def no_rate_decision(why: str) -> Decision:
    """The same where no rate is on file."""
    return Decision(
        "What did the rate cost between sale and refund?",
        "not known yet: no rate on file",
        "exchange_difference",
        SAME_CURRENCY,
        (("missing", why),),
    )
