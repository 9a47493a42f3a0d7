"""The simulated carrier, seen from our side: it sells labels, fetches parcels and loses some (`partners/carriers`)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import Field

from gateways.carriers.base import (
    Booking,
    BookingRefused,
    CarrierEvent,
    Direction,
    LabelOrder,
    ParcelStatus,
    PickupSlot,
    VoidReceipt,
)
from gateways.errors import OutcomeUnknown, ProviderRefused
from gateways.events import EventReader, SignedEvent
from gateways.http import READ_SECONDS, PartnerAddress, PartnerClient, PartnerShape

# The carrier's words on the left. Carriers invent words; one that is not here is an exception for a person to look at.
STATUS_OF_WORD = {
    "label_created": ParcelStatus.LABEL_CREATED,
    "picked_up": ParcelStatus.PICKED_UP,
    "in_transit": ParcelStatus.IN_TRANSIT,
    "out_for_delivery": ParcelStatus.OUT_FOR_DELIVERY,
    "delivered": ParcelStatus.DELIVERED,
    "lost": ParcelStatus.LOST,
    "return_to_sender": ParcelStatus.RETURN_TO_SENDER,
    "pickup_failed": ParcelStatus.PICKUP_FAILED,
    "exception": ParcelStatus.EXCEPTION,
}


class _Slot(PartnerShape):
    start: datetime
    end: datetime


class _Shipment(PartnerShape):
    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    booking_id: str
    method: str
    direction: str
    units: int
    from_country: str
    to_country: str
    tracking_code: str
    cost: int = Field(ge=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    status: str = Field(min_length=1, max_length=100)
    status_at: datetime
    voided: bool
    label: str | None
    pickup_slot: _Slot | None
    drop_off_code: str | None


class _ShipmentPage(PartnerShape):
    data: list[_Shipment]


class _ScanData(PartnerShape):
    shipment_id: str
    booking_id: str
    status: str = Field(min_length=1, max_length=100)


class _ScanEvent(SignedEvent):
    data: _ScanData


class SimulatedCarrier:
    """A `CarrierGateway` to the simulated carrier."""

    code = "simulated"

    def __init__(self, address: PartnerAddress, *, read_seconds: float = READ_SECONDS) -> None:
        self._client = PartnerClient(address.base_url, address.api_key, read_seconds=read_seconds)
        self._events = EventReader(address.webhook_secret)

    def book_label(self, order: LabelOrder) -> Booking:
        answer = self._client.call(
            "POST",
            "/v1/shipments",
            shape=_Shipment,
            body={
                "booking_id": order.booking_id,
                "case_id": order.case_id,
                "method": order.method,
                "direction": order.direction,
                "reference": order.reference,
                "units": order.units,
                "from_country": order.from_country,
                "to_country": order.to_country,
                "currency": order.currency,
                "instructions": order.instructions,
            },
            refused=BookingRefused,
        )
        asked = (order.booking_id, order.method, order.direction, order.units, order.from_country, order.to_country)
        answered = (
            answer.booking_id,
            answer.method,
            answer.direction,
            answer.units,
            answer.from_country,
            answer.to_country,
        )
        if (*asked, order.currency) != (*answered, answer.currency):
            raise OutcomeUnknown(
                f"the answer to booking {order.booking_id} is about another parcel", code="other_booking"
            )
        return self._booking(answer)

    def book_outbound(self, order: LabelOrder) -> Booking:
        return self.book_label(replace(order, direction=Direction.OUTBOUND))

    def void(self, booking_id: str) -> VoidReceipt:
        shipment = self._shipment(booking_id)
        if shipment is None:
            return VoidReceipt(voided=False, reason="unknown_booking")
        try:
            answer = self._client.call("POST", f"/v1/shipments/{shipment.id}/void", shape=_Shipment)
        except ProviderRefused as refusal:
            return VoidReceipt(voided=False, reason=refusal.code)
        if not answer.voided or answer.booking_id != booking_id:
            raise OutcomeUnknown(f"the carrier agreed to void booking {booking_id} but does not say that it is")
        return VoidReceipt(voided=True, reason="voided")

    def find_booking(self, booking_id: str) -> Booking | None:
        shipment = self._shipment(booking_id)
        return None if shipment is None else self._booking(shipment)

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> CarrierEvent:
        event = self._events.read(raw, headers, _ScanEvent)
        return CarrierEvent(
            event_id=event.id,
            booking_id=event.data.booking_id,
            shipment_id=event.data.shipment_id,
            status=_status(event.data.status),
            raw_status=event.data.status,
            at=event.timestamp,
        )

    def close(self) -> None:
        self._client.close()

    def _shipment(self, booking_id: str) -> _Shipment | None:
        page = self._client.call("GET", "/v1/shipments", shape=_ShipmentPage, query={"booking_id": booking_id})
        return next((shipment for shipment in page.data if shipment.booking_id == booking_id), None)

    def _booking(self, shipment: _Shipment) -> Booking:
        slot = shipment.pickup_slot
        return Booking(
            booking_id=shipment.booking_id,
            carrier=self.code,
            shipment_id=shipment.id,
            tracking_code=shipment.tracking_code,
            cost_minor=shipment.cost,
            currency=shipment.currency,
            status=_status(shipment.status),
            raw_status=shipment.status,
            status_at=shipment.status_at,
            voided=shipment.voided,
            label_text=shipment.label,
            pickup_slot=None if slot is None else PickupSlot(slot.start, slot.end),
            drop_off_code=shipment.drop_off_code,
        )


def _status(word: str) -> ParcelStatus:
    return STATUS_OF_WORD.get(word, ParcelStatus.EXCEPTION)
