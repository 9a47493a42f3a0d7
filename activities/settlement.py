"""Settling a case: quote, book, and pay the refund over the tenders, each step once however often it is tried.

The decision and the ids of what will be paid are committed before the provider hears of them (activities/paying.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio import activity

from activities.advances import Guarantor
from activities.paying import Payer
from activities.trouble import give_up
from database import advances, cases, facts, ledger, orders, parcels, refunds
from database.engine import Clock, Sessions
from domain.errors import BoomerangError
from domain.fees import Fee, FeeKind, bearer_of_lost_goods
from domain.ledger import lost_goods_entry, settlement_entry
from domain.money import Money, split
from domain.refund import RefundLine, RefundQuote, quote_refund
from domain.replica import from_json
from domain.state import Effect, Fact, FactKind, Verdict
from domain.tenders import NotEnoughRoom, Spread, TenderPart, spread_over_tenders
from gateways.payments.base import PaymentGateway


class RoomMissing(Exception):
    """The tenders of an order cannot take back what its lines are owed: our books and the order disagree, a person must look."""


class SettlementActivities:
    def __init__(self, sessions: Sessions, clock: Clock, payments: Mapping[str, PaymentGateway]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._payer = Payer(sessions, clock, payments)
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
            waiting = _waiting(session, case_id)
        if guarantee:  # taken before the money goes; what nothing guarantees waits for the goods
            taken = self._guarantor.take(case_id, guarantee, lambda trial, case: self._decide(trial, case, effect))
            with self._sessions.begin() as session:
                case = cases.lock(session, case_id)
                if not taken:
                    return self._withheld(session, case, effect, fact_id)
                fresh = self._decide(session, case, effect)
                self._guarantor.open(session, case_id, taken)
                waiting = _waiting(session, case_id)
        for part in waiting:
            self._payer.pay(part, may_be_sent=part.id not in fresh)
        with self._sessions.begin() as session:
            case = cases.lock(session, case_id)
            decided = refunds.of_case(session, case_id)
            total = decided.total_minor if decided else 0
            data = {"status": refunds.standing(session, case_id), "minor": total, "round": effect.round}
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
            refunds.intend_again(session, case.id, round=effect.round, at=at)
            goods = Money(decided.goods_minor, decided.currency)
        else:
            owed = _units_owed(session, case, ground)
            lines = _refund_lines(session, owed)
            charged = refunds.shopper_fees(session, case.id)
            try:
                quote = quote_refund(case.currency, lines, [fee for _, fee in charged])
            except BoomerangError as error:  # such as units that another return has brought back: no try changes that
                give_up(error, "boomerang")
            over = _spread(session, quote)
            refunds.decide(session, case.id, quote, ground, at)
            cases.note_refunds(session, case.id, _by_case_line(quote, owed))
            refunds.bear(session, case.id, [key for key, _ in charged], quote)
            refunds.intend(session, case.id, case.currency, over, round=effect.round, at=at)
            ledger.book(session, settlement_entry(case.id, 1, quote), at)
            goods = Money(quote.goods_minor, quote.currency)
        if ground is Verdict.LOST:
            self._charge_carrier(session, case, goods)
        return {part.id for part in refunds.parts(session, case.id)} - known

    def _charge_carrier(self, session: Session, case: Row[Any], goods: Money) -> None:
        """The carrier owes what it lost, once: also goods whose refund had been paid before they were on their way."""
        parcel = parcels.inbound(session, case.id)
        if parcel is None or not goods.minor or ledger.find(session, f"lost:{parcel.id}"):
            return
        bearer, rule, source = bearer_of_lost_goods()
        fee = Fee(FeeKind.LOST_GOODS, goods.minor, goods.currency, bearer, rule, source)
        refunds.add_fee(session, case.id, f"{fee.kind}:{parcel.id}", fee, parcel_id=parcel.id)
        ledger.book(session, lost_goods_entry(case.id, parcel.id, parcel.carrier, goods), self._clock(session))


@dataclass(frozen=True)
class _Owed:
    """Units of one case line that are paid back."""

    case_line_id: str
    order_line: tuple[str, str]
    units: int


def _waiting(session: Session, case_id: str) -> list[Row[Any]]:
    return [part for part in refunds.parts(session, case_id) if part.status in ("intended", "unknown", "pending")]


def _units_owed(session: Session, case: Row[Any], ground: Verdict) -> list[_Owed]:
    """The units that were accepted, or all that were declared where nobody judged them."""
    owed = []
    for line in cases.lines_of(session, [case.id])[case.id]:
        if line.verdict == "refused" or line.order_line_id is None:
            continue
        units = line.accepted if ground is Verdict.INSPECTED and line.accepted is not None else line.quantity
        if units:
            owed.append(_Owed(line.id, (line.order_id, line.order_line_id), units))
    return owed


def _refund_lines(session: Session, owed: Sequence[_Owed]) -> list[RefundLine]:
    """What comes back per order line; several case lines may bring units of one."""
    units: dict[tuple[str, str], int] = {}
    for one in owed:
        units[one.order_line] = units.get(one.order_line, 0) + one.units
    return [
        RefundLine(
            order_id=line.line.order_id,
            order_line_id=line.line.id,
            quantity=units[line.line.order_id, line.line.id],
            line_quantity=line.line.quantity,
            paid_minor=line.line.paid_minor,
            refunded_units_before=line.refunded,
            refunded_minor_before=line.refunded_minor,
        )
        for line in orders.sold_lines(session, list(units), lock=True)
    ]


def _by_case_line(quote: RefundQuote, owed: Sequence[_Owed]) -> dict[str, int]:
    """The goods' money on the lines of the case, before fees; it adds up to the quote's."""
    shares: dict[str, int] = {}
    for line in quote.lines:
        mine = [one for one in owed if one.order_line == (line.order_id, line.order_line_id)]
        for one, minor in zip(mine, split(line.goods_minor, [one.units for one in mine]), strict=True):
            shares[one.case_line_id] = minor
    return shares


def _spread(session: Session, quote: RefundQuote) -> list[TenderPart]:
    over: list[TenderPart] = []
    rooms = refunds.rooms(session, list(quote.per_order))
    for order_id, minor in quote.per_order.items():
        match spread_over_tenders(minor, rooms[order_id]):
            case Spread(parts):
                over.extend(parts)
            case NotEnoughRoom() as missing:
                give_up(
                    RoomMissing(f"order {order_id} lacks room for {missing.missing_minor} minor units"), "boomerang"
                )
    return over
