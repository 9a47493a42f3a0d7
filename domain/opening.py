"""Opening a return: the three checks (order, logistics, problem), each line judged, the freight's bearer and the refund to expect.

Preview and opening ask the same function; preview throws the answer away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.calendar import Calendar
from domain.clock import AT_ONCE, Event, RefundClock
from domain.destination import STORE_CREDIT
from domain.eligibility import Ground, Verdict, judge_line, judge_unmatched
from domain.errors import Invalid
from domain.explain import Decision
from domain.fees import NO_RELIEF, Bearing, FreightRelief, bearer_of_return_freight
from domain.frozen import quickly_made, replace
from domain.goods import GoodsCondition
from domain.limits import Limits, RefundTrigger
from domain.market import Confidence, Market
from domain.matching import Purchase, match_to_purchases
from domain.money import CurrencyMismatch
from domain.order import SoldLine, check_quantity
from domain.policy import RefundOnly, ReturnPolicy, TierValue
from domain.reasons import Fault, ReturnReason, fault_of, is_no_fault
from domain.refund import LineNamedTwice, MoreThanIsLeft, RefundLine, RefundQuote, quote_refund
from domain.repricing import OrderMoney
from domain.risk import NO_RISK, ReturnHistory, Risk, Thresholds, assess
from domain.risk import explain as explain_risk
from domain.state import Method
from domain.terms import Terms
from domain.tier import Tier
from domain.triggers import Rates, Sum, Trusted, limits_of_case, may_stay
from domain.windows import LineRequest


class Resolution(StrEnum):
    """What the shopper asks for. Exchange and repair are not carried out yet and are refused with a word."""

    REFUND = "refund"
    REFUND_ONLY = "refund_only"  # money back, and the goods stay


class NoLines(Invalid):
    code = "no_lines"
    next_action = "Name at least one line that comes back."


class LineNotInOrder(Invalid):
    code = "line_not_in_order"
    title = "The line is not of this order"
    next_action = "Use the id of a line of the named order; GET /v1/orders/{order_id} lists them."


class LineNotNamed(Invalid):
    code = "line_not_named"
    next_action = "Name the order line, or the SKU when there is no order number; one of the two."


class ReasonMissing(Invalid):
    code = "reason_missing"
    next_action = "Say why the goods come back, in one of the words that the programme offers."


class ReasonNotOffered(Invalid):
    code = "reason_not_offered"
    next_action = "Use one of the reasons that the programme offers; the answer lists them."


class MethodNotOffered(Invalid):
    code = "method_not_offered"
    next_action = "Use one of the ways back that the programme offers; the answer lists them."


class OrdersOfSeveralCurrencies(Invalid):
    code = "several_currencies"
    next_action = "Return goods paid in different currencies in returns of their own."


@dataclass(frozen=True)
class RequestedLine:
    """Goods that come back: by order line, or by SKU where there is no order number.

    `reason` is None where the shopper gives none. `condition` is what the shopper says of the goods, `serials` which
    units come back.
    """

    quantity: int
    reason: ReturnReason | None
    order_line_id: str | None = None
    sku: str | None = None
    note: str | None = None
    condition: GoodsCondition = GoodsCondition.NOT_SAID
    serials: tuple[str, ...] = ()

    @property
    def said_reason(self) -> ReturnReason:
        return self.reason or ReturnReason.NO_REASON


@dataclass(frozen=True)
class ReturnRequest:
    """What is asked for. Without `order_id`, lines are matched to the oldest purchases of `customer_id`."""

    lines: tuple[RequestedLine, ...]
    order_id: str | None = None
    customer_id: str | None = None
    method: Method = Method.LABEL
    resolution: Resolution = Resolution.REFUND
    currency: str | None = None
    declared_at: datetime | None = None


@quickly_made
@dataclass(frozen=True)
class JudgedLine:
    """Units of one order line (or of none), and whether they may come back."""

    quantity: int
    reason: ReturnReason
    sku: str
    verdict: Verdict
    grounds: tuple[str, ...]
    decisions: tuple[Decision, ...]
    sold: SoldLine | None = None
    note: str | None = None
    condition: GoodsCondition = GoodsCondition.NOT_SAID
    serials: tuple[str, ...] = ()
    withdrawing: bool = False


@quickly_made
@dataclass(frozen=True)
class Judgement:
    """The whole answer to a request. `limits` are those of the terms, as this one case has them.

    `withdrawing`: the statutory right is exercised, for some of the lines at least.
    `refund_as`: "store_credit" where the whole refund goes there by the terms; else empty, and it goes back over the tenders.
    """

    verdict: Verdict
    lines: tuple[JudgedLine, ...]
    currency: str
    freight: Bearing
    quote: RefundQuote
    limits: Limits
    explanation: tuple[Decision, ...]
    withdrawing: bool = False
    refund_as: str = ""


NO_HISTORY = ReturnHistory()


@quickly_made
@dataclass(frozen=True)
class Setting:
    """What a request is judged by: promise and law, the days that count, the customer's history, and rates for ceilings.

    calendar   covers the days from the oldest order on; `frozen` those from the opening on
    kept       by order, what earlier requests were refunded while the goods stayed, in minor units
    """

    policy: ReturnPolicy
    terms: Terms
    market: Market
    calendar: Calendar
    frozen: Calendar
    rates: Rates
    history: ReturnHistory = NO_HISTORY
    risk: Risk = NO_RISK
    kept: Mapping[str, int] | None = None

    @property
    def trusted(self) -> Trusted:
        return Trusted(self.history.advances_open, self.history.advances_lost, self.history.returnless_90_days)


def risk_of(history: ReturnHistory, policy: ReturnPolicy, tier: Tier) -> Risk:
    """What a history says under a programme: nothing, where the programme does not look."""
    if not policy.fair_use:
        return NO_RISK
    rate, recent, mismatches = (
        policy.tier_table.row(name).values.get(tier)
        for name in ("abuse_return_rate", "abuse_returns_90_days", "abuse_mismatches")
    )
    return assess(history, Thresholds(_number(rate), _number(recent), _number(mismatches)))


def _number(value: TierValue | None) -> int | None:
    return value if isinstance(value, int) else None


def judge(
    request: ReturnRequest,
    *,
    sold: Sequence[SoldLine],
    by: Setting,
    at: datetime,
    currency: str,
    orders: Sequence[OrderMoney] = (),
    told: bool = True,
) -> Judgement:
    """Judge a request against the order lines it may be about.

    `sold` are the lines of the named order, or all lines of the named SKUs that the customer ever bought. `currency` is used when no
    purchase is found; `orders` are those with charges or promotions, whole. Without `told` the answer is the same, and only its
    lines say why: for whoever judges thousands of them.
    Raises the named `Invalid` and `Conflict` errors of a request that cannot be right.
    """
    _check_asked(request, by.policy)
    lines = (
        _judge_named(request, sold, by, at) if request.order_id is not None else _judge_matched(request, sold, by, at)
    )
    currency = _currency(request, lines, currency)
    withdrawing = any(line.withdrawing for line in lines)  # also of a refused line: an appeal may bring it back
    fault = _fault(lines)
    coming = [line for line in lines if line.verdict is not Verdict.REFUSED]
    asked_back = _refund_lines(lines)
    quote = quote_refund(
        currency,
        asked_back,
        orders=[one for one in orders if any(line.order_id == one.order_id for line in asked_back)] if orders else (),
        by=by.terms.refund,
        withdrawing=withdrawing,
        at_fault=any(not is_no_fault(fault_of(line.reason)) for line in coming),
        told=told,
    )
    lines, keeping = _refund_only(request, lines, quote, by)
    verdict = _whole(lines)
    freight = _freight(fault, lines, by)
    refused = verdict is Verdict.REFUSED
    asked = Sum(
        quote.total_minor,
        currency,
        withdrawing,
        keeps_goods=request.resolution is Resolution.REFUND_ONLY and not refused,
        refused=refused,
        kept_minor=_kept_before(lines, by),
    )
    limits, waits = limits_of_case(
        by.terms,
        asked,
        rates=by.rates,
        trusted=by.trusted,
        approval_default=_approval_default(by),
        calendar=by.frozen,
        told=told,
    )
    refund_as = _refund_as(lines)
    return Judgement(
        refund_as=refund_as,
        verdict=verdict,
        lines=lines,
        currency=currency,
        freight=freight,
        quote=quote,
        limits=limits,
        explanation=()
        if not told
        else (
            *_three_checks(request, lines, fault),
            *((explain_risk(by.risk, by.policy.source),) if by.risk.parts else ()),
            *(decision for line in lines for decision in line.decisions),
            *keeping,
            *(() if refused else _of_freight(freight, fault, limits)),
            *(() if refused else (waits,)),
            *((_of_store_credit(by),) if refund_as else ()),
            *(() if refused else _of_law(by, clock=limits.refund_clock)),
            Decision("May the goods come back?", verdict, "worst_line_that_can_come", by.policy.source),
            *((_of_appeal(by.terms),) if refused and any(line.sold for line in lines) else ()),
        ),
        withdrawing=withdrawing,
    )


def _refund_as(lines: Sequence[JudgedLine]) -> str:
    """Store credit where nothing but late goods comes back. Goods in time beside them are owed money, and then all is paid in it."""
    coming = [line for line in lines if line.verdict is not Verdict.REFUSED]
    late = bool(coming) and all(Ground.STORE_CREDIT_ONLY in line.grounds for line in coming)
    return STORE_CREDIT if late else ""


def _of_store_credit(by: Setting) -> Decision:
    return Decision(
        "How is the refund paid?",
        "as store credit, because the goods come back after the return window",
        "store_credit_after_window",
        by.terms.source_of("store_credit"),
        (("days after the window", str(by.terms.store_credit_days)),),
    )


def _check_asked(request: ReturnRequest, policy: ReturnPolicy) -> None:
    if not request.lines:
        raise NoLines("A return has at least one line.", pointer="/lines")
    if policy.methods and request.method not in policy.methods:
        offered = sorted(policy.methods)
        raise MethodNotOffered(
            f"{request.method} is not offered here; offered: {', '.join(offered)}.", pointer="/method", offered=offered
        )
    for index, line in enumerate(request.lines):
        check_quantity(line.quantity, f"/lines/{index}/quantity")
        pointer = f"/lines/{index}/reason"
        if line.reason is None and policy.reason_required:
            raise ReasonMissing("The programme asks for a reason.", pointer=pointer, offered=_offered(policy))
        if line.reason and not _is_offered(line.reason, policy):
            offered = _offered(policy)
            raise ReasonNotOffered(
                f"The reason {line.reason} is not offered here; offered: {', '.join(offered)}.",
                pointer=pointer,
                offered=offered,
            )


def _is_offered(reason: ReturnReason, policy: ReturnPolicy) -> bool:
    """Whether it is one of the reasons of new returns. To withdraw always is: it is a right, not an offer."""
    return not policy.reasons or reason in policy.reasons or reason is ReturnReason.WITHDRAWAL


def _offered(policy: ReturnPolicy) -> list[str]:
    return [reason for reason in ReturnReason if _is_offered(reason, policy)]


def _freight(fault: Fault, lines: Sequence[JudgedLine], by: Setting) -> Bearing:
    terms = by.terms
    return bearer_of_return_freight(
        fault,
        bears_all=terms.merchant_bears_all,
        market_rule=terms.freight_rule,
        shopper_informed=by.policy.shopper_informed,
        relief=NO_RELIEF
        if not by.policy.waterfall
        else FreightRelief(
            by.policy.waterfall,
            insured=all(line.sold.insured for line in lines if line.sold) and any(line.sold for line in lines),
            labels_left=terms.free_labels - by.history.free_labels_used,
            benefit_source=terms.source_of("free_labels"),
        ),
        programme_source=by.policy.source,
        market_source=terms.source_of("freight"),
    )


def _approval_default(by: Setting) -> str:
    if not by.risk.high:
        return by.terms.limits.approval_default
    return str(dict(by.terms.promises)["approval_default_high_risk"])


def _kept_before(lines: Sequence[JudgedLine], by: Setting) -> int:
    """What the orders of these lines were refunded already while their goods stayed."""
    orders = {line.sold.line.order_id for line in lines if line.sold}
    return sum((by.kept or {}).get(order, 0) for order in orders)


def _refund_only(
    request: ReturnRequest, lines: tuple[JudgedLine, ...], quote: RefundQuote, by: Setting
) -> tuple[tuple[JudgedLine, ...], tuple[Decision, ...]]:
    """Money without goods is nobody's right: the programme says who decides about it, if anybody does."""
    if request.resolution is not Resolution.REFUND_ONLY:
        return lines, ()
    who = by.policy.refund_only
    asked = Sum(quote.total_minor, quote.currency, withdrawing=False, kept_minor=_kept_before(lines, by))
    small = may_stay(by.terms, asked, by.rates, by.trusted)
    if who is RefundOnly.NOT_OFFERED:
        answer, verdict, ground = "no", Verdict.REFUSED, Ground.REFUND_ONLY_NOT_OFFERED
    elif who is RefundOnly.RULE and small:
        answer, verdict, ground = "yes", Verdict.ELIGIBLE, None
    else:
        answer, verdict, ground = "the merchant decides", Verdict.REFERRED, Ground.MERCHANT_DECIDES
    decision = Decision(
        "Is money given back while the goods stay?",
        answer,
        "refund_only",
        by.policy.source,
        (("decided by", who), ("ceiling, USD", str(by.terms.returnless_ceiling_usd))),
    )
    return tuple(_at_best(line, verdict, ground) for line in lines), (decision,)


