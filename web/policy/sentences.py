"""The policy in words: what a shopper of a tier is promised in a market, sentence by sentence, each with its source.

Everything is said from the terms themselves, the market's row and the policy, so that a changed cell is a changed sentence. A
sentence is law, promise, or a word that the law is being checked (web/policy/trust.py says when). What is law in one market
and our own doing in the next is told in the same words, with another source.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.bearers import bearer_of, fee_law
from domain.charges import DeliveryBack
from domain.clock import AT_ONCE, Event, RefundClock
from domain.fees import Bearer, FeeKind, bearer_of_return_freight
from domain.goods import GoodsCondition, Nature
from domain.handling import Charge, Price
from domain.limits import ApprovalDefault, RefundTrigger
from domain.market import (
    EXCEPTED_CONDITIONS,
    EXCEPTED_NATURES,
    Market,
    Right,
    Wear,
    guarantee,
    withdrawal_function,
)
from domain.policy import RefundOnly, ReturnPolicy, Starts, Waterfall, WindowRule
from domain.reasons import Fault, ReturnReason
from domain.risk import ORDERS_BEFORE_RATES_COUNT
from domain.state import Method
from domain.terms import Terms
from domain.triggers import AHEAD_OF_RECEIPT
from web.policy import phrases
from web.policy.trust import may_be_told
from web.words import Words


class Basis(StrEnum):
    """On what a sentence rests."""

    LAW = "law"
    PROMISE = "promise"
    CHECKING = "checking"


@dataclass(frozen=True)
class Sentence:
    text: str
    basis: Basis
    source: str


@dataclass(frozen=True)
class Section:
    """`name` is stable, `heading` is in the reader's language."""

    name: str
    heading: str
    sentences: tuple[Sentence, ...]


def policy_in_words(policy: ReturnPolicy, market: Market, terms: Terms, say: Words, *, on: date) -> tuple[Section, ...]:
    """The sections that have something to say, in the order in which a shopper meets them. `on` is the day of reading."""
    told = _Told(policy, market, terms, say, on)
    sections = (
        ("window", _window(told)),
        ("windows", _windows(told)),
        ("withdrawal", _withdrawal(told)),
        ("goods", _goods(told)),
        ("doing", _doing(told)),
        ("way_back", _way_back(told)),
        ("money", _money(told)),
        ("kept", _kept(told)),
        ("answer", _answer(told)),
        ("defects", _defects(told)),
        ("appeal", _appeal(told)),
        ("fair_use", _fair_use(told)),
    )
    made = (Section(name, say(f"policy.section.{name}"), _once(sentences)) for name, sentences in sections)
    return tuple(section for section in made if section.sentences)


def _once(sentences: Iterable[Sentence]) -> tuple[Sentence, ...]:
    """Each sentence once; that something is being checked stands at the end."""
    found = tuple({sentence.text: sentence for sentence in sentences}.values())
    return (
        *(one for one in found if one.basis is not Basis.CHECKING),
        *(one for one in found if one.basis is Basis.CHECKING),
    )


@dataclass(frozen=True)
class _Told:
    """What is told of, and the three ways to tell it."""

    policy: ReturnPolicy
    market: Market
    terms: Terms
    say: Words
    on: date

    def promise(self, text: str, aspect: str = "") -> Sentence:
        return Sentence(text, Basis.PROMISE, self.terms.source_of(aspect) if aspect else self.policy.source)

    def law(self, text: str, *facts: str) -> Sentence:
        """A fact of the law; where it is in doubt, only that it is being checked."""
        if may_be_told(self.market, *facts):
            return Sentence(text, Basis.LAW, self.market.source(*facts))
        checking = self.say("policy.checking", place=self.place)
        return Sentence(checking, Basis.CHECKING, self.market.source(*facts))

    def kept(self, text: str, *facts: str, demanded: bool = True, aspect: str = "") -> Sentence:
        """What we do in any case: as law where the law demands it and may be told, otherwise as our promise."""
        if demanded and may_be_told(self.market, *facts):
            return Sentence(text, Basis.LAW, self.market.source(*facts))
        source = self.terms.source_of(aspect) if aspect else self.policy.source
        return Sentence(text, Basis.PROMISE, self.policy.source if source.startswith("law of ") else source)

    def span(self, text: str) -> str:
        return phrases.span(self.say, text)

    @property
    def place(self) -> str:
        return phrases.place(self.say, self.terms.country, self.market)


