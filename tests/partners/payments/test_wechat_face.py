"""The WeChat-shaped face, asked in plain HTTP: accepted first, one number for good, refusals as published."""

from typing import Any

import httpx2

from tests.partners.payments.test_refunds import DAY, capture
from tests.partners.programs import Program, until

REFUNDS = "/wechat/v3/refund/domestic/refunds"


def ask(payments: Program, number: str, payment: str, amount: int = 100, **vary: Any) -> httpx2.Response:
    wanted = {"refund": amount, "total": 10_000, "currency": "CNY"} | vary
    return payments.post(REFUNDS, {"transaction_id": payment, "out_refund_no": number, "amount": wanted})


def refused(answer: httpx2.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def standing(payments: Program, number: str) -> str:
    return str(payments.get(f"{REFUNDS}/{number}")["status"])


def test_accepted_is_not_paid_and_the_result_is_asked_for(payments: Program) -> None:
    capture(payments, "42_accepted", currency="CNY")
    payments.knobs(status_later={"next": 1, "seconds": DAY})
    assert ask(payments, "n_accepted", "42_accepted").json()["status"] == "PROCESSING"
    assert standing(payments, "n_accepted") == "PROCESSING"
    payments.advance(DAY)
    until(lambda: standing(payments, "n_accepted") == "SUCCESS", "the refund to succeed")


def test_a_number_is_paid_once_for_good(payments: Program) -> None:
    capture(payments, "42_once", currency="CNY")
    first = ask(payments, "n_once", "42_once").json()
    payments.advance(30 * DAY)
    until(lambda: standing(payments, "n_once") == "SUCCESS", "the refund to succeed")
    assert ask(payments, "n_once", "42_once").json()["refund_id"] == first["refund_id"]
    refused(ask(payments, "n_once", "42_once", 101), 400, "REFUND_FEE_MISMATCH")
    assert payments.get("/v1/payments/42_once")["refunded"] == 100


def test_what_cannot_be_asked_for_is_refused(payments: Program) -> None:
    capture(payments, "42_asked", currency="CNY")
    refused(ask(payments, "n_asked", "42_nobody"), 404, "RESOURCE_NOT_EXISTS")
    refused(ask(payments, "n_asked", "42_asked", total=9_999), 400, "REFUND_FEE_MISMATCH")
    refused(ask(payments, "n_asked", "42_asked", 10_001), 400, "REFUND_FEE_EXCEEDED")
    refused(ask(payments, "n_asked", "42_asked", 0), 400, "PARAM_ERROR")
    refused(ask(payments, "no number", "42_asked"), 400, "PARAM_ERROR")
    refused(payments.client.get(f"{REFUNDS}/n_asked"), 404, "RESOURCE_NOT_EXISTS")
    refused(payments.client.get("/wechat/v3/profile"), 404, "INVALID_REQUEST")
    refused(httpx2.get(f"{payments.url}{REFUNDS}/n_asked", trust_env=False), 401, "SIGN_ERROR")
    assert payments.get("/v1/payments/42_asked")["refunded"] == 0


def test_nothing_is_kept_of_a_refusal(payments: Program) -> None:
    capture(payments, "42_short", currency="CNY")
    payments.knobs(balance_short={"next": 1})
    refused(ask(payments, "n_short", "42_short"), 403, "NOT_ENOUGH")
    assert ask(payments, "n_short", "42_short").status_code == 200
    refused(ask(payments, "n_short_2", "42_short"), 429, "FREQUENCY_LIMITED")
    payments.advance(60)
    assert ask(payments, "n_short_2", "42_short").status_code == 200
