"""Advances: what guarantees each, and in step with it what was charged back, captured, given back and written off.

The row says what is true of the money; when something falls due is the case's own knowledge. Whatever moves money is written down
with its id before a provider hears of it, and its ledger entry is booked in the transaction that notes it as done.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from database import ledger, refunds
from database.tables import advances, case_lines, inspections, tender_refunds, tenders
from domain.advances import Standing, not_accepted
from domain.ledger import (
    advance_captured_entry,
    advance_charged_entry,
    advance_returned_entry,
    advance_written_off_entry,
)
from domain.money import Money

OVER_A_CAPTURE = "rc_"  # begins the id of a refund over a capture, as "rf_" begins those over tenders
LOST = ("captured", "receivable", "written_off")  # advances after which a customer has lost the right to another one


def of_case(session: Session, case_id: str, *, lock: bool = False) -> Row[Any] | None:
    question = select(advances).where(advances.c.case_id == case_id)
    return session.execute(question.with_for_update() if lock else question).one_or_none()


def of_cases(session: Session, case_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The advances among these cases; one question for all."""
    rows = session.execute(select(advances).where(advances.c.case_id.in_(list(case_ids))))
    return {row.case_id: row for row in rows}


def of_customer(session: Session, customer_id: str, *, since: datetime) -> dict[str, int]:
    """How many advances of a customer stand how."""
    question = (
        select(advances.c.status, func.count())
        .where(advances.c.customer_id == customer_id, advances.c.created_at > since)
        .group_by(advances.c.status)
    )
    return {str(status): int(count) for status, count in session.execute(question)}


def guarantee_of(session: Session, case: Row[Any]) -> dict[str, str]:
    """What an advance of a case is guaranteed by, as the case hears it; empty where there is none."""
    row = of_case(session, case.id) if case.state["limits"].get("guarantee") else None
    return {"guarantee": row.guarantee} if row is not None and row.status == "open" else {}


# --- before it is paid ---