RIGHT = ("withdrawal_right", "withdrawal_days")


def _window(told: _Told) -> Iterator[Sentence]:
    say, terms = told.say, told.terms
    if not terms.return_window_days:
        yield told.promise(say("policy.window.none"), "return_window")
        return
    name = "delivered" if terms.starts is Starts.DELIVERED else "placed"
    length = phrases.days(say, terms.return_window_days)
    by_law = terms.source_of("return_window").startswith("law of ")
    yield told.kept(say(f"policy.window.{name}", span=length), *RIGHT, demanded=by_law, aspect="return_window")
    if terms.starts is Starts.DELIVERED:
        yield told.promise(say("policy.window.no_delivery"))
    yield told.promise(say("policy.window.counting"))
    if terms.store_credit_days:
        more = phrases.days(say, terms.store_credit_days)
        yield told.promise(say("policy.window.store_credit", span=more), "store_credit")


def _windows(told: _Told) -> Iterator[Sentence]:
    say, rules = told.say, told.policy.windows
    for rule in rules:
        which = _which(say, rule)
        if rule.until is not None:
            text = say("policy.windows.until", which=which, day=phrases.day_of_year(say, rule.until))
        else:
            # The law's days come first here too (domain/eligibility.py).
            length = max(rule.days or 0, told.terms.withdrawal_days)
            text = say("policy.windows.days", which=which, span=phrases.days(say, length))
        yield Sentence(text, Basis.PROMISE, f"{told.policy.source}, window {rule.name}")
    if len(rules) > 1:
        yield told.promise(say("policy.windows.first"))
    if rules:
        yield told.promise(say("policy.windows.law"))


def _which(say: Words, rule: WindowRule) -> str:
    """The conditions of a window: goods, how they were sold, and when."""
    parts = [
        say(f"policy.windows.{kind}", names=phrases.any_of(say, sorted(names)))
        for kind, names in (
            ("categories", rule.categories),
            ("conditions", rule.conditions),
            ("channels", rule.channels),
            ("payments", rule.payments),
            ("sellers", rule.sellers),
        )
        if names
    ]
    if rule.season is not None:
        first, last = (phrases.day_of_year(say, day) for day in (rule.season.placed_from, rule.season.placed_to))
        parts.append(say("policy.windows.season", first=first, last=last))
    which = phrases.all_of(say, parts) or say("policy.windows.all")
    return which[0].upper() + which[1:]


# The rows' words for the event that starts the right's days, where a shopper can be told of it.
STARTS = frozenset(
    {
        "delivery_of_last_item",
        "day_after_receipt",
        "receipt_of_goods",
        "receipt_of_goods_or_contract",
        "contract_document_or_receipt_of_goods_if_later",
    }
)


def _withdrawal(told: _Told) -> Iterator[Sentence]:
    say, market, terms = told.say, told.market, told.terms
    if market.withdrawal_right is Right.NO:
        yield told.law(say("policy.withdrawal.none", place=told.place), "withdrawal_right")
        return
    length = phrases.days(say, market.withdrawal_days or 0, business=market.withdrawal_day_type == "business")
    if market.withdrawal_right is Right.CONDITIONAL:
        yield told.law(say("policy.withdrawal.conditional", place=told.place, span=length), *RIGHT)
        return
    yield told.kept(say("policy.withdrawal.days", span=length), *RIGHT)
    if market.withdrawal_starts in STARTS:
        yield told.law(say(f"policy.withdrawal.from.{market.withdrawal_starts}"), "withdrawal_starts")
    if terms.withdrawal_months:
        more = phrases.months(say, terms.withdrawal_months)
        yield told.kept(say("policy.withdrawal.months", span=more), "if_not_informed")
    last = "stays" if market.last_day_on_holiday == "stays" else "moves"
    known = market.last_day_on_holiday is not None
    yield told.kept(say(f"policy.withdrawal.{last}"), "last_day_on_holiday", demanded=known)
    yield from _exceptions(told)
    if terms.wear != Wear.NOT_KNOWN:
        yield told.law(say(f"policy.withdrawal.wear.{terms.wear}"), "diminished_value_deduction")
    if offers_function(market, told.on):
        yield told.law(say("policy.withdrawal.function"), "withdrawal_function_from")
    else:
        yield told.promise(say("policy.withdrawal.tell_us"))


