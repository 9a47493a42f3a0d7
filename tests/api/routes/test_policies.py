"""Policies over HTTP: drafts with every fault named, versions that count from their moment on, returns that keep their terms."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from api.security import Role
from tests.api.doors import Doors, is_problem, return_body
from tests.policies.standing import a_text
from tests.waiting import until

_versions = count(1)
EXPLICIT = {"accept_warnings": True}


def a_draft(doors: Doors, *edits: tuple[str, str], more: str = "") -> dict[str, Any]:
    text = a_text(("draft-1", f"http-{next(_versions)}"), *edits, more=more)
    answer = doors.post("/v1/policies", {"text": text, "note": "agreed"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def publish(doors: Doors, policy: dict[str, Any], **vary: Any) -> dict[str, Any]:
    answer = doors.post(f"/v1/policies/{policy['id']}/publish", EXPLICIT | vary)
    assert answer.status_code == 200, answer.text
    published: dict[str, Any] = answer.json()
    return published


def version_for(doors: Doors, order: str) -> str:
    terms = doors.post("/v1/returns/preview", return_body(order)).json()["terms"]
    return str(terms["policy_version"])


def test_a_draft_is_shown_with_its_text_and_tag(doors: Doors) -> None:
    draft = a_draft(doors)
    answer = doors.get(f"/v1/policies/{draft['id']}")

    assert answer.json() == draft
    assert (draft["status"], draft["note"], draft["published"], draft["tiers"]) == ("draft", "agreed", None, None)
    assert draft["created"]["by"] == "admin"
    assert answer.headers["etag"] == f'"{draft["checksum"]}"'


def test_every_fault_is_an_error_with_its_line(doors: Doors) -> None:
    text = a_text(('"delivered"', '"shipped"'), ("categories", "kategories"))
    answer = doors.post("/v1/policies", {"text": text})

    assert is_problem(answer, 422, "bad_policy_file")
    errors = answer.json()["errors"]
    assert {error["pointer"] for error in errors} == {"/text"}
    assert {error["line"] for error in errors} == {6, 11, 13}
    assert any(error["detail"].startswith("Line 6, key window.starts: expected one of") for error in errors)


@pytest.mark.parametrize("text", ["\0", "x = " + "[" * 9000, "\u202e", "= = =", "[window"], ids=ascii)
def test_whatever_is_sent_as_a_text_is_read_or_refused(doors: Doors, text: str) -> None:
    assert is_problem(doors.post("/v1/policies", {"text": text}), 422, "bad_policy_file")


def test_the_same_draft_sent_twice_under_one_key_is_written_once(doors: Doors) -> None:
    body = {"text": a_text(("draft-1", f"http-{next(_versions)}"))}
    first, again = (doors.post("/v1/policies", body, key="policy-once") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.text == first.text
    assert (first.headers["location"], again.headers["location"]) == (f"/v1/policies/{first.json()['id']}",) * 2
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = doors.post("/v1/policies", {**body, "note": "other"}, key="policy-once")
    assert is_problem(other, 422, "idempotency_key_reused")
    assert is_problem(doors.post("/v1/policies", body, key=None), 400, "idempotency_key_missing")


def test_a_draft_is_replaced_by_who_saw_its_last_text(doors: Doors) -> None:
    draft = a_draft(doors)
    path, seen = f"/v1/policies/{draft['id']}", {"If-Match": f'"{draft["checksum"]}"'}
    body = {"text": a_text(("draft-1", f"http-{next(_versions)}")), "note": ""}

    replaced = doors.ask("PUT", path, body, headers=seen)
    assert replaced.status_code == 200
    assert replaced.json()["text"] == body["text"]
    assert is_problem(doors.ask("PUT", path, body, headers=seen), 412, "policy_changed")
    assert is_problem(doors.post(f"{path}/publish", EXPLICIT, headers=seen), 412, "policy_changed")
    assert is_problem(doors.ask("DELETE", path, headers=seen), 412, "policy_changed")
    assert doors.ask("DELETE", path, headers={"If-Match": "*"}).json() == {"id": draft["id"], "removed": True}
    assert is_problem(doors.get(path), 404, "unknown_policy")


def test_contradictions_name_the_line_the_markets_and_the_law(doors: Doors) -> None:
    draft = a_draft(doors, ("starts", "days = 7\nstarts"))
    found = doors.post(f"/v1/policies/{draft['id']}/validate", key=None).json()

    assert (found["publishable"], found["errors"]) == (True, 0)
    assert found["warnings"] == len(found["contradictions"])
    (below,) = (one for one in found["contradictions"] if one["code"] == "window_below_law")
    assert (below["file"], below["line"], below["key"]) == ("text", 6, "window.days")
    assert {"market": "DE", "tier": None, "promised": "7 days", "stands": "14 days"}.items() <= below["against"][
        1
    ].items()


def test_warnings_are_accepted_out_loud_and_written_down(doors: Doors) -> None:
    draft = a_draft(doors, ("starts", "days = 7\nstarts"))
    path = f"/v1/policies/{draft['id']}/publish"
    refused = doors.post(path)

    assert is_problem(refused, 409, "warnings_not_accepted")
    assert any("text, line 6, key window.days" in error["detail"] for error in refused.json()["errors"])
    published = doors.post(path, EXPLICIT, headers={"Boomerang-Actor": "Olga"}).json()
    assert published["published"]["by"] == "admin: Olga"
    assert "window_below_law" in {one["code"] for one in published["accepted_warnings"]}
    assert published["tiers"].startswith("# What each tier")


def test_errors_cannot_be_accepted(doors: Doors) -> None:
    draft = a_draft(doors, more='\n[returnless]\nrefund_only = "rule"\n')
    answer = doors.post(f"/v1/policies/{draft['id']}/publish", EXPLICIT)

    assert is_problem(answer, 422, "policy_contradicts_itself")
    assert [error["code"] for error in answer.json()["errors"]] == ["refund_only_without_ceiling"]
    assert doors.get(f"/v1/policies/{draft['id']}").json()["status"] == "draft"


def test_a_published_version_takes_no_more_words(doors: Doors) -> None:
    published = publish(doors, a_draft(doors))
    path = f"/v1/policies/{published['id']}"

    assert published["status"] == "live"
    assert is_problem(doors.ask("PUT", path, {"text": a_text()}), 409, "policy_published")
    assert is_problem(doors.ask("DELETE", path), 409, "policy_published")
    assert is_problem(doors.post(f"{path}/publish", EXPLICIT), 409, "policy_published")
    assert doors.get(path).json() == published


def test_a_version_to_come_counts_from_its_moment_on_and_open_returns_keep_their_terms(doors: Doors) -> None:
    order = doors.sell()
    before = version_for(doors, order)
    opened = doors.open(order)
    terms = doors.get(f"/v1/returns/{opened['id']}/terms").json()
    begins = datetime.now(UTC) + timedelta(seconds=1.5)
    coming = publish(doors, a_draft(doors, ("starts", "days = 123\nstarts")), effective_from=begins.isoformat())

    assert coming["status"] == "scheduled"
    assert version_for(doors, order) == before
    until(lambda: version_for(doors, order) == coming["version"], within_s=20)

    assert datetime.now(UTC) >= begins - timedelta(seconds=0.5), "not before its moment"
    assert doors.get(f"/v1/policies/{coming['id']}").json()["status"] == "live"
    later = doors.open(order)
    now = doors.get(f"/v1/returns/{later['id']}/terms").json()
    assert (now["policy_version"], now["policy_id"]) == (coming["version"], coming["id"])
    assert now["return_window"]["duration"] == "P123D"
    assert doors.get(f"/v1/returns/{opened['id']}/terms").json() == terms


@pytest.mark.parametrize(
    ("moment", "code"), [("2020-01-01T00:00:00Z", "effective_in_the_past"), ("tomorrow", "not_a_moment")]
)
def test_a_moment_that_is_over_or_none(doors: Doors, moment: str, code: str) -> None:
    answer = doors.post(f"/v1/policies/{a_draft(doors)['id']}/publish", {"effective_from": moment})
    assert is_problem(answer, 422, code)
    assert answer.json()["errors"][0]["pointer"] == "/effective_from"


def test_the_list_marks_what_counts(doors: Doors) -> None:
    live = publish(doors, a_draft(doors))
    found = doors.get("/v1/policies").json()["data"]

    standing = {one["id"]: one["status"] for one in found}
    assert (standing[live["id"]], standing["file:standard"], standing["file:online_retail"]) == ("live", "past", "live")
    assert [one["id"] for one in found if one["status"] == "live" and one["programme"] == "standard"] == [live["id"]]
    assert "text" not in found[0]
    only = doors.get("/v1/policies?programme=online_retail").json()["data"]
    assert [one["id"] for one in only] == ["file:online_retail"]


def test_a_draft_against_what_counts_and_against_another(doors: Doors) -> None:
    live = publish(doors, a_draft(doors))
    draft = a_draft(doors, more='\n[tiers.inspection]\nVIP = "6h"\nwhy = "w"\nsource = "s"\n')
    found = doors.get(f"/v1/policies/{draft['id']}/diff").json()

    assert (found["before"]["id"], found["after"]["id"]) == (live["id"], draft["id"])
    assert [one["says"] for one in found["changes"]] == ["rows.inspection VIP: 12h -> 6h"]
    assert found["terms"]["by_aspect"] == {"limits.inspection": found["terms"]["changed"]}
    assert {one["tier"] for one in found["terms"]["data"]} == {"VIP"}
    same = doors.get(f"/v1/policies/{draft['id']}/diff?against={draft['id']}").json()
    assert (same["changes"], same["terms"]["changed"]) == ([], 0)
    assert is_problem(doors.get(f"/v1/policies/{draft['id']}/diff?against=pol_none"), 404, "unknown_policy")


def test_operators_read_and_administrators_write(doors: Doors) -> None:
    draft = a_draft(doors)
    assert doors.get(f"/v1/policies/{draft['id']}", role=Role.OPERATOR).status_code == 200
    assert is_problem(doors.post(f"/v1/policies/{draft['id']}/publish", role=Role.OPERATOR), 403, "scope_missing")
    assert is_problem(doors.get("/v1/policies", role=Role.STOREFRONT), 403, "scope_missing")
