"""Reconciliations with payment providers, and what was found to differ: one row for each difference, however often it is seen."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from database.tables.base import Currency, Id, Json, Minor, Moment, Word, metadata

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", Word, primary_key=True),  # one row for each provider that is asked
    Column("asked_by", Id, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("told_at", Moment),  # when its workflow was known to run
    Column("status", Word, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column(
        "listed", Integer, nullable=False, server_default="0"
    ),  # refunds in the provider's list; grows while it is read
    Column("ours", Integer, nullable=False, server_default="0"),
    Column("adopted", Integer, nullable=False, server_default="0"),  # reports of the provider that were taken over
    Column("open", Integer, nullable=False, server_default="0"),  # differences, when it finished
    Column("sums", Json),  # by currency: what was paid according to each side
    Column("trouble", Json),  # what the provider said when it did not do what was asked
    CheckConstraint("status IN ('asked', 'running', 'finished', 'failed')", name="status_known"),
    CheckConstraint("(status IN ('finished', 'failed')) = (finished_at IS NOT NULL)", name="end_has_its_moment"),
    Index(None, "provider", "finished_at"),
    Index("ix_reconciliations_untold", "asked_at", postgresql_where=sql("told_at IS NULL")),
)

reconciliation_differences = Table(
    "reconciliation_differences",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", Word, nullable=False),
    Column("key", Text, nullable=False),  # kind and ids: the same difference in the next run is the same row
    Column("kind", Word, nullable=False),
    Column("refund_id", Text),  # ours, or what the provider has in its place
    Column("provider_id", Text),
    Column("payment", Text),
    Column("case_id", Id, ForeignKey("cases.id")),
    Column("minor", Minor, nullable=False),  # by how much the provider's books say more was paid than ours
    Column("currency", Currency, nullable=False),
    Column("said", Text, nullable=False),
    Column("owner", Word, nullable=False),
    Column("first_run", Id, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_run", Id, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("status", Word, nullable=False, server_default="open"),
    Column("resolved_how", Word),
    Column("resolved_by", Id),
    Column("resolved_at", Moment),
    Column("note", Text),  # why whoever resolved it did
    UniqueConstraint("provider", "key"),
    ForeignKeyConstraint(["first_run", "provider"], ["reconciliations.id", "reconciliations.provider"]),
    ForeignKeyConstraint(["last_run", "provider"], ["reconciliations.id", "reconciliations.provider"]),
    CheckConstraint("status IN ('open', 'resolved')", name="status_known"),
    CheckConstraint(
        "kind IN ('doubled', 'unknown_to_us', 'unknown_to_provider', 'other_amount', 'other_currency', 'other_status',"
        " 'above_captured')",
        name="kind_known",
    ),
    CheckConstraint("resolved_how IN ('by_hand', 'gone', 'adopted')", name="how_known"),
    CheckConstraint("resolved_how <> 'by_hand' OR note IS NOT NULL", name="hand_says_why"),
    CheckConstraint(
        "num_nulls(resolved_how, resolved_by, resolved_at) = CASE status WHEN 'open' THEN 3 ELSE 0 END",
        name="resolved_by_somebody",
    ),
    Index(None, "case_id", postgresql_where=sql("status = 'open'")),
    Index(None, "status", "id"),
)

__all__ = ["reconciliation_differences", "reconciliations"]
