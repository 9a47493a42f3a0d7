"""Until when: the window of the promise, the statutory right of withdrawal, store credit after it, and the guarantee.

Each answers with a `Decision`; what follows from the answers is said by the rules of domain/eligibility.py.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.calendar import Calendar, legal_end, local_day
from domain.explain import Decision
from domain.frozen import quickly_made
from domain.goods import GoodsCondition, Nature
from domain.market import Market, exception, guarantee
from domain.order import OrderLine, SoldLine
from domain.policy import LineFacts, ReturnPolicy, Starts
from domain.reasons import ReturnReason, fault_of, is_no_fault
from domain.risk import NO_RISK, Risk
from domain.terms import Terms
from domain.tier import months_before

# Directive 2011/83/EU, art. 18(1): goods are delivered within 30 days of the contract unless agreed otherwise. Where
# no delivery is on record, the statutory period is taken to have begun no later than this.
LATEST_DELIVERY_DAYS = 30
DAYS_OF_A_MONTH = 31


@quickly_made
@dataclass(frozen=True)
class LineRequest:
    """What is asked: `quantity` units of a sold line, for a reason, at a moment (aware).

    units_gone  units of the line that other returns have taken, this request's own earlier parts included
    condition   of the goods, as the shopper says; `serials` of the units that come back, where named
    risk        what the customer's history of returns says
    """

    sold: SoldLine
    quantity: int
    units_gone: int
    reason: ReturnReason
    declared_at: datetime
    condition: GoodsCondition = GoodsCondition.NOT_SAID
    serials: tuple[str, ...] = ()
    risk: Risk = NO_RISK

    @property
    def line(self) -> OrderLine:
        return self.sold.line

    @property
    def units_left(self) -> int:
        return self.line.quantity - self.line.exchanged - self.units_gone

    @property
    def no_fault(self) -> bool:
        return is_no_fault(fault_of(self.reason))


class Period(StrEnum):
    """Where a moment lies in a period whose beginning may not be on record."""

    RUNNING = "running"
    PERHAPS = "perhaps"
    OVER = "over"


@quickly_made
@dataclass(frozen=True)
class Right:
    """How the request stands to the statutory right of withdrawal: the period, its end, and what excepts the goods from it."""

    period: Period
    excepted: str | None
    ends: datetime | None

    @property
    def holds(self) -> bool:
        return self.period is Period.RUNNING and self.excepted is None

    @property
    def may_hold(self) -> bool:
        return self.period is not Period.OVER and self.excepted is None


@quickly_made
@dataclass(frozen=True)
class Case:
    """Everything that a rule may look at."""

    request: LineRequest
    policy: ReturnPolicy
    terms: Terms
    market: Market
    calendar: Calendar
    right: Right
    natures: frozenset[Nature]

    @property
    def law_first(self) -> bool:
        """The promise's own limits do not count: a right is exercised that is not the merchant's to give."""
        return self.request.no_fault and self.right.may_hold


def case_of(request: LineRequest, *, policy: ReturnPolicy, terms: Terms, market: Market, calendar: Calendar) -> Case:
    """A request with how it stands to the law."""
    natures = frozenset(Nature(word) for word in request.line.natures)
    if (of_category := policy.natures.get(request.line.category or "")) is not None:
        natures |= {of_category}
    right = right_of(request, natures, terms=terms, market=market, calendar=calendar)
    return Case(request, policy, terms, market, calendar, right, natures)


def right_of(
    request: LineRequest, natures: frozenset[Nature], *, terms: Terms, market: Market, calendar: Calendar
) -> Right:
    """How a request stands to the right of withdrawal: from delivery, or, with no delivery on record, perhaps."""
    if not terms.withdrawal_days:
        return Right(Period.OVER, None, None)
    sold, at = request.sold, request.declared_at
    excepted = exception(market, natures, request.condition)
    if sold.delivered_at is not None:
        ends = _statutory_end(sold.delivered_at, terms, market, calendar)
        return Right(Period.RUNNING if at < ends else Period.OVER, excepted, ends)
    if at < _statutory_end(sold.placed_at, terms, market, calendar):
        return Right(Period.RUNNING, excepted, None)
    latest = _statutory_end(sold.placed_at + timedelta(days=LATEST_DELIVERY_DAYS), terms, market, calendar)
    return Right(Period.PERHAPS if at < latest else Period.OVER, excepted, None)


def _statutory_end(start: datetime, terms: Terms, market: Market, calendar: Calendar) -> datetime:
    """The end of the right of withdrawal; months for want of information come on top (2011/83/EU, art. 10(1))."""
    further = timedelta(days=DAYS_OF_A_MONTH * terms.withdrawal_months)
    return legal_end(
        start + further,
        terms.withdrawal_days,
        business=terms.withdrawal_business,
        moves=last_days_move(market),
        calendar=calendar,
    )


def last_days_move(market: Market) -> bool:
    """Whether a last day that is no working day moves to the next one; where that is not known it does, for whoever must act."""
    return market.last_day_on_holiday != "stays"


@quickly_made
@dataclass(frozen=True)
class Window:
    """The promise's window for a line: its length (or the day that a season names), where it starts, and when it is over."""

    days: int
    named: date | None
    start: datetime
    counted_from: str
    ends: datetime
    source: str


