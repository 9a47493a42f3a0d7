"""Customs records of what was sold, and the claims that returns give rise to: opened with the decision, filed, and ended."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, and_, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from ulid import ULID

from database import ledger, orders
from database.tables import case_lines, cases, customs_claims, customs_records, order_lines, parcels, refunds
from domain.customs import (
    AnotherClaimFiled,
    ClaimNotFiled,
    ClaimNotOpen,
    ClaimOverdue,
    ClaimRules,
    ClaimStatus,
    CustomsRecord,
    GoodsBack,
    Incoterm,
    Payer,
    PossibleClaim,
    is_overdue,
    possible_claims,
)
from domain.errors import Invalid, Missing
from domain.fees import Bearer
from domain.ledger import (
    customs_claim_filed_entry,
    customs_claim_recovered_entry,
    customs_claim_rejected_reversal,
)
from domain.money import CurrencyMismatch, Money
from domain.reasons import Fault, ReturnReason, fault_of
from domain.state import Verdict
from policies.customs import claim_rules

# Grounds on which money goes back though no goods come.
NO_GOODS = frozenset({Verdict.LOST, Verdict.RETURNLESS, Verdict.NOTHING_ACCEPTED})
RETURN = "return"  # the direction of parcels that bring goods back
NEVER = date.max  # stands for no deadline where claims are put in order
USED = frozenset({"B", "C", "D"})
ALTERED = frozenset({"D"})


class UnknownClaim(Missing):
    code = "unknown_customs_claim"
    title = "There is no such claim"
    next_action = "Check the claim's id; GET /v1/customs-claims lists them."


class UnknownOrderLine(Invalid):
    code = "unknown_order_line"
    next_action = "Name lines of the order as it was told; GET /v1/orders/{order_id} lists them."


# --- records ---


def put_records(session: Session, order_id: str, records: Sequence[CustomsRecord], *, by: str, at: datetime) -> None:
    """What customs knows of an order, told anew: lines that are not named any more are forgotten. Open claims follow it."""
    known = {line.id for line in orders.get(session, order_id).lines}
    for number, record in enumerate(records):
        if record.order_line_id not in known:
            raise UnknownOrderLine(
                f"Order {order_id} has no line {record.order_line_id!r}.", pointer=f"/lines/{number}/order_line_id"
            )
    session.execute(customs_records.delete().where(customs_records.c.order_id == order_id))
    if records:
        session.execute(
            customs_records.insert(), [{**_row(record), "told_at": at, "told_by": by} for record in records]
        )


def records_of_order(session: Session, order_id: str) -> Sequence[CustomsRecord]:
    question = select(customs_records).where(customs_records.c.order_id == order_id)
    return [_record(row) for row in session.execute(question.order_by(customs_records.c.order_line_id))]


def records_of_case(session: Session, case_id: str) -> Mapping[str, CustomsRecord]:
    """By case line; lines that customs knows nothing of are left out."""
    question = (
        select(case_lines.c.id.label("case_line_id"), customs_records)
        .join(
            customs_records,
            and_(
                customs_records.c.order_id == case_lines.c.order_id,
                customs_records.c.order_line_id == case_lines.c.order_line_id,
            ),
        )
        .where(case_lines.c.case_id == case_id)
        .order_by(case_lines.c.id)
    )
    return {row.case_line_id: _record(row) for row in session.execute(question)}


def _row(record: CustomsRecord) -> dict[str, Any]:
    plain = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "declared"}
    return {**plain, "declared_minor": record.declared.minor, "declared_currency": record.declared.currency}


def _record(row: Row[Any]) -> CustomsRecord:
    plain = {field.name: getattr(row, field.name) for field in fields(CustomsRecord) if field.name != "declared"}
    plain["incoterm"] = Incoterm(row.incoterm)
    plain["paid_by"] = Payer(row.paid_by) if row.paid_by else None
    return CustomsRecord(**plain, declared=Money(row.declared_minor, row.declared_currency))


# --- claims ---


def open_claims(session: Session, case_id: str, at: datetime, rules: ClaimRules | None = None) -> None:
    """Open the claims that a decided return gives rise to, once each; those still open follow what the record says now.

    Called in the transaction that decides the refund, and when the record is told anew.
    """
    records = records_of_case(session, case_id)
    if not records:
        return
    decided = session.execute(select(refunds).where(refunds.c.case_id == case_id)).one_or_none()
    if decided is None or decided.ground in NO_GOODS:
        return
    received_on = _received_on(session, case_id)
    lines = session.execute(
        select(case_lines, order_lines.c.quantity.label("line_units"))
        .join(
            order_lines,
            and_(order_lines.c.order_id == case_lines.c.order_id, order_lines.c.id == case_lines.c.order_line_id),
        )
        .where(case_lines.c.case_id == case_id, case_lines.c.verdict != "refused")
        .order_by(case_lines.c.id)
    ).all()
    for line in lines:
        record = records.get(line.id)
        judged = decided.ground == Verdict.INSPECTED and line.accepted is not None
        units = line.accepted if judged else line.quantity
        if record is None or not units:
            continue
        goods = GoodsBack(
            units=units,
            line_units=line.line_units,
            units_before=_units_before(session, line, decided.decided_at),
            returned_on=decided.decided_at.date(),
            received_on=received_on,
            altered=line.grade in ALTERED,
            used=line.grade in USED,
            not_as_ordered=fault_of(ReturnReason(line.reason)) in (Fault.MERCHANT, Fault.PLATFORM),
        )
        possible = possible_claims(record, goods, rules or claim_rules())
        for claim in possible:
            _open(session, line, units, claim, at)
        _forget(session, line, [claim.rule.name for claim in possible])


def open_claims_of_order(session: Session, order_id: str, at: datetime) -> None:
    """The same for every decided return of goods of an order: its record came, or changed, after the decision."""
    question = (
        select(case_lines.c.case_id)
        .join(refunds, refunds.c.case_id == case_lines.c.case_id)
        .where(case_lines.c.order_id == order_id)
        .group_by(case_lines.c.case_id, refunds.c.decided_at)
        .order_by(refunds.c.decided_at, case_lines.c.case_id)
    )
    for case_id in session.scalars(question).all():
        open_claims(session, case_id, at)


def _received_on(session: Session, case_id: str) -> date | None:
    question = select(parcels.c.received_at).where(
        parcels.c.case_id == case_id, parcels.c.direction == RETURN, parcels.c.received_at.is_not(None)
    )
    received: datetime | None = session.scalars(question.order_by(parcels.c.received_at)).first()
    return received.date() if received else None


def _units_before(session: Session, line: Row[Any], decided_at: datetime) -> int:
    """Units of the same order line in claims of returns that were decided earlier: each unit counts once, whatever is claimed for it."""
    question = (
        select(customs_claims.c.case_id, customs_claims.c.case_line_id, customs_claims.c.units)
        .join(refunds, refunds.c.case_id == customs_claims.c.case_id)
        .where(
            customs_claims.c.order_id == line.order_id,
            customs_claims.c.order_line_id == line.order_line_id,
            or_(
                refunds.c.decided_at < decided_at,
                and_(refunds.c.decided_at == decided_at, customs_claims.c.case_id < line.case_id),
                and_(customs_claims.c.case_id == line.case_id, customs_claims.c.case_line_id < line.id),
            ),
        )
        .distinct()
    )
    return sum(row.units for row in session.execute(question))


def _open(session: Session, line: Row[Any], units: int, claim: PossibleClaim, at: datetime) -> None:
    follows = {
        "units": units,
        "title": claim.rule.title,
        "authority": claim.rule.authority,
        "source": claim.rule.source,
        "confidence": claim.rule.confidence,
        "claimant": claim.rule.claimant,
        "recovered_for": claim.recovered_for,
        "needs": list(claim.rule.needs),
        "deadline": claim.deadline,
        "expected_minor": claim.expected.minor,
        "currency": claim.expected.currency,
    }
    statement = insert(customs_claims).values(
        id=f"clm_{ULID()}",
        case_id=line.case_id,
        case_line_id=line.id,
        order_id=line.order_id,
        order_line_id=line.order_line_id,
        kind=claim.rule.name,
        status=ClaimStatus.OPEN,
        opened_at=at,
        **follows,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["case_id", "case_line_id", "kind"],
            set_=follows,
            where=customs_claims.c.status == ClaimStatus.OPEN,
        )
    )


def _forget(session: Session, line: Row[Any], possible: Sequence[str]) -> None:
    """Open claims that the record, told anew, gives no ground for any more."""
    session.execute(
        customs_claims.delete().where(
            customs_claims.c.case_id == line.case_id,
            customs_claims.c.case_line_id == line.id,
            customs_claims.c.status == ClaimStatus.OPEN,
            customs_claims.c.kind.not_in(possible),
        )
    )


def received(session: Session, case_ids: Sequence[str]) -> frozenset[str]:
    """The cases whose goods the dock has."""
    question = select(parcels.c.case_id).where(
        parcels.c.case_id.in_(case_ids), parcels.c.direction == RETURN, parcels.c.received_at.is_not(None)
    )
    return frozenset(session.scalars(question))


def records_of_lines(session: Session, lines: Sequence[tuple[str, str]]) -> dict[tuple[str, str], CustomsRecord]:
    """By order and order line."""
    question = select(customs_records).where(
        tuple_(customs_records.c.order_id, customs_records.c.order_line_id).in_(lines)
    )
    return {(row.order_id, row.order_line_id): _record(row) for row in session.execute(question)} if lines else {}


def claims_of_case(session: Session, case_id: str) -> Sequence[Row[Any]]:
    question = select(customs_claims).where(customs_claims.c.case_id == case_id)
    return session.execute(question.order_by(customs_claims.c.case_line_id, customs_claims.c.kind)).all()


def get_claim(session: Session, claim_id: str, *, lock: bool = False) -> Row[Any]:
    question = select(customs_claims).where(customs_claims.c.id == claim_id)
    row = session.execute(question.with_for_update() if lock else question).one_or_none()
    if row is None:
        raise UnknownClaim(f"There is no claim {claim_id!r}.", claim_id=claim_id)
    return row


def search(
    session: Session,
    *,
    status: str | None = None,
    due_before: date | None = None,
    after: tuple[date, str] | None = None,
    limit: int = 50,
) -> Sequence[Row[Any]]:
    """The nearest deadline first, those without one last; one row more than `limit`, if there is one."""
    table = customs_claims.c
    due = func.coalesce(table.deadline, literal(NEVER))
    wanted = [
        table.status == status if status else None,
        table.deadline < due_before if due_before else None,
        or_(due > after[0], and_(due == after[0], table.id > after[1])) if after else None,
    ]
    question = select(customs_claims).where(*[one for one in wanted if one is not None])
    return session.execute(question.order_by(due, table.id).limit(limit + 1)).all()


def is_receivable(claim: Row[Any]) -> bool:
    """Whether an authority owes it to somebody of the house: what a shopper claims is between the two, a relief is nobody's debt."""
    return bool(claim.expected_minor) and claim.recovered_for != Bearer.SHOPPER


