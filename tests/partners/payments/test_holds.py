"""The provider holds once per id, captures at most what it holds and once, and a capture is a payment of its own."""

from typing import Any

import httpx2

from tests.partners.programs import Program

DAY = 86_400


def held(payments: Program, name: str, amount: int = 1_000) -> str:
    reference = f"pay_{name}"
    body = {"payments": [{"reference": reference, "amount": 10_000, "currency": "EUR"}]}
    assert payments.post("/v1/payments", body).status_code == 200
    answer = hold(payments, name, amount)
    assert answer.status_code == 201, answer.text
    return f"hold_{name}"


def hold(payments: Program, name: str, amount: int = 1_000) -> httpx2.Response:
    metadata = {"hold_id": f"hold_{name}", "case_id": "ret_1"}
    body: dict[str, Any] = {"payment": f"pay_{name}", "amount": amount, "currency": "EUR", "metadata": metadata}
    return payments.post("/v1/holds", body)


def capture(payments: Program, hold_id: str, amount: int) -> httpx2.Response:
    return payments.post(f"/v1/holds/{hold_id}/capture", {"amount": amount})


def refused(answer: httpx2.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_the_same_hold_is_made_once_and_another_under_its_id_is_refused(payments: Program) -> None:
    first = payments.get(f"/v1/holds/{held(payments, 'same')}")
    assert hold(payments, "same").json() == first
    refused(hold(payments, "same", 999), 409, "hold_differs")


def test_a_capture_is_a_payment_of_its_own_that_is_refunded_like_any_other(payments: Program) -> None:
    captured = capture(payments, held(payments, "own"), 700).json()
    assert (captured["status"], captured["captured"]) == ("captured", 700)
    reference = captured["captured_payment"]
    assert payments.get(f"/v1/payments/{reference}")["amount"] == 700
    assert payments.get("/v1/payments/pay_own")["refunded"] == 0
    metadata = {"refund_id": "rf_cap", "case_id": "ret_1"}
    body = {"payment": reference, "amount": 700, "currency": "EUR", "metadata": metadata}
    assert payments.post("/v1/refunds", body, **{"Idempotency-Key": "rf_cap"}).status_code == 201


def test_it_is_captured_once_and_never_for_more_than_is_held(payments: Program) -> None:
    hold_id = held(payments, "once")
    refused(capture(payments, hold_id, 1_001), 402, "over_capture")
    assert capture(payments, hold_id, 600).json() == capture(payments, hold_id, 600).json()
    refused(capture(payments, hold_id, 400), 409, "hold_captured")
    refused(payments.post(f"/v1/holds/{hold_id}/release", {}), 409, "hold_captured")


def test_what_was_let_go_of_or_is_over_cannot_be_captured(payments: Program) -> None:
    gone, old = held(payments, "gone"), held(payments, "old")
    for _ in range(2):
        assert payments.post(f"/v1/holds/{gone}/release", {}).json()["status"] == "released"
    refused(capture(payments, gone, 1), 409, "hold_released")
    payments.post("/admin/clock", {"seconds": 32 * DAY})
    assert payments.get(f"/v1/holds/{old}")["status"] == "ended"
    refused(capture(payments, old, 1), 409, "hold_ended")
    assert payments.post(f"/v1/holds/{old}/release", {}).json()["status"] == "released"


def test_an_empty_card_holds_nothing(payments: Program) -> None:
    held(payments, "full")
    payments.knobs(card_empty={"next": 1})
    payments.post("/v1/payments", {"payments": [{"reference": "pay_empty", "amount": 1, "currency": "EUR"}]})
    refused(hold(payments, "empty"), 402, "card_declined")
    assert httpx2.codes.is_success(hold(payments, "empty").status_code), "it was refused, not remembered"


def test_a_lost_answer_has_captured(payments: Program) -> None:
    hold_id = held(payments, "lost")
    payments.knobs(lose_capture={"next": 1})
    assert capture(payments, hold_id, 1_000).status_code == 500
    assert payments.get(f"/v1/holds/{hold_id}")["status"] == "captured"
    payments.knobs(fail_capture={"next": 1})
    other = held(payments, "other")
    assert capture(payments, other, 1_000).status_code == 500
    assert payments.get(f"/v1/holds/{other}")["status"] == "held"
