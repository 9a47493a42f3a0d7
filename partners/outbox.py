"""Signed events to the house: kept in the books with the fact they tell, and sent until they are accepted.

Standard Webhooks 1.0, unless the partner has a tongue of its own. By itself a partner tells the events of one subject in
their order and each once; the knobs make it tell them twice, late, in the wrong order or never, as real ones do. An event
that was not accepted (2xx) is sent again, after half a second at first and at most a minute later in the end, for as long
as it takes.
"""

import asyncio
import json
import secrets
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx2
from standardwebhooks import Webhook

from partners.alarm import Alarm
from partners.books import Books, moment_text
from partners.knobs import Knobs

EVENTS_TABLE = """
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dropped')),
    held TEXT NOT NULL CHECK (held IN ('', 'late', 'reordered')),
    copies INTEGER NOT NULL CHECK (copies >= 0),
    attempts INTEGER NOT NULL DEFAULT 0,
    last_answer TEXT,
    due_at REAL NOT NULL,
    recorded_at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_waiting ON events (due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS events_waiting_of_subject ON events (subject, sequence) WHERE state = 'waiting';
"""

EVENT_KNOBS = {
    "duplicate_events": "an event is sent `count` more times, at the same moment",
    "delay_events": "an event is sent `seconds` late (5)",
    "reorder_events": "an event is sent after the next one of its subject, or after `seconds` (5) when none comes",
    "drop_events": "an event is never sent",
}

AT_ONCE = 16
ANSWER_SECONDS = 10.0
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 60.0

# An event whose elder of the same subject was not tried yet waits for it, unless the elder is held back on purpose.
DUE = """
SELECT * FROM events AS event WHERE state = 'waiting' AND due_at <= ?
AND NOT EXISTS (SELECT 1 FROM events AS elder WHERE elder.subject = event.subject AND elder.state = 'waiting'
    AND elder.sequence < event.sequence AND elder.attempts = 0 AND elder.held = '')
ORDER BY due_at, sequence LIMIT ?
"""


class Tongue(Protocol):
    """How a partner words its events and signs them."""

    def body(self, event_id: str, kind: str, now: float, data: dict[str, Any]) -> dict[str, Any] | None:
        """The event as it will be sent; None when this partner says nothing of such a thing."""
        ...

    def headers(self, event_id: str, moment: datetime, body: str) -> dict[str, str]:
        """What is sent beside the body, its signature among it."""
        ...


