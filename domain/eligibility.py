"""May this line come back? A chain of small rules, each of which says yes, no, or "a person decides", with its reason.

Every rule is asked, and all that they say is reported together. A line that any rule refuses is refused; one that none
refuses and any refers goes to a person. The law's floor holds throughout: goods within the statutory withdrawal period
that the law does not except, and goods that were not what was sold, are never refused for a rule of the merchant's own
making.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.calendar import Calendar
from domain.explain import Decision
from domain.frozen import quickly_made
from domain.goods import SEALED, GoodsCondition, Nature
from domain.market import Market, Wear
from domain.matching import Unmatched, UnmatchedReason
from domain.money import share
from domain.order import OrderLine, OrderStatus, check_quantity
from domain.policy import ReturnPolicy
from domain.risk import explain as explain_risk
from domain.terms import Terms
from domain.windows import (
    Case,
    LineRequest,
    Period,
    case_of,
    conditional_decision,
    decide_on,
    guarantee_decision,
    store_credit_decision,
    window_decision,
    withdrawal_decision,
)


class Ground(StrEnum):
    """Why a line is refused or referred: stable codes, for rows, JSON and the words people read."""

    ORDER_NOT_COMPLETED = "order_not_completed"
    NOT_GOODS = "not_goods"
    GIFT_CARD = "gift_card"
    NOTHING_SHIPPED = "nothing_shipped"
    NEVER_SHIPPED = "never_shipped"
    QUANTITY_ABOVE_SHIPPED = "quantity_above_shipped"
    QUANTITY_ABOVE_LEFT = "quantity_above_left"
    ALREADY_RETURNED = "already_returned"
    ALREADY_EXCHANGED = "already_exchanged"
    SERIAL_MISMATCH = "serial_mismatch"
    FINAL_SALE = "final_sale"
    EXCLUDED_GOODS = "excluded_goods"
    NOT_AS_SOLD = "not_as_sold"
    NOT_INTACT = "not_intact"
    OUTSIDE_WINDOW = "outside_window"
    STORE_CREDIT_ONLY = "store_credit_only"
    DELIVERY_UNKNOWN = "delivery_unknown"
    CONDITIONAL_RIGHT = "conditional_right"
    DEFECT_GUARANTEE = "defect_guarantee"
    TOO_MANY_REQUESTS = "too_many_requests"
    FAIR_USE = "fair_use"
    HIGH_VALUE = "refer_high_value"
    MERCHANT_DECIDES = "merchant_decides"
    REFUND_ONLY_NOT_OFFERED = "refund_only_not_offered"
    NO_CUSTOMER = "no_customer"
    NEVER_PURCHASED = "never_purchased"
    PURCHASED_ONLY_LATER = "purchased_only_later"


class Verdict(StrEnum):
    ELIGIBLE = "eligible"
    REFERRED = "referred"
    REFUSED = "refused"


@quickly_made
@dataclass(frozen=True)
class Judged:
    """The answer for a line: the verdict, every ground for it (those that decided it first), and every question asked.

    `withdrawing`: the statutory right is exercised, so that the law's clock on the refund runs.
    """

    verdict: Verdict
    grounds: tuple[Ground, ...]
    decisions: tuple[Decision, ...]
    withdrawing: bool = False

    @property
    def ground(self) -> Ground | None:
        """The first of the grounds that made the verdict."""
        return self.grounds[0] if self.grounds else None


@quickly_made
@dataclass(frozen=True)
class Finding:
    """What one rule says: its decisions, and the ground on which it refuses or refers, if it does."""

    decisions: tuple[Decision, ...] = ()
    refuses: Ground | None = None
    refers: Ground | None = None


NOTHING_TO_SAY = Finding()


def judge_line(
    request: LineRequest, *, policy: ReturnPolicy, terms: Terms, market: Market, calendar: Calendar
) -> Judged:
    """Whether the units may come back, with every question asked and every reason found.

    `calendar` covers the days from the order on. Raises what `check_quantity` raises for a quantity that is no whole
    number from 1 upwards.
    """
    check_quantity(request.quantity, "/quantity")
    case = case_of(request, policy=policy, terms=terms, market=market, calendar=calendar)
    withdrawing = request.no_fault and case.right.may_hold
    return _together([rule(case) for rule in RULES], withdrawing=withdrawing)


def judge_unmatched(rest: Unmatched, *, sku: str, policy: ReturnPolicy) -> Judged:
    """What becomes of units without a purchase: refused, or referred when the programme wants a person to look."""
    referred = rest.reason in policy.refer_unmatched
    decision = Decision(
        question=f"Is there a purchase for {rest.quantity} units of {sku}?",
        answer=f"no: {rest.reason}",
        rule="match_to_purchases",
        source=policy.source,
        inputs=(("sku", sku), ("quantity", str(rest.quantity))),
    )
    return Judged(Verdict.REFERRED if referred else Verdict.REFUSED, (_GROUNDS[rest.reason],), (decision,))


_GROUNDS: dict[UnmatchedReason, Ground] = {
    UnmatchedReason.NO_CUSTOMER_ID: Ground.NO_CUSTOMER,
    UnmatchedReason.NOT_GOODS: Ground.NOT_GOODS,
    UnmatchedReason.ITEM_NEVER_PURCHASED_IN_DATA: Ground.NEVER_PURCHASED,
    UnmatchedReason.PURCHASED_ONLY_LATER: Ground.PURCHASED_ONLY_LATER,
    UnmatchedReason.QUANTITY_EXCEEDS_EARLIER_PURCHASES: Ground.QUANTITY_ABOVE_LEFT,
    UnmatchedReason.EARLIER_PURCHASES_ALREADY_RETURNED: Ground.ALREADY_RETURNED,
}


def _together(findings: Iterable[Finding], *, withdrawing: bool) -> Judged:
    decisions: list[Decision] = []
    refused: list[Ground] = []
    referred: list[Ground] = []
    for finding in findings:
        if finding is NOTHING_TO_SAY:
            continue
        decisions += finding.decisions
        if finding.refuses:
            refused.append(finding.refuses)
        if finding.refers:
            referred.append(finding.refers)
    verdict = Verdict.REFUSED if refused else Verdict.REFERRED if referred else Verdict.ELIGIBLE
    return Judged(verdict, (*refused, *referred), tuple(decisions), withdrawing)


# --- the rules, in the order in which they are told


def _order_completed(case: Case) -> Finding:
    status = case.request.sold.order_status
    if status == OrderStatus.COMPLETED:
        return NOTHING_TO_SAY
    decision = decide_on(
        f"Is order {case.request.line.order_id} a completed sale?",
        f"no: it is {status}",
        "order_completed",
        "order",
        ("status", status),
    )
    return Finding((decision,), refuses=Ground.ORDER_NOT_COMPLETED)


def _goods(case: Case) -> Finding:
    line, policy = case.request.line, case.policy
    goods = policy.is_goods_sku(line.sku) and policy.is_goods_category(line.category)
    decision = decide_on(
        f"Is {line.sku} goods that can come back?",
        "yes" if goods else "no",
        "goods",
        policy.source,
        ("sku", line.sku),
        ("category", line.category or "none"),
    )
    return Finding((decision,), refuses=None if goods else Ground.NOT_GOODS)


def _gift_card(case: Case) -> Finding:
    """Spent, a gift card is gone; unspent, it is money. Where a right of withdrawal runs a person looks whether it is unspent."""
    if Nature.GIFT_CARD not in case.natures or not case.request.no_fault:
        return NOTHING_TO_SAY
    decision = decide_on(
        f"Can the gift card of line {case.request.line.id} come back?",
        "a person looks whether it is unspent" if case.law_first else "no",
        "gift_card",
        case.policy.source,
        ("nature", Nature.GIFT_CARD),
    )
    if case.law_first:
        return Finding((decision,), refers=Ground.GIFT_CARD)
    return Finding((decision,), refuses=Ground.GIFT_CARD)


def _shipped(case: Case) -> Finding:
    """What has not left cannot come back: the order is to be cancelled instead, and where a right runs a person sees to it."""
    line, sold = case.request.line, case.request.sold
    if line.shipped is None and sold.anything_shipped:
        return NOTHING_TO_SAY
    shipped = line.shipped if line.shipped is not None else line.quantity
    left = shipped - case.request.units_gone
    enough = case.request.quantity <= left
    decision = decide_on(
        f"Have {case.request.quantity} units of line {line.id} been shipped?",
        "yes" if enough else f"no: {max(0, left)}",
        "shipped",
        "order",
        ("shipped", str(shipped)),
        ("gone", str(case.request.units_gone)),
    )
    if enough:
        return Finding((decision,))
    if not sold.anything_shipped:
        refers = Ground.NOTHING_SHIPPED if case.law_first else None
        return Finding((decision,), refers=refers, refuses=None if refers else Ground.NOTHING_SHIPPED)
    # Never sent, or to be withdrawn from before it is: a person sees to it.
    if not shipped or case.law_first or not case.request.no_fault:
        return Finding((decision,), refers=Ground.NEVER_SHIPPED)
    return Finding((decision,), refuses=Ground.QUANTITY_ABOVE_SHIPPED)


def _quantity_left(case: Case) -> Finding:
    request = case.request
    left, enough = request.units_left, request.quantity <= request.units_left
    decision = decide_on(
        f"Are {request.quantity} units of line {request.line.id} left?",
        "yes" if enough else f"no: {max(0, left)} left",
        "quantity_left",
        "order and earlier returns",
        ("bought", str(request.line.quantity)),
        ("gone", str(request.units_gone)),
        *((("exchanged", str(request.line.exchanged)),) if request.line.exchanged else ()),
    )
    if enough:
        return Finding((decision,))
    if request.line.exchanged and request.quantity <= left + request.line.exchanged:
        return Finding((decision,), refuses=Ground.ALREADY_EXCHANGED)
    return Finding((decision,), refuses=Ground.QUANTITY_ABOVE_LEFT if left > 0 else Ground.ALREADY_RETURNED)


def _serials(case: Case) -> Finding:
    named, known = case.request.serials, frozenset(case.request.line.serials)
    if not named or not known:
        return NOTHING_TO_SAY
    strange = sorted(set(named) - known)
    too_many = len(set(named)) != len(named) or len(named) > case.request.quantity
    fits = not strange and not too_many
    decision = decide_on(
        "Are these the units that were sold?",
        "yes" if fits else f"no: {', '.join(strange) or 'more serials than units'}",
        "serials",
        "order",
        ("named", ", ".join(named)),
        ("sold", str(len(known))),
    )
    return Finding((decision,), refuses=None if fits else Ground.SERIAL_MISMATCH)


def _within_window(case: Case) -> Finding:
    window = window_decision(case)
    if window.answer == "yes":
        return Finding((window,))
    if case.right.excepted is None:
        match case.right.period:
            case Period.RUNNING:
                return Finding((window, withdrawal_decision(case, "yes")))
            case Period.PERHAPS:
                return Finding((window, withdrawal_decision(case, "not known")), refers=Ground.DELIVERY_UNKNOWN)
    if not case.request.no_fault:
        answers = guarantee_decision(case)
        if answers.answer == "no":
            return Finding((window, answers), refuses=Ground.OUTSIDE_WINDOW)
        return Finding((window, answers), refers=Ground.DEFECT_GUARANTEE)
    if conditional := conditional_decision(case):
        return Finding((window, conditional), refers=Ground.CONDITIONAL_RIGHT)
    if credit := store_credit_decision(case):
        return Finding((window, credit), refers=Ground.STORE_CREDIT_ONLY)
    return Finding((window,), refuses=Ground.OUTSIDE_WINDOW)


def _excluded(case: Case) -> Finding:
    """Goods of a nature that the promise leaves out; where the law leaves them their right, the law goes before it."""
    request = case.request
    natures = case.natures - {Nature.GIFT_CARD}
    if not natures or not request.no_fault:
        return NOTHING_TO_SAY
    out = {nature for nature in natures & case.policy.excluded if nature not in SEALED or request.condition.seal_broken}
    stands = bool(out) and not case.law_first
    law = f"the law excepts them: {case.right.excepted}" if case.right.excepted else "the law excepts nothing of them"
    answer = "no" if not out else "yes" if stands else "no: the law goes before it"
    decision = decide_on(
        f"Are the goods of line {request.line.id} left out of the promise by their nature?",
        answer,
        "excluded_goods",
        f"{case.policy.source}; {case.terms.source_of('withdrawal')}",
        ("nature", ", ".join(sorted(natures))),
        ("condition", request.condition),
        ("law", law),
    )
    return Finding((decision,), refuses=Ground.EXCLUDED_GOODS if stands else None)


def _final_sale(case: Case) -> Finding:
    """A final sale ends the merchant's own promise, neither the statutory withdrawal nor the answer for defects."""
    request = case.request
    if not request.line.final_sale:
        return NOTHING_TO_SAY
    stands = request.no_fault and not case.law_first
    decision = decide_on(
        f"Does the final sale of line {request.line.id} stand?",
        "yes" if stands else "no: the law goes before it",
        "final_sale",
        case.policy.source if stands else case.terms.source_of("withdrawal"),
        ("reason", request.reason),
        ("withdrawal_days", str(case.terms.withdrawal_days)),
    )
    return Finding((decision,), refuses=Ground.FINAL_SALE if stands else None)


