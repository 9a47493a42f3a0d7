"""Customers: what they say of themselves, which tier they have, who locked it, and how it came to be."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Table, TableValuedAlias, Text, cast, column, func, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from database.orders import UnknownCustomer
from database.tables import customer_tier_changes, customer_tiers, customers, orders
from domain.errors import Invalid
from domain.order import OrderStatus
from domain.tier import PlacedOrder, Standing, Tier, TierLock, TierThresholds

ThresholdsAt = Callable[[Session, datetime], TierThresholds]  # those of the policy that counts at a moment

REVIEWER = "review"  # who changes a tier when nobody does
LOCK_COLUMNS = ("locked_tier", "locked_by", "lock_reason", "locked_at", "locked_until")
NO_LOCK: dict[str, Any] = dict.fromkeys(LOCK_COLUMNS)
NOT_REVIEWED = "not_reviewed"  # where no tier is on record yet


class CountryMissing(Invalid):
    code = "country_missing"
    next_action = "Name the country (ISO 3166-1, two letters): it is the market whose law applies."


class Why(StrEnum):
    """Why a tier changed, or what was done to it."""

    REVIEWED = "reviewed"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    LOCK_ENDED = "lock_ended"


@dataclass(frozen=True)
class Known:
    """A customer as a review meets it: the tier on record (None: not reviewed yet), since when, and the lock on it."""

    customer_id: str
    tier: Tier | None = None
    since: datetime | None = None
    reviewed_at: datetime | None = None
    lock: TierLock | None = None


# --- what they say of themselves ---


def put(session: Session, customer_id: str, told: Mapping[str, Any]) -> bool:
    """Write what is told of a customer (column by name); what is not told stays. True when new: `country` must be told then."""
    known = session.execute(_held(customer_id)).one_or_none()
    if known is None:
        if not told.get("country"):
            raise CountryMissing(
                f"There is no customer {customer_id!r} yet, and no country is told.", pointer="/country"
            )
        statement = insert(customers).values(id=customer_id, **told)
        written = statement.on_conflict_do_nothing().returning(customers.c.id)
        if session.execute(written).one_or_none():
            return True
        session.execute(_held(customer_id)).one()  # another request was first by an instant
    if told:
        session.execute(customers.update().where(customers.c.id == customer_id).values(**told))
    return False


def get(session: Session, customer_id: str, *, lock: bool = False) -> Row[Any]:
    """The customer's row; with `lock` nobody else reviews or changes this customer until the transaction ends. Raises UnknownCustomer."""
    question = _held(customer_id) if lock else select(customers).where(customers.c.id == customer_id)
    found = session.execute(question).one_or_none()
    if found is None:
        raise UnknownCustomer(f"There is no customer {customer_id!r}.", pointer="/customer_id", customer_id=customer_id)
    return found


def _held(customer_id: str) -> Any:
    # Not against new orders, whose rows only point here.
    return select(customers).where(customers.c.id == customer_id).with_for_update(key_share=True)


# --- orders, as far as tiers look at them ---


def purchases_of(
    session: Session, customer_ids: Collection[str], *, since: datetime, until: datetime
) -> dict[str, list[PlacedOrder]]:
    """The orders of many customers in a stretch of time, in one question. What never became a sale is not among them."""
    found: dict[str, list[PlacedOrder]] = {customer_id: [] for customer_id in customer_ids}
    if not found:
        return found
    question = select(orders.c.customer_id, orders.c.placed_at, orders.c.total_minor, orders.c.currency).where(
        orders.c.customer_id.in_(list(customer_ids)),
        orders.c.placed_at >= since,
        orders.c.placed_at <= until,
        orders.c.status == OrderStatus.COMPLETED,
    )
    for customer_id, placed_at, total_minor, currency in session.execute(question):
        found[customer_id].append(PlacedOrder(placed_at, total_minor, currency))
    return found


# --- tiers on record ---


def standing_of(session: Session, customer_id: str) -> Row[Any] | None:
    """The tier on record, with the figures that it was last worked out from; None before the first review."""
    return session.execute(select(customer_tiers).where(customer_tiers.c.customer_id == customer_id)).one_or_none()


def lock_of(session: Session, customer_id: str, at: datetime) -> TierLock | None:
    """The lock that counts at a moment: one set later, or over by then, does not."""
    row = standing_of(session, customer_id)
    lock = _lock(row) if row else None
    return lock if lock and lock.holds(at) else None


def changes_of(session: Session, customer_id: str, *, most: int = 100) -> Sequence[Row[Any]]:
    """What happened to the customer's tier, the latest first."""
    question = (
        select(customer_tier_changes)
        .where(customer_tier_changes.c.customer_id == customer_id)
        .order_by(customer_tier_changes.c.number.desc())
        .limit(most)
    )
    return session.execute(question).all()