def offers_function(market: Market, on: date) -> bool:
    """Whether the page leads to the withdrawal function: where the law of the market wants one."""
    return withdrawal_function(market, on)


def _exceptions(told: _Told) -> Iterator[Sentence]:
    say, words = told.say, told.market.exceptions
    named = [say(f"policy.nature.{nature}") for nature in _natures(words)]
    conditions = frozenset[GoodsCondition]().union(*(EXCEPTED_CONDITIONS.get(word, frozenset()) for word in words))
    if conditions:
        worn = GoodsCondition.USED in conditions
        named.append(say("policy.fallen" if worn else "policy.fallen.damaged"))
    if named:
        yield told.law(say("policy.withdrawal.excepted", what=phrases.all_of(say, named)), "exceptions")
    if words == ("none_in_statute",):
        yield told.law(say("policy.withdrawal.excepts_nothing"), "exceptions")
    elif any(word not in EXCEPTED_NATURES and word not in EXCEPTED_CONDITIONS for word in words):
        yield told.law(say("policy.withdrawal.more_exceptions"), "exceptions")


def _natures(words: Iterable[str]) -> tuple[Nature, ...]:
    excepted = {EXCEPTED_NATURES[word] for word in words if word in EXCEPTED_NATURES}
    return tuple(nature for nature in Nature if nature in excepted)


def _goods(told: _Told) -> Iterator[Sentence]:
    say, policy = told.say, told.policy
    if policy.accepts:
        told_of = [condition for condition in GoodsCondition if condition is not GoodsCondition.NOT_SAID]
        states = [say(f"policy.condition.{condition}") for condition in told_of if condition in policy.accepts]
        yield told.promise(say("policy.goods.accepts", what=phrases.all_of(say, states)))
    if policy.excluded:
        natures = [say(f"policy.nature.{nature}") for nature in Nature if nature in policy.excluded]
        yield told.promise(say("policy.goods.excluded", what=phrases.all_of(say, natures)))
    if policy.goods_categories:
        yield told.promise(say("policy.goods.categories", names=", ".join(sorted(policy.goods_categories))))
    for category, nature in sorted(policy.natures.items()):
        yield told.promise(say("policy.goods.nature", names=category, what=say(f"policy.nature.{nature}")))
    if policy.not_goods_skus:
        yield told.promise(say("policy.goods.not_goods"))
    yield told.promise(say("policy.goods.final_sale"))
    yield told.promise(say("policy.goods.gift_card"))


def _doing(told: _Told) -> Iterator[Sentence]:
    say, policy, limits = told.say, told.policy, told.terms.limits
    yield told.promise(say("policy.doing.reason" if policy.reason_required else "policy.doing.no_reason"))
    if policy.reasons:
        reasons = [say(f"policy.reason.{reason}") for reason in ReturnReason if reason in policy.reasons]
        yield told.promise(say("policy.doing.reasons", what=phrases.all_of(say, reasons)))
    offered = [method for method in Method if not policy.methods or method in policy.methods]
    names = [say(f"policy.method.{method}") for method in offered]
    yield told.promise(say("policy.doing.methods", what=phrases.any_of(say, names)))
    if offered != [Method.PICKUP]:
        by_law = told.terms.source_of("ship_back").startswith("law of ")
        text = say("policy.doing.ship_back", span=told.span(limits.ship_back))
        yield told.kept(text, "consumer_ship_back_days", demanded=by_law, aspect="ship_back")
        yield told.promise(say("policy.doing.expired"))
    if Method.PICKUP in offered:
        yield told.promise(say("policy.doing.pickup", span=told.span(limits.pickup)), "limits")
        if limits.pickup_tries:
            yield told.promise(phrases.counted(say, "policy.doing.tries", limits.pickup_tries), "limits")


