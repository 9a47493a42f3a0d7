"""The document for search engines, held against the words of schema.org word by word."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.goods import GoodsCondition
from domain.handling import Charge, FeePolicy, Price
from domain.policy import MonthDay, ReturnPolicy, Season, Starts, WindowRule
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book
from web.policy.jsonld import COUNTRIES, SCHEMA, document, season_around

BOOK = load_policy_book()
STANDARD = BOOK.programme("standard")
TODAY = date(2026, 11, 24)
BASE = "https://shop.example/"
HERE = Path(__file__).parent / "schema_org"
HOLIDAYS = WindowRule("holidays", until=MonthDay(1, 31), season=Season(MonthDay(11, 1), MonthDay(12, 31)))


def rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(newline="") as file:
        return list(csv.DictReader(file))


PROPERTIES = {row["property"] for row in rows("merchant_return_policy_properties.csv")}
ENUMERATIONS: dict[str, set[str]] = {}
for one in rows("return_enumerations.csv"):
    ENUMERATIONS.setdefault(one["enumeration"], set()).add(f"{SCHEMA}{one['code']}")

# What each property takes, by the rows of the file ("MerchantReturnEnumeration value", "fee rule for …").
TAKES: dict[str, str] = {
    "returnPolicyCategory": "MerchantReturnEnumeration",
    "refundType": "RefundTypeEnumeration",
    "returnMethod": "ReturnMethodEnumeration",
    "returnFees": "ReturnFeesEnumeration",
    "customerRemorseReturnFees": "ReturnFeesEnumeration",
    "itemDefectReturnFees": "ReturnFeesEnumeration",
    "returnLabelSource": "ReturnLabelSourceEnumeration",
    "customerRemorseReturnLabelSource": "ReturnLabelSourceEnumeration",
    "itemDefectReturnLabelSource": "ReturnLabelSourceEnumeration",
    "itemCondition": "OfferItemCondition",
}
# The types of parts, with their properties: https://schema.org/MerchantReturnPolicySeasonalOverride and so on.
PARTS: dict[str, set[str]] = {
    "MerchantReturnPolicySeasonalOverride": {
        "startDate",
        "endDate",
        "merchantReturnDays",
        "returnPolicyCategory",
    },
    "MemberProgramTier": {"name"},
    "PropertyValue": {"name", "value"},
}
PART_OF = {
    "returnPolicySeasonalOverride": "MerchantReturnPolicySeasonalOverride",
    "validForMemberTier": "MemberProgramTier",
    "additionalProperty": "PropertyValue",
}
KEYWORDS = {"@type", "@id"}


def faults(made: dict[str, Any]) -> Iterator[str]:
    """Everything in a document that is not by the vocabulary."""
    if set(made) != {"@context", "@graph"} or made["@context"] != "https://schema.org":
        yield f"the document is {sorted(made)}"
    ids = [node["@id"] for node in made["@graph"]]
    if len(ids) != len(set(ids)):
        yield "two nodes have one name"
    for node in made["@graph"]:
        if node["@type"] != "MerchantReturnPolicy":
            yield f"type {node['@type']}"
        for name, value in node.items():
            if name not in KEYWORDS:
                yield from (f"{node['@id']}: {fault}" for fault in faults_of(name, value))


def faults_of(name: str, value: Any) -> Iterator[str]:
    if name not in PROPERTIES:
        yield f"no property {name}"
        return
    for single in value if isinstance(value, list) else [value]:
        if name in TAKES:
            if single not in ENUMERATIONS[TAKES[name]]:
                yield f"{name}: {single!r}"
        elif name in PART_OF:
            yield from faults_of_part(PART_OF[name], single)
        elif name == "applicableCountry":
            if single not in COUNTRIES:
                yield f"country {single!r}"
        elif name == "merchantReturnDays":
            if not is_days(single):
                yield f"days {single!r}"
        elif name == "restockingFee":
            if not isinstance(single, int) or single < 0:
                yield f"fee {single!r}"
        elif name == "merchantReturnLink":
            if not single.startswith(f"{BASE}policy?market="):
                yield f"link {single!r}"
        else:
            yield f"nothing checks the values of {name}"


def faults_of_part(kind: str, part: dict[str, Any]) -> Iterator[str]:
    if part["@type"] != kind:
        yield f"type {part['@type']} instead of {kind}"
    for name, value in part.items():
        if name in KEYWORDS:
            continue
        if name not in PARTS[kind]:
            yield f"{kind} has no {name}"
        elif (name in TAKES and value not in ENUMERATIONS[TAKES[name]]) or (
            name in ("startDate", "endDate") and not is_date(value)
        ):
            yield f"{name}: {value!r}"
        elif name == "merchantReturnDays" and not is_days(value):
            yield f"days {value!r}"
    if kind.endswith("Override") and not part["startDate"] <= part["endDate"]:
        yield "the override ends before it starts"


def is_days(value: Any) -> bool:
    return is_date(value) or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def made(policy: ReturnPolicy = STANDARD, on: date = TODAY) -> dict[str, Any]:
    return document(policy, BOOK, on=on, base=BASE)


def node(country: str, tier: Tier | None = None, policy: ReturnPolicy = STANDARD) -> dict[str, Any]:
    name = f"{country}-{tier}" if tier else country
    return next(one for one in made(policy)["@graph"] if one["@id"].endswith(f"#{name}"))


VARIED = {
    "as it is": STANDARD,
    "holidays": replace(STANDARD, windows=(HOLIDAYS,)),
    "from the order": replace(STANDARD, window_starts=Starts.PLACED),
    "no window": replace(STANDARD, return_window_days=0),
    "pickup alone, untouched goods": replace(
        STANDARD, methods=frozenset({"pickup"}), accepts=frozenset({GoodsCondition.AS_SOLD})
    ),
    "the shopper pays": replace(STANDARD, shopper_informed=True),
    "one window until a day": replace(STANDARD, windows=(WindowRule("all", until=MonthDay(2, 29)),)),
}


@pytest.mark.parametrize("policy", [*VARIED.values(), *BOOK.programmes.values()], ids=[*VARIED, *BOOK.programmes])
def test_every_word_of_the_document_is_in_the_vocabulary(policy: ReturnPolicy) -> None:
    assert list(faults(made(policy))) == []


@pytest.mark.parametrize(
    "spoiled",
    [
        {"returnPolicyCategory": f"{SCHEMA}MerchantReturnMaybe"},
        {"merchantReturnDays": "2026-02-30"},
        {"merchantReturnDays": True},
        {"applicableCountry": "UK"},
        {"applicableCountry": ["DE", "EU"]},
        {"returnWindow": 14},
        {"returnFees": f"{SCHEMA}ReturnByMail"},
        {"validForMemberTier": {"@type": "MemberProgram", "name": "VIP"}},
        {"returnPolicySeasonalOverride": {"@type": "MerchantReturnPolicySeasonalOverride", "startDate": "2", "endDate": "3"}},
    ],
    ids=str,
)  # fmt: skip
def test_the_check_finds_what_is_wrong(spoiled: dict[str, Any]) -> None:
    wrong = made()
    wrong["@graph"][0] |= spoiled
    assert list(faults(wrong))


def test_every_country_with_law_on_file_is_there_once_for_everybody() -> None:
    everybody = [one["applicableCountry"] for one in made()["@graph"] if "validForMemberTier" not in one]
    listed = [code for one in everybody for code in (one if isinstance(one, list) else [one])]
    whole = {market.iso_code for market in BOOK.markets.values() if "-" not in market.iso_code} - {"EU"}
    assert sorted(listed) == sorted(whole | BOOK.eu_members)


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("country", ["DE", "CN", "US", "BR"])
def test_the_days_are_those_of_the_terms(country: str, tier: Tier) -> None:
    market = next(market for market in BOOK.markets.values() if market.iso_code == country)
    found = node(country, None if tier is Tier.ENTRY else tier)
    assert found["merchantReturnDays"] == terms_for(STANDARD, market, tier).return_window_days
    assert found.get("validForMemberTier", {}).get("name") == (None if tier is Tier.ENTRY else tier)


def test_tiers_that_are_promised_the_same_are_not_told_apart() -> None:
    same = replace(STANDARD, return_window_days=30)
    graph = made(same)["@graph"]
    assert not any("validForMemberTier" in one for one in graph)


def test_fees_follow_who_pays_the_way_back() -> None:
    informed = replace(STANDARD, shopper_informed=True)
    paid, free = node("DE", policy=informed), node("DE")
    assert paid["customerRemorseReturnFees"] == f"{SCHEMA}ReturnFeesCustomerResponsibility"
    assert "returnFees" not in paid  # there is no one rule for every reason
    assert free["customerRemorseReturnFees"] == free["returnFees"] == f"{SCHEMA}FreeReturn"
    assert paid["itemDefectReturnFees"] == free["itemDefectReturnFees"] == f"{SCHEMA}FreeReturn"


def test_a_restocking_fee_is_told_where_it_may_be_kept_and_is_one_percentage() -> None:
    ten = replace(STANDARD, fees=FeePolicy(restocking=Charge(Price(percent=10))))
    assert node("US", policy=ten)["restockingFee"] == 10
    assert node("DE", policy=ten)["restockingFee"] == 0, "the law forbids it"
    by_grade = replace(STANDARD, fees=FeePolicy(restocking=Charge(Price(percent=10), grades=("C",))))
    assert "restockingFee" not in node("US", policy=by_grade)


def test_a_window_from_the_order_promises_from_delivery_only_what_the_law_gives() -> None:
    placed = replace(STANDARD, window_starts=Starts.PLACED, return_window_days=400)
    assert node("DE", policy=placed)["merchantReturnDays"] == 14
    nothing = node("SG", policy=placed)
    assert "merchantReturnDays" not in nothing
    assert nothing["additionalProperty"]["value"] == 400


def test_no_window_and_no_right_is_not_permitted() -> None:
    none = replace(STANDARD, return_window_days=0)
    assert node("SG", policy=none)["returnPolicyCategory"] == f"{SCHEMA}MerchantReturnNotPermitted"
    assert node("DE", policy=none)["merchantReturnDays"] == 14


def test_a_season_is_told_with_its_dates_and_one_of_some_goods_is_not() -> None:
    hats = WindowRule("hats", days=99, categories=frozenset({"hats"}), season=HOLIDAYS.season)
    found = node("US", policy=replace(STANDARD, windows=(hats, HOLIDAYS)))["returnPolicySeasonalOverride"]
    assert found == {
        "@type": "MerchantReturnPolicySeasonalOverride",
        "startDate": "2026-11-01",
        "endDate": "2026-12-31",
        "returnPolicyCategory": f"{SCHEMA}MerchantReturnFiniteReturnWindow",
        "merchantReturnDays": "2027-01-31",
    }


@pytest.mark.parametrize(
    ("placed_from", "placed_to", "on", "expected"),
    [
        ("11-01", "12-31", "2026-10-31", ("2026-11-01", "2026-12-31")),
        ("11-01", "12-31", "2026-12-31", ("2026-11-01", "2026-12-31")),
        ("11-01", "12-31", "2027-01-01", ("2027-11-01", "2027-12-31")),
        ("11-20", "01-10", "2027-01-10", ("2026-11-20", "2027-01-10")),
        ("11-20", "01-10", "2027-01-11", ("2027-11-20", "2028-01-10")),
        ("02-29", "03-31", "2027-02-28", ("2027-02-28", "2027-03-31")),
    ],
)
def test_the_season_is_the_one_that_runs_or_the_next(
    placed_from: str, placed_to: str, on: str, expected: tuple[str, str]
) -> None:
    first, last = (MonthDay(*map(int, day.split("-"))) for day in (placed_from, placed_to))
    found = season_around(WindowRule("x", days=60, season=Season(first, last)), date.fromisoformat(on))
    assert tuple(day.isoformat() for day in found) == expected
