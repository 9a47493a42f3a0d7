"""The provider's books: captured payments, refunds over them, and the answers given under each idempotency key.

A refund is `pending`, `succeeded` or `failed`; one that succeeded may still fail later, when the bank sends it back.
What was refunded over a payment and did not fail can never exceed what was captured: the table itself refuses it.
"""

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from partners.books import Books, moment_text
from partners.knobs import Rule
from partners.outbox import Outbox
from partners.program import Refusal

KEY_HOURS = 24

TABLES = """
CREATE TABLE IF NOT EXISTS payments (
    reference TEXT PRIMARY KEY,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
    registered_at REAL NOT NULL
) STRICT;
-- No uniqueness of refund_id: a provider that loses a key pays twice, and these books are to show it.
CREATE TABLE IF NOT EXISTS refunds (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    refund_id TEXT NOT NULL,
    case_id TEXT,
    payment TEXT REFERENCES payments (reference),
    destination TEXT,
    customer TEXT,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    failure TEXT,
    created_at REAL NOT NULL,
    changed_at REAL NOT NULL,
    next_status TEXT,
    next_at REAL,
    CHECK ((payment IS NULL) <> (destination IS NULL))
) STRICT;
CREATE INDEX IF NOT EXISTS refunds_by_refund_id ON refunds (refund_id);
CREATE INDEX IF NOT EXISTS refunds_by_payment ON refunds (payment);
CREATE INDEX IF NOT EXISTS refunds_by_next ON refunds (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    answered_at REAL NOT NULL
) STRICT;
"""

# How a refund goes on by itself: status at first, status later, and the failure that is then named.
COURSES = {
    "pending_then_succeeded": ("pending", "succeeded"),
    "pending_then_failed": ("pending", "failed"),
    "succeeded_then_failed": ("succeeded", "failed"),
}
FAILURES = {"pending": "account_closed", "succeeded": "returned_by_bank"}


@dataclass(frozen=True)
class Wanted:
    """A refund as asked for: back over a payment, or paid out to a destination, which may be a customer's store credit."""

    payment: str | None
    amount: int
    currency: str
    refund_id: str
    case_id: str | None
    destination: str | None = None
    customer: str | None = None

    def fingerprint(self) -> str:
        paid_out = [self.destination, self.customer] if self.destination else []
        return json.dumps([self.payment, self.amount, self.currency, self.refund_id, self.case_id, *paid_out])


@dataclass(frozen=True)
class Answer:
    """What was said, word for word."""

    status: int
    body: str


