"""The customer's tier: from the purchase history of the trailing months to ENTRY, INTERMEDIATE, ADVANCED or VIP.

A tier earns shorter deadlines and longer windows (policies/tiers.toml); it never takes a statutory right away. A tier
is reached when orders, spend and recency all reach its thresholds: one very large order does not make a regular
customer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.explain import Decision


class Tier(StrEnum):
    """The four tiers, lowest first."""

    ENTRY = "ENTRY"
    INTERMEDIATE = "INTERMEDIATE"
    ADVANCED = "ADVANCED"
    VIP = "VIP"


@dataclass(frozen=True)
class PurchaseHistory:
    """What a customer bought in the trailing months: number of orders, spend in minor units, day of the latest order.

    Spend is before returns: a return is a right, and must not cost the customer the tier.
    """

    orders: int
    spend_minor: int
    currency: str
    last_order: date | None


@dataclass(frozen=True)
class Threshold:
    """What a tier asks for: at least so many orders and so much spend, the latest order at most so many days ago."""

    orders: int
    spend_minor: int
    active_within_days: int


@dataclass(frozen=True)
class TierThresholds:
    """The thresholds of the tiers above ENTRY; spend in the minor units of one base currency, over `window_months`."""

    currency: str
    window_months: int
    by_tier: Mapping[Tier, Threshold]


@dataclass(frozen=True)
class PlacedOrder:
    """One order of a customer, as far as the tier looks at it."""

    placed_at: datetime
    total_minor: int
    currency: str


def history_of(orders: Iterable[PlacedOrder], *, thresholds: TierThresholds, at: datetime) -> PurchaseHistory:
    """The purchase history as of `at`: orders of the trailing months, none of them later than the moment asked about.

    Orders in another currency than the thresholds' count as orders, and their spend is left out: a tier is not worth an
    exchange rate.
    """
    earliest = months_before(at.date(), thresholds.window_months)
    counted = [order for order in orders if order.placed_at <= at and order.placed_at.date() > earliest]
    return PurchaseHistory(
        orders=len(counted),
        spend_minor=sum(order.total_minor for order in counted if order.currency == thresholds.currency),
        currency=thresholds.currency,
        last_order=max((order.placed_at.date() for order in counted), default=None),
    )


def months_before(day: date, months: int) -> date:
    """The same day of the month, `months` earlier, or the last day of that month when it is shorter.

    >>> months_before(date(2011, 5, 31), 3)
    datetime.date(2011, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last_day = date.fromordinal(first_of_next.toordinal() - 1).day
    return date(year, month + 1, min(day.day, last_day))


def tier_of(history: PurchaseHistory, thresholds: TierThresholds, on: date) -> tuple[Tier, Decision]:
    """The highest tier whose thresholds the history reaches on the day, and why.

    A history in another currency than the thresholds' has no spend that counts here; the answer says so.
    """
    same_currency = history.currency == thresholds.currency
    spend_minor = history.spend_minor if same_currency else 0
    days = (on - history.last_order).days if history.last_order else None
    tier = next(
        (
            tier
            for tier in reversed(Tier)
            if (threshold := thresholds.by_tier.get(tier)) and _reaches(history.orders, spend_minor, days, threshold)
        ),
        Tier.ENTRY,
    )
    return tier, Decision(
        question="Which tier has the customer?",
        answer=tier.value,
        rule="tier_thresholds",
        source="tier table, thresholds" if same_currency else f"tier table; spend in {history.currency} is not counted",
        inputs=(
            ("orders", str(history.orders)),
            ("spend_minor", str(history.spend_minor)),
            ("currency", history.currency),
            ("days_since_last_order", "none" if days is None else str(days)),
            ("window_months", str(thresholds.window_months)),
        ),
    )


def _reaches(orders: int, spend_minor: int, days_since_last: int | None, threshold: Threshold) -> bool:
    return (
        orders >= threshold.orders
        and spend_minor >= threshold.spend_minor
        and days_since_last is not None
        and days_since_last <= threshold.active_within_days
    )
