"""Reconciliations: asked for, carried out against rows laid beside ours, and the differences they leave, each in one row for ever.

A difference that is seen again stays the row it was. One that is gone is resolved by the run that no longer saw it; one that a person
resolved stays so while it is what that person saw, and is open again when its money changes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    case,
    func,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session
from ulid import ULID

from database import cases as returns
from database.engine import Sessions
from database.tables import (
    advances,
    cases,
    orders,
    reconciliation_differences,
    reconciliations,
    tender_refunds,
    tenders,
)
from domain.errors import Missing
from domain.reconciliation import OWNER, Difference, OurRefund, PaymentTotals, ProviderRefund

RUN_BY = "reconciliation"


class How(StrEnum):
    """How a difference was resolved."""

    BY_HAND = "by_hand"
    GONE = "gone"  # a later run did not see it any more
    ADOPTED = "adopted"  # the provider's report was taken over


class UnknownReconciliation(Missing):
    code = "unknown_reconciliation"
    title = "There is no such reconciliation"
    next_action = "Ask for one: POST /v1/ops/reconciliations says where it can be read."


class UnknownDifference(Missing):
    code = "unknown_difference"
    title = "There is no such difference"
    next_action = "Check the difference's id; GET /v1/ops/differences lists them."


# --- runs ---


def ask(
    session: Session, run_id: str, providers: Sequence[str], *, by: str, at: datetime, told_at: datetime | None = None
) -> None:
    """Write down that providers are to be asked; the same again changes nothing."""
    values = [
        {"id": run_id, "provider": one, "asked_by": by, "asked_at": at, "told_at": told_at, "status": "asked"}
        for one in providers
    ]
    session.execute(insert(reconciliations).values(values).on_conflict_do_nothing())


def run(session: Session, run_id: str) -> Sequence[Row[Any]]:
    """A run, a row for each provider. Raises `UnknownReconciliation`."""
    rows = session.execute(
        select(reconciliations).where(reconciliations.c.id == run_id).order_by(reconciliations.c.provider)
    ).all()
    if not rows:
        raise UnknownReconciliation(f"There is no reconciliation {run_id!r}.", reconciliation_id=run_id)
    return rows


def untold(session: Session, *, asked_before: datetime, limit: int = 20) -> Sequence[str]:
    """Runs whose workflow is not known to run: asked for, and then the process died."""
    return session.scalars(
        select(reconciliations.c.id)
        .where(reconciliations.c.told_at.is_(None), reconciliations.c.asked_at < asked_before)
        .distinct()
        .limit(limit)
    ).all()


def mark_told(session: Session, run_id: str) -> None:
    session.execute(update(reconciliations).where(reconciliations.c.id == run_id).values(told_at=func.now()))


def begin(session: Session, run_id: str, provider: str, at: datetime) -> Row[Any]:
    """From now on it runs; begun again after a crash, it is the run that it was."""
    mine = _of(run_id, provider)
    session.execute(
        update(reconciliations)
        .where(mine, reconciliations.c.finished_at.is_(None))
        .values(status="running", started_at=func.coalesce(reconciliations.c.started_at, at), listed=0, adopted=0)
    )
    return session.execute(select(reconciliations).where(mine)).one()


def note_progress(session: Session, run_id: str, provider: str, listed: int) -> None:
    session.execute(update(reconciliations).where(_of(run_id, provider)).values(listed=listed, trouble=None))


def note_trouble(session: Session, run_id: str, provider: str, trouble: Mapping[str, Any]) -> None:
    session.execute(update(reconciliations).where(_of(run_id, provider)).values(trouble=dict(trouble)))


def finish(
    session: Session, run_id: str, provider: str, *, at: datetime, ours: int, adopted: int, sums: Sequence[Any]
) -> int:
    """The run has compared everything; how many differences are open with the provider now."""
    still_open = count_open(session, provider)
    session.execute(
        update(reconciliations)
        .where(_of(run_id, provider))
        .values(
            status="finished",
            finished_at=at,
            ours=ours,
            adopted=adopted,
            open=still_open,
            sums=list(sums),
            trouble=None,
        )
    )
    return still_open


def fail(session: Session, run_id: str, provider: str, at: datetime) -> None:
    """The provider could not be asked for too long; its last trouble says why."""
    session.execute(
        update(reconciliations)
        .where(_of(run_id, provider), reconciliations.c.finished_at.is_(None))
        .values(status="failed", finished_at=at)
    )


def last_finished(session: Session) -> Sequence[Row[Any]]:
    """For each provider, the last run that compared everything."""
    return session.execute(
        select(reconciliations)
        .where(reconciliations.c.status == "finished")
        .ext(distinct_on(reconciliations.c.provider))
        .order_by(reconciliations.c.provider, reconciliations.c.finished_at.desc())
    ).all()


def _of(run_id: str, provider: str) -> Any:
    return and_(reconciliations.c.id == run_id, reconciliations.c.provider == provider)


# --- what the provider lists, beside ours ---

_listed = Table(
    "listed_refunds",
    MetaData(),
    Column("number", BigInteger, Identity(), nullable=False),  # the order of the list
    Column("provider_id", Text, primary_key=True),
    Column("refund_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("payment", Text, nullable=False),
    Column("case_id", Text),
    Column("failure", Text),
    Column("moved_at", DateTime(timezone=True)),
    Index("ix_listed_refund_id", "refund_id"),
    Index("ix_listed_payment", "payment"),
    prefixes=["TEMPORARY"],
)
_COLUMNS = ("provider_id", "refund_id", "status", "minor", "currency", "payment", "case_id", "failure", "moved_at")
_ARRAYS = {"minor": "bigint[]", "moved_at": "timestamptz[]"}
# A page as columns, so that it is one statement that is always the same.
_LAY_DOWN = text(
    f"INSERT INTO listed_refunds ({', '.join(_COLUMNS)}) SELECT * FROM unnest("
    + ", ".join(f"CAST(:{name} AS {_ARRAYS.get(name, 'text[]')})" for name in _COLUMNS)
    + ") ON CONFLICT (provider_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "provider_id")
)


@dataclass
class Listing:
    """What one provider lists, laid down beside our rows on a connection of its own; nothing of it stays."""

    session: Session
    provider: str

    def lay_down(self, refunds: Sequence[ProviderRefund]) -> None:
        """A page of the list. A refund that a list in motion names twice is the one that was named last."""
        latest = {one.provider_id: one for one in refunds}.values()
        if latest:
            self.session.execute(_LAY_DOWN, {name: [getattr(one, name) for one in latest] for name in _COLUMNS})

    def complete(self) -> None:
        """Everything is laid down; questions may be planned now."""
        self.session.execute(text("ANALYZE listed_refunds"))

    def pairs(self, size: int) -> Iterator[tuple[list[ProviderRefund], list[OurRefund]]]:
        """Both sides of so many of our ids at a time: first all that the provider lists, then ours that it does not."""
        after: str | None = None
        while ids := self._ids(after, size):
            yield self._theirs(ids), self._ours(ids)
            after = ids[-1]
        after = ""
        while ours := self._unlisted(after, size):
            yield [], ours
            after = ours[-1].id
        listed = select(_listed.c.refund_id).where(_listed.c.refund_id == advances.c.return_id).exists()
        if returned := self._over_captures(~listed):
            yield [], returned

    def payments(self, size: int) -> Iterator[list[PaymentTotals]]:
        """What was captured, and what stands refunded, over each payment of ours that the list names."""
        after: str | None = None
        while rows := self._refunded(after, size):
            yield self._totals(rows)
            after = rows[-1].payment

    def counted(self) -> tuple[int, int, dict[str, int], dict[str, int]]:
        """Refunds listed, refunds of ours, and by currency what was paid according to each."""
        theirs = self.session.execute(
            select(_listed.c.currency, func.count().label("refunds"), _paid(_listed.c).label("paid")).group_by(
                _listed.c.currency
            )
        ).all()
        ours = self.session.execute(
            select(
                tender_refunds.c.currency,
                func.count().label("refunds"),
                func.coalesce(
                    func.sum(tender_refunds.c.amount_minor).filter(tender_refunds.c.status == "succeeded"), 0
                ).label("paid"),
            )
            .where(tender_refunds.c.processor == self.provider)
            .group_by(tender_refunds.c.currency)
        ).all()
        return (
            sum(row.refunds for row in theirs),
            sum(row.refunds for row in ours),
            {row.currency: int(row.paid) for row in theirs},
            {row.currency: int(row.paid) for row in ours},
        )

    def _ids(self, after: str | None, size: int) -> list[str]:
        wanted = [] if after is None else [_listed.c.refund_id > after]
        question = select(_listed.c.refund_id).where(*wanted).distinct().order_by(_listed.c.refund_id).limit(size)
        return list(self.session.scalars(question))

    def _theirs(self, ids: Sequence[str]) -> list[ProviderRefund]:
        rows = self.session.execute(
            select(_listed).where(_listed.c.refund_id.in_(ids)).order_by(_listed.c.number)
        ).all()
        named = {row.case_id for row in rows if row.case_id}
        # The provider keeps what it was told; a return that is none of ours is no return.
        known = set(self.session.scalars(select(cases.c.id).where(cases.c.id.in_(named)))) if named else set()
        return [
            ProviderRefund(
                row.provider_id,
                row.refund_id,
                row.status,
                row.minor,
                row.currency,
                row.payment,
                row.case_id if row.case_id in known else None,
                row.failure,
                row.moved_at,
            )
            for row in rows
        ]

    def _ours(self, ids: Sequence[str]) -> list[OurRefund]:
        return [*self._our_rows(tender_refunds.c.id.in_(ids)), *self._over_captures(advances.c.return_id.in_(ids))]

    def _unlisted(self, after: str, size: int) -> list[OurRefund]:
        listed = select(_listed.c.refund_id).where(_listed.c.refund_id == tender_refunds.c.id).exists()
        return self._our_rows(tender_refunds.c.id > after, ~listed, limit=size)

    def _our_rows(self, *conditions: Any, limit: int | None = None) -> list[OurRefund]:
        found = tender_refunds.c
        question = (
            select(tender_refunds).where(found.processor == self.provider, *conditions).order_by(found.id).limit(limit)
        )
        return [
            OurRefund(
                row.id,
                row.case_id,
                row.status,
                row.amount_minor,
                row.currency,
                row.changed_at or row.settled_at or row.created_at,
                row.reference,
                row.provider_id,
            )
            for row in self.session.execute(question)
        ]

    def _over_captures(self, *conditions: Any) -> list[OurRefund]:
        """What advances were charged back by, and has gone back over that charge. There are few of them."""
        found = advances.c
        question = select(advances).where(found.processor == self.provider, found.returned_minor > 0, *conditions)
        return [
            OurRefund(
                row.return_id,
                row.case_id,
                "succeeded",
                row.returned_minor,
                row.currency,
                row.changed_at,
                row.captured_payment,
                None,
            )
            for row in self.session.execute(question)
        ]

    def _refunded(self, after: str | None, size: int) -> Sequence[Row[*tuple[Any, ...]]]:
        wanted = [] if after is None else [_listed.c.payment > after]
        names = select(_listed.c.payment).where(*wanted).distinct().order_by(_listed.c.payment).limit(size)
        return self.session.execute(
            select(
                _listed.c.payment,
                _listed.c.currency,
                func.coalesce(func.sum(_listed.c.minor).filter(_listed.c.status != "failed"), 0).label("minor"),
            )
            .where(_listed.c.payment.in_(names))
            .group_by(_listed.c.payment, _listed.c.currency)
            .order_by(_listed.c.payment, _listed.c.currency)
        ).all()

    def _totals(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[PaymentTotals]:
        captured = {
            (row.reference, row.currency): int(row.minor)
            for row in self.session.execute(
                select(tenders.c.reference, orders.c.currency, func.sum(tenders.c.amount_minor).label("minor"))
                .join(orders, orders.c.id == tenders.c.order_id)
                .where(tenders.c.processor == self.provider, tenders.c.reference.in_({row.payment for row in rows}))
                .group_by(tenders.c.reference, orders.c.currency)
            )
        }
        return [
            PaymentTotals(row.payment, captured[row.payment, row.currency], int(row.minor), row.currency)
            for row in rows
            if (row.payment, row.currency) in captured
        ]


def _paid(columns: Any) -> Any:
    return func.coalesce(func.sum(columns.minor).filter(columns.status == "succeeded"), 0)


@contextmanager
def listing(sessions: Sessions, provider: str) -> Iterator[Listing]:
    """A connection that is closed afterwards, and with it whatever was laid down: a run that dies leaves nothing behind."""
    with sessions.kw["bind"].connect() as connection:
        connection.detach()
        with Session(connection, expire_on_commit=False) as session:
            _listed.create(session.connection())
            session.commit()
            yield Listing(session, provider)


# --- differences ---


def note(session: Session, provider: str, run_id: str, found: Sequence[Difference], at: datetime) -> None:
    """Write down what a run sees. What is under way keeps a row that is there alive, and makes none."""
    sure = {one.key: one for one in found if not one.under_way}
    moving = [one.key for one in found if one.under_way]
    rows = reconciliation_differences.c
    if moving:
        session.execute(
            update(reconciliation_differences)
            .where(rows.provider == provider, rows.key.in_(moving), rows.status == "open")
            .values(last_run=run_id, last_seen_at=at)
        )
    if not sure:
        return
    made = insert(reconciliation_differences).values(
        [
            {
                "id": f"dif_{ULID()}",
                "provider": provider,
                "key": key,
                "kind": one.kind,
                "refund_id": one.refund_id,
                "provider_id": one.provider_id,
                "payment": one.payment,
                "case_id": one.case_id,
                "minor": one.minor,
                "currency": one.currency,
                "said": one.said,
                "owner": OWNER,
                "first_run": run_id,
                "first_seen_at": at,
                "last_run": run_id,
                "last_seen_at": at,
            }
            for key, one in sure.items()
        ]
    )
    new = made.excluded
    as_settled = and_(rows.resolved_how == How.BY_HAND, rows.minor == new.minor, rows.currency == new.currency)
    changed = {name: new[name] for name in ("minor", "currency", "said", "case_id", "last_run", "last_seen_at")}
    again: dict[str, Any] = {"status": case((as_settled, rows.status), else_="open")}
    for name in ("resolved_how", "resolved_by", "resolved_at", "note"):
        again[name] = case((as_settled, rows[name]), else_=null())
    session.execute(made.on_conflict_do_update(index_elements=["provider", "key"], set_={**changed, **again}))


def mark_adopted(session: Session, provider: str, keys: Sequence[str], at: datetime) -> None:
    """What the provider reported was taken over: there is no difference left."""
    rows = reconciliation_differences.c
    session.execute(
        update(reconciliation_differences)
        .where(rows.provider == provider, rows.key.in_(keys), rows.status == "open")
        .values(status="resolved", resolved_how=How.ADOPTED, resolved_by=RUN_BY, resolved_at=at)
    )


def resolve_gone(session: Session, provider: str, *, not_seen_since: datetime, at: datetime) -> int:
    """A run has seen everything; what it did not see is no more. How many there were."""
    rows = reconciliation_differences.c
    done = session.execute(
        update(reconciliation_differences)
        .where(rows.provider == provider, rows.status == "open", rows.last_seen_at < not_seen_since)
        .values(status="resolved", resolved_how=How.GONE, resolved_by=RUN_BY, resolved_at=at)
        .returning(rows.id)
    )
    return len(done.all())


def get_difference(session: Session, difference_id: str, *, lock: bool = False) -> Row[Any]:
    question = select(reconciliation_differences).where(reconciliation_differences.c.id == difference_id)
    row = session.execute(question.with_for_update() if lock else question).one_or_none()
    if row is None:
        raise UnknownDifference(f"There is no difference {difference_id!r}.", difference_id=difference_id)
    return row


def resolve(session: Session, difference_id: str, *, by: str, at: datetime, why: str) -> None:
    session.execute(
        update(reconciliation_differences)
        .where(reconciliation_differences.c.id == difference_id)
        .values(status="resolved", resolved_how=How.BY_HAND, resolved_by=by, resolved_at=at, note=why)
    )


def search(
    session: Session,
    *,
    status: str | None = None,
    provider: str | None = None,
    kind: str | None = None,
    return_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Sequence[Row[Any]]:
    """Newest first (ids sort by time); `return_id` is an id or an RMA number. Asks for one row more than `limit`."""
    rows = reconciliation_differences.c
    if return_id:
        returns.get(session, return_id)  # a slip of the pen is not "no differences"
    of_case = select(cases.c.id).where(or_(cases.c.id == return_id, cases.c.rma == return_id))
    wanted = [
        rows.status == status if status else None,
        rows.provider == provider if provider else None,
        rows.kind == kind if kind else None,
        rows.case_id.in_(of_case) if return_id else None,
        rows.id < after if after else None,
    ]
    question = select(reconciliation_differences).where(*[one for one in wanted if one is not None])
    return session.execute(question.order_by(rows.id.desc()).limit(limit + 1)).all()


def count_open(session: Session, provider: str) -> int:
    rows = reconciliation_differences.c
    found = session.scalar(
        select(func.count())
        .select_from(reconciliation_differences)
        .where(rows.provider == provider, rows.status == "open")
    )
    return found or 0


def open_of_cases(session: Session, case_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """The open differences of each case that has some, oldest first."""
    found: dict[str, list[Row[Any]]] = {}
    rows = reconciliation_differences.c
    for row in session.execute(
        select(reconciliation_differences).where(rows.case_id.in_(case_ids), rows.status == "open").order_by(rows.id)
    ):
        found.setdefault(row.case_id, []).append(row)
    return found
