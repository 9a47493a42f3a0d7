"""Money given beyond what a return brings back: who asked for it and why, who agreed, and what became of it."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from database.tables.base import Currency, Id, Json, Minor, Moment, Word, metadata

goodwill_refunds = Table(
    "goodwill_refunds",
    metadata,
    Column("id", Id, primary_key=True),  # gw_…
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("order_id", Id, ForeignKey("orders.id"), nullable=False),
    Column("amount_minor", Minor, nullable=False),
    Column("currency", Currency, nullable=False),
    Column("reason", Text, nullable=False),
    Column("limit_minor", Minor),  # up to which one person may decide alone; empty: nobody may
    Column("status", Word, nullable=False),
    Column("proposed_by", Word, nullable=False),
    Column("proposed_key", Id, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("approved_by", Word),
    Column("approved_at", Moment),
    Column("refused_by", Word),
    Column("refused_at", Moment),
    Column("refused_reason", Text),
    Column("started_at", Moment),  # its workflow is known to run, or to have run
    Column("finished_at", Moment),  # paid, or failed for good
    Column("paid_minor", Minor, nullable=False, server_default="0"),
    Column("trouble", Json),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("paid_minor >= 0 AND paid_minor <= amount_minor", name="paid_within_amount"),
    CheckConstraint("status IN ('proposed', 'approved', 'paid', 'failed', 'refused')", name="status_known"),
    CheckConstraint(
        "(status IN ('approved', 'paid', 'failed')) = (approved_at IS NOT NULL)", name="approved_by_somebody"
    ),
    CheckConstraint("(status = 'refused') = (refused_at IS NOT NULL)", name="refused_by_somebody"),
    # Whoever proposed more than one person may decide did not decide it.
    CheckConstraint(
        "approved_by IS NULL OR approved_by <> proposed_by OR (limit_minor IS NOT NULL AND amount_minor <= limit_minor)",
        name="second_person",
    ),
    Index(None, "case_id"),
    Index(None, "order_id"),
    Index(None, "status", "id"),
    Index(
        "ix_goodwill_refunds_not_started",
        "approved_at",
        postgresql_where=text("status = 'approved' AND started_at IS NULL"),
    ),
)
