"""Settling a case: quote, book, and pay the refund over the tenders, each step once however often it is tried.

The decision and the ids of what will be paid are committed before the provider hears of them (activities/paying.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio import activity

from activities.advances import Guarantor
from activities.credit_notes import issue_credit_notes
from activities.goodwill_before import less_goodwill
from activities.paying import Payer
from activities.trouble import give_up
from database import advances, cases, currency, customs, facts, handling, inspections, ledger, orders, parcels, refunds
from database.engine import Clock, Sessions
from domain.bearers import MissedDeadline
from domain.credit_note import Sellers
from domain.errors import BoomerangError
from domain.fees import Fee, FeeKind, bearer_of_lost_goods
from domain.handling import NO_FEES, fee_terms
from domain.ledger import lost_goods_entry, settlement_entry
from domain.money import Money, split
from domain.reasons import ReturnReason, fault_of, is_no_fault
from domain.refund import RefundLine, RefundQuote, quote_refund
from domain.refund_terms import RefundTerms
from domain.replica import from_json
from domain.stages import Owner
from domain.state import Effect, Fact, FactKind, Verdict
from domain.tenders import NO_LIMITS, NotEnoughRoom, Spread, TenderLimits, TenderPart, spread_over_tenders
from gateways.payments.base import PaymentGateway

# Grounds on which no goods have reached the bench, and on some of which none ever will.
NOTHING_TO_HANDLE = frozenset({Verdict.LOST, Verdict.RETURNLESS, Verdict.ADVANCE, Verdict.BY_LAW})


class RoomMissing(Exception):
    """The tenders of an order cannot take back what its lines are owed: our books and the order disagree, a person must look."""


class SettlementActivities:
    """`tender_limits` are what each processor sets its payments: how old they may be, and how often they give back.

    `sellers`: in whose name credit notes are made; None = another system makes them.
    """

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        payments: Mapping[str, PaymentGateway],
        tender_limits: Mapping[str, TenderLimits] = NO_LIMITS,
        sellers: Sellers | None = None,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._sellers = sellers
        self._payer = Payer(sessions, clock, payments)
        self._tender_limits = tender_limits
        self._guarantor = Guarantor(sessions, clock, payments)

    @activity.defn(name="settle")
    def settle(self, case_id: str, effect: Effect) -> Fact:
        fact_id = f"{FactKind.SETTLED}:{effect.key}"
        with self._sessions.begin() as session:
            case = cases.lock(session, case_id)
            if found := facts.find(session, case_id, fact_id):
                return facts.record(session, case_id, found).fact
            guarantee = self._guarantor.wanted(session, case)
            fresh = set() if guarantee else self._decide(session, case, effect)
            waiting = refunds.open_parts(session, case_id)
        if guarantee:  # taken before the money goes; what nothing guarantees waits for the goods
            taken = self._guarantor.take(case_id, guarantee, lambda trial, case: self._decide(trial, case, effect))
            with self._sessions.begin() as session:
                case = cases.lock(session, case_id)
                if not taken:
                    return self._withheld(session, case, effect, fact_id)
                fresh = self._decide(session, case, effect)
                self._guarantor.open(session, case_id, taken)
                waiting = refunds.open_parts(session, case_id)
        for part in waiting:
            self._payer.pay(part, may_be_sent=part.id not in fresh)
        with self._sessions.begin() as session:
            case = cases.lock(session, case_id)
            decided = refunds.of_case(session, case_id)
            total = decided.total_minor if decided else 0
            data = {"status": refunds.standing(session, case_id), "minor": total, "round": effect.round}
            # Where no provider pays out, there is nothing to ask the shopper: a person finds another way.
            asks = data["status"] == "failed" and self._payer.paying_out(()) is not None
            if asks and refunds.tender_is_gone(session, case_id):
                data["gone"] = True
            data |= advances.guarantee_of(session, case)
            fact = Fact(FactKind.SETTLED, self._clock(session), fact_id, "boomerang", data)
            return facts.record(session, case_id, fact, about={"refund": total}).fact

    def _withheld(self, session: Session, case: Row[Any], effect: Effect, fact_id: str) -> Fact:
        at = self._clock(session)
        advances.withhold(session, case.id, at)
        data = {"status": "withheld", "minor": 0, "round": effect.round}
        return facts.record(session, case.id, Fact(FactKind.SETTLED, at, fact_id, "boomerang", data)).fact

    def _decide(self, session: Session, case: Row[Any], effect: Effect) -> set[str]:
        """Decide what is owed, unless that was done before; the ids of the parts that no provider can have heard of."""
        at = self._clock(session)
        known = {part.id for part in refunds.parts(session, case.id)}
        ground = from_json(case.state).verdict or Verdict.AS_DECLARED
        if decided := refunds.of_case(session, case.id):
            self._intend_again(session, case, effect.round, at)
            goods = Money(decided.goods_minor, decided.currency)
        else:
            owed = _units_owed(session, case, ground)
            quoted_less = _asked(session, case, owed)
            try:
                self._charge_handling(session, case, ground, owed, quoted_less, at)
                charged = refunds.shopper_fees(session, case.id)
                fees = [fee for _, fee in charged]
                quote = quoted_less(fees)
            except BoomerangError as error:  # such as units that another return has brought back: no try changes that
                give_up(error, "boomerang")
            quote = less_goodwill(session, case, quote, lambda more: quoted_less([*fees, *more]), at)
            over = self._spread(session, case, quote, at)
            refunds.decide(session, case.id, quote, ground, at)
            cases.note_refunds(session, case.id, _by_case_line(quote, owed))
            refunds.bear(session, case.id, [key for key, _ in charged], quote)
            self._intend(session, case, over, effect.round, at)
            ledger.book(session, settlement_entry(case.id, 1, quote), at)
            handling.invoice(session, case, quote, at)
            currency.book_exchange_difference(session, case, quote.per_order, at)
            customs.open_claims(session, case.id, at)
            issue_credit_notes(
                session, case, quote, _refunded_over(over, self._paid_as(case)), ground, self._sellers, at
            )
            goods = Money(quote.goods_minor, quote.currency)
        if ground is Verdict.LOST:
            self._charge_carrier(session, case, goods)
        return {part.id for part in refunds.parts(session, case.id)} - known

    def _charge_handling(
        self,
        session: Session,
        case: Row[Any],
        ground: Verdict,
        owed: Sequence["_Owed"],
        quoted_less: "Quoting",
        at: datetime,
    ) -> None:
        """What the merchant asks for its own work on goods that come back, where its programme asks for anything."""
        if ground in NOTHING_TO_HANDLE or fee_terms(case.terms).policy == NO_FEES:
            return
        back = _by_case_line(quoted_less([]), owed)
        units = {one.case_line_id: (one.units, back.get(one.case_line_id, 0)) for one in owed}
        # The bench was silent: its cost is its own (domain/bearers.py).
        limit = from_json(case.state).limits.inspection
        silent = MissedDeadline(Owner.WAREHOUSE, f"the goods judged within {limit}")
        handling.charge(
            session,
            case,
            handling.settled_units(session, case, units),
            at,
            missed=silent if ground is Verdict.AS_DECLARED else None,
        )

    def _spread(self, session: Session, case: Row[Any], quote: RefundQuote, at: datetime) -> list[Spread]:
        """Each order's part over its tenders. Terms that ask no shopper for another destination try a closed tender again."""
        rooms = refunds.rooms(session, list(quote.per_order))
        asks_her = from_json(case.state).limits.destination or self._paid_as(case)
        found = []
        for order_id, minor in quote.per_order.items():
            tenders = rooms[order_id] if asks_her else [replace(room, closed=None) for room in rooms[order_id]]
            match spread_over_tenders(minor, tenders, limits=self._tender_limits, at=at):
                case Spread() as spread:
                    found.append(spread)
                case NotEnoughRoom() as missing:
                    give_up(
                        RoomMissing(f"order {order_id} lacks room for {missing.missing_minor} minor units"), "boomerang"
                    )
        return found

    def _intend(self, session: Session, case: Row[Any], over: Sequence[Spread], round: int, at: datetime) -> None:
        """The ids of what will be paid: over the tenders, or all of it where the terms of the return say."""
        destination = self._paid_as(case)
        for spread in over:
            parts = list(spread.parts)
            if destination:
                parts += [part for part, _ in spread.needs.parts] if spread.needs else []
                parts = [replace(part, processor=self._through(part.processor)) for part in parts]
            else:
                refunds.note_homeless(session, case.id, case.currency, spread.needs, round=round, at=at)
            refunds.intend(session, case.id, case.currency, parts, round=round, at=at, destination=destination)

    def _intend_again(self, session: Session, case: Row[Any], round: int, at: datetime) -> None:
        """What failed for good is sent anew: where the shopper said, or the way it went before."""
        destination = from_json(case.state).destination or self._paid_as(case)
        through = self._through(*[part.processor for part in refunds.parts(session, case.id)]) if destination else None
        refunds.intend_again(session, case.id, round=round, at=at, destination=destination, processor=through)

    def _paid_as(self, case: Row[Any]) -> str | None:
        """Where the whole refund goes by the terms of the return, in place of its tenders; None: back over them.

        Money is never worse than the store credit that was promised, so where no provider gives any, it goes back as it was paid.
        """
        return case.terms.get("refund_as") or None if self._payer.paying_out(()) else None

    def _through(self, *preferred: str) -> str:
        return self._payer.paying_out(preferred) or give_up(ValueError("no provider pays out"), "boomerang")

    def _charge_carrier(self, session: Session, case: Row[Any], goods: Money) -> None:
        """The carrier owes what it lost, once: also goods whose refund had been paid before they were on their way."""
        parcel = parcels.inbound(session, case.id)
        if parcel is None or not goods.minor or ledger.find(session, f"lost:{parcel.id}"):
            return
        bearer, rule, source = bearer_of_lost_goods()
        fee = Fee(FeeKind.LOST_GOODS, goods.minor, goods.currency, bearer, rule, source)
        refunds.add_fee(session, case.id, f"{fee.kind}:{parcel.id}", fee, parcel_id=parcel.id)
        ledger.book(session, lost_goods_entry(case.id, parcel.id, parcel.carrier, goods), self._clock(session))


