"""Which tier each customer has, what it was worked out from, who locked it, and every change of it."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
)

from database.tables.base import Currency, Id, Minor, Moment, Word, metadata

TIERS = "('ENTRY', 'INTERMEDIATE', 'ADVANCED', 'VIP')"

customer_tiers = Table(
    "customer_tiers",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("tier", Word, nullable=False),
    Column("since", Moment, nullable=False),
    # What the figures of the day alone come to, without lock and grace, and the figures.
    Column("computed", Word, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("spend_minor", Minor, nullable=False),
    Column("currency", Currency, nullable=False),
    Column("last_order", Date),
    Column("reviewed_at", Moment, nullable=False),
    Column("locked_tier", Word),
    Column("locked_by", Id),
    Column("lock_reason", Text),
    Column("locked_at", Moment),
    Column("locked_until", Moment),
    CheckConstraint(f"tier IN {TIERS} AND computed IN {TIERS}", name="tier_known"),
    CheckConstraint(f"locked_tier IS NULL OR locked_tier IN {TIERS}", name="locked_tier_known"),
    CheckConstraint(
        "num_nulls(locked_tier, locked_by, lock_reason, locked_at) IN (0, 4)"
        " AND (locked_until IS NULL OR locked_at < locked_until)",
        name="lock_is_whole",
    ),
    CheckConstraint("orders >= 0 AND spend_minor >= 0", name="figures_not_negative"),
    Index(None, "tier"),
)

customer_tier_changes = Table(
    "customer_tier_changes",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("from_tier", Word),  # empty: the first tier that was written down
    Column("to_tier", Word, nullable=False),
    Column("why", Word, nullable=False),
    Column("by", Id, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("why IN ('reviewed', 'locked', 'unlocked', 'lock_ended')", name="why_known"),
    Index(None, "customer_id", "number"),
)

__all__ = ["customer_tier_changes", "customer_tiers"]
