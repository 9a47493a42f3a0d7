"""Whether the books are right, as operators ask it."""

from sqlalchemy import text

from api.security import Role
from database import reconciliations
from database.engine import database_time
from domain.reconciliation import Difference, DifferenceKind
from tests.api.doors import Doors, is_problem


def test_books_that_are_right_are_said_to_be_right(doors: Doors) -> None:
    doors.open(doors.sell())
    found = doors.get("/v1/ops/verify", role=Role.OPERATOR).json()
    assert found["holds"] is True
    assert {check["holds"] for check in found["checks"]} == {True}


def test_what_breaks_a_rule_is_counted_and_named(doors: Doors) -> None:
    order = doors.sell()
    with doors.made.begin() as session:
        session.execute(text("UPDATE order_lines SET claimed = 1 WHERE order_id = :id"), {"id": order})
    found = doors.get("/v1/ops/verify").json()
    broken = [check for check in found["checks"] if not check["holds"]]
    assert found["holds"] is False
    assert [check["name"] for check in broken] == ["units_are_held_once"]
    assert broken[0]["broken"] == 2
    assert {one["order_id"] for one in broken[0]["examples"]} == {order}


def test_a_broken_invariant_says_which_it_is_and_what_to_do(doors: Doors) -> None:
    for check in doors.get("/v1/ops/verify").json()["checks"]:
        assert check["invariant"] in {"I1", "I2", "I3", "I4", "I5"}
        assert check["what_to_do"].endswith(".")


def test_a_reconciliation_is_asked_for_once_and_can_be_read(doors: Doors) -> None:
    answer = doors.post("/v1/ops/reconciliations", {"provider": "all"}, role=Role.OPERATOR, key="rec-1")
    assert answer.status_code == 202
    run = answer.json()
    assert (run["status"], run["asked_by"]) == ("asked", "operator")
    assert [one["provider"] for one in run["providers"]] == ["simulated", "stripe"]
    assert answer.headers["location"] == f"/v1/ops/reconciliations/{run['id']}"
    assert f"reconciliation/{run['id']}" in doors.temporal.started
    again = doors.post("/v1/ops/reconciliations", {"provider": "all"}, role=Role.OPERATOR, key="rec-1")
    assert (again.status_code, again.text) == (202, answer.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert doors.get(answer.headers["location"]).json() == run


def test_a_provider_that_is_none_of_ours_is_refused(doors: Doors) -> None:
    assert is_problem(doors.post("/v1/ops/reconciliations", {"provider": "nobody"}), 422, "unknown_provider")


def test_what_is_not_there_is_said_to_be_so(doors: Doors) -> None:
    assert is_problem(doors.get("/v1/ops/reconciliations/rec_none"), 404, "unknown_reconciliation")
    answer = doors.post("/v1/ops/differences/dif_none/resolve", {"reason": "x"})
    assert is_problem(answer, 404, "unknown_difference")


def differs(doors: Doors, case_id: str | None, *ids: str) -> str:
    """Differences as a run writes them down; the run's id."""
    run: str = doors.post("/v1/ops/reconciliations", {"provider": "all"}).json()["id"]
    found = [
        Difference(
            DifferenceKind.DOUBLED, "paid once more", 4000, "EUR", refund_id=one, provider_id="pr_2", case_id=case_id
        )
        for one in ids
    ]
    with doors.made.begin() as session:
        reconciliations.note(session, "simulated", run, found, database_time(session))
    return run


def test_a_difference_is_listed_shown_on_its_return_and_resolved_by_a_person(doors: Doors) -> None:
    case = doors.open(doors.sell())
    assert case["needs_attention"] is None
    run = differs(doors, case["id"], "rf_listed")
    (one,) = doors.get(f"/v1/ops/differences?status=open&return={case['rma']}", role=Role.OPERATOR).json()["data"]
    assert (one["kind"], one["amount"], one["owner"]) == ("doubled", {"amount": 4000, "currency": "EUR"}, "payments")
    assert (one["first_seen_in"], one["resolved"]) == (run, None)
    shown = doors.get(f"/v1/returns/{case['id']}").json()["needs_attention"]
    assert (shown["reason"], shown["actions"]) == ("payments_differ", ["resolve_difference"])
    assert shown["since"] == one["first_seen_at"]
    listed = doors.get("/v1/returns?needs_attention=true").json()["data"]
    assert case["id"] in [found["id"] for found in listed]
    checks = {check["name"]: check for check in doors.get("/v1/ops/verify").json()["checks"]}
    assert checks["nothing_was_paid_twice"]["examples"][0]["difference"] == one["id"]

    path = f"/v1/ops/differences/{one['id']}/resolve"
    assert is_problem(doors.post(path, {"reason": ""}), 422, "too_short")
    answer = doors.post(path, {"reason": "called back"}, role=Role.OPERATOR, key="res-1")
    assert answer.json()["resolved"] == {
        "how": "by_hand",
        "by": "operator",
        "at": answer.json()["resolved"]["at"],
        "note": "called back",
    }
    again = doors.post(path, {"reason": "called back"}, role=Role.OPERATOR, key="res-1")
    assert (again.text, again.headers["idempotent-replayed"]) == (answer.text, "true")
    assert is_problem(doors.post(path, {"reason": "me too"}), 409, "done_before")
    assert doors.get(f"/v1/returns/{case['id']}").json()["needs_attention"] is None
    assert doors.get(f"/v1/ops/differences?status=open&return={case['id']}").json()["data"] == []


def test_differences_are_listed_page_by_page(doors: Doors) -> None:
    differs(doors, None, *(f"rf_paged_{number}" for number in range(5)))
    seen, path = [], "/v1/ops/differences?limit=2&kind=doubled&status=open"
    while path:
        answer = doors.get(path)
        seen += [one["refund_id"] for one in answer.json()["data"]]
        path = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == [f"rf_paged_{number}" for number in range(5)]
