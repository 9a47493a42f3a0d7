"""The provider pays once per key, never more than was captured, and its books outlive it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.partners.programs import Ear, Program, running, until

DAY = 86_400


def capture(payments: Program, reference: str, amount: int = 10_000, currency: str = "EUR") -> str:
    body = {"payments": [{"reference": reference, "amount": amount, "currency": currency}]}
    assert payments.post("/v1/payments", body).status_code == 200
    return reference


def order(payment: str, refund_id: str, amount: int = 1_000, currency: str = "EUR") -> dict[str, Any]:
    metadata = {"refund_id": refund_id, "case_id": "ret_1"}
    return {"payment": payment, "amount": amount, "currency": currency, "metadata": metadata}


def refund(payments: Program, body: dict[str, Any]) -> httpx2.Response:
    return payments.post("/v1/refunds", body, **{"Idempotency-Key": body["metadata"]["refund_id"]})


def refused(answer: httpx2.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def standing(payments: Program, refund_id: str) -> Callable[[], str]:
    return lambda: str(payments.get("/v1/refunds", refund_id=refund_id)["data"][0]["status"])


def test_a_refund_is_paid_at_once_unless_told_otherwise(payments: Program) -> None:
    answer = refund(payments, order(capture(payments, "pay_plain"), "rf_plain"))
    assert answer.status_code == 201
    paid = answer.json()
    assert (paid["status"], paid["amount"], paid["metadata"]["refund_id"]) == ("succeeded", 1_000, "rf_plain")
    assert payments.get(f"/v1/refunds/{paid['id']}") == paid
    assert payments.get("/v1/payments/pay_plain")["refunded"] == 1_000


def test_the_same_key_gets_the_same_answer_and_pays_once(payments: Program) -> None:
    body = order(capture(payments, "pay_same"), "rf_same")
    first, second = refund(payments, body), refund(payments, body)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert payments.get("/v1/payments/pay_same")["refunded"] == 1_000


def test_the_same_key_at_the_same_instant_pays_once(payments: Program) -> None:
    body = order(capture(payments, "pay_race"), "rf_race")
    payments.knobs(delay={"next": 1, "seconds": 0.3})
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: refund(payments, body), range(8)))
    paid = [answer for answer in answers if answer.status_code == 201]
    early = [answer for answer in answers if answer.status_code != 201]
    assert len({answer.content for answer in paid}) == 1
    assert early, "the first took 0.3 s, so somebody must have met it running"
    for answer in early:
        refused(answer, 409, "in_progress")
    assert len(payments.get("/v1/refunds", refund_id="rf_race")["data"]) == 1


def test_the_same_key_for_something_else_is_refused(payments: Program) -> None:
    capture(payments, "pay_other")
    assert refund(payments, order("pay_other", "rf_other", 100)).status_code == 201
    refused(refund(payments, order("pay_other", "rf_other", 101)), 400, "idempotency_key_reused")
    assert payments.get("/v1/payments/pay_other")["refunded"] == 100


def test_the_same_key_for_something_else_is_refused_while_the_first_runs(payments: Program) -> None:
    capture(payments, "pay_cross")
    payments.knobs(delay={"next": 1, "seconds": 1})
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(refund, payments, order("pay_cross", "rf_cross", 100))
        until(lambda: payments.get("/admin/knobs")["knobs"]["delay"]["rule"]["next"] == 0, "the first to be running")
        refused(refund(payments, order("pay_cross", "rf_cross", 101)), 400, "idempotency_key_reused")
        refused(refund(payments, order("pay_cross", "rf_cross", 100)), 409, "in_progress")
        assert first.result().status_code == 201


def test_no_key_no_refund(payments: Program) -> None:
    body = order(capture(payments, "pay_keyless"), "rf_keyless")
    refused(payments.post("/v1/refunds", body), 400, "idempotency_key_missing")
    assert payments.get("/v1/refunds", refund_id="rf_keyless")["data"] == []


def test_never_more_than_was_captured(payments: Program) -> None:
    capture(payments, "pay_over", 1_500)
    assert refund(payments, order("pay_over", "rf_over_1", 1_000)).status_code == 201
    refused(refund(payments, order("pay_over", "rf_over_2", 501)), 402, "over_refund")
    assert refund(payments, order("pay_over", "rf_over_3", 500)).status_code == 201
    refused(refund(payments, order("pay_over", "rf_over_4", 1)), 402, "over_refund")


def test_two_refunds_at_the_same_instant_share_the_room_that_is_left(payments: Program) -> None:
    capture(payments, "pay_last", 1_000)
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda number: refund(payments, order("pay_last", f"rf_last_{number}", 400)), range(8))
        )
    assert sorted(answer.status_code for answer in answers) == [201, 201, *[402] * 6]


def test_a_pending_refund_takes_its_room_and_a_failed_one_gives_it_back(payments: Program) -> None:
    capture(payments, "pay_room", 1_000)
    payments.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": 3_600})
    assert refund(payments, order("pay_room", "rf_room_1", 1_000)).json()["status"] == "pending"
    refused(refund(payments, order("pay_room", "rf_room_2", 1)), 402, "over_refund")
    payments.advance(3_601)
    until(lambda: standing(payments, "rf_room_1")() == "failed", "the refund to fail")
    assert refund(payments, order("pay_room", "rf_room_3", 1_000)).status_code == 201


@pytest.mark.parametrize(
    ("mode", "first", "then", "failure"),
    [
        ("pending_then_succeeded", "pending", "succeeded", None),
        ("pending_then_failed", "pending", "failed", "account_closed"),
        ("succeeded_then_failed", "succeeded", "failed", "returned_by_bank"),
    ],
)
def test_refunds_go_on_by_themselves_and_say_so(
    payments: Program, ear: Ear, mode: str, first: str, then: str, failure: str | None
) -> None:
    payments.knobs(status_later={"next": 1, "mode": mode, "seconds": 7 * DAY})
    body = order(capture(payments, f"pay_{mode}"), f"rf_{mode}")
    assert refund(payments, body).json()["status"] == first
    ear.hears(f"rf_{mode}")
    payments.advance(7 * DAY + 1)
    events = ear.hears(f"rf_{mode}", 2)
    assert [f'"refund.{status}"'.encode() in event.raw for status, event in zip((first, then), events, strict=True)]
    now = payments.get("/v1/refunds", refund_id=f"rf_{mode}")["data"][0]
    assert (now["status"], now["failure"]) == (then, failure)


def test_a_payment_nobody_captured_is_unknown_and_its_key_stays_free(payments: Program) -> None:
    refused(refund(payments, order("pay_never", "rf_never")), 404, "unknown_payment")
    capture(payments, "pay_never")
    assert refund(payments, order("pay_never", "rf_never")).status_code == 201


def test_the_currency_is_the_payments(payments: Program) -> None:
    capture(payments, "pay_gbp", currency="GBP")
    refused(refund(payments, order("pay_gbp", "rf_gbp", currency="EUR")), 400, "currency_differs")


@pytest.mark.parametrize("amount", [0, -1, 0.5, "100", True, None, 2**63])
def test_amounts_are_whole_and_positive(payments: Program, amount: object) -> None:
    body = order(capture(payments, "pay_amounts"), "rf_amounts") | {"amount": amount}
    refused(refund(payments, body), 422, "malformed")


def test_payments_are_registered_in_bulk_and_again(payments: Program) -> None:
    listed = [{"reference": f"pay_bulk/{number}", "amount": 100, "currency": "EUR"} for number in range(1_000)]
    assert payments.post("/v1/payments", {"payments": listed}).json() == {"registered": 1_000, "known": 0}
    assert payments.post("/v1/payments", {"payments": listed}).json() == {"registered": 0, "known": 1_000}
    contradiction = [{"reference": "pay_bulk/new", "amount": 1, "currency": "EUR"}, listed[7] | {"amount": 101}]
    refused(payments.post("/v1/payments", {"payments": contradiction}), 409, "payment_differs")
    assert payments.client.get("/v1/payments/pay_bulk/new").status_code == 404
    refused(payments.post("/v1/payments", {"payments": [*listed, listed[0]]}), 422, "malformed")


def test_the_list_goes_page_by_page_to_the_end(payments: Program) -> None:
    capture(payments, "pay_pages")
    for number in range(5):
        refund(payments, order("pay_pages", f"rf_pages_{number}", 100))
    seen: list[str] = []
    cursor = "0"
    while True:
        page = payments.get("/v1/refunds", payment="pay_pages", limit=2, cursor=cursor)
        seen += [one["metadata"]["refund_id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert seen == [f"rf_pages_{number}" for number in range(5)]


def test_a_fault_before_pays_nothing_and_a_fault_after_has_paid(payments: Program) -> None:
    capture(payments, "pay_faults")
    payments.knobs(fail_before={"next": 1})
    assert refund(payments, order("pay_faults", "rf_before")).status_code == 500
    assert payments.get("/v1/refunds", refund_id="rf_before")["data"] == []
    payments.knobs(fail_after={"next": 1})
    assert refund(payments, order("pay_faults", "rf_after")).status_code == 500
    assert len(payments.get("/v1/refunds", refund_id="rf_after")["data"]) == 1
    again = refund(payments, order("pay_faults", "rf_after"))
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")


def test_a_key_is_honoured_for_a_day_and_forgotten_after(payments: Program) -> None:
    body = order(capture(payments, "pay_day"), "rf_day")
    refund(payments, body)
    payments.advance(DAY - 60)
    assert refund(payments, body).headers["Idempotent-Replayed"] == "true"
    payments.advance(120)
    assert refund(payments, body).status_code == 201
    assert len(payments.get("/v1/refunds", refund_id="rf_day")["data"]) == 2


@pytest.mark.parametrize("knob", ["ignore_keys", "forget_keys"])
def test_a_provider_without_keys_pays_twice_and_the_witness_says_so(payments: Program, knob: str) -> None:
    body = order(capture(payments, f"pay_{knob}", currency="CHF"), f"rf_{knob}", currency="CHF")
    before = payments.get("/v1/balance")
    assert refund(payments, body).status_code == 201
    payments.knobs(**{knob: {"probability": 1}})
    assert refund(payments, body).status_code == 201
    after = payments.get("/v1/balance")
    assert after["duplicates"] == before["duplicates"] + 1
    assert after["refunds"] - after["distinct_refund_ids"] == after["duplicates"]
    assert after["refunded"]["CHF"]["succeeded"] == before["refunded"].get("CHF", {}).get("succeeded", 0) + 2_000


def test_the_books_outlive_the_program(tmp_path: Path) -> None:
    program = Program("payments", tmp_path)
    with running(program):
        capture(program, "pay_killed", 100_000)
        with ThreadPoolExecutor(4) as threads:
            jobs = [threads.submit(refund, program, order("pay_killed", f"rf_k{number}", 10)) for number in range(200)]
            until(lambda: sum(job.done() for job in jobs) >= 60, "some refunds to be answered")
            program.kill()
        answered = [job.result() for job in jobs if job.exception() is None]
        torn = sum(job.exception() is not None for job in jobs)
        assert answered, "somebody was answered before the end"
        assert torn, "somebody was torn"
        program.start()
        kept = {row["metadata"]["refund_id"]: row for row in program.get("/v1/refunds", limit=1000)["data"]}
        for answer in answered:
            assert kept[answer.json()["metadata"]["refund_id"]] == answer.json()
        for number in range(200):
            assert refund(program, order("pay_killed", f"rf_k{number}", 10)).status_code == 201
        balance = program.get("/v1/balance")
        assert (balance["refunds"], balance["duplicates"]) == (200, 0)
        assert balance["refunded"]["EUR"]["succeeded"] == 2_000


# --- payouts ---


def payout(payments: Program, refund_id: str, amount: int = 1_000, **vary: Any) -> httpx2.Response:
    metadata = {"refund_id": refund_id, "case_id": "ret_1"}
    body = {"destination": "store_credit", "customer": "c_1", "amount": amount, "currency": "EUR", "metadata": metadata}
    return payments.post("/v1/payouts", {**body, **vary}, **{"Idempotency-Key": refund_id})


def test_a_payout_goes_to_its_destination_once_and_stands_in_the_list_of_refunds(payments: Program) -> None:
    first, second = payout(payments, "rf_out"), payout(payments, "rf_out")
    assert (first.status_code, second.content) == (201, first.content)
    (listed,) = payments.get("/v1/refunds", refund_id="rf_out")["data"]
    assert listed == first.json()
    assert (listed["payment"], listed["destination"], listed["customer"]) == (None, "store_credit", "c_1")


def test_a_payout_keeps_its_key_as_a_refund_does(payments: Program) -> None:
    assert payout(payments, "rf_out_key").status_code == 201
    refused(payout(payments, "rf_out_key", 1_001), 400, "idempotency_key_reused")
    refused(payout(payments, "rf_out_key", destination="bank:ba_1"), 400, "idempotency_key_reused")
    refused(refund(payments, order(capture(payments, "pay_out_key"), "rf_out_key")), 400, "idempotency_key_reused")


def test_a_payout_may_be_paid_and_answered_with_500(payments: Program) -> None:
    payments.knobs(fail_after={"next": 1})
    assert payout(payments, "rf_out_500").status_code == 500
    assert payout(payments, "rf_out_500").status_code == 201
    assert len(payments.get("/v1/refunds", refund_id="rf_out_500")["data"]) == 1


def test_a_payout_may_fail_later(payments: Program) -> None:
    payments.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": 0.05})
    assert payout(payments, "rf_out_later", destination="bank:ba_1").json()["status"] == "pending"
    until(lambda: standing(payments, "rf_out_later")() == "failed" or None, "the payout fails")


def test_books_from_before_there_were_payouts_are_read_on(tmp_path: Path) -> None:
    from partners.books import Books
    from partners.knobs import Knobs
    from partners.outbox import EVENTS_TABLE, Outbox, StandardWebhooks
    from partners.payments.refunds import TABLES, RefundBooks, Wanted

    before = (
        TABLES.replace("payment TEXT REFERENCES", "payment TEXT NOT NULL REFERENCES")
        .replace("    destination TEXT,\n    customer TEXT,\n", "")
        .replace(",\n    CHECK ((payment IS NULL) <> (destination IS NULL))", "")
    )
    books = Books(tmp_path / "old.sqlite", EVENTS_TABLE + before)
    books.write("INSERT INTO payments (reference, amount, currency, registered_at) VALUES ('pay_1', 900, 'EUR', 0)")
    books.write(
        "INSERT INTO refunds (id, refund_id, payment, amount, currency, status, created_at, changed_at)"
        " VALUES ('pr_1', 'rf_1', 'pay_1', 300, 'EUR', 'succeeded', 0, 0)"
    )
    books.close()
    books = Books(tmp_path / "old.sqlite", EVENTS_TABLE + TABLES)
    refunds = RefundBooks(books, Outbox(books, Knobs({}), url=None, tongue=StandardWebhooks("whsec_AAAA")))
    refunds.pay(Wanted(None, 100, "EUR", "rf_2", None, "store_credit"), key="rf_2", later=None)
    listed = refunds.listed(refund_id=None, payment=None, cursor=0, limit=10)["data"]
    assert [(one["metadata"]["refund_id"], one["payment"]) for one in listed] == [("rf_1", "pay_1"), ("rf_2", None)]
    names = {row["name"] for row in books.all("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert "refunds_by_refund_id" in names
    books.close()
