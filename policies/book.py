"""Reading the policy book: the tier table, the law of the markets and the programmes, checked cell by cell.

The files are edited by people, so a bad one is answered with the file, the key and what was expected there; a key
that nobody reads is bad too, since it is usually a slip of the pen in one that somebody does.
"""

import itertools
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from domain.advances import DebtBearer, Guarantee
from domain.bearers import MAY_BE_THE_SHOPPERS, OWN_WORK
from domain.calendar import Span, UnreadableSpan
from domain.charges import DeliveryBack
from domain.currency import BEARERS, WARN_PERCENT
from domain.errors import Invalid
from domain.fees import Bearer, FeeKind
from domain.goods import GoodsCondition, Grade, Nature
from domain.handling import NO_CHARGE, AboveRefund, Charge, FeePolicy, Price
from domain.limits import ApprovalDefault, DestinationSilence, RefundTrigger
from domain.market import Confidence, Market, Right
from domain.matching import UnmatchedReason
from domain.money import EXPONENTS
from domain.policy import (
    MonthDay,
    PolicyBook,
    RefundOnly,
    ReturnPolicy,
    RowKind,
    Season,
    Starts,
    TierRow,
    TierTable,
    TierValue,
    Waterfall,
    WindowRule,
)
from domain.reasons import ReturnReason
from domain.state import Method
from domain.tier import GRACE_DAYS, Threshold, Tier, TierThresholds
from policies.rates import load_rates

HERE = Path(__file__).parent
Word = TypeVar("Word", bound=StrEnum)

# The rows that the terms of a case are made of: each must promise every tier something.
APPLIED_ROWS: Mapping[str, RowKind] = {
    "approval": RowKind.SPAN,
    "approval_default_low_risk": RowKind.OUTCOME,
    "approval_default_high_risk": RowKind.OUTCOME,
    "approval_escalated": RowKind.SPAN,
    "booking": RowKind.SPAN,
    "ship_back": RowKind.SPAN,
    "pickup": RowKind.SPAN,
    "pickup_tries": RowKind.COUNT,
    "transit": RowKind.SPAN,
    "inspection": RowKind.SPAN,
    "refund": RowKind.SPAN,
    "refund_trigger": RowKind.OUTCOME,
    "attention": RowKind.SPAN,
    "appeal": RowKind.SPAN,
    "return_window": RowKind.DAYS,
}
# Rows that may leave a tier out: what is not said there is not promised.
BENEFIT_ROWS: Mapping[str, RowKind] = {
    "instant_refund_ceiling": RowKind.USD,
    "advance_refunds_open": RowKind.COUNT,
    "advance_recharge": RowKind.SPAN,
    "advance_guarantee": RowKind.OUTCOME,
    "advance_reminders": RowKind.SPANS,
    "advance_written_off_by": RowKind.OUTCOME,
    "returnless_ceiling": RowKind.USD,
    "returnless_per_90_days": RowKind.COUNT,
    "store_credit_after_window": RowKind.DAYS,
    "free_labels_per_month": RowKind.COUNT,
    "requests_per_item": RowKind.COUNT,
    "abuse_return_rate": RowKind.PERCENT,
    "abuse_returns_90_days": RowKind.COUNT,
    "abuse_mismatches": RowKind.COUNT,
}
# The words that an outcome row may hold, where the process acts on it.
OUTCOMES: Mapping[str, type[StrEnum]] = {
    "refund_trigger": RefundTrigger,
    "advance_guarantee": Guarantee,
    "advance_written_off_by": DebtBearer,
    "approval_default_low_risk": ApprovalDefault,
    "approval_default_high_risk": ApprovalDefault,
}
METHODS = tuple(Method)
GRADES = ("A", "B", "C", "D")
SHOPPER_MAY_BEAR = tuple(kind for kind in FeeKind if kind in MAY_BE_THE_SHOPPERS - OWN_WORK)
RAISED_TIERS = tuple(tier for tier in Tier if tier is not Tier.ENTRY)


class FeesBorneBy(StrEnum):
    """Who bears the fees of a return under a programme."""

    LAW_AND_FAULT = "law_and_fault"
    MERCHANT = "merchant"


class AgreedBearer(StrEnum):
    """Who may be agreed upon to bear what never comes to the shopper."""

    MERCHANT = "merchant"
    PLATFORM = "platform"


