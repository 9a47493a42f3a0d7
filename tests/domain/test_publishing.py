"""What another version says otherwise, in words, and in whose terms it shows."""

from dataclasses import fields, replace
from typing import Any

import pytest

from domain.handling import Charge, FeePolicy, Price
from domain.policy import MonthDay, ReturnPolicy, Season, Waterfall, WindowRule
from domain.publishing import ASPECTS, changes, counts, effects
from domain.tier import Tier
from policies.book import load_policy_book
from policies.drafts import read_draft
from tests.policies.standing import a_text

BOOK = load_policy_book()
LIVE = read_draft(a_text(), "text", BOOK)
CHRISTMAS = WindowRule("Christmas", until=MonthDay(1, 31), season=Season(MonthDay(11, 1), MonthDay(12, 24)))


def said(after: ReturnPolicy, before: ReturnPolicy = LIVE) -> list[str]:
    return [str(change) for change in changes(before, after)]


def test_another_version_of_the_same_differs_in_nothing() -> None:
    assert said(read_draft(a_text(("draft-1", "draft-2")), "text", BOOK)) == []
    assert effects(LIVE, replace(LIVE, version="2", policy_id="pol_2"), BOOK.markets.values()) == ()


def test_a_row_by_tier() -> None:
    own = '\n[tiers.inspection]\nVIP = "6h"\nwhy = "w"\nsource = "s"\n'
    assert said(read_draft(a_text(more=own), "text", BOOK)) == ["rows.inspection VIP: 12h -> 6h"]


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({"return_window_days": 30}, "window.days: by tier -> 30"),
        ({"bears_all": True}, "fees.bears_all: no -> yes"),
        ({"waterfall": (Waterfall.INSURANCE, Waterfall.BENEFIT)}, "fees.waterfall: none -> insurance, benefit"),
        ({"refer_above_minor": {"EUR": 50000}}, "refer.above_minor: none -> EUR 50000"),
        ({"refer_unmatched": frozenset({"NOT_GOODS"})}, "refer.unmatched: none -> NOT_GOODS (+NOT_GOODS)"),
        ({"windows": (CHRISTMAS,)}, "window.when 'Christmas': none -> until 01-31 for placed 11-01 to 12-24"),
        ({"windows": (WindowRule("All", days=9),)}, "window.when 'All': none -> 9 days for everything"),
        ({"fees": FeePolicy(restocking=Charge(Price(percent=10)))}, "fees.restocking: none -> 10 %"),
        (
            {"fees": FeePolicy(restocking=Charge(Price(5), {"phones": Price(per_unit_minor={"EUR": 490})}, ("B",)))},
            "fees.restocking: none -> 5 % (phones EUR 4.90 a unit; grades B only)",
        ),
        ({"fees": FeePolicy(inspection_cost_minor={"EUR": 150})}, "fees.inspection.cost_minor: none -> EUR 150"),
        ({"title": "Other"}, "title: A draft -> Other"),
    ],
)
def test_a_setting_or_a_rule(vary: dict[str, Any], words: str) -> None:
    assert said(replace(LIVE, **vary)) == [words]


def test_rules_changed_taken_away_and_in_another_order() -> None:
    phones, shoes = (WindowRule(name, days=30, categories=frozenset({name})) for name in ("phones", "shoes"))
    before = replace(LIVE, windows=(phones, shoes, CHRISTMAS))
    after = replace(LIVE, windows=(shoes, replace(phones, days=14)))

    assert said(after, before) == [
        "window.when 'phones': 30 days for category phones -> 14 days for category phones",
        "window.when 'Christmas': until 01-31 for placed 11-01 to 12-24 -> none",
        "window.when, the order: phones, shoes -> shoes, phones",
    ]


def test_thresholds_of_tiers() -> None:
    thresholds = LIVE.tier_table.thresholds
    vip = replace(thresholds.by_tier[Tier.VIP], orders=6)
    table = replace(LIVE.tier_table, thresholds=replace(thresholds, by_tier={**thresholds.by_tier, Tier.VIP: vip}))
    assert said(replace(LIVE, tier_table=table)) == ["thresholds.orders VIP: 8 -> 6"]


def test_whatever_a_policy_is_made_of_is_compared() -> None:
    elsewhere = {"programme", "version", "policy_id", "tier_table", "windows"}
    of_fees = {f"fees.{field.name}" for field in fields(FeePolicy)}
    of_policy = {field.name for field in fields(ReturnPolicy)} - elsewhere - {"fees"}
    assert of_policy | of_fees == set(ASPECTS.values())


def test_effects_are_counted_after_the_law_has_raised_both() -> None:
    shorter, longer = replace(LIVE, return_window_days=8), replace(LIVE, return_window_days=12)
    found = effects(shorter, longer, BOOK.markets.values())

    changed = {effect.market for effect in found}
    assert "DE" not in changed, "fourteen days by law, whatever is promised"
    assert {"US", "CN"} <= changed
    assert counts(found)["return_window_days"] == len(changed) * len(Tier)
