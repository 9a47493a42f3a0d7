"""Return cases: the case's own row (the read model), its lines, its parcels, and what the bench found."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from database.tables.base import Currency, Id, Json, Minor, Moment, Word, metadata

cases = Table(
    "cases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("rma", Word, nullable=False, unique=True),
    Column("customer_id", Id),
    Column("order_id", Id),  # as the shopper named it; lines say which orders the goods are from
    Column("tier", Word, nullable=False),
    Column("market", Word, nullable=False),
    Column("programme", Word, nullable=False),
    Column("policy_version", Word, nullable=False),
    Column("policy_id", Id),  # the published version; empty where the policy was a file
    Column("currency", Currency, nullable=False),
    Column("resolution", Word, nullable=False),
    Column("method", Word, nullable=False),
    Column("terms", Json, nullable=False),
    Column("explanation", Json, nullable=False),
    Column("referred", Boolean, nullable=False),  # to a person, when it was opened
    Column("benefits", Boolean, nullable=False, server_default="true"),  # false: fair use took them away
    Column("quoted_minor", Minor, nullable=False, server_default="0"),
    Column("refunded_minor", Minor, nullable=False, server_default="0"),
    Column("stage", Word, nullable=False),
    Column("status", Word, nullable=False),
    Column("outcome", Word),
    Column("due_at", Moment),
    Column("due_owner", Word),
    Column("due_default", Word),
    Column("attention_reason", Word),
    Column("attention_since", Moment),
    Column("trouble", Json),  # a partner that does not answer: which, since when, how often tried, what it said last
    Column("state", Json, nullable=False),  # domain/replica.py; empty object for a case refused at once
    Column("run_id", Id),  # the run of the workflow that wrote here last
    Column("run_epoch", Integer, nullable=False, server_default="0"),
    Column("run_seq", Integer, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("opened_by", Id, nullable=False),
    Column("declared_at", Moment, nullable=False),  # when the shopper asked; for imports, long ago
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("started_at", Moment),  # when the workflow is known to run; empty for a case that needs none or has none yet
    CheckConstraint("(due_at IS NULL) = (due_owner IS NULL)", name="deadline_has_owner"),
    CheckConstraint("quoted_minor >= 0 AND refunded_minor >= 0", name="money_not_negative"),
    Index(None, "stage", "due_at"),
    Index(None, "customer_id"),
    Index(None, "opened_at", "id"),
    Index(
        "ix_cases_not_started", "opened_at", postgresql_where=text("started_at IS NULL AND stage NOT IN ('refused')")
    ),
)

case_runs = Table(
    "case_runs",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id"), primary_key=True),
    Column("run_id", Id, primary_key=True),
    Column(
        "epoch", Integer, nullable=False
    ),  # the order in which the runs of a case first wrote: a reset run fences the old one
    UniqueConstraint("case_id", "epoch"),
)

case_lines = Table(
    "case_lines",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("order_id", Id),
    Column("order_line_id", Id),
    Column("sku", Id, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("reason", Word, nullable=False),
    Column("note", Text),
    Column("condition", Word, nullable=False, server_default="not_said"),  # as the shopper says
    Column("serials", Json, nullable=False, server_default="[]"),
    Column("verdict", Word, nullable=False),
    Column("verdict_reasons", Json, nullable=False),
    Column("holds_units", Boolean, nullable=False),  # counts in order_lines.claimed
    Column("received", Integer, nullable=False, server_default="0"),
    Column("accepted", Integer),  # empty until judged
    Column("grade", Word),
    Column("disposition", Word),
    Column("refund_minor", Minor, nullable=False, server_default="0"),
    ForeignKeyConstraint(["order_id", "order_line_id"], ["order_lines.order_id", "order_lines.id"]),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("received >= 0", name="received_not_negative"),
    CheckConstraint("accepted IS NULL OR (accepted >= 0 AND accepted <= quantity)", name="accepted_within_quantity"),
    CheckConstraint("refund_minor >= 0", name="refund_not_negative"),
    Index(None, "order_id", "order_line_id"),
)

parcels = Table(
    "parcels",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("effect_key", Word, nullable=False),
    Column("direction", Word, nullable=False),  # inbound, outbound
    Column("method", Word, nullable=False),
    Column("carrier", Word, nullable=False),
    Column("status", Word, nullable=False),  # ordered, label_created, …, voided; the carrier's word in our vocabulary
    Column("status_at", Moment, nullable=False),
    Column("raw_status", Text),
    Column("shipment_id", Id),
    Column("tracking_code", Id),
    Column("label_url", Text),
    Column("pickup_slot", Text),
    Column("drop_off_code", Id),
    Column("cost_minor", Minor),
    Column("currency", Currency),
    Column("received_at", Moment),
    Column("received_by", Id),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("case_id", "effect_key"),
    CheckConstraint("cost_minor IS NULL OR cost_minor >= 0", name="cost_not_negative"),
    CheckConstraint("(received_at IS NULL) = (received_by IS NULL)", name="receipt_is_signed"),
    Index(None, "tracking_code"),
)

inspections = Table(
    "inspections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id"), nullable=False),
    Column("by", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("round", Integer, nullable=False, server_default="1"),
    UniqueConstraint("case_id", "round"),
)

inspection_lines = Table(
    "inspection_lines",
    metadata,
    Column("inspection_id", Id, ForeignKey("inspections.id"), primary_key=True),
    Column("line_id", Id, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("grade", Word, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("findings", Json, nullable=False),
    Column("disposition", Word, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("grade IN ('A', 'B', 'C', 'D')", name="grade_known"),
)
