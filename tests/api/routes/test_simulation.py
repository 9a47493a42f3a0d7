"""A draft tried over HTTP on the returns that are there: both policies side by side, and nothing written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.security import Role
from tests.api.doors import Doors, is_problem, pointers
from tests.policies.standing import a_text

TODAY = datetime.now(UTC).date()
PERIOD = {"from": str(TODAY - timedelta(days=3)), "to": str(TODAY + timedelta(days=1))}


def a_draft(doors: Doors, version: str, *edits: tuple[str, str], more: str = "") -> str:
    answer = doors.post("/v1/policies", {"text": a_text(("draft-1", version), *edits, more=more), "note": ""})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def simulate(doors: Doors, policy: str, **vary: Any) -> dict[str, Any]:
    answer = doors.post(f"/v1/policies/{policy}/simulate", PERIOD | vary)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_draft_that_refers_what_is_dear_moves_the_returns_that_are(doors: Doors) -> None:
    opened = [doors.open(doors.sell())["id"] for _ in range(2)]
    draft = a_draft(doors, "simulated-1", ("[refer]\n", "[refer]\nabove_minor = { EUR = 100 }\n"))
    before = doors.rows()
    found = simulate(doors, draft)
    assert doors.rows() == before
    assert {"before": "authorized", "after": "referred", "returns": found["returns"]} in found["moves"]
    assert found["recorded"] == {"known": found["returns"], "same_verdict": found["returns"]}
    changed = {one["id"]: one for one in found["changes"]}
    assert set(opened) <= set(changed)
    assert changed[opened[0]]["after"]["grounds"] == ["refer_high_value"]
    assert changed[opened[0]]["rule"] == "refer_high_value"


def test_the_policy_that_counts_beside_itself_changes_nothing(doors: Doors) -> None:
    doors.open(doors.sell())
    found = simulate(doors, "file:standard")
    assert found["returns"] >= 1
    assert (found["changed"], found["changes"]) == (0, [])


def test_a_list_is_as_long_as_it_was_asked_for(doors: Doors) -> None:
    doors.open(doors.sell())
    draft = a_draft(doors, "simulated-2", ("[refer]\n", "[refer]\nabove_minor = { EUR = 100 }\n"))
    found = simulate(doors, draft, changes=0)
    assert found["changed"] >= 1
    assert found["changes"] == []


def test_days_in_the_wrong_order_are_a_mistake_of_the_caller(doors: Doors) -> None:
    answer = doors.post("/v1/policies/file:standard/simulate", {"from": "2026-10-02", "to": "2026-10-01"})
    assert is_problem(answer, 422, "last_day_before_first")
    assert pointers(answer) == ["/to"]


def test_more_returns_than_a_server_takes_are_left_to_the_command(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors.open(doors.sell())
    monkeypatch.setattr("desk.simulation.MOST_AT_ONCE", 0)
    assert is_problem(doors.post("/v1/policies/file:standard/simulate", PERIOD), 409, "too_many_returns")


@pytest.mark.parametrize("policy", ["pol_nobody", "file:nobody"])
def test_an_unknown_policy_is_said_to_be_one(doors: Doors, policy: str) -> None:
    assert doors.post(f"/v1/policies/{policy}/simulate", PERIOD).status_code == 404


def test_whoever_may_not_read_policies_may_not_try_them(doors: Doors) -> None:
    answer = doors.post("/v1/policies/file:standard/simulate", PERIOD, role=Role.WAREHOUSE)
    assert answer.status_code == 403