# The words under which the law itself leaves the way back with the seller of goods that only did not please.
SELLER_BY_LAW = frozenset(
    {
        "seller",
        "seller_if_designated_carrier_or_none_named_else_consumer",
        "seller_or_consumer_keeps_until_collected",
        "consumer_if_informed_else_seller",
    }
)
SHOPPER_BY_LAW = frozenset({"consumer", "consumer_unless_agreed", "consumer_if_informed_else_seller"})
DELIVERY = {
    "yes": "yes",
    "standard_only": "standard_only",
    "no": "no",
    "yes_if_major_failure": "serious",
    "yes_if_serious_failure": "serious",
}


def _way_back(told: _Told) -> Iterator[Sentence]:
    say, policy, terms, market = told.say, told.policy, told.terms, told.market
    if policy.bears_all:
        yield told.promise(say("policy.way_back.all"), "fees")
    else:
        seller = market.return_shipping_seller_fault == "seller"
        yield told.kept(say("policy.way_back.fault"), "return_shipping_seller_fault", demanded=seller)
        yield from _without_fault(told)
    if delivery := DELIVERY.get(terms.original_delivery):
        yield told.law(say(f"policy.way_back.delivery.{delivery}"), "refund_original_delivery")
    if terms.refund.delivery != DeliveryBack.NONE:
        yield told.promise(say(f"policy.way_back.delivered.{terms.refund.delivery}"))
    yield from _own_work(told)


def pays_the_way_back(policy: ReturnPolicy, terms: Terms) -> Bearer:
    """Who bears it when nobody is at fault, before insurance and benefits: the rule of domain/fees.py."""
    return bearer_of_return_freight(
        Fault.NOBODY,
        bears_all=policy.bears_all,
        market_rule=terms.freight_rule,
        shopper_informed=policy.shopper_informed,
    ).bearer


def kept_back(policy: ReturnPolicy, market: Market) -> dict[FeeKind, Charge]:
    """The charges for its own work that the merchant may keep back in this market when nobody is at fault."""
    agreed = policy.fees.agreed(
        bears_all=policy.bears_all, shopper_informed=policy.shopper_informed, source=policy.source
    )
    law = fee_law(market)
    return {
        kind: charge
        for kind, charge in policy.fees.charges.items()
        if bearer_of(kind, fault=Fault.NOBODY, agreed=agreed, law=law).bearer is Bearer.SHOPPER
    }


def _own_work(told: _Told) -> Iterator[Sentence]:
    say = told.say
    charges = kept_back(told.policy, told.market)
    for kind, charge in charges.items():
        prices = [_price(say, charge.price)] if charge.price else []
        prices += [
            say("policy.price.of", category=category, price=_price(say, price))
            for category, price in sorted(charge.categories.items())
        ]
        yield told.promise(say(f"policy.way_back.kept.{kind}", price=phrases.all_of(say, prices)))
    if FeeKind.RESTOCKING not in charges:
        no_fee = told.market.restocking_fee_no_fault == "no"  # other words forbid it in some cases only
        yield told.kept(say("policy.way_back.no_restocking"), "restocking_fee_no_fault", demanded=no_fee)


def _price(say: Words, price: Price) -> str:
    """A percentage, or so much a piece in each currency."""
    if not price.per_unit_minor:
        return phrases.percent(say, price.percent)
    sums = (phrases.sum_of(say, minor, currency) for currency, minor in sorted(price.per_unit_minor.items()))
    return phrases.any_of(say, (say("policy.price.unit", price=one) for one in sums))


