"""Events for the outside, written in the transaction of what they tell of, each once."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from ulid import ULID

from database.tables import events


def announce(session: Session, case_id: str, kind: str, *, key: str, at: datetime, data: dict[str, Any]) -> None:
    """Thin on purpose: ids and stages, no personal data; who wants more fetches the return."""
    session.execute(
        insert(events)
        .values(
            id=f"evt_{ULID()}", case_id=case_id, key=key, type=kind, data={"return_id": case_id, **data}, created_at=at
        )
        .on_conflict_do_nothing()
    )
