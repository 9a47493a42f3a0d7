"""How a set of returns stands as a whole: counted while they run, and laid open line by line when they are reconciled."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from database.tables import case_lines, cases, idempotency_keys, ledger_entries, ledger_postings, tender_refunds
from domain.stages import Stage


@dataclass(frozen=True)
class Standing:
    """Returns by stage; money refunded (minor units); refused ones by reason; those a partner keeps waiting."""

    by_stage: dict[str, int]
    refunded: int
    refunded_minor: int
    refused: dict[str, int]
    troubled: int

    @property
    def opened(self) -> int:
        return sum(self.by_stage.values())


@dataclass(frozen=True)
class AtTheDock:
    """A return whose goods can be worked on; `parcel_id` is empty when they have been received already."""

    case_id: str
    parcel_id: str | None


def opened_under(session: Session, caller_id: str, names: Collection[str]) -> dict[str, str]:
    """The returns that a caller opened under these idempotency keys: case id by key."""
    question = select(idempotency_keys.c.key, idempotency_keys.c.case_id).where(
        idempotency_keys.c.caller == caller_id,
        idempotency_keys.c.key == func.any(list(names)),
        idempotency_keys.c.case_id.is_not(None),
    )
    return {row.key: row.case_id for row in session.execute(question)}


def standing(session: Session, case_ids: Sequence[str]) -> Standing:
    """How these returns stand."""
    mine = {"ids": list(case_ids)}
    stages = session.execute(text(_STAGES), mine).all()
    refused = session.execute(text(_REFUSED), mine).all()
    return Standing(
        by_stage={row.stage: int(row.returns) for row in stages},
        refunded=sum(int(row.refunded) for row in stages),
        refunded_minor=sum(int(row.minor) for row in stages),
        refused={str(row.reason): int(row.returns) for row in refused},
        troubled=sum(int(row.troubled) for row in stages),
    )


def first_refunded(session: Session, case_ids: Sequence[str], *, since: datetime) -> Row[Any] | None:
    """The first of these returns whose refund was paid after a moment."""
    return session.execute(text(_FIRST), {"ids": list(case_ids), "since": since}).first()


def needing_attention(session: Session, case_ids: Sequence[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(
        select(cases.c.id, cases.c.rma, cases.c.attention_reason, cases.c.trouble).where(
            cases.c.stage == Stage.ATTENTION, cases.c.id == func.any(list(case_ids))
        )
    ).all()


def to_be_received(session: Session) -> list[AtTheDock]:
    """Returns whose parcel the carrier has delivered and nobody has received."""
    return [AtTheDock(row.case_id, row.parcel_id) for row in session.execute(text(_DELIVERED))]


def to_be_inspected(session: Session) -> list[AtTheDock]:
    """Returns whose goods are here and not judged, those that were refunded ahead too."""
    return [AtTheDock(case_id, None) for case_id in session.scalars(text(_UNJUDGED))]


def rows_of(session: Session, case_ids: Sequence[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(select(cases).where(cases.c.id == func.any(list(case_ids)))).all()


def lines_of(session: Session, case_ids: Sequence[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(select(case_lines).where(case_lines.c.case_id == func.any(list(case_ids)))).all()


def refunds_of(session: Session, case_ids: Sequence[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(select(tender_refunds).where(tender_refunds.c.case_id == func.any(list(case_ids)))).all()


def balances_of(session: Session, case_ids: Sequence[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What each account stands at for each of the returns: case_id, account, minor."""
    return session.execute(
        select(
            ledger_entries.c.case_id,
            ledger_postings.c.account,
            func.sum(ledger_postings.c.amount_minor).label("minor"),
        )
        .join(ledger_postings, ledger_postings.c.entry_id == ledger_entries.c.id)
        .where(ledger_entries.c.case_id == func.any(list(case_ids)))
        .group_by(ledger_entries.c.case_id, ledger_postings.c.account)
    ).all()


def others(session: Session, case_ids: Collection[str]) -> frozenset[str]:
    """The returns that are not among these."""
    return frozenset(session.scalars(select(cases.c.id))) - frozenset(case_ids)


def by_tier(session: Session, case_ids: Sequence[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Per tier: returns, units refunded, money, refused, and the median time from opening to the end of a refunded one."""
    return session.execute(text(_BY_TIER), {"ids": list(case_ids)}).all()


_STAGES = """
SELECT stage, count(*) AS returns, count(*) FILTER (WHERE stage = 'closed' AND refunded_minor > 0) AS refunded,
       sum(refunded_minor) AS minor, count(*) FILTER (WHERE jsonb_typeof(trouble) = 'object' AND closed_at IS NULL) AS troubled
FROM cases WHERE id = ANY(:ids) GROUP BY stage
"""
_REFUSED = """
SELECT line.verdict_reasons ->> 0 AS reason, count(DISTINCT line.case_id) AS returns
FROM case_lines line JOIN cases ON cases.id = line.case_id
WHERE cases.stage = 'refused' AND cases.id = ANY(:ids) GROUP BY 1 ORDER BY 2 DESC, 1
"""
_FIRST = """
SELECT rma, tier, refunded_minor, currency, closed_at FROM cases
WHERE id = ANY(:ids) AND stage = 'closed' AND refunded_minor > 0 AND closed_at >= :since ORDER BY closed_at LIMIT 1
"""
_DELIVERED = """
SELECT cases.id AS case_id, parcels.id AS parcel_id FROM cases JOIN parcels ON parcels.case_id = cases.id
WHERE cases.stage IN ('authorized', 'booked', 'in_transit', 'awaited') AND parcels.direction = 'return'
  AND parcels.status = 'delivered' AND parcels.received_at IS NULL
"""
_UNJUDGED = """
SELECT id FROM cases WHERE stage = 'received' OR (
    stage = 'awaited'
    AND EXISTS (SELECT 1 FROM parcels WHERE parcels.case_id = cases.id AND parcels.received_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM inspections WHERE inspections.case_id = cases.id)
)
"""
_BY_TIER = """
SELECT tier, count(*) AS returns, coalesce(sum(units), 0) AS units, sum(refunded_minor) AS minor,
       count(*) FILTER (WHERE stage = 'closed' AND refunded_minor > 0) AS refunded,
       count(*) FILTER (WHERE stage = 'refused') AS refused,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - opened_at))
           FILTER (WHERE stage = 'closed' AND refunded_minor > 0) AS median_s
FROM cases LEFT JOIN LATERAL (
    SELECT sum(accepted) AS units FROM case_lines WHERE case_lines.case_id = cases.id AND case_lines.verdict <> 'refused'
) AS accepted ON true
WHERE id = ANY(:ids) GROUP BY tier
"""