def file_claim(session: Session, claim: Row[Any], *, reference: str, note: str | None, by: str, at: datetime) -> None:
    """Note that a locked, open claim was handed in, and book what the authority owes."""
    if claim.status != ClaimStatus.OPEN:
        raise ClaimNotOpen(f"Claim {claim.id} is {claim.status}.", status=claim.status)
    if is_overdue(claim.status, claim.deadline, at.date()):
        raise ClaimOverdue(f"Claim {claim.id} could be made until {claim.deadline}.", deadline=claim.deadline)
    session.execute(select(cases.c.id).where(cases.c.id == claim.case_id).with_for_update())  # one filing at a time
    if is_receivable(claim) and (other := _same_money_filed(session, claim)):
        raise AnotherClaimFiled(f"{other.title} ({other.id}) is {other.status} for the same goods.", claim_id=other.id)
    _change(session, claim, status=ClaimStatus.FILED, reference=reference, note=note, filed_at=at, filed_by=by)
    if is_receivable(claim):
        expected = Money(claim.expected_minor, claim.currency)
        entry = customs_claim_filed_entry(
            claim.case_id, claim.id, claim.authority, Bearer(claim.recovered_for), expected
        )
        ledger.book(session, entry, at)


def _same_money_filed(session: Session, claim: Row[Any]) -> Row[Any] | None:
    return session.execute(
        select(customs_claims)
        .where(
            customs_claims.c.case_id == claim.case_id,
            customs_claims.c.case_line_id == claim.case_line_id,
            customs_claims.c.id != claim.id,
            customs_claims.c.expected_minor > 0,
            customs_claims.c.status.in_((ClaimStatus.FILED, ClaimStatus.RECOVERED)),
        )
        .limit(1)
    ).one_or_none()


