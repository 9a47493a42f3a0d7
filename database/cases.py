"""The row of a case: opened, locked, moved along, written over by the running case, and read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import case_lines, case_runs, cases, reconciliation_differences
from domain.case import Outcome, face, outcome
from domain.errors import Missing
from domain.replica import from_json, to_json
from domain.stages import ENDS, Stage
from domain.state import State


class UnknownReturn(Missing):
    code = "unknown_return"
    title = "There is no such return"
    next_action = "Check the return's id or RMA number; lists show the ones you may see."


# Ends after which the units may come back in another return.
FREES_UNITS = frozenset({Stage.REFUSED, Stage.CANCELLED, Stage.EXPIRED, Stage.SENT_BACK})


def next_rma(session: Session) -> str:
    return f"RMA{session.scalar(text('SELECT nextval(:name)'), {'name': 'rma_numbers'})}"


def open_case(session: Session, values: dict[str, Any], lines: Sequence[dict[str, Any]], state: State) -> None:
    """The new case and its lines."""
    session.execute(cases.insert().values({**values, **_faced(state), "state": to_json(state)}))
    session.execute(case_lines.insert(), list(lines))


def lock(session: Session, case_id: str) -> Row[Any]:
    """The case's row, locked until the end of the transaction."""
    row = session.execute(select(cases).where(cases.c.id == case_id).with_for_update()).one_or_none()
    if row is None:
        raise UnknownReturn(f"There is no return {case_id!r}.", return_id=case_id)
    return row


def move(session: Session, row: Row[Any], after: State, at: datetime, *, took_fact: bool) -> None:
    """Move a locked row to the state `after`; free or hold the order's units where an end is entered or left."""
    was_ended, is_ended = row.stage in ENDS, after.stage in ENDS
    if after.stage in FREES_UNITS and not was_ended:
        free_units(session, row.id)
    values: dict[str, Any] = {"state": to_json(after), "version": row.version + 1, **_faced(after)}
    if is_ended:
        refunded = session.scalar(select(cases.c.refunded_minor).where(cases.c.id == row.id)) or 0
        ended: Outcome | None = outcome(
            after.stage, refunded_minor=refunded, asked_minor=row.quoted_minor, verdict=after.verdict
        )
        values |= {"outcome": ended, "closed_at": row.closed_at or at}
    elif was_ended:
        values |= {"outcome": None, "closed_at": None}
    if took_fact:
        values["trouble"] = None
    session.execute(update(cases).where(cases.c.id == row.id).values(values))


def write_over(session: Session, case_id: str, state: State, *, run_id: str, seq: int, at: datetime) -> int:
    """The running case's own word on its state; the row's version after it.

    A superseded run, and an older word of the same run, change nothing.
    """
    row = lock(session, case_id)
    version: int = row.version
    epoch = epoch_of(session, case_id, run_id)
    if (epoch, seq) < (row.run_epoch, row.run_seq):
        return version
    if from_json(row.state) != state:
        move(session, row, state, at, took_fact=False)
        version += 1
    session.execute(update(cases).where(cases.c.id == case_id).values(run_id=run_id, run_epoch=epoch, run_seq=seq))
    return version


def epoch_of(session: Session, case_id: str, run_id: str) -> int:
    """The order in which the runs of a case first wrote; the case's row must be locked."""
    question = select(case_runs.c.epoch).where(case_runs.c.case_id == case_id, case_runs.c.run_id == run_id)
    known: int | None = session.execute(question).scalar_one_or_none()
    if known is not None:
        return known
    highest: int | None = session.scalar(select(func.max(case_runs.c.epoch)).where(case_runs.c.case_id == case_id))
    epoch = 1 + (highest or 0)
    session.execute(insert(case_runs).values(case_id=case_id, run_id=run_id, epoch=epoch))
    return epoch


def note_trouble(session: Session, case_id: str, trouble: dict[str, Any] | None) -> None:
    """What a partner said the last time it did not do what was asked; shown while it is tried again."""
    session.execute(update(cases).where(cases.c.id == case_id).values(trouble=trouble))


def note_refunds(session: Session, case_id: str, minor_by_line: dict[str, int]) -> None:
    """What each line of the case brings back, before fees."""
    if minor_by_line:
        session.execute(
            text("UPDATE case_lines SET refund_minor = :minor WHERE case_id = :case_id AND id = :line_id"),
            [{"case_id": case_id, "line_id": line_id, "minor": minor} for line_id, minor in minor_by_line.items()],
        )


def mark_started(session: Session, case_id: str) -> None:
    session.execute(
        update(cases).where(cases.c.id == case_id, cases.c.started_at.is_(None)).values(started_at=func.now())
    )