def _condition(case: Case) -> Finding:
    """Goods used or damaged by the shopper: what the law lets one refuse, and what it does not."""
    request = case.request
    if not request.no_fault or request.condition in (GoodsCondition.NOT_SAID, GoodsCondition.AS_SOLD):
        return NOTHING_TO_SAY
    accepted = not case.policy.accepts or request.condition in case.policy.accepts
    if case.law_first:
        intact = case.terms.wear == Wear.MUST_BE_INTACT and request.condition.beyond_trying
        answer = (
            "a person judges whether they are intact" if intact else "yes: the right stays, lost value may be deducted"
        )
        if case.terms.wear != Wear.DEDUCTED and not intact:
            answer = "yes"
        source, refers, refuses = case.terms.source_of("wear"), Ground.NOT_INTACT if intact else None, None
    else:
        answer, source = "yes" if accepted else "no", case.policy.source
        refers, refuses = None, None if accepted else Ground.NOT_AS_SOLD
    decision = decide_on(
        f"Can goods that are {request.condition} come back?",
        answer,
        "condition",
        source,
        ("condition", request.condition),
        ("law on wear", case.terms.wear),
    )
    return Finding((decision,), refuses=refuses, refers=refers)


def _requests(case: Case) -> Finding:
    """So many requests for one item, and promises end; a right is exercised however often it was before."""
    limit = case.terms.requests_per_item
    before = case.request.sold.asked_before
    if limit is None or before < limit:
        return NOTHING_TO_SAY
    decision = decide_on(
        f"Was line {case.request.line.id} asked about more often than promised?",
        "yes, but the law goes before it" if case.law_first else "yes",
        "requests_per_item",
        case.terms.source_of("requests"),
        ("before", str(before)),
        ("limit", str(limit)),
    )
    if case.law_first:
        return Finding((decision,))
    if case.request.no_fault:
        return Finding((decision,), refuses=Ground.TOO_MANY_REQUESTS)
    return Finding((decision,), refers=Ground.TOO_MANY_REQUESTS)


