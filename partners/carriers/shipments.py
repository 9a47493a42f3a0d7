"""The carrier's books: shipments, each booked once under the customer's booking id, and the scans of each parcel.

A label that nobody scanned can be voided. A voided label that is used all the same is carried and billed, as carriers do.
"""

import hashlib
import json
import secrets
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from partners.books import Books, moment_text
from partners.carriers.prices import label_cost
from partners.carriers.rounds import Rounds
from partners.outbox import Outbox
from partners.program import Refusal

TABLES = """
CREATE TABLE IF NOT EXISTS shipments (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    booking_id TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    method TEXT NOT NULL CHECK (method IN ('label', 'pickup', 'drop_off')),
    tracking_code TEXT NOT NULL,
    cost INTEGER NOT NULL CHECK (cost >= 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    status_at REAL NOT NULL,
    scanned INTEGER NOT NULL DEFAULT 0,
    voided_at REAL,
    booked_at REAL NOT NULL,
    next_status TEXT,
    next_at REAL
) STRICT;
CREATE INDEX IF NOT EXISTS shipments_by_next ON shipments (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS scans (
    sequence INTEGER PRIMARY KEY,
    shipment_id TEXT NOT NULL REFERENCES shipments (id),
    scan_id TEXT NOT NULL,
    status TEXT NOT NULL,
    event_id TEXT NOT NULL,
    scanned_at REAL NOT NULL,
    UNIQUE (shipment_id, scan_id)
) STRICT;
"""

DAY = 86_400
SLOT_FROM_HOUR, SLOT_TO_HOUR = 9, 12
# A driver who met nobody did not touch the parcel.
NOT_TOUCHED = ("pickup_failed", "exception")


@dataclass(frozen=True)
class Wanted:
    """A shipment as asked for."""

    booking_id: str
    case_id: str
    method: str
    direction: str
    reference: str
    units: int
    from_country: str
    to_country: str
    currency: str
    instructions: str | None


