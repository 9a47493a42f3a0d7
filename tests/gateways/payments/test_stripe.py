"""Stripe's own client against Stripe's shape: what its answers mean, whose its events are, and a smoke test on localstripe."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stripe

from gateways.errors import (
    ForgedEvent,
    GatewayError,
    MalformedEvent,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnreachable,
)
from gateways.http import PartnerAddress
from gateways.payments.base import ProviderStatus, RefundOrder, RefundRefused, RefundRules
from gateways.payments.stripe import StripePayments
from partners.payments.stripe_face import StripeEvents, refund_object
from ports import free_port
from tests.gateways.conftest import PaymentsUnderTest
from tests.gateways.test_http import answering
from tests.partners.programs import SECRET, until

ORDER = RefundOrder("rf_1", "pi_1", 1_000, "EUR", "ret_1")
PAYMENT = json.dumps({"id": "pi_1", "object": "payment_intent", "currency": "eur", "amount": 10_000}).encode()


def at(url: str, **vary: Any) -> StripePayments:
    return StripePayments(PartnerAddress(url, "rk_test_1", SECRET), **vary)


def a_refund(**vary: Any) -> dict[str, Any]:
    shown = {
        "id": "pr_1",
        "payment": "pi_1",
        "amount": 1_000,
        "currency": "EUR",
        "status": "succeeded",
        "failure": None,
        "created_at": "2026-03-01T09:00:00.000Z",
        "changed_at": "2026-03-01T09:00:00.000Z",
        "metadata": {"refund_id": "rf_1", "case_id": "ret_1"},
    }
    return refund_object(shown) | vary


def in_stripes_form(kind: str, code: str | None = None, message: str = "No.") -> bytes:
    return json.dumps({"error": {"type": kind, "code": code, "message": message}}).encode()


ANSWERS: dict[str, tuple[int, bytes, type[GatewayError], str]] = {
    "an invalid request": (
        400,
        in_stripes_form("invalid_request_error", "charge_disputed"),
        RefundRefused,
        "charge_disputed",
    ),
    "an invalid request without a code": (
        400,
        in_stripes_form("invalid_request_error"),
        RefundRefused,
        "invalid_request_error",
    ),
    "a card that takes nothing back": (
        402,
        in_stripes_form("card_error", "expired_card"),
        RefundRefused,
        "expired_card",
    ),
    "a key reused": (400, in_stripes_form("idempotency_error"), RefundRefused, "idempotency_key_reused"),
    "still running": (
        409,
        in_stripes_form("idempotency_error", "idempotency_key_in_use"),
        OutcomeUnknown,
        "in_progress",
    ),
    "another conflict": (409, in_stripes_form("invalid_request_error", "lock"), OutcomeUnknown, "outcome_unknown"),
    "not our key": (401, in_stripes_form("invalid_request_error"), ProviderUnreachable, "not_admitted"),
    "not our right": (403, in_stripes_form("invalid_request_error"), ProviderUnreachable, "not_admitted"),
    "too fast": (429, in_stripes_form("invalid_request_error", "rate_limit"), ProviderUnreachable, "slow_down"),
    "locked": (429, in_stripes_form("invalid_request_error", "lock_timeout"), ProviderUnreachable, "slow_down"),
    "a key of the other mode": (
        404,
        in_stripes_form(
            "invalid_request_error", "resource_missing", "No such charge; a similar object exists in test mode"
        ),
        ProviderUnreachable,
        "not_admitted",
    ),
    "broken there": (500, in_stripes_form("api_error"), OutcomeUnknown, "outcome_unknown"),
    "broken on the way": (502, b"<html>Bad gateway</html>", OutcomeUnknown, "outcome_unknown"),
    "another address": (302, b"", OutcomeUnknown, "outcome_unknown"),
    "somebody else's page": (404, b"<html>Not found</html>", OutcomeUnknown, "outcome_unknown"),
    "somebody else's no": (404, b'{"error": "not found"}', OutcomeUnknown, "unreadable_answer"),
    "a no in nobody's form": (404, b'{"error": {"why": "not"}}', OutcomeUnknown, "outcome_unknown"),
    "not JSON": (200, b"yes", OutcomeUnknown, "outcome_unknown"),
    "not a refund": (200, b'{"object": "customer", "id": "cus_1"}', OutcomeUnknown, "unreadable_answer"),
}


@pytest.mark.parametrize(("status", "body", "kind", "code"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_means_what_may_be_done_next(status: int, body: bytes, kind: type[GatewayError], code: str) -> None:
    with answering(status, body, looked_at=PAYMENT) as (url, asked), pytest.raises(kind) as said:
        at(url).refund(ORDER)
    assert (type(said.value), said.value.code) == (kind, code)
    assert asked == ["/v1/payment_intents/pi_1", "/v1/refunds"], "looked at, asked once"


def test_an_answer_that_breaks_off_or_never_comes_is_unknown() -> None:
    half = json.dumps(a_refund()).encode()
    with answering(200, half, length=5_000, looked_at=PAYMENT) as (url, asked):
        with pytest.raises(OutcomeUnknown):
            at(url, read_seconds=0.3).refund(ORDER)
        assert asked.count("/v1/refunds") == 1, "the client itself tries nothing again"


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 999},
        {"currency": "usd"},
        {"metadata": {"refund_id": "rf_2"}},
        {"payment_intent": "pi_2", "charge": "ch_2"},
    ],
    ids=["amount", "currency", "id", "payment"],
)
def test_an_answer_about_another_refund_is_not_taken_for_ours(other: dict[str, Any]) -> None:
    answer = json.dumps(a_refund(**other)).encode()
    with answering(200, answer, looked_at=PAYMENT) as (url, _), pytest.raises(OutcomeUnknown) as said:
        at(url).refund(ORDER)
    assert said.value.code == "other_refund"


@pytest.mark.parametrize(
    ("word", "told", "failure"),
    [
        ("pending", ProviderStatus.PENDING, None),
        ("requires_action", ProviderStatus.PENDING, None),
        ("succeeded", ProviderStatus.SUCCEEDED, None),
        ("failed", ProviderStatus.FAILED, "lost_or_stolen_card"),
        ("canceled", ProviderStatus.FAILED, "canceled"),
    ],
)
def test_stripes_words_for_how_a_refund_stands(word: str, told: ProviderStatus, failure: str | None) -> None:
    reason = "lost_or_stolen_card" if word == "failed" else None
    page = {"object": "list", "has_more": False, "data": [a_refund(status=word, failure_reason=reason)]}
    with answering(200, json.dumps(page).encode()) as (url, _):
        found = at(url).find_refund("rf_1", "pi_1")
    assert found is not None
    assert (found.status, found.failure) == (told, failure)


def test_a_word_that_is_not_known_is_not_guessed() -> None:
    page = {"object": "list", "has_more": False, "data": [a_refund(status="reversed")]}
    with answering(200, json.dumps(page).encode()) as (url, _), pytest.raises(OutcomeUnknown):
        at(url).find_refund("rf_1", "pi_1")


def test_a_list_that_goes_round_in_circles_is_not_followed() -> None:
    page = {"object": "list", "url": "/v1/refunds", "has_more": True, "data": [a_refund()]}
    with answering(200, json.dumps(page).encode()) as (url, asked), pytest.raises(OutcomeUnknown):
        at(url).find_refund("rf_1", "pi_1")
    assert len(asked) == 2


def test_a_refund_found_twice_and_one_of_them_failed_is_the_one_that_stands() -> None:
    both = [a_refund(id="re_2"), a_refund(id="re_1", status="failed", failure_reason="declined")]
    page = {"object": "list", "has_more": False, "data": both}
    with answering(200, json.dumps(page).encode()) as (url, _):
        found = at(url).find_refund("rf_1", "pi_1")
    assert found is not None
    assert found.provider_id == "re_2"


@pytest.mark.parametrize("what", ["find", "list"])
def test_a_refused_look_up_is_no_refused_refund(what: str) -> None:
    with answering(400, in_stripes_form("invalid_request_error", "api_key_expired")) as (url, _):
        gateway = at(url)
        with pytest.raises(ProviderRefused) as refused:
            gateway.find_refund("rf_1", "pi_1") if what == "find" else list(gateway.list_refunds())
    assert not isinstance(refused.value, RefundRefused)


def test_a_payment_is_named_by_its_intent_or_its_charge(stripe_at: PaymentsUnderTest) -> None:
    intent = stripe_at.captured("by_charge")
    by_charge = RefundOrder("rf_by_charge", f"ch_{intent[3:]}", 100, "EUR", "ret_1")
    paid = stripe_at.gateway.refund(by_charge)
    assert paid.payment_reference == by_charge.payment_reference
    assert stripe_at.gateway.find_refund("rf_by_charge", by_charge.payment_reference) == paid
    assert stripe_at.gateway.find_refund("rf_by_charge", intent) == replace(paid, payment_reference=intent)


@pytest.mark.parametrize("kind", ["ch_", "py_"])
def test_a_charge_without_an_intent_is_refunded(stripe_at: PaymentsUnderTest, kind: str) -> None:
    reference = f"{kind}alone"
    body = {"payments": [{"reference": reference, "amount": 500, "currency": "EUR"}]}
    assert stripe_at.partner.post("/v1/payments", body).status_code == 200
    paid = stripe_at.gateway.refund(RefundOrder(f"rf_{kind}alone", reference, 500, "EUR", "ret_1"))
    assert (paid.payment_reference, paid.status) == (reference, ProviderStatus.SUCCEEDED)


def test_crowns_are_paid_in_stripes_units_and_told_in_ours(stripe_at: PaymentsUnderTest) -> None:
    reference = stripe_at.captured("crowns", 500_000, "ISK")  # as Stripe writes 5,000 crowns
    paid = stripe_at.gateway.refund(RefundOrder("rf_crowns", reference, 1_200, "ISK", "ret_1"))
    assert (paid.amount_minor, paid.currency) == (1_200, "ISK")
    assert stripe_at.partner.get(f"/v1/payments/{reference}")["refunded"] == 120_000


def test_crowns_that_do_not_look_as_we_think_are_not_paid(stripe_at: PaymentsUnderTest) -> None:
    reference = stripe_at.captured("odd_crowns", 5_001, "ISK")
    with pytest.raises(RefundRefused) as refused:
        stripe_at.gateway.refund(RefundOrder("rf_odd_crowns", reference, 10, "ISK", "ret_1"))
    assert refused.value.code == "amount_not_representable"
    assert stripe_at.partner.get(f"/v1/payments/{reference}")["refunded"] == 0


def test_a_fraction_stripe_cannot_pay_is_refused_before_anything_is_sent() -> None:
    with answering(500, b"") as (url, asked), pytest.raises(RefundRefused):
        at(url).refund(replace(ORDER, amount_minor=12_345, currency="KWD"))
    assert asked == []


def test_a_refund_made_in_stripes_own_pages_is_listed_and_told_without_an_id_of_ours(
    stripe_at: PaymentsUnderTest,
) -> None:
    reference = stripe_at.captured("by_hand")
    by_hand = stripe.StripeClient("key-for-tests", base_addresses={"api": stripe_at.url})
    made = by_hand.v1.refunds.create({"payment_intent": reference, "amount": 70})
    (listed,) = stripe_at.gateway.list_refunds(reference)
    assert (listed.provider_id, listed.refund_id, listed.amount_minor) == (made.id, "", 70)
    (heard,) = stripe_at.ear.hears(made.id)
    event = stripe_at.gateway.read_event(heard.raw, heard.headers)
    assert event is not None
    assert (event.refund_id, event.provider_id) == ("", made.id)


def signed(body: Any, *, secret: str = SECRET, minutes: float = 0) -> tuple[bytes, dict[str, str]]:
    raw = json.dumps(body)
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    headers = StripeEvents(secret).headers("evt_1", moment, raw)
    return raw.encode(), {"Stripe-Signature": headers["stripe-signature"]}


def an_event(kind: str = "refund.updated", **refund: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": 1_772_355_600,
        "data": {"object": a_refund(**refund)},
    }


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
def test_every_event_of_a_refund_is_read(kind: str) -> None:
    event = at("http://127.0.0.1:1").read_event(*signed(an_event(kind, status="failed", failure_reason="declined")))
    assert event is not None
    assert (event.type, event.refund_id, event.status, event.failure) == (
        kind,
        "rf_1",
        ProviderStatus.FAILED,
        "declined",
    )
    assert event.at == datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["charge.refunded", "payment_intent.succeeded", "invoice.paid"])
def test_an_event_of_anything_else_is_no_fault_and_no_news(kind: str) -> None:
    other = {"id": "evt_1", "object": "event", "type": kind, "created": 1, "data": {"object": {"id": "x"}}}
    assert at("http://127.0.0.1:1").read_event(*signed(other)) is None


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"id": "evt_1"},
        an_event(status="reversed"),
        an_event(amount="1000"),
        an_event(amount=-1),
        an_event(currency="EUR"),
    ],
    ids=["a list", "half", "an unknown status", "an amount in letters", "less than nothing", "capital letters"],
)
def test_a_signed_event_that_cannot_be_read_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedEvent):
        at("http://127.0.0.1:1").read_event(*signed(body))


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=00", "t=soon,v1=00", "t=1,v0=00", "t=1772355600,v1=é", "t=-1,v1=", ",,=,"],
)
def test_a_signature_that_is_none_is_forged(header: str) -> None:
    raw, _ = signed(an_event())
    for body in (raw, b"\xff\xfe"):
        with pytest.raises(ForgedEvent):
            at("http://127.0.0.1:1").read_event(body, {"stripe-signature": header})


def test_stripe_publishes_no_limits(stripe_at: PaymentsUnderTest) -> None:
    assert stripe_at.gateway.rules == RefundRules()


# --- localstripe: somebody else's idea of Stripe. It ignores keys, refunds more than was paid and sends no events of refunds,
# --- so it says only that the client, our calls and our reading agree with it.


@contextmanager
def localstripe(folder: Path) -> Iterator[str]:
    port = free_port()
    with (folder / "localstripe.log").open("wb") as log:
        words = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(url), "localstripe to answer", 20)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return (
            httpx2.get(f"{url}/v1/refunds", headers={"Authorization": "Bearer sk_test_1"}, trust_env=False).status_code
            == 200
        )
    except httpx2.TransportError:
        return False


# Optional and not locked: it comes as source, is no proof by itself (it ignores keys and pays too much), and Stripe's face of the
# simulated provider is tried in every run.
@pytest.mark.skipif(
    importlib.util.find_spec("localstripe") is None,
    reason="localstripe is not installed: pip install localstripe==1.15.10",
)
def test_a_refund_on_localstripe(tmp_path: Path) -> None:
    with localstripe(tmp_path) as url:
        shop = stripe.StripeClient("sk_test_12345", base_addresses={"api": url})
        card: Any = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2030", "cvc": "123"}
        method = shop.v1.payment_methods.create({"type": "card", "card": card})
        customer = shop.v1.customers.create({"email": "ada@shop.example"})
        shop.v1.payment_methods.attach(method.id, {"customer": customer.id})
        intent = shop.v1.payment_intents.create(
            {"amount": 5_000, "currency": "eur", "customer": customer.id, "payment_method": method.id, "confirm": True}
        )
        gateway = StripePayments(PartnerAddress(url, "sk_test_12345", SECRET))
        wanted = RefundOrder("rf_local", intent.id, 1_200, "EUR", "ret_1")
        assert gateway.find_refund("rf_local", intent.id) is None
        paid = gateway.refund(wanted)
        assert (paid.status, paid.amount_minor, paid.payment_reference) == (ProviderStatus.SUCCEEDED, 1_200, intent.id)
        assert gateway.find_refund("rf_local", intent.id) == paid
        assert list(gateway.list_refunds(intent.id)) == [paid]
        assert [one.provider_id for one in gateway.list_refunds()] == [paid.provider_id]
        with pytest.raises(RefundRefused) as refused:
            gateway.refund(replace(wanted, refund_id="rf_local_2", currency="USD"))
        assert refused.value.code == "currency_differs"
        gateway.close()