class BadPolicyFile(Invalid):
    """A policy file that cannot be used; facts: file, key, line, expected of the first fault, and `faults` for all of them."""

    code = "bad_policy_file"
    title = "The policy has faults"
    next_action = "Correct the named key in the named file and load the policies again."


@dataclass(frozen=True)
class Fault:
    """One thing that cannot be read: the file, the key and its line (1 = first; None where there is none), and why."""

    file: str
    key: str
    line: int | None
    expected: str
    found: str

    def __str__(self) -> str:
        at = f", line {self.line}" if self.line else ""
        return f"{self.file}{at}, key {self.key}: expected {self.expected}, found {self.found}."


def load_policy_book(path: Path = HERE) -> PolicyBook:
    """The policy book in folder `path`: tiers.toml, markets.toml and programmes/*.toml.

    Raises BadPolicyFile, which names file, key, line and what was expected there, for every fault of the first bad file.
    """
    texts = {name: _text_of(path / name) for name in ("tiers.toml", "markets.toml")}
    tiers = read_tier_table(texts["tiers.toml"], "policies/tiers.toml")
    law = _Page.of(texts["markets.toml"], "policies/markets.toml")
    eu_members = frozenset(law.texts("eu_members"))
    markets = {page.name: _market(page) for page in law.pages("markets")}
    law.end()
    law.done()
    programmes: dict[str, ReturnPolicy] = {}
    for file in sorted((path / "programmes").glob("*.toml")):
        texts[f"programmes/{file.name}"] = _text_of(file)
        programme = read_programme(texts[f"programmes/{file.name}"], f"programmes/{file.name}", tiers, name=file.stem)
        programmes[programme.programme] = programme
    if not programmes:
        raise _bad(Fault("policies/programmes", "*.toml", None, "at least one programme", "none"))
    return PolicyBook(
        tiers=tiers,
        markets=markets,
        eu_members=eu_members,
        programmes=programmes,
        rates=load_rates(path / "rates.toml"),
        texts=texts,
    )


def read_tier_table(text: str, where: str) -> TierTable:
    """A tier table from its text; `where` names it in errors. Raises BadPolicyFile with every fault."""
    page = _Page.of(text, where)
    table = _tier_table(page)
    page.done()
    return table


def read_programme(
    text: str, where: str, tiers: TierTable, *, name: str | None = None, policy_id: str = ""
) -> ReturnPolicy:
    """A programme from its text over the common tier table; `name` is what it must call itself.

    Raises BadPolicyFile with every fault, each with its line.
    """
    page = _Page.of(text, where)
    policy = _programme(page, name, tiers)
    page.done()
    return replace(policy, policy_id=policy_id)


def _bad(*faults: Fault) -> BadPolicyFile:
    first = faults[0]
    more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
    return BadPolicyFile(
        f"{first}{more}", file=first.file, key=first.key, line=first.line, expected=first.expected, faults=faults
    )


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        where = f"{file.parent.name}/{file.name}"
        raise _bad(Fault(where, "(file)", None, "a readable file", repr(str(problem)))) from problem


_HEADER = re.compile(r"^\s*\[{1,2}\s*(?P<path>[^\]]+?)\s*\]{1,2}")
_KEY = re.compile(r"""^\s*(?P<key>[A-Za-z0-9_\-]+|"[^"]+"|'[^']+')\s*=""")


def lines_of(text: str) -> dict[str, int]:
    """The line of each table and key of a TOML text, by its dotted path; of repeated tables by number: "when[0].days"."""
    lines: dict[str, int] = {}
    table, repeated = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header["path"].replace('"', "").replace(" ", "")
            if line.lstrip().startswith("[["):
                repeated[table] = repeated.get(table, -1) + 1
                table = f"{table}[{repeated[table]}]"
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{key['key'].strip(chr(34))}".lstrip("."), number)
    return lines