def _at_best(line: JudgedLine, verdict: Verdict, ground: Ground | None) -> JudgedLine:
    """The line with no better verdict than this one."""
    worse = list(Verdict).index(verdict) > list(Verdict).index(line.verdict)
    if ground is None or not worse:
        return line
    return replace(line, verdict=verdict, grounds=(*line.grounds, ground))


def _of_freight(freight: Bearing, fault: Fault, limits: Limits) -> tuple[Decision, ...]:
    if limits.refund_trigger == RefundTrigger.RETURNLESS:
        return ()
    question = "Who bears the freight of the return?"
    return (Decision(question, freight.bearer, freight.rule, freight.source, (("fault", fault),)),)


def _of_law(by: Setting, *, clock: str) -> tuple[Decision, ...]:
    """What the law adds to the promise, as far as it concerns this case; and how sure we are of it."""
    said = []
    if clock:
        parsed = RefundClock.parse(clock)
        said.append(
            Decision(
                "By when does the law want the money paid?",
                "at once" if parsed.span == AT_ONCE else f"{parsed.span} from {CLOCK_STARTS[parsed.starts]}",
                "refund_clock",
                by.terms.source_of("refund_clock"),
                (("may be held back until", CLOCK_STARTS[parsed.withhold] if parsed.withhold else "never"),),
            )
        )
    if by.terms.law_confidence == Confidence.LOW or by.terms.law_doubts:
        said.append(
            Decision(
                "How sure is the law on file?",
                f"{by.terms.law_confidence} confidence",
                "certainty_of_law",
                f"law of {by.market.market}, as of {by.market.as_of or 'never'}",
                (("from memory", "; ".join(by.terms.law_doubts) or "nothing"),),
            )
        )
    return tuple(said)


