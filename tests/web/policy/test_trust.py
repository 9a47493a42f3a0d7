"""Nothing doubtful is told as law, and no doubt is one that nobody can read."""

from dataclasses import replace

import pytest

from domain.market import Confidence, Market, no_statute_on_file
from policies.book import load_policy_book
from web.policy.trust import fields_doubted, may_be_told

MARKETS = load_policy_book().markets
SURE = replace(MARKETS["DE"], uncertain_fields=())


@pytest.mark.parametrize("market", MARKETS.values(), ids=lambda market: market.market)
def test_every_doubt_of_a_row_can_be_read(market: Market) -> None:
    assert [doubt for doubt in market.uncertain_fields if fields_doubted(doubt) is None] == []


def test_a_doubt_that_nobody_can_read_is_none_of_these() -> None:
    assert fields_doubted("the weather") is None


def test_a_sure_fact_may_be_told() -> None:
    assert may_be_told(SURE, "withdrawal_right", "refund_days")


def test_a_row_of_low_confidence_tells_nothing() -> None:
    assert not may_be_told(replace(SURE, confidence=Confidence.LOW), "withdrawal_right")
    assert not may_be_told(no_statute_on_file("XX"), "withdrawal_right")


@pytest.mark.parametrize("doubt", ["refund_days", "refund_days (memory)", "refund_* (memory)", "all", "details"])
def test_one_doubtful_field_is_enough(doubt: str) -> None:
    market = replace(SURE, uncertain_fields=(doubt,))
    assert not may_be_told(market, "refund_starts", "refund_days")


def test_a_doubt_about_something_else_is_none() -> None:
    assert may_be_told(replace(SURE, uncertain_fields=("defect_* (memory)",)), "refund_days")
