"""The carrier gateway: labels, pickups and drop-offs bought once, and what the carrier reports of the parcel.

A booking carries our own booking id: ordered twice under one id it is one label, and it can be found again by it. Costs
are whole minor units of the currency asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateways.errors import (
    ForgedEvent,
    GatewayError,
    MalformedEvent,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnreachable,
)

__all__ = [
    "Booking",
    "BookingRefused",
    "CarrierEvent",
    "CarrierGateway",
    "Direction",
    "ForgedEvent",
    "GatewayError",
    "LabelOrder",
    "MalformedEvent",
    "OutcomeUnknown",
    "ParcelStatus",
    "PickupSlot",
    "ProviderRefused",
    "ProviderUnreachable",
    "ShippingMethod",
    "VoidReceipt",
]


class ShippingMethod(StrEnum):
    """How the parcel reaches the carrier: a label to print, a collection at the door, or a code shown at a counter."""

    LABEL = "label"
    PICKUP = "pickup"
    DROP_OFF = "drop_off"


class Direction(StrEnum):
    """`return` brings goods back; `outbound` sends them to the shopper (refused goods, an exchange, a repair)."""

    RETURN = "return"
    OUTBOUND = "outbound"


class ParcelStatus(StrEnum):
    """Where the parcel stands, in the house's words. What the carrier itself said is kept beside it as `raw_status`."""

    LABEL_CREATED = "label_created"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    LOST = "lost"
    RETURN_TO_SENDER = "return_to_sender"
    PICKUP_FAILED = "pickup_failed"
    EXCEPTION = "exception"


class BookingRefused(ProviderRefused):
    """The carrier will not book this: `booking_id_reused` with other particulars, or an order it cannot read."""


@dataclass(frozen=True)
class LabelOrder:
    """One parcel to move. `booking_id` is ours, the same on every try; `reference` (the RMA) is printed on it."""

    booking_id: str
    case_id: str
    method: ShippingMethod
    reference: str
    units: int
    from_country: str
    to_country: str
    currency: str
    direction: Direction = Direction.RETURN
    instructions: str | None = None


@dataclass(frozen=True)
class PickupSlot:
    """Between which two moments the driver comes."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Booking:
    """One shipment as it stands in the carrier's books."""

    booking_id: str
    carrier: str
    shipment_id: str
    tracking_code: str
    cost_minor: int
    currency: str
    status: ParcelStatus
    raw_status: str
    status_at: datetime
    voided: bool = False
    label_url: str | None = None
    label_text: str | None = None
    pickup_slot: PickupSlot | None = None
    drop_off_code: str | None = None


@dataclass(frozen=True)
class VoidReceipt:
    """Whether the label is void, and why: `voided`, or `already_scanned`, `unknown_booking` when it is not."""

    voided: bool
    reason: str


@dataclass(frozen=True)
class CarrierEvent:
    """One scan, from a signed event. Scans come twice, late and in any order; `at` is when the carrier says it was."""

    event_id: str
    booking_id: str
    shipment_id: str
    status: ParcelStatus
    raw_status: str
    at: datetime


class CarrierGateway(Protocol):
    """Our side of one carrier. Calls block, for at most some ten seconds, and never try again by themselves.

    Every call raises `ProviderUnreachable` when nothing was carried out and `OutcomeUnknown` when nobody can tell.
    """

    @property
    def code(self) -> str:
        """The gateway's name in the registry, and the carrier of its bookings."""
        ...

    def book_label(self, order: LabelOrder) -> Booking:
        """Book once, however often it is called with the same order. Raises `BookingRefused` for a definite no."""
        ...

    def book_outbound(self, order: LabelOrder) -> Booking:
        """The same towards the shopper: `order` is booked with direction `outbound`, whatever it says."""
        ...

    def void(self, booking_id: str) -> VoidReceipt:
        """Give an unused label back; repeatable. Refused once the parcel was scanned."""
        ...

    def find_booking(self, booking_id: str) -> Booking | None:
        """The shipment in the carrier's books under our booking id, or None when there is none."""
        ...

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> CarrierEvent:
        """Verify and read one event. Raises `ForgedEvent` or `MalformedEvent`."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
