"""Reference rates day by day, and what the rate cost between the sale and the refund of each settlement."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)

from database.tables.base import Currency, Id, Json, Minor, Moment, Word, metadata

reference_rates = Table(
    "reference_rates",
    metadata,
    Column("source", Word, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("currency", Currency, primary_key=True),
    Column("per_base", Numeric, nullable=False),  # units of the currency for one euro, digit by digit as published
    CheckConstraint("per_base > 0", name="rate_positive"),
)

exchange_differences = Table(
    "exchange_differences",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id"), primary_key=True),
    Column("settlement", Integer, primary_key=True),
    Column("status", Word, nullable=False),
    Column("currency", Currency, nullable=False),  # captured, and given back
    Column("accounting_currency", Currency, nullable=False),
    Column("returned_minor", Minor, nullable=False),  # in the currency captured
    Column("refunded_on", Date, nullable=False),
    Column("bearer", Word, nullable=False),
    Column("warn_percent", Integer, nullable=False),
    Column("sale_minor", Minor),  # what it was worth on the days of sale, in the accounting currency
    Column("refund_minor", Minor),  # and on the day of the refund
    Column("difference_minor", Minor),  # above zero a loss
    Column("moved_bps", Integer),
    Column("warned", Boolean, nullable=False, server_default="false"),
    Column("parts", Json, nullable=False),  # order by order: amount, day of sale, and the rates used
    Column("trouble", Text),  # which rate is missing
    Column("decided_at", Moment, nullable=False),
    Column("booked_at", Moment),
    CheckConstraint("status IN ('booked', 'no_rate')", name="status_known"),
    CheckConstraint("bearer IN ('merchant', 'platform')", name="bearer_known"),
    CheckConstraint("(status = 'no_rate') = (trouble IS NOT NULL)", name="trouble_says_why"),
    CheckConstraint(
        "(status = 'booked') = (difference_minor IS NOT NULL AND booked_at IS NOT NULL AND moved_bps IS NOT NULL)",
        name="booked_is_known",
    ),
    CheckConstraint(
        "difference_minor IS NULL OR difference_minor = refund_minor - sale_minor", name="difference_adds_up"
    ),
    Index(
        "ix_exchange_differences_no_rate",
        "case_id",
        "settlement",
        postgresql_where=text("status = 'no_rate'"),
    ),
    Index(None, "decided_at", "case_id"),
)
