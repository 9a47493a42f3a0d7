"""May this line come back? One small rule after another: eligible, refused, or referred to a person.

Each rule answers one question with a Decision; the first that refuses or refers ends the questioning. The law's floor
holds throughout: goods within the statutory withdrawal period, and goods that were not what was sold, are never
refused for a rule of the merchant's own making.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.explain import Decision
from domain.market import Market
from domain.matching import Unmatched, UnmatchedReason
from domain.money import share
from domain.order import OrderLine, check_quantity
from domain.policy import ReturnPolicy, Starts
from domain.reasons import ReturnReason, fault_of, is_no_fault
from domain.terms import Terms
from domain.tier import months_before

# Directive 2011/83/EU, art. 18(1): goods are delivered within 30 days of the contract unless agreed otherwise. Where
# no delivery is on record, the statutory period is taken to have begun no later than this.
LATEST_DELIVERY_DAYS = 30


class Ground(StrEnum):
    """Why a line is refused or referred: stable codes, for rows, JSON and the words people read."""

    NOT_GOODS = "not_goods"
    QUANTITY_ABOVE_LEFT = "quantity_above_left"
    ALREADY_RETURNED = "already_returned"
    FINAL_SALE = "final_sale"
    OUTSIDE_WINDOW = "outside_window"
    DELIVERY_UNKNOWN = "delivery_unknown"
    DEFECT_GUARANTEE = "defect_guarantee"
    HIGH_VALUE = "refer_high_value"
    NO_CUSTOMER = "no_customer"
    NEVER_PURCHASED = "never_purchased"
    PURCHASED_ONLY_LATER = "purchased_only_later"


@dataclass(frozen=True)
class Eligible:
    """The line may come back."""

    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Refused:
    """The line may not come back, on this ground."""

    ground: Ground
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Referred:
    """A person decides, for this ground."""

    ground: Ground
    decisions: tuple[Decision, ...]


Verdict = Eligible | Refused | Referred


@dataclass(frozen=True)
class LineRequest:
    """What is asked: `quantity` units of an order line, for a reason, at a moment, and how the order stood then.

    `units_gone` are units of the line that earlier returns have taken. `delivered_at` is None while no delivery is on
    record.
    """

    line: OrderLine
    currency: str
    quantity: int
    units_gone: int
    reason: ReturnReason
    placed_at: datetime
    delivered_at: datetime | None
    declared_at: datetime

    @property
    def units_left(self) -> int:
        return self.line.quantity - self.units_gone

    @property
    def no_fault(self) -> bool:
        return is_no_fault(fault_of(self.reason))


def judge_line(request: LineRequest, *, policy: ReturnPolicy, terms: Terms, market: Market) -> Verdict:
    """Whether the units may come back, with every question asked on the way.

    Raises what `check_quantity` raises for a quantity that is no whole number from 1 upwards.
    """
    check_quantity(request.quantity, "/quantity")
    decisions: list[Decision] = []
    for verdict in (
        _goods(request, policy),
        _quantity_left(request),
        _final_sale(request, policy, terms),
        _within_window(request, terms, market),
        _value(request, policy),
    ):
        decisions.extend(verdict.decisions)
        if not isinstance(verdict, Eligible):
            return replace(verdict, decisions=tuple(decisions))
    return Eligible(tuple(decisions))


def judge_unmatched(rest: Unmatched, *, sku: str, policy: ReturnPolicy) -> Refused | Referred:
    """What becomes of units without a purchase: refused, or referred when the programme wants a person to look."""
    ground = _GROUNDS[rest.reason]
    referred = rest.reason in policy.refer_unmatched
    decision = Decision(
        question=f"Is there a purchase for {rest.quantity} units of {sku}?",
        answer=f"no: {rest.reason}",
        rule="match_to_purchases",
        source=policy.source,
        inputs=(("sku", sku), ("quantity", str(rest.quantity))),
    )
    return Referred(ground, (decision,)) if referred else Refused(ground, (decision,))


_GROUNDS: dict[UnmatchedReason, Ground] = {
    UnmatchedReason.NO_CUSTOMER_ID: Ground.NO_CUSTOMER,
    UnmatchedReason.NOT_GOODS: Ground.NOT_GOODS,
    UnmatchedReason.ITEM_NEVER_PURCHASED_IN_DATA: Ground.NEVER_PURCHASED,
    UnmatchedReason.PURCHASED_ONLY_LATER: Ground.PURCHASED_ONLY_LATER,
    UnmatchedReason.QUANTITY_EXCEEDS_EARLIER_PURCHASES: Ground.QUANTITY_ABOVE_LEFT,
    UnmatchedReason.EARLIER_PURCHASES_ALREADY_RETURNED: Ground.ALREADY_RETURNED,
}


def _goods(request: LineRequest, policy: ReturnPolicy) -> Verdict:
    line = request.line
    goods = policy.is_goods_sku(line.sku) and policy.is_goods_category(line.category)
    decision = Decision(
        question=f"Is {line.sku} goods that can come back?",
        answer="yes" if goods else "no",
        rule="goods",
        source=policy.source,
        inputs=(("sku", line.sku), ("category", line.category or "none")),
    )
    return Eligible((decision,)) if goods else Refused(Ground.NOT_GOODS, (decision,))


def _quantity_left(request: LineRequest) -> Verdict:
    decision = Decision(
        question=f"Are {request.quantity} units of line {request.line.id} left?",
        answer="yes" if request.quantity <= request.units_left else f"no: {request.units_left} left",
        rule="quantity_left",
        source="order and earlier returns",
        inputs=(("bought", str(request.line.quantity)), ("gone", str(request.units_gone))),
    )
    if request.quantity <= request.units_left:
        return Eligible((decision,))
    return Refused(Ground.QUANTITY_ABOVE_LEFT if request.units_left > 0 else Ground.ALREADY_RETURNED, (decision,))


def _final_sale(request: LineRequest, policy: ReturnPolicy, terms: Terms) -> Verdict:
    """A final sale ends the merchant's own promise, neither the statutory withdrawal nor the answer for defects."""
    if not request.line.final_sale:
        return Eligible(())
    withdrawing = _statutory(request, terms) is not Period.OVER
    stands = request.no_fault and not withdrawing
    decision = Decision(
        question=f"Does the final sale of line {request.line.id} stand?",
        answer="yes" if stands else "no: the law goes before it",
        rule="final_sale",
        source=policy.source if stands else terms.source_of("withdrawal"),
        inputs=(("reason", request.reason), ("withdrawal_days", str(terms.withdrawal_days))),
    )
    return Refused(Ground.FINAL_SALE, (decision,)) if stands else Eligible((decision,))


