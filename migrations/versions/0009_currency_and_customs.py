"""Reference rates and what they cost a refund; what customs knows of goods, and what may be claimed back from it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reference_rates",
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("per_base", sa.Numeric(), nullable=False),
        sa.CheckConstraint("per_base > 0", name=op.f("ck_reference_rates_rate_positive")),
        sa.PrimaryKeyConstraint("source", "day", "currency", name=op.f("pk_reference_rates")),
    )
    op.create_table(
        "exchange_differences",
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("settlement", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("accounting_currency", sa.String(length=3), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_on", sa.Date(), nullable=False),
        sa.Column("bearer", sa.String(length=80), nullable=False),
        sa.Column("warn_percent", sa.Integer(), nullable=False),
        sa.Column("sale_minor", sa.BigInteger(), nullable=True),
        sa.Column("refund_minor", sa.BigInteger(), nullable=True),
        sa.Column("difference_minor", sa.BigInteger(), nullable=True),
        sa.Column("moved_bps", sa.Integer(), nullable=True),
        sa.Column("warned", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("parts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'booked') = (difference_minor IS NOT NULL AND booked_at IS NOT NULL AND moved_bps IS NOT NULL)",
            name=op.f("ck_exchange_differences_booked_is_known"),
        ),
        sa.CheckConstraint(
            "(status = 'no_rate') = (trouble IS NOT NULL)", name=op.f("ck_exchange_differences_trouble_says_why")
        ),
        sa.CheckConstraint("bearer IN ('merchant', 'platform')", name=op.f("ck_exchange_differences_bearer_known")),
        sa.CheckConstraint("status IN ('booked', 'no_rate')", name=op.f("ck_exchange_differences_status_known")),
        sa.CheckConstraint(
            "difference_minor IS NULL OR difference_minor = refund_minor - sale_minor",
            name=op.f("ck_exchange_differences_difference_adds_up"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_exchange_differences_case_id")),
        sa.PrimaryKeyConstraint("case_id", "settlement", name=op.f("pk_exchange_differences")),
    )
    op.create_index(
        op.f("ix_exchange_differences_decided_at_case_id"),
        "exchange_differences",
        ["decided_at", "case_id"],
        unique=False,
    )
    op.create_index(
        "ix_exchange_differences_no_rate",
        "exchange_differences",
        ["case_id", "settlement"],
        unique=False,
        postgresql_where=sa.text("status = 'no_rate'"),
    )
    op.create_table(
        "customs_records",
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("order_line_id", sa.String(length=80), nullable=False),
        sa.Column("exported_from", sa.String(length=80), nullable=False),
        sa.Column("imported_into", sa.String(length=80), nullable=False),
        sa.Column("returns_to", sa.String(length=80), nullable=False),
        sa.Column("hs_code", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=True),
        sa.Column("origin", sa.String(length=80), nullable=False),
        sa.Column("unit_weight_grams", sa.Integer(), nullable=True),
        sa.Column("declared_minor", sa.BigInteger(), nullable=False),
        sa.Column("declared_currency", sa.String(length=3), nullable=False),
        sa.Column("procedure", sa.String(length=80), nullable=True),
        sa.Column("exported_on", sa.Date(), nullable=True),
        sa.Column("imported_on", sa.Date(), nullable=True),
        sa.Column("export_declaration", sa.String(length=80), nullable=True),
        sa.Column("import_declaration", sa.String(length=80), nullable=True),
        sa.Column("ioss_number", sa.String(length=80), nullable=True),
        sa.Column("incoterm", sa.String(length=80), nullable=False),
        sa.Column("duty_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("import_tax_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paid_currency", sa.String(length=3), nullable=True),
        sa.Column("paid_by", sa.String(length=80), nullable=True),
        sa.Column("proof_of_export", sa.String(length=80), nullable=True),
        sa.Column("return_document", sa.String(length=80), nullable=True),
        sa.Column("carrier", sa.String(length=80), nullable=True),
        sa.Column("tracking", sa.String(length=80), nullable=True),
        sa.Column("shipped_on", sa.Date(), nullable=True),
        sa.Column("invoice_number", sa.String(length=80), nullable=True),
        sa.Column("invoiced_on", sa.Date(), nullable=True),
        sa.Column("reason_for_export", sa.Text(), nullable=True),
        sa.Column("food", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_by", sa.String(length=80), nullable=False),
        sa.CheckConstraint("hs_code ~ '^[0-9]{6,10}$'", name=op.f("ck_customs_records_hs_code_is_digits")),
        sa.CheckConstraint("incoterm IN ('DDP', 'DDU')", name=op.f("ck_customs_records_incoterm_known")),
        sa.CheckConstraint(
            "paid_by IS NULL OR paid_by IN ('shopper', 'merchant', 'carrier', 'platform')",
            name=op.f("ck_customs_records_payer_known"),
        ),
        sa.CheckConstraint(
            "declared_minor >= 0 AND duty_minor >= 0 AND import_tax_minor >= 0",
            name=op.f("ck_customs_records_money_not_negative"),
        ),
        sa.CheckConstraint(
            "duty_minor + import_tax_minor = 0 OR (paid_currency IS NOT NULL AND paid_by IS NOT NULL)",
            name=op.f("ck_customs_records_paid_by_somebody"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_customs_records_order_id")),
        sa.PrimaryKeyConstraint("order_id", "order_line_id", name=op.f("pk_customs_records")),
    )
    op.create_table(
        "customs_claims",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("case_line_id", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("order_line_id", sa.String(length=80), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("authority", sa.String(length=80), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confidence", sa.String(length=80), nullable=False),
        sa.Column("claimant", sa.String(length=80), nullable=False),
        sa.Column("recovered_for", sa.String(length=80), nullable=False),
        sa.Column("needs", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("expected_minor", sa.BigInteger(), nullable=False),
        sa.Column("recovered_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filed_by", sa.String(length=80), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=80), nullable=True),
        sa.CheckConstraint(
            "(status = 'recovered') = (recovered_minor IS NOT NULL)",
            name=op.f("ck_customs_claims_recovered_has_its_amount"),
        ),
        sa.CheckConstraint(
            "(status IN ('recovered', 'rejected')) = (ended_at IS NOT NULL AND ended_by IS NOT NULL)",
            name=op.f("ck_customs_claims_end_is_signed"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'filed', 'recovered', 'rejected')", name=op.f("ck_customs_claims_status_known")
        ),
        sa.CheckConstraint(
            "status NOT IN ('filed', 'recovered') OR filed_at IS NOT NULL", name=op.f("ck_customs_claims_filed_first")
        ),
        sa.CheckConstraint("(filed_at IS NULL) = (filed_by IS NULL)", name=op.f("ck_customs_claims_filing_is_signed")),
        sa.CheckConstraint(
            "expected_minor >= 0 AND coalesce(recovered_minor, 0) >= 0",
            name=op.f("ck_customs_claims_money_not_negative"),
        ),
        sa.CheckConstraint("units > 0", name=op.f("ck_customs_claims_units_positive")),
        sa.ForeignKeyConstraint(
            ["case_id", "case_line_id"],
            ["case_lines.case_id", "case_lines.id"],
            name=op.f("fk_customs_claims_case_id_case_line_id"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_customs_claims_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customs_claims")),
        sa.UniqueConstraint(
            "case_id", "case_line_id", "kind", name=op.f("uq_customs_claims_case_id_case_line_id_kind")
        ),
    )
    op.create_index(
        op.f("ix_customs_claims_order_id_order_line_id"), "customs_claims", ["order_id", "order_line_id"], unique=False
    )
    op.create_index(op.f("ix_customs_claims_status_deadline"), "customs_claims", ["status", "deadline"], unique=False)


def downgrade() -> None:
    for table in ("customs_claims", "customs_records", "exchange_differences", "reference_rates"):
        op.drop_table(table)
