"""Reconciliations with payment providers and what they found; when a tender refund last moved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("provider", sa.String(length=80), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("listed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ours", sa.Integer(), server_default="0", nullable=False),
        sa.Column("adopted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sums", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("trouble", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "status IN ('asked', 'running', 'finished', 'failed')", name=op.f("ck_reconciliations_status_known")
        ),
        sa.CheckConstraint(
            "(status IN ('finished', 'failed')) = (finished_at IS NOT NULL)",
            name=op.f("ck_reconciliations_end_has_its_moment"),
        ),
        sa.PrimaryKeyConstraint("id", "provider", name=op.f("pk_reconciliations")),
    )
    op.create_index(op.f("ix_reconciliations_provider_finished_at"), "reconciliations", ["provider", "finished_at"])
    op.create_index(
        "ix_reconciliations_untold", "reconciliations", ["asked_at"], postgresql_where=sa.text("told_at IS NULL")
    )
    op.create_table(
        "reconciliation_differences",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("provider", sa.String(length=80), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("refund_id", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("payment", sa.Text(), nullable=True),
        sa.Column("case_id", sa.String(length=80), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("first_run", sa.String(length=80), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run", sa.String(length=80), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=80), server_default="open", nullable=False),
        sa.Column("resolved_how", sa.String(length=80), nullable=True),
        sa.Column("resolved_by", sa.String(length=80), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('open', 'resolved')", name=op.f("ck_reconciliation_differences_status_known")),
        sa.CheckConstraint(
            "kind IN ('doubled', 'unknown_to_us', 'unknown_to_provider', 'other_amount', 'other_currency', 'other_status',"
            " 'above_captured')",
            name=op.f("ck_reconciliation_differences_kind_known"),
        ),
        sa.CheckConstraint(
            "resolved_how IN ('by_hand', 'gone', 'adopted')", name=op.f("ck_reconciliation_differences_how_known")
        ),
        sa.CheckConstraint(
            "resolved_how <> 'by_hand' OR note IS NOT NULL", name=op.f("ck_reconciliation_differences_hand_says_why")
        ),
        sa.CheckConstraint(
            "num_nulls(resolved_how, resolved_by, resolved_at) = CASE status WHEN 'open' THEN 3 ELSE 0 END",
            name=op.f("ck_reconciliation_differences_resolved_by_somebody"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reconciliation_differences_case_id")),
        sa.ForeignKeyConstraint(
            ["first_run", "provider"],
            ["reconciliations.id", "reconciliations.provider"],
            name=op.f("fk_reconciliation_differences_first_run_provider"),
        ),
        sa.ForeignKeyConstraint(
            ["last_run", "provider"],
            ["reconciliations.id", "reconciliations.provider"],
            name=op.f("fk_reconciliation_differences_last_run_provider"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_differences")),
        sa.UniqueConstraint("provider", "key", name=op.f("uq_reconciliation_differences_provider_key")),
    )
    op.create_index(
        op.f("ix_reconciliation_differences_case_id"),
        "reconciliation_differences",
        ["case_id"],
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(op.f("ix_reconciliation_differences_status_id"), "reconciliation_differences", ["status", "id"])
    op.add_column("tender_refunds", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_tenders_processor_reference"), "tenders", ["processor", "reference"])


def downgrade() -> None:
    op.drop_index(op.f("ix_tenders_processor_reference"), table_name="tenders")
    op.drop_column("tender_refunds", "changed_at")
    op.drop_table("reconciliation_differences")
    op.drop_table("reconciliations")