CLOCK_STARTS = {
    Event.NOTICE: "the notice",
    Event.SENT: "proof of sending, or receipt if that is earlier",
    Event.RECEIVED: "receipt of the goods",
}


def _of_appeal(terms: Terms) -> Decision:
    return Decision(
        "What if you disagree?",
        f"say so within {terms.appeal}: another person looks at it",
        "appeal",
        terms.source_of("appeal"),
        (("how", "POST /v1/returns/{return_id}/appeal, or ./boomerang return appeal"),),
    )


def _judge_named(request: ReturnRequest, sold: Sequence[SoldLine], by: Setting, at: datetime) -> tuple[JudgedLine, ...]:
    by_id = {line.line.id: line for line in sold}
    seen: set[str] = set()
    judged = []
    for index, line in enumerate(request.lines):
        pointer = f"/lines/{index}"
        found = by_id.get(line.order_line_id or "") or _only_line_of_sku(line, sold, pointer)
        if found is None:
            named = line.order_line_id or line.sku
            raise LineNotInOrder(f"Order {request.order_id} has no line {named!r}.", pointer=f"{pointer}/order_line_id")
        if found.line.id in seen:
            raise LineNamedTwice(f"Line {found.line.id} is named twice.", pointer=f"{pointer}/order_line_id")
        seen.add(found.line.id)
        left = found.line.quantity - found.claimed
        if line.quantity > left:
            raise MoreThanIsLeft(
                f"{line.quantity} units are asked, {left} of {found.line.quantity} are left in line {found.line.id}.",
                pointer=f"{pointer}/quantity",
                asked=line.quantity,
                left=left,
            )
        judged.append(_judge_units(line, found, line.quantity, found.claimed, by, at))
    return tuple(judged)