class Period(StrEnum):
    """Where a moment lies in a period whose beginning may not be on record."""

    RUNNING = "running"
    PERHAPS = "perhaps"
    OVER = "over"


def last_day(start: date, days: int) -> date:
    """The last day of a period; the day of the event is not counted (Regulation 1182/71, art. 3(1)).

    >>> last_day(date(2011, 7, 1), 14)
    datetime.date(2011, 7, 15)
    """
    return start + timedelta(days=days)


def _statutory(request: LineRequest, terms: Terms) -> Period:
    """Whether the statutory withdrawal period runs: from delivery, or, with no delivery on record, perhaps."""
    day = request.declared_at.date()
    if terms.withdrawal_days == 0:
        return Period.OVER
    if request.delivered_at is not None:
        return Period.RUNNING if day <= last_day(request.delivered_at.date(), terms.withdrawal_days) else Period.OVER
    if day <= last_day(request.placed_at.date(), terms.withdrawal_days):
        return Period.RUNNING
    latest = last_day(request.placed_at.date(), LATEST_DELIVERY_DAYS + terms.withdrawal_days)
    return Period.PERHAPS if day <= latest else Period.OVER


def _within_window(request: LineRequest, terms: Terms, market: Market) -> Verdict:
    decision = _window_decision(request, terms)
    if decision.answer == "yes":
        return Eligible((decision,))
    match _statutory(request, terms):
        case Period.RUNNING:
            return Eligible((decision, _withdrawal_decision(request, terms, "yes")))
        case Period.PERHAPS:
            return Referred(Ground.DELIVERY_UNKNOWN, (decision, _withdrawal_decision(request, terms, "not known")))
    if request.no_fault:
        return Refused(Ground.OUTSIDE_WINDOW, (decision,))
    return _under_guarantee(request, market, decision)


