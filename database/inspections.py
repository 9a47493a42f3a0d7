"""What the bench found, line by line, and what the case's lines come to with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from database.tables import inspection_lines, inspections


@dataclass(frozen=True)
class Judged:
    """Units of a case line under one grade."""

    line_id: str
    quantity: int
    grade: str
    accepted: bool
    findings: tuple[str, ...]
    disposition: str


def add(session: Session, case_id: str, inspection_id: str, judged: Sequence[Judged], *, by: str, at: datetime) -> None:
    before = session.scalar(select(func.count()).where(inspections.c.case_id == case_id)) or 0
    session.execute(inspections.insert().values(id=inspection_id, case_id=case_id, by=by, at=at, round=before + 1))
    session.execute(
        inspection_lines.insert(),
        [
            {
                "inspection_id": inspection_id,
                "line_id": found.line_id,
                "position": position,
                "quantity": found.quantity,
                "grade": found.grade,
                "accepted": found.accepted,
                "findings": list(found.findings),
                "disposition": found.disposition,
            }
            for position, found in enumerate(judged)
        ],
    )
    accepted: dict[str, int] = {}
    worst: dict[str, Judged] = {}
    for found in judged:
        accepted[found.line_id] = accepted.get(found.line_id, 0) + (found.quantity if found.accepted else 0)
        if found.line_id not in worst or found.grade > worst[found.line_id].grade:
            worst[found.line_id] = found
    received = {line_id: sum(found.quantity for found in judged if found.line_id == line_id) for line_id in worst}
    session.execute(
        text(
            "UPDATE case_lines SET accepted = :accepted, received = :received, grade = :grade, disposition = :disposition"
            " WHERE case_id = :case_id AND id = :line_id"
        ),
        [
            {
                "case_id": case_id,
                "line_id": line_id,
                "accepted": accepted[line_id],
                "received": received[line_id],
                "grade": found.grade,
                "disposition": found.disposition,
            }
            for line_id, found in worst.items()
        ],
    )


def of_case(session: Session, case_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(
        select(inspections.c.id, inspections.c.by, inspections.c.at, inspection_lines)
        .join(inspection_lines, inspection_lines.c.inspection_id == inspections.c.id)
        .where(inspections.c.case_id == case_id)
        .order_by(inspections.c.at, inspection_lines.c.position)
    ).all()


def accepted_by_grade(session: Session, case_id: str) -> dict[str, list[tuple[str, int]]]:
    """By case line: (grade, units) of what was accepted at the last look at it."""
    latest = (
        select(inspections.c.id).where(inspections.c.case_id == case_id).order_by(inspections.c.round.desc()).limit(1)
    )
    found: dict[str, list[tuple[str, int]]] = {}
    rows = session.execute(
        select(inspection_lines.c.line_id, inspection_lines.c.grade, inspection_lines.c.quantity)
        .where(inspection_lines.c.inspection_id == latest.scalar_subquery(), inspection_lines.c.accepted)
        .order_by(inspection_lines.c.position)
    )
    for line_id, grade, quantity in rows:
        found.setdefault(line_id, []).append((grade, quantity))
    return found
