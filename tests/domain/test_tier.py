"""Tiers: all three thresholds count, and only the trailing months."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tier import (
    PlacedOrder,
    PurchaseHistory,
    Threshold,
    Tier,
    TierThresholds,
    history_of,
    months_before,
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

    assert history == PurchaseHistory(orders=3, spend_minor=20_000, currency="GBP", last_order=TODAY)


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
