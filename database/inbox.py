"""Partners' events: stored once, answered at once, worked after."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import inbox


def store(session: Session, provider: str, event_id: str, kind: str, body: dict[str, Any]) -> bool:
    """False when the same event was stored before."""
    values = {"provider": provider, "event_id": event_id, "type": kind, "body": body}
    return (
        session.execute(insert(inbox).values(values).on_conflict_do_nothing().returning(inbox.c.event_id)).first()
        is not None
    )


def unworked_body(session: Session, provider: str, event_id: str) -> dict[str, Any] | None:
    """What a stored event says; None when it was worked already."""
    found: dict[str, Any] | None = session.execute(
        select(inbox.c.body).where(
            inbox.c.provider == provider, inbox.c.event_id == event_id, inbox.c.worked_at.is_(None)
        )
    ).scalar_one_or_none()
    return found


def take(session: Session, provider: str, event_id: str) -> Row[Any] | None:
    """An event that is not worked yet, locked; None when it was worked, or somebody else works it now."""
    return session.execute(
        select(inbox)
        .where(inbox.c.provider == provider, inbox.c.event_id == event_id, inbox.c.worked_at.is_(None))
        .with_for_update(skip_locked=True)
    ).one_or_none()


def unworked(session: Session, *, received_before: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    return session.execute(
        select(inbox)
        .where(inbox.c.worked_at.is_(None), inbox.c.received_at < received_before)
        .order_by(inbox.c.received_at)
        .limit(limit)
    ).all()


def mark_worked(session: Session, provider: str, event_id: str, result: str) -> None:
    session.execute(
        update(inbox)
        .where(inbox.c.provider == provider, inbox.c.event_id == event_id)
        .values(worked_at=func.now(), result=result)
    )
