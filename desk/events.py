"""What partners report: verified, stored once and answered at once; worked after, by whoever stored it or by whoever finds it."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from database import cases, facts, inbox, parcels, refunds, reports
from database.advances import OVER_A_CAPTURE
from database.engine import Clock, Sessions
from desk.teller import Teller, quietly
from desk.words import Told
from domain.stages import Stage
from domain.state import Fact, FactKind
from gateways.carriers.base import CarrierEvent, CarrierGateway, Direction, ParcelStatus
from gateways.payments.base import PaymentGateway, ProviderEvent, RefundReceipt
from gateways.payments.payouts import find_sent, pays_out

log = logging.getLogger("boomerang.desk")

CARRIER, PAYMENT = "carrier", "payment"
Worked = tuple[str, Told | None]


class PartnersEvents:
    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        teller: Teller,
        carriers: Mapping[str, CarrierGateway],
        payments: Mapping[str, PaymentGateway],
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._teller = teller
        self._carriers = carriers
        self._payments = payments
        self._background: set[asyncio.Task[None]] = set()

    async def from_carrier(self, code: str, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Verify and store a carrier's event; True when it is new."""
        event = self._carriers[code].read_event(raw, headers)
        return await self._store(f"{CARRIER}:{code}", event.event_id, event.status, asdict(event))

    async def from_provider(self, code: str, raw: bytes, headers: Mapping[str, str]) -> bool | None:
        """The same for a payment provider's event; None when it tells nothing of a refund and is not kept."""
        event = self._payments[code].read_event(raw, headers)
        if event is None:
            return None
        return await self._store(f"{PAYMENT}:{code}", event.event_id, event.type, asdict(event))

    async def _store(self, provider: str, event_id: str, kind: str, body: dict[str, Any]) -> bool:
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in body.items()}

        def write() -> bool:
            with self._sessions.begin() as session:
                return inbox.store(session, provider, event_id, kind, plain)

        new = await asyncio.to_thread(write)
        if new:
            task = asyncio.create_task(quietly(self.work(provider, event_id)))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        return new

    async def work(self, provider: str, event_id: str) -> None:
        """Carry out what a stored event asks for, once."""
        told = await asyncio.to_thread(self._work, provider, event_id)
        if told:
            await self._teller.tell(told.case_id, told.fact, "signal")

    def _work(self, provider: str, event_id: str) -> Told | None:
        kind, _, code = provider.partition(":")
        with self._sessions() as session:
            body = inbox.unworked_body(session, provider, event_id)
        if body is None:
            return None
        body = {**body, "at": datetime.fromisoformat(body["at"])}
        # Asked before anything is locked: a provider may take seconds.
        receipt = self._receipt(ProviderEvent(**body), code) if kind == PAYMENT else None
        with self._sessions.begin() as session:
            if inbox.take(session, provider, event_id) is None:
                return None
            if kind == CARRIER:
                result, told = self._scan(session, CarrierEvent(**body), code)
            else:
                result, told = self._refund_report(session, ProviderEvent(**body), receipt, code)
            inbox.mark_worked(session, provider, event_id, result)
        if result.startswith("unknown"):
            log.warning("%s event %s: %s", provider, event_id, result)
        return told

    def _scan(self, session: Session, event: CarrierEvent, code: str) -> Worked:
        try:
            parcel = parcels.get(session, event.booking_id)
        except parcels.UnknownParcel:
            return f"unknown parcel {event.booking_id}", None
        row = cases.lock(session, parcel.case_id)
        parcel = parcels.get(session, parcel.id, lock=True)
        if event.at >= parcel.status_at and parcel.received_at is None:
            values = {"status": event.status, "raw_status": event.raw_status, "status_at": event.at}
            parcels.complete(session, parcel.id, values)
        if parcel.direction != Direction.RETURN:
            return "noted: the way back", None
        if parcel.status == ParcelStatus.RETURN_TO_SENDER:
            return "noted: the shopper has that parcel again, another one comes", None
        data: dict[str, Any] = {"status": event.status, "parcel_id": parcel.id, "scanned_at": event.at.isoformat()}
        if row.stage in (Stage.EXPIRED, Stage.CANCELLED) and not cases.hold_units_again(session, row.id):
            data["units_gone"] = True
        fact = Fact(FactKind.SCANNED, self._clock(session), f"scanned:{event.event_id}", code, data)
        recorded = facts.record(session, row.id, fact, tell="signal", about={"parcel_id": parcel.id})
        if row.stage in (Stage.EXPIRED, Stage.CANCELLED) and recorded.state.ended:
            cases.free_units(session, row.id)
        return "noted", Told(row.id, recorded.fact) if recorded.told else None

    def _receipt(self, event: ProviderEvent, code: str) -> RefundReceipt | None:
        """A provider's event is only a reason to ask: what is booked is what the provider's books say when asked."""
        with self._sessions() as session:
            part = refunds.get_part(session, event.refund_id)
        return find_sent(self._payments[code], part.id, part.reference, part.destination) if part else None

    def _refund_report(
        self, session: Session, event: ProviderEvent, receipt: RefundReceipt | None, code: str
    ) -> Worked:
        found = refunds.get_part(session, event.refund_id)
        if event.refund_id.startswith(OVER_A_CAPTURE):
            return "noted: what an advance was charged back by goes back", None
        if found is None:
            return f"unknown refund {event.refund_id}", None
        if receipt is None or (receipt.amount_minor, receipt.currency) != (found.amount_minor, found.currency):
            return f"unknown: the provider's books do not agree on {event.refund_id}", None
        changed, recorded = reports.take_over(
            session,
            found,
            receipt.status,
            provider_id=receipt.provider_id,
            failure=receipt.failure,
            by=code,
            clock=self._clock,
            pays_out=any(pays_out(gateway) for gateway in self._payments.values()),
        )
        if not changed:
            return "known before", None
        return "noted", Told(found.case_id, recorded.fact) if recorded and recorded.told else None
