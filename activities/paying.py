"""Paying tender refunds that were decided before: each once, under its own id, however often it is tried.

A part that may have been sent is looked up by our own id before anything is sent again; an unknown outcome stays visible as such
until the provider has said what became of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from activities.trouble import give_up, try_again_later
from database import cases, goodwill, refunds
from database.engine import Clock, Sessions
from domain.money import Money
from gateways.errors import UnknownGateway
from gateways.payments.base import (
    OutcomeUnknown,
    PaymentGateway,
    ProviderUnreachable,
    RefundOrder,
    RefundReceipt,
    RefundRefused,
)
from gateways.payments.payouts import PayoutOrder, find_sent, pays_out


class Payer:
    """Sends tender refunds over the gateways of their processors, and writes down what became of each."""

    def __init__(self, sessions: Sessions, clock: Clock, payments: Mapping[str, PaymentGateway]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._payments = payments

    def pay(self, part: Row[Any], *, may_be_sent: bool) -> None:
        gateway = self._payments.get(part.processor)
        if gateway is None:  # it was one when the order came: an operator can set it again
            unknown = UnknownGateway(part.processor, sorted(self._payments))
            try_again_later(self._sessions, self._clock, part.case_id, unknown, part.processor)
        try:
            receipt = find_sent(gateway, part.id, part.reference, part.destination) if may_be_sent else None
            if receipt is None:
                receipt = self._send(gateway, part)
        except RefundRefused as error:
            with self._sessions.begin() as session:
                self._report(session, part, "failed", provider_id=None, failure=f"{error.code}: {error.detail}")
            return
        except (OutcomeUnknown, ProviderUnreachable) as error:
            with self._sessions.begin() as session:
                refunds.count_try(session, part.id, unknown=isinstance(error, OutcomeUnknown))
            try_again_later(self._sessions, self._clock, part.case_id, error, part.processor)
        self._check(part, receipt)
        with self._sessions.begin() as session:
            self._report(session, part, receipt.status, provider_id=receipt.provider_id, failure=receipt.failure)

    def paying_out(self, preferred: Sequence[str]) -> str | None:
        """The processor through which money goes to a destination: one of those preferred, else any that pays out."""
        able = [code for code, gateway in self._payments.items() if pays_out(gateway)]
        return next((code for code in preferred if code in able), next(iter(able), None))

    def _send(self, gateway: PaymentGateway, part: Row[Any]) -> RefundReceipt:
        if part.destination is None:
            return gateway.refund(RefundOrder(part.id, part.reference, part.amount_minor, part.currency, part.case_id))
        if not pays_out(gateway):
            give_up(ValueError(f"does not pay out to {part.destination.partition(':')[0]}"), part.processor)
        with self._sessions() as session:
            customer = cases.get(session, part.case_id).customer_id
        return gateway.pay_out(
            PayoutOrder(part.id, part.destination, part.amount_minor, part.currency, customer, part.case_id)
        )

    def _report(
        self, session: Session, part: Row[Any], status: str, *, provider_id: str | None, failure: str | None
    ) -> None:
        cases.lock(session, part.case_id)
        locked = refunds.lock_part(session, part.id)
        if locked is not None:
            goodwill.report(session, locked, status, provider_id=provider_id, failure=failure, at=self._clock(session))

    def _check(self, part: Row[Any], receipt: RefundReceipt) -> None:
        # A provider's word is not taken for its own sake: another amount under our id is for a person to look at.
        if (receipt.amount_minor, receipt.currency) != (part.amount_minor, part.currency):
            got, ours = Money(receipt.amount_minor, receipt.currency), Money(part.amount_minor, part.currency)
            give_up(ValueError(f"has {got} under {part.id}, where we asked for {ours}"), part.processor)
