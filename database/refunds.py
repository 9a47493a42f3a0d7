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
from database.tables import cases, fees, orders, refunds, tender_refunds, tenders
from domain.fees import Bearer, Fee, FeeKind
from domain.ledger import refund_failed_reversal, refund_paid_entry
from domain.money import Money
from domain.refund import RefundQuote
from domain.tenders import NeedsDestination, TenderPart, TenderRoom, is_dead

Standing = Literal["succeeded", "pending", "failed"]
FINAL = ("succeeded", "failed")
SETTLEMENT = "settlement"  # what most tender refunds are paid for; the others for a goodwill, whose id is their purpose


def of_case(session: Session, case_id: str) -> Row[Any] | None:
    return session.execute(select(refunds).where(refunds.c.case_id == case_id)).one_or_none()


def parts(session: Session, case_id: str, *, purpose: str = SETTLEMENT) -> Sequence[Row[Any]]:
    """Every tender refund of a case for one purpose, the failed ones and those that followed them too."""
    return session.execute(
        select(tender_refunds)
        .where(tender_refunds.c.case_id == case_id, tender_refunds.c.purpose == purpose)
        .order_by(tender_refunds.c.created_at, tender_refunds.c.id)
    ).all()


def open_parts(session: Session, case_id: str, *, purpose: str = SETTLEMENT) -> list[Row[Any]]:
    """Those that no provider has said the last word of: they are still to be sent, looked up, or waited for."""
    return [part for part in parts(session, case_id, purpose=purpose) if part.status not in FINAL]


def get_part(session: Session, refund_id: str) -> Row[Any] | None:
    return session.execute(select(tender_refunds).where(tender_refunds.c.id == refund_id)).one_or_none()


def lock_part(session: Session, refund_id: str) -> Row[Any] | None:
    return session.execute(
        select(tender_refunds).where(tender_refunds.c.id == refund_id).with_for_update()
    ).one_or_none()


