"""Decisions about a return under way: each said once, by somebody, about the return as they saw it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.doors import Doors, is_problem, return_body
from tests.api.routes.test_returns import at_once

UNMATCHED = {"lines": [{"sku": "SOMETHING", "quantity": 1, "reason": "defective"}]}  # no customer: a person decides


def referred(doors: Doors) -> dict[str, Any]:
    opened: dict[str, Any] = doors.post("/v1/returns", UNMATCHED).json()
    assert opened["stage"] == "referred"
    return opened


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def test_a_referred_return_is_authorized(doors: Doors) -> None:
    case = referred(doors)
    answer = doors.post(f"/v1/returns/{case['id']}/authorize", {"note": "known to us"})
    assert (answer.status_code, answer.json()["stage"]) == (200, "authorized")
    assert answer.headers["etag"] == '"2"'
    assert (f"return/{case['id']}", "authorize") in doors.temporal.told


def test_a_referred_return_is_refused_with_a_reason(doors: Doors) -> None:
    case = referred(doors)
    path = f"/v1/returns/{case['id']}/refuse"
    assert is_problem(doors.post(path, {}), 422, "field_missing")
    assert is_problem(doors.post(path, {"reason": ""}), 422, "too_short")
    answer = doors.post(path, {"reason": "never sold here"})
    assert (answer.json()["status"], answer.json()["outcome"]) == ("refused", "refused")
    told = doors.get(f"/v1/returns/{case['id']}/timeline").json()["data"][-1]
    assert (told["kind"], told["data"]) == ("refused", {"reason": "never sold here"})


def test_who_decides_second_is_told_who_was_first(doors: Doors) -> None:
    case = referred(doors)
    path = f"/v1/returns/{case['id']}"
    doors.post(f"{path}/authorize", headers={"Boomerang-Actor": "Zoë"})
    answer = doors.post(f"{path}/authorize", headers={"Boomerang-Actor": "Max"})
    assert is_problem(answer, 409, "done_before")
    assert answer.json()["facts"]["by"] == "admin: Zoë"


def test_two_people_who_decide_at_once_get_one_decision(doors: Doors) -> None:
    path = f"/v1/returns/{referred(doors)['id']}"
    answers = at_once(lambda: doors.post(f"{path}/authorize"), lambda: doors.post(f"{path}/refuse", {"reason": "no"}))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(doors.get(f"{path}/timeline").json()["data"]) == 4


def test_a_return_nobody_asks_about_takes_no_decision(doors: Doors) -> None:
    opened = doors.open(doors.sell())
    assert is_problem(doors.post(f"/v1/returns/{opened['id']}/authorize"), 409, "not_now")


def test_a_cancelled_return_gives_its_units_free_once(doors: Doors) -> None:
    case = referred(doors)
    path = f"/v1/returns/{case['id']}/cancel"
    first = doors.post(path, {"reason": "kept"}, key="cancel")
    again = doors.post(path, {"reason": "kept"}, key="cancel")
    assert (first.json()["status"], first.json()["outcome"]) == ("cancelled", "cancelled")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert is_problem(doors.post(path), 409, "done_before")


def test_the_rma_number_names_a_return_as_well_as_its_id(doors: Doors) -> None:
    case = referred(doors)
    assert doors.post(f"/v1/returns/{case['rma']}/cancel").json()["id"] == case["id"]


def test_a_deadline_moves_out_and_never_in(doors: Doors) -> None:
    case = referred(doors)
    path = f"/v1/returns/{case['id']}/extend"
    later = doors.post(path, {"until": in_days(10), "reason": "on holiday"})
    assert later.json()["due"]["at"] > case["due"]["at"]
    answer = doors.post(path, {"until": in_days(5)})
    assert is_problem(answer, 422, "until_not_later")
    assert answer.json()["errors"][0]["pointer"] == "/until"


def test_nothing_is_tried_again_that_has_not_failed(doors: Doors) -> None:
    case = referred(doors)
    assert is_problem(doors.post(f"/v1/ops/cases/{case['id']}/retry", {"reason": "impatient"}), 409, "not_now")


DECISIONS = {"cancel": {}, "authorize": {}, "refuse": {"reason": "no"}, "extend": {"until": "2100-01-01T00:00:00Z"}}


@pytest.mark.parametrize(("verb", "body"), DECISIONS.items(), ids=DECISIONS)
def test_a_decision_about_what_was_seen_before_is_refused_with_who_and_when(
    doors: Doors, verb: str, body: dict[str, Any]
) -> None:
    case = referred(doors)
    path = f"/v1/returns/{case['id']}"
    doors.post(f"{path}/extend", {"until": in_days(10)}, headers={"Boomerang-Actor": "Zoë"})
    before = doors.rows()
    answer = doors.post(f"{path}/{verb}", body, headers={"If-Match": '"1"'})
    assert is_problem(answer, 412, "version_is_older")
    facts = answer.json()["facts"]
    assert (facts["by"], facts["version"]) == ("admin: Zoë", 2)
    assert facts["at"]
    assert doors.rows() == before
    assert doors.post(f"{path}/{verb}", body, headers={"If-Match": '"2"'}).status_code == 200


def test_a_repeated_decision_is_not_stale_against_itself(doors: Doors) -> None:
    path = f"/v1/returns/{referred(doors)['id']}/authorize"
    first, second = (doors.post(path, key="fresh", headers={"If-Match": '"1"'}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("verb", ["cancel", "authorize", "refuse", "extend"])
def test_an_unknown_return_is_said_to_be_unknown(doors: Doors, verb: str) -> None:
    for more in ({}, {"If-Match": '"1"'}):
        answer = doors.post(f"/v1/returns/ret_none/{verb}", DECISIONS[verb], headers=more)
        assert is_problem(answer, 404, "unknown_return")


def test_what_opening_left_is_what_a_decision_finds(doors: Doors) -> None:
    opened = doors.open(doors.sell())
    assert doors.post(f"/v1/returns/{opened['id']}/cancel").status_code == 200
    order = opened["order_id"]
    assert doors.post("/v1/returns/preview", return_body(order)).status_code == 200