class StandardWebhooks:
    """Events as Standard Webhooks 1.0 has them: `{"id", "type", "timestamp", "data"}`, signed over id, moment and body."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    def body(self, event_id: str, kind: str, now: float, data: dict[str, Any]) -> dict[str, Any] | None:
        return {"id": event_id, "type": kind, "timestamp": moment_text(now), "data": data}

    def headers(self, event_id: str, moment: datetime, body: str) -> dict[str, str]:
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._webhook.sign(event_id, moment, body),
        }


class Outbox:
    """The events of one partner. Without an address they are kept and wait."""

    def __init__(self, books: Books, knobs: Knobs, *, url: str | None, tongue: Tongue) -> None:
        self._books = books
        self._knobs = knobs
        self._url = url
        self._tongue = tongue
        self._client = httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False, follow_redirects=False)
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._not_before = 0.0
        self.alarm = Alarm(self._send_due)

    def record(self, kind: str, subject: str, data: dict[str, Any]) -> str:
        """Note one event, within the transaction of the fact it tells. Says its id, also of one that is not told."""
        now = self._books.now()
        event_id = f"evt_{secrets.token_hex(12)}"
        body = self._tongue.body(event_id, kind, now, data)
        if body is None:
            return event_id
        state, held, copies, due_at = "waiting", "", 1, now
        if rule := self._knobs.strikes("duplicate_events", subject):
            copies += rule.count
        if rule := self._knobs.strikes("delay_events", subject):
            held, due_at = "late", now + rule.seconds_or(5.0)
        if rule := self._knobs.strikes("reorder_events", subject):
            held, due_at = "reordered", now + rule.seconds_or(5.0)
        if self._knobs.strikes("drop_events", subject):
            state = "dropped"
        self._books.write(
            "INSERT INTO events (id, subject, type, body, state, held, copies, due_at, recorded_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(event_id, subject, kind, json.dumps(body), state, held, copies, due_at, now),
        )
        self.alarm.ring()
        return event_id

    def waiting(self, limit: int = 1000) -> dict[str, Any]:
        """What was not accepted yet, oldest first, and how many events stand in which state."""
        rows = self._books.all("SELECT * FROM events WHERE state = 'waiting' ORDER BY sequence LIMIT ?", limit)
        counts = self._books.all("SELECT state, COUNT(*) AS events FROM events GROUP BY state")
        return {
            "counts": {"waiting": 0, "delivered": 0, "dropped": 0} | {row["state"]: row["events"] for row in counts},
            "waiting": [
                {
                    "id": row["id"],
                    "type": row["type"],
                    "subject": row["subject"],
                    "attempts": row["attempts"],
                    "last_answer": row["last_answer"],
                    "held": row["held"] or None,
                    "due_at": moment_text(row["due_at"]),
                }
                for row in rows
            ],
        }

    async def close(self) -> None:
        """Stop sending; what was under way is sent again by the next start."""
        for task in list(self._sending.values()):
            task.cancel()
        await asyncio.gather(*self._sending.values(), return_exceptions=True)
        await self._client.aclose()

    def _send_due(self) -> float | None:
        if self._url is None:
            return None
        now = self._books.now()
        if now < self._not_before:
            return self._not_before - now
        for row in self._books.all(DUE, now, AT_ONCE + len(self._sending)):
            if len(self._sending) >= AT_ONCE:
                return None  # whoever is done first rings
            if row["sequence"] not in self._sending:
                task = asyncio.create_task(self._send(dict(row)))
                self._sending[row["sequence"]] = task
        next_due = self._books.one("SELECT MIN(due_at) AS at FROM events WHERE state = 'waiting' AND due_at > ?", now)
        return None if next_due is None or next_due["at"] is None else next_due["at"] - now

    async def _send(self, event: dict[str, Any]) -> None:
        try:
            answers = await asyncio.gather(*(self._post(event) for _ in range(event["copies"])))
            self._note(event, answers)
        finally:
            del self._sending[event["sequence"]]
            self.alarm.ring()

    async def _post(self, event: dict[str, Any]) -> str:
        # Signed with the machine's clock, whatever the partner's own shows: receivers refuse what looks old.
        moment = datetime.now(UTC)
        signed = self._tongue.headers(event["id"], moment, event["body"])
        headers = {"content-type": "application/json", **signed}
        try:
            async with self._client.stream("POST", str(self._url), content=event["body"], headers=headers) as answer:
                return str(answer.status_code)
        except Exception as fault:
            # Whatever it was, the event was not accepted and is due again.
            return type(fault).__name__

    def _note(self, event: dict[str, Any], answers: list[str]) -> None:
        refused = [answer for answer in answers if not answer.startswith("2")]
        now = self._books.now()
        if not refused:
            with self._books.transaction():
                self._books.write(
                    "UPDATE events SET state = 'delivered', copies = 0, attempts = attempts + 1, last_answer = ? "
                    "WHERE sequence = ?",
                    *(answers[-1], event["sequence"]),
                )
                self._books.write(
                    "UPDATE events SET due_at = ? "
                    "WHERE state = 'waiting' AND held = 'reordered' AND subject = ? AND sequence < ?",
                    *(now, event["subject"], event["sequence"]),
                )
            return
        pause = min(FIRST_RETRY_SECONDS * 2 ** min(event["attempts"], 10), LAST_RETRY_SECONDS)
        self._books.write(
            "UPDATE events SET copies = ?, attempts = attempts + 1, last_answer = ?, due_at = ? WHERE sequence = ?",
            *(len(refused), refused[-1], now + pause, event["sequence"]),
        )
        if refused[-1] == "ConnectError":
            # Nobody is there: do not spend a try of every waiting event on finding that out.
            self._not_before = now + FIRST_RETRY_SECONDS
