"""Recording a fact: the timeline row, the case's row moved along by the rule, and the event for the outside, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database import cases, events
from database.tables import facts as facts_table
from domain.case import announcements
from domain.process import decide
from domain.replica import digest, from_json, to_json
from domain.state import Fact, FactKind, State

Tell = Literal["update", "signal"]


@dataclass(frozen=True)
class Recorded:
    """A fact as it stands in the timeline (with what was `seen`), the case's state after it, and whether it is new."""

    fact: Fact
    state: State
    new: bool
    told: bool = False  # whether the running case must hear of it


def record(
    session: Session,
    case_id: str,
    fact: Fact,
    *,
    tell: Tell | None = None,
    epoch: int = 0,
    about: dict[str, Any] | None = None,
) -> Recorded:
    """Record `fact` once; recorded already, it is found again and nothing changes. The case's row is locked until the commit.

    `tell` says how the running case will hear of it; None when it was the one that said it. `about` is added to announced events.
    """
    row = cases.lock(session, case_id)
    before = from_json(row.state)
    if found := find(session, case_id, fact.id):
        return Recorded(replace(found, seen=digest(before), row=row.version), before, new=False)
    after, _ = decide(before, fact)
    cases.move(session, row, after, fact.at, took_fact=True)
    recorded = replace(fact, seen=digest(after), row=row.version + 1)
    session.execute(
        facts_table.insert().values(
            case_id=case_id,
            id=fact.id,
            kind=fact.kind,
            at=fact.at,
            by=fact.by,
            data=fact.data,
            stage=after.stage,
            seen=recorded.seen,
            row_version=recorded.row,
            run_epoch=epoch or row.run_epoch,
            tell=tell if after != before else None,  # what changes nothing here changes nothing there
            reopens=to_json(before) if before.ended and not after.ended else None,
        )
    )
    for kind in announcements(before, after, fact):
        events.announce(
            session, case_id, kind, key=f"{kind}:{fact.id}", at=fact.at, data={"stage": after.stage, **(about or {})}
        )
    return Recorded(recorded, after, new=True, told=bool(tell) and after != before)


def note_opening(
    session: Session,
    case_id: str,
    at: datetime,
    by: str,
    steps: Sequence[tuple[str, str, dict[str, Any]]],
    *,
    announce: State,
) -> None:
    """The first rows of a timeline: requested, checked, and what was decided; `steps` are (kind, stage, data)."""
    session.execute(
        insert(facts_table),
        [
            {"case_id": case_id, "id": kind, "kind": kind, "at": at, "by": by, "data": data, "stage": stage}
            for kind, stage, data in steps
        ],
    )
    for kind in announcements(None, announce, None):
        events.announce(session, case_id, kind, key=f"{kind}:opened", at=at, data={"stage": announce.stage})


def note(
    session: Session,
    case_id: str,
    fact_id: str,
    *,
    kind: str,
    stage: str,
    by: str,
    at: datetime,
    data: dict[str, Any],
) -> None:
    """A row of the timeline that moves nothing: the running case is not told of it."""
    session.execute(
        insert(facts_table)
        .values(case_id=case_id, id=fact_id, kind=kind, at=at, by=by, data=data, stage=stage)
        .on_conflict_do_nothing()
    )


def reopens(session: Session, case_id: str, fact_id: str) -> dict[str, Any] | None:
    """The ended state that a recorded fact opened again, as it was written down."""
    found: dict[str, Any] | None = session.execute(
        select(facts_table.c.reopens).where(facts_table.c.case_id == case_id, facts_table.c.id == fact_id)
    ).scalar_one_or_none()
    return found


def apply_to_end(session: Session, row: Row[Any], fact: Fact) -> State | None:
    """Apply a recorded fact to a locked row that has ended since; the end it opened again, or None when it changes nothing."""
    before = from_json(row.state)
    after, _ = decide(before, fact)
    if not before.ended or after.ended:
        return None
    cases.hold_units_again(session, row.id)
    cases.move(session, row, after, fact.at, took_fact=True)
    session.execute(
        update(facts_table)
        .where(facts_table.c.case_id == row.id, facts_table.c.id == fact.id)
        .values(reopens=to_json(before))
    )
    return before


def find(session: Session, case_id: str, fact_id: str) -> Fact | None:
    row = session.execute(
        select(facts_table).where(facts_table.c.case_id == case_id, facts_table.c.id == fact_id)
    ).one_or_none()
    return fact_of(row) if row else None


def fact_of(row: Row[Any]) -> Fact:
    return Fact(FactKind(row.kind), row.at, row.id, row.by, row.data, row.seen, row.row_version)


def timeline(session: Session, case_id: str) -> Sequence[Row[Any]]:
    return session.execute(
        select(facts_table).where(facts_table.c.case_id == case_id).order_by(facts_table.c.number)
    ).all()


def latest(session: Session, case_id: str, kind: FactKind) -> Row[Any] | None:
    """Who said it last, and when: for the second person who wants to say the same."""
    return session.execute(
        select(facts_table)
        .where(facts_table.c.case_id == case_id, facts_table.c.kind == kind)
        .order_by(facts_table.c.number.desc())
        .limit(1)
    ).one_or_none()


def untold(session: Session, *, recorded_before: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    """Facts that a running case has not heard yet, oldest first."""
    return session.execute(
        select(facts_table)
        .where(facts_table.c.tell.is_not(None), facts_table.c.told_at.is_(None), facts_table.c.at < recorded_before)
        .order_by(facts_table.c.number)
        .limit(limit)
    ).all()


def mark_told(session: Session, case_id: str, fact_id: str, answer: str | None = None) -> None:
    session.execute(
        update(facts_table)
        .where(facts_table.c.case_id == case_id, facts_table.c.id == fact_id)
        .values(told_at=func.now(), answer=answer)
    )
