"""The carrier's doors: shipments under the customer's booking id, voiding, look-ups, and scans made by hand."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from partners.alarm import Alarm
from partners.carriers.rounds import ROUNDS_KNOBS
from partners.carriers.shipments import ShipmentBooks, Wanted
from partners.faults import REQUEST_KNOBS, befalling, fail_before
from partners.knobs import Knobs
from partners.outbox import EVENT_KNOBS
from partners.program import StrictBody

KNOBS = {**REQUEST_KNOBS, **EVENT_KNOBS, **ROUNDS_KNOBS}

Text = Annotated[str, Field(min_length=1, max_length=255)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Scan = Literal[
    "picked_up",
    "in_transit",
    "out_for_delivery",
    "delivered",
    "lost",
    "return_to_sender",
    "pickup_failed",
    "exception",
]


class ShipmentBody(StrictBody):
    booking_id: Text
    case_id: Text
    method: Literal["label", "pickup", "drop_off"]
    direction: Literal["return", "outbound"] = "return"
    reference: Text
    units: Annotated[int, Field(gt=0, le=100_000)]
    from_country: Country
    to_country: Country
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    instructions: Annotated[str, Field(max_length=1000)] | None = None


class ScanBody(StrictBody):
    """`scan_id` tells two scans with the same status apart, such as two missed pickups."""

    status: Scan
    scan_id: Text | None = None


def carrier_doors(shipments: ShipmentBooks, knobs: Knobs, goes_round: Alarm) -> APIRouter:
    """Routes under /v1, and the ones with which a test moves parcels."""
    doors = APIRouter()

    @doors.post("/v1/shipments", status_code=201)
    async def book(body: ShipmentBody, response: Response) -> dict[str, Any]:
        fail_before(knobs, body.booking_id)
        async with befalling(knobs, body.booking_id):
            fresh, shipment = shipments.book(Wanted(**body.model_dump()))
            goes_round.ring()
        if not fresh:
            response.status_code = 200
        return shipment

    @doors.get("/v1/shipments")
    async def listed(
        booking_id: str | None = None,
        case_id: str | None = None,
        cursor: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        return shipments.listed(booking_id=booking_id, case_id=case_id, cursor=cursor, limit=limit)

    @doors.get("/v1/shipments/{shipment_id}")
    async def one(shipment_id: str) -> dict[str, Any]:
        return shipments.shipment(shipment_id)

    @doors.post("/v1/shipments/{shipment_id}/void")
    async def void(shipment_id: str) -> dict[str, Any]:
        fail_before(knobs, shipment_id)
        async with befalling(knobs, shipment_id):
            return shipments.void(shipment_id)

    @doors.get("/v1/balance")
    async def balance() -> dict[str, Any]:
        return shipments.balance()

    @doors.post("/admin/shipments/{shipment_id}/advance")
    async def advance(shipment_id: str, body: ScanBody) -> dict[str, Any]:
        return shipments.scan(shipment_id, body.status, body.scan_id)

    return doors
