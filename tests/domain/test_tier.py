"""Tiers: all three thresholds count, and only the trailing months; what is reached is kept for a while, and a lock goes before all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.rates import PolicyRates
from domain.tier import (
    Grace,
    NextTier,
    PlacedOrder,
    PurchaseHistory,
    Threshold,
    Tier,
    TierLock,
    TierThresholds,
    history_of,
    months_before,
    next_tier,
    orders_since,
    standing_at,
    tier_now,
    tier_of,
)

TODAY = date(2026, 6, 30)
THRESHOLDS = TierThresholds(
    currency="GBP",
    window_months=12,
    by_tier={
        Tier.INTERMEDIATE: Threshold(orders=2, spend_minor=30_000, active_within_days=365),
        Tier.ADVANCED: Threshold(orders=4, spend_minor=150_000, active_within_days=180),
        Tier.VIP: Threshold(orders=8, spend_minor=400_000, active_within_days=120),
    },
)
LOYAL = PurchaseHistory(orders=8, spend_minor=400_000, currency="GBP", last_order=TODAY - timedelta(days=120))


@pytest.mark.parametrize(
    ("history", "tier"),
    [
        pytest.param(LOYAL, Tier.VIP, id="exactly at the threshold"),
        pytest.param(replace(LOYAL, orders=7), Tier.ADVANCED, id="one order short"),
        pytest.param(replace(LOYAL, spend_minor=399_999), Tier.ADVANCED, id="a penny short"),
        pytest.param(replace(LOYAL, last_order=TODAY - timedelta(days=121)), Tier.ADVANCED, id="away a day too long"),
        pytest.param(replace(LOYAL, orders=1, spend_minor=7_718_360), Tier.ENTRY, id="one very large order"),
        pytest.param(replace(LOYAL, orders=3), Tier.INTERMEDIATE, id="came back twice"),
        pytest.param(PurchaseHistory(0, 0, "GBP", None), Tier.ENTRY, id="never bought"),
    ],
)
def test_the_highest_tier_reached_in_orders_spend_and_recency(history: PurchaseHistory, tier: Tier) -> None:
    assert tier_of(history, THRESHOLDS, TODAY)[0] is tier


def test_the_answer_says_what_was_looked_at() -> None:
    tier, decision = tier_of(LOYAL, THRESHOLDS, TODAY)

    assert decision.answer == tier == "VIP"
    assert dict(decision.inputs)["days_since_last_order"] == "120"


def test_spend_in_another_currency_is_not_counted_and_the_answer_says_so() -> None:
    tier, decision = tier_of(replace(LOYAL, currency="EUR"), THRESHOLDS, TODAY)

    assert tier is Tier.ENTRY
    assert "EUR is not counted" in decision.source


def placed(days_ago: int, total_minor: int = 10_000, currency: str = "GBP") -> PlacedOrder:
    return PlacedOrder(datetime(2026, 6, 30, 12, tzinfo=UTC) - timedelta(days=days_ago), total_minor, currency)


def test_history_counts_the_trailing_months_up_to_the_moment() -> None:
    at = datetime(2026, 6, 30, 12, tzinfo=UTC)
    orders = [placed(-1), placed(0), placed(364), placed(365), placed(3, 500, "EUR")]

    history = history_of(orders, thresholds=THRESHOLDS, at=at)

    assert history == PurchaseHistory(
        orders=3, spend_minor=20_000, currency="GBP", last_order=TODAY, not_counted=("EUR",)
    )


def test_history_of_nothing() -> None:
    assert history_of([], thresholds=THRESHOLDS, at=datetime(2026, 6, 30, tzinfo=UTC)).last_order is None


@pytest.mark.parametrize(
    ("day", "months", "earlier"),
    [
        (date(2026, 6, 30), 12, date(2025, 6, 30)),
        (date(2024, 2, 29), 12, date(2023, 2, 28)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 1, date(2025, 12, 31)),
        (date(2026, 12, 15), 0, date(2026, 12, 15)),
    ],
)
def test_months_end_on_the_same_day_or_the_last_one(day: date, months: int, earlier: date) -> None:
    assert months_before(day, months) == earlier


@given(
    orders=st.integers(0, 20),
    spend=st.integers(0, 1_000_000),
    days=st.integers(0, 400),
    more=st.tuples(st.integers(0, 5), st.integers(0, 200_000), st.integers(0, 100)),
)
def test_buying_more_and_more_recently_never_lowers_the_tier(
    orders: int, spend: int, days: int, more: tuple[int, int, int]
) -> None:
    def tier(orders: int, spend: int, days: int) -> int:
        history = PurchaseHistory(orders, spend, "GBP", TODAY - timedelta(days=days))
        return list(Tier).index(tier_of(history, THRESHOLDS, TODAY)[0])

    assert tier(orders + more[0], spend + more[1], max(0, days - more[2])) >= tier(orders, spend, days)


RATES = PolicyRates(date(2026, 6, 30), "an example", {"GBP": Decimal("0.80"), "JPY": Decimal("160")})
NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


def test_spend_in_other_currencies_counts_by_the_rates_and_the_answer_says_by_which() -> None:
    orders = [placed(1, 100_00), placed(2, 100_00, "EUR"), placed(3, 1_600, "JPY"), placed(4, 999, "RUB")]

    history = history_of(orders, thresholds=THRESHOLDS, at=NOON, rates=RATES)
    _, decision = tier_of(history, THRESHOLDS, TODAY)

    assert (history.orders, history.spend_minor) == (4, 100_00 + 80_00 + 8_00)
    assert (history.translated, history.not_counted) == (("EUR", "JPY"), ("RUB",))
    assert "an example, 30 Jun 2026" in decision.source
    assert dict(decision.inputs)["spend_translated_from"] == "EUR, JPY"
    assert dict(decision.inputs)["spend_not_counted"] == "RUB"


def noon(days_ago: int) -> datetime:
    return NOON - timedelta(days=days_ago)


REGULAR = [placed(364 + days, 10_000) for days in range(4)] + [placed(90, 200_000), placed(80), placed(70), placed(60)]
"""Eight orders, of which the first four leave the trailing months one after the other."""
GRACEFUL = replace(
    THRESHOLDS,
    by_tier={
        Tier.INTERMEDIATE: Threshold(orders=2, spend_minor=30_000, active_within_days=365),
        Tier.ADVANCED: Threshold(orders=5, spend_minor=150_000, active_within_days=180),
        Tier.VIP: Threshold(orders=8, spend_minor=200_000, active_within_days=120),
    },
    grace_days=30,
)


@pytest.mark.parametrize(
    ("days_later", "tier", "rule"),
    [
        pytest.param(-3, Tier.VIP, "tier_thresholds", id="the last day with all eight orders"),
        pytest.param(-2, Tier.VIP, "tier_grace", id="the first of them has left: kept"),
        pytest.param(27, Tier.VIP, "tier_grace", id="the last day of the grace"),
        pytest.param(28, Tier.ADVANCED, "tier_grace", id="the day after: what was reached within the last thirty days"),
        pytest.param(30, Tier.ADVANCED, "tier_grace", id="the last day of that"),
        pytest.param(31, Tier.INTERMEDIATE, "tier_thresholds", id="then the figures alone"),
    ],
)
def test_a_tier_once_reached_is_kept_for_the_grace(days_later: int, tier: Tier, rule: str) -> None:
    reached, decision = tier_now(REGULAR, None, GRACEFUL, None, noon(-days_later))

    assert (reached, decision.rule) == (tier, rule)


def test_the_answer_says_when_the_tier_would_have_fallen_and_until_when_it_is_kept() -> None:
    standing = standing_at(REGULAR, None, GRACEFUL, None, noon(-10))
    inputs = dict(standing.why.inputs)

    assert standing.grace == Grace(reached_on=date(2026, 6, 27), kept_until=date(2026, 7, 27))
    assert (standing.tier, standing.computed) == (Tier.VIP, Tier.INTERMEDIATE)
    assert (inputs["computed"], inputs["fallen_without_grace_on"]) == ("INTERMEDIATE", "2026-06-28")
    assert "kept until 27 Jul 2026" in standing.why.source


def test_without_days_of_grace_the_figures_of_the_day_decide() -> None:
    tier, decision = tier_now(REGULAR, None, replace(GRACEFUL, grace_days=0), None, noon(-10))

    assert (tier, decision.rule) == (Tier.INTERMEDIATE, "tier_thresholds")


currencies = st.sampled_from(["GBP", "EUR", "RUB"])
histories = st.lists(
    st.builds(
        lambda days, hours, total, currency: PlacedOrder(NOON - timedelta(days=days, hours=hours), total, currency),
        st.integers(-5, 110),
        st.integers(0, 23),
        st.integers(0, 30_000),
        currencies,
    ),
    max_size=14,
)
SHORT = TierThresholds(
    currency="GBP",
    window_months=2,
    by_tier={
        Tier.INTERMEDIATE: Threshold(orders=1, spend_minor=0, active_within_days=40),
        Tier.ADVANCED: Threshold(orders=3, spend_minor=20_000, active_within_days=20),
        Tier.VIP: Threshold(orders=5, spend_minor=50_000, active_within_days=10),
    },
)


def day_by_day(orders: Sequence[PlacedOrder], thresholds: TierThresholds, at: datetime) -> tuple[Tier, date]:
    """The naive answer: every day of the stretch is asked, each at its end, and the highest wins; with its last day."""
    best, last = Tier.ENTRY, at.date() - timedelta(days=thresholds.grace_days)
    for back in reversed(range(thresholds.grace_days + 1)):
        day = at.date() - timedelta(days=back)
        moment = min(at, datetime.combine(day, time.max, UTC))
        history = history_of(orders, thresholds=thresholds, at=moment, rates=RATES)
        tier, _ = tier_of(history, thresholds, day)
        if list(Tier).index(tier) >= list(Tier).index(best):
            best, last = tier, day
    return best, last


@settings(max_examples=400, deadline=None)
@given(orders=histories, grace_days=st.integers(0, 40), later=st.integers(0, 60))
def test_the_grace_is_the_highest_tier_of_all_its_days(orders: list[PlacedOrder], grace_days: int, later: int) -> None:
    thresholds, at = replace(SHORT, grace_days=grace_days), noon(-later)

    standing = standing_at(orders, None, thresholds, RATES, at)
    tier, last_reached = day_by_day(orders, thresholds, at)

    assert standing.tier is tier
    assert standing.grace == (
        None if last_reached == at.date() else Grace(last_reached, last_reached + timedelta(days=grace_days))
    )


@settings(max_examples=200, deadline=None)
@given(orders=histories, grace_days=st.integers(0, 40), later=st.integers(0, 60))
def test_orders_before_those_that_matter_change_nothing(orders: list[PlacedOrder], grace_days: int, later: int) -> None:
    thresholds, at = replace(SHORT, grace_days=grace_days), noon(-later)
    since = orders_since(thresholds, at)

    assert standing_at([order for order in orders if order.placed_at >= since], None, thresholds, RATES, at) == (
        standing_at(orders, None, thresholds, RATES, at)
    )


LOCK = TierLock(Tier.VIP, "Maria", "lost parcels in March", at=noon(10), until=noon(-10))


@pytest.mark.parametrize(
    ("days_ago", "tier"),
    [
        pytest.param(11, Tier.ENTRY, id="asked as of a day before it was set"),
        pytest.param(10, Tier.VIP, id="from the moment it is set"),
        pytest.param(-9, Tier.VIP, id="until it ends"),
        pytest.param(-10, Tier.ENTRY, id="from its end on no longer"),
    ],
)
def test_a_lock_counts_from_when_it_was_set_until_it_ends(days_ago: int, tier: Tier) -> None:
    assert tier_now([], LOCK, THRESHOLDS, None, noon(days_ago))[0] is tier


def test_a_lock_without_end_holds_and_may_also_hold_down() -> None:
    lock = replace(LOCK, tier=Tier.ENTRY, until=None)
    standing = standing_at(REGULAR, lock, GRACEFUL, None, noon(-3))

    assert (standing.tier, standing.computed, standing.lock) == (Tier.ENTRY, Tier.INTERMEDIATE, lock)


def test_a_lock_says_who_when_and_why() -> None:
    _, decision = tier_now([], LOCK, THRESHOLDS, None, NOON)

    assert decision.rule == "tier_locked"
    assert decision.source == (
        "locked by Maria on 20 Jun 2026 at 12:00 UTC, until 10 Jul 2026 at 12:00 UTC: lost parcels in March"
    )
    assert decision.inputs[0] == ("computed", "ENTRY")


@pytest.mark.parametrize(
    ("history", "missing"),
    [
        pytest.param(LOYAL, None, id="nothing above VIP"),
        pytest.param(replace(LOYAL, orders=7), NextTier(Tier.VIP, 1, 0, 120, True), id="an order"),
        pytest.param(
            replace(LOYAL, orders=9, spend_minor=380_000), NextTier(Tier.VIP, 0, 20_000, 120, True), id="some spend"
        ),
        pytest.param(
            replace(LOYAL, last_order=TODAY - timedelta(days=121)),
            NextTier(Tier.VIP, 0, 0, 120, False),
            id="too long ago",
        ),
        pytest.param(
            PurchaseHistory(0, 0, "GBP", None), NextTier(Tier.INTERMEDIATE, 2, 30_000, 365, False), id="everything"
        ),
    ],
)
def test_what_is_missing_for_the_tier_above(history: PurchaseHistory, missing: NextTier | None) -> None:
    assert next_tier(history, THRESHOLDS, TODAY) == missing
