"""Withdrawals over the API: taken once whatever they say, listed for the person who has to look, and answered."""

from itertools import count
from typing import Any

import pytest

from api.security import Role
from tests.api.doors import Doors, is_problem, order_body, pointers

_numbers = count(1)


def body(**vary: Any) -> dict[str, Any]:
    return {"name": "Ada Lovelace", "contract": "10023", "email": f"ada{next(_numbers)}@customer.example"} | vary


def sold_to(doors: Doors, email: str) -> str:
    return doors.sell(customer=order_body()["customer"] | {"email": email})


def test_a_withdrawal_is_received_and_its_return_opened(doors: Doors) -> None:
    asked = body(email=f"ada{next(_numbers)}@customer.example", locale="de-AT")
    order_id = sold_to(doors, asked["email"])
    answer = doors.post("/v1/withdrawals", asked | {"contract": order_id}, role=Role.STOREFRONT)
    assert answer.status_code == 201
    received = answer.json()
    assert (received["status"], received["order_id"], received["locale"]) == ("received", order_id, "de")
    assert answer.headers["location"] == f"/v1/withdrawals/{received['id']}"
    found = doors.get(answer.headers["location"]).json()
    assert (found["status"], found["submitted_at"]) == ("opened", received["submitted_at"])
    case = doors.get(f"/v1/returns/{found['return_id']}").json()
    assert [(line["quantity"], line["reason"]) for line in case["lines"]] == [(3, "withdrawal"), (1, "withdrawal")]
    assert case["declared_at"] == received["submitted_at"]


def test_sent_again_it_is_answered_as_the_first_time(doors: Doors) -> None:
    asked = body()
    first = doors.post("/v1/withdrawals", asked, key="wd-1")
    again = doors.post("/v1/withdrawals", asked, key="wd-1")
    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = doors.post("/v1/withdrawals", body(), key="wd-1")
    assert is_problem(other, 422, "idempotency_key_reused")


def test_two_declarations_of_the_same_words_are_two(doors: Doors) -> None:
    asked = body()
    ids = {doors.post("/v1/withdrawals", asked).json()["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("vary", "pointer", "code"),
    [
        ({"name": " "}, "/name", "field_missing"),
        ({"email": "nobody"}, "/email", "not_an_address"),
        ({"contract": "x" * 81}, "/contract", "too_long"),
        ({"goods": "\x1b"}, "/goods", "control_characters"),
        ({"locale": "de AT"}, "/locale", "not_a_language"),
        ({"reason": "too small"}, "/reason", "unknown_field"),
    ],
)
def test_what_cannot_be_taken_is_named_and_nothing_is_written(
    doors: Doors, vary: dict[str, Any], pointer: str, code: str
) -> None:
    before = doors.rows()
    answer = doors.post("/v1/withdrawals", body(**vary))
    assert answer.status_code == 422
    assert pointers(answer) == [pointer]
    assert answer.json()["errors"][0]["code"] == code
    assert doors.rows() == before


def test_the_acknowledgement_is_text_as_it_is_sent(doors: Doors) -> None:
    made = doors.post("/v1/withdrawals", body(locale="fr")).json()
    answer = doors.get(f"/v1/withdrawals/{made['id']}/acknowledgement")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-language"] == "fr"
    assert answer.text.startswith("Ceci est l’accusé de réception de votre rétractation.")
    assert made["id"] in answer.text


def test_those_that_wait_for_a_person_are_listed_newest_first_page_by_page(doors: Doors) -> None:
    made = [doors.post("/v1/withdrawals", body()).json()["id"] for _ in range(3)]
    page = doors.get("/v1/withdrawals?status=with_a_person&limit=2")
    assert [one["id"] for one in page.json()["data"]] == [made[2], made[1]]
    assert page.json()["has_more"]
    link = page.headers["link"].split(">")[0].lstrip("<")
    assert doors.get(link).json()["data"][0]["id"] == made[0]
    assert {one["reason"] for one in page.json()["data"]} == {"order_unknown"}
    assert is_problem(doors.get("/v1/withdrawals?status=lost"), 422, "not_one_of")


def test_a_person_answers_once(doors: Doors) -> None:
    made = doors.post("/v1/withdrawals", body()).json()["id"]
    path = f"/v1/withdrawals/{made}/answer"
    first = doors.post(path, {"text": "Order 10024 it was."}, role=Role.OPERATOR, key="answer-1")
    assert first.status_code == 200
    assert (first.json()["status"], first.json()["reason"]) == ("answered", "order_unknown")
    assert first.json()["handled"]["answer"] == "Order 10024 it was."
    again = doors.post(path, {"text": "Order 10024 it was."}, role=Role.OPERATOR, key="answer-1")
    assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")
    assert is_problem(doors.post(path, {"text": "No."}), 409, "done_before")


def test_what_was_opened_waits_for_nobodys_answer(doors: Doors) -> None:
    asked = body()
    made = doors.post("/v1/withdrawals", asked | {"contract": sold_to(doors, asked["email"])}).json()["id"]
    assert is_problem(doors.post(f"/v1/withdrawals/{made}/answer", {"text": "x"}), 409, "not_now")


def test_a_withdrawal_that_is_not_there(doors: Doors) -> None:
    for path in ("wdr_none", "wdr_none/acknowledgement"):
        assert is_problem(doors.get(f"/v1/withdrawals/{path}"), 404, "unknown_withdrawal")