def rooms(session: Session, order_ids: Sequence[str]) -> dict[str, list[TenderRoom]]:
    """The tenders of the orders, locked, with what is still free on each, and what is known of its age and its refunds."""
    found: dict[str, list[TenderRoom]] = {order_id: [] for order_id in order_ids}
    made = (
        select(func.count())
        .where(
            tender_refunds.c.order_id == tenders.c.order_id,
            tender_refunds.c.tender_id == tenders.c.id,
            tender_refunds.c.status != "failed",
            tender_refunds.c.destination.is_(None),
        )
        .scalar_subquery()
    )
    question = (
        select(tenders, orders.c.placed_at, made.label("made"))
        .join_from(tenders, orders, tenders.c.order_id == orders.c.id)
        .where(tenders.c.order_id.in_(order_ids))
        .order_by(tenders.c.order_id, tenders.c.id)
        .with_for_update(of=tenders)
    )
    for row in session.execute(question):
        found[row.order_id].append(
            TenderRoom(
                row.order_id,
                row.id,
                row.method,
                row.processor,
                row.reference,
                row.amount_minor,
                row.refunded_minor,
                paid_at=row.placed_at,
                refunds_made=row.made,
                closed=row.closed,
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
    session: Session,
    case_id: str,
    currency: str,
    over: Sequence[TenderPart],
    *,
    round: int,
    at: datetime,
    purpose: str = SETTLEMENT,
    destination: str | None = None,
) -> None:
    """Fix the ids and promise the room of each part, before the provider hears of it.

    With a `destination` the money goes there, and the room of the tender is what it uses up.
    """
    if not over:
        return
    session.execute(
        tender_refunds.insert(),
        [
            {**_row(case_id, part, currency, purpose, round, at), "status": "intended", "destination": destination}
            for part in over
        ],
    )
    _promise(session, [(part.order_id, part.tender_id, part.amount_minor) for part in over])


def note_homeless(
    session: Session, case_id: str, currency: str, needs: NeedsDestination | None, *, round: int, at: datetime
) -> None:
    """Parts that no tender can take, written down as failed before they were sent: they are followed as any failed part is."""
    if needs:
        rows = [
            {**_row(case_id, part, currency, SETTLEMENT, round, at), "status": "failed", "failure": dead}
            for part, dead in needs.parts
        ]
        session.execute(tender_refunds.insert(), [{**row, "settled_at": at} for row in rows])


def _row(case_id: str, part: TenderPart, currency: str, purpose: str, round: int, at: datetime) -> dict[str, Any]:
    return {
        "id": f"rf_{ULID()}",
        "case_id": case_id,
        "purpose": purpose,
        "order_id": part.order_id,
        "tender_id": part.tender_id,
        "round": round,
        "processor": part.processor,
        "reference": part.reference,
        "amount_minor": part.amount_minor,
        "currency": currency,
        "created_at": at,
    }


def intend_again(
    session: Session,
    case_id: str,
    *,
    round: int,
    at: datetime,
    destination: str | None = None,
    processor: str | None = None,
) -> None:
    """For each part that failed for good and has no follower: another one, of this round.

    Over the same tender, or to the `destination` that was named, through the `processor` that pays out there.
    """
    for row in _without_follower(session, case_id):
        if row.round < round:
            through = processor if destination and processor else row.processor
            part = TenderPart(row.order_id, row.tender_id, "", through, row.reference, row.amount_minor)
            intend(session, case_id, row.currency, [part], round=round, at=at, destination=destination)


def tender_is_gone(session: Session, case_id: str) -> bool:
    """Whether the settlement stands still because a tender cannot take its part back, nor will it later."""
    return any(is_dead(row.failure) for row in _without_follower(session, case_id))


def _without_follower(session: Session, case_id: str) -> list[Row[Any]]:
    by_tender: dict[tuple[str, str], Row[Any]] = {}
    for row in parts(session, case_id):
        by_tender[row.order_id, row.tender_id] = row
    return [row for row in by_tender.values() if row.status == "failed"]


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
        _refunded(session, part, part.amount_minor)
    if status == "failed":
        if part.status == "succeeded":
            paid = ledger.find(session, f"paid:{part.id}")
            if paid:
                ledger.book(session, refund_failed_reversal(paid), at)
            _refunded(session, part, -part.amount_minor)
        _promise(session, [(part.order_id, part.tender_id, -part.amount_minor)])
    _note_tender(session, part, status, failure)
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
        select(func.max(tender_refunds.c.round)).where(
            tender_refunds.c.case_id == case_id, tender_refunds.c.purpose == SETTLEMENT
        )
    ).scalar_one_or_none()
    return highest or 0


def standing(session: Session, case_id: str, *, purpose: str = SETTLEMENT) -> Standing:
    """Where the refund of a case stands as a whole: failed when a part failed and none followed, pending while one is open."""
    latest: dict[tuple[str, str], str] = {}
    for row in parts(session, case_id, purpose=purpose):
        latest[row.order_id, row.tender_id] = row.status
    if "failed" in latest.values():
        return "failed"
    return "succeeded" if all(status == "succeeded" for status in latest.values()) else "pending"


def totals(session: Session, case_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Per case, minor units by status of its tender refunds, goodwill left out."""
    found: dict[str, dict[str, int]] = {case_id: {} for case_id in case_ids}
    rows = session.execute(
        select(
            tender_refunds.c.case_id, tender_refunds.c.status, func.sum(tender_refunds.c.amount_minor).label("total")
        )
        .where(tender_refunds.c.case_id.in_(case_ids), tender_refunds.c.purpose == SETTLEMENT)
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


def _refunded(session: Session, part: Row[Any], minor: int) -> None:
    if part.purpose == SETTLEMENT:  # goodwill comes on top of what the goods bring back
        session.execute(
            update(cases).where(cases.c.id == part.case_id).values(refunded_minor=cases.c.refunded_minor + minor)
        )


def _note_tender(session: Session, part: Row[Any], status: str, failure: str | None) -> None:
    """A tender that its bank closed is not asked again by later refunds; one that has just taken money is open."""
    if part.destination is not None or (status == "failed" and not is_dead(failure)) or status not in FINAL:
        return
    why = (failure or "").partition(":")[0][:80] if status == "failed" else None
    session.execute(
        update(tenders)
        .where(
            tenders.c.order_id == part.order_id, tenders.c.id == part.tender_id, tenders.c.closed.is_distinct_from(why)
        )
        .values(closed=why)
    )