def _refunded_over(over: Sequence[Spread], destination: str | None) -> list[TenderPart]:
    """Over what the refund goes back, for whoever reads of it: the tenders, the destination of the terms, or one still to be named."""
    parts = [part for spread in over for part in spread.parts]
    parts += [replace(part, method="other") for spread in over if spread.needs for part, _ in spread.needs.parts]
    return [replace(part, method=destination) for part in parts] if destination else parts


@dataclass(frozen=True)
class _Owed:
    """Units of one case line that are paid back; `worn`: (units, per cent of their value lost) as the bench graded them."""

    case_line_id: str
    order_line: tuple[str, str]
    units: int
    reason: ReturnReason
    worn: tuple[tuple[int, int], ...] = ()

    @property
    def weight(self) -> int:
        """The part of a line's money that is for these units, against others of the line."""
        return self.units * 100 - sum(units * percent for units, percent in self.worn)


def _units_owed(session: Session, case: Row[Any], ground: Verdict) -> list[_Owed]:
    """The units that were accepted, or all that were declared where nobody judged them."""
    terms = RefundTerms.of_case(case.terms)
    graded = (
        inspections.accepted_by_grade(session, case.id) if terms.loss_percent and ground is Verdict.INSPECTED else {}
    )
    owed = []
    for line in cases.lines_of(session, [case.id])[case.id]:
        if line.verdict == "refused" or line.order_line_id is None:
            continue
        units = line.accepted if ground is Verdict.INSPECTED and line.accepted is not None else line.quantity
        if units:
            worn = tuple((count, lost) for grade, count in graded.get(line.id, ()) if (lost := terms.loss_of(grade)))
            owed.append(_Owed(line.id, (line.order_id, line.order_line_id), units, ReturnReason(line.reason), worn))
    return owed


