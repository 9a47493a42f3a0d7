"""Customers at the desk: what is told of them, their tier as of any day, and the locks that people put on it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from database import advances, customers
from database.customers import ThresholdsAt
from database.engine import Clock, Sessions
from desk.words import Caller
from domain.errors import Invalid
from domain.rates import PolicyRates
from domain.tier import Standing, Tier, TierLock, TierThresholds, orders_since, standing_at


class LockEndsBeforeItBegins(Invalid):
    code = "lock_until_not_later"
    next_action = (
        "Name a moment still to come, with its offset from UTC (RFC 3339), or leave it out for a lock without end."
    )


@dataclass(frozen=True)
class Lock:
    """Asks for a tier to be locked: which, why, and until when (None: until somebody lifts it)."""

    tier: Tier
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class Unlock:
    """Asks for the lock to be lifted."""

    reason: str = ""


@dataclass(frozen=True)
class Shown:
    """A customer as the desk knows them: the row, the tier on record (None before the first review), and the lock that counts now."""

    customer: Row[Any]
    on_record: Row[Any] | None
    lock: TierLock | None
    new: bool = False
    advances: Mapping[str, int] = field(default_factory=dict)  # of the last twelve months, by status


@dataclass(frozen=True)
class TierShown:
    """A customer's tier as of a moment, with what is on record of it, and its latest changes first."""

    customer_id: str
    at: datetime
    standing: Standing
    thresholds: TierThresholds
    on_record: Row[Any] | None
    changes: Sequence[Row[Any]]


class Customers:
    """`thresholds` are asked at every question: those of the policy that counts at the moment it is about."""

    def __init__(self, sessions: Sessions, thresholds: ThresholdsAt, rates: PolicyRates | None, clock: Clock) -> None:
        self._sessions = sessions
        self._thresholds = thresholds
        self._rates = rates
        self._clock = clock

    async def put(
        self, customer_id: str, told: Mapping[str, Any], caller: Caller, lock: Lock | Unlock | None = None
    ) -> Shown:
        """Write what is told of a customer (by column), and lock or unlock the tier; the same again changes nothing."""

        def write() -> Shown:
            with self._sessions.begin() as session:
                new = customers.put(session, customer_id, told) if told else False
                customers.get(session, customer_id, lock=True)
                at = self._clock(session)
                if isinstance(lock, Lock):
                    self._lock(session, customer_id, lock, caller, at)
                elif lock:
                    self._unlock(session, customer_id, lock, caller, at)
                return self._shown(session, customer_id, at, new=new)

        return await asyncio.to_thread(write)

    async def get(self, customer_id: str) -> Shown:
        def look() -> Shown:
            with self._sessions() as session:
                return self._shown(session, customer_id, self._clock(session))

        return await asyncio.to_thread(look)

    async def tier(self, customer_id: str, on: date | None = None) -> TierShown:
        """The tier now, or as it was at the end of a day; of a day to come, as it will be if nothing is bought until then."""

        def look() -> TierShown:
            with self._sessions() as session:
                customers.get(session, customer_id)
                now = self._clock(session)
                at = now if on is None or on == now.date() else datetime.combine(on, time.max, UTC)
                on_record = customers.standing_of(session, customer_id)
                lock = customers.known_from(on_record).lock if on_record else None
                standing = self._standing(session, customer_id, lock, at)
                changes = customers.changes_of(session, customer_id)
                return TierShown(customer_id, at, standing, self._thresholds(session, at), on_record, changes)

        return await asyncio.to_thread(look)

    def _lock(self, session: Session, customer_id: str, asked: Lock, caller: Caller, at: datetime) -> None:
        if asked.until is not None and asked.until <= at:
            raise LockEndsBeforeItBegins(f"{asked.until:%Y-%m-%dT%H:%M:%SZ} is past.", pointer="/tier_lock/until")
        there = customers.lock_of(session, customer_id, at)
        if there and (there.tier, there.reason, there.until) == (asked.tier, asked.reason, asked.until):
            return
        lock = TierLock(asked.tier, caller.name, asked.reason, at, asked.until)
        customers.lock_tier(session, customer_id, lock, self._standing(session, customer_id, lock, at))

    def _unlock(self, session: Session, customer_id: str, asked: Unlock, caller: Caller, at: datetime) -> None:
        if customers.lock_of(session, customer_id, at):
            standing = self._standing(session, customer_id, None, at)
            customers.unlock_tier(session, customer_id, standing, at=at, by=caller.name, reason=asked.reason)

    def _standing(self, session: Session, customer_id: str, lock: TierLock | None, at: datetime) -> Standing:
        thresholds = self._thresholds(session, at)
        since = orders_since(thresholds, at)
        bought = customers.purchases_of(session, [customer_id], since=since, until=at)[customer_id]
        return standing_at(bought, lock, thresholds, self._rates, at)

    def _shown(self, session: Session, customer_id: str, at: datetime, *, new: bool = False) -> Shown:
        row = customers.get(session, customer_id)
        lock = customers.lock_of(session, customer_id, at)
        ahead = advances.of_customer(session, customer_id, since=at - timedelta(days=365))
        return Shown(row, customers.standing_of(session, customer_id), lock, new, ahead)
