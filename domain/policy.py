"""The merchant's promise: the tier table, the policy presets (programmes), and the book that holds both and the law.

Everything here is data that a merchant may edit (policies/*.toml); the values are checked when the book is loaded
(policies/book.py), so the rules may trust them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.errors import Missing
from domain.market import Market
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
class ReturnPolicy:
    """A programme: what the merchant promises for returns, in one version.

    return_window_days   days for a return without reason; None = by tier, from the tier table
    window_starts        the event the window is counted from
    bears_all            the merchant absorbs every fee of the return; otherwise law and fault decide
    not_goods_skus       codes on invoices that are no goods: carriage, fees, manual corrections (exact text)
    goods_categories     when not empty, the only categories that are goods; a line without category passes
    refer_above_minor    by currency: a line worth more than this many minor units goes to a person
    refer_unmatched      reasons of units without a purchase that go to a person rather than being refused
    """

    programme: str
    title: str
    version: str
    tier_table: TierTable
    return_window_days: int | None = None
    window_starts: Starts = Starts.DELIVERED
    bears_all: bool = False
    not_goods_skus: frozenset[str] = frozenset()
    goods_categories: frozenset[str] = frozenset()
    refer_above_minor: Mapping[str, int] = field(default_factory=dict)
    refer_unmatched: frozenset[str] = frozenset()

    @property
    def source(self) -> str:
        return f"programme {self.programme} v{self.version}"

    def is_goods_sku(self, sku: str) -> bool:
        return sku not in self.not_goods_skus

    def is_goods_category(self, category: str | None) -> bool:
        return category is None or not self.goods_categories or category in self.goods_categories


@dataclass(frozen=True)
class PolicyBook:
    """The tier table, the law of the markets by market code, and the programmes by id."""

    tiers: TierTable
    markets: Mapping[str, Market]
    eu_members: frozenset[str]
    programmes: Mapping[str, ReturnPolicy]

    def programme(self, programme: str) -> ReturnPolicy:
        try:
            return self.programmes[programme]
        except KeyError:
            known = ", ".join(sorted(self.programmes))
            raise UnknownProgramme(f"There is no programme {programme!r}; known: {known}.") from None
