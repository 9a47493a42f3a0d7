"""Which tier each customer has, since when, and why it changed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIERS = "('ENTRY', 'INTERMEDIATE', 'ADVANCED', 'VIP')"

CHANGES_RULES = """
-- Why somebody has a tier is asked years later: a change is added, never rewritten or removed.
CREATE FUNCTION tier_changes_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the changes of a tier are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER tier_changes_kept BEFORE UPDATE OR DELETE ON customer_tier_changes
    FOR EACH ROW EXECUTE FUNCTION tier_changes_are_kept();
CREATE TRIGGER tier_changes_no_truncate BEFORE TRUNCATE ON customer_tier_changes
    FOR EACH STATEMENT EXECUTE FUNCTION tier_changes_are_kept();
"""

# The door of customers has a scope of its own. It opens to whoever could tell of customers with an order, and to whoever decides;
# what each may say there still depends on those two.
KEYS_GAIN = """
UPDATE api_keys SET scopes = scopes || '["customers:write"]'::jsonb
WHERE (jsonb_exists(scopes, 'orders:write') OR jsonb_exists(scopes, 'returns:decide'))
    AND NOT jsonb_exists(scopes, 'customers:write')
"""
KEYS_LOSE = "UPDATE api_keys SET scopes = scopes - 'customers:write'"


def upgrade() -> None:
    op.create_table(
        "customer_tiers",
        sa.Column("customer_id", sa.String(length=80), nullable=False),
        sa.Column("tier", sa.String(length=80), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("computed", sa.String(length=80), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("last_order", sa.Date(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_tier", sa.String(length=80), nullable=True),
        sa.Column("locked_by", sa.String(length=80), nullable=True),
        sa.Column("lock_reason", sa.Text(), nullable=True),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"tier IN {TIERS} AND computed IN {TIERS}", name=op.f("ck_customer_tiers_tier_known")),
        sa.CheckConstraint(
            f"locked_tier IS NULL OR locked_tier IN {TIERS}", name=op.f("ck_customer_tiers_locked_tier_known")
        ),
        sa.CheckConstraint(
            "num_nulls(locked_tier, locked_by, lock_reason, locked_at) IN (0, 4)"
            " AND (locked_until IS NULL OR locked_at < locked_until)",
            name=op.f("ck_customer_tiers_lock_is_whole"),
        ),
        sa.CheckConstraint("orders >= 0 AND spend_minor >= 0", name=op.f("ck_customer_tiers_figures_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_tiers_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_tiers")),
    )
    op.create_index(op.f("ix_customer_tiers_tier"), "customer_tiers", ["tier"], unique=False)
    op.create_table(
        "customer_tier_changes",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_tier", sa.String(length=80), nullable=True),
        sa.Column("to_tier", sa.String(length=80), nullable=False),
        sa.Column("why", sa.String(length=80), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "why IN ('reviewed', 'locked', 'unlocked', 'lock_ended')", name=op.f("ck_customer_tier_changes_why_known")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_tier_changes_customer_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_customer_tier_changes")),
    )
    op.create_index(
        op.f("ix_customer_tier_changes_customer_id_number"),
        "customer_tier_changes",
        ["customer_id", "number"],
        unique=False,
    )
    op.execute(CHANGES_RULES)
    op.execute(KEYS_GAIN)


def downgrade() -> None:
    op.execute(KEYS_LOSE)
    op.drop_table("customer_tier_changes")
    op.execute("DROP FUNCTION tier_changes_are_kept()")
    op.drop_table("customer_tiers")
