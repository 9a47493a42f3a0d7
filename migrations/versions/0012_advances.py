"""Money paid ahead of the goods: its guarantee, and what was charged back."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "advances",
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.String(length=80), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("guarantee", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("hold_id", sa.String(length=80), nullable=True),
        sa.Column("processor", sa.String(length=80), nullable=True),
        sa.Column("reference", sa.String(length=80), nullable=True),
        sa.Column("held_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("hold_status", sa.String(length=80), nullable=True),
        sa.Column("hold_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("charged_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("charged_goods_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("captured_payment", sa.String(length=80), nullable=True),
        sa.Column("return_id", sa.String(length=80), nullable=True),
        sa.Column("return_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("written_off_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("written_off_by", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("guarantee IN ('none', 'hold', 'receivable')", name=op.f("ck_advances_guarantee_known")),
        sa.CheckConstraint(
            "status IN ('intended', 'withheld', 'open', 'met', 'captured', 'receivable', 'written_off', 'reversed')",
            name=op.f("ck_advances_status_known"),
        ),
        sa.CheckConstraint(
            "hold_status IS NULL OR hold_status IN"
            " ('intended', 'unknown', 'held', 'refused', 'captured', 'released', 'ended')",
            name=op.f("ck_advances_hold_status_known"),
        ),
        sa.CheckConstraint(
            "amount_minor > 0 AND goods_minor >= 0 AND charged_goods_minor >= 0",
            name=op.f("ck_advances_amount_positive"),
        ),
        sa.CheckConstraint(
            "charged_minor BETWEEN 0 AND amount_minor", name=op.f("ck_advances_charged_at_most_what_was_paid")
        ),
        sa.CheckConstraint(
            "captured_minor BETWEEN 0 AND held_minor", name=op.f("ck_advances_captured_at_most_what_is_held")
        ),
        sa.CheckConstraint(
            "return_minor BETWEEN 0 AND captured_minor AND returned_minor IN (0, return_minor)",
            name=op.f("ck_advances_returned_at_most_what_was_captured"),
        ),
        sa.CheckConstraint(
            "written_off_minor >= 0 AND captured_minor - returned_minor + written_off_minor <= charged_minor",
            name=op.f("ck_advances_nothing_paid_twice"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_advances_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_advances")),
        sa.UniqueConstraint("hold_id", name=op.f("uq_advances_hold_id")),
        sa.UniqueConstraint("return_id", name=op.f("uq_advances_return_id")),
    )
    op.create_index(op.f("ix_advances_customer_id_status"), "advances", ["customer_id", "status"])
    op.create_index(
        "ix_advances_uncovered",
        "advances",
        ["case_id"],
        postgresql_where=sa.text("status IN ('receivable', 'written_off')"),
    )


def downgrade() -> None:
    op.drop_table("advances")
