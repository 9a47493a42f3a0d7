"""Parcels: ordered, labelled, scanned, received."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import parcels
from domain.errors import Missing


class UnknownParcel(Missing):
    code = "unknown_parcel"
    title = "There is no such parcel"
    next_action = "Scan the label or the RMA number again, or look the return up by its order."


def order(session: Session, values: dict[str, Any]) -> bool:
    """Write down that a parcel is being ordered, before the carrier hears of it; False when it was written before."""
    done = session.execute(insert(parcels).values(values).on_conflict_do_nothing().returning(parcels.c.id))
    return done.first() is not None


def complete(session: Session, parcel_id: str, values: dict[str, Any]) -> None:
    session.execute(update(parcels).where(parcels.c.id == parcel_id).values(values))


def get(session: Session, code: str, *, lock: bool = False) -> Row[Any]:
    """By our id or by the tracking code; carriers use codes again, so the newest parcel with it is meant."""
    question = (
        select(parcels)
        .where((parcels.c.id == code) | (parcels.c.tracking_code == code))
        .order_by(parcels.c.created_at.desc())
        .limit(1)
    )
    row = session.execute(question.with_for_update() if lock else question).one_or_none()
    if row is None:
        raise UnknownParcel(f"There is no parcel {code!r}.", parcel=code)
    return row


def of_case(session: Session, case_id: str) -> Sequence[Row[Any]]:
    return session.execute(
        select(parcels).where(parcels.c.case_id == case_id).order_by(parcels.c.created_at, parcels.c.id)
    ).all()


def of_cases(session: Session, case_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """The parcels of each case, oldest first; one question for all of them."""
    found: dict[str, list[Row[Any]]] = {case_id: [] for case_id in case_ids}
    question = select(parcels).where(parcels.c.case_id.in_(case_ids)).order_by(parcels.c.created_at, parcels.c.id)
    for row in session.execute(question):
        found[row.case_id].append(row)
    return found


def inbound(session: Session, case_id: str) -> Row[Any] | None:
    """The latest parcel on the way in: the one that counts when a label was booked again."""
    return session.execute(
        select(parcels)
        .where(parcels.c.case_id == case_id, parcels.c.direction == "return")
        .order_by(parcels.c.created_at.desc())
        .limit(1)
    ).one_or_none()


def never_collected(session: Session, case_id: str, *, before: str) -> bool:
    """Whether the pickup that was booked before this parcel passed without a word of the carrier."""
    latest = session.execute(
        select(parcels.c.method, parcels.c.status)
        .where(parcels.c.case_id == case_id, parcels.c.direction == "return", parcels.c.id != before)
        .order_by(parcels.c.created_at.desc())
        .limit(1)
    ).one_or_none()
    return latest is not None and (latest.method, latest.status) == ("pickup", "label_created")


def receive(session: Session, parcel_id: str, *, by: str, at: datetime) -> None:
    session.execute(
        update(parcels).where(parcels.c.id == parcel_id).values(received_at=at, received_by=by, status="received")
    )
