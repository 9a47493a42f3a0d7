"""Reading what may be claimed from customs (customs.toml), row by row; a bad one is answered with the key and what was expected there."""

import re
import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.customs import ClaimRule, ClaimRules, Condition, CountsFrom, Movement, Payer, Period, Proof
from domain.fees import Bearer
from domain.market import Confidence
from policies.page import HERE, Page, text_of

FILE = "customs.toml"
PERIOD = "period"
CHARGES = ("duty", "tax")
UNITS = {"d": "days", "m": "months", "y": "months"}
MONTHS_A_YEAR = 12


@lru_cache(maxsize=1)
def claim_rules() -> ClaimRules:
    """The rules of the release, read once in a process."""
    return load_claim_rules()


def load_claim_rules(path: Path = HERE) -> ClaimRules:
    """The rules in folder `path`: customs.toml, and the members of the European Union from markets.toml.

    Raises BadPolicyFile, which names file, key, line and what was expected there, for every fault.
    """
    file = Page.of(text_of(path / FILE), f"policies/{FILE}")
    rules = tuple(_rule(page) for page in file.pages("claims"))
    file.end()
    file.done()
    members = tomllib.loads(text_of(path / "markets.toml"))["eu_members"]
    return ClaimRules(rules, frozenset(members))


def _rule(page: Page) -> ClaimRule:
    charges = page.words("charges", CHARGES)
    if not charges:
        page.note("charges", "duty, tax or both", "nothing")
    rule = ClaimRule(
        name=page.name,
        title=page.text("title"),
        authority=page.text("authority"),
        countries=frozenset(page.texts("countries")) if page.has("countries") else frozenset(),
        union=page.maybe("union", otherwise=False),
        movement=page.choice("movement", Movement),
        relief=page.flag("relief"),
        duty="duty" in charges,
        tax="tax" in charges,
        percent=page.whole("percent", least=1, most=100) if page.has("percent") else 100,
        limit=_limit(page),
        counts_from=page.choice("counts_from", CountsFrom),
        condition=page.choice("goods", Condition),
        needs=_needs(page),
        claimant=page.choice("claimant", Bearer),
        recovered_for=page.choice("recovered_for", Bearer) if page.has("recovered_for") else None,
        source=page.text("source"),
        confidence=page.choice("confidence", Confidence),
        goods_within=_period(page, "goods_within") if page.has("goods_within") else None,
        procedures=frozenset(page.texts("procedures")) if page.has("procedures") else frozenset(),
        ioss=page.flag("ioss") if page.has("ioss") else None,
        food=page.maybe("food", otherwise=True),
        paid_by=frozenset(Payer(word) for word in page.words("paid_by", Payer)),
        exported_from_day=_day(page, "exported_from"),
        exported_to_day=_day(page, "exported_to"),
        doubts=page.texts("doubts") if page.has("doubts") else (),
    )
    if bool(rule.countries) == rule.union:
        page.note("countries", "either countries or union = true", "both" if rule.union else "neither")
    page.end()
    return rule


def _limit(page: Page) -> Period | None:
    return _period(page, "limit", or_else=PERIOD)


def _period(page: Page, key: str, *, or_else: str | None = None) -> Period | None:
    expected = 'a period such as "90d", "6m" or "3y"' + (f' or "{or_else}"' if or_else else "")
    text: str = page.take(key, expected, lambda value: value == or_else or _is_period(value), "1d")
    if text == or_else:
        return None
    amount, unit = int(text[:-1]), text[-1]
    return Period(**{UNITS[unit]: amount * MONTHS_A_YEAR if unit == "y" else amount})


def _is_period(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,3}[dmy]", value) is not None


def _needs(page: Page) -> tuple[Proof, ...]:
    written = page.texts("needs")
    for word in written:
        if word not in list(Proof):
            page.note("needs", "words among " + ", ".join(Proof), word)
    return tuple(Proof(word) for word in written if word in list(Proof))


def _day(page: Page, key: str) -> date | None:
    return page.day(key) if page.has(key) else None