def _window_decision(request: LineRequest, terms: Terms) -> Decision:
    delivered = terms.starts is Starts.DELIVERED and request.delivered_at is not None
    start = request.delivered_at if delivered and request.delivered_at else request.placed_at
    counted_from = "delivered" if delivered else "placed"
    if terms.starts is Starts.DELIVERED and not delivered:
        counted_from = "placed, since no delivery is on record"
    ends = last_day(start.date(), terms.return_window_days)
    return Decision(
        question="Is the request within the return window?",
        answer="yes" if request.declared_at.date() <= ends else "no",
        rule="return_window",
        source=terms.source_of("return_window"),
        inputs=(
            ("window_days", str(terms.return_window_days)),
            ("counted_from", counted_from),
            ("start", start.date().isoformat()),
            ("last_day", ends.isoformat()),
            ("declared", request.declared_at.date().isoformat()),
        ),
    )


def _withdrawal_decision(request: LineRequest, terms: Terms, answer: str) -> Decision:
    delivered = request.delivered_at.date().isoformat() if request.delivered_at else "not on record"
    return Decision(
        question="Is the request within the statutory withdrawal period?",
        answer=answer,
        rule="withdrawal_right",
        source=terms.source_of("withdrawal"),
        inputs=(("withdrawal_days", str(terms.withdrawal_days)), ("delivered", delivered)),
    )


def _under_guarantee(request: LineRequest, market: Market, window: Decision) -> Verdict:
    """After the window the seller still answers for goods that were not what was sold; a person judges the remedy."""
    months = market.defect_guarantee_months
    start = (request.delivered_at or request.placed_at).date()
    over = months is not None and start < months_before(request.declared_at.date(), months)
    decision = Decision(
        question="Does the seller still answer for goods that were not what was sold?",
        answer="no" if over else "yes" if months is not None else "not known",
        rule="defect_guarantee",
        source=f"law of {market.market}: {market.citation}",
        inputs=(("reason", request.reason), ("guarantee_months", "none on file" if months is None else str(months))),
    )
    if over:
        return Refused(Ground.OUTSIDE_WINDOW, (window, decision))
    return Referred(Ground.DEFECT_GUARANTEE, (window, decision))


def _value(request: LineRequest, policy: ReturnPolicy) -> Verdict:
    limit = policy.refer_above_minor.get(request.currency)
    if limit is None:
        return Eligible(())
    value = value_minor(request.line, units_before=request.units_gone, quantity=request.quantity)
    decision = Decision(
        question=f"Is the line worth more than the programme authorizes by itself in {request.currency}?",
        answer="yes" if value > limit else "no",
        rule="refer_above",
        source=policy.source,
        inputs=(("value_minor", str(value)), ("refer_above_minor", str(limit))),
    )
    return Referred(Ground.HIGH_VALUE, (decision,)) if value > limit else Eligible((decision,))


def value_minor(line: OrderLine, *, units_before: int, quantity: int) -> int:
    """What the next `quantity` units of a line are worth at the price paid, after `units_before` of it are gone."""
    paid, units = line.paid_minor, line.quantity
    return share(paid, units_before + quantity, units) - share(paid, units_before, units)
