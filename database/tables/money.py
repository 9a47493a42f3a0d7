"""Refunds over their tenders, fees with their bearers, and the double-entry ledger that cannot be unbalanced or edited."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from database.tables.base import Currency, Id, Json, Minor, Moment, Word, metadata

refunds = Table(
    "refunds",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id"), primary_key=True),
    Column("currency", Currency, nullable=False),
    Column("goods_minor", Minor, nullable=False),
    Column("deducted_minor", Minor, nullable=False),
    Column("charges_minor", Minor, nullable=False, server_default="0"),
    Column("total_minor", Minor, nullable=False),
    Column("quote", Json, nullable=False),
    Column("ground", Word, nullable=False),  # inspected, as declared, lost
    Column("decided_at", Moment, nullable=False),
    CheckConstraint(
        "goods_minor >= 0 AND charges_minor >= 0 AND deducted_minor >= 0"
        " AND total_minor = goods_minor + charges_minor - deducted_minor",
        name="adds_up",
    ),
    CheckConstraint("total_minor >= 0", name="total_not_negative"),
)

tender_refunds = Table(
    "tender_refunds",
    metadata,
    Column("id", Id, primary_key=True),  # rf_…, ours; fixed before the provider hears of it
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("purpose", Id, nullable=False, server_default="settlement"),  # or the id of the goodwill that it pays
    Column("order_id", Id, nullable=False),
    Column("tender_id", Id, nullable=False),  # whose room it uses up, also where the money goes somewhere else
    Column("round", Integer, nullable=False),
    Column("destination", Text),  # in place of the tender: "store_credit", "bank:<token>"
    Column("processor", Word, nullable=False),
    Column("reference", Id, nullable=False),
    Column("amount_minor", Minor, nullable=False),
    Column("currency", Currency, nullable=False),
    Column("status", Word, nullable=False),
    Column("provider_id", Id),
    Column("failure", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("created_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column(
        "changed_at", Moment
    ),  # when the provider's word last moved it; empty: not since it was made, or before this was kept
    UniqueConstraint("case_id", "purpose", "order_id", "tender_id", "round"),
    UniqueConstraint("processor", "provider_id"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("status IN ('intended', 'unknown', 'pending', 'succeeded', 'failed')", name="status_known"),
    Index(
        "ix_tender_refunds_one_alive",
        "case_id",
        "purpose",
        "order_id",
        "tender_id",
        unique=True,
        postgresql_where=text("status <> 'failed'"),
    ),
    Index(None, "order_id", "tender_id"),
)

fees = Table(
    "fees",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id"), primary_key=True),
    Column("key", Word, primary_key=True),
    Column("kind", Word, nullable=False),
    Column("amount_minor", Minor, nullable=False),
    Column("currency", Currency, nullable=False),
    Column("bearer", Word, nullable=False),
    Column("rule", Word, nullable=False),
    Column("source", Text, nullable=False),
    Column("parcel_id", Id),
    Column("voided", Boolean, nullable=False, server_default="false"),  # the label was given back: nobody bears it
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint("bearer IN ('shopper', 'merchant', 'platform', 'carrier', 'insurer')", name="bearer_known"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Id, nullable=False, unique=True),  # "paid:rf_…": booked once
    Column("kind", Word, nullable=False),
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "case_id"),
    Index(None, "at"),  # statements of a month
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    Column("entry_id", BigInteger, ForeignKey("ledger_entries.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("account", Word, nullable=False),
    Column("amount_minor", Minor, nullable=False),  # debit above zero, credit below
    Column("currency", Currency, nullable=False),
    Column("rule", Word),  # on a fee account: why it is this bearer's, and where that is written
    Column("source", Text),
    CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
    Index(None, "account"),
)