def not_started(session: Session, *, opened_before: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    """Cases whose workflow is not known to run: opened, and then the process died before it could be started."""
    return session.execute(
        select(cases)
        .where(cases.c.started_at.is_(None), cases.c.stage != Stage.REFUSED, cases.c.opened_at < opened_before)
        .order_by(cases.c.opened_at)
        .limit(limit)
    ).all()


def free_units(session: Session, case_id: str) -> None:
    """The units of an ended case may come back in another return."""
    session.execute(text(_CLAIM.format(sign="-", lines="holds_units")), {"case_id": case_id})
    session.execute(update(case_lines).where(case_lines.c.case_id == case_id).values(holds_units=False))


def reconsider(session: Session, case_id: str) -> bool:
    """Let the refused lines of a case be decided anew; False where none of them has a purchase behind it."""
    reconsidered = session.execute(
        update(case_lines)
        .where(
            case_lines.c.case_id == case_id,
            case_lines.c.verdict == "refused",
            case_lines.c.order_line_id.is_not(None),
        )
        .values(verdict="referred")
        .returning(case_lines.c.id)
    )
    return bool(reconsidered.all()) or bool(
        session.scalar(
            select(func.count()).where(case_lines.c.case_id == case_id, case_lines.c.order_line_id.is_not(None))
        )
    )


def note_quote(session: Session, case_id: str, minor: int) -> None:
    """What the lines of the case would bring back in full."""
    session.execute(update(cases).where(cases.c.id == case_id).values(quoted_minor=minor))


def hold_units_again(session: Session, case_id: str) -> bool:
    """Take the units back for a case that is opened again; False, and nothing taken, when another return has them now."""
    if session.scalar(select(func.count()).where(case_lines.c.case_id == case_id, case_lines.c.holds_units)):
        return True
    lines = "order_line_id IS NOT NULL AND verdict <> 'refused'"
    if session.scalar(text(_TAKEN.format(lines=lines)), {"case_id": case_id}):
        return False
    session.execute(text(_CLAIM.format(sign="+", lines=lines)), {"case_id": case_id})
    session.execute(
        text(f"UPDATE case_lines SET holds_units = true WHERE case_id = :case_id AND {lines}"), {"case_id": case_id}
    )
    return True


_UNITS = """(
    SELECT order_id, order_line_id, sum(quantity) AS units FROM case_lines
    WHERE case_id = :case_id AND {lines} GROUP BY order_id, order_line_id
) AS mine"""
_CLAIM = (
    "UPDATE order_lines SET claimed = claimed {sign} mine.units FROM "
    + _UNITS
    + " WHERE order_lines.order_id = mine.order_id AND order_lines.id = mine.order_line_id"
)
_TAKEN = (
    "SELECT 1 FROM order_lines JOIN "
    + _UNITS
    + " ON order_lines.order_id = mine.order_id AND order_lines.id = mine.order_line_id"
    " WHERE order_lines.claimed + mine.units > order_lines.quantity FOR UPDATE OF order_lines LIMIT 1"
)


def get(session: Session, case_id: str) -> Row[Any]:
    """By id or by RMA number."""
    row = session.execute(select(cases).where(or_(cases.c.id == case_id, cases.c.rma == case_id))).one_or_none()
    if row is None:
        raise UnknownReturn(f"There is no return {case_id!r}.", return_id=case_id)
    return row


def lines_of(session: Session, case_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """The lines of each case, in order; one question for all of them."""
    found: dict[str, list[Row[Any]]] = {case_id: [] for case_id in case_ids}
    for row in session.execute(
        select(case_lines).where(case_lines.c.case_id.in_(case_ids)).order_by(case_lines.c.case_id, case_lines.c.id)
    ):
        found[row.case_id].append(row)
    return found


def search(
    session: Session,
    *,
    stage: str | None = None,
    status: str | None = None,
    tier: str | None = None,
    market: str | None = None,
    customer: str | None = None,
    due_before: datetime | None = None,
    needs_attention: bool | None = None,
    q: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> Sequence[Row[Any]]:
    """Newest first; `after` is the (opened_at, id) of the last row of the page before. Asks for one row more than `limit`."""
    wanted = [
        cases.c.stage == stage if stage else None,
        cases.c.status == status if status else None,
        cases.c.tier == tier if tier else None,
        cases.c.market == market if market else None,
        cases.c.customer_id == customer if customer else None,
        cases.c.due_at < due_before if due_before else None,
        None if needs_attention is None else _needs_attention() == needs_attention,
        or_(cases.c.id == q, cases.c.rma == q, cases.c.order_id == q, cases.c.customer_id == q) if q else None,
        or_(cases.c.opened_at < after[0], and_(cases.c.opened_at == after[0], cases.c.id < after[1]))
        if after
        else None,
    ]
    question = select(cases).where(*[condition for condition in wanted if condition is not None])
    return session.execute(question.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit + 1)).all()


def _needs_attention() -> ColumnElement[bool]:
    """It cannot move by itself, or a payment provider's books say otherwise about its refund."""
    differ = reconciliation_differences.c
    return or_(
        cases.c.stage == Stage.ATTENTION,
        select(differ.id).where(differ.case_id == cases.c.id, differ.status == "open").exists(),
    )


def _faced(state: State) -> dict[str, Any]:
    shown = face(state)
    return {
        "stage": shown.stage,
        "status": shown.status,
        "due_at": shown.due_at,
        "due_owner": shown.due_owner,
        "due_default": shown.due_default,
        "attention_reason": shown.attention_reason,
        "attention_since": shown.attention_since,
    }
