"""What happened to a case, in the order it was recorded: the timeline, and the queue of what the running case must still be told."""

from sqlalchemy import (
    BigInteger,
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

from database.tables.base import Id, Json, Moment, Word, metadata

facts = Table(
    "facts",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("id", Id, nullable=False),
    Column("kind", Word, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Id, nullable=False),
    Column("data", Json, nullable=False),
    Column("stage", Word, nullable=False),  # the case's stage after it
    Column("seen", BigInteger, nullable=False, server_default="0"),
    Column("row_version", Integer, nullable=False, server_default="0"),
    Column("run_epoch", Integer, nullable=False, server_default="0"),
    # How the running case is told: an update for people, a signal for partners; empty where the case itself said it.
    Column("tell", Word),
    Column("told_at", Moment),
    Column("reopens", Json),  # the ended state before it, where it opened the return again
    Column("answer", Text),  # why the running case would not take it, in the rare event that it did not
    UniqueConstraint("case_id", "id"),
    CheckConstraint("tell IS NULL OR tell IN ('update', 'signal')", name="tell_known"),
    Index("ix_facts_untold", "number", postgresql_where=text("tell IS NOT NULL AND told_at IS NULL")),
    Index(None, "case_id", "number"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("provider", Word, primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("type", Word, nullable=False),
    Column("body", Json, nullable=False),
    Column("received_at", Moment, nullable=False, server_default=text("now()")),
    Column("worked_at", Moment),
    Column("result", Text),
    Index("ix_inbox_unworked", "received_at", postgresql_where=text("worked_at IS NULL")),
)

events = Table(
    "events",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("key", Id, nullable=False),  # what it tells of, so that it is told once
    Column("type", Word, nullable=False),
    Column("data", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("case_id", "key"),
)
