"""Reading the policy book: the tier table, the law of the markets and the programmes, checked cell by cell.

The files are edited by people, so a bad one is answered with the file, the key and what was expected there; a key
that nobody reads is bad too, since it is usually a slip of the pen in one that somebody does.
"""

import itertools
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from domain.calendar import Span, UnreadableSpan
from domain.errors import Invalid
from domain.market import Confidence, Market, Right
from domain.matching import UnmatchedReason
from domain.money import EXPONENTS
from domain.policy import PolicyBook, ReturnPolicy, RowKind, Starts, TierRow, TierTable, TierValue
from domain.tier import Threshold, Tier, TierThresholds

HERE = Path(__file__).parent
Word = TypeVar("Word", bound=StrEnum)

# The rows that the terms of a case are made of: each must promise every tier something.
APPLIED_ROWS: Mapping[str, RowKind] = {
    "approval": RowKind.SPAN,
    "booking": RowKind.SPAN,
    "ship_back": RowKind.SPAN,
    "pickup": RowKind.SPAN,
    "pickup_tries": RowKind.COUNT,
    "transit": RowKind.SPAN,
    "inspection": RowKind.SPAN,
    "refund": RowKind.SPAN,
    "attention": RowKind.SPAN,
    "return_window": RowKind.DAYS,
}
RAISED_TIERS = tuple(tier for tier in Tier if tier is not Tier.ENTRY)


class FeesBorneBy(StrEnum):
    """Who bears the fees of a return under a programme."""

    LAW_AND_FAULT = "law_and_fault"
    MERCHANT = "merchant"


class BadPolicyFile(Invalid):
    """A policy file that cannot be used; facts: file, key, expected."""

    code = "bad_policy_file"
    next_action = "Correct the named key in the named file and load the policies again."


def load_policy_book(path: Path = HERE) -> PolicyBook:
    """The policy book in folder `path`: tiers.toml, markets.toml and programmes/*.toml.

    Raises BadPolicyFile, which names the file, the key and what was expected there.
    """
    tiers = _tier_table(_Page.of(path / "tiers.toml"))
    law = _Page.of(path / "markets.toml")
    eu_members = frozenset(law.texts("eu_members"))
    markets = {page.name: _market(page) for page in law.pages("markets")}
    law.end()
    programmes: dict[str, ReturnPolicy] = {}
    for file in sorted((path / "programmes").glob("*.toml")):
        programme = _programme(_Page.of(file), file.stem, tiers)
        programmes[programme.programme] = programme
    if not programmes:
        raise _bad(path / "programmes", "*.toml", "at least one programme", "none")
    return PolicyBook(tiers=tiers, markets=markets, eu_members=eu_members, programmes=programmes)


def _bad(file: Path, key: str, expected: str, found: object) -> BadPolicyFile:
    where = f"{file.parent.name}/{file.name}"
    return BadPolicyFile(
        f"{where}, key {key}: expected {expected}, found {found!r}.", file=str(file), key=key, expected=expected
    )


