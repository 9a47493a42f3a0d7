"""Policies: drafts written and replaced, versions published once, and the one that counts at a moment."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, update
from sqlalchemy.orm import Session

from database.tables import policies
from domain.errors import Missing


class UnknownPolicy(Missing):
    code = "unknown_policy"
    title = "There is no such policy"
    next_action = "Check the policy's id; GET /v1/policies lists them."


@dataclass(frozen=True)
class Draft:
    """What a draft is made of: what its text calls itself, the text, and a note for those who read it."""

    programme: str
    version: str
    title: str
    text: str
    note: str

    @property
    def columns(self) -> dict[str, str]:
        return {
            "programme": self.programme,
            "version": self.version,
            "title": self.title,
            "text": self.text,
            "checksum": checksum(self.text),
            "note": self.note,
        }


def checksum(text: str) -> str:
    """SHA-256 of a text: the same for the same words, and the policy's ETag."""
    return hashlib.sha256(text.encode()).hexdigest()


def id_at(session: Session, programme: str, at: datetime) -> str | None:
    """The published version of a programme that counts at a moment, if any does. One look into one index."""
    return session.scalars(
        select(policies.c.id)
        .where(policies.c.programme == programme, policies.c.effective_from <= at)
        .order_by(policies.c.effective_from.desc())
        .limit(1)
    ).first()


def get(session: Session, policy_id: str, *, lock: bool = False) -> Row[Any]:
    query = select(policies).where(policies.c.id == policy_id)
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise UnknownPolicy(f"There is no policy {policy_id!r}.")
    return row


def every(session: Session, programme: str | None = None) -> Sequence[Row[Any]]:
    """All drafts and versions, without their texts, the newest first."""
    columns = [column for column in policies.c if column.name not in ("text", "tiers")]
    query: Select[Any] = select(*columns).order_by(policies.c.created_at.desc(), policies.c.id.desc())
    return session.execute(query if programme is None else query.where(policies.c.programme == programme)).all()


def published(session: Session, programme: str) -> Sequence[Row[Any]]:
    """Version, moment and id of each version of a programme that was published."""
    query: Select[Any] = select(policies.c.id, policies.c.version, policies.c.effective_from)
    return session.execute(query.where(policies.c.programme == programme, policies.c.published_at.is_not(None))).all()


def hold(session: Session, programme: str) -> None:
    """One at a time publishes versions of a programme: others wait here until this transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"policies:{programme}"))))


def add(session: Session, policy_id: str, draft: Draft, *, by: str, at: datetime) -> None:
    session.execute(policies.insert().values(id=policy_id, created_by=by, created_at=at, **draft.columns))


def replace(session: Session, policy_id: str, draft: Draft) -> None:
    session.execute(update(policies).where(policies.c.id == policy_id).values(**draft.columns))


def remove(session: Session, policy_id: str) -> None:
    session.execute(delete(policies).where(policies.c.id == policy_id))


def publish(
    session: Session,
    policy_id: str,
    *,
    tiers: str,
    law: str,
    accepted: Sequence[dict[str, Any]],
    by: str,
    at: datetime,
    effective_from: datetime,
) -> None:
    session.execute(
        update(policies)
        .where(policies.c.id == policy_id)
        .values(
            tiers=tiers,
            law=law,
            accepted=list(accepted),
            published_by=by,
            published_at=at,
            effective_from=effective_from,
        )
    )
