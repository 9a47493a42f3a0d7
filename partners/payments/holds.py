"""Money held on the card that a payment came from: held, then captured at most once, let go of, or over by itself.

A hold has the house's own id and there is one under each; what is captured of it is a payment of its own, refunded like any other. Faults
of requests strike under the subjects `hold:<id>`, `capture:<id>` and `release:<id>`.
"""

import secrets
import sqlite3
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from partners.books import Books, moment_text
from partners.faults import befalling, fail_before
from partners.knobs import Knobs
from partners.payments.doors import Amount, Currency, Text
from partners.program import Refusal, StrictBody

VALID_DAYS = 31

KNOBS = {
    "card_empty": "the card cannot carry the hold: refused with `card_declined`",
    "hold_ends": "the hold is over by itself after `seconds` (0) instead of a month",
    "fail_capture": "a capture answers 500 and does nothing",
    "lose_capture": "a capture is made, and answered with 500",
}

TABLE = """
CREATE TABLE IF NOT EXISTS holds (
    hold_id TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    case_id TEXT,
    payment TEXT NOT NULL REFERENCES payments (reference),
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('held', 'captured', 'released')),
    captured INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
    captured_payment TEXT UNIQUE REFERENCES payments (reference),
    created_at REAL NOT NULL,
    ends_at REAL NOT NULL,
    CHECK ((status = 'captured') = (captured > 0) AND (status = 'captured') = (captured_payment IS NOT NULL))
) STRICT;
"""


class HoldMetadata(StrictBody):
    hold_id: Text
    case_id: Text | None = None


class HoldBody(StrictBody):
    """What is to be held on the card of an earlier payment."""

    payment: Text
    amount: Amount
    currency: Currency
    metadata: HoldMetadata


class CaptureBody(StrictBody):
    amount: Amount = Field(description="at most what is held; the rest is let go of")


class HoldBooks:
    """Every hold this provider ever made."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def hold(self, body: HoldBody, *, lasts: float) -> dict[str, Any]:
        """Hold once per id. The same again is answered with the same hold, something else under the id is refused."""
        with self._books.transaction():
            payment = self._books.one("SELECT * FROM payments WHERE reference = ?", body.payment)
            if payment is None:
                raise Refusal(404, "unknown_payment", f"No payment {body.payment}.")
            if payment["currency"] != body.currency:
                raise Refusal(400, "currency_differs", f"The card was charged in {payment['currency']}.")
            if known := self._row(body.metadata.hold_id):
                if (known["payment"], known["amount"], known["currency"]) != (body.payment, body.amount, body.currency):
                    raise Refusal(409, "hold_differs", f"{body.metadata.hold_id} holds something else.")
                return self._shown(known)
            now = self._books.now()
            self._books.write(
                "INSERT INTO holds (hold_id, id, case_id, payment, amount, currency, status, created_at, ends_at)"
                " VALUES (?, ?, ?, ?, ?, ?, 'held', ?, ?)",
                *(body.metadata.hold_id, f"ho_{secrets.token_hex(10)}", body.metadata.case_id, body.payment),
                *(body.amount, body.currency, now, now + lasts),
            )
            return self.find(body.metadata.hold_id)

    def find(self, hold_id: str) -> dict[str, Any]:
        row = self._row(hold_id)
        if row is None:
            raise Refusal(404, "unknown_hold", f"No hold {hold_id}.")
        return self._shown(row)

    def capture(self, hold_id: str, amount: int) -> dict[str, Any]:
        """Charge what is held, once; the rest is let go of. What is captured is a payment from then on."""
        with self._books.transaction():
            row = self._known(hold_id)
            if row["status"] == "captured":
                if row["captured"] != amount:
                    raise Refusal(
                        409, "hold_captured", f"{row['captured']} of {hold_id} was captured, and the rest let go of."
                    )
                return self._shown(row)
            if row["status"] == "released":
                raise Refusal(409, "hold_released", f"{hold_id} was let go of.")
            if self._is_over(row):
                raise Refusal(409, "hold_ended", f"{hold_id} is over since {moment_text(row['ends_at'])}.")
            if amount > row["amount"]:
                raise Refusal(402, "over_capture", f"Only {row['amount']} {row['currency']} is held.")
            reference = f"cap_{row['id']}"
            self._books.write(
                "INSERT INTO payments (reference, amount, currency, registered_at) VALUES (?, ?, ?, ?)",
                *(reference, amount, row["currency"], self._books.now()),
            )
            self._books.write(
                "UPDATE holds SET status = 'captured', captured = ?, captured_payment = ? WHERE hold_id = ?",
                *(amount, reference, hold_id),
            )
            return self.find(hold_id)

    def release(self, hold_id: str) -> dict[str, Any]:
        """Let go of what is held; again, or after it is over, is no mistake."""
        with self._books.transaction():
            row = self._known(hold_id)
            if row["status"] == "captured":
                raise Refusal(409, "hold_captured", f"{hold_id} was captured.")
            self._books.write("UPDATE holds SET status = 'released' WHERE hold_id = ?", hold_id)
            return self.find(hold_id)

    def _row(self, hold_id: str) -> sqlite3.Row | None:
        return self._books.one("SELECT * FROM holds WHERE hold_id = ?", hold_id)

    def _known(self, hold_id: str) -> sqlite3.Row:
        row = self._row(hold_id)
        if row is None:
            raise Refusal(404, "unknown_hold", f"No hold {hold_id}.")
        return row

    def _is_over(self, row: sqlite3.Row) -> bool:
        return bool(row["status"] == "held" and row["ends_at"] <= self._books.now())

    def _shown(self, row: sqlite3.Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            "payment": row["payment"],
            "amount": row["amount"],
            "currency": row["currency"],
            "status": "ended" if self._is_over(row) else row["status"],
            "captured": row["captured"],
            "captured_payment": row["captured_payment"],
            "ends_at": moment_text(row["ends_at"]),
            "metadata": {"hold_id": row["hold_id"], "case_id": row["case_id"]},
        }


def hold_doors(holds: HoldBooks, knobs: Knobs) -> APIRouter:
    """Routes under /v1/holds."""
    doors = APIRouter(prefix="/holds")

    @doors.post("", status_code=201)
    async def hold(body: HoldBody) -> dict[str, Any]:
        subject = f"hold:{body.metadata.hold_id}"
        fail_before(knobs, subject)
        if knobs.strikes("card_empty", subject):
            raise Refusal(402, "card_declined", "The card cannot carry that much.")
        async with befalling(knobs, subject):
            ends = knobs.strikes("hold_ends", subject)
            return holds.hold(body, lasts=ends.seconds_or(0.0) if ends else VALID_DAYS * 86_400)

    @doors.get("/{hold_id}")
    async def one(hold_id: str) -> dict[str, Any]:
        return holds.find(hold_id)

    @doors.post("/{hold_id}/capture")
    async def capture(hold_id: str, body: CaptureBody) -> dict[str, Any]:
        subject = f"capture:{hold_id}"
        fail_before(knobs, subject)
        if knobs.strikes("fail_capture", subject):
            raise Refusal(500, "server_error", "Something broke here.")
        async with befalling(knobs, subject):
            captured = holds.capture(hold_id, body.amount)
        if knobs.strikes("lose_capture", subject):
            raise Refusal(500, "server_error", "Something broke here.")
        return captured

    @doors.post("/{hold_id}/release")
    async def release(hold_id: str) -> dict[str, Any]:
        subject = f"release:{hold_id}"
        fail_before(knobs, subject)
        async with befalling(knobs, subject):
            return holds.release(hold_id)

    return doors
