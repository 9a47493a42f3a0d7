"""The customer's tier: from the purchase history of the trailing months to ENTRY, INTERMEDIATE, ADVANCED or VIP.

A tier earns shorter deadlines and longer windows (policies/tiers.toml); it never takes a statutory right away. A tier
is reached when orders, spend and recency all reach its thresholds: one very large order does not make a regular
customer.

Whoever has reached a tier keeps it for some days after the figures have fallen below it (the grace), and a person may
lock a tier by hand, with a reason. The grace is worked out from the orders alone: the tier of any day, past ones
included, can be asked without anything having been kept. `tier_now` puts lock, grace and thresholds together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from domain.explain import Decision
from domain.frozen import quickly_made
from domain.rates import PolicyRates

GRACE_DAYS = 30
QUESTION = "Which tier has the customer?"


class Tier(StrEnum):
    """The four tiers, lowest first."""

    ENTRY = "ENTRY"
    INTERMEDIATE = "INTERMEDIATE"
    ADVANCED = "ADVANCED"
    VIP = "VIP"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS: Mapping[str, int] = {tier: rank for rank, tier in enumerate(Tier)}


@quickly_made
@dataclass(frozen=True)
class PurchaseHistory:
    """What a customer bought in the trailing months: number of orders, spend in minor units, day of the latest order.

    Spend is before returns: a return is a right, and must not cost the customer the tier. `translated` are the other
    currencies that spend was translated from, by the rates `translated_by`; `not_counted` those that had no rate.
    """

    orders: int
    spend_minor: int
    currency: str
    last_order: date | None
    translated: tuple[str, ...] = ()
    translated_by: str = ""
    not_counted: tuple[str, ...] = ()

    def days_since_last(self, on: date) -> int | None:
        return (on - self.last_order).days if self.last_order else None


@dataclass(frozen=True)
class Threshold:
    """What a tier asks for: at least so many orders and so much spend, the latest order at most so many days ago."""

    orders: int
    spend_minor: int
    active_within_days: int


@dataclass(frozen=True)
class TierThresholds:
    """The thresholds of the tiers above ENTRY; spend in the minor units of one base currency, over `window_months`.

    A tier once reached is kept for `grace_days` after the last day on which its thresholds were reached.
    """

    currency: str
    window_months: int
    by_tier: Mapping[Tier, Threshold]
    grace_days: int = GRACE_DAYS


@dataclass(frozen=True)
class PlacedOrder:
    """One order of a customer, as far as the tier looks at it."""

    placed_at: datetime
    total_minor: int
    currency: str


@dataclass(frozen=True)
class TierLock:
    """A tier set by hand: by whom, why, since when, and until when (None: until a person lifts it)."""

    tier: Tier
    by: str
    reason: str
    at: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it counts at a moment: not before it was set, nor from its end on."""
        return self.at <= at and not self.is_over(at)

    def is_over(self, at: datetime) -> bool:
        return self.until is not None and at >= self.until

    def __str__(self) -> str:
        end = f", until {_moment(self.until)}" if self.until else ""
        return f"locked by {self.by} on {_moment(self.at)}{end}: {self.reason}"


@dataclass(frozen=True)
class Grace:
    """A tier kept although the figures have fallen: last reached on a day, kept to the end of another."""

    reached_on: date
    kept_until: date

    @property
    def fallen_on(self) -> date:
        """The day on which the tier would have fallen without the grace."""
        return self.reached_on + timedelta(days=1)


@quickly_made
@dataclass(frozen=True)
class Standing:
    """Where a customer stands: the tier, why, and what it comes from.

    `computed` is what the figures of the day alone come to; `grace` and `lock` are there when they lift or set the tier.
    """

    tier: Tier
    computed: Tier
    history: PurchaseHistory
    why: Decision
    grace: Grace | None = None
    lock: TierLock | None = None


@dataclass(frozen=True)
class NextTier:
    """What a customer lacks for the tier above the figures of the day: orders, spend, and an order so recently."""

    tier: Tier
    orders: int
    spend_minor: int
    active_within_days: int
    active: bool


