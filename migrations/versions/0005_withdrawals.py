"""Withdrawals declared through the statutory function, and the mail that acknowledges them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("token", sa.String(length=80), nullable=False),
        sa.Column("content_hash", sa.String(length=80), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("goods", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("locale", sa.String(length=80), nullable=False),
        sa.Column("declared_by", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=True),
        sa.Column("case_id", sa.String(length=80), nullable=True),
        sa.Column("reason", sa.String(length=80), nullable=True),
        sa.Column("reason_note", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("acknowledgement", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_trouble", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by", sa.String(length=80), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('received', 'opened', 'with_a_person', 'answered')", name=op.f("ck_withdrawals_status_known")
        ),
        sa.CheckConstraint(
            "status <> 'opened' OR case_id IS NOT NULL", name=op.f("ck_withdrawals_opened_has_its_return")
        ),
        sa.CheckConstraint(
            "status <> 'with_a_person' OR reason IS NOT NULL", name=op.f("ck_withdrawals_person_knows_why")
        ),
        sa.CheckConstraint(
            "(status = 'answered') = (handled_at IS NOT NULL AND handled_by IS NOT NULL AND answer IS NOT NULL)",
            name=op.f("ck_withdrawals_answered_by_somebody"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_withdrawals_case_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_withdrawals_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("token", name=op.f("uq_withdrawals_token")),
    )
    op.create_index(op.f("ix_withdrawals_status_id"), "withdrawals", ["status", "id"])
    op.create_index(op.f("ix_withdrawals_mailbox_mail_claimed_at"), "withdrawals", ["mailbox", "mail_claimed_at"])
    op.create_index(
        "ix_withdrawals_unfinished",
        "withdrawals",
        ["submitted_at"],
        postgresql_where=sa.text("status = 'received' OR started_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("withdrawals")
