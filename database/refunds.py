"""Refunds: decided once, sent over their tenders, and kept in step with what the provider says.

A tender refund moves intended -> unknown | pending -> succeeded | failed. What is promised back over a tender counts against it from the
moment it is intended until it fails for good.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.orm import Session
from ulid import ULID

from database import ledger
from database.tables import cases, fees, refunds, tender_refunds, tenders
from domain.fees import Bearer, Fee, FeeKind
from domain.ledger import refund_failed_reversal, refund_paid_entry
from domain.money import Money
from domain.refund import RefundQuote
from domain.tenders import TenderPart, TenderRoom

Standing = Literal["succeeded", "pending", "failed"]
FINAL = ("succeeded", "failed")


def of_case(session: Session, case_id: str) -> Row[Any] | None:
    return session.execute(select(refunds).where(refunds.c.case_id == case_id)).one_or_none()


def parts(session: Session, case_id: str) -> Sequence[Row[Any]]:
    """Every tender refund of a case, the failed ones and those that followed them too."""
    return session.execute(
        select(tender_refunds)
        .where(tender_refunds.c.case_id == case_id)
        .order_by(tender_refunds.c.created_at, tender_refunds.c.id)
    ).all()


def get_part(session: Session, refund_id: str) -> Row[Any] | None:
    return session.execute(select(tender_refunds).where(tender_refunds.c.id == refund_id)).one_or_none()


def lock_part(session: Session, refund_id: str) -> Row[Any] | None:
    return session.execute(
        select(tender_refunds).where(tender_refunds.c.id == refund_id).with_for_update()
    ).one_or_none()


def rooms(session: Session, order_ids: Sequence[str]) -> dict[str, list[TenderRoom]]:
    """The tenders of the orders, locked, with what is still free on each."""
    found: dict[str, list[TenderRoom]] = {order_id: [] for order_id in order_ids}
    question = (
        select(tenders)
        .where(tenders.c.order_id.in_(order_ids))
        .order_by(tenders.c.order_id, tenders.c.id)
        .with_for_update()
    )
    for row in session.execute(question):
        found[row.order_id].append(
            TenderRoom(
                row.order_id, row.id, row.method, row.processor, row.reference, row.amount_minor, row.refunded_minor
            )
        )
    return found


def decide(session: Session, case_id: str, quote: RefundQuote, ground: str, at: datetime) -> None:
    """Write the decision down, once: the quote, and what is gone from order lines and charges with it."""
    session.execute(
        refunds.insert().values(
            case_id=case_id,
            currency=quote.currency,
            goods_minor=quote.goods_minor,
            charges_minor=quote.charges_minor,
            deducted_minor=quote.deducted_minor,
            total_minor=quote.total_minor,
            quote={
                "lines": [asdict(line) for line in quote.lines],
                "charges": [asdict(charge) for charge in quote.charges],
                "taxes": [asdict(tax) for tax in quote.taxes],
                "per_order": dict(quote.per_order),
                "explanation": [asdict(decision) for decision in quote.explanation],
            },
            ground=ground,
            decided_at=at,
        )
    )
    if quote.lines:
        session.execute(
            text(
                "UPDATE order_lines SET refunded = refunded + :units, refunded_minor = refunded_minor + :minor,"
                " lost_minor = lost_minor + :lost"
                " WHERE order_id = :of_order AND id = :of_line"
            ),
            [
                {
                    "of_order": line.order_id,
                    "of_line": line.order_line_id,
                    "units": line.quantity,
                    "minor": line.goods_minor,
                    "lost": line.loss_minor,
                }
                for line in quote.lines
            ],
        )
    if quote.charges:
        session.execute(
            text(
                "UPDATE order_charges SET refunded_minor = refunded_minor + :minor WHERE order_id = :of_order AND id = :id"
            ),
            [{"of_order": one.order_id, "id": one.charge_id, "minor": one.amount_minor} for one in quote.charges],
        )


def intend(
    session: Session, case_id: str, currency: str, over: Sequence[TenderPart], *, round: int, at: datetime
) -> None:
    """Fix the ids and promise the room of each part, before the provider hears of it."""
    if not over:
        return
    session.execute(
        tender_refunds.insert(),
        [
            {
                "id": f"rf_{ULID()}",
                "case_id": case_id,
                "order_id": part.order_id,
                "tender_id": part.tender_id,
                "round": round,
                "processor": part.processor,
                "reference": part.reference,
                "amount_minor": part.amount_minor,
                "currency": currency,
                "status": "intended",
                "created_at": at,
            }
            for part in over
        ],
    )
    _promise(session, [(part.order_id, part.tender_id, part.amount_minor) for part in over])


def intend_again(session: Session, case_id: str, *, round: int, at: datetime) -> None:
    """For each part that failed for good and has no follower: another one, of this round."""
    by_tender: dict[tuple[str, str], Row[Any]] = {}
    for row in parts(session, case_id):
        by_tender[row.order_id, row.tender_id] = row
    failed = [row for row in by_tender.values() if row.status == "failed" and row.round < round]
    again = [
        TenderPart(row.order_id, row.tender_id, "", row.processor, row.reference, row.amount_minor) for row in failed
    ]
    if again:
        intend(session, case_id, failed[0].currency, again, round=round, at=at)


def report(
    session: Session, part: Row[Any], status: str, *, provider_id: str | None, failure: str | None, at: datetime
) -> bool:
    """Bring a locked part in step with what the provider says; True when that changed something.

    Forward only: pending after succeeded is an old message; failed after succeeded is the bank giving the money back.
    """
    if part.status == status or part.status == "failed" or (part.status == "succeeded" and status != "failed"):
        return False
    values: dict[str, Any] = {"status": status, "provider_id": provider_id or part.provider_id, "failure": failure}
    values["changed_at"] = at
    if status in FINAL:
        values["settled_at"] = at
    session.execute(update(tender_refunds).where(tender_refunds.c.id == part.id).values(values))
    amount = Money(part.amount_minor, part.currency)
    if status == "succeeded":
        ledger.book(session, refund_paid_entry(part.case_id, part.id, part.processor, amount), at)
        _refunded(session, part.case_id, part.amount_minor)
    if status == "failed":
        if part.status == "succeeded":
            paid = ledger.find(session, f"paid:{part.id}")
            if paid:
                ledger.book(session, refund_failed_reversal(paid), at)
            _refunded(session, part.case_id, -part.amount_minor)
        _promise(session, [(part.order_id, part.tender_id, -part.amount_minor)])
    return True


def count_try(session: Session, refund_id: str, *, unknown: bool) -> None:
    values: dict[str, Any] = {"tries": tender_refunds.c.tries + 1}
    if unknown:
        values["status"] = "unknown"
    session.execute(
        update(tender_refunds)
        .where(tender_refunds.c.id == refund_id, tender_refunds.c.status.in_(("intended", "unknown")))
        .values(values)
    )


def latest_round(session: Session, case_id: str) -> int:
    """How often a refund of the case was begun."""
    highest: int | None = session.execute(
        select(func.max(tender_refunds.c.round)).where(tender_refunds.c.case_id == case_id)
    ).scalar_one_or_none()
    return highest or 0


def standing(session: Session, case_id: str) -> Standing:
    """Where the refund of a case stands as a whole: failed when a part failed and none followed, pending while one is open."""
    latest: dict[tuple[str, str], str] = {}
    for row in parts(session, case_id):
        latest[row.order_id, row.tender_id] = row.status
    if "failed" in latest.values():
        return "failed"
    return "succeeded" if all(status == "succeeded" for status in latest.values()) else "pending"


def totals(session: Session, case_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Per case, minor units by status of its tender refunds."""
    found: dict[str, dict[str, int]] = {case_id: {} for case_id in case_ids}
    rows = session.execute(
        select(
            tender_refunds.c.case_id, tender_refunds.c.status, func.sum(tender_refunds.c.amount_minor).label("total")
        )
        .where(tender_refunds.c.case_id.in_(case_ids))
        .group_by(tender_refunds.c.case_id, tender_refunds.c.status)
    )
    for row in rows:
        found[row.case_id][row.status] = int(row.total)
    return found


