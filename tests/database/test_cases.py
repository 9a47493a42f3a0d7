"""The case's row: what is superseded changes nothing, and units are held and freed with the return."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database import cases
from database.engine import Sessions
from domain.limits import Limits
from domain.stages import Stage
from domain.state import Method, State

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
LIMITS = Limits("24h", "1h", "7d", "72h", 2, "14d", "2bd", "1bd", "24h")
BOOKED = State(Stage.BOOKED, AT, Method.LABEL, LIMITS, due=AT + timedelta(days=7))


def open_case(made: Sessions, case_id: str, state: State = BOOKED) -> str:
    values: dict[str, Any] = {
        "id": case_id,
        "rma": f"RMA-{case_id}",
        "tier": "ENTRY",
        "market": "UK",
        "programme": "standard",
        "policy_version": "1",
        "currency": "GBP",
        "resolution": "refund",
        "method": "label",
        "terms": {},
        "explanation": [],
        "referred": False,
        "opened_by": "a test",
        "declared_at": AT,
        "opened_at": AT,
    }
    line: dict[str, Any] = {
        "case_id": case_id,
        "id": "rl_1",
        "order_id": None,
        "order_line_id": None,
        "sku": "CUP",
        "quantity": 1,
        "reason": "no_reason",
        "note": None,
        "verdict": "eligible",
        "verdict_reasons": [],
        "holds_units": False,
    }
    with made.begin() as session:
        cases.open_case(session, values, [line], state)
    return case_id


def stage_of(made: Sessions, case_id: str) -> str:
    with made() as session:
        return str(cases.get(session, case_id).stage)


def write_over(made: Sessions, case_id: str, stage: Stage, *, run: str, seq: int) -> None:
    with made.begin() as session:
        cases.write_over(session, case_id, replace(BOOKED, stage=stage), run_id=run, seq=seq, at=AT)


def test_a_superseded_run_changes_nothing_any_more(made_sessions: Sessions) -> None:
    case_id = open_case(made_sessions, "superseded")
    write_over(made_sessions, case_id, Stage.IN_TRANSIT, run="first", seq=3)
    write_over(made_sessions, case_id, Stage.BOOKED, run="reset", seq=1)
    write_over(made_sessions, case_id, Stage.RECEIVED, run="first", seq=4)
    assert stage_of(made_sessions, case_id) == "booked"


def test_an_older_word_of_the_same_run_changes_nothing(made_sessions: Sessions) -> None:
    case_id = open_case(made_sessions, "older")
    write_over(made_sessions, case_id, Stage.RECEIVED, run="one", seq=5)
    write_over(made_sessions, case_id, Stage.IN_TRANSIT, run="one", seq=4)
    assert stage_of(made_sessions, case_id) == "received"


def test_an_end_has_a_moment_and_an_outcome_and_no_deadline(made_sessions: Sessions) -> None:
    case_id = open_case(made_sessions, "ended")
    with made_sessions.begin() as session:
        row = cases.lock(session, case_id)
        cases.move(session, row, replace(BOOKED, stage=Stage.EXPIRED, due=None), AT, took_fact=True)
    with made_sessions() as session:
        row = cases.get(session, case_id)
    assert (row.outcome, row.closed_at, row.due_at, row.due_owner) == ("expired", AT, None, None)


def test_a_case_is_found_by_its_rma_number_too(made_sessions: Sessions) -> None:
    case_id = open_case(made_sessions, "by_rma")
    with made_sessions() as session:
        assert cases.get(session, "RMA-by_rma").id == case_id
        with pytest.raises(cases.UnknownReturn):
            cases.get(session, "RMA-nothing")


def test_pages_follow_each_other_without_gap_or_overlap(made_sessions: Sessions) -> None:
    for number in range(7):
        open_case(made_sessions, f"page_{number}")
    seen: list[str] = []
    after = None
    with made_sessions() as session:
        while True:
            rows = cases.search(session, after=after, limit=3)
            seen += [row.id for row in rows[:3]]
            if len(rows) <= 3:
                break
            after = (rows[2].opened_at, rows[2].id)
    assert len(seen) == len(set(seen))
    assert {f"page_{number}" for number in range(7)} <= set(seen)
