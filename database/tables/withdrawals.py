"""Withdrawals declared by consumers, and the acknowledgement that each of them is sent."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from database.tables.base import Id, Json, Moment, Word, metadata

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "token", Id, nullable=False, unique=True
    ),  # of the form or the request: sent again, it is the same withdrawal
    Column("content_hash", Word, nullable=False),
    Column("submitted_at", Moment, nullable=False),  # the moment that counts in law
    Column("name", Text, nullable=False),
    Column("contract", Text, nullable=False),  # as typed
    Column("goods", Text),  # as typed; empty: the whole contract
    Column("email", Text, nullable=False),
    Column("mailbox", Text, nullable=False),  # the address as it is counted by
    Column("locale", Word, nullable=False),
    Column("declared_by", Id, nullable=False),
    Column("status", Word, nullable=False),
    Column("order_id", Id, ForeignKey("orders.id")),  # where the number and the e-mail address belong together
    Column("case_id", Id, ForeignKey("cases.id")),
    Column("reason", Word),  # why a person has to look
    Column("reason_note", Text),
    Column("subject", Text, nullable=False),
    Column("acknowledgement", Text, nullable=False),  # word for word as it is sent and shown
    Column("started_at", Moment),  # when the sending of the mail was set running
    Column("mail_claimed_at", Moment),  # its place among the few mails that an address gets in an hour
    Column("mail_trouble", Json),
    Column("acknowledged_at", Moment),  # when the mail server took the mail
    Column("handled_by", Id),
    Column("handled_at", Moment),
    Column("answer", Text),
    CheckConstraint("status IN ('received', 'opened', 'with_a_person', 'answered')", name="status_known"),
    CheckConstraint("status <> 'opened' OR case_id IS NOT NULL", name="opened_has_its_return"),
    CheckConstraint("status <> 'with_a_person' OR reason IS NOT NULL", name="person_knows_why"),
    CheckConstraint(
        "(status = 'answered') = (handled_at IS NOT NULL AND handled_by IS NOT NULL AND answer IS NOT NULL)",
        name="answered_by_somebody",
    ),
    Index(None, "status", "id"),
    Index(None, "mailbox", "mail_claimed_at"),
    Index(
        "ix_withdrawals_unfinished",
        "submitted_at",
        postgresql_where=text("status = 'received' OR started_at IS NULL"),
    ),
)