# --- fees ---


def add_fee(session: Session, case_id: str, key: str, fee: Fee, *, parcel_id: str | None) -> None:
    session.execute(
        fees.insert().values(
            case_id=case_id,
            key=key,
            kind=fee.kind,
            amount_minor=fee.amount_minor,
            currency=fee.currency,
            bearer=fee.bearer,
            rule=fee.rule,
            source=fee.source,
            parcel_id=parcel_id,
        )
    )


def fees_of_case(session: Session, case_id: str) -> Sequence[Row[Any]]:
    return session.execute(select(fees).where(fees.c.case_id == case_id).order_by(fees.c.key)).all()


def fees_of_cases(session: Session, case_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {case_id: [] for case_id in case_ids}
    for row in session.execute(select(fees).where(fees.c.case_id.in_(case_ids), ~fees.c.voided).order_by(fees.c.key)):
        found[row.case_id].append(row)
    return found


def shopper_fees(session: Session, case_id: str) -> list[tuple[str, Fee]]:
    """The fees that come off the refund, by their keys."""
    return [
        (row.key, Fee(FeeKind(row.kind), row.amount_minor, row.currency, Bearer(row.bearer), row.rule, row.source))
        for row in fees_of_case(session, case_id)
        if row.bearer == Bearer.SHOPPER and not row.voided
    ]


def bear(session: Session, case_id: str, keys: Sequence[str], quote: RefundQuote) -> None:
    """After the quote: the shopper bears what the refund covered, the merchant what was above it."""
    if not quote.absorbed:
        return
    for key in keys:
        session.execute(fees.delete().where(fees.c.case_id == case_id, fees.c.key == key))
    for number, fee in enumerate((*quote.deductions, *quote.absorbed), start=1):
        add_fee(session, case_id, f"borne:{number}", fee, parcel_id=None)


def void_fee(session: Session, case_id: str, key: str) -> None:
    session.execute(update(fees).where(fees.c.case_id == case_id, fees.c.key == key).values(voided=True))


def _promise(session: Session, changes: Sequence[tuple[str, str, int]]) -> None:
    session.execute(
        text(
            "UPDATE tenders SET refunded_minor = refunded_minor + :minor WHERE order_id = :of_order AND id = :of_tender"
        ),
        [{"of_order": order_id, "of_tender": tender_id, "minor": minor} for order_id, tender_id, minor in changes],
    )


def _refunded(session: Session, case_id: str, minor: int) -> None:
    session.execute(update(cases).where(cases.c.id == case_id).values(refunded_minor=cases.c.refunded_minor + minor))