class RefundBooks:
    """Everything this provider knows."""

    def __init__(self, books: Books, outbox: Outbox) -> None:
        self._books = books
        self._outbox = outbox
        self._widen()

    def _widen(self) -> None:
        """Books from before there were payouts know refunds of payments only."""
        if any(column["name"] == "destination" for column in self._books.all("PRAGMA table_info(refunds)")):
            return
        kept = (
            "sequence, id, refund_id, case_id, payment, amount, currency, status, failure, created_at, changed_at, "
            "next_status, next_at"
        )
        statements = [statement for statement in TABLES.split(";") if statement.strip()]
        with self._books.transaction():
            self._books.write("ALTER TABLE refunds RENAME TO refunds_before")
            for statement in statements:
                self._books.write(statement)
            self._books.write(f"INSERT INTO refunds ({kept}) SELECT {kept} FROM refunds_before")
            self._books.write("DROP TABLE refunds_before")
            for statement in statements:  # the indexes went with the table that they were of
                self._books.write(statement)

    def register(self, payments: Sequence[tuple[str, int, str]]) -> dict[str, int]:
        """Note payments: (reference, amount, currency). The same again is no news, another amount is refused."""
        now = self._books.now()
        fresh = 0
        with self._books.transaction():
            for reference, amount, currency in payments:
                known = self._books.one("SELECT amount, currency FROM payments WHERE reference = ?", reference)
                if known is None:
                    fresh += 1
                    self._books.write(
                        "INSERT INTO payments (reference, amount, currency, registered_at) VALUES (?, ?, ?, ?)",
                        *(reference, amount, currency, now),
                    )
                elif (known["amount"], known["currency"]) != (amount, currency):
                    raise Refusal(
                        409,
                        "payment_differs",
                        f"Payment {reference} was captured as {known['amount']} {known['currency']}.",
                    )
        return {"registered": fresh, "known": len(payments) - fresh}

    def payment(self, reference: str) -> dict[str, Any]:
        payment = self.captured(reference)
        if payment is None:
            raise Refusal(404, "unknown_payment", f"No payment {reference}.")
        return {key: payment[key] for key in ("reference", "amount", "currency", "refunded")}

    def captured(self, reference: str) -> dict[str, Any] | None:
        """The payment as it stands in the books (`registered_at` in seconds since 1970), or None."""
        row = self._books.one("SELECT * FROM payments WHERE reference = ?", reference)
        return None if row is None else dict(row)

    def stored_answer(self, key: str, wanted: Wanted) -> Answer | None:
        """What was answered under this key in the last 24 hours. Raises `Refusal` when the question was another one."""
        row = self._books.one(
            "SELECT * FROM answers WHERE key = ? AND answered_at > ?", key, self._books.now() - KEY_HOURS * 3600
        )
        if row is None:
            return None
        if row["request"] != wanted.fingerprint():
            raise other_parameters(key)
        return Answer(row["status"], row["body"])

    def forget(self, key: str) -> None:
        self._books.write("DELETE FROM answers WHERE key = ?", key)

    def pay(self, wanted: Wanted, *, key: str | None, later: Rule | None) -> Answer:
        """Pay, or refuse, and keep the answer under the key (None: keep nothing). One transaction."""
        with self._books.transaction():
            refusal = None
            if wanted.destination is None:
                payment = self._books.one("SELECT * FROM payments WHERE reference = ?", wanted.payment)
                if payment is None:
                    # Not kept: nothing about the key can be judged before the payment is known.
                    raise Refusal(404, "unknown_payment", f"No payment {wanted.payment}.")
                refusal = _objection(payment, wanted)
            if refusal is None:
                answer = Answer(201, json.dumps(self._enter(wanted, later)))
            else:
                answer = Answer(refusal.status, json.dumps(refusal.body()))
            if key is not None:
                self._books.write(
                    "INSERT OR REPLACE INTO answers (key, request, status, body, answered_at) VALUES (?, ?, ?, ?, ?)",
                    *(key, wanted.fingerprint(), answer.status, answer.body, self._books.now()),
                )
        return answer

    def refund(self, provider_id: str) -> dict[str, Any]:
        row = self._books.one("SELECT * FROM refunds WHERE id = ?", provider_id)
        if row is None:
            raise Refusal(404, "unknown_refund", f"No refund {provider_id}.")
        return _shown(row)

    def listed(self, *, refund_id: str | None, payment: str | None, cursor: int, limit: int) -> dict[str, Any]:
        """One page, oldest first."""
        where, values = "sequence > ?", [cursor]
        filters: Mapping[str, str | None] = {"refund_id": refund_id, "payment": payment}
        asked = {column: value for column, value in filters.items() if value is not None}
        where += "".join(f" AND {column} = ?" for column in asked)
        rows = self._books.all(
            f"SELECT * FROM refunds WHERE {where} ORDER BY sequence LIMIT ?", *values, *asked.values(), limit + 1
        )
        page = rows[:limit]
        more = len(rows) > limit
        return {
            "data": [_shown(row) for row in page],
            "has_more": more,
            "next_cursor": str(page[-1]["sequence"]) if more else None,
        }

    def newest_first(
        self, *, payment: str | None, limit: int, older_than: str | None, newer_than: str | None
    ) -> tuple[list[dict[str, Any]], bool]:
        """One page, and whether there is more in the direction asked for; `older_than` and `newer_than` are ids."""
        where, values = ["payment IS NOT NULL"], []
        if payment is not None:
            where, values = ["payment = ?"], [payment]
        for id_, sign in ((older_than, "<"), (newer_than, ">")):
            if id_ is not None:
                where.append(f"sequence {sign} (SELECT sequence FROM refunds WHERE id = ?)")
                values.append(id_)
        order = "ASC" if newer_than is not None else "DESC"
        question = f"SELECT * FROM refunds WHERE {' AND '.join(where)} ORDER BY sequence {order} LIMIT ?"
        rows = self._books.all(question, *values, limit + 1)
        page = [_shown(row) for row in rows[:limit]]
        return (page[::-1] if newer_than is not None else page), len(rows) > limit

    def under(self, refund_id: str) -> dict[str, Any] | None:
        """The refund asked for under this id: of several, one that stands before one that failed."""
        row = self._books.one(
            "SELECT * FROM refunds WHERE refund_id = ? ORDER BY status = 'failed', sequence LIMIT 1", refund_id
        )
        return None if row is None else _shown(row)

    def made_over(self, payment: str) -> tuple[int, float | None]:
        """How many refunds were asked for over a payment, failed ones included, and how many seconds ago the last was."""
        row = self._books.one("SELECT COUNT(*) AS n, MAX(created_at) AS last FROM refunds WHERE payment = ?", payment)
        assert row is not None
        return row["n"], None if row["last"] is None else self._books.now() - row["last"]

    def now(self) -> float:
        """The provider's moment, in seconds since 1970 UTC."""
        return self._books.now()

    def pay_again(self, provider_id: str, *, later: Rule) -> dict[str, Any]:
        """Try a refund that failed once more, as the same one. Raises `Refusal` when the payment has no room for it now."""
        with self._books.transaction():
            row = self._books.one("SELECT * FROM refunds WHERE id = ? AND status = 'failed'", provider_id)
            assert row is not None, "only a refund that failed is tried again"
            payment = self._books.one("SELECT * FROM payments WHERE reference = ?", row["payment"])
            assert payment is not None
            wanted = Wanted(row["payment"], row["amount"], row["currency"], row["refund_id"], row["case_id"])
            if refusal := _objection(payment, wanted):
                raise refusal
            now = self._books.now()
            status, next_status = COURSES[later.mode]
            self._books.write(
                "UPDATE payments SET refunded = refunded + ? WHERE reference = ?", wanted.amount, wanted.payment
            )
            self._books.write(
                "UPDATE refunds SET status = ?, failure = NULL, changed_at = ?, next_status = ?, next_at = ? "
                "WHERE sequence = ?",
                *(status, now, next_status, now + later.seconds_or(1.0), row["sequence"]),
            )
            return self._tell(row["sequence"])

    def objection(self, wanted: Wanted) -> Refusal | None:
        """Why this refund cannot be paid, or None; the payment is known."""
        payment = self._books.one("SELECT * FROM payments WHERE reference = ?", wanted.payment)
        assert payment is not None
        return _objection(payment, wanted)

    def balance(self) -> dict[str, Any]:
        """The witness: how many refunds there are, under how many of the house's ids, and the sums by currency."""
        counted = self._books.one("SELECT COUNT(*) AS refunds, COUNT(DISTINCT refund_id) AS ids FROM refunds")
        captured = self._books.all(
            "SELECT currency, COUNT(*) AS payments, SUM(amount) AS amount FROM payments GROUP BY currency"
        )
        refunded = self._books.all(
            "SELECT currency, status, COUNT(*) AS refunds, SUM(amount) AS amount FROM refunds GROUP BY currency, status"
        )
        assert counted is not None
        sums: dict[str, dict[str, int]] = {}
        for row in refunded:
            of = sums.setdefault(row["currency"], {"refunds": 0, "pending": 0, "succeeded": 0, "failed": 0})
            of["refunds"] += row["refunds"]
            of[row["status"]] = row["amount"]
        return {
            "refunds": counted["refunds"],
            "distinct_refund_ids": counted["ids"],
            "duplicates": counted["refunds"] - counted["ids"],
            "refunded": sums,
            "captured": {row["currency"]: {"payments": row["payments"], "amount": row["amount"]} for row in captured},
        }

    def go_on(self) -> float | None:
        """Let refunds whose time has come succeed or fail. Says in how many seconds the next one will."""
        now = self._books.now()
        for row in self._books.all("SELECT * FROM refunds WHERE next_at <= ? ORDER BY next_at LIMIT 500", now):
            with self._books.transaction():
                self._change(row, now)
        following = self._books.one("SELECT MIN(next_at) AS at FROM refunds WHERE next_at IS NOT NULL")
        return None if following is None or following["at"] is None else following["at"] - now

    def _enter(self, wanted: Wanted, later: Rule | None) -> dict[str, Any]:
        now = self._books.now()
        status, next_status = COURSES[later.mode] if later else ("succeeded", None)
        next_at = now + later.seconds_or(1.0) if later else None
        self._books.write(
            "UPDATE payments SET refunded = refunded + ? WHERE reference = ?", wanted.amount, wanted.payment
        )
        sequence = self._books.write(
            "INSERT INTO refunds (id, refund_id, case_id, payment, amount, currency, status, created_at, changed_at, "
            "next_status, next_at, destination, customer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(f"pr_{secrets.token_hex(10)}", wanted.refund_id, wanted.case_id, wanted.payment, wanted.amount),
            *(wanted.currency, status, now, now, next_status, next_at, wanted.destination, wanted.customer),
        )
        return self._tell(sequence)

    def _change(self, row: sqlite3.Row, now: float) -> None:
        failure = None
        if row["next_status"] == "failed":
            failure = FAILURES[row["status"]]
            self._books.write(
                "UPDATE payments SET refunded = refunded - ? WHERE reference = ?", row["amount"], row["payment"]
            )
        self._books.write(
            "UPDATE refunds SET status = next_status, failure = ?, changed_at = ?, next_status = NULL, next_at = NULL "
            "WHERE sequence = ?",
            *(failure, now, row["sequence"]),
        )
        self._tell(row["sequence"])

    def _tell(self, sequence: int) -> dict[str, Any]:
        row = self._books.one("SELECT * FROM refunds WHERE sequence = ?", sequence)
        assert row is not None
        shown = _shown(row)
        self._outbox.record(f"refund.{row['status']}", row["refund_id"], {"refund": shown})
        return shown


def other_parameters(key: str) -> Refusal:
    """The key was used for another request."""
    return Refusal(400, "idempotency_key_reused", f"The key {key} was used for a request with other parameters.")


def _objection(payment: sqlite3.Row, wanted: Wanted) -> Refusal | None:
    if payment["currency"] != wanted.currency:
        return Refusal(400, "currency_differs", f"The payment was made in {payment['currency']}.")
    room = payment["amount"] - payment["refunded"]
    if wanted.amount > room:
        said = f"Only {room} {payment['currency']} of this payment can still be refunded."
        return Refusal(402, "over_refund", said, room=room)
    return None


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "payment": row["payment"],
        **({"destination": row["destination"], "customer": row["customer"]} if row["destination"] else {}),
        "amount": row["amount"],
        "currency": row["currency"],
        "status": row["status"],
        "failure": row["failure"],
        "created_at": moment_text(row["created_at"]),
        "changed_at": moment_text(row["changed_at"]),
        "metadata": {"refund_id": row["refund_id"], "case_id": row["case_id"]},
    }
