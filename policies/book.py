"""Reading the policy book: the tier table, the law of the markets and the programmes, checked cell by cell.

The files are edited by people, so a bad one is answered with the file, the key and what was expected there; a key
that nobody reads is bad too, since it is usually a slip of the pen in one that somebody does.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from domain.advances import DebtBearer, Guarantee
from domain.bearers import MAY_BE_THE_SHOPPERS, OWN_WORK
from domain.charges import DeliveryBack
from domain.currency import BEARERS, WARN_PERCENT
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
from policies.page import HERE, Fault, Page, bad, text_of
from policies.rates import load_rates

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


def load_policy_book(path: Path = HERE) -> PolicyBook:
    """The policy book in folder `path`: tiers.toml, markets.toml and programmes/*.toml.

    Raises BadPolicyFile, which names file, key, line and what was expected there, for every fault of the first bad file.
    """
    texts = {name: text_of(path / name) for name in ("tiers.toml", "markets.toml")}
    tiers = read_tier_table(texts["tiers.toml"], "policies/tiers.toml")
    law = Page.of(texts["markets.toml"], "policies/markets.toml")
    eu_members = frozenset(law.texts("eu_members"))
    markets = {page.name: _market(page) for page in law.pages("markets")}
    law.end()
    law.done()
    programmes: dict[str, ReturnPolicy] = {}
    for file in sorted((path / "programmes").glob("*.toml")):
        texts[f"programmes/{file.name}"] = text_of(file)
        programme = read_programme(texts[f"programmes/{file.name}"], f"programmes/{file.name}", tiers, name=file.stem)
        programmes[programme.programme] = programme
    if not programmes:
        raise bad(Fault("policies/programmes", "*.toml", None, "at least one programme", "none"))
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
    page = Page.of(text, where)
    table = _tier_table(page)
    page.done()
    return table


def read_programme(
    text: str, where: str, tiers: TierTable, *, name: str | None = None, policy_id: str = ""
) -> ReturnPolicy:
    """A programme from its text over the common tier table; `name` is what it must call itself.

    Raises BadPolicyFile with every fault, each with its line.
    """
    page = Page.of(text, where)
    policy = _programme(page, name, tiers)
    page.done()
    return replace(policy, policy_id=policy_id)


# --- tiers.toml


def _tier_table(page: Page) -> TierTable:
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


def _thresholds(page: Page) -> TierThresholds:
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


def _threshold(page: Page) -> Threshold:
    threshold = Threshold(
        orders=page.whole("orders", least=1),
        spend_minor=page.whole("spend_minor"),
        active_within_days=page.whole("active_within_days", least=1),
    )
    page.end()
    return threshold


def _tier_row(page: Page) -> TierRow:
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


def _values(page: Page, kind: RowKind) -> Mapping[Tier, TierValue]:
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


def _market(page: Page) -> Market:
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


def _programme(page: Page, name: str | None, tiers: TierTable) -> ReturnPolicy:
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


def _accounting_currency(page: Page) -> str:
    if not page.has("accounting"):
        return ""
    currency: str = page.take(
        "accounting", "a currency of ISO 4217", lambda value: isinstance(value, str) and value in EXPONENTS, "EUR"
    )
    return currency


def _bearer_of_differences(page: Page) -> Bearer:
    if not page.has("difference_borne_by"):
        return Bearer.MERCHANT
    expected = f"{' or '.join(BEARERS)}: the shopper gets back the currency that was paid"
    word: str = page.take("difference_borne_by", expected, lambda value: value in list(BEARERS), Bearer.MERCHANT)
    return Bearer(word)


def _overridden(tiers: TierTable, page: Page, source: str) -> TierTable:
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


def _window_rule(page: Page, number: int) -> WindowRule:
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


def _month_day(page: Page, key: str) -> MonthDay:
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


def _waterfall(fees: Page) -> tuple[Waterfall, ...]:
    if not fees.has("waterfall"):
        return ()
    written = fees.texts("waterfall")
    for word in written:
        if word not in list(Waterfall):
            fees.note("waterfall", "words among " + ", ".join(Waterfall), word)
    return tuple(Waterfall(word) for word in written if word in list(Waterfall))


def _fee_policy(fees: Page) -> FeePolicy:
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


def _charge(page: Page) -> Charge:
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


def _category_price(categories: Page, name: str) -> Price:
    """A category's own price: a whole percentage, or minor units by currency."""
    if categories.has_page(name):
        return Price(per_unit_minor=_limits_by_currency(categories.page(name)))
    return Price(percent=categories.whole(name, most=100))


def _agreed_bearer(fees: Page, key: str) -> Bearer:
    return Bearer(fees.choice(key, AgreedBearer)) if fees.has(key) else Bearer.MERCHANT


def _natures(page: Page) -> Mapping[str, Nature]:
    return {category: page.choice(category, Nature) for category in page.names()}


def _limits_by_currency(page: Page) -> Mapping[str, int]:
    for currency in page.names():
        if currency not in EXPONENTS:
            page.note(currency, "a currency of ISO 4217", currency)
    return {currency: page.whole(currency) for currency in page.names()}


def _loss_by_grade(page: Page) -> Mapping[str, int]:
    for grade in page.names():
        if grade not in list(Grade):
            page.note(grade, "a grade of the bench: " + ", ".join(Grade), grade)
    return {grade: page.whole(grade, most=100) for grade in page.names()}


def _unmatched_reasons(page: Page) -> frozenset[str]:
    return page.words("unmatched", UnmatchedReason)
