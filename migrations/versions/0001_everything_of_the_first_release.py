"""Every table of the first release, and the rules of the ledger that the database itself keeps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


LEDGER_RULES = """
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: correct a booking by adding a reversal' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE OR DELETE ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_postings_no_truncate BEFORE TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

-- A posting belongs to an entry of its own transaction: yesterday's entry cannot be added to, not even in balance.
CREATE FUNCTION ledger_posting_joins_its_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.entry_id AND xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'entry % was booked earlier and cannot be added to', NEW.entry_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_postings_join_entry BEFORE INSERT ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION ledger_posting_joins_its_entry();

-- Checked at commit, once all postings of the entry are there.
CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM ledger_postings WHERE entry_id = NEW.id) < 2 THEN
        RAISE EXCEPTION 'entry % has fewer than two postings', NEW.key USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM ledger_postings WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'entry % does not sum to zero in each currency', NEW.key USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entry_balances();

-- What happened, happened: a fact may be marked as told, never rewritten or removed.
CREATE FUNCTION facts_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.case_id, OLD.id, OLD.kind, OLD.at, OLD."by", OLD.data)
            IS DISTINCT FROM (NEW.case_id, NEW.id, NEW.kind, NEW.at, NEW."by", NEW.data) THEN
        RAISE EXCEPTION 'what happened to a case is never rewritten' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER facts_kept BEFORE UPDATE OR DELETE ON facts FOR EACH ROW EXECUTE FUNCTION facts_are_kept();

