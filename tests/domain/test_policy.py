"""Programmes and the tier table: what they answer, and how they say that they do not know."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.policy import LineFacts, MonthDay, Season, UnknownProgramme, UnknownTierRow, WindowRule
from domain.tier import Tier
from policies.book import load_policy_book

BOOK = load_policy_book()
SHOP = BOOK.programme("online_retail")


def test_the_example_shop_bears_everything_for_a_year() -> None:
    assert SHOP.bears_all
    assert SHOP.return_window_days == 400
    assert SHOP.source == "programme online_retail v1"


def test_the_standard_programme_leaves_fees_to_law_and_fault_and_the_window_to_the_tier() -> None:
    standard = BOOK.programme("standard")

    assert not standard.bears_all
    assert standard.return_window_days is None


@pytest.mark.parametrize(
    ("sku", "goods"), [("POST", False), ("M", False), ("m", False), ("22960", True), ("post", True)]
)
def test_goods_by_exact_code(sku: str, goods: bool) -> None:
    assert SHOP.is_goods_sku(sku) is goods


@pytest.mark.parametrize(("category", "goods"), [("GOODS", True), ("VOUCHER", True), ("CARRIAGE", False), (None, True)])
def test_goods_by_category(category: str | None, goods: bool) -> None:
    assert SHOP.is_goods_category(category) is goods


def test_without_a_list_every_category_is_goods() -> None:
    assert replace(SHOP, goods_categories=frozenset()).is_goods_category("CARRIAGE")


def test_an_unknown_programme_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownProgramme, match=r"'leisurely'; known: mediated, norm_2025, "):
        BOOK.programme("leisurely")


def test_an_unknown_row_and_a_row_that_is_no_number() -> None:
    with pytest.raises(UnknownTierRow, match="no row 'nothing'"):
        BOOK.tiers.row("nothing")
    with pytest.raises(UnknownTierRow, match="'approval' of the tier table holds no whole number for VIP"):
        BOOK.tiers.number("approval", Tier.VIP)


# --- windows of their own

PRESENTS = WindowRule("presents", until=MonthDay(1, 31), season=Season(MonthDay(11, 1), MonthDay(12, 31)))


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        pytest.param({"categories": {"shoes"}}, LineFacts(category="shoes"), id="category"),
        pytest.param({"conditions": {"refurbished"}}, LineFacts(condition="refurbished"), id="condition"),
        pytest.param({"channels": {"store"}}, LineFacts(channel="store"), id="channel"),
        pytest.param({"payments": {"store_card"}}, LineFacts(payments=frozenset({"card", "store_card"})), id="payment"),
        pytest.param({"sellers": {"s_1"}}, LineFacts(seller="s_1"), id="seller"),
    ],
)
def test_a_window_may_depend_on_the_goods_and_how_they_were_sold(rule: dict[str, Any], facts: LineFacts) -> None:
    own = WindowRule("own", days=90, **{name: frozenset(words) for name, words in rule.items()})  # type: ignore[arg-type]
    policy = replace(SHOP, windows=(own,))

    assert policy.window_rule(facts) is own
    assert policy.window_rule(LineFacts()) is None


def test_every_condition_of_a_rule_must_hold_and_the_first_rule_that_fits_counts() -> None:
    both = WindowRule("both", days=90, categories=frozenset({"shoes"}), channels=frozenset({"web"}))
    any_shoes = WindowRule("any shoes", days=60, categories=frozenset({"shoes"}))
    policy = replace(SHOP, windows=(both, any_shoes))

    assert policy.window_rule(LineFacts(category="shoes", channel="web")) is both
    assert policy.window_rule(LineFacts(category="shoes", channel="store")) is any_shoes


@pytest.mark.parametrize(
    ("placed", "last_day"),
    [
        pytest.param(date(2026, 10, 31), None, id="before the season"),
        pytest.param(date(2026, 11, 1), date(2027, 1, 31), id="its first day"),
        pytest.param(date(2026, 12, 31), date(2027, 1, 31), id="its last day"),
    ],
)
def test_presents_come_back_after_the_holidays(placed: date, last_day: date | None) -> None:
    found = replace(SHOP, windows=(PRESENTS,)).window_rule(LineFacts(placed_on=placed))

    assert (found and found.last_day(placed)) == last_day


@pytest.mark.parametrize(("on", "holds"), [((12, 20), True), ((1, 6), True), ((1, 7), False), ((6, 1), False)])
def test_a_season_may_run_over_the_end_of_the_year(on: tuple[int, int], holds: bool) -> None:
    assert Season(MonthDay(12, 20), MonthDay(1, 6)).holds(date(2027, *on)) is holds


def test_the_twenty_ninth_of_february_is_the_last_of_february_in_other_years() -> None:
    assert MonthDay(2, 29).in_year(2028) == date(2028, 2, 29)
    assert str(MonthDay(2, 9)) == "02-09"