class ShipmentBooks:
    """Everything this carrier knows."""

    def __init__(self, books: Books, outbox: Outbox, rounds: Rounds) -> None:
        self._books = books
        self._outbox = outbox
        self._rounds = rounds

    def book(self, wanted: Wanted) -> tuple[bool, dict[str, Any]]:
        """Sell a label, or find the one sold under this booking id: (whether it is new, the shipment)."""
        with self._books.transaction():
            known = self._books.one("SELECT * FROM shipments WHERE booking_id = ?", wanted.booking_id)
            if known is not None:
                if json.loads(known["request"]) != asdict(wanted):
                    raise Refusal(
                        409, "booking_id_reused", f"Booking {wanted.booking_id} was made with other particulars."
                    )
                return False, self._shown(known)
            return True, self._shown(self._enter(wanted))

    def shipment(self, shipment_id: str) -> dict[str, Any]:
        return self._shown(self._row(shipment_id)) | {"scans": self._scans(shipment_id)}

    def listed(self, *, booking_id: str | None, case_id: str | None, cursor: int, limit: int) -> dict[str, Any]:
        """One page, oldest first."""
        where, values = "sequence > ?", [cursor]
        asked = {"booking_id": booking_id, "json_extract(request, '$.case_id')": case_id}
        filters = {column: value for column, value in asked.items() if value is not None}
        where += "".join(f" AND {column} = ?" for column in filters)
        rows = self._books.all(
            f"SELECT * FROM shipments WHERE {where} ORDER BY sequence LIMIT ?", *values, *filters.values(), limit + 1
        )
        page = rows[:limit]
        more = len(rows) > limit
        return {
            "data": [self._shown(row) for row in page],
            "has_more": more,
            "next_cursor": str(page[-1]["sequence"]) if more else None,
        }

    def void(self, shipment_id: str) -> dict[str, Any]:
        """Take an unused label back; a second time changes nothing."""
        with self._books.transaction():
            row = self._row(shipment_id)
            if row["scanned"]:
                raise Refusal(409, "already_scanned", f"Shipment {shipment_id} is under way: {row['status']}.")
            if row["voided_at"] is None:
                self._books.write(
                    "UPDATE shipments SET voided_at = ?, next_status = NULL, next_at = NULL WHERE id = ?",
                    *(self._books.now(), shipment_id),
                )
            return self._shown(self._row(shipment_id))

    def scan(self, shipment_id: str, status: str, scan_id: str | None = None) -> dict[str, Any]:
        """Note one scan and tell it. The same scan id (by itself: the status) a second time is the same scan."""
        with self._books.transaction():
            return self._scan(self._row(shipment_id), status, scan_id or status)

    def balance(self) -> dict[str, Any]:
        """The witness: labels sold and what they cost, voided ones apart, and parcels by status."""
        sold = self._books.all(
            "SELECT currency, COUNT(*) AS labels, SUM(cost) AS cost, SUM(voided_at IS NOT NULL) AS voided, "
            "SUM(CASE WHEN voided_at IS NULL THEN cost ELSE 0 END) AS billed FROM shipments GROUP BY currency"
        )
        standing = self._books.all("SELECT status, COUNT(*) AS parcels FROM shipments GROUP BY status")
        return {
            "shipments": sum(row["labels"] for row in sold),
            "sold": {
                row["currency"]: {key: row[key] for key in ("labels", "cost", "voided", "billed")} for row in sold
            },
            "by_status": {row["status"]: row["parcels"] for row in standing},
        }

    def go_round(self) -> float | None:
        """Scan every parcel whose time has come, if rounds are made at all. Says in how many seconds the next one's will."""
        if not self._rounds.by_itself:
            return None
        now = self._books.now()
        for row in self._books.all("SELECT * FROM shipments WHERE next_at <= ? ORDER BY next_at LIMIT 500", now):
            with self._books.transaction():
                tries = self._books.one("SELECT COUNT(*) AS scans FROM scans WHERE shipment_id = ?", row["id"])
                assert tries is not None
                status = self._rounds.happens(row["booking_id"], row["method"], row["next_status"])
                self._plan(row, self._rounds.after(status), now)
                self._scan(row, status, status if status != "pickup_failed" else f"pickup_failed-{tries['scans'] + 1}")
        following = self._books.one("SELECT MIN(next_at) AS at FROM shipments WHERE next_at IS NOT NULL")
        return None if following is None or following["at"] is None else following["at"] - now

    def _enter(self, wanted: Wanted) -> sqlite3.Row:
        now = self._books.now()
        shipment_id = f"shp_{secrets.token_hex(10)}"
        sequence = self._books.write(
            "INSERT INTO shipments (id, booking_id, request, method, tracking_code, cost, currency, status, status_at, "
            "booked_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'label_created', ?, ?)",
            *(shipment_id, wanted.booking_id, json.dumps(asdict(wanted)), wanted.method),
            *(_tracking_code(wanted), label_cost(wanted.from_country, wanted.to_country), wanted.currency, now, now),
        )
        row = self._books.one("SELECT * FROM shipments WHERE sequence = ?", sequence)
        assert row is not None
        self._plan(row, self._rounds.after("label_created"), now)
        return row

    def _plan(self, row: sqlite3.Row, status: str | None, now: float) -> None:
        at = None if status is None else now + self._rounds.seconds_until(row["booking_id"], status)
        self._books.write("UPDATE shipments SET next_status = ?, next_at = ? WHERE id = ?", status, at, row["id"])

    def _scan(self, row: sqlite3.Row, status: str, scan_id: str) -> dict[str, Any]:
        known = self._books.one("SELECT * FROM scans WHERE shipment_id = ? AND scan_id = ?", row["id"], scan_id)
        if known is not None:
            return {"fresh": False, "event_id": known["event_id"], "shipment": self._shown(self._row(row["id"]))}
        now = self._books.now()
        event_id = self._outbox.record(
            f"parcel.{status}",
            row["booking_id"],
            {"shipment_id": row["id"], "booking_id": row["booking_id"], "status": status},
        )
        self._books.write(
            "INSERT INTO scans (shipment_id, scan_id, status, event_id, scanned_at) VALUES (?, ?, ?, ?, ?)",
            *(row["id"], scan_id, status, event_id, now),
        )
        touched = status not in NOT_TOUCHED
        self._books.write(
            "UPDATE shipments SET status = ?, status_at = ?, scanned = scanned OR ?, "
            "voided_at = CASE WHEN ? THEN NULL ELSE voided_at END WHERE id = ?",
            *(status, now, touched, touched, row["id"]),
        )
        return {"fresh": True, "event_id": event_id, "shipment": self._shown(self._row(row["id"]))}

    def _row(self, shipment_id: str) -> sqlite3.Row:
        row = self._books.one("SELECT * FROM shipments WHERE id = ?", shipment_id)
        if row is None:
            raise Refusal(404, "unknown_shipment", f"No shipment {shipment_id}.")
        return row

    def _scans(self, shipment_id: str) -> list[dict[str, str]]:
        rows = self._books.all("SELECT * FROM scans WHERE shipment_id = ? ORDER BY sequence", shipment_id)
        return [
            {"status": row["status"], "at": moment_text(row["scanned_at"]), "event_id": row["event_id"]} for row in rows
        ]

    def _shown(self, row: sqlite3.Row) -> dict[str, Any]:
        asked = Wanted(**json.loads(row["request"]))
        day = (int(row["booked_at"]) // DAY + 1) * DAY
        return {
            **asdict(asked),
            "id": row["id"],
            "tracking_code": row["tracking_code"],
            "cost": row["cost"],
            "status": row["status"],
            "status_at": moment_text(row["status_at"]),
            "voided": row["voided_at"] is not None,
            "booked_at": moment_text(row["booked_at"]),
            "label": _label(asked, row["tracking_code"]),
            "pickup_slot": {
                "start": moment_text(day + SLOT_FROM_HOUR * 3600),
                "end": moment_text(day + SLOT_TO_HOUR * 3600),
            }
            if asked.method == "pickup"
            else None,
            "drop_off_code": _digest(asked.booking_id)[:8].upper() if asked.method == "drop_off" else None,
        }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tracking_code(wanted: Wanted) -> str:
    digits = int(_digest(wanted.booking_id)[:12], 16) % 10**10
    return f"SC{digits:010d}{wanted.from_country}"


def _label(wanted: Wanted, tracking_code: str) -> str:
    return "\n".join(
        [
            "SIMULATED CARRIER: NOT A REAL LABEL",
            tracking_code,
            f"{wanted.from_country} -> {wanted.to_country}   units: {wanted.units}",
            f"Reference: {wanted.reference}",
        ]
    )
