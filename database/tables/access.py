"""Who may call, and what was answered to a call that is sent again."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Table, Text, text

from database.tables.base import Id, Json, Moment, Word, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", Word, nullable=False),
    Column("last4", Word, nullable=False),
    Column("hash", Word, nullable=False, unique=True),  # SHA-256 of a secret of 178 random bits: no slow hash is needed
    Column("scopes", Json, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Id, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", Word, nullable=False),
    Column("case_id", Id, ForeignKey("cases.id")),
    Column("fact_id", Id),
    Column("status", Integer, nullable=False),
    Column("response", Json, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    CheckConstraint("length(key) BETWEEN 1 AND 255", name="key_length"),
)
