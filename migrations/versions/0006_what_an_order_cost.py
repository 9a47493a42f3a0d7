"""All that an order cost: discounts on the whole of it, taxes, charges, and value that goods lost in the shopper's hands."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
PAID_BEFORE = "refunded_minor >= 0 AND refunded_minor <= quantity * unit_price_minor - discount_minor"
PAID = (
    "refunded_minor >= 0 AND lost_minor >= 0 AND refunded_minor + lost_minor"
    " <= quantity * unit_price_minor - discount_minor - order_discount_minor + on_top_minor"
)
ADDS_UP_BEFORE = "goods_minor >= 0 AND deducted_minor >= 0 AND total_minor = goods_minor - deducted_minor"
ADDS_UP = (
    "goods_minor >= 0 AND charges_minor >= 0 AND deducted_minor >= 0"
    " AND total_minor = goods_minor + charges_minor - deducted_minor"
)


def upgrade() -> None:
    op.add_column("orders", sa.Column("promotions", JSON, server_default="[]", nullable=False))
    op.add_column("orders", sa.Column("extras", sa.Boolean(), server_default="false", nullable=False))
    for column in ("order_discount_minor", "on_top_minor", "lost_minor"):
        op.add_column("order_lines", sa.Column(column, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("taxes", JSON, server_default="[]", nullable=False))
    _checked_anew("order_lines", "refunded_within_paid", PAID)
    op.create_table(
        "order_charges",
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("surplus_minor", sa.BigInteger(), nullable=False),
        sa.Column("taxes", JSON, nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.String(length=80), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "amount_minor >= 0 AND surplus_minor >= 0 AND surplus_minor <= amount_minor",
            name=op.f("ck_order_charges_surplus_within"),
        ),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= paid_minor", name=op.f("ck_order_charges_refunded_within_paid")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_charges_order_id")),
        sa.PrimaryKeyConstraint("order_id", "id", name=op.f("pk_order_charges")),
    )
    op.add_column("refunds", sa.Column("charges_minor", sa.BigInteger(), server_default="0", nullable=False))
    _checked_anew("refunds", "adds_up", ADDS_UP)


def downgrade() -> None:
    _checked_anew("refunds", "adds_up", ADDS_UP_BEFORE)
    op.drop_column("refunds", "charges_minor")
    op.drop_table("order_charges")
    _checked_anew("order_lines", "refunded_within_paid", PAID_BEFORE)
    for column in ("taxes", "lost_minor", "on_top_minor", "order_discount_minor"):
        op.drop_column("order_lines", column)
    op.drop_column("orders", "extras")
    op.drop_column("orders", "promotions")


def _checked_anew(table: str, name: str, check: str) -> None:
    constraint = op.f(f"ck_{table}_{name}")
    op.drop_constraint(constraint, table, type_="check")
    op.create_check_constraint(constraint, table, check)
