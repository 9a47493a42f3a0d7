"""Policies as operators publish them: drafts that may change, and versions that never do."""

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, UniqueConstraint, text

from database.tables.base import Id, Json, Moment, Word, metadata

policies = Table(
    "policies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("programme", Word, nullable=False),
    Column("version", Word, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),  # the programme, TOML
    Column("checksum", Word, nullable=False),  # SHA-256 of the text
    Column("note", Text, nullable=False),
    Column("created_by", Id, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("tiers", Text),  # the tier table that it was published over, TOML: it is read over that one for ever
    Column("law", Word),  # SHA-256 of the law of the release that it was checked against
    Column("accepted", Json),  # the warnings that whoever published it had before the eyes
    Column("published_by", Id),
    Column("published_at", Moment),  # empty: a draft
    Column("effective_from", Moment),
    CheckConstraint(
        "num_nulls(tiers, law, accepted, published_by, published_at, effective_from) IN (0, 6)",
        name="published_as_a_whole",
    ),
    CheckConstraint("effective_from >= published_at", name="effective_not_before_published"),
    UniqueConstraint("programme", "effective_from"),  # also how the version of a moment is found; drafts have none
    Index(
        "uq_policies_published_version",
        "programme",
        "version",
        unique=True,
        postgresql_where=text("published_at IS NOT NULL"),
    ),
)
