"""Credit notes: numbered and written down with the decision that they are for, and read as they were made."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import credit_note_series, credit_notes, customers, order_lines, orders
from domain.credit_note import Buyer, CreditNote, Sold, from_json, numbered, to_json
from domain.errors import Missing


class UnknownCreditNote(Missing):
    code = "unknown_credit_note"
    title = "There is no such credit note"
    next_action = "Check the number; GET /v1/returns/{return_id}/credit-notes lists those of a return."


def issue(session: Session, notes: Sequence[CreditNote], at: datetime) -> list[CreditNote]:
    """Give each note the next number of its seller's year, and write it down.

    The row of the series is locked until the transaction ends: settlements of one seller follow each other from here on, and what is
    rolled back leaves no gap. So this comes last in a transaction. Sellers are taken in the order of their ids, always.
    """
    made = []
    for note in sorted(notes, key=lambda note: note.seller.id):
        made.append(numbered(note, _next(session, note.seller.id, note.year)))
        session.execute(credit_notes.insert().values(_row(made[-1], at)))
    return made


def _next(session: Session, seller: str, year: int) -> int:
    begun = insert(credit_note_series).values(seller=seller, year=year, last=1)
    going_on = begun.on_conflict_do_update(
        index_elements=["seller", "year"], set_={"last": credit_note_series.c.last + 1}
    )
    return int(session.execute(going_on.returning(credit_note_series.c.last)).scalar_one())


def _row(note: CreditNote, at: datetime) -> dict[str, Any]:
    return {
        "number": note.number,
        "seller": note.seller.id,
        "year": note.year,
        "sequence": note.sequence,
        "case_id": note.case_id,
        "settlement": note.settlement,
        "currency": note.currency,
        "net_minor": note.net_minor,
        "tax_minor": note.tax_minor,
        "gross_minor": note.gross_minor,
        "refunded_minor": note.refunded_minor,
        "content": to_json(note),
        "issued_on": note.issued_on,
        "created_at": at,
    }


def get(session: Session, number: str) -> CreditNote:
    content = session.scalar(select(credit_notes.c.content).where(credit_notes.c.number == number))
    if content is None:
        raise UnknownCreditNote(f"There is no credit note {number!r}.", number=number)
    return from_json(content)


def of_case(session: Session, case_id: str) -> list[CreditNote]:
    """In the order of their settlements; within one, by seller."""
    found = session.scalars(
        select(credit_notes.c.content)
        .where(credit_notes.c.case_id == case_id)
        .order_by(credit_notes.c.settlement, credit_notes.c.seller)
    )
    return [from_json(content) for content in found]


def numbers_of(session: Session, case_ids: Sequence[str]) -> dict[str, list[str]]:
    """Per case, the numbers of its notes."""
    numbers: dict[str, list[str]] = {case_id: [] for case_id in case_ids}
    for row in session.execute(
        select(credit_notes.c.case_id, credit_notes.c.number)
        .where(credit_notes.c.case_id.in_(case_ids))
        .order_by(credit_notes.c.settlement, credit_notes.c.seller)
    ):
        numbers[row.case_id].append(row.number)
    return numbers


GAPS = (
    "SELECT s.seller, s.year, s.last, count(n.number) AS notes FROM credit_note_series s"
    " LEFT JOIN credit_notes n ON n.seller = s.seller AND n.year = s.year GROUP BY s.seller, s.year, s.last"
    " HAVING count(n.number) <> s.last OR coalesce(max(n.sequence), 0) <> s.last"
)
"""Series whose notes are not exactly 1 to the last number given out (seller, year, last, notes)."""


def gaps(session: Session) -> Sequence[Row[Any]]:
    """What `GAPS` finds: nothing, on a sound database."""
    return session.execute(text(GAPS)).all()


# --- what a note says of the sale ---


def sold(session: Session, keys: Iterable[tuple[str, str]]) -> tuple[dict[tuple[str, str], Sold], dict[str, datetime]]:
    """What order lines (order id, line id) say of the goods, and when their orders were placed."""
    rows = session.execute(
        select(
            order_lines.c.order_id,
            order_lines.c.id,
            order_lines.c.description,
            order_lines.c.seller,
            orders.c.placed_at,
        )
        .join_from(order_lines, orders, orders.c.id == order_lines.c.order_id)
        .where(tuple_(order_lines.c.order_id, order_lines.c.id).in_(list(keys)))
    ).all()
    return (
        {(row.order_id, row.id): Sold(row.description, row.seller) for row in rows},
        {row.order_id: row.placed_at for row in rows},
    )


def buyer(session: Session, customer_id: str | None) -> tuple[Buyer, str | None]:
    """The customer as the engine was told of them, and their language."""
    found = session.execute(select(customers).where(customers.c.id == customer_id)).one_or_none()
    if customer_id is None or found is None:
        return Buyer(customer_id), None
    return Buyer(found.id, found.name, found.country), found.locale
