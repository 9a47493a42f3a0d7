"""Booking entries, each once, and asking what the accounts stand at."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import ledger_entries, ledger_postings
from domain.ledger import Entry, EntryKind, Posting


def book(session: Session, entry: Entry, at: datetime) -> bool:
    """Book an entry; False when it was booked before, or when there is nothing to move."""
    if not entry.postings:
        return False
    values = {"key": entry.key, "kind": entry.kind, "case_id": entry.case_id, "at": at}
    booked = session.execute(
        insert(ledger_entries).values(values).on_conflict_do_nothing().returning(ledger_entries.c.id)
    ).scalar_one_or_none()
    if booked is None:
        return False
    session.execute(
        ledger_postings.insert(),
        [
            {
                "entry_id": booked,
                "position": position,
                "account": posting.account,
                "amount_minor": posting.amount_minor,
                "currency": posting.currency,
                "rule": posting.rule or None,
                "source": posting.source or None,
            }
            for position, posting in enumerate(entry.postings)
        ],
    )
    return True


def find(session: Session, key: str) -> Entry | None:
    head = session.execute(select(ledger_entries).where(ledger_entries.c.key == key)).one_or_none()
    if head is None:
        return None
    postings = session.execute(
        select(ledger_postings).where(ledger_postings.c.entry_id == head.id).order_by(ledger_postings.c.position)
    )
    return Entry(
        EntryKind(head.kind),
        head.key,
        head.case_id,
        tuple(
            Posting(row.account, row.amount_minor, row.currency, row.rule or "", row.source or "") for row in postings
        ),
    )


def of_case(session: Session, case_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """Postings of a case with their entries, in the order they were booked."""
    return session.execute(
        select(
            ledger_entries.c.id,
            ledger_entries.c.key,
            ledger_entries.c.kind,
            ledger_entries.c.at,
            ledger_postings.c.account,
            ledger_postings.c.amount_minor,
            ledger_postings.c.currency,
        )
        .join(ledger_postings, ledger_postings.c.entry_id == ledger_entries.c.id)
        .where(ledger_entries.c.case_id == case_id)
        .order_by(ledger_entries.c.id, ledger_postings.c.position)
    ).all()


def balances(session: Session) -> dict[tuple[str, str], int]:
    """What each (account, currency) stands at."""
    rows = session.execute(
        select(
            ledger_postings.c.account,
            ledger_postings.c.currency,
            func.sum(ledger_postings.c.amount_minor).label("total"),
        ).group_by(ledger_postings.c.account, ledger_postings.c.currency)
    )
    return {(row.account, row.currency): int(row.total) for row in rows}
