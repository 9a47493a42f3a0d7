"""What the bench found, as the warehouse says it, and what a scan at the station is answered with."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from api.schemas.common import Body, Flag, Identifier, Note, Quantity, spoken
from database import cases, orders
from database.inspections import Judged
from domain.goods import Grade
from domain.process import timely
from domain.replica import from_json
from domain.state import FactKind

FOUND_MAX = 400
FINDINGS_MAX = 20


class Disposition(StrEnum):
    """What becomes of the unit."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    RETURN_TO_VENDOR = "return_to_vendor"
    LIQUIDATE = "liquidate"
    DONATE = "donate"
    RECYCLE = "recycle"
    DESTROY = "destroy"
    SEND_BACK = "send_back"


USUAL = {
    Grade.A: Disposition.RESTOCK,
    Grade.B: Disposition.REFURBISH,
    Grade.C: Disposition.LIQUIDATE,
    Grade.D: Disposition.RECYCLE,
}

EXAMPLE: dict[str, Any] = {
    "lines": [{"line_id": "rl_1", "quantity": 1, "grade": "B", "findings": ["tag removed"], "disposition": "refurbish"}]
}


class FoundLine(Body):
    """Units of one return line under one grade; a line whose units differ is named once for each grade."""

    line_id: Identifier
    quantity: Quantity
    grade: Grade
    accepted: Flag = Field(default=True, description="False: not taken back, the units go back to the shopper.")
    findings: Annotated[list[Note], Field(max_length=FINDINGS_MAX)] = Field(default_factory=list)
    disposition: Disposition | None = Field(default=None, description="By grade where it is left out.")

    def judged(self) -> Judged:
        usual = USUAL[self.grade] if self.accepted else Disposition.SEND_BACK
        return Judged(
            self.line_id, self.quantity, self.grade, self.accepted, tuple(self.findings), self.disposition or usual
        )


class InspectionAsked(Body):
    """All lines of the return at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    lines: Annotated[list[FoundLine], Field(max_length=FOUND_MAX)]


def scanned(session: Session, row: Row[Any], moved: Sequence[Row[Any]], *, parcel_id: str | None) -> dict[str, Any]:
    """What the station expects behind a code: goods, and what is to be done with them; nothing about money."""
    lines = [line for line in cases.lines_of(session, [row.id])[row.id] if line.verdict != "refused"]
    keys = [(line.order_id, line.order_line_id) for line in lines if line.order_line_id]
    names = {
        (sold.line.order_id, sold.line.id): sold.line.description
        for sold in orders.sold_lines(session, keys, lock=False)
    }
    state = from_json(row.state)
    steps = {FactKind.RECEIVED: "receive", FactKind.INSPECTED: "inspect"}
    inbound = [parcel for parcel in moved if parcel.direction == "return"]
    return {
        "return": {"id": row.id, "rma": row.rma, "stage": row.stage, "status": row.status, "version": row.version},
        "parcel_id": parcel_id or (inbound[-1].id if inbound else None),
        "parcels": [
            {
                "id": parcel.id,
                "tracking_code": parcel.tracking_code,
                "status": parcel.status,
                "received_at": spoken(parcel.received_at),
                "received_by": parcel.received_by,
            }
            for parcel in inbound
        ],
        "expected": [
            {
                "line_id": line.id,
                "sku": line.sku,
                "description": names.get((line.order_id, line.order_line_id)),
                "quantity": line.quantity,
                "reason": line.reason,
                "note": line.note,
                "received": line.received,
                "accepted": line.accepted,
                "grade": line.grade,
                "disposition": line.disposition,
            }
            for line in lines
        ],
        "possible": [word for kind, word in steps.items() if timely(state, kind) is None],
    }


SCAN_EXAMPLE: dict[str, Any] = {
    "return": {
        "id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
        "rma": "RMA100001",
        "stage": "in_transit",
        "status": "open",
        "version": 3,
    },
    "parcel_id": "par_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y1",
    "parcels": [
        {
            "id": "par_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y1",
            "tracking_code": "SIM0000000012",
            "status": "in_transit",
            "received_at": None,
            "received_by": None,
        }
    ],
    "expected": [
        {
            "line_id": "rl_1",
            "sku": "DRESS-38",
            "description": "Linen dress, size 38",
            "quantity": 1,
            "reason": "wrong_size",
            "note": "runs small",
            "received": 0,
            "accepted": None,
            "grade": None,
            "disposition": None,
        }
    ],
    "possible": ["receive", "inspect"],
}
