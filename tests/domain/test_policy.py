"""Programmes and the tier table: what they answer, and how they say that they do not know."""

from dataclasses import replace

import pytest

from domain.policy import UnknownProgramme, UnknownTierRow
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
    with pytest.raises(UnknownProgramme, match=r"'speedy'; known: online_retail, standard"):
        BOOK.programme("speedy")


def test_an_unknown_row_and_a_row_that_is_no_number() -> None:
    with pytest.raises(UnknownTierRow, match="no row 'nothing'"):
        BOOK.tiers.row("nothing")
    with pytest.raises(UnknownTierRow, match="'approval' of the tier table holds no whole number for VIP"):
        BOOK.tiers.number("approval", Tier.VIP)