def window_of(case: Case, further: int = 0) -> Window:
    """The window, `further` days longer than promised."""
    request, policy, terms = case.request, case.policy, case.terms
    sold = request.sold
    rule = policy.window_rule(line_facts(sold, case.calendar)) if policy.windows else None
    delivered = terms.starts is Starts.DELIVERED and sold.delivered_at is not None
    start = sold.delivered_at if delivered and sold.delivered_at else sold.placed_at
    counted_from = "delivered" if delivered else "placed"
    if terms.starts is Starts.DELIVERED and not delivered:
        counted_from = "placed, since no delivery is on record"
    days, source = terms.return_window_days, terms.source_of("return_window")
    named: date | None = None
    if rule:
        named = rule.last_day(local_day(sold.placed_at, case.calendar))
        # A window of their own is never shorter than the right, where the goods have one; a season only ever adds days.
        own = terms.return_window_days if rule.days is None else rule.days
        days = max(own, terms.withdrawal_days if case.right.excepted is None else 0)
        source = f"{policy.source}, window {rule.name}"
    ends = legal_end(start, days + further, business=False, moves=False, calendar=case.calendar)
    if named is not None:
        ends = max(ends, case.calendar.closes(named + timedelta(days=further)))
    return Window(days, named, start, counted_from, ends, source)


def window_decision(case: Case) -> Decision:
    request, window = case.request, window_of(case)
    return decide_on(
        "Is the request within the return window?",
        "yes" if request.declared_at < window.ends else "no",
        "return_window",
        window.source,
        ("window", str(window.named) if window.named else f"{window.days} days"),
        ("counted_from", window.counted_from),
        ("start", window.start.date().isoformat()),
        ("last_day", local_day(window.ends - timedelta(minutes=1), case.calendar).isoformat()),
        ("declared", request.declared_at.date().isoformat()),
    )


def line_facts(sold: SoldLine, calendar: Calendar) -> LineFacts:
    """What windows may depend on."""
    return LineFacts(
        category=sold.line.category,
        condition=sold.line.condition,
        channel=sold.channel,
        seller=sold.line.seller,
        payments=sold.payments,
        placed_on=local_day(sold.placed_at, calendar),
    )


def withdrawal_decision(case: Case, answer: str) -> Decision:
    sold, ends = case.request.sold, case.right.ends
    return decide_on(
        "Is the request within the statutory withdrawal period?",
        answer,
        "withdrawal_right",
        case.terms.source_of("withdrawal"),
        ("withdrawal_days", str(case.terms.withdrawal_days)),
        ("delivered", sold.delivered_at.date().isoformat() if sold.delivered_at else "not on record"),
        ("ends", ends.isoformat() if ends else "not known"),
    )


def conditional_decision(case: Case) -> Decision | None:
    """A right under conditions that no rule can see, while its days run: never applied by itself, a person is asked."""
    days = case.terms.conditional_days
    if not days:
        return None
    start = case.request.sold.delivered_at or case.request.sold.placed_at
    ends = legal_end(start, days, business=False, moves=last_days_move(case.market), calendar=case.calendar)
    if case.request.declared_at >= ends:
        return None
    conditions = "; ".join(case.market.exceptions) or case.market.special_rules or "see the provision"
    return decide_on(
        "Is there a right under conditions?",
        "perhaps: a person decides",
        "conditional_right",
        case.terms.source_of("withdrawal"),
        ("days", str(days)),
        ("conditions", conditions),
    )


def store_credit_decision(case: Case) -> Decision | None:
    """After the window, whichever it was, while store credit is still given: a person gives it."""
    days = case.terms.store_credit_days
    if not days:
        return None
    ends = window_of(case, days).ends
    if case.request.declared_at >= ends:
        return None
    return decide_on(
        "Is store credit still given?",
        "yes, in place of money",
        "store_credit_after_window",
        case.terms.source_of("store_credit"),
        ("days", str(days)),
        ("ends", ends.date().isoformat()),
    )


def guarantee_decision(case: Case) -> Decision:
    """After the window the seller still answers for goods that were not what was sold, for so long: yes, no, or not known."""
    request, law = case.request, guarantee(case.market)
    start = (request.sold.delivered_at or request.sold.placed_at).date()
    day = request.declared_at.date()
    over = law.months is not None and start < months_before(day, law.months)
    presumed = law.presumed_months is not None and start >= months_before(day, law.presumed_months)
    rejected = law.reject_days is not None and day <= start + timedelta(days=law.reject_days)
    return decide_on(
        "Does the seller still answer for goods that were not what was sold?",
        "no" if over else "yes" if law.months is not None else "not known",
        "defect_guarantee",
        law.source,
        ("reason", request.reason),
        ("guarantee_months", "none on file" if law.months is None else str(law.months)),
        ("the defect is presumed", "yes" if presumed else "no, or not known"),
        *((("may be rejected outright", "yes"),) if rejected else ()),
    )


def decide_on(question: str, answer: str, rule: str, source: str, *inputs: tuple[str, str]) -> Decision:
    """A decision with what was looked at, in order."""
    return Decision(question, answer, rule, source, inputs)