def _without_fault(told: _Told) -> Iterator[Sentence]:
    say, policy, terms = told.say, told.policy, told.terms
    rule, fact = terms.freight_rule, "return_shipping_no_fault"
    if pays_the_way_back(policy, terms) is not Bearer.SHOPPER:
        yield told.kept(say("policy.way_back.merchant"), fact, demanded=rule in SELLER_BY_LAW)
        return
    yield told.kept(say("policy.way_back.shopper"), fact, demanded=rule in SHOPPER_BY_LAW)
    for step in policy.waterfall:
        if step is Waterfall.INSURANCE:
            yield told.promise(say("policy.way_back.insurance"))
        elif terms.free_labels:
            yield told.promise(phrases.counted(say, "policy.way_back.benefit", terms.free_labels), "free_labels")


def _money(told: _Told) -> Iterator[Sentence]:
    say, terms, limits = told.say, told.terms, told.terms.limits
    times = {"inspection": told.span(limits.inspection), "refund": told.span(limits.refund)}
    trigger = RefundTrigger(limits.refund_trigger)
    if pays_ahead(terms):
        ceiling = phrases.dollars(say, terms.instant_ceiling_usd)
        text = say(f"policy.money.{trigger}", refund=times["refund"], ceiling=ceiling)
        yield told.promise(text, "instant_refund")
        above = phrases.counted(say, "policy.money.above", terms.advances_open, inspection=times["inspection"])
        yield told.promise(above, "instant_refund")
        never_came = f"policy.money.charged.{limits.guarantee}" if limits.guarantee else "policy.money.recharge"
        aspect = "advance_guarantee" if limits.guarantee else "instant_refund"
        yield told.promise(say(never_came, span=told.span(limits.recharge)), aspect)
    else:
        trigger = RefundTrigger.RECEIVED if trigger in AHEAD_OF_RECEIPT else trigger
        yield told.promise(say(f"policy.money.{trigger}", **times), "refund_trigger")
    yield told.promise(say("policy.money.transit", span=told.span(limits.transit)), "limits")
    yield from _law_clock(told)
    same = told.market.same_payment_method == "yes"
    yield told.kept(say("policy.money.same_way"), "same_payment_method", demanded=same)
    if terms.late_penalty:
        yield told.law(say(f"policy.money.late.{_penalty(terms.late_penalty)}"), "late_refund_penalty")
    if terms.refund.loss_percent:
        parts = [
            say("policy.money.loss_of", grade=grade, percent=phrases.percent(say, lost))
            for grade, lost in terms.refund.loss_percent
        ]
        yield told.promise(say("policy.money.loss", parts=phrases.all_of(say, parts)))
    if terms.refund.reprice:
        yield told.promise(say("policy.money.reprice"))


def pays_ahead(terms: Terms) -> bool:
    """Whether any refund is ordered before the goods are here (domain/triggers.py)."""
    ahead = RefundTrigger(terms.limits.refund_trigger) in AHEAD_OF_RECEIPT
    return ahead and terms.instant_ceiling_usd > 0 and terms.advances_open > 0


def _law_clock(told: _Told) -> Iterator[Sentence]:
    say, facts = told.say, ("refund_days", "refund_starts", "refund_withhold_until")
    clocks = [RefundClock.parse(text) for text in told.terms.limits.refund_clock.split(", ") if text]
    for clock in clocks:
        if clock.span == AT_ONCE:
            yield told.kept(say("policy.money.law.at_once"), *facts)
            continue
        yield told.kept(say(f"policy.money.law.{clock.starts}", span=told.span(clock.span)), *facts)
        if clock.withhold in (Event.SENT, Event.RECEIVED):
            yield told.kept(say(f"policy.money.hold.{clock.withhold}"), *facts)
    if clocks:
        yield told.promise(say("policy.money.first_clock"))


LATE = frozenset(
    {"card_chargeback_within_60_days", "consumer_may_claim_double_amount", "interest", "delay_interest_15pct_pa"}
)
FRENCH_STEPS = "legal_rate<=10d;5%_10-20d;10%_20-30d;20%_30-60d;50%_60-90d;+5pts_per_month_up_to_price;then_legal_rate"