class _Page:
    """A table of a policy file whose keys are taken one by one; `end` notes those that nobody took, `done` raises all faults.

    A key that cannot be read is noted and stands for the least that fits, so that one reading finds every fault.
    """

    def __init__(
        self, where: str, name: str, table: dict[str, Any], prefix: str, faults: list[Fault], lines: dict[str, int]
    ) -> None:
        self.where, self.name, self._table, self._prefix = where, name, dict(table), prefix
        self._faults, self._lines = faults, lines

    @classmethod
    def of(cls, text: str, where: str) -> "_Page":
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            found = re.search(r"line (\d+)", str(problem))
            raise _bad(
                Fault(where, "(file)", int(found[1]) if found else None, "a TOML file", str(problem))
            ) from problem
        return cls(where, Path(where).stem, table, "", [], lines_of(text))

    def note(self, key: str, expected: str, found: object) -> None:
        """Remember a fault; the reading goes on."""
        path = f"{self._prefix}{key}"
        line = next((self._lines[part] for part in _upwards(path) if part in self._lines), None)
        self._faults.append(Fault(self.where, path, line, expected, repr(found)))

    def done(self) -> None:
        """Raise what was noted, if anything was."""
        if self._faults:
            raise _bad(*self._faults)

    def has(self, key: str) -> bool:
        return key in self._table

    def take(self, key: str, expected: str, fits: Callable[[Any], bool], least: Any) -> Any:
        """The value of a key; where it is missing or does not fit that is noted, and `least` stands for it."""
        if key not in self._table:
            self.note(key, expected, "nothing")
            return least
        value = self._table.pop(key)
        if not fits(value):
            self.note(key, expected, value)
            return least
        return value

    def text(self, key: str) -> str:
        value: str = self.take(key, "a text", lambda value: isinstance(value, str) and value.strip() != "", "?")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.take(key, "a list of texts", _are_texts, ()))

    def words(self, key: str, known: Iterable[str]) -> frozenset[str]:
        """A list of words among those known; none where the key is left out."""
        if not self.has(key):
            return frozenset()
        words = frozenset(self.texts(key))
        for word in sorted(words - frozenset(known)):
            self.note(key, "words among " + ", ".join(known), word)
        return words & frozenset(known)

    def flag(self, key: str) -> bool:
        value: bool = self.take(key, "true or false", lambda value: isinstance(value, bool), False)
        return value

    def maybe(self, key: str, otherwise: bool) -> bool:
        return self.flag(key) if self.has(key) else otherwise

    def whole(self, key: str, *, least: int = 0, most: int | None = None) -> int:
        expected = f"a whole number from {least}" + ("" if most is None else f" to {most}")
        value: int = self.take(
            key,
            expected,
            lambda value: type(value) is int and value >= least and (most is None or value <= most),
            least,
        )
        return value

    def day(self, key: str) -> date:
        value: date = self.take(key, "a date such as 2026-06-19", lambda value: type(value) is date, date.min)
        return value

    def span(self, key: str) -> str:
        value: str = self.take(key, 'a span such as "24h", "7d" or "2bd"', _is_span, "1d")
        return value

    def spans(self, key: str) -> tuple[str, ...]:
        return tuple(self.take(key, 'a list of spans such as ["24h", "48h"]', _are_spans, ("1d",)))

    def choice(self, key: str, words: type[Word]) -> Word:
        return words(
            self.take(key, "one of " + ", ".join(words), lambda value: value in list(words), next(iter(words)))
        )

    def page(self, key: str) -> "_Page":
        table = self.take(key, "a table", lambda value: isinstance(value, dict), {})
        return _Page(self.where, key, table, f"{self._prefix}{key}.", self._faults, self._lines)

    def maybe_page(self, key: str) -> "_Page":
        """A table that may be left out."""
        return self.page(key) if self.has(key) else _Page(self.where, key, {}, f"{self._prefix}{key}.", [], {})

    def pages(self, key: str) -> list["_Page"]:
        holder = self.page(key)
        return [holder.page(name) for name in list(holder._table)]

    def repeated(self, key: str) -> list["_Page"]:
        """The tables of a list of tables, in order; none where the key is left out."""
        if not self.has(key):
            return []
        tables = self.take(key, "a list of tables", _are_tables, [])
        return [
            _Page(self.where, key, table, f"{self._prefix}{key}[{number}].", self._faults, self._lines)
            for number, table in enumerate(tables)
        ]

    def has_page(self, key: str) -> bool:
        return isinstance(self._table.get(key), dict)

    def names(self) -> list[str]:
        return list(self._table)

    def end(self) -> None:
        for key in self._table:
            self.note(key, "no such key here", key)