Quoting = Callable[[Sequence[Fee]], RefundQuote]


def _asked(session: Session, case: Row[Any], owed: Sequence[_Owed]) -> Quoting:
    """The refund rule, ready to be asked about what is owed less any fees; the orders of it are locked: refunds of one take turns."""
    units: dict[tuple[str, str], int] = {}
    worn: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for one in owed:  # several case lines may bring units of one order line
        units[one.order_line] = units.get(one.order_line, 0) + one.units
        worn.setdefault(one.order_line, []).extend(one.worn)
    whole = orders.money_of(session, {order_id for order_id, _ in units}, lock=True)
    lines = []
    for sold in orders.sold_lines(session, list(units), lock=True):
        key = sold.line.order_id, sold.line.id
        lines.append(RefundLine.of(sold, units[key], worn[key]))
    return lambda fees: quote_refund(
        case.currency,
        lines,
        fees,
        orders=whole,
        by=RefundTerms.of_case(case.terms),
        withdrawing=bool(case.terms.get("withdrawing")),
        at_fault=any(not is_no_fault(fault_of(one.reason)) for one in owed),
    )


def _by_case_line(quote: RefundQuote, owed: Sequence[_Owed]) -> dict[str, int]:
    """The goods' money on the lines of the case, before fees; what other lines of the order get back stands on none of them."""
    shares: dict[str, int] = {}
    for line in quote.lines:
        mine = [one for one in owed if one.order_line == (line.order_id, line.order_line_id)]
        weights = [one.weight for one in mine]
        parts = split(line.goods_minor, weights if any(weights) else [one.units for one in mine]) if mine else []
        for one, minor in zip(mine, parts, strict=True):
            shares[one.case_line_id] = minor
    return shares