def _only_line_of_sku(line: RequestedLine, sold: Sequence[SoldLine], pointer: str) -> SoldLine | None:
    if line.order_line_id is not None:
        return None
    if line.sku is None:
        raise LineNotNamed("The line says neither which order line nor which SKU.", pointer=f"{pointer}/order_line_id")
    of_sku = [found for found in sold if found.line.sku == line.sku]
    if len(of_sku) > 1:
        raise LineNotNamed(f"SKU {line.sku} stands in several lines of the order.", pointer=f"{pointer}/order_line_id")
    return of_sku[0] if of_sku else None


def _judge_matched(
    request: ReturnRequest, sold: Sequence[SoldLine], by: Setting, at: datetime
) -> tuple[JudgedLine, ...]:
    left = {(line.line.order_id, line.line.id): line for line in sold}
    judged: list[JudgedLine] = []
    for index, line in enumerate(request.lines):
        if line.sku is None:
            raise LineNotNamed("Without an order number the line needs its SKU.", pointer=f"/lines/{index}/sku")
        matching = match_to_purchases(
            customer_id=request.customer_id,
            sku=line.sku,
            quantity=line.quantity,
            declared_at=at,
            purchases=[_purchase(found) for found in left.values() if found.line.sku == line.sku],
            policy=by.policy,
        )
        for part in matching.parts:
            key = (part.purchase.order_id, part.purchase.order_line_id)
            found = left[key]
            judged.append(_judge_units(line, found, part.quantity, found.claimed, by, at))
            left[key] = replace(found, claimed=found.claimed + part.quantity)
        if matching.rest:
            rest = judge_unmatched(matching.rest, sku=line.sku, policy=by.policy)
            judged.append(
                JudgedLine(
                    matching.rest.quantity,
                    line.said_reason,
                    line.sku,
                    rest.verdict,
                    (str(matching.rest.reason),),
                    rest.decisions,
                    note=line.note,
                    condition=line.condition,
                    serials=line.serials,
                )
            )
    return tuple(judged)