def recover_claim(
    session: Session, claim: Row[Any], recovered: Money, *, note: str | None, by: str, at: datetime
) -> None:
    """Note what a locked, filed claim brought; zero for a relief that was granted."""
    if claim.status != ClaimStatus.FILED:
        raise ClaimNotFiled(f"Claim {claim.id} is {claim.status}.", status=claim.status)
    if recovered.currency != claim.currency:
        raise CurrencyMismatch(
            f"The claim is in {claim.currency}, this amount in {recovered.currency}.", pointer="/amount/currency"
        )
    _change(
        session,
        claim,
        status=ClaimStatus.RECOVERED,
        recovered_minor=recovered.minor,
        note=note or claim.note,
        ended_at=at,
        ended_by=by,
    )
    if claim.recovered_for == Bearer.SHOPPER:
        return
    entry = customs_claim_recovered_entry(
        claim.case_id,
        claim.id,
        claim.authority,
        Bearer(claim.recovered_for),
        expected=Money(claim.expected_minor, claim.currency),
        recovered=recovered,
    )
    ledger.book(session, entry, at)


def reject_claim(session: Session, claim: Row[Any], *, note: str, by: str, at: datetime) -> None:
    """End a locked claim without money: the authority said no, or it was never filed. What was booked is taken back."""
    if claim.status not in (ClaimStatus.OPEN, ClaimStatus.FILED):
        raise ClaimNotOpen(f"Claim {claim.id} is {claim.status}.", status=claim.status)
    _change(session, claim, status=ClaimStatus.REJECTED, note=note, ended_at=at, ended_by=by)
    if filed := ledger.find(session, f"customs_filed:{claim.id}"):
        ledger.book(session, customs_claim_rejected_reversal(filed), at)


def _change(session: Session, claim: Row[Any], **values: Any) -> None:
    session.execute(update(customs_claims).where(customs_claims.c.id == claim.id).values(values))