@dataclass(frozen=True)
class Reviewed:
    """What a review of all customers came to: how many, how many tiers changed, and customers by tier before and after."""

    customers: int
    changed: int
    before: Mapping[str, int]
    after: Mapping[str, int]


def tier_now(
    orders: Iterable[PlacedOrder],
    lock: TierLock | None,
    thresholds: TierThresholds,
    rates: PolicyRates | None,
    at: datetime,
) -> tuple[Tier, Decision]:
    """The customer's tier at a moment, and why: a lock first, then the grace, then the thresholds.

    `orders` are those since `orders_since(thresholds, at)` at least; later ones than `at` are not looked at.
    """
    standing = standing_at(orders, lock, thresholds, rates, at)
    return standing.tier, standing.why


def standing_at(
    orders: Iterable[PlacedOrder],
    lock: TierLock | None,
    thresholds: TierThresholds,
    rates: PolicyRates | None,
    at: datetime,
) -> Standing:
    """Where the customer stands at a moment; like `tier_now`, with everything that it comes from."""
    known = [order for order in orders if order.placed_at <= at]
    today = at.date()
    history = _history_on(known, thresholds, rates, today)
    computed, why = tier_of(history, thresholds, today)
    if lock and lock.holds(at):
        told = Decision(
            QUESTION, lock.tier.value, "tier_locked", str(lock), (("computed", computed.value), *why.inputs)
        )
        return Standing(lock.tier, computed, history, told, lock=lock)

    def reached(on: date) -> Tier:
        return _highest(_history_on(known, thresholds, rates, on), thresholds, on)

    tier, last_reached = _highest_of_the_grace(known, thresholds.grace_days, reached, computed, today)
    if last_reached == today:
        return Standing(tier, computed, history, why)
    grace = Grace(last_reached, last_reached + timedelta(days=thresholds.grace_days))
    inputs = (
        ("computed", computed.value),
        ("last_reached_on", str(grace.reached_on)),
        ("fallen_without_grace_on", str(grace.fallen_on)),
        ("kept_until", str(grace.kept_until)),
        ("grace_days", str(thresholds.grace_days)),
        *why.inputs,
    )
    source = f"tier table, grace of {thresholds.grace_days} days: kept until {grace.kept_until:%d %b %Y}"
    return Standing(tier, computed, history, Decision(QUESTION, tier.value, "tier_grace", source, inputs), grace=grace)


def orders_since(thresholds: TierThresholds, at: datetime) -> datetime:
    """The moment from which on orders matter for the tier at `at`, the days of its grace included."""
    first_day = months_before(at.date() - timedelta(days=thresholds.grace_days), thresholds.window_months)
    return datetime.combine(first_day, time.min, UTC)


