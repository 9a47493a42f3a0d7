"""The desk for goodwill: proposed, decided by a second person above the limit of the policy, then set on its way.

What somebody says is written down first, under the locks of the return and of the order's tenders; its workflow is started after,
by whoever wrote it or by `heal`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from ulid import ULID

from database import cases, goodwill, keys, refunds
from database.engine import Clock, Sessions
from desk.teller import TELL_TIMEOUT, quietly
from desk.words import Caller, IdempotencyKey, KeyUsedForAnotherRequest, spoken
from domain.goodwill import (
    GoodwillAskedBefore,
    GoodwillDecided,
    GoodwillNeedsAnother,
    GoodwillOrderNotNamed,
    GoodwillStatus,
    GoodwillWithoutPayment,
    check_goodwill,
    one_person_may,
    same_person,
)
from domain.policy import ReturnPolicy
from workflows.names import GOODWILL_TYPE, goodwill_workflow_id

LATELY = timedelta(minutes=5)  # the same amount asked for within so long is taken for the same wish
HEAL_AFTER = timedelta(seconds=4)

Decide = Callable[[Session, Row[Any], datetime], Row[Any]]


@dataclass(frozen=True)
class GoodwillAsked:
    """What is asked for. `again`: it is known that the same was asked for before, and this is another one."""

    amount_minor: int | None
    currency: str | None
    reason: str
    order_id: str | None = None
    again: bool = False


@dataclass(frozen=True)
class GoodwillSaid:
    """The goodwill as it is shown, and whether the request had been carried out before."""

    body: dict[str, Any]
    replayed: bool = False


class GoodwillDesk:
    """`policy` is the one in force at a moment: it says what one person may decide."""

    def __init__(
        self,
        sessions: Sessions,
        client: Client,
        policy: Callable[[Session, datetime], ReturnPolicy],
        clock: Clock,
        task_queue: str,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._policy = policy
        self._clock = clock
        self.task_queue = task_queue

    async def propose(
        self, case_id: str, asked: GoodwillAsked, by: Caller, key: IdempotencyKey | None = None
    ) -> GoodwillSaid:
        """Ask for it; at or below the limit it is decided with that. Raises the named errors of domain/goodwill.py."""

        def write(session: Session) -> Row[Any]:
            case = cases.lock(session, cases.get(session, case_id).id)
            at = self._clock(session)
            order_id = _order_of(session, case, asked.order_id)
            order = goodwill.order_of(session, order_id)
            room = refunds.rooms(session, [order_id])[order_id]  # locks the tenders: one proposal after another
            left = sum(one.room_minor for one in room) - goodwill.spoken_for(session, order_id)
            like = None
            if asked.amount_minor and not asked.again:
                like = goodwill.like_it(session, case.id, order_id, asked.amount_minor, since=at - LATELY)
            if like:
                raise GoodwillAskedBefore(
                    f"The same was asked for by {like.proposed_by} on {spoken(like.proposed_at)}: {like.id}, {like.status}.",
                    goodwill_id=like.id,
                    by=like.proposed_by,
                    at=like.proposed_at,
                )
            check_goodwill(
                asked.amount_minor,
                asked.currency,
                order_currency=order.currency,
                order_status=order.status,
                captured_minor=sum(one.amount_minor for one in room),
                left_minor=left,
            )
            assert asked.amount_minor is not None
            limit = self._policy(session, at).goodwill_limit_minor.get(order.currency)
            alone = one_person_may(asked.amount_minor, limit)
            row = goodwill.add(
                session,
                {
                    "id": f"gw_{ULID()}",
                    "case_id": case.id,
                    "order_id": order_id,
                    "amount_minor": asked.amount_minor,
                    "currency": order.currency,
                    "reason": asked.reason,
                    "limit_minor": limit,
                    "status": GoodwillStatus.APPROVED if alone else GoodwillStatus.PROPOSED,
                    "proposed_by": by.name,
                    "proposed_key": by.id,
                    "proposed_at": at,
                    **({"approved_by": by.name, "approved_at": at} if alone else {}),
                },
            )
            goodwill.tell(session, row, f"goodwill_{row.status}", by=by.name, at=at)
            return row

        return await self._said(write, by, key, status=201)

    async def approve(self, goodwill_id: str, by: Caller, key: IdempotencyKey | None = None) -> GoodwillSaid:
        """A second person agrees, and it is paid. What is left is looked at once more."""

        def decide(session: Session, row: Row[Any], at: datetime) -> Row[Any]:
            room = refunds.rooms(session, [row.order_id])[row.order_id]
            left = sum(one.room_minor for one in room) - goodwill.spoken_for(session, row.order_id, but=row.id)
            order = goodwill.order_of(session, row.order_id)
            check_goodwill(
                row.amount_minor,
                row.currency,
                order_currency=order.currency,
                order_status=order.status,
                captured_minor=sum(one.amount_minor for one in room),
                left_minor=left,
            )
            return goodwill.change(session, row.id, status=GoodwillStatus.APPROVED, approved_by=by.name, approved_at=at)

        return await self._decided(goodwill_id, decide, by, key)

    async def refuse(
        self, goodwill_id: str, by: Caller, key: IdempotencyKey | None = None, *, reason: str
    ) -> GoodwillSaid:
        """Nobody agrees, or whoever asked takes it back; nothing was sent, and nothing will be."""

        def decide(session: Session, row: Row[Any], at: datetime) -> Row[Any]:
            return goodwill.change(
                session,
                row.id,
                status=GoodwillStatus.REFUSED,
                refused_by=by.name,
                refused_at=at,
                refused_reason=reason,
            )

        return await self._decided(goodwill_id, decide, by, key, taking_back=True)

    async def heal(self) -> int:
        """Start what was approved by a process that did not live to start it; how many there were."""

        def look() -> list[str]:
            with self._sessions() as session:
                before = self._clock(session) - HEAL_AFTER
                return [row.id for row in goodwill.not_started(session, approved_before=before)]

        found = await asyncio.to_thread(look)
        for goodwill_id in found:
            await quietly(self._start(goodwill_id))
        return len(found)

    async def _decided(
        self, goodwill_id: str, decide: Decide, by: Caller, key: IdempotencyKey | None, *, taking_back: bool = False
    ) -> GoodwillSaid:
        def write(session: Session) -> Row[Any]:
            cases.lock(session, goodwill.get(session, goodwill_id).case_id)
            row, at = goodwill.get(session, goodwill_id, lock=True), self._clock(session)
            _check_undecided(row)
            if not taking_back and same_person(row.proposed_key, row.proposed_by, by.id, by.name):
                raise GoodwillNeedsAnother(
                    f"Goodwill {row.id} was asked for by {row.proposed_by}: somebody else decides about it.",
                    by=row.proposed_by,
                )
            after = decide(session, row, at)
            goodwill.tell(session, after, f"goodwill_{after.status}", by=by.name, at=at)
            return after

        return await self._said(write, by, key, status=200)

    async def _said(
        self, write: Callable[[Session], Row[Any]], by: Caller, key: IdempotencyKey | None, *, status: int
    ) -> GoodwillSaid:
        def record() -> GoodwillSaid:
            with self._sessions.begin() as session:
                if key and (before := keys.claim(session, by.id, key.route, key.value, key.body_hash)) is not None:
                    if before.body_hash != key.body_hash:
                        raise KeyUsedForAnotherRequest(
                            "The Idempotency-Key stands for another request that was carried out.", key=key.value
                        )
                    return GoodwillSaid(before.response, replayed=True)
                row = write(session)
                body = shown(row)
                if key:
                    keys.answer(
                        session,
                        by.id,
                        key.route,
                        key.value,
                        status=status,
                        response=body,
                        case_id=row.case_id,
                        fact_id=None,
                    )
                return GoodwillSaid(body)

        said = await asyncio.to_thread(record)
        if said.body["status"] == GoodwillStatus.APPROVED and not said.replayed:
            await quietly(self._start(said.body["id"]))
        return said

    async def _start(self, goodwill_id: str) -> None:
        # It ran before where it was started, and the server died before it could note that.
        with suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                GOODWILL_TYPE,
                goodwill_id,
                id=goodwill_workflow_id(goodwill_id),
                task_queue=self.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                rpc_timeout=TELL_TIMEOUT,
            )

        def note() -> None:
            with self._sessions.begin() as session:
                goodwill.mark_started(session, goodwill_id, self._clock(session))

        await asyncio.to_thread(note)


def shown(row: Row[Any]) -> dict[str, Any]:
    """A goodwill in plain JSON values."""

    def money(minor: int | None) -> dict[str, Any] | None:
        return None if minor is None else {"amount": minor, "currency": row.currency}

    return {
        "id": row.id,
        "return_id": row.case_id,
        "order_id": row.order_id,
        "amount": money(row.amount_minor),
        "reason": row.reason,
        "status": row.status,
        "limit": money(row.limit_minor),
        "paid": money(row.paid_minor),
        "proposed": _by(row.proposed_by, row.proposed_at),
        "approved": _by(row.approved_by, row.approved_at),
        "refused": None
        if row.refused_at is None
        else {**_who(row.refused_by, row.refused_at), "reason": row.refused_reason},
        "finished_at": _moment(row.finished_at),
        "trouble": row.trouble,
    }


def _by(name: str | None, at: datetime | None) -> dict[str, Any] | None:
    return None if at is None else _who(name, at)


def _who(name: str | None, at: datetime) -> dict[str, Any]:
    return {"by": name, "at": _moment(at)}


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _order_of(session: Session, case: Row[Any], named: str | None) -> str:
    known = sorted({line.order_id for line in cases.lines_of(session, [case.id])[case.id] if line.order_id})
    if not known:
        raise GoodwillWithoutPayment(
            f"No purchase stands behind return {case.rma}.", maximum={"amount": 0, "currency": case.currency}
        )
    if named is None and len(known) == 1:
        return str(known[0])
    if named is None or named not in known:
        raise GoodwillOrderNotNamed(
            f"The return brings goods of {', '.join(known)}.", pointer="/order_id", orders=known
        )
    return named


def _check_undecided(row: Row[Any]) -> None:
    if row.status == GoodwillStatus.PROPOSED:
        return
    by, at = (row.refused_by, row.refused_at) if row.refused_at else (row.approved_by, row.approved_at)
    raise GoodwillDecided(
        f"Goodwill {row.id} was {'refused' if row.refused_at else 'approved'} by {by} on {spoken(at)}.", by=by, at=at
    )
