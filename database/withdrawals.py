"""Withdrawals: written down once for each form, worked, acknowledged, handled, and asked for."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import customers, idempotency_keys, orders, withdrawals
from domain.errors import Missing
from domain.withdrawal import Declaration, Ground, WithdrawalStatus

MAILS_AN_HOUR = 5  # to one address: enough for whoever withdraws, too few to flood a stranger's mailbox
HOUR = timedelta(hours=1)


class UnknownWithdrawal(Missing):
    code = "unknown_withdrawal"
    title = "There is no such withdrawal"
    next_action = "Check the withdrawal's id; GET /v1/withdrawals lists them."


@dataclass(frozen=True)
class Letter:
    """An acknowledgement in words, as it is sent, and the language of the words."""

    subject: str
    text: str
    language: str


@dataclass(frozen=True)
class OrderFound:
    """An order as far as a withdrawal asks about it; `email` is the customer's, where one is known."""

    id: str
    market: str
    email: str | None


def content_hash(said: Declaration) -> str:
    """The same for two declarations that say the same; the language they were made in is not what they say."""
    plain = {name: value for name, value in asdict(said).items() if name != "locale"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def add(
    session: Session,
    withdrawal_id: str,
    token: str,
    said: Declaration,
    letter: Letter,
    *,
    at: datetime,
    by: str,
    order_id: str | None,
) -> bool:
    """Write a declaration down; False when the token has one already. Two at the same instant: the second waits for the first."""
    done = session.execute(
        insert(withdrawals)
        .values(
            id=withdrawal_id,
            token=token,
            content_hash=content_hash(said),
            submitted_at=at,
            name=said.name,
            contract=said.contract,
            goods=said.goods or None,
            email=said.email,
            mailbox=said.email.casefold(),
            locale=letter.language,
            declared_by=by,
            status=WithdrawalStatus.RECEIVED,
            order_id=order_id,
            subject=letter.subject,
            acknowledgement=letter.text,
        )
        .on_conflict_do_nothing(index_elements=["token"])
        .returning(withdrawals.c.id)
    )
    return done.first() is not None


def of_token(session: Session, token: str) -> Row[Any] | None:
    return session.execute(select(withdrawals).where(withdrawals.c.token == token)).one_or_none()


def get(session: Session, withdrawal_id: str, *, lock: bool = False) -> Row[Any]:
    question = select(withdrawals).where(withdrawals.c.id == withdrawal_id)
    row = session.execute(question.with_for_update() if lock else question).one_or_none()
    if row is None:
        raise UnknownWithdrawal(f"There is no withdrawal {withdrawal_id!r}.", withdrawal_id=withdrawal_id)
    return row


def search(session: Session, *, status: str | None, after: str | None, limit: int) -> Sequence[Row[Any]]:
    """Newest first (ids sort by time); `after` is the id of the last one of the page before. One more than `limit`."""
    wanted = []
    if status:
        wanted.append(withdrawals.c.status == status)
    if after:
        wanted.append(withdrawals.c.id < after)
    return session.execute(select(withdrawals).where(*wanted).order_by(withdrawals.c.id.desc()).limit(limit + 1)).all()


def find_order(session: Session, order_id: str) -> OrderFound | None:
    row = session.execute(
        select(orders.c.id, orders.c.market, customers.c.email)
        .join_from(orders, customers, orders.c.customer_id == customers.c.id, isouter=True)
        .where(orders.c.id == order_id)
    ).one_or_none()
    return OrderFound(row.id, row.market, row.email) if row else None


# --- what becomes of it ---


def opened_under(session: Session, caller: str, route: str, key: str) -> str | None:
    """The return that was opened under an idempotency key, if it was."""
    found: str | None = session.scalar(
        select(idempotency_keys.c.case_id).where(
            idempotency_keys.c.caller == caller, idempotency_keys.c.route == route, idempotency_keys.c.key == key
        )
    )
    return found


def settle(
    session: Session, withdrawal_id: str, *, case_id: str | None, ground: Ground | None, note: str | None = None
) -> bool:
    """What became of a received withdrawal: a return, a person, or both. False when that was written down before."""
    status = WithdrawalStatus.WITH_A_PERSON if ground else WithdrawalStatus.OPENED
    done = session.execute(
        update(withdrawals)
        .where(withdrawals.c.id == withdrawal_id, withdrawals.c.status == WithdrawalStatus.RECEIVED)
        .values(status=status, case_id=case_id, reason=ground, reason_note=note)
        .returning(withdrawals.c.id)
    )
    return done.first() is not None


def handle(session: Session, withdrawal_id: str, *, by: str, at: datetime, answer: str) -> None:
    session.execute(
        update(withdrawals)
        .where(withdrawals.c.id == withdrawal_id)
        .values(status=WithdrawalStatus.ANSWERED, handled_by=by, handled_at=at, answer=answer)
    )


def mark_started(session: Session, withdrawal_id: str, at: datetime) -> None:
    session.execute(
        update(withdrawals)
        .where(withdrawals.c.id == withdrawal_id, withdrawals.c.started_at.is_(None))
        .values(started_at=at)
    )


def unfinished(session: Session, *, submitted_before: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    """Withdrawals whose server died before it had opened their return or set their acknowledgement on its way."""
    return session.execute(
        select(withdrawals)
        .where(
            or_(withdrawals.c.status == WithdrawalStatus.RECEIVED, withdrawals.c.started_at.is_(None)),
            withdrawals.c.submitted_at < submitted_before,
        )
        .order_by(withdrawals.c.submitted_at)
        .limit(limit)
    ).all()


# --- the mail ---


def claim_mail(session: Session, withdrawal_id: str, at: datetime) -> datetime | None:
    """Take a place among the mails that an address gets in an hour; None when it is taken, else from when there is one again.

    Declarations about an order of hers have places of their own: what strangers send in her name does not hold hers up.
    """
    row = get(session, withdrawal_id)
    # One at a time for each address, or two would both see the last place free.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:mailbox, 11))"), {"mailbox": row.mailbox})
    if row.mail_claimed_at or get(session, withdrawal_id).mail_claimed_at:
        return None
    last: Sequence[datetime] = session.scalars(
        select(withdrawals.c.mail_claimed_at)
        .where(*_had_before(row, at))
        .order_by(withdrawals.c.mail_claimed_at.desc())
        .limit(MAILS_AN_HOUR)
    ).all()
    if len(last) == MAILS_AN_HOUR:
        return last[-1] + HOUR
    session.execute(update(withdrawals).where(withdrawals.c.id == withdrawal_id).values(mail_claimed_at=at))
    return None


def has_to_wait(session: Session, row: Row[Any], at: datetime) -> bool:
    """Whether the address of a declaration has had its mails of this hour."""
    sent = session.scalar(select(func.count()).select_from(withdrawals).where(*_had_before(row, at)))
    return (sent or 0) >= MAILS_AN_HOUR


def _had_before(row: Row[Any], at: datetime) -> tuple[ColumnElement[bool], ...]:
    hers = withdrawals.c.order_id.is_not(None) if row.order_id else withdrawals.c.order_id.is_(None)
    return withdrawals.c.mailbox == row.mailbox, withdrawals.c.mail_claimed_at > at - HOUR, hers


def mark_acknowledged(session: Session, withdrawal_id: str, at: datetime) -> None:
    session.execute(
        update(withdrawals)
        .where(withdrawals.c.id == withdrawal_id, withdrawals.c.acknowledged_at.is_(None))
        .values(acknowledged_at=at, mail_trouble=None)
    )


def note_mail_trouble(session: Session, withdrawal_id: str, trouble: dict[str, Any]) -> None:
    session.execute(update(withdrawals).where(withdrawals.c.id == withdrawal_id).values(mail_trouble=trouble))
