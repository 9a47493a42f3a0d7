"""Opening a return: the three checks (order, logistics, problem), each line judged, the freight's bearer and the refund to expect.

Preview and opening ask the same function; preview throws the answer away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.eligibility import Eligible, LineRequest, Referred, judge_line, judge_unmatched
from domain.errors import Invalid
from domain.explain import Decision
from domain.fees import Bearing, bearer_of_return_freight
from domain.market import Market
from domain.matching import Purchase, match_to_purchases
from domain.money import CurrencyMismatch
from domain.order import OrderLine, check_quantity
from domain.policy import ReturnPolicy
from domain.process import Method
from domain.reasons import Fault, ReturnReason, fault_of, is_no_fault
from domain.refund import LineNamedTwice, MoreThanIsLeft, RefundLine, RefundQuote, quote_refund
from domain.terms import Terms


class Resolution(StrEnum):
    """What the shopper asks for. Exchange and repair are not carried out yet and are refused with a word."""

    REFUND = "refund"


class Verdict(StrEnum):
    ELIGIBLE = "eligible"
    REFERRED = "referred"
    REFUSED = "refused"


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


class OrdersOfSeveralCurrencies(Invalid):
    code = "several_currencies"
    next_action = "Return goods paid in different currencies in returns of their own."


@dataclass(frozen=True)
class RequestedLine:
    """Goods that come back: by order line, or by SKU where there is no order number."""

    quantity: int
    reason: ReturnReason
    order_line_id: str | None = None
    sku: str | None = None
    note: str | None = None


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


@dataclass(frozen=True)
class SoldLine:
    """An order line with what has become of it: units in returns, units refunded, money refunded."""

    line: OrderLine
    currency: str
    market: str
    customer_id: str | None
    placed_at: datetime
    delivered_at: datetime | None
    claimed: int
    refunded: int
    refunded_minor: int


@dataclass(frozen=True)
class JudgedLine:
    """Units of one order line (or of none), and whether they may come back."""

    quantity: int
    reason: ReturnReason
    sku: str
    verdict: Verdict
    ground: str | None
    decisions: tuple[Decision, ...]
    sold: SoldLine | None = None
    note: str | None = None


@dataclass(frozen=True)
class Judgement:
    """The whole answer to a request."""

    verdict: Verdict
    lines: tuple[JudgedLine, ...]
    currency: str
    freight: Bearing
    quote: RefundQuote
    explanation: tuple[Decision, ...]


def judge(
    request: ReturnRequest,
    *,
    sold: Sequence[SoldLine],
    policy: ReturnPolicy,
    terms: Terms,
    market: Market,
    at: datetime,
    currency: str,
) -> Judgement:
    """Judge a request against the order lines it may be about.

    `sold` are the lines of the named order, or all lines of the named SKUs that the customer ever bought. `currency` is used when no
    purchase is found. Raises the named `Invalid` and `Conflict` errors of a request that cannot be right.
    """
    if not request.lines:
        raise NoLines("A return has at least one line.", pointer="/lines")
    for index, line in enumerate(request.lines):
        check_quantity(line.quantity, f"/lines/{index}/quantity")
    of_order = request.order_id is not None
    lines = (
        _judge_named(request, sold, policy, terms, market, at)
        if of_order
        else _judge_matched(request, sold, policy, terms, market, at)
    )
    currency = _currency(request, lines, currency)
    fault = _fault(lines)
    freight = bearer_of_return_freight(
        fault,
        bears_all=terms.merchant_bears_all,
        market_rule=market.return_shipping_no_fault or "",
        programme_source=policy.source,
        market_source=f"law of {market.market}: {market.citation}",
    )
    verdict = _whole(lines)
    return Judgement(
        verdict=verdict,
        lines=lines,
        currency=currency,
        freight=freight,
        quote=quote_refund(currency, _refund_lines(lines)),
        explanation=(
            *_three_checks(request, lines, fault),
            *(decision for line in lines for decision in line.decisions),
            Decision(
                "Who bears the freight of the return?",
                freight.bearer,
                freight.rule,
                freight.source,
                (("fault", fault),),
            ),
            Decision("May the goods come back?", verdict, "worst_line_that_can_come", policy.source),
        ),
    )


def _judge_named(
    request: ReturnRequest, sold: Sequence[SoldLine], policy: ReturnPolicy, terms: Terms, market: Market, at: datetime
) -> tuple[JudgedLine, ...]:
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
        judged.append(_judge_units(line, found, line.quantity, found.claimed, policy, terms, market, at))
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
    request: ReturnRequest, sold: Sequence[SoldLine], policy: ReturnPolicy, terms: Terms, market: Market, at: datetime
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
            policy=policy,
        )
        for part in matching.parts:
            key = (part.purchase.order_id, part.purchase.order_line_id)
            found = left[key]
            judged.append(_judge_units(line, found, part.quantity, found.claimed, policy, terms, market, at))
            left[key] = replace(found, claimed=found.claimed + part.quantity)
        if matching.rest:
            rest = judge_unmatched(matching.rest, sku=line.sku, policy=policy)
            verdict = Verdict.REFERRED if isinstance(rest, Referred) else Verdict.REFUSED
            judged.append(
                JudgedLine(
                    matching.rest.quantity,
                    line.reason,
                    line.sku,
                    verdict,
                    matching.rest.reason,
                    rest.decisions,
                    note=line.note,
                )
            )
    return tuple(judged)


def _purchase(sold: SoldLine) -> Purchase:
    line = sold.line
    return Purchase(
        line.order_id, line.id, sold.placed_at, line.quantity, line.quantity - sold.claimed, line.unit_price_minor
    )


def _judge_units(
    line: RequestedLine,
    sold: SoldLine,
    quantity: int,
    gone: int,
    policy: ReturnPolicy,
    terms: Terms,
    market: Market,
    at: datetime,
) -> JudgedLine:
    asked = LineRequest(sold.line, sold.currency, quantity, gone, line.reason, sold.placed_at, sold.delivered_at, at)
    judged = judge_line(asked, policy=policy, terms=terms, market=market)
    verdict, ground = Verdict.ELIGIBLE, None
    if not isinstance(judged, Eligible):
        verdict = Verdict.REFERRED if isinstance(judged, Referred) else Verdict.REFUSED
        ground = str(judged.ground)
    return JudgedLine(quantity, line.reason, sold.line.sku, verdict, ground, judged.decisions, sold, line.note)


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
    return [
        RefundLine(
            *key,
            quantity=quantity,
            line_quantity=by_key[key].line.quantity,
            paid_minor=by_key[key].line.paid_minor,
            refunded_units_before=by_key[key].refunded,
            refunded_minor_before=by_key[key].refunded_minor,
        )
        for key, quantity in units.items()
    ]


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
