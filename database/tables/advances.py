"""Money paid ahead of the goods: what guarantees it, and what was charged back, captured, given back and written off."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from database.tables.base import Currency, Id, Minor, Moment, Word, metadata

advances = Table(
    "advances",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id"), primary_key=True),
    Column("customer_id", Id),
    Column("amount_minor", Minor, nullable=False),  # paid ahead; before that, what is to be
    Column("goods_minor", Minor, nullable=False),  # what the goods were sold for: more than that where a fee was kept
    Column("currency", Currency, nullable=False),
    Column("guarantee", Word, nullable=False),
    Column("status", Word, nullable=False),
    Column("hold_id", Id, unique=True),  # ho_…, ours; fixed before the provider hears of it
    Column("processor", Word),
    Column("reference", Id),  # the payment on whose card it is held
    Column("held_minor", Minor, nullable=False, server_default="0"),
    Column("hold_status", Word),
    Column("hold_ends_at", Moment),
    Column("refusal", Text),  # why there is no hold
    Column("charged_minor", Minor, nullable=False, server_default="0"),
    Column("charged_goods_minor", Minor, nullable=False, server_default="0"),  # what those goods were sold for
    Column("captured_minor", Minor, nullable=False, server_default="0"),
    Column("captured_payment", Id),  # what a capture is given back over
    Column("return_id", Id, unique=True),  # rc_…, ours: the refund over the capture
    Column("return_minor", Minor, nullable=False, server_default="0"),
    Column("returned_minor", Minor, nullable=False, server_default="0"),
    Column("written_off_minor", Minor, nullable=False, server_default="0"),
    Column("written_off_by", Word),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    CheckConstraint("guarantee IN ('none', 'hold', 'receivable')", name="guarantee_known"),
    CheckConstraint(
        "status IN ('intended', 'withheld', 'open', 'met', 'captured', 'receivable', 'written_off', 'reversed')",
        name="status_known",
    ),
    CheckConstraint(
        "hold_status IS NULL OR hold_status IN ('intended', 'unknown', 'held', 'refused', 'captured', 'released', 'ended')",
        name="hold_status_known",
    ),
    CheckConstraint("amount_minor > 0 AND goods_minor >= 0 AND charged_goods_minor >= 0", name="amount_positive"),
    CheckConstraint("charged_minor BETWEEN 0 AND amount_minor", name="charged_at_most_what_was_paid"),
    CheckConstraint("captured_minor BETWEEN 0 AND held_minor", name="captured_at_most_what_is_held"),
    CheckConstraint(
        "return_minor BETWEEN 0 AND captured_minor AND returned_minor IN (0, return_minor)",
        name="returned_at_most_what_was_captured",
    ),
    CheckConstraint(
        "written_off_minor >= 0 AND captured_minor - returned_minor + written_off_minor <= charged_minor",
        name="nothing_paid_twice",
    ),
    Index(None, "customer_id", "status"),
    Index("ix_advances_uncovered", "case_id", postgresql_where=text("status IN ('receivable', 'written_off')")),
)
