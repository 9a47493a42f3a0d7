"""The policy for search engines: schema.org MerchantReturnPolicy, one for each country, and for each tier that has it better.

What the vocabulary cannot say is left out rather than bent: windows of single categories, channels or sellers (an override is for a
time of the year and for everything), the law of a part of a country (`applicableCountry` is a country), sums below which
goods are kept, and the amount of a label that nobody has bought yet.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from babel import Locale

from domain.fees import Bearer, FeeKind
from domain.goods import GoodsCondition
from domain.market import HoldsMarkets, Market, market_of
from domain.policy import LineFacts, ReturnPolicy, Starts, WindowRule
from domain.state import Method
from domain.terms import Terms, terms_for
from domain.tier import Tier
from web.policy.sentences import kept_back, pays_the_way_back

MEDIA_TYPE = "application/ld+json"
SCHEMA = "https://schema.org/"
CONDITIONS: Mapping[GoodsCondition, str] = {
    GoodsCondition.AS_SOLD: "NewCondition",
    GoodsCondition.USED: "UsedCondition",
    GoodsCondition.DAMAGED: "DamagedCondition",
}
METHODS: Mapping[Method, str] = {
    Method.LABEL: "ReturnByMail",
    Method.PICKUP: "ReturnByMail",
    Method.DROP_OFF: "ReturnAtKiosk",
}
# Unicode also knows unions, islands and test codes that ISO 3166-1 does not assign.
NOT_ASSIGNED = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"])
COUNTRIES = (
    frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()) - NOT_ASSIGNED
)
EVERYBODY = Tier.ENTRY  # whoever is not known has the lowest tier


def document(policy: ReturnPolicy, law: HoldsMarkets, *, on: date, base: str) -> dict[str, Any]:
    """All of it. `base` is the address of the site with a slash at its end; `on` is the day of reading."""
    graph = [node for countries in countries_by_law(law) for node in policies(policy, law, countries, on=on, base=base)]
    return {"@context": SCHEMA.rstrip("/"), "@graph": graph}


def countries_by_law(law: HoldsMarkets) -> Iterator[tuple[str, ...]]:
    """Countries of one law, together: each row's own, and the members of the Union that have no row."""
    rows = {market.iso_code for market in law.markets.values()}
    for market in law.markets.values():
        if market.iso_code == "EU":
            if members := tuple(sorted(law.eu_members - rows)):
                yield members
        elif market.iso_code in COUNTRIES:
            yield (market.iso_code,)


def policies(
    policy: ReturnPolicy, law: HoldsMarkets, countries: tuple[str, ...], *, on: date, base: str
) -> Iterator[dict[str, Any]]:
    """The policy for everybody, and one more for every tier that is promised something else of what can be said here."""
    market = market_of(law, countries[0])
    known: list[tuple[dict[str, Any], list[Tier]]] = []
    for tier in Tier:
        said = what_is_said(policy, market, terms_for(policy, market, tier, country=countries[0]), on=on)
        same = next((tiers for one, tiers in known if one == said), None)
        if same is None:
            known.append((said, [tier]))
        else:
            same.append(tier)
    for said, tiers in known:
        name = "-".join([countries[0] if len(countries) == 1 else "EU", *(tiers if EVERYBODY not in tiers else ())])
        link = f"{base}policy?market={countries[0]}"
        node: dict[str, Any] = {
            "@type": "MerchantReturnPolicy",
            "@id": f"{base}policy.jsonld#{name}",
            "applicableCountry": countries[0] if len(countries) == 1 else list(countries),
            **said,
            "merchantReturnLink": link if EVERYBODY in tiers else f"{link}&tier={tiers[0]}",
        }
        if EVERYBODY not in tiers:
            of = [
                {"@type": "MemberProgramTier", "@id": f"{base}policy.jsonld#tier-{tier}", "name": tier.value}
                for tier in tiers
            ]
            node["validForMemberTier"] = of[0] if len(of) == 1 else of
        yield node