def _upwards(path: str) -> Iterator[str]:
    """The path, and what it lies in: a key that is missing is looked for in its table."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


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
            page.note(f"rows.{name}", f"a row of kind {kind} with a value for every tier", row and row.kind.value)
    for name, kind in BENEFIT_ROWS.items():
        row = rows.get(name)
        if row is None or row.kind is not kind:
            page.note(f"rows.{name}", f"a row of kind {kind}", row and row.kind.value)
    return TierTable(version=version, thresholds=thresholds, rows=rows)


def _thresholds(page: _Page) -> TierThresholds:
    currency = page.take("currency", "a currency of ISO 4217", lambda value: value in EXPONENTS, "EUR")
    window_months = page.whole("window_months", least=1, most=120)
    grace_days = page.whole("grace_days", most=366) if page.has("grace_days") else GRACE_DAYS
    by_tier: dict[Tier, Threshold] = {tier: _threshold(page.page(tier)) for tier in RAISED_TIERS}
    page.end()
    for lower, higher in itertools.pairwise(RAISED_TIERS):
        low, high = by_tier[lower], by_tier[higher]
        if high.orders < low.orders or high.spend_minor < low.spend_minor:
            page.note(higher, f"no less than {lower} asks for", f"{high.orders} orders, {high.spend_minor}")
    return TierThresholds(currency=currency, window_months=window_months, by_tier=by_tier, grace_days=grace_days)


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
    row = TierRow(
        name=page.name,
        title=page.text("title"),
        kind=kind,
        applied=page.flag("applied"),
        why=page.text("why"),
        source=page.text("source"),
        values=_values(page, kind),
    )
    if not row.values:
        page.note("VIP", "a value for at least one tier", "none")
    page.end()
    return row


def _values(page: _Page, kind: RowKind) -> Mapping[Tier, TierValue]:
    """The values of a row, by tier; `all` gives every tier the same."""
    words = OUTCOMES.get(page.name)
    read: Mapping[RowKind, Callable[[str], TierValue]] = {
        RowKind.SPAN: page.span,
        RowKind.SPANS: page.spans,
        RowKind.COUNT: page.whole,
        RowKind.DAYS: page.whole,
        RowKind.USD: page.whole,
        RowKind.PERCENT: lambda key: page.whole(key, most=100),
        RowKind.OUTCOME: (lambda key: page.choice(key, words).value) if words else page.text,
    }
    if page.has("all"):
        value = read[kind]("all")
        return dict.fromkeys(Tier, value)
    return {tier: read[kind](tier) for tier in Tier if page.has(tier)}


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
        page.note("market", "no such key here: the name of the table is the market", "market")
    values: dict[str, Any] = {
        field.name: read[field.type](field.name)
        for field in fields(Market)
        if field.name != "market" and (field.default is MISSING or page.has(field.name))
    }
    page.end()
    market = Market(market=page.name, **values)
    if market.withdrawal_right is Right.YES and not market.withdrawal_days:
        page.note("withdrawal_days", "days from 1, since withdrawal_right is yes", market.withdrawal_days)
    return market


# --- programmes/*.toml


def _programme(page: _Page, name: str | None, tiers: TierTable) -> ReturnPolicy:
    window, fees, goods, refer = page.page("window"), page.page("fees"), page.page("goods"), page.page("refer")
    law, asking, books = page.maybe_page("law"), page.maybe_page("requests"), page.maybe_page("currency")
    called = page.text("programme")
    if name is not None and called != name:
        page.note("programme", f"{name!r}, the name of the file", called)
    version = page.text("version")
    table = _overridden(tiers, page.maybe_page("tiers"), f"programme {called} v{version}")
    returnless, refund = page.maybe_page("returnless"), page.maybe_page("refund")
    destination, goodwill = page.maybe_page("destination"), page.maybe_page("goodwill")
    policy = ReturnPolicy(
        programme=called,
        title=page.text("title"),
        version=version,
        tier_table=table,
        return_window_days=window.whole("days", most=3650) if window.has("days") else None,
        window_starts=window.choice("starts", Starts),
        windows=tuple(_window_rule(rule, number) for number, rule in enumerate(window.repeated("when"), start=1)),
        bears_all=fees.choice("borne_by", FeesBorneBy) is FeesBorneBy.MERCHANT,
        shopper_informed=fees.maybe("shopper_informed", otherwise=False),
        waterfall=_waterfall(fees),
        fees=_fee_policy(fees),
        not_goods_skus=frozenset(goods.texts("not_goods_skus")),
        goods_categories=frozenset(goods.texts("categories")),
        excluded=frozenset(Nature(word) for word in goods.words("excluded", Nature)),
        natures=_natures(goods.maybe_page("natures")),
        accepts=frozenset(GoodsCondition(word) for word in goods.words("accepts", GoodsCondition)),
        refer_above_minor=_limits_by_currency(refer.page("above_minor")) if refer.has("above_minor") else {},
        refer_unmatched=_unmatched_reasons(refer),
        automatic=asking.maybe("automatic", otherwise=True),
        returnless=returnless.maybe("offered", otherwise=False),
        refund_only=returnless.choice("refund_only", RefundOnly)
        if returnless.has("refund_only")
        else RefundOnly.NOT_OFFERED,
        reasons=asking.words("reasons", ReturnReason),
        reason_required=asking.maybe("reason_required", otherwise=True),
        methods=asking.words("methods", METHODS),
        informed_of_right=law.maybe("informed_of_right", otherwise=True),
        fair_use=asking.maybe("fair_use", otherwise=True),
        delivery_back=refund.choice("delivery", DeliveryBack) if refund.has("delivery") else DeliveryBack.NONE,
        loss_percent=_loss_by_grade(refund.maybe_page("loss_percent")),
        reprice=refund.maybe("reprice", otherwise=False),
        claw_back_waived=_limits_by_currency(refund.maybe_page("waived_minor")),
        accounting_currency=_accounting_currency(books),
        difference_borne_by=_bearer_of_differences(books),
        warn_percent=books.whole("warn_percent", least=1, most=100) if books.has("warn_percent") else WARN_PERCENT,
        destination=destination.span("within") if destination.names() else "",
        destination_silence=destination.choice("silence", DestinationSilence)
        if destination.has("silence")
        else DestinationSilence.OPERATOR,
        goodwill_limit_minor=_limits_by_currency(goodwill.page("limit_minor")) if goodwill.has("limit_minor") else {},
    )
    if page.has("about"):
        page.text("about")
    for part in (window, fees, goods, refer, law, asking, returnless, refund, books, destination, goodwill, page):
        part.end()
    return policy


def _accounting_currency(page: _Page) -> str:
    if not page.has("accounting"):
        return ""
    currency: str = page.take(
        "accounting", "a currency of ISO 4217", lambda value: isinstance(value, str) and value in EXPONENTS, "EUR"
    )
    return currency


def _bearer_of_differences(page: _Page) -> Bearer:
    if not page.has("difference_borne_by"):
        return Bearer.MERCHANT
    expected = f"{' or '.join(BEARERS)}: the shopper gets back the currency that was paid"
    word: str = page.take("difference_borne_by", expected, lambda value: value in list(BEARERS), Bearer.MERCHANT)
    return Bearer(word)


def _overridden(tiers: TierTable, page: _Page, source: str) -> TierTable:
    """The common table with the programme's own figures; each says why, and from where it is."""
    rows = dict(tiers.rows)
    for own in [page.page(name) for name in page.names()]:
        common = tiers.rows.get(own.name)
        if common is None:
            own.note("why", "a row of the tier table", own.name)
            continue
        values = {**common.values, **_values(own, common.kind)}
        rows[own.name] = replace(
            common, why=own.text("why"), source=own.text("source"), values=values, written_in=source
        )
        own.end()
    return replace(tiers, rows=rows)