def tally(session: Session) -> dict[str, int]:
    """How many customers have each tier on record, and how many have none yet."""
    tier = func.coalesce(customer_tiers.c.tier, NOT_REVIEWED)
    question = (
        select(tier, func.count())
        .select_from(customers.outerjoin(customer_tiers, customer_tiers.c.customer_id == customers.c.id))
        .group_by(tier)
    )
    found = {str(name): int(count) for name, count in session.execute(question)}
    return {name: found.get(name, 0) for name in (*Tier, NOT_REVIEWED)}


# --- locks ---


def lock_tier(session: Session, customer_id: str, lock: TierLock, standing: Standing) -> None:
    """Lock the tier by hand. `standing` is where the customer stands under the lock; the customer is held (`get(lock=True)`)."""
    known = _known(session, customer_id)
    _write(session, [_standing_row(known, standing, lock.at) | _lock_values(lock)])
    note_changes(session, [change(known, lock.tier, Why.LOCKED, lock.at, by=lock.by, reason=lock.reason)])


def unlock_tier(session: Session, customer_id: str, standing: Standing, *, at: datetime, by: str, reason: str) -> None:
    """Lift the lock. `standing` is where the customer stands without it; the customer is held (`get(lock=True)`)."""
    known = _known(session, customer_id)
    _write(session, [_standing_row(known, standing, at) | NO_LOCK])
    note_changes(session, [change(known, standing.tier, Why.UNLOCKED, at, by=by, reason=reason)])


def _known(session: Session, customer_id: str) -> Known:
    row = standing_of(session, customer_id)
    return known_from(row) if row else Known(customer_id)


# --- reviews, page by page ---


def page_of(session: Session, *, after: str, size: int, lock: bool) -> list[Known]:
    """The next customers in the order of their ids, with what is on record of them; `lock` holds them for this transaction."""
    which = select(customers.c.id).where(customers.c.id > after).order_by(customers.c.id).limit(size)
    if lock:
        which = which.with_for_update(key_share=True)
    # The rows are held first, and what is on record is read after: a lock set meanwhile is seen.
    ids = list(session.scalars(which))
    if not ids:
        return []
    rows = session.execute(select(customer_tiers).where(customer_tiers.c.customer_id.in_(ids)))
    found = {row.customer_id: known_from(row) for row in rows}
    return [found.get(customer_id) or Known(customer_id) for customer_id in ids]


def write_standings(session: Session, standings: Iterable[tuple[Known, Standing]], at: datetime) -> None:
    """Put on record where customers stand, in one statement; a lock that does not count any more is taken off."""
    _write(
        session,
        [
            _standing_row(known, standing, at) | (_lock_values(standing.lock) if standing.lock else NO_LOCK)
            for known, standing in standings
        ],
    )


def note_changes(session: Session, changes: Sequence[Mapping[str, Any]]) -> None:
    """Add changes (`change`) to the record, in one statement."""
    if changes:
        new, names = _rows_of(customer_tier_changes, changes), list(changes[0])
        session.execute(insert(customer_tier_changes).from_select(names, select(*(new.c[name] for name in names))))


def change(known: Known, to: Tier, why: Why, at: datetime, *, by: str = REVIEWER, reason: str = "") -> dict[str, Any]:
    return {
        "customer_id": known.customer_id,
        "at": at,
        "from_tier": known.tier,
        "to_tier": to,
        "why": why,
        "by": by,
        "reason": reason,
    }


def known_from(row: Row[Any]) -> Known:
    return Known(row.customer_id, Tier(row.tier), row.since, row.reviewed_at, _lock(row))


def _lock(row: Row[Any]) -> TierLock | None:
    if row.locked_tier is None:
        return None
    return TierLock(Tier(row.locked_tier), row.locked_by, row.lock_reason, row.locked_at, row.locked_until)


def _lock_values(lock: TierLock) -> dict[str, Any]:
    return dict(zip(LOCK_COLUMNS, (lock.tier, lock.by, lock.reason, lock.at, lock.until), strict=True))


def _standing_row(known: Known, standing: Standing, at: datetime) -> dict[str, Any]:
    same = known.tier is standing.tier
    return {
        "customer_id": known.customer_id,
        "tier": standing.tier,
        "since": known.since if same else at,
        "computed": standing.computed,
        "orders": standing.history.orders,
        "spend_minor": standing.history.spend_minor,
        "currency": standing.history.currency,
        "last_order": standing.history.last_order,
        "reviewed_at": at,
    }


def _write(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    new = _rows_of(customer_tiers, rows)
    names = list(rows[0])
    statement = insert(customer_tiers).from_select(names, select(*(new.c[name] for name in names)))
    changed = {name: statement.excluded[name] for name in names if name != "customer_id"}
    session.execute(statement.on_conflict_do_update(index_elements=["customer_id"], set_=changed))


def _rows_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> TableValuedAlias:
    """Rows as PostgreSQL reads them from one JSON text: a statement with a parameter for every cell takes ten times as long to write."""
    said = cast(literal(json.dumps(rows, default=str), Text), JSONB)
    columns = [column(one.name, one.type) for one in table.columns]
    return func.jsonb_populate_recordset(text(f"NULL::{table.name}"), said).table_valued(*columns, name="new")
