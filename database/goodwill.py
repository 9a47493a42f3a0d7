"""Goodwill refunds: proposed, decided, paid over tenders as refunds with a purpose of their own, and kept in step with them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.orm import Session

from database import events, facts, ledger, refunds
from database.tables import cases, goodwill_refunds, orders, tender_refunds
from domain.goodwill import GoodwillStatus, UnknownGoodwill
from domain.ledger import goodwill_undone_entry
from domain.money import Money

WAITING = (GoodwillStatus.PROPOSED, GoodwillStatus.APPROVED)


def get(session: Session, goodwill_id: str, *, lock: bool = False) -> Row[Any]:
    question = select(goodwill_refunds).where(goodwill_refunds.c.id == goodwill_id)
    row = session.execute(question.with_for_update() if lock else question).one_or_none()
    if row is None:
        raise UnknownGoodwill(f"There is no goodwill {goodwill_id!r}.", goodwill_id=goodwill_id)
    return row


def search(
    session: Session, *, status: str | None, case_id: str | None, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Newest first (ids sort by time); `after` is the id of the last one of the page before. One more than `limit`."""
    wanted = []
    if status:
        wanted.append(goodwill_refunds.c.status == status)
    if case_id:
        wanted.append(goodwill_refunds.c.case_id == case_id)
    if after:
        wanted.append(goodwill_refunds.c.id < after)
    question = select(goodwill_refunds).where(*wanted).order_by(goodwill_refunds.c.id.desc()).limit(limit + 1)
    return session.execute(question).all()


def add(session: Session, values: dict[str, Any]) -> Row[Any]:
    session.execute(goodwill_refunds.insert().values(values))
    return get(session, values["id"])


def change(session: Session, goodwill_id: str, **values: Any) -> Row[Any]:
    session.execute(update(goodwill_refunds).where(goodwill_refunds.c.id == goodwill_id).values(values))
    return get(session, goodwill_id)


def like_it(session: Session, case_id: str, order_id: str, amount_minor: int, *, since: datetime) -> Row[Any] | None:
    """Goodwill of the same amount for the same return that waits, or that was asked for lately and not refused."""
    return session.execute(
        select(goodwill_refunds)
        .where(
            goodwill_refunds.c.case_id == case_id,
            goodwill_refunds.c.order_id == order_id,
            goodwill_refunds.c.amount_minor == amount_minor,
            goodwill_refunds.c.status.in_(WAITING)
            | ((goodwill_refunds.c.proposed_at >= since) & (goodwill_refunds.c.status != GoodwillStatus.REFUSED)),
        )
        .order_by(goodwill_refunds.c.id)
        .limit(1)
    ).one_or_none()


def order_of(session: Session, order_id: str) -> Row[Any]:
    found: Row[Any] = session.execute(select(orders).where(orders.c.id == order_id)).one()
    return found


def spoken_for(session: Session, order_id: str, *, but: str | None = None) -> int:
    """Minor units of an order that no goodwill may take: proposed or approved and not yet promised, or owed again after a failure.

    The order's tenders must be locked (`refunds.rooms`).
    """
    promised = select(tender_refunds.c.id).where(
        tender_refunds.c.case_id == goodwill_refunds.c.case_id, tender_refunds.c.purpose == goodwill_refunds.c.id
    )
    waits = session.scalar(
        select(func.coalesce(func.sum(goodwill_refunds.c.amount_minor), 0)).where(
            goodwill_refunds.c.order_id == order_id,
            goodwill_refunds.c.status.in_(WAITING),
            goodwill_refunds.c.id != (but or ""),
            ~promised.exists(),
        )
    )
    return int(waits or 0) + owed_again(session, order_id)


def owed_again(session: Session, order_id: str) -> int:
    """Minor units of an order's refunds that failed for good and have not been sent anew: their room is not free for others."""
    return int(session.scalar(text(_OWED_AGAIN), {"order_id": order_id, "settlement": refunds.SETTLEMENT}) or 0)


_OVER_TROUBLE = "UPDATE cases SET trouble = NULL WHERE id = :case_id AND trouble ->> 'doing' = 'pay_goodwill'"
_OWED_AGAIN = """
SELECT coalesce(sum(amount_minor), 0) FROM (
    SELECT DISTINCT ON (case_id, tender_id) amount_minor, status FROM tender_refunds
    WHERE order_id = :order_id AND purpose = :settlement ORDER BY case_id, tender_id, created_at DESC, id DESC
) AS latest WHERE status = 'failed'
"""