def _window_rule(page: _Page, number: int) -> WindowRule:
    season = page.page("season") if page.has("season") else None
    rule = WindowRule(
        name=page.text("name") if page.has("name") else f"rule {number}",
        days=page.whole("days", most=3650) if page.has("days") else None,
        until=_month_day(page, "until") if page.has("until") else None,
        categories=frozenset(page.texts("categories")) if page.has("categories") else frozenset(),
        conditions=frozenset(page.texts("conditions")) if page.has("conditions") else frozenset(),
        channels=frozenset(page.texts("channels")) if page.has("channels") else frozenset(),
        payments=frozenset(page.texts("payments")) if page.has("payments") else frozenset(),
        sellers=frozenset(page.texts("sellers")) if page.has("sellers") else frozenset(),
        season=Season(_month_day(season, "placed_from"), _month_day(season, "placed_to")) if season else None,
        why=page.text("why") if page.has("why") else "",
    )
    if (rule.days is None) == (rule.until is None):
        page.note("days", "either days or until", "both" if rule.days is not None else "neither")
    if season:
        season.end()
    page.end()
    return rule


def _month_day(page: _Page, key: str) -> MonthDay:
    text: str = page.take(key, 'a day of the year such as "11-01"', _is_month_day, "01-01")
    month, day = text.split("-")
    return MonthDay(int(month), int(day))


