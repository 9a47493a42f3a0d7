"""The Stripe-shaped face, asked in plain HTTP: the same books, and answers as Stripe words them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from tests.partners.payments.test_refunds import DAY, capture, order, refund
from tests.partners.programs import Program


def ask(payments: Program, key: str | None = None, **form: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return payments.client.post("/stripe/v1/refunds", data=form, headers=headers)


def refused(answer: httpx2.Response, status: int, kind: str, code: str | None) -> str:
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error.get("code")) == (status, kind, code)
    return str(error["message"])


def test_a_refund_stands_in_the_same_books(payments: Program) -> None:
    capture(payments, "pi_books")
    metadata = {"metadata[refund_id]": "rf_books", "metadata[case_id]": "ret_1"}
    made = ask(payments, "rf_books", payment_intent="pi_books", amount="300", **metadata)
    assert made.status_code == 200
    assert made.headers["request-id"].startswith("req_")
    shown = made.json()
    assert (shown["object"], shown["amount"], shown["currency"], shown["status"]) == ("refund", 300, "eur", "succeeded")
    assert (shown["payment_intent"], shown["charge"]) == ("pi_books", "ch_books")
    assert shown["metadata"] == {"refund_id": "rf_books", "case_id": "ret_1"}
    assert payments.client.get(f"/stripe/v1/refunds/{shown['id']}").json() == shown
    (plain,) = payments.get("/v1/refunds", refund_id="rf_books")["data"]
    assert (plain["amount"], plain["payment"]) == (300, "pi_books")
    assert payments.get("/v1/payments/pi_books")["refunded"] == 300


def test_the_same_key_replays_and_another_request_under_it_is_an_idempotency_error(payments: Program) -> None:
    capture(payments, "pi_key")
    first = ask(payments, "k_1", payment_intent="pi_key", amount="100")
    again = ask(payments, "k_1", payment_intent="pi_key", amount="100")
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    refused(ask(payments, "k_1", payment_intent="pi_key", amount="101"), 400, "idempotency_error", None)
    assert payments.get("/v1/payments/pi_key")["refunded"] == 100


def test_the_same_key_while_the_first_runs_is_a_conflict(payments: Program) -> None:
    capture(payments, "pi_runs")
    payments.knobs(delay={"next": 1, "seconds": 0.3})
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ask(payments, "k_runs", payment_intent="pi_runs", amount="100"), range(4)))
    early = [answer for answer in answers if answer.status_code != 200]
    assert early
    for answer in early:
        refused(answer, 409, "idempotency_error", "idempotency_key_in_use")
    assert payments.get("/v1/payments/pi_runs")["refunded"] == 100


def test_more_than_is_left_is_refused_in_stripes_words(payments: Program) -> None:
    capture(payments, "pi_over", 1_000)
    ask(payments, "k_over", payment_intent="pi_over", amount="400")
    too_large = ask(payments, "k_over_2", payment_intent="pi_over", amount="601")
    assert "greater than unrefunded amount" in refused(too_large, 400, "invalid_request_error", "amount_too_large")
    ask(payments, "k_over_3", payment_intent="pi_over", amount="600")
    nothing_left = ask(payments, "k_over_4", charge="ch_over", amount="1")
    said = refused(nothing_left, 400, "invalid_request_error", "charge_already_refunded")
    assert said == "Charge ch_over has already been refunded."
    assert refused(
        ask(payments, "k_over_2", payment_intent="pi_over", amount="601"),
        400,
        "invalid_request_error",
        "amount_too_large",
    )


def test_what_cannot_be_asked_for_is_refused_in_stripes_words(payments: Program) -> None:
    capture(payments, "pi_asked")
    capture(payments, "pay_not_stripes")
    kind = "invalid_request_error"
    missing = refused(ask(payments, "k", payment_intent="pi_nobody", amount="1"), 404, kind, "resource_missing")
    assert missing == "No such payment_intent: 'pi_nobody'"
    refused(ask(payments, "k", charge="pay_not_stripes", amount="1"), 404, kind, "resource_missing")
    refused(ask(payments, "k", amount="1"), 400, kind, "parameter_missing")
    refused(ask(payments, "k", payment_intent="pi_asked"), 400, kind, "parameter_missing")
    refused(ask(payments, "k", payment_intent="pi_asked", amount="1", colour="red"), 400, kind, "parameter_unknown")
    for amount in ("0", "-1", "1.5", "ten", "²", ""):
        refused(ask(payments, "k", payment_intent="pi_asked", amount=amount), 400, kind, "parameter_invalid_integer")
    refused(payments.client.get("/stripe/v1/refunds/re_nobody"), 404, kind, "resource_missing")
    refused(payments.client.get("/stripe/v1/refunds?limit=1000"), 400, kind, "parameter_invalid_integer")
    refused(payments.client.get("/stripe/v1/customers"), 404, kind, None)
    stranger = httpx2.get(f"{payments.url}/stripe/v1/refunds", trust_env=False)
    refused(stranger, 401, kind, None)


def test_the_list_is_newest_first_and_goes_both_ways(payments: Program) -> None:
    capture(payments, "pi_list")
    ids = [ask(payments, f"k_list_{n}", payment_intent="pi_list", amount="1").json()["id"] for n in range(5)][::-1]

    def page(**asked: Any) -> tuple[list[str], bool]:
        told = payments.client.get(
            "/stripe/v1/refunds", params={"payment_intent": "pi_list", "limit": 2, **asked}
        ).json()
        return [refund["id"] for refund in told["data"]], told["has_more"]

    assert page() == (ids[:2], True)
    assert page(starting_after=ids[1]) == (ids[2:4], True)
    assert page(starting_after=ids[3]) == (ids[4:], False)
    assert page(ending_before=ids[3]) == (ids[1:3], True)
    assert page(ending_before=ids[1]) == (ids[:1], False)


def test_a_fault_strikes_this_face_too_and_a_day_later_the_key_is_new(payments: Program) -> None:
    capture(payments, "pi_fault")
    payments.knobs(fail_after={"next": 1})
    refused(ask(payments, "k_fault", payment_intent="pi_fault", amount="10"), 500, "api_error", None)
    assert ask(payments, "k_fault", payment_intent="pi_fault", amount="10").headers["Idempotent-Replayed"] == "true"
    payments.advance(DAY + 1)
    ask(payments, "k_fault", payment_intent="pi_fault", amount="10")
    assert payments.get("/v1/payments/pi_fault")["refunded"] == 20


def test_a_key_of_one_face_counts_on_the_other(payments: Program) -> None:
    capture(payments, "pi_both")
    assert refund(payments, order("pi_both", "rf_both")).status_code == 201
    metadata = {"metadata[refund_id]": "rf_both", "metadata[case_id]": "ret_1"}
    again = ask(payments, "rf_both", payment_intent="pi_both", amount="1000", **metadata)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert payments.get("/v1/payments/pi_both")["refunded"] == 1_000