def _fair_use(case: Case) -> Finding:
    """A history that asks for a person's look does so for promises alone: no right is delayed for frequent use."""
    risk = case.request.risk
    if not risk.asks_a_person:
        return NOTHING_TO_SAY
    decision = explain_risk(risk, case.policy.source)
    if case.law_first:
        return Finding((replace(decision, answer=f"{decision.answer}; but a right goes before it"),))
    return Finding((decision,), refers=Ground.FAIR_USE)


def _value(case: Case) -> Finding:
    request, limit = case.request, case.policy.refer_above_minor.get(case.request.sold.currency)
    if limit is None:
        return NOTHING_TO_SAY
    value = value_minor(
        request.line, units_before=request.units_gone, quantity=min(request.quantity, request.units_left)
    )
    decision = decide_on(
        f"Is the line worth more than the programme authorizes by itself in {request.sold.currency}?",
        "yes" if value > limit else "no",
        "refer_above",
        case.policy.source,
        ("value_minor", str(value)),
        ("refer_above_minor", str(limit)),
    )
    return Finding((decision,), refers=Ground.HIGH_VALUE if value > limit else None)


def _merchant_asked(case: Case) -> Finding:
    if case.policy.automatic:
        return NOTHING_TO_SAY
    asked = not case.law_first
    decision = decide_on(
        "Does the merchant answer each request?",
        "yes" if asked else "no: a right is exercised, nobody is asked",
        "merchant_decides",
        case.policy.source if asked else case.terms.source_of("withdrawal"),
        ("silence after", case.terms.limits.approval),
    )
    return Finding((decision,), refers=Ground.MERCHANT_DECIDES if asked else None)


RULES: tuple[Callable[[Case], Finding], ...] = (
    _order_completed,
    _goods,
    _gift_card,
    _shipped,
    _quantity_left,
    _serials,
    _within_window,
    _excluded,
    _final_sale,
    _condition,
    _requests,
    _fair_use,
    _value,
    _merchant_asked,
)


def value_minor(line: OrderLine, *, units_before: int, quantity: int) -> int:
    """What the next `quantity` units of a line are worth at the price paid, after `units_before` of it are gone."""
    paid, units = line.paid_minor, line.quantity
    first, last = min(units_before, units), min(units_before + max(0, quantity), units)
    return share(paid, last, units) - share(paid, first, units)