class _Page:
    """A table of a policy file whose keys are taken one by one; `end` refuses those that nobody took."""

    def __init__(self, file: Path, name: str, table: dict[str, Any], prefix: str = "") -> None:
        self.file, self.name, self._table, self._prefix = file, name, dict(table), prefix

    @classmethod
    def of(cls, file: Path) -> "_Page":
        try:
            return cls(file, file.stem, tomllib.loads(file.read_text(encoding="utf-8")))
        except OSError as problem:
            raise _bad(file, "(file)", "a readable file", problem.strerror) from problem
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise _bad(file, "(file)", "a TOML file", str(problem)) from problem

    def bad(self, key: str, expected: str, found: object) -> BadPolicyFile:
        return _bad(self.file, f"{self._prefix}{key}", expected, found)

    def has(self, key: str) -> bool:
        return key in self._table

    def take(self, key: str, expected: str, fits: Callable[[Any], bool]) -> Any:
        if key not in self._table:
            raise self.bad(key, expected, "nothing")
        value = self._table.pop(key)
        if not fits(value):
            raise self.bad(key, expected, value)
        return value

    def text(self, key: str) -> str:
        value: str = self.take(key, "a text", lambda value: isinstance(value, str) and value.strip() != "")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.take(key, "a list of texts", _are_texts))

    def flag(self, key: str) -> bool:
        value: bool = self.take(key, "true or false", lambda value: isinstance(value, bool))
        return value

    def whole(self, key: str, *, least: int = 0, most: int | None = None) -> int:
        expected = f"a whole number from {least}" + ("" if most is None else f" to {most}")
        value: int = self.take(
            key, expected, lambda value: type(value) is int and value >= least and (most is None or value <= most)
        )
        return value

    def day(self, key: str) -> date:
        value: date = self.take(key, "a date such as 2026-06-19", lambda value: type(value) is date)
        return value

    def span(self, key: str) -> str:
        value: str = self.take(key, 'a span such as "24h", "7d" or "2bd"', _is_span)
        return value

    def spans(self, key: str) -> tuple[str, ...]:
        value = self.take(key, 'a list of spans such as ["24h", "48h"]', _are_spans)
        return tuple(value)

    def choice(self, key: str, words: type[Word]) -> Word:
        return words(self.take(key, "one of " + ", ".join(words), lambda value: value in list(words)))

    def page(self, key: str) -> "_Page":
        table = self.take(key, "a table", lambda value: isinstance(value, dict))
        return _Page(self.file, key, table, f"{self._prefix}{key}.")

    def pages(self, key: str) -> list["_Page"]:
        holder = self.page(key)
        return [holder.page(name) for name in list(holder._table)]

    def names(self) -> list[str]:
        return list(self._table)

    def end(self) -> None:
        for key in self._table:
            raise self.bad(key, "no such key here", key)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _is_span(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        Span.parse(value)
    except UnreadableSpan:
        return False
    return True


def _are_spans(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(_is_span(span) for span in value)


# --- tiers.toml


def _tier_table(page: _Page) -> TierTable:
    version = page.text("version")
    thresholds = _thresholds(page.page("thresholds"))
    rows = {row.name: row for row in map(_tier_row, page.pages("rows"))}
    page.end()
    for name, kind in APPLIED_ROWS.items():
        row = rows.get(name)
        if row is None or row.kind is not kind or set(row.values) != set(Tier):
            raise page.bad(f"rows.{name}", f"a row of kind {kind} with a value for every tier", row and row.kind.value)
    return TierTable(version=version, thresholds=thresholds, rows=rows)


def _thresholds(page: _Page) -> TierThresholds:
    currency = page.take("currency", "a currency of ISO 4217", lambda value: value in EXPONENTS)
    window_months = page.whole("window_months", least=1, most=120)
    by_tier: dict[Tier, Threshold] = {tier: _threshold(page.page(tier)) for tier in RAISED_TIERS}
    page.end()
    for lower, higher in itertools.pairwise(RAISED_TIERS):
        low, high = by_tier[lower], by_tier[higher]
        if high.orders < low.orders or high.spend_minor < low.spend_minor:
            raise page.bad(higher, f"no less than {lower} asks for", f"{high.orders} orders, {high.spend_minor}")
    return TierThresholds(currency=currency, window_months=window_months, by_tier=by_tier)


def _threshold(page: _Page) -> Threshold:
    threshold = Threshold(
        orders=page.whole("orders", least=1),
        spend_minor=page.whole("spend_minor"),
        active_within_days=page.whole("active_within_days", least=1),
    )
    page.end()
    return threshold


def _tier_row(page: _Page) -> TierRow:
    kind = page.choice("kind", RowKind)
    read: Mapping[RowKind, Callable[[str], TierValue]] = {
        RowKind.SPAN: page.span,
        RowKind.SPANS: page.spans,
        RowKind.COUNT: page.whole,
        RowKind.DAYS: page.whole,
        RowKind.USD: page.whole,
        RowKind.PERCENT: lambda key: page.whole(key, most=100),
        RowKind.OUTCOME: page.text,
    }
    row = TierRow(
        name=page.name,
        title=page.text("title"),
        kind=kind,
        applied=page.flag("applied"),
        why=page.text("why"),
        source=page.text("source"),
        values={tier: read[kind](tier) for tier in Tier if page.has(tier)},
    )
    if not row.values:
        raise page.bad("VIP", "a value for at least one tier", "none")
    page.end()
    return row


# --- markets.toml


def _market(page: _Page) -> Market:
    """One market; the keys of the file are the fields of `Market`, read by the type that the field is declared with."""
    read: Mapping[object, Callable[[str], object]] = {
        str: page.text,
        str | None: page.text,
        int | None: page.whole,
        date | None: page.day,
        tuple[str, ...]: page.texts,
        Right: lambda key: page.choice(key, Right),
        Confidence: lambda key: page.choice(key, Confidence),
    }
    if page.has("market"):
        raise page.bad("market", "no such key here: the name of the table is the market", "market")
    values: dict[str, Any] = {
        field.name: read[field.type](field.name)
        for field in fields(Market)
        if field.name != "market" and (field.default is MISSING or page.has(field.name))
    }
    page.end()
    market = Market(market=page.name, **values)
    if market.withdrawal_right is Right.YES and not market.withdrawal_days:
        raise page.bad("withdrawal_days", "days from 1, since withdrawal_right is yes", market.withdrawal_days)
    return market


# --- programmes/*.toml


def _programme(page: _Page, name: str, tiers: TierTable) -> ReturnPolicy:
    window, fees, goods, refer = page.page("window"), page.page("fees"), page.page("goods"), page.page("refer")
    programme = page.take("programme", f"{name!r}, the name of the file", lambda value: value == name)
    policy = ReturnPolicy(
        programme=programme,
        title=page.text("title"),
        version=page.text("version"),
        tier_table=tiers,
        return_window_days=window.whole("days") if window.has("days") else None,
        window_starts=window.choice("starts", Starts),
        bears_all=fees.choice("borne_by", FeesBorneBy) is FeesBorneBy.MERCHANT,
        not_goods_skus=frozenset(goods.texts("not_goods_skus")),
        goods_categories=frozenset(goods.texts("categories")),
        refer_above_minor=_limits_by_currency(refer.page("above_minor")) if refer.has("above_minor") else {},
        refer_unmatched=_unmatched_reasons(refer),
    )
    for part in (window, fees, goods, refer, page):
        part.end()
    return policy


def _limits_by_currency(page: _Page) -> Mapping[str, int]:
    for currency in page.names():
        if currency not in EXPONENTS:
            raise page.bad(currency, "a currency of ISO 4217", currency)
    return {currency: page.whole(currency) for currency in page.names()}


def _unmatched_reasons(page: _Page) -> frozenset[str]:
    reasons = page.texts("unmatched")
    for reason in reasons:
        if reason not in list(UnmatchedReason):
            raise page.bad("unmatched", "reasons among " + ", ".join(UnmatchedReason), reason)
    return frozenset(reasons)
