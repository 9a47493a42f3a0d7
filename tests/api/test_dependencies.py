"""The headers that make a request safe to repeat, and that say who acts."""

import pytest

from tests.api.doors import Doors, is_problem, return_body

MOVING = {
    "opening": ("/v1/returns", {}),
    "cancelling": ("/v1/returns/ret_1/cancel", {}),
    "authorizing": ("/v1/returns/ret_1/authorize", {}),
    "refusing": ("/v1/returns/ret_1/refuse", {"reason": "no"}),
    "extending": ("/v1/returns/ret_1/extend", {"until": "2100-01-01T00:00:00Z"}),
    "inspecting": ("/v1/returns/ret_1/inspections", {"lines": []}),
    "receiving": ("/v1/parcels/par_1/receipt", {}),
    "trying again": ("/v1/ops/cases/ret_1/retry", {"reason": "now"}),
}


@pytest.mark.parametrize(("path", "body"), MOVING.values(), ids=MOVING)
def test_what_moves_something_needs_a_key(doors: Doors, path: str, body: dict[str, object]) -> None:
    answer = doors.post(path, body, key=None)
    assert is_problem(answer, 400, "idempotency_key_missing")
    assert "Idempotency-Key" in answer.json()["next_action"]


@pytest.mark.parametrize(
    "key", ["x" * 256, '""', "two words", "é"], ids=["too long", "empty", "a blank", "a letter not of ASCII"]
)
def test_a_key_that_cannot_be_read_is_refused(doors: Doors, key: str) -> None:
    assert is_problem(doors.post("/v1/returns", return_body("o_none"), key=key), 400, "idempotency_key_malformed")


def test_the_longest_key_is_taken(doors: Doors) -> None:
    assert doors.post("/v1/returns", return_body(doors.sell()), key="x" * 255).status_code == 201


def test_a_bare_key_and_a_quoted_one_are_the_same(doors: Doors) -> None:
    body = return_body(doors.sell())
    first, second = (doors.post("/v1/returns", body, key=key) for key in ('"k"', "k"))
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.parametrize("tag", ["seven", 'W/"7"', '"7", "8"', '"99999999999"'])
def test_a_tag_that_is_none_of_ours_is_refused(doors: Doors, tag: str) -> None:
    answer = doors.post("/v1/returns/ret_1/cancel", headers={"If-Match": tag})
    assert is_problem(answer, 400, "if_match_malformed")


def test_any_version_will_do_where_the_caller_says_so(doors: Doors) -> None:
    opened = doors.open(doors.sell())
    assert doors.post(f"/v1/returns/{opened['id']}/cancel", headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    "actor", ["x" * 41, "", "a\tb", "a\u200bb"], ids=["too long", "empty", "a tab", "a sign unseen"]
)
def test_a_name_that_cannot_be_shown_is_refused(doors: Doors, actor: str) -> None:
    answer = doors.post("/v1/returns", return_body("o_none"), headers={"Boomerang-Actor": actor})
    assert is_problem(answer, 400, "actor_malformed")


def test_the_timeline_names_the_key_and_the_person(doors: Doors) -> None:
    answer = doors.post("/v1/returns", return_body(doors.sell()), headers={"Boomerang-Actor": "李小龙 of the shop"})
    told = doors.get(f"/v1/returns/{answer.json()['id']}/timeline").json()["data"]
    assert {fact["by"] for fact in told} == {"admin: 李小龙 of the shop"}
