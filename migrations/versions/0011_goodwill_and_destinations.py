"""Money given as goodwill, and money that goes somewhere else than over the tender it was paid with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ONE_ALIVE = "ix_tender_refunds_one_alive"


def upgrade() -> None:
    op.add_column("tenders", sa.Column("closed", sa.String(length=80), nullable=True))
    op.add_column(
        "tender_refunds",
        sa.Column("purpose", sa.String(length=80), server_default="settlement", nullable=False),
    )
    op.add_column("tender_refunds", sa.Column("destination", sa.Text(), nullable=True))
    # Goodwill is paid for returns of which nothing was decided yet.
    op.drop_constraint(op.f("fk_tender_refunds_case_id"), "tender_refunds", type_="foreignkey")
    op.create_foreign_key(op.f("fk_tender_refunds_case_id"), "tender_refunds", "cases", ["case_id"], ["id"])
    op.drop_constraint(op.f("uq_tender_refunds_case_id_order_id_tender_id_round"), "tender_refunds", type_="unique")
    op.create_unique_constraint(
        op.f("uq_tender_refunds_case_id_purpose_order_id_tender_id_round"),
        "tender_refunds",
        ["case_id", "purpose", "order_id", "tender_id", "round"],
    )
    op.drop_index(ONE_ALIVE, table_name="tender_refunds")
    op.create_index(
        ONE_ALIVE,
        "tender_refunds",
        ["case_id", "purpose", "order_id", "tender_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'failed'"),
    )
    op.create_index(op.f("ix_tender_refunds_order_id_tender_id"), "tender_refunds", ["order_id", "tender_id"])
    op.create_table(
        "goodwill_refunds",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("limit_minor", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("proposed_by", sa.String(length=80), nullable=False),
        sa.Column("proposed_key", sa.String(length=80), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_by", sa.String(length=80), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_reason", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("trouble", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_goodwill_refunds_amount_positive")),
        sa.CheckConstraint(
            "paid_minor >= 0 AND paid_minor <= amount_minor", name=op.f("ck_goodwill_refunds_paid_within_amount")
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'paid', 'failed', 'refused')",
            name=op.f("ck_goodwill_refunds_status_known"),
        ),
        sa.CheckConstraint(
            "(status IN ('approved', 'paid', 'failed')) = (approved_at IS NOT NULL)",
            name=op.f("ck_goodwill_refunds_approved_by_somebody"),
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refused_at IS NOT NULL)", name=op.f("ck_goodwill_refunds_refused_by_somebody")
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by OR (limit_minor IS NOT NULL AND amount_minor <= limit_minor)",
            name=op.f("ck_goodwill_refunds_second_person"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_goodwill_refunds_case_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_goodwill_refunds_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goodwill_refunds")),
    )
    op.create_index(op.f("ix_goodwill_refunds_case_id"), "goodwill_refunds", ["case_id"])
    op.create_index(op.f("ix_goodwill_refunds_order_id"), "goodwill_refunds", ["order_id"])
    op.create_index(op.f("ix_goodwill_refunds_status_id"), "goodwill_refunds", ["status", "id"])
    op.create_index(
        "ix_goodwill_refunds_not_started",
        "goodwill_refunds",
        ["approved_at"],
        postgresql_where=sa.text("status = 'approved' AND started_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("goodwill_refunds")
    op.execute("DELETE FROM tender_refunds WHERE purpose <> 'settlement'")
    op.drop_index(op.f("ix_tender_refunds_order_id_tender_id"), table_name="tender_refunds")
    op.drop_index(ONE_ALIVE, table_name="tender_refunds")
    op.create_index(
        ONE_ALIVE,
        "tender_refunds",
        ["case_id", "order_id", "tender_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'failed'"),
    )
    op.drop_constraint(
        op.f("uq_tender_refunds_case_id_purpose_order_id_tender_id_round"), "tender_refunds", type_="unique"
    )
    op.create_unique_constraint(
        op.f("uq_tender_refunds_case_id_order_id_tender_id_round"),
        "tender_refunds",
        ["case_id", "order_id", "tender_id", "round"],
    )
    op.drop_constraint(op.f("fk_tender_refunds_case_id"), "tender_refunds", type_="foreignkey")
    op.create_foreign_key(op.f("fk_tender_refunds_case_id"), "tender_refunds", "refunds", ["case_id"], ["case_id"])
    op.drop_column("tender_refunds", "destination")
    op.drop_column("tender_refunds", "purpose")
    op.drop_column("tenders", "closed")
