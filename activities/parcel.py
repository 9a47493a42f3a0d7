"""Labels and pickups: bought once, given back when unused, and the way back to the shopper."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio import activity

from activities.trouble import give_up, try_again_later
from database import cases, facts, ledger, orders, parcels, refunds
from database.engine import Clock, Sessions
from domain.bearers import MissedDeadline, bearer_of_missed
from domain.fees import Bearer, Fee, FeeKind
from domain.ledger import fee_entry, refund_failed_reversal
from domain.stages import Owner
from domain.state import Effect, Fact, FactKind
from gateways.carriers.base import (
    Booking,
    BookingRefused,
    CarrierGateway,
    Direction,
    LabelOrder,
    OutcomeUnknown,
    ProviderUnreachable,
    ShippingMethod,
)

NOTHING_TO_DEDUCT_FROM = (
    "sent_back_without_refund",
    "house rule: no refund to deduct from, the merchant bears the way back",
)
PAID_BEFORE = (
    "label_after_the_refund",
    "house rule: the refund was paid ahead, nothing is left to deduct from",
)


class ParcelActivities:
    """`carrier` is the code of the carrier that labels are bought from; `home` the ISO country of the warehouse."""

    def __init__(
        self, sessions: Sessions, clock: Clock, carriers: Mapping[str, CarrierGateway], *, carrier: str, home: str
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carriers = carriers
        self._carrier = carrier
        self._home = home

    @activity.defn(name="book")
    def book(self, case_id: str, effect: Effect) -> Fact:
        """Buy a label or book a pickup: the parcel is written down first, so that a scan finds it however early it comes."""
        return self._bring(case_id, effect, Direction.RETURN, FactKind.BOOKED)

    @activity.defn(name="send_back")
    def send_back(self, case_id: str, effect: Effect) -> Fact:
        """Send goods that were not accepted back to the shopper."""
        return self._bring(case_id, effect, Direction.OUTBOUND, FactKind.SENT_BACK)

    @activity.defn(name="void")
    def void(self, case_id: str, effect: Effect) -> Fact:
        """Give an unused label back; a carrier that has scanned it already keeps it, and the goods are on their way."""
        fact_id = f"{FactKind.VOIDED}:{effect.key}"
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            if done := self._done(session, case_id, fact_id):
                return done
            parcel = parcels.inbound(session, case_id)
        voided, reason = True, "nothing_booked"
        if parcel is not None:
            carrier = self._carriers[parcel.carrier]
            try:
                receipt = carrier.void(parcel.id)
            except (OutcomeUnknown, ProviderUnreachable) as error:
                try_again_later(self._sessions, self._clock, case_id, error, parcel.carrier)
            voided, reason = receipt.voided or receipt.reason == "unknown_booking", receipt.reason
        with self._sessions.begin() as session:
            at = self._clock(session)
            cases.lock(session, case_id)
            if parcel is not None and voided:
                self._nobody_bears(session, parcel, at)
            return facts.record(
                session,
                case_id,
                Fact(
                    FactKind.VOIDED, at, fact_id, "boomerang", {"voided": voided, "reason": reason, "key": effect.key}
                ),
            ).fact

    def _bring(self, case_id: str, effect: Effect, direction: Direction, kind: FactKind) -> Fact:
        fact_id = f"{kind}:{effect.key}"
        with self._sessions.begin() as session:
            case = cases.lock(session, case_id)
            if done := self._done(session, case_id, fact_id):
                return done
            order = self._order(session, case, effect, direction)
        gateway = self._carriers[self._carrier]
        try:
            booking = gateway.book_label(order) if direction is Direction.RETURN else gateway.book_outbound(order)
        except BookingRefused as error:
            give_up(error, self._carrier)
        except (OutcomeUnknown, ProviderUnreachable) as error:
            try_again_later(self._sessions, self._clock, case_id, error, self._carrier)
        with self._sessions.begin() as session:
            case = cases.lock(session, case_id)
            if done := self._done(session, case_id, fact_id):
                return done
            at = self._clock(session)
            parcels.complete(session, order.booking_id, _parcel_values(booking))
            self._charge(session, case, order, booking, at)
            data = {"parcel_id": order.booking_id, "carrier": booking.carrier, "tracking_code": booking.tracking_code}
            return facts.record(
                session, case_id, Fact(kind, at, fact_id, "boomerang", data), about={"parcel_id": order.booking_id}
            ).fact

    def _done(self, session: Session, case_id: str, fact_id: str) -> Fact | None:
        # Recorded by an earlier try, or by an earlier run of the case that was reset since: the same fact, once.
        found = facts.find(session, case_id, fact_id)
        return facts.record(session, case_id, found).fact if found else None

    def _order(self, session: Session, case: Row[Any], effect: Effect, direction: Direction) -> LabelOrder:
        number = effect.key.partition(":")[2]
        parcel_id = f"par_{case.id.removeprefix('ret_')}{'' if direction is Direction.RETURN else 'b'}{number}"
        at = self._clock(session)
        outbound = direction is Direction.OUTBOUND
        method = ShippingMethod.LABEL if outbound else ShippingMethod(case.method)
        parcels.order(
            session,
            {
                "id": parcel_id,
                "case_id": case.id,
                "effect_key": effect.key,
                "direction": direction,
                "method": method,
                "carrier": self._carrier,
                "status": "ordered",
                "status_at": at,
                "created_at": at,
            },
        )
        country = orders.country_of(session, case.customer_id) if case.customer_id else case.market
        lines = cases.lines_of(session, [case.id])[case.id]
        return LabelOrder(
            booking_id=parcel_id,
            case_id=case.id,
            method=method,
            reference=case.rma,
            units=sum(line.quantity for line in lines if line.verdict != "refused"),
            from_country=self._home if outbound else country,
            to_country=country if outbound else self._home,
            currency=case.currency,
            direction=direction,
        )

    def _charge(self, session: Session, case: Row[Any], order: LabelOrder, booking: Booking, at: datetime) -> None:
        if order.direction is Direction.OUTBOUND:
            rule, source = NOTHING_TO_DEDUCT_FROM
            fee = Fee(FeeKind.OUTBOUND_LABEL, booking.cost_minor, booking.currency, Bearer.MERCHANT, rule, source)
        else:
            freight = case.terms["freight"]
            kind = FeeKind.PICKUP if order.method is ShippingMethod.PICKUP else FeeKind.RETURN_LABEL
            bearer, rule, source = Bearer(freight["bearer"]), freight["rule"], freight["source"]
            if bearer is Bearer.SHOPPER and refunds.of_case(session, case.id):
                bearer, (rule, source) = Bearer.MERCHANT, PAID_BEFORE
            if kind is FeeKind.PICKUP and parcels.never_collected(session, case.id, before=order.booking_id):
                # The carrier did not come in time, so this pickup is its to pay (domain/bearers.py).
                what = f"the pickup within {case.terms['limits']['pickup']}"
                bearer, rule, source = bearer_of_missed(MissedDeadline(Owner.CARRIER, what))
            fee = Fee(kind, booking.cost_minor, booking.currency, bearer, rule, source)
        refunds.add_fee(session, case.id, f"{fee.kind}:{order.booking_id}", fee, parcel_id=order.booking_id)
        ledger.book(session, fee_entry(case.id, order.booking_id, fee, carrier=booking.carrier), at)

    def _nobody_bears(self, session: Session, parcel: Row[Any], at: datetime) -> None:
        parcels.complete(session, parcel.id, {"status": "voided", "status_at": at})
        for fee in refunds.fees_of_case(session, parcel.case_id):
            if fee.parcel_id == parcel.id and not fee.voided:
                refunds.void_fee(session, parcel.case_id, fee.key)
                booked = ledger.find(session, f"fee:{fee.kind}:{parcel.id}")
                if booked:
                    ledger.book(session, refund_failed_reversal(booked), at)


def _parcel_values(booking: Booking) -> dict[str, Any]:
    slot = booking.pickup_slot
    return {
        "status": booking.status,
        "raw_status": booking.raw_status,
        "shipment_id": booking.shipment_id,
        "tracking_code": booking.tracking_code,
        "label_url": booking.label_url,
        "pickup_slot": f"{slot.start.isoformat()}/{slot.end.isoformat()}" if slot else None,
        "drop_off_code": booking.drop_off_code,
        "cost_minor": booking.cost_minor,
        "currency": booking.currency,
    }