def alive_on(session: Session, order_id: str) -> int:
    """Minor units of goodwill that went, or is going, over an order's tenders."""
    return int(
        session.scalar(
            select(func.coalesce(func.sum(tender_refunds.c.amount_minor), 0)).where(
                tender_refunds.c.order_id == order_id,
                tender_refunds.c.purpose != refunds.SETTLEMENT,
                tender_refunds.c.status != "failed",
            )
        )
        or 0
    )


# --- its workflow ---


def not_started(session: Session, *, approved_before: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    """Approved, and then the process died before its workflow could be started."""
    return session.execute(
        select(goodwill_refunds)
        .where(
            goodwill_refunds.c.status == GoodwillStatus.APPROVED,
            goodwill_refunds.c.started_at.is_(None),
            goodwill_refunds.c.approved_at < approved_before,
        )
        .order_by(goodwill_refunds.c.approved_at)
        .limit(limit)
    ).all()


def mark_started(session: Session, goodwill_id: str, at: datetime) -> None:
    session.execute(
        update(goodwill_refunds)
        .where(goodwill_refunds.c.id == goodwill_id, goodwill_refunds.c.started_at.is_(None))
        .values(started_at=at)
    )


# --- what becomes of it ---


def report(
    session: Session, part: Row[Any], status: str, *, provider_id: str | None, failure: str | None, at: datetime
) -> bool:
    """Bring a locked tender refund in step with what the provider says, and the goodwill that it pays, if it pays one."""
    changed = refunds.report(session, part, status, provider_id=provider_id, failure=failure, at=at)
    if changed and part.purpose != refunds.SETTLEMENT:
        if status == "failed":
            amount = Money(part.amount_minor, part.currency)
            ledger.book(session, goodwill_undone_entry(part.case_id, part.id, amount), at)
        follow(session, part.purpose, at)
    return changed


def follow(session: Session, goodwill_id: str, at: datetime) -> Row[Any]:
    """The goodwill as its tender refunds stand: paid when all arrived, failed when one did not and none is under way."""
    before = get(session, goodwill_id, lock=True)
    parts = refunds.parts(session, before.case_id, purpose=goodwill_id)
    if not parts:
        return before
    paid = sum(part.amount_minor for part in parts if part.status == "succeeded")
    status = GoodwillStatus.APPROVED
    if all(part.status in refunds.FINAL for part in parts):
        failed = any(part.status == "failed" for part in parts)
        status = GoodwillStatus.FAILED if failed else GoodwillStatus.PAID
    ended = status is not GoodwillStatus.APPROVED
    after = change(
        session,
        goodwill_id,
        paid_minor=paid,
        status=status,
        finished_at=(before.finished_at or at) if ended else None,
        trouble=None if ended else before.trouble,
    )
    if ended:  # whoever hears it first: the effect that tried again, or the provider's event
        session.execute(text(_OVER_TROUBLE), {"case_id": before.case_id})
    if status != before.status:
        tell(session, after, f"goodwill_{status}", by="boomerang", at=at)
    return after


def fail(session: Session, goodwill_id: str, why: str, at: datetime) -> None:
    """Nothing was sent, and nothing can be: there is no room left for it."""
    if get(session, goodwill_id, lock=True).status == GoodwillStatus.APPROVED:
        after = change(session, goodwill_id, status=GoodwillStatus.FAILED, finished_at=at, trouble={"last_error": why})
        tell(session, after, "goodwill_failed", by="boomerang", at=at)


def tell(session: Session, row: Row[Any], kind: str, *, by: str, at: datetime) -> None:
    """In the timeline of its return, whose version grows with it, and to the outside."""
    amount = {"amount": row.amount_minor, "currency": row.currency}
    data = {"goodwill_id": row.id, "amount": amount}
    stage = session.scalar(
        update(cases).where(cases.c.id == row.case_id).values(version=cases.c.version + 1).returning(cases.c.stage)
    )
    fact_id = f"{kind}:{row.id}:{int(at.timestamp() * 1000)}"
    facts.note(session, row.case_id, fact_id, kind=kind, stage=str(stage), by=by, at=at, data=data)
    events.announce(session, row.case_id, kind.replace("_", ".", 1), key=fact_id, at=at, data={"goodwill_id": row.id})


def given(session: Session, case_ids: Sequence[str]) -> dict[str, int]:
    """Per case, minor units of goodwill that arrived."""
    rows = session.execute(
        select(goodwill_refunds.c.case_id, func.sum(goodwill_refunds.c.paid_minor).label("paid"))
        .where(goodwill_refunds.c.case_id.in_(case_ids))
        .group_by(goodwill_refunds.c.case_id)
    )
    return {row.case_id: int(row.paid) for row in rows}
