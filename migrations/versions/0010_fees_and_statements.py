"""Postings on fee accounts say why they are their bearer's, and a month of the ledger is found by its moment."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Entries of earlier releases keep their gap: the ledger is append-only. Statements look such a fee up in `fees`.
    op.add_column("ledger_postings", sa.Column("rule", sa.String(length=80), nullable=True))
    op.add_column("ledger_postings", sa.Column("source", sa.Text(), nullable=True))
    op.create_index(op.f("ix_ledger_entries_at"), "ledger_entries", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_ledger_entries_at"), table_name="ledger_entries")
    op.drop_column("ledger_postings", "source")
    op.drop_column("ledger_postings", "rule")