CREATE SEQUENCE rma_numbers START 100001;
"""


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.String(length=80), nullable=False),
        sa.Column("last4", sa.String(length=80), nullable=False),
        sa.Column("hash", sa.String(length=80), nullable=False),
        sa.Column("scopes", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("rma", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.String(length=80), nullable=True),
        sa.Column("order_id", sa.String(length=80), nullable=True),
        sa.Column("tier", sa.String(length=80), nullable=False),
        sa.Column("market", sa.String(length=80), nullable=False),
        sa.Column("programme", sa.String(length=80), nullable=False),
        sa.Column("policy_version", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("resolution", sa.String(length=80), nullable=False),
        sa.Column("method", sa.String(length=80), nullable=False),
        sa.Column("terms", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("explanation", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("referred", sa.Boolean(), nullable=False),
        sa.Column("quoted_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stage", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("outcome", sa.String(length=80), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_owner", sa.String(length=80), nullable=True),
        sa.Column("due_default", sa.String(length=80), nullable=True),
        sa.Column("attention_reason", sa.String(length=80), nullable=True),
        sa.Column("attention_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("state", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("run_id", sa.String(length=80), nullable=True),
        sa.Column("run_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("opened_by", sa.String(length=80), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(due_at IS NULL) = (due_owner IS NULL)", name=op.f("ck_cases_deadline_has_owner")),
        sa.CheckConstraint("quoted_minor >= 0 AND refunded_minor >= 0", name=op.f("ck_cases_money_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("rma", name=op.f("uq_cases_rma")),
    )
    op.create_index(op.f("ix_cases_customer_id"), "cases", ["customer_id"], unique=False)
    op.create_index(
        "ix_cases_not_started",
        "cases",
        ["opened_at"],
        unique=False,
        postgresql_where=sa.text("started_at IS NULL AND stage NOT IN ('refused')"),
    )
    op.create_index(op.f("ix_cases_opened_at_id"), "cases", ["opened_at", "id"], unique=False)
    op.create_index(op.f("ix_cases_stage_due_at"), "cases", ["stage", "due_at"], unique=False)
    op.create_table(
        "customers",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("country", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("locale", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_table(
        "inbox",
        sa.Column("provider", sa.String(length=80), nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("body", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("worked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_inbox")),
    )
    op.create_index(
        "ix_inbox_unworked", "inbox", ["received_at"], unique=False, postgresql_where=sa.text("worked_at IS NULL")
    )
    op.create_table(
        "case_runs",
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("run_id", sa.String(length=80), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_runs_case_id")),
        sa.PrimaryKeyConstraint("case_id", "run_id", name=op.f("pk_case_runs")),
        sa.UniqueConstraint("case_id", "epoch", name=op.f("uq_case_runs_case_id_epoch")),
    )
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_events_case_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_events")),
        sa.UniqueConstraint("case_id", "key", name=op.f("uq_events_case_id_key")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
    )
    op.create_table(
        "facts",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("stage", sa.String(length=80), nullable=False),
        sa.Column("seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("row_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tell", sa.String(length=80), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopens", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint("tell IS NULL OR tell IN ('update', 'signal')", name=op.f("ck_facts_tell_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_facts_case_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_facts")),
        sa.UniqueConstraint("case_id", "id", name=op.f("uq_facts_case_id_id")),
    )
    op.create_index(op.f("ix_facts_case_id_number"), "facts", ["case_id", "number"], unique=False)
    op.create_index(
        "ix_facts_untold",
        "facts",
        ["number"],
        unique=False,
        postgresql_where=sa.text("tell IS NOT NULL AND told_at IS NULL"),
    )
    op.create_table(
        "fees",
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("bearer", sa.String(length=80), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("parcel_id", sa.String(length=80), nullable=True),
        sa.Column("voided", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "bearer IN ('shopper', 'merchant', 'platform', 'carrier', 'insurer')", name=op.f("ck_fees_bearer_known")
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_fees_amount_not_negative")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_fees_case_id")),
        sa.PrimaryKeyConstraint("case_id", "key", name=op.f("pk_fees")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(length=80), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=True),
        sa.Column("fact_id", sa.String(length=80), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name=op.f("ck_idempotency_keys_key_length")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_idempotency_keys_case_id")),
        sa.PrimaryKeyConstraint("caller", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "inspections",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_inspections_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
        sa.UniqueConstraint("case_id", "round", name=op.f("uq_inspections_case_id_round")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_ledger_entries_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_entries_key")),
    )
    op.create_index(op.f("ix_ledger_entries_case_id"), "ledger_entries", ["case_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.String(length=80), nullable=True),
        sa.Column("market", sa.String(length=80), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_customer_id_placed_at"), "orders", ["customer_id", "placed_at"], unique=False)
    op.create_table(
        "parcels",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("effect_key", sa.String(length=80), nullable=False),
        sa.Column("direction", sa.String(length=80), nullable=False),
        sa.Column("method", sa.String(length=80), nullable=False),
        sa.Column("carrier", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw_status", sa.Text(), nullable=True),
        sa.Column("shipment_id", sa.String(length=80), nullable=True),
        sa.Column("tracking_code", sa.String(length=80), nullable=True),
        sa.Column("label_url", sa.Text(), nullable=True),
        sa.Column("pickup_slot", sa.Text(), nullable=True),
        sa.Column("drop_off_code", sa.String(length=80), nullable=True),
        sa.Column("cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(received_at IS NULL) = (received_by IS NULL)", name=op.f("ck_parcels_receipt_is_signed")),
        sa.CheckConstraint("cost_minor IS NULL OR cost_minor >= 0", name=op.f("ck_parcels_cost_not_negative")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_parcels_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parcels")),
        sa.UniqueConstraint("case_id", "effect_key", name=op.f("uq_parcels_case_id_effect_key")),
    )
    op.create_index(op.f("ix_parcels_tracking_code"), "parcels", ["tracking_code"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("deducted_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("quote", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("ground", sa.String(length=80), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "goods_minor >= 0 AND deducted_minor >= 0 AND total_minor = goods_minor - deducted_minor",
            name=op.f("ck_refunds_adds_up"),
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_refunds_total_not_negative")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_refunds_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_refunds")),
    )
    op.create_table(
        "inspection_lines",
        sa.Column("inspection_id", sa.String(length=80), nullable=False),
        sa.Column("line_id", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("grade", sa.String(length=80), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("findings", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("disposition", sa.String(length=80), nullable=False),
        sa.CheckConstraint("grade IN ('A', 'B', 'C', 'D')", name=op.f("ck_inspection_lines_grade_known")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_inspection_lines_quantity_positive")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_inspection_lines_inspection_id")),
        sa.PrimaryKeyConstraint("inspection_id", "line_id", "position", name=op.f("pk_inspection_lines")),
    )
    op.create_table(
        "ledger_postings",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_postings_amount_not_zero")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("fk_ledger_postings_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", "position", name=op.f("pk_ledger_postings")),
    )
    op.create_index(op.f("ix_ledger_postings_account"), "ledger_postings", ["account"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.String(length=80), nullable=True),
        sa.Column("sku", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("final_sale", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("pool", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("claimed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refunded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("claimed >= 0 AND claimed <= quantity", name=op.f("ck_order_lines_claimed_within_quantity")),
        sa.CheckConstraint(
            "discount_minor >= 0 AND discount_minor <= quantity * unit_price_minor",
            name=op.f("ck_order_lines_discount_within_price"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_lines_quantity_positive")),
        sa.CheckConstraint(
            "refunded >= 0 AND refunded <= claimed", name=op.f("ck_order_lines_refunded_within_claimed")
        ),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= quantity * unit_price_minor - discount_minor",
            name=op.f("ck_order_lines_refunded_within_paid"),
        ),
        sa.CheckConstraint("unit_price_minor >= 0", name=op.f("ck_order_lines_price_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.PrimaryKeyConstraint("order_id", "id", name=op.f("pk_order_lines")),
    )
    op.create_index(op.f("ix_order_lines_customer_id_sku"), "order_lines", ["customer_id", "sku"], unique=False)
    op.create_table(
        "tender_refunds",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("tender_id", sa.String(length=80), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("processor", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=80), nullable=False),
        sa.Column("provider_id", sa.String(length=80), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('intended', 'unknown', 'pending', 'succeeded', 'failed')",
            name=op.f("ck_tender_refunds_status_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_tender_refunds_amount_positive")),
        sa.ForeignKeyConstraint(["case_id"], ["refunds.case_id"], name=op.f("fk_tender_refunds_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tender_refunds")),
        sa.UniqueConstraint(
            "case_id", "order_id", "tender_id", "round", name=op.f("uq_tender_refunds_case_id_order_id_tender_id_round")
        ),
        sa.UniqueConstraint("processor", "provider_id", name=op.f("uq_tender_refunds_processor_provider_id")),
    )
    op.create_index(
        "ix_tender_refunds_one_alive",
        "tender_refunds",
        ["case_id", "order_id", "tender_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'failed'"),
    )
    op.create_table(
        "tenders",
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("method", sa.String(length=80), nullable=False),
        sa.Column("processor", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_tenders_amount_not_negative")),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= amount_minor", name=op.f("ck_tenders_refunded_within_amount")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tenders_order_id")),
        sa.PrimaryKeyConstraint("order_id", "id", name=op.f("pk_tenders")),
    )
    op.create_table(
        "case_lines",
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("order_id", sa.String(length=80), nullable=True),
        sa.Column("order_line_id", sa.String(length=80), nullable=True),
        sa.Column("sku", sa.String(length=80), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("verdict", sa.String(length=80), nullable=False),
        sa.Column("verdict_reasons", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("holds_units", sa.Boolean(), nullable=False),
        sa.Column("received", sa.Integer(), server_default="0", nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=True),
        sa.Column("grade", sa.String(length=80), nullable=True),
        sa.Column("disposition", sa.String(length=80), nullable=True),
        sa.Column("refund_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "accepted IS NULL OR (accepted >= 0 AND accepted <= quantity)",
            name=op.f("ck_case_lines_accepted_within_quantity"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_case_lines_quantity_positive")),
        sa.CheckConstraint("received >= 0", name=op.f("ck_case_lines_received_not_negative")),
        sa.CheckConstraint("refund_minor >= 0", name=op.f("ck_case_lines_refund_not_negative")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_lines_case_id")),
        sa.ForeignKeyConstraint(
            ["order_id", "order_line_id"],
            ["order_lines.order_id", "order_lines.id"],
            name=op.f("fk_case_lines_order_id_order_line_id"),
        ),
        sa.PrimaryKeyConstraint("case_id", "id", name=op.f("pk_case_lines")),
    )
    op.create_index(
        op.f("ix_case_lines_order_id_order_line_id"), "case_lines", ["order_id", "order_line_id"], unique=False
    )
    op.execute(LEDGER_RULES)


def downgrade() -> None:
    op.execute("DROP SEQUENCE rma_numbers")
    op.drop_index(op.f("ix_case_lines_order_id_order_line_id"), table_name="case_lines")
    op.drop_table("case_lines")
    op.drop_table("tenders")
    op.drop_index(
        "ix_tender_refunds_one_alive", table_name="tender_refunds", postgresql_where=sa.text("status <> 'failed'")
    )
    op.drop_table("tender_refunds")
    op.drop_index(op.f("ix_order_lines_customer_id_sku"), table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_index(op.f("ix_ledger_postings_account"), table_name="ledger_postings")
    op.drop_table("ledger_postings")
    op.drop_table("inspection_lines")
    op.drop_table("refunds")
    op.drop_index(op.f("ix_parcels_tracking_code"), table_name="parcels")
    op.drop_table("parcels")
    op.drop_index(op.f("ix_orders_customer_id_placed_at"), table_name="orders")
    op.drop_table("orders")
    op.drop_index(op.f("ix_ledger_entries_case_id"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_table("inspections")
    op.drop_table("idempotency_keys")
    op.drop_table("fees")
    op.drop_index(
        "ix_facts_untold", table_name="facts", postgresql_where=sa.text("tell IS NOT NULL AND told_at IS NULL")
    )
    op.drop_index(op.f("ix_facts_case_id_number"), table_name="facts")
    op.drop_table("facts")
    op.drop_table("events")
    op.drop_table("case_runs")
    op.drop_index("ix_inbox_unworked", table_name="inbox", postgresql_where=sa.text("worked_at IS NULL"))
    op.drop_table("inbox")
    op.drop_table("customers")
    op.drop_index(op.f("ix_cases_stage_due_at"), table_name="cases")
    op.drop_index(op.f("ix_cases_opened_at_id"), table_name="cases")
    op.drop_index(
        "ix_cases_not_started",
        table_name="cases",
        postgresql_where=sa.text("started_at IS NULL AND stage NOT IN ('refused')"),
    )
    op.drop_index(op.f("ix_cases_customer_id"), table_name="cases")
    op.drop_table("cases")
    op.drop_table("api_keys")
    for function in (
        "facts_are_kept",
        "ledger_entry_balances",
        "ledger_posting_joins_its_entry",
        "ledger_is_append_only",
    ):
        op.execute(f"DROP FUNCTION {function}")
