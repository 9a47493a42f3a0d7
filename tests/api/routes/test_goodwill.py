"""Goodwill over HTTP: named refusals that carry the maximum, two people, and nothing written or sent where it is refused."""

from typing import Any

import pytest

from api.security import Role
from tests.api.doors import Doors, eur, is_problem, order_body

REASON = "the parcel came three weeks late"


def asked(minor: Any = 500, **vary: Any) -> dict[str, Any]:
    return {"amount": eur(minor), "reason": REASON, **vary}


def propose(doors: Doors, return_id: str, body: dict[str, Any], *, who: str = "ann", **more: Any) -> Any:
    return doors.post(f"/v1/returns/{return_id}/goodwill", body, headers={"Boomerang-Actor": who}, **more)


def decide(doors: Doors, goodwill_id: str, what: str, *, who: str, body: Any = None) -> Any:
    return doors.post(f"/v1/goodwill/{goodwill_id}/{what}", body or {}, headers={"Boomerang-Actor": who})


def test_it_is_proposed_by_one_and_approved_by_another(doors: Doors) -> None:
    return_id = doors.open(doors.sell())["id"]
    made = propose(doors, return_id, asked())
    assert made.status_code == 201
    one = made.json()
    assert made.headers["Location"] == f"/v1/goodwill/{one['id']}"
    assert (one["status"], one["amount"], one["limit"]) == ("proposed", eur(500), None)
    assert is_problem(decide(doors, one["id"], "approve", who="ann"), 409, "goodwill_needs_another_person")
    assert f"goodwill/{one['id']}" not in doors.temporal.started
    approved = decide(doors, one["id"], "approve", who="bob")
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    assert approved.json()["approved"]["by"].endswith("bob")
    assert doors.temporal.started.count(f"goodwill/{one['id']}") == 1
    assert is_problem(decide(doors, one["id"], "approve", who="carol"), 409, "goodwill_decided")
    assert doors.get(f"/v1/goodwill/{one['id']}").json()["status"] == "approved"


def test_the_same_key_is_answered_with_the_first_answer(doors: Doors) -> None:
    return_id = doors.open(doors.sell())["id"]
    first, second = (propose(doors, return_id, asked(), key=f"again-{return_id}") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert is_problem(propose(doors, return_id, asked(501), key=f"again-{return_id}"), 422, "idempotency_key_reused")


def test_a_second_wish_of_the_same_amount_names_the_first(doors: Doors) -> None:
    return_id = doors.open(doors.sell())["id"]
    one = propose(doors, return_id, asked()).json()
    told = propose(doors, return_id, asked(), who="bob")
    assert is_problem(told, 409, "goodwill_asked_before")
    assert one["id"] in told.json()["detail"]
    assert propose(doors, return_id, asked(again=True), who="bob").status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code", "maximum"),
    [
        pytest.param(asked(0), 422, "goodwill_of_nothing", 15000, id="zero"),
        pytest.param(asked(-500), 422, "goodwill_of_nothing", 15000, id="negative"),
        pytest.param({"reason": REASON}, 422, "goodwill_of_nothing", 15000, id="no amount"),
        pytest.param(asked(15001), 409, "goodwill_above_what_is_left", 15000, id="above what was captured"),
        pytest.param(
            {"amount": {"amount": 500, "currency": "GBP"}, "reason": REASON},
            422,
            "currency_mismatch",
            15000,
            id="another currency",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_maximum_and_nothing_is_written(
    doors: Doors, body: dict[str, Any], status: int, code: str, maximum: int
) -> None:
    return_id = doors.open(doors.sell())["id"]
    before, started = doors.rows(), len(doors.temporal.started)
    answer = propose(doors, return_id, body)
    assert is_problem(answer, status, code)
    assert answer.json()["facts"]["maximum"] == eur(maximum)
    assert doors.rows() == before
    assert len(doors.temporal.started) == started


def test_above_what_is_left_though_below_what_was_captured_is_refused_with_what_is_left(doors: Doors) -> None:
    return_id = doors.open(doors.sell())["id"]
    assert propose(doors, return_id, asked(9000)).status_code == 201
    answer = propose(doors, return_id, asked(9001))
    assert is_problem(answer, 409, "goodwill_above_what_is_left")
    assert answer.json()["facts"]["maximum"] == eur(6000)


@pytest.mark.parametrize(
    "vary",
    [
        {"status": "open"},
        {
            "lines": [{**line, "unit_price": eur(0)} for line in order_body()["lines"]],
            "tenders": [],
        },
    ],
    ids=["not paid", "free"],
)
def test_nothing_is_given_where_nothing_was_captured(doors: Doors, vary: dict[str, Any]) -> None:
    return_id = doors.open(doors.sell(**vary))["id"]
    answer = propose(doors, return_id, asked())
    assert is_problem(answer, 409, "goodwill_without_payment")
    assert answer.json()["facts"]["maximum"] == eur(0)


def test_there_is_no_door_without_a_return(doors: Doors) -> None:
    order_id = doors.sell()
    assert is_problem(propose(doors, order_id, asked()), 404, "unknown_return")
    assert doors.post(f"/v1/orders/{order_id}/goodwill", asked()).status_code == 404
    assert is_problem(doors.get("/v1/goodwill/gw_nobody"), 404, "unknown_goodwill")


def test_a_storefront_gives_nothing(doors: Doors) -> None:
    return_id = doors.open(doors.sell())["id"]
    answer = doors.post(f"/v1/returns/{return_id}/goodwill", asked(), role=Role.STOREFRONT)
    assert is_problem(answer, 403, "scope_missing")


def test_it_is_listed_newest_first_page_by_page(doors: Doors) -> None:
    return_id = doors.open(doors.sell())["id"]
    ids = [propose(doors, return_id, asked(100 + number)).json()["id"] for number in range(3)]
    decide(doors, ids[0], "refuse", who="bob", body={"reason": "no"})
    first = doors.get(f"/v1/goodwill?return_id={return_id}&status=proposed&limit=1").json()
    assert ([one["id"] for one in first["data"]], first["has_more"]) == ([ids[2]], True)
    following = doors.get(f"/v1/goodwill?return_id={return_id}&status=proposed&cursor={first['next_cursor']}").json()
    assert [one["id"] for one in following["data"]] == [ids[1]]
    refused = doors.get(f"/v1/goodwill/{ids[0]}").json()["refused"]
    assert refused["reason"] == "no"


# --- destinations ---


def test_nobody_asks_for_a_destination_before_money_looks_for_one(doors: Doors) -> None:
    return_id = doors.open(doors.sell())["id"]
    answer = doors.post(f"/v1/returns/{return_id}/destination", {"kind": "store_credit"})
    assert is_problem(answer, 409, "not_now")


@pytest.mark.parametrize("token", ["4242424242424242", "GB82WEST12345698765432", "12345678"])
def test_a_number_of_a_card_or_an_account_is_refused_and_kept_nowhere(doors: Doors, token: str) -> None:
    return_id = doors.open(doors.sell())["id"]
    before = doors.rows()
    answer = doors.post(f"/v1/returns/{return_id}/destination", {"kind": "bank", "token": token})
    assert is_problem(answer, 422, "bank_number_not_taken")
    assert token not in answer.text
    assert doors.rows() == before
