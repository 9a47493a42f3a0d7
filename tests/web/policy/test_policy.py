"""The messages of the policy: each is said by somebody, and each language says it in its own words."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.advances import Guarantee
from domain.charges import DeliveryBack
from domain.goods import GoodsCondition, Nature
from domain.handling import Charge, FeePolicy, Price
from domain.policy import MonthDay, RefundOnly, ReturnPolicy, Season, Starts, Waterfall, WindowRule
from domain.reasons import ReturnReason
from domain.state import Method
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book
from tests.web.policy.test_sentences import with_row
from web.policy import phrases
from web.policy.sentences import Basis, policy_in_words
from web.words import FIRST, LANGUAGES, WORDS, Words

BOOK = load_policy_book()
STANDARD = BOOK.programme("standard")
PAGE = {"title", "for", "choose", "market", "tier", "show", "legend", "version", "law_as_of"}
# What is the same in two languages, and rightly so.
ALIKE = {
    "policy.separator",
    "policy.minutes.one",
    "policy.minutes.other",
    "policy.tier.VIP",
    "policy.place.CA-ON",
    "policy.windows.days",
    "policy.windows.until",
}


class Listening(Words):
    """English, which notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(FIRST, WORDS[FIRST].messages)
        self.asked: set[str] = set()

    def __call__(self, name: str, **given: object) -> str:
        self.asked.add(name)
        return super().__call__(name, **given)


def everything_a_policy_can_be() -> Iterator[ReturnPolicy]:
    full: dict[str, Any] = {
        "excluded": frozenset(Nature),
        "accepts": frozenset(GoodsCondition),
        "goods_categories": frozenset({"hats"}),
        "natures": {"hats": Nature.CUSTOM_MADE},
        "not_goods_skus": frozenset({"POST"}),
        "reasons": frozenset(ReturnReason),
        "methods": frozenset(Method),
        "refer_above_minor": {"EUR": 50000},
        "shopper_informed": True,
        "waterfall": tuple(Waterfall),
        "informed_of_right": False,
        "returnless": True,
        "refund_only": RefundOnly.RULE,
    }
    parts: dict[str, Any] = {
        name: frozenset({"x"}) for name in ("categories", "conditions", "channels", "payments", "sellers")
    }
    season = Season(MonthDay(11, 1), MonthDay(12, 31))
    full["windows"] = (WindowRule("a", until=MonthDay(1, 31), season=season), WindowRule("b", days=1, **parts))
    yield replace(STANDARD, **full)
    yield replace(STANDARD, windows=(WindowRule("all", days=50),), bears_all=True, window_starts=Starts.PLACED)
    yield replace(STANDARD, return_window_days=0, fair_use=False, reason_required=False, automatic=False)
    yield replace(STANDARD, refund_only=RefundOnly.MERCHANT, return_window_days=1)
    for low, high in (("authorize", "escalate_then_authorize"), ("escalate_then_authorize", "authorize")):
        yield with_row(with_row(STANDARD, "approval_default_low_risk", low), "approval_default_high_risk", high)
    charge = Charge(Price(percent=10), {"phones": Price(per_unit_minor={"EUR": 490})})
    yield replace(STANDARD, fees=FeePolicy(restocking=charge, inspection=charge, repackaging=charge))
    for delivery in DeliveryBack:
        yield replace(STANDARD, delivery_back=delivery, loss_percent={"C": 20}, reprice=True)
    for guarantee in Guarantee:
        yield with_row(with_row(STANDARD, "refund_trigger", "authorized"), "advance_guarantee", guarantee.value)
    yield with_row(replace(STANDARD, **full), "returnless_per_90_days", 1)
    yield with_row(STANDARD, "approval", "1min")
    yield with_row(STANDARD, "approval", "15min")
    for name in ("pickup_tries", "free_labels_per_month", "advance_refunds_open", "requests_per_item"):
        yield with_row(replace(STANDARD, **full), name, 1)
    for name in ("abuse_mismatches", "abuse_returns_90_days"):
        yield with_row(STANDARD, name, 1)


def names_asked_for() -> set[str]:
    say = Listening()
    late = replace(BOOK.markets["FR"], late_refund_penalty="something else")
    one_month = replace(BOOK.markets["DE"], defect_guarantee_months=1)
    sold_broken = replace(BOOK.markets["DE"], exceptions=("destroyed_or_damaged_by_consumer",))
    not_at_once = replace(BOOK.markets["DE"], refund_starts="goods_collected_or_returned")
    markets = [*BOOK.markets.values(), late, one_month, sold_broken, not_at_once]
    for policy in everything_a_policy_can_be():
        for market in markets:
            for tier in Tier:
                policy_in_words(policy, market, terms_for(policy, market, tier), say, on=date(2026, 11, 24))
    for code in phrases.PARTS:
        phrases.place(say, code)
    say.asked |= {f"policy.{name}" for name in PAGE}
    say.asked |= {f"policy.basis.{basis}" for basis in Basis if basis is not Basis.PROMISE} | {
        f"policy.tier.{tier}" for tier in Tier
    }
    return say.asked


def test_every_message_of_the_policy_is_said_by_somebody() -> None:
    assert {name for name in WORDS[FIRST].messages if name.startswith("policy.")} == names_asked_for()


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != FIRST])
def test_nothing_is_left_in_english(language: str) -> None:
    english, other = WORDS[FIRST].messages, WORDS[language].messages
    same = {name for name, text in other.items() if name.startswith("policy.") and text == english[name]}
    assert same <= ALIKE