def what_is_said(policy: ReturnPolicy, market: Market, terms: Terms, *, on: date) -> dict[str, Any]:
    """What holds for a tier in a market, without saying for whom."""
    free = pays_the_way_back(policy, terms) is not Bearer.SHOPPER
    said: dict[str, Any] = {}
    everything = policy.window_rule(LineFacts())
    length = _length(everything, terms, on) if everything else _days_from_delivery(terms)
    if not _any_window(terms, everything):
        said["returnPolicyCategory"] = f"{SCHEMA}MerchantReturnNotPermitted"
    else:
        said["returnPolicyCategory"] = f"{SCHEMA}MerchantReturnFiniteReturnWindow"
        if length:
            said["merchantReturnDays"] = length
        else:
            days = {"@type": "PropertyValue", "name": "days from the order", "value": terms.return_window_days}
            said["additionalProperty"] = days
        said["refundType"] = f"{SCHEMA}FullRefund"
        said["returnMethod"] = _one_or_more(
            METHODS[way] for way in Method if not policy.methods or way in policy.methods
        )
        if not policy.methods or Method.LABEL in policy.methods:
            said["returnLabelSource"] = f"{SCHEMA}ReturnLabelDownloadAndPrint"
        states = [CONDITIONS[state] for state in CONDITIONS if not policy.accepts or state in policy.accepts]
        if states:
            said["itemCondition"] = _one_or_more(iter(states))
        remorse = "FreeReturn" if free else "ReturnFeesCustomerResponsibility"
        said["customerRemorseReturnFees"] = f"{SCHEMA}{remorse}"
        restocking = kept_back(policy, market).get(FeeKind.RESTOCKING)
        if restocking is None:
            said["restockingFee"] = 0
        elif restocking.price.percent and not (
            restocking.categories or restocking.grades
        ):  # what is no one percentage stands on the page
            said["restockingFee"] = restocking.price.percent
        if overrides := [_override(rule, terms, on) for rule in policy.windows if _for_everything(rule)]:
            said["returnPolicySeasonalOverride"] = overrides[0] if len(overrides) == 1 else overrides
    if free:
        said["returnFees"] = f"{SCHEMA}FreeReturn"
    said["itemDefectReturnFees"] = f"{SCHEMA}FreeReturn"
    return said


def _any_window(terms: Terms, everything: WindowRule | None) -> bool:
    return bool(terms.return_window_days or terms.withdrawal_days or everything)


def _days_from_delivery(terms: Terms) -> int:
    """The days that hold from delivery; of a window that runs from the order these are the right's own. 0 = none to tell."""
    return terms.return_window_days if terms.starts is Starts.DELIVERED else terms.withdrawal_days


def _length(rule: WindowRule, terms: Terms, placed_on: date) -> int | str:
    """Days, or the last day where the rule names one; never fewer than the right (domain/eligibility.py)."""
    last = rule.last_day(placed_on)
    if last is not None:
        return last.isoformat()
    return max(rule.days or 0, terms.withdrawal_days)


def _for_everything(rule: WindowRule) -> bool:
    """Whether a season is all that the rule asks for."""
    others = (rule.categories, rule.conditions, rule.channels, rule.payments, rule.sellers)
    return rule.season is not None and not any(others)


def _override(rule: WindowRule, terms: Terms, on: date) -> dict[str, Any]:
    """The season that runs on that day, or else the next one."""
    first, last = season_around(rule, on)
    return {
        "@type": "MerchantReturnPolicySeasonalOverride",
        "startDate": first.isoformat(),
        "endDate": last.isoformat(),
        "returnPolicyCategory": f"{SCHEMA}MerchantReturnFiniteReturnWindow",
        "merchantReturnDays": _length(rule, terms, first),
    }


def season_around(rule: WindowRule, on: date) -> tuple[date, date]:
    """First and last day of the rule's season that holds `on`, or of the next one after it."""
    assert rule.season is not None
    first, last = rule.season.placed_from, rule.season.placed_to
    over_new_year = (last.month, last.day) < (first.month, first.day)
    seasons = (
        (first.in_year(year), last.in_year(year + over_new_year)) for year in (on.year - 1, on.year, on.year + 1)
    )
    return next((begins, ends) for begins, ends in seasons if on <= ends)


def _one_or_more(words: Iterator[str]) -> str | list[str]:
    found = [f"{SCHEMA}{word}" for word in dict.fromkeys(words)]
    return found[0] if len(found) == 1 else found
