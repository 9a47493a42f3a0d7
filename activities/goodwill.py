"""Paying a goodwill that was approved: over the tenders of its order, each part once however often it is tried.

Its tender refunds are fixed before the provider hears of them, and count against the order's room like any other.
"""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.paying import Payer
from database import cases, goodwill, ledger, refunds
from database.engine import Clock, Sessions
from domain.destination import STORE_CREDIT
from domain.goodwill import GoodwillStatus
from domain.ledger import goodwill_entry
from domain.money import Money
from domain.tenders import NO_LIMITS, NotEnoughRoom, TenderLimits, spread_over_tenders
from gateways.payments.base import PaymentGateway


class GoodwillActivities:
    """`tender_limits` are what each processor sets its payments, as for settlements."""

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        payments: Mapping[str, PaymentGateway],
        tender_limits: Mapping[str, TenderLimits] = NO_LIMITS,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._payer = Payer(sessions, clock, payments)
        self._tender_limits = tender_limits

    @activity.defn(name="pay_goodwill")
    def pay(self, goodwill_id: str) -> str:
        """What became of it: paid, failed, or approved while a provider has accepted and not confirmed."""
        with self._sessions.begin() as session:
            case_id = goodwill.get(session, goodwill_id).case_id
            cases.lock(session, case_id)
            fresh = self._intend(session, goodwill_id)
            waiting = refunds.open_parts(session, case_id, purpose=goodwill_id)
        try:
            for part in waiting:
                self._payer.pay(part, may_be_sent=part.id not in fresh)
        except ApplicationError as error:
            with self._sessions.begin() as session:
                goodwill.change(session, goodwill_id, trouble={"last_error": str(error)[:500]})
            raise
        with self._sessions.begin() as session:
            return str(goodwill.follow(session, goodwill_id, self._clock(session)).status)

    def _intend(self, session: Session, goodwill_id: str) -> set[str]:
        """Fix what will be paid, unless that was done before; the ids that no provider can have heard of."""
        row, at = goodwill.get(session, goodwill_id, lock=True), self._clock(session)
        if row.status != GoodwillStatus.APPROVED or refunds.parts(session, row.case_id, purpose=row.id):
            return set()
        room = refunds.rooms(session, [row.order_id])[row.order_id]
        spread = spread_over_tenders(row.amount_minor, room, limits=self._tender_limits, at=at)
        if isinstance(spread, NotEnoughRoom):  # a return of the order was refunded since it was approved
            goodwill.fail(session, row.id, f"only {Money(spread.room_minor, row.currency)} is left", at)
            return set()
        through = self._payer.paying_out([room[0].processor]) if spread.needs else None
        if spread.needs and through is None:  # before any of it is intended: what is not sent must hold no room
            goodwill.fail(session, row.id, "its tenders take no money back, and no provider pays out", at)
            return set()
        refunds.intend(session, row.case_id, row.currency, spread.parts, round=1, at=at, purpose=row.id)
        if spread.needs and through:  # what no tender can take any more is given as store credit
            homeless = [replace(part, processor=through) for part, _ in spread.needs.parts]
            refunds.intend(
                session, row.case_id, row.currency, homeless, round=1, at=at, purpose=row.id, destination=STORE_CREDIT
            )
        ledger.book(session, goodwill_entry(row.case_id, row.id, Money(row.amount_minor, row.currency)), at)
        return {part.id for part in refunds.parts(session, row.case_id, purpose=row.id)}
