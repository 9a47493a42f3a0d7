"""Credit notes: numbered for each seller and year without a gap, and never changed once they are made."""

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Integer, Table, UniqueConstraint

from database.tables.base import Currency, Id, Json, Minor, Moment, metadata

# The last number given out. A row and no sequence of the database's: what is rolled back gives its number back.
credit_note_series = Table(
    "credit_note_series",
    metadata,
    Column("seller", Id, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
    CheckConstraint("last > 0", name="last_positive"),
)

credit_notes = Table(
    "credit_notes",
    metadata,
    Column("number", Id, primary_key=True),  # CN-2026-000001
    Column("seller", Id, nullable=False),
    Column("year", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("settlement", Integer, nullable=False),
    Column("currency", Currency, nullable=False),
    Column("net_minor", Minor, nullable=False),
    Column("tax_minor", Minor, nullable=False),
    Column("gross_minor", Minor, nullable=False),
    Column("refunded_minor", Minor, nullable=False),  # gross less the fees that were kept
    Column("content", Json, nullable=False),  # the whole note, as domain/credit_note.py writes it
    Column("issued_on", Date, nullable=False),  # the seller's own day
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("seller", "year", "sequence"),
    UniqueConstraint("case_id", "settlement", "seller"),
    CheckConstraint("sequence > 0", name="sequence_positive"),
    CheckConstraint("gross_minor > 0 AND net_minor + tax_minor = gross_minor", name="adds_up"),
    CheckConstraint("refunded_minor >= 0 AND refunded_minor <= gross_minor", name="refunded_within_gross"),
)

__all__ = ["credit_note_series", "credit_notes"]
