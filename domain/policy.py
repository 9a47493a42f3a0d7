"""The merchant's promise: the tier table, the policy presets (programmes), and the book that holds both and the law.

Everything here is data that a merchant may edit (policies/*.toml); the values are checked when the book is loaded
(policies/book.py), so the rules may trust them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from domain.charges import DeliveryBack
from domain.currency import WARN_PERCENT
from domain.errors import Missing
from domain.fees import Bearer
from domain.goods import GoodsCondition, Nature
from domain.handling import NO_FEES, FeePolicy
from domain.limits import DestinationSilence
from domain.market import Market
from domain.rates import PolicyRates
from domain.tier import Tier, TierThresholds


class UnknownProgramme(Missing):
    code = "unknown_programme"
    next_action = "Use the id of a programme in policies/programmes."


class UnknownTierRow(Missing):
    code = "unknown_tier_row"
    next_action = "Use the name of a row in policies/tiers.toml."


class Starts(StrEnum):
    """The event from which the return window is counted."""

    DELIVERED = "delivered"
    PLACED = "placed"


class RowKind(StrEnum):
    """What the four values of a row of the tier table are."""

    SPAN = "span"  # "24h", "7d", "2bd"
    SPANS = "spans"  # steps of a ladder: ["24h", "48h", "72h"]
    COUNT = "count"  # whole number
    DAYS = "days"  # whole number of days
    USD = "usd"  # whole US dollars
    PERCENT = "percent"  # whole number, 0 to 100
    OUTCOME = "outcome"  # a word


TierValue = str | int | tuple[str, ...]


@dataclass(frozen=True)
class TierRow:
    """One row of the tier table: a value for each tier, why it is so, and whether the process applies it today.

    `values` lacks a tier when the row promises that tier nothing.
    """

    name: str
    title: str
    kind: RowKind
    applied: bool
    why: str
    source: str
    values: Mapping[Tier, TierValue]
    written_in: str = ""  # the programme, where it says something else than the common table


@dataclass(frozen=True)
class TierTable:
    """The promise by tier, and the thresholds that decide who has which tier."""

    version: str
    thresholds: TierThresholds
    rows: Mapping[str, TierRow]

    def row(self, name: str) -> TierRow:
        try:
            return self.rows[name]
        except KeyError:
            raise UnknownTierRow(f"The tier table has no row {name!r}.") from None

    def span(self, name: str, tier: Tier) -> str:
        """The span of a row that promises every tier one, as text: "24h"."""
        return str(self.row(name).values[tier])

    def number(self, name: str, tier: Tier) -> int:
        """The whole number of a row that promises every tier one."""
        value = self.row(name).values[tier]
        if not isinstance(value, int):
            raise UnknownTierRow(f"The row {name!r} of the tier table holds no whole number for {tier}.")
        return value


@dataclass(frozen=True)
class LineFacts:
    """What a window may depend on: the goods, how they were sold, and by which of the shop's doors.

    `payments` are the methods of the order's tenders; None where the order does not say.
    """

    category: str | None = None
    condition: str | None = None
    channel: str | None = None
    seller: str | None = None
    payments: frozenset[str] = frozenset()
    placed_on: date | None = None


@dataclass(frozen=True)
class MonthDay:
    """A day of every year: 1 November. 29 February is the last day of February in other years.

    >>> MonthDay(2, 29).in_year(2027)
    datetime.date(2027, 2, 28)
    """

    month: int
    day: int

    def in_year(self, year: int) -> date:
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return date(year, self.month, 28)

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"


@dataclass(frozen=True)
class Season:
    """Orders placed from one day of the year to another, ends included; it may run over the end of the year."""

    placed_from: MonthDay
    placed_to: MonthDay

    def holds(self, on: date) -> bool:
        first, last = self.placed_from.in_year(on.year), self.placed_to.in_year(on.year)
        return first <= on <= last if first <= last else on >= first or on <= last


@dataclass(frozen=True)
class WindowRule:
    """A window of its own for some goods, orders or sellers. The first rule of a programme that fits counts.

    Every condition that is given must hold; an empty one is no condition. Either `days`, or `until`: the next such day
    after the order was placed, for seasons ("bought from November on: returnable until 31 January"), where that is later
    than the ordinary window.
    """

    name: str
    days: int | None = None
    until: MonthDay | None = None
    categories: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    payments: frozenset[str] = frozenset()
    sellers: frozenset[str] = frozenset()
    season: Season | None = None
    why: str = ""

    def fits(self, facts: LineFacts) -> bool:
        return (
            (not self.categories or facts.category in self.categories)
            and (not self.conditions or facts.condition in self.conditions)
            and (not self.channels or facts.channel in self.channels)
            and (not self.payments or bool(facts.payments & self.payments))
            and (not self.sellers or facts.seller in self.sellers)
            and (self.season is None or (facts.placed_on is not None and self.season.holds(facts.placed_on)))
        )

    def last_day(self, placed_on: date) -> date | None:
        """The last day where the rule names one."""
        if self.until is None:
            return None
        this_year = self.until.in_year(placed_on.year)
        return this_year if this_year >= placed_on else self.until.in_year(placed_on.year + 1)


class RefundOnly(StrEnum):
    """Who decides about money back for goods that are kept."""

    NOT_OFFERED = "not_offered"
    MERCHANT = "merchant"  # every request goes to the merchant
    RULE = "rule"  # authorized by itself up to the returnless ceiling, above it the merchant decides


class Waterfall(StrEnum):
    """What takes a no-fault freight from the shopper, in the order in which a programme writes it."""

    INSURANCE = "insurance"  # bought with the order
    BENEFIT = "benefit"  # free labels of the tier, as many a month as the tier table says


@dataclass(frozen=True)
class ReturnPolicy:
    """A programme: what the merchant promises for returns, in one version.

    policy_id            of the version in the database; empty for one that is only a file
    return_window_days   days for a return without reason; None = by tier, from the tier table
    window_starts        the event the window is counted from
    windows              windows of their own, the first that fits counts before the two above
    bears_all            the merchant absorbs every fee of the return; otherwise fault, waterfall and law decide
    shopper_informed     shoppers are told before the purchase that a return without fault is at their cost
    waterfall            what is asked before the shopper bears freight, in order
    fees                 what the merchant charges for its own work, and who bears other kinds of fees
    not_goods_skus       codes on invoices that are no goods: carriage, fees, manual corrections (exact text)
    goods_categories     when not empty, the only categories that are goods; a line without category passes
    excluded             natures of goods that the promise leaves out, beyond or beside what the law excepts
    natures              nature of goods by category, where orders do not say it line by line
    accepts              conditions in which goods may come back under the promise; empty = any
    refer_above_minor    by currency: a line worth more than this many minor units goes to a person
    refer_unmatched      reasons of units without a purchase that go to a person rather than being refused
    automatic            a request that the policy allows is authorized by itself; otherwise the merchant is asked
    returnless           small sums are refunded and the goods stay, up to the tier's ceiling
    refund_only          who decides about money back without goods
    reasons              the reasons offered for new returns; empty = all of them
    reason_required      a shopper must say why; otherwise "no reason" is the reason
    methods              the ways goods may come back; empty = all
    informed_of_right    shoppers are told of their right to withdraw; a market's period is longer where they are not
    fair_use             return histories are looked at (tier table, abuse rows)
    delivery_back        what of the delivery to the shopper is given back with the return that completes the order, whatever its reason
    loss_percent         by grade: value lost in the shopper's hands, in whole per cent of the price, where law lets it be deducted
    reprice              kept goods are priced again under the order's promotions
    claw_back_waived     by currency: a discount of at most so many minor units is not taken back
    accounting_currency  of the merchant's books; empty = refunds are not translated, and no difference of rates is booked
    difference_borne_by  who bears the difference of rates between sale and refund: merchant or platform
    warn_percent         a rate that moved by more than so many percent between sale and refund is pointed out
    destination          how long the shopper has to say where money goes that its tender cannot take back; empty: an operator
    destination_silence  what her silence about that means
    goodwill_limit_minor by currency: goodwill up to so many minor units needs no second person; left out, each one does
    """

    programme: str
    title: str
    version: str
    tier_table: TierTable
    policy_id: str = ""
    return_window_days: int | None = None
    window_starts: Starts = Starts.DELIVERED
    windows: tuple[WindowRule, ...] = ()
    bears_all: bool = False
    shopper_informed: bool = False
    waterfall: tuple[Waterfall, ...] = ()
    fees: FeePolicy = NO_FEES
    not_goods_skus: frozenset[str] = frozenset()
    goods_categories: frozenset[str] = frozenset()
    excluded: frozenset[Nature] = frozenset()
    natures: Mapping[str, Nature] = field(default_factory=dict)
    accepts: frozenset[GoodsCondition] = frozenset()
    refer_above_minor: Mapping[str, int] = field(default_factory=dict)
    refer_unmatched: frozenset[str] = frozenset()
    automatic: bool = True
    returnless: bool = False
    refund_only: RefundOnly = RefundOnly.NOT_OFFERED
    reasons: frozenset[str] = frozenset()
    reason_required: bool = True
    methods: frozenset[str] = frozenset()
    informed_of_right: bool = True
    fair_use: bool = True
    delivery_back: DeliveryBack = DeliveryBack.NONE
    loss_percent: Mapping[str, int] = field(default_factory=dict)
    reprice: bool = False
    claw_back_waived: Mapping[str, int] = field(default_factory=dict)
    accounting_currency: str = ""
    difference_borne_by: Bearer = Bearer.MERCHANT
    warn_percent: int = WARN_PERCENT
    destination: str = ""
    destination_silence: DestinationSilence = DestinationSilence.OPERATOR
    goodwill_limit_minor: Mapping[str, int] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"programme {self.programme} v{self.version}"

    def is_goods_sku(self, sku: str) -> bool:
        return sku not in self.not_goods_skus

    def is_goods_category(self, category: str | None) -> bool:
        return category is None or not self.goods_categories or category in self.goods_categories

    @property
    def looks_at_history(self) -> bool:
        """Whether anything that this policy promises depends on what the customer did before."""
        ahead = any(
            self.tier_table.row("refund_trigger").values.get(tier) in ("first_scan", "authorized") for tier in Tier
        )
        return self.fair_use or ahead or Waterfall.BENEFIT in self.waterfall

    def window_rule(self, facts: LineFacts) -> WindowRule | None:
        """The window of their own that these goods have, if any."""
        return next((rule for rule in self.windows if rule.fits(facts)), None)


@dataclass(frozen=True)
class PolicyBook:
    """The tier table, the law of the markets by market code, the programmes by id, and the rates of thresholds and ceilings.

    texts   the files it was read from, word for word: tiers.toml, markets.toml, programmes/standard.toml
    """

    tiers: TierTable
    markets: Mapping[str, Market]
    eu_members: frozenset[str]
    programmes: Mapping[str, ReturnPolicy]
    rates: PolicyRates
    texts: Mapping[str, str] = field(default_factory=dict)

    def programme(self, programme: str) -> ReturnPolicy:
        try:
            return self.programmes[programme]
        except KeyError:
            known = ", ".join(sorted(self.programmes))
            raise UnknownProgramme(f"There is no programme {programme!r}; known: {known}.") from None