def _highest_of_the_grace(
    orders: Sequence[PlacedOrder], grace_days: int, reached: Callable[[date], Tier], today_reached: Tier, today: date
) -> tuple[Tier, date]:
    """The highest tier of the last `grace_days` days and today, and the last of them on which it was reached.

    Between two orders nothing can raise a tier: orders leave the trailing months, and the latest one grows older. So only
    the first of the days and those with orders are asked, and the day on which the highest one fell is found by halving.
    """
    if not grace_days or today_reached is Tier.VIP:
        return today_reached, today
    first = today - timedelta(days=grace_days)
    days = sorted({first, *(day for order in orders if first < (day := order.placed_at.date()) <= today)})
    tiers = [reached(day) for day in days]
    highest = max([*tiers, today_reached], key=lambda tier: tier.rank)
    if highest is today_reached:
        return highest, today
    last = max(index for index, tier in enumerate(tiers) if tier is highest)
    held, lost = days[last], days[last + 1] if last + 1 < len(days) else today
    while (lost - held).days > 1:
        middle = held + timedelta(days=(lost - held).days // 2)
        if reached(middle) is highest:
            held = middle
        else:
            lost = middle
    return highest, held


def history_of(
    orders: Iterable[PlacedOrder], *, thresholds: TierThresholds, at: datetime, rates: PolicyRates | None = None
) -> PurchaseHistory:
    """The purchase history as of `at`: orders of the trailing months, none of them later than the moment asked about.

    Spend in another currency than the thresholds' is translated by `rates`. Without a rate such orders count as orders, and
    their spend is left out.
    """
    return _history_on([order for order in orders if order.placed_at <= at], thresholds, rates, at.date())


def _history_on(
    orders: Sequence[PlacedOrder], thresholds: TierThresholds, rates: PolicyRates | None, on: date
) -> PurchaseHistory:
    earliest = months_before(on, thresholds.window_months)
    spend: dict[str, int] = {}
    count, last = 0, None
    for order in orders:
        day = order.placed_at.date()
        if earliest < day <= on:
            count += 1
            spend[order.currency] = spend.get(order.currency, 0) + order.total_minor
            last = day if last is None or day > last else last
    total, translated, not_counted = spend.pop(thresholds.currency, 0), [], []
    for currency, minor in sorted(spend.items()):
        worth = rates.translate(minor, currency, thresholds.currency) if rates else None
        if worth is None:
            not_counted.append(currency)
        else:
            translated.append(currency)
            total += worth
    return PurchaseHistory(
        orders=count,
        spend_minor=total,
        currency=thresholds.currency,
        last_order=last,
        translated=tuple(translated),
        translated_by=str(rates) if translated else "",
        not_counted=tuple(not_counted),
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
    """The highest tier whose thresholds the history reaches on the day, and why; neither lock nor grace.

    A history in another currency than the thresholds' has no spend that counts here; the answer says so.
    """
    tier = _highest(history, thresholds, on)
    days = history.days_since_last(on)
    inputs = (
        ("orders", str(history.orders)),
        ("spend_minor", str(history.spend_minor)),
        ("currency", history.currency),
        ("days_since_last_order", "none" if days is None else str(days)),
        ("window_months", str(thresholds.window_months)),
        *((("spend_translated_from", ", ".join(history.translated)),) if history.translated else ()),
        *((("spend_not_counted", ", ".join(history.not_counted)),) if history.not_counted else ()),
    )
    return tier, Decision(QUESTION, tier.value, "tier_thresholds", _source(history, thresholds), inputs)


def next_tier(history: PurchaseHistory, thresholds: TierThresholds, on: date) -> NextTier | None:
    """What is missing for the tier above the one that the figures reach on the day; None at the top."""
    reached = _highest(history, thresholds, on)
    above = next((tier for tier in Tier if tier.rank == reached.rank + 1), None)
    threshold = thresholds.by_tier.get(above) if above else None
    if above is None or threshold is None:
        return None
    days = history.days_since_last(on)
    return NextTier(
        tier=above,
        orders=max(0, threshold.orders - history.orders),
        spend_minor=max(0, threshold.spend_minor - history.spend_minor),
        active_within_days=threshold.active_within_days,
        active=days is not None and days <= threshold.active_within_days,
    )


def _source(history: PurchaseHistory, thresholds: TierThresholds) -> str:
    if history.currency != thresholds.currency:
        return f"tier table; spend in {history.currency} is not counted"
    by = f"; other currencies by {history.translated_by}" if history.translated else ""
    without = f"; spend in {', '.join(history.not_counted)} is not counted" if history.not_counted else ""
    return f"tier table, thresholds{by}{without}"


def _highest(history: PurchaseHistory, thresholds: TierThresholds, on: date) -> Tier:
    spend_minor = history.spend_minor if history.currency == thresholds.currency else 0
    days = history.days_since_last(on)
    return next(
        (
            tier
            for tier in reversed(Tier)
            if (threshold := thresholds.by_tier.get(tier)) and _reaches(history.orders, spend_minor, days, threshold)
        ),
        Tier.ENTRY,
    )


def _reaches(orders: int, spend_minor: int, days_since_last: int | None, threshold: Threshold) -> bool:
    return (
        orders >= threshold.orders
        and spend_minor >= threshold.spend_minor
        and days_since_last is not None
        and days_since_last <= threshold.active_within_days
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %b %Y at %H:%M UTC}"