def _is_month_day(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d\d-\d\d", value):
        return False
    month, day = (int(part) for part in value.split("-"))
    try:
        date(2028, month, day)  # a leap year
    except ValueError:
        return False
    return True


def _waterfall(fees: _Page) -> tuple[Waterfall, ...]:
    if not fees.has("waterfall"):
        return ()
    written = fees.texts("waterfall")
    for word in written:
        if word not in list(Waterfall):
            fees.note("waterfall", "words among " + ", ".join(Waterfall), word)
    return tuple(Waterfall(word) for word in written if word in list(Waterfall))


def _fee_policy(fees: _Page) -> FeePolicy:
    inspection = fees.maybe_page("inspection")
    cost = _limits_by_currency(inspection.page("cost_minor")) if inspection.has("cost_minor") else {}
    return FeePolicy(
        restocking=_charge(fees.maybe_page("restocking")),
        inspection=_charge(inspection),
        repackaging=_charge(fees.maybe_page("repackaging")),
        inspection_cost_minor=cost,
        shopper_bears=tuple(FeeKind(kind) for kind in sorted(fees.words("shopper_bears", SHOPPER_MAY_BEAR))),
        when_above_refund=fees.choice("when_above_refund", AboveRefund)
        if fees.has("when_above_refund")
        else AboveRefund.WAIVE,
        payment_cost=_agreed_bearer(fees, "payment_cost"),
    )


def _charge(page: _Page) -> Charge:
    """A price, either in percent or by the unit, and what narrows it; no charge where the table is left out."""
    if not page.names():
        return NO_CHARGE
    by_percent, by_unit = page.has("percent"), page.has("per_unit_minor")
    if by_percent and by_unit:
        page.note("percent", "either percent or per_unit_minor", "both")
    if not by_percent and not by_unit and not page.has("categories"):
        page.note("percent", "a price: percent or per_unit_minor, here or for a category", "none")
    categories = page.maybe_page("categories")
    charge = Charge(
        price=Price(
            percent=page.whole("percent", most=100) if by_percent else 0,
            per_unit_minor=_limits_by_currency(page.page("per_unit_minor")) if by_unit else {},
        ),
        categories={name: _category_price(categories, name) for name in categories.names()},
        grades=tuple(sorted(page.words("grades", GRADES))),
    )
    page.end()
    return charge


def _category_price(categories: _Page, name: str) -> Price:
    """A category's own price: a whole percentage, or minor units by currency."""
    if categories.has_page(name):
        return Price(per_unit_minor=_limits_by_currency(categories.page(name)))
    return Price(percent=categories.whole(name, most=100))


def _agreed_bearer(fees: _Page, key: str) -> Bearer:
    return Bearer(fees.choice(key, AgreedBearer)) if fees.has(key) else Bearer.MERCHANT


def _natures(page: _Page) -> Mapping[str, Nature]:
    return {category: page.choice(category, Nature) for category in page.names()}


def _limits_by_currency(page: _Page) -> Mapping[str, int]:
    for currency in page.names():
        if currency not in EXPONENTS:
            page.note(currency, "a currency of ISO 4217", currency)
    return {currency: page.whole(currency) for currency in page.names()}


def _loss_by_grade(page: _Page) -> Mapping[str, int]:
    for grade in page.names():
        if grade not in list(Grade):
            page.note(grade, "a grade of the bench: " + ", ".join(Grade), grade)
    return {grade: page.whole(grade, most=100) for grade in page.names()}


def _unmatched_reasons(page: _Page) -> frozenset[str]:
    return page.words("unmatched", UnmatchedReason)
