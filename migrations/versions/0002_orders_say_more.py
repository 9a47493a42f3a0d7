"""What an order, a customer and a line of a return say more about themselves, for the rules that ask."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("customers", sa.Column("address_key", sa.String(80)))
    op.add_column("customers", sa.Column("device_key", sa.String(80)))
    op.create_index(op.f("ix_customers_address_key"), "customers", ["address_key"])
    op.create_index(op.f("ix_customers_device_key"), "customers", ["device_key"])
    op.add_column("orders", sa.Column("status", sa.String(80), server_default="completed", nullable=False))
    op.add_column("orders", sa.Column("channel", sa.String(80)))
    op.add_column("orders", sa.Column("insured", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("order_lines", sa.Column("condition", sa.String(80), server_default="new", nullable=False))
    op.add_column("order_lines", sa.Column("seller", sa.String(80)))
    op.add_column("order_lines", sa.Column("natures", JSON, server_default="[]", nullable=False))
    op.add_column("order_lines", sa.Column("serials", JSON, server_default="[]", nullable=False))
    op.add_column("order_lines", sa.Column("shipped", sa.Integer()))
    op.add_column("order_lines", sa.Column("exchanged", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("ck_order_lines_shipped_within_quantity"),
        "order_lines",
        "shipped IS NULL OR (shipped >= 0 AND shipped <= quantity)",
    )
    op.create_check_constraint(
        op.f("ck_order_lines_exchanged_within_quantity"), "order_lines", "exchanged >= 0 AND exchanged <= quantity"
    )
    op.add_column("cases", sa.Column("policy_id", sa.String(80)))
    op.add_column("cases", sa.Column("benefits", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("case_lines", sa.Column("condition", sa.String(80), server_default="not_said", nullable=False))
    op.add_column("case_lines", sa.Column("serials", JSON, server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("case_lines", "serials")
    op.drop_column("case_lines", "condition")
    op.drop_column("cases", "benefits")
    op.drop_column("cases", "policy_id")
    for column in ("exchanged", "shipped", "serials", "natures", "seller", "condition"):
        op.drop_column("order_lines", column)
    for column in ("insured", "channel", "status"):
        op.drop_column("orders", column)
    op.drop_index(op.f("ix_customers_device_key"), table_name="customers")
    op.drop_index(op.f("ix_customers_address_key"), table_name="customers")
    op.drop_column("customers", "device_key")
    op.drop_column("customers", "address_key")
