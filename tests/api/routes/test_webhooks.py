"""What partners send: believed by signature alone, stored once however often it comes, and without effect when it is wrong."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from partners.payments.stripe_face import StripeEvents
from tests.api.doors import Doors, is_problem
from tests.api.routes.test_returns import at_once
from tests.partners.programs import OTHER_SECRET, SECRET

AT = "2026-03-01T09:00:00.000Z"
CARRIER, PAYMENT = "/v1/webhooks/carriers/simulated", "/v1/webhooks/payments/simulated"


def refund_event(event_id: str, **changed: Any) -> bytes:
    refund = {
        "id": "pr_1",
        "payment": "pay_1",
        "amount": 1000,
        "currency": "EUR",
        "status": "failed",
        "failure": "returned_by_bank",
        "metadata": {"refund_id": "rf_unknown", "case_id": "ret_1"},
    }
    event = {"id": event_id, "type": "refund.failed", "timestamp": AT, "data": {"refund": refund}}
    return json.dumps(event | changed).encode()


def send(
    doors: Doors, path: str, raw: bytes, *, event_id: str = "evt_1", secret: str = SECRET, minutes: float = 0
) -> httpx2.Response:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    signature = Webhook(secret).sign(event_id, moment, raw.decode())
    signed = {"webhook-id": event_id, "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}
    return doors.post(path, raw=raw, role=None, key=None, headers=signed)


def test_a_signed_event_is_stored_once_and_answered_each_time(doors: Doors) -> None:
    before = doors.rows()["inbox"]
    answers = [send(doors, PAYMENT, refund_event("evt_a"), event_id="evt_a") for _ in range(3)]
    assert [(answer.status_code, answer.json()["new"]) for answer in answers] == [
        (200, True),
        (200, False),
        (200, False),
    ]
    assert doors.rows()["inbox"] == before + 1


def test_an_event_that_comes_many_times_at_once_is_stored_once(doors: Doors) -> None:
    before = doors.rows()["inbox"]
    answers = at_once(*[lambda: send(doors, PAYMENT, refund_event("evt_b"), event_id="evt_b")] * 8)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert sum(answer.json()["new"] for answer in answers) == 1
    assert doors.rows()["inbox"] == before + 1


FORGED: dict[str, dict[str, Any]] = {
    "under another secret": {"secret": OTHER_SECRET},
    "an old one played again": {"minutes": -6},
    "one from the future": {"minutes": 6},
}


@pytest.mark.parametrize("how", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("path", [CARRIER, PAYMENT])
def test_a_forged_event_is_refused_logged_and_without_effect(
    doors: Doors, path: str, how: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    before = doors.rows()
    with caplog.at_level(logging.WARNING, "boomerang.api"):
        answer = send(doors, path, refund_event("evt_f"), event_id="evt_f", **how)
    assert is_problem(answer, 401, "event_forged")
    assert doors.rows() == before
    assert [(record.levelname, getattr(record, "code", "")) for record in caplog.records] == [
        ("WARNING", "event_forged")
    ]


def test_an_event_without_a_signature_is_refused(doors: Doors) -> None:
    before = doors.rows()
    answer = doors.post(PAYMENT, raw=refund_event("evt_n"), role=None, key=None)
    assert is_problem(answer, 401, "event_forged")
    assert doors.rows() == before


MALFORMED: dict[str, bytes] = {
    "no JSON": b"{",
    "another form": b'{"id": "evt_m", "hello": 1}',
    "an amount in quotes": refund_event("evt_m").replace(b"1000", b'"1000"'),
    "nothing": b"",
    "an id with NUL": refund_event("evt_m").replace(b"rf_unknown", b"rf_\\u0000"),
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_a_signed_event_that_cannot_be_read_is_refused_logged_and_without_effect(
    doors: Doors, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = doors.rows()
    with caplog.at_level(logging.WARNING, "boomerang.api"):
        answer = send(doors, PAYMENT, raw, event_id="evt_m")
    assert is_problem(answer, 400, "event_malformed")
    assert doors.rows() == before
    assert "event refused" in caplog.text


@pytest.mark.parametrize("path", ["/v1/webhooks/carriers/nobody", "/v1/webhooks/payments/nobody"])
def test_nobody_reports_under_an_unknown_name(doors: Doors, path: str) -> None:
    assert is_problem(send(doors, path, refund_event("evt_1")), 404, "unknown_partner")


def test_an_event_beyond_all_measure_is_not_read(doors: Doors) -> None:
    assert is_problem(doors.post(PAYMENT, raw=b"x" * (1024 * 1024 + 1), role=None, key=None), 413, "body_too_large")


def send_as_stripe(doors: Doors, event: dict[str, Any], *, minutes: float = 0) -> httpx2.Response:
    raw = json.dumps(event)
    headers = StripeEvents(SECRET).headers(event["id"], datetime.now(UTC) + timedelta(minutes=minutes), raw)
    return doors.post("/v1/webhooks/payments/stripe", raw=raw.encode(), role=None, key=None, headers=headers)


def stripe_event(event_id: str, kind: str, shown: dict[str, Any]) -> dict[str, Any]:
    return {"id": event_id, "object": "event", "type": kind, "created": 1_772_355_600, "data": {"object": shown}}


A_REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 1000,
    "currency": "eur",
    "status": "succeeded",
    "payment_intent": "pi_1",
    "charge": "ch_1",
    "metadata": {"refund_id": "rf_unknown"},
}


def test_each_provider_reports_at_its_own_door_in_its_own_way(doors: Doors) -> None:
    before = doors.rows()["inbox"]
    event = stripe_event("evt_stripe_1", "refund.updated", A_REFUND)
    answers = [send_as_stripe(doors, event) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"stored": True, "new": True}),
        (200, {"stored": True, "new": False}),
    ]
    assert doors.rows()["inbox"] == before + 1
    assert is_problem(send_as_stripe(doors, event, minutes=-6), 401, "event_forged")
    assert is_problem(send(doors, "/v1/webhooks/payments/stripe", refund_event("evt_1")), 401, "event_forged")


def test_an_event_about_something_else_is_taken_and_not_kept(doors: Doors) -> None:
    """A refusal would have the provider send it for days, and in the end send nothing at all any more."""
    before = doors.rows()
    answer = send_as_stripe(doors, stripe_event("evt_stripe_2", "invoice.paid", {"id": "in_1", "object": "invoice"}))
    assert (answer.status_code, answer.json()) == (200, {"stored": False, "new": False})
    assert doors.rows() == before