def cards(session: Session, case_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """The case's tender refunds that go to a card, the largest first: where money might be held."""
    return session.execute(
        select(tenders.c.processor, tender_refunds.c.reference, tender_refunds.c.amount_minor)
        .join(tenders, (tenders.c.order_id == tender_refunds.c.order_id) & (tenders.c.id == tender_refunds.c.tender_id))
        .where(tender_refunds.c.case_id == case_id, tenders.c.method == "card")
        .order_by(tender_refunds.c.amount_minor.desc(), tender_refunds.c.id)
    ).all()


def intend(
    session: Session,
    case: Row[Any],
    amount: Money,
    *,
    goods_minor: int,
    card: tuple[str, str] | None,
    at: datetime,
) -> None:
    """Write down what is to be paid ahead and, where a card (processor, reference) can be held, the id of the hold."""
    values: dict[str, Any] = {
        "case_id": case.id,
        "customer_id": case.customer_id,
        "amount_minor": amount.minor,
        "goods_minor": goods_minor,
        "currency": amount.currency,
        "guarantee": "none",
        "status": "intended",
        "created_at": at,
        "changed_at": at,
    }
    if card:
        processor, reference = card
        values |= {"hold_id": f"ho_{ULID()}", "processor": processor, "reference": reference, "hold_status": "intended"}
    session.execute(advances.insert().values(values))


def note_hold(
    session: Session, case_id: str, status: str, *, at: datetime, held_minor: int | None = None, **more: Any
) -> None:
    """What is known of the hold; `more` are `hold_ends_at`, `refusal`."""
    values: dict[str, Any] = {"hold_status": status, "changed_at": at, **more}
    if held_minor is not None:
        values["held_minor"] = held_minor
    session.execute(update(advances).where(advances.c.case_id == case_id).values(values))


def open_(session: Session, case_id: str, guarantee: str, amount: Money, *, goods_minor: int, at: datetime) -> None:
    """It is being paid, against this guarantee."""
    _set(session, case_id, at, status="open", guarantee=guarantee, amount_minor=amount.minor, goods_minor=goods_minor)


def withhold(session: Session, case_id: str, at: datetime) -> None:
    """Nothing guarantees it, so nothing is paid ahead."""
    _set(session, case_id, at, status="withheld")


# --- what becomes of it ---


def due_of(session: Session, row: Row[Any]) -> tuple[int, int, bool]:
    """What no goods bear out: to be charged, what those goods were sold for, and whether the bench accepted nothing at all.

    Everything, where nobody has judged anything; else the refund of the units that were not accepted.
    """
    judged = session.scalar(select(func.count()).where(inspections.c.case_id == row.case_id))
    if not judged:
        return row.amount_minor, row.goods_minor, False
    question = select(case_lines.c.refund_minor, case_lines.c.quantity, case_lines.c.accepted).where(
        case_lines.c.case_id == row.case_id, case_lines.c.verdict != "refused"
    )
    lines = [(line.refund_minor, line.quantity, line.accepted or 0) for line in session.execute(question)]
    goods = not_accepted(row.goods_minor, lines)
    charged = row.amount_minor if goods == row.goods_minor else min(goods, row.amount_minor)
    return charged, goods, not any(accepted for _, _, accepted in lines)


def charge(session: Session, row: Row[Any], charged_minor: int, goods_minor: int, *, key: str, at: datetime) -> None:
    """The shopper owes `charged_minor` of it in all, for goods sold for `goods_minor`."""
    more = Money(charged_minor - row.charged_minor, row.currency)
    # Delivery and other charges went back with the whole, and are charged back with the whole.
    refund = refunds.of_case(session, row.case_id)
    charges, whole = refund.charges_minor if refund else 0, row.goods_minor
    entry = advance_charged_entry(
        row.case_id,
        f"{row.case_id}:{key}",
        more,
        goods_minor=goods_minor - row.charged_goods_minor,
        charges_minor=charges * ((goods_minor == whole) - (row.charged_goods_minor == whole)),
    )
    ledger.book(session, entry, at)
    _set(session, row.case_id, at, charged_minor=charged_minor, charged_goods_minor=goods_minor)


def note_captured(session: Session, row: Row[Any], captured_minor: int, payment: str, at: datetime) -> None:
    """The card was charged, once."""
    entry = advance_captured_entry(row.case_id, row.hold_id, row.processor, Money(captured_minor, row.currency))
    if ledger.book(session, entry, at):
        _set(session, row.case_id, at, captured_minor=captured_minor, captured_payment=payment, hold_status="captured")


def intend_return(session: Session, row: Row[Any], minor: int, at: datetime) -> None:
    """Fix the id and the amount of the refund over the capture."""
    _set(session, row.case_id, at, return_id=f"{OVER_A_CAPTURE}{ULID()}", return_minor=minor)


def note_returned(session: Session, row: Row[Any], at: datetime) -> None:
    """What was captured has gone back, as far as it was to."""
    returned = Money(row.return_minor, row.currency)
    if ledger.book(session, advance_returned_entry(row.case_id, row.return_id, row.processor, returned), at):
        _set(session, row.case_id, at, returned_minor=row.return_minor)


def write_off(session: Session, row: Row[Any], minor: int, bearer: str, *, key: str, at: datetime) -> None:
    """So much of the debt is the bearer's loss in all; 0 takes an earlier loss back."""
    bearer = row.written_off_by or bearer
    more = Money(minor - row.written_off_minor, row.currency)
    ledger.book(session, advance_written_off_entry(row.case_id, f"{row.case_id}:{key}", bearer, more), at)
    _set(session, row.case_id, at, written_off_minor=minor, written_off_by=bearer if minor else None)


def debt(row: Row[Any]) -> int:
    """What the shopper still owes of it, in minor units."""
    return int(row.charged_minor - (row.captured_minor - row.returned_minor) - row.written_off_minor)


def stand(session: Session, case_id: str, at: datetime) -> Standing:
    """Bring the row's status in step with its money, and say where it stands."""
    row = of_case(session, case_id, lock=True)
    assert row is not None
    standing, status = Standing.CAPTURED, "captured"
    if not row.charged_minor:
        standing, status = Standing.NONE, "reversed"
    elif debt(row):
        standing, status = Standing.OWED, "receivable"
    elif row.written_off_minor:
        standing, status = Standing.WRITTEN_OFF, "written_off"
    _set(session, case_id, at, status=status)
    return standing


def meet(session: Session, case_id: str, at: datetime) -> None:
    """The goods bore it out, or somebody let it stand."""
    session.execute(
        update(advances)
        .where(advances.c.case_id == case_id, advances.c.status == "open")
        .values(status="met", changed_at=at)
    )


def _set(session: Session, case_id: str, at: datetime, **values: Any) -> None:
    session.execute(update(advances).where(advances.c.case_id == case_id).values(changed_at=at, **values))