def _penalty(word: str) -> str:
    if word == FRENCH_STEPS:
        return "steps"
    return word if word in LATE else "other"


def _kept(told: _Told) -> Iterator[Sentence]:
    say, policy, terms = told.say, told.policy, told.terms
    if terms.returnless_ceiling_usd:
        ceiling = phrases.dollars(say, terms.returnless_ceiling_usd)
        yield told.promise(say("policy.kept.ceiling", ceiling=ceiling), "returnless")
        if (n := terms.returnless_per_90_days) is not None:
            yield told.promise(phrases.counted(say, "policy.kept.often", n), "returnless")
    match policy.refund_only:
        case RefundOnly.MERCHANT:
            yield told.promise(say("policy.kept.merchant"))
        case RefundOnly.RULE:
            yield told.promise(say("policy.kept.rule" if terms.returnless_ceiling_usd else "policy.kept.merchant"))
        case RefundOnly.NOT_OFFERED if not terms.returnless_ceiling_usd:
            yield told.promise(say("policy.kept.not_offered"))


def _answer(told: _Told) -> Iterator[Sentence]:
    say, policy, limits = told.say, told.policy, told.terms.limits
    yield told.promise(say("policy.answer.automatic" if policy.automatic else "policy.answer.merchant"))
    yield told.promise(say("policy.answer.within", span=told.span(limits.approval)), "limits")
    escalated = told.span(limits.escalated)
    low = ApprovalDefault(limits.approval_default)
    yield told.promise(say(f"policy.answer.{low}", span=escalated), "limits")
    high = ApprovalDefault(str(dict(told.terms.promises).get("approval_default_high_risk", low)))
    if policy.fair_use and high is not low:
        yield told.promise(say(f"policy.answer.risk.{high}", span=escalated), "limits")
    if policy.refer_above_minor:
        amounts = [phrases.sum_of(say, minor, currency) for currency, minor in sorted(policy.refer_above_minor.items())]
        yield told.promise(say("policy.answer.high_value", amounts=phrases.any_of(say, amounts)))
    yield told.promise(say("policy.answer.inspection", span=told.span(limits.inspection)), "limits")


def _defects(told: _Told) -> Iterator[Sentence]:
    say, answers = told.say, guarantee(told.market)
    if answers.months is not None:
        text = say("policy.defects.months", span=phrases.months(say, answers.months))
        yield told.law(text, "defect_guarantee_months")
    if answers.presumed_months is not None:
        text = say("policy.defects.presumed", span=phrases.months(say, answers.presumed_months))
        yield told.law(text, "defect_burden_reversal_months")
    if answers.reject_days is not None:
        text = say("policy.defects.reject", span=phrases.days(say, answers.reject_days))
        yield told.law(text, "defect_short_reject_days")
    yield told.promise(say("policy.defects.always"))
    yield told.promise(say("policy.defects.law_stays"))


def _appeal(told: _Told) -> Iterator[Sentence]:
    say, terms = told.say, told.terms
    yield told.promise(say("policy.appeal.within", span=told.span(terms.appeal)), "appeal")
    yield told.promise(say("policy.appeal.decided", span=told.span(terms.limits.escalated)), "appeal")


def _fair_use(told: _Told) -> Iterator[Sentence]:
    say, terms = told.say, told.terms
    if terms.requests_per_item:
        yield told.promise(phrases.counted(say, "policy.fair_use.requests", terms.requests_per_item), "requests")
    if not told.policy.fair_use:
        yield told.promise(say("policy.fair_use.none"))
        return
    rows = dict(terms.promises)
    if isinstance(rate := rows.get("abuse_return_rate"), int) and rate:
        percent = phrases.percent(say, rate)
        yield told.promise(say("policy.fair_use.rate", percent=percent, orders=ORDERS_BEFORE_RATES_COUNT))
    for row, name in (("abuse_mismatches", "mismatches"), ("abuse_returns_90_days", "returns")):
        if isinstance(n := rows.get(row), int) and n:
            yield told.promise(phrases.counted(say, f"policy.fair_use.{name}", n))
    yield told.promise(say("policy.fair_use.never"))
