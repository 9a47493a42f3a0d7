"""Terms: the promise of the tier, raised to the law, never lowered."""

from dataclasses import replace

import pytest

from domain.market import Market, market_of
from domain.policy import Starts
from domain.terms import Terms, shortest_days, terms_for
from domain.tier import Tier
from policies.book import load_policy_book

BOOK = load_policy_book()
STANDARD = BOOK.programme("standard")
GERMANY = market_of(BOOK, "DE")
HONG_KONG = market_of(BOOK, "HK")
INDONESIA = market_of(BOOK, "ID")


def terms(market: Market = GERMANY, tier: Tier = Tier.ENTRY, **policy: object) -> Terms:
    return terms_for(replace(STANDARD, **policy), market, tier)  # type: ignore[arg-type]


def test_the_terms_carry_the_promise_of_the_tier() -> None:
    vip = terms(HONG_KONG, Tier.VIP)

    assert (vip.tier, vip.market, vip.programme, vip.policy_version) == (Tier.VIP, "HK", "standard", "1")
    assert (vip.return_window_days, vip.starts, vip.merchant_bears_all) == (60, Starts.DELIVERED, False)
    assert (vip.limits.approval, vip.limits.pickup, vip.limits.pickup_tries) == ("1h", "12h", 3)
    assert (vip.limits.inspection, vip.limits.refund, vip.limits.transit) == ("12h", "1h", "14d")


@pytest.mark.parametrize(
    ("tier", "germany", "hong_kong"),
    [
        (Tier.ENTRY, "14d", "7d"),
        (Tier.INTERMEDIATE, "14d", "10d"),
        (Tier.ADVANCED, "14d", "14d"),
        (Tier.VIP, "14d", "14d"),
    ],
)
def test_the_time_to_send_back_is_raised_to_the_law(tier: Tier, germany: str, hong_kong: str) -> None:
    assert terms(GERMANY, tier).limits.ship_back == germany
    assert terms(HONG_KONG, tier).limits.ship_back == hong_kong


@pytest.mark.parametrize(
    ("promised", "agreed"),
    [("336h", "336h"), ("335h", "14d"), ("14bd", "14bd"), ("13bd", "14d"), ("90min", "14d")],
)
def test_promises_in_other_units_are_compared_by_the_least_time_they_give(promised: str, agreed: str) -> None:
    table = STANDARD.tier_table
    row = replace(table.row("ship_back"), values=dict.fromkeys(Tier, promised))
    edited = replace(table, rows={**table.rows, "ship_back": row})

    assert terms(GERMANY, tier_table=edited).limits.ship_back == agreed


def test_a_raised_value_names_the_law_and_a_kept_one_the_promise() -> None:
    assert terms(GERMANY, Tier.ENTRY).source_of("ship_back").startswith("law of DE: BGB")
    assert terms(GERMANY, Tier.VIP).source_of("ship_back") == "tier table v1, VIP"


@pytest.mark.parametrize(("promised", "days"), [(7, 14), (14, 14), (30, 30)])
def test_the_window_is_raised_to_the_statutory_right_and_never_lowered(promised: int, days: int) -> None:
    assert terms(GERMANY, return_window_days=promised).return_window_days == days


def test_where_there_is_no_right_the_promise_stands() -> None:
    assert terms(HONG_KONG, return_window_days=7).return_window_days == 7
    assert terms(HONG_KONG).withdrawal_days == 0


def test_a_conditional_right_is_never_applied_by_itself() -> None:
    assert terms(INDONESIA, return_window_days=1).return_window_days == 1


def test_a_right_in_business_days_is_counted_with_its_weekends() -> None:
    five_business_days = replace(GERMANY, withdrawal_days=5, withdrawal_day_type="business")

    agreed = terms(five_business_days)

    assert (agreed.withdrawal_days, agreed.withdrawal_business) == (5, True)
    assert agreed.return_window_days >= 7


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("country", sorted(BOOK.markets))
@pytest.mark.parametrize("programme", sorted(BOOK.programmes))
def test_no_programme_promises_less_than_any_law(programme: str, country: str, tier: Tier) -> None:
    market = BOOK.markets[country]
    agreed = terms_for(BOOK.programme(programme), market, tier)

    assert agreed.return_window_days >= agreed.withdrawal_days
    if market.has_withdrawal_right:
        assert agreed.withdrawal_days >= (market.withdrawal_days or 0) > 0
    if market.consumer_ship_back_days:
        assert shortest_days(agreed.limits.ship_back) >= market.consumer_ship_back_days