def _purchase(sold: SoldLine) -> Purchase:
    line = sold.line
    return Purchase(line.order_id, line.id, sold.placed_at, line.quantity, sold.left, line.unit_price_minor)


def _judge_units(
    line: RequestedLine, sold: SoldLine, quantity: int, gone: int, by: Setting, at: datetime
) -> JudgedLine:
    reason = line.said_reason
    asked = LineRequest(sold, quantity, gone, reason, at, line.condition, line.serials, by.risk)
    judged = judge_line(asked, policy=by.policy, terms=by.terms, market=by.market, calendar=by.calendar)
    return JudgedLine(
        quantity,
        reason,
        sold.line.sku,
        judged.verdict,
        tuple(str(ground) for ground in judged.grounds),
        judged.decisions,
        sold,
        line.note,
        line.condition,
        line.serials,
        judged.withdrawing,
    )


def _currency(request: ReturnRequest, lines: Sequence[JudgedLine], otherwise: str) -> str:
    currencies = {line.sold.currency for line in lines if line.sold}
    if len(currencies) > 1:
        raise OrdersOfSeveralCurrencies(f"The goods were paid in {', '.join(sorted(currencies))}.", pointer="/lines")
    currency = currencies.pop() if currencies else request.currency or otherwise
    if request.currency and request.currency != currency:
        raise CurrencyMismatch(
            f"The order was paid in {currency}, the return names {request.currency}.",
            pointer="/currency",
            order_currency=currency,
        )
    return currency


def _fault(lines: Sequence[JudgedLine]) -> Fault:
    """Of several reasons the one that spares the shopper: a parcel with one defective piece comes back at no cost to her."""
    faults = [fault_of(line.reason) for line in lines]
    return next((fault for fault in faults if not is_no_fault(fault)), faults[0])


def _whole(lines: Sequence[JudgedLine]) -> Verdict:
    """One line that needs a person refers the return; refused lines stay behind while the others come back."""
    verdicts = {line.verdict for line in lines}
    for verdict in (Verdict.REFERRED, Verdict.ELIGIBLE):
        if verdict in verdicts:
            return verdict
    return Verdict.REFUSED


def _refund_lines(lines: Sequence[JudgedLine]) -> list[RefundLine]:
    units: dict[tuple[str, str], int] = {}
    by_key: dict[tuple[str, str], SoldLine] = {}
    for line in lines:
        if line.sold and line.verdict is not Verdict.REFUSED:
            key = (line.sold.line.order_id, line.sold.line.id)
            units[key] = units.get(key, 0) + line.quantity
            by_key.setdefault(key, line.sold)
    return [RefundLine.of(by_key[key], quantity) for key, quantity in units.items()]


def _three_checks(request: ReturnRequest, lines: Sequence[JudgedLine], fault: Fault) -> tuple[Decision, ...]:
    found = [line.sold for line in lines if line.sold]
    delivered = [line.delivered_at.date().isoformat() for line in found if line.delivered_at]
    reasons = ", ".join(sorted({line.reason for line in lines}))
    source = "three checks: order, logistics, problem"
    return (
        Decision(
            "Is there an order behind it?",
            f"yes, {len({line.line.order_id for line in found})}" if found else "no",
            "check_order",
            source,
            (
                ("named", request.order_id or "none: matched to the customer's oldest purchases"),
                ("lines", str(len(found))),
            ),
        ),
        Decision(
            "Were the goods delivered?",
            "yes" if delivered else "not on record",
            "check_logistics",
            source,
            (("delivered", max(delivered, default="not on record")),),
        ),
        Decision(
            "What is the problem, and whose is it?",
            f"{reasons}: {fault}",
            "check_problem",
            source,
            (("reasons", reasons),),
        ),
    )
