"""Policies as operators publish them: drafts, and versions that never change."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PUBLISHED_RULES = """
-- A case names the version it was opened under: what was published is never rewritten or removed. Drafts are free.
CREATE FUNCTION published_policies_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'policy % is published and never changes: publish another version', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER policies_kept BEFORE UPDATE OR DELETE ON policies
    FOR EACH ROW EXECUTE FUNCTION published_policies_are_kept();
CREATE FUNCTION policies_are_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'published policies are never removed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER policies_no_truncate BEFORE TRUNCATE ON policies
    FOR EACH STATEMENT EXECUTE FUNCTION policies_are_not_emptied();
"""

# Whoever could see the state of the house may read policies; whoever could do everything may publish them.
KEYS_GAIN = """
UPDATE api_keys SET scopes = scopes || '["policies:read"]'::jsonb
WHERE jsonb_exists(scopes, 'ops:read') AND NOT jsonb_exists(scopes, 'policies:read');
UPDATE api_keys SET scopes = scopes || '["policies:write"]'::jsonb
WHERE jsonb_exists_all(scopes, ARRAY['ops:write', 'returns:decide', 'orders:write', 'parcels:write'])
    AND NOT jsonb_exists(scopes, 'policies:write');
"""
KEYS_LOSE = "UPDATE api_keys SET scopes = scopes - 'policies:read' - 'policies:write'"


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("programme", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("checksum", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tiers", sa.Text(), nullable=True),
        sa.Column("law", sa.String(length=80), nullable=True),
        sa.Column("accepted", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("published_by", sa.String(length=80), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nulls(tiers, law, accepted, published_by, published_at, effective_from) IN (0, 6)",
            name=op.f("ck_policies_published_as_a_whole"),
        ),
        sa.CheckConstraint("effective_from >= published_at", name=op.f("ck_policies_effective_not_before_published")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint("programme", "effective_from", name=op.f("uq_policies_programme_effective_from")),
    )
    op.create_index(
        "uq_policies_published_version",
        "policies",
        ["programme", "version"],
        unique=True,
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.execute(PUBLISHED_RULES)
    op.execute(KEYS_GAIN)


def downgrade() -> None:
    op.execute(KEYS_LOSE)
    op.drop_table("policies")
    op.execute("DROP FUNCTION published_policies_are_kept()")
    op.execute("DROP FUNCTION policies_are_not_emptied()")
