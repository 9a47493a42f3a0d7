"""What customs knows of goods sold across a border, line by line, and what may be claimed back when they come back."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from database.tables.base import Currency, Id, Json, Minor, Moment, Word, metadata

customs_records = Table(
    "customs_records",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("order_line_id", Id, primary_key=True),  # no foreign key: an order that is told anew replaces its lines
    Column("exported_from", Word, nullable=False),
    Column("imported_into", Word, nullable=False),
    Column("returns_to", Word, nullable=False),
    Column("hs_code", Word, nullable=False),
    Column("description", Text, nullable=False),
    Column("material", Text),
    Column("origin", Word, nullable=False),
    Column("unit_weight_grams", Integer),
    Column("declared_minor", Minor, nullable=False),  # of the whole line, as the original export declared it
    Column("declared_currency", Currency, nullable=False),
    Column("procedure", Word),
    Column("exported_on", Date),
    Column("imported_on", Date),  # released for free circulation
    Column("export_declaration", Word),
    Column("import_declaration", Word),
    Column("ioss_number", Word),
    Column("incoterm", Word, nullable=False),
    Column("duty_minor", Minor, nullable=False, server_default="0"),
    Column("import_tax_minor", Minor, nullable=False, server_default="0"),
    Column("paid_currency", Currency),
    Column("paid_by", Word),
    Column("proof_of_export", Id),
    Column("return_document", Id),
    Column("carrier", Word),
    Column("tracking", Id),
    Column("shipped_on", Date),
    Column("invoice_number", Id),
    Column("invoiced_on", Date),
    Column("reason_for_export", Text),
    Column("food", Boolean, nullable=False, server_default="false"),
    Column("told_at", Moment, nullable=False),
    Column("told_by", Id, nullable=False),
    CheckConstraint("hs_code ~ '^[0-9]{6,10}$'", name="hs_code_is_digits"),
    CheckConstraint("declared_minor >= 0 AND duty_minor >= 0 AND import_tax_minor >= 0", name="money_not_negative"),
    CheckConstraint("incoterm IN ('DDP', 'DDU')", name="incoterm_known"),
    CheckConstraint(
        "duty_minor + import_tax_minor = 0 OR (paid_currency IS NOT NULL AND paid_by IS NOT NULL)",
        name="paid_by_somebody",
    ),
    CheckConstraint("paid_by IS NULL OR paid_by IN ('shopper', 'merchant', 'carrier', 'platform')", name="payer_known"),
)

customs_claims = Table(
    "customs_claims",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("case_line_id", Id, nullable=False),
    Column("order_id", Id, nullable=False),
    Column("order_line_id", Id, nullable=False),
    Column("units", Integer, nullable=False),
    Column("kind", Word, nullable=False),  # a name of policies/customs.toml
    Column("title", Text, nullable=False),
    Column("authority", Word, nullable=False),
    Column("source", Text, nullable=False),
    Column("confidence", Word, nullable=False),
    Column("claimant", Word, nullable=False),
    Column("recovered_for", Word, nullable=False),
    Column("needs", Json, nullable=False),  # the proofs that the authority asks for
    Column("deadline", Date),  # empty: the day it counts from is not on the record
    Column("status", Word, nullable=False),
    Column("expected_minor", Minor, nullable=False),  # zero: a charge is spared, nothing is paid back
    Column("recovered_minor", Minor),
    Column("currency", Currency, nullable=False),
    Column("reference", Id),
    Column("note", Text),
    Column("opened_at", Moment, nullable=False),
    Column("filed_at", Moment),
    Column("filed_by", Id),
    Column("ended_at", Moment),
    Column("ended_by", Id),
    ForeignKeyConstraint(["case_id", "case_line_id"], ["case_lines.case_id", "case_lines.id"]),
    UniqueConstraint("case_id", "case_line_id", "kind"),
    CheckConstraint("units > 0", name="units_positive"),
    CheckConstraint("status IN ('open', 'filed', 'recovered', 'rejected')", name="status_known"),
    CheckConstraint("expected_minor >= 0 AND coalesce(recovered_minor, 0) >= 0", name="money_not_negative"),
    CheckConstraint("(filed_at IS NULL) = (filed_by IS NULL)", name="filing_is_signed"),
    CheckConstraint(
        "(status IN ('recovered', 'rejected')) = (ended_at IS NOT NULL AND ended_by IS NOT NULL)", name="end_is_signed"
    ),
    CheckConstraint("(status = 'recovered') = (recovered_minor IS NOT NULL)", name="recovered_has_its_amount"),
    CheckConstraint("status NOT IN ('filed', 'recovered') OR filed_at IS NOT NULL", name="filed_first"),
    Index(None, "status", "deadline"),
    Index(None, "order_id", "order_line_id"),
)
