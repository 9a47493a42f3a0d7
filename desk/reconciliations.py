"""Reconciliations at the desk: asked for by operators, started once, and the differences that a person has dealt with."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from ulid import ULID

from database import keys, reconciliations
from database.engine import Clock, Sessions
from desk.teller import TELL_TIMEOUT, quietly
from desk.words import Caller, DoneBefore, IdempotencyKey, KeyUsedForAnotherRequest, spoken
from domain.errors import Invalid
from workflows.names import RECONCILIATION_TYPE, reconciliation_workflow_id
from workflows.reconciliation import Asked

ALL = "all"
ShowRun = Callable[[Sequence[Row[Any]]], dict[str, Any]]
ShowDifference = Callable[[Row[Any]], dict[str, Any]]


class UnknownProvider(Invalid):
    code = "unknown_provider"
    next_action = "Name a payment provider by the code that orders name as the processor, or say all."


class Reconciliations:
    """`providers` are the codes of those that can be asked."""

    def __init__(
        self, sessions: Sessions, client: Client, providers: Collection[str], clock: Clock, task_queue: str
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._providers = tuple(sorted(providers))
        self._clock = clock
        self._task_queue = task_queue

    async def ask(
        self, provider: str, caller: Caller, key: IdempotencyKey, *, show: ShowRun
    ) -> tuple[dict[str, Any], bool]:
        """Have a provider asked, or all; the run as it is shown, and whether that had been said before under the same key."""
        if provider != ALL and provider not in self._providers:
            known = ", ".join(self._providers)
            raise UnknownProvider(f"{provider!r} is no payment provider of this house: {known}.", pointer="/provider")
        wanted = self._providers if provider == ALL else (provider,)

        def write() -> tuple[dict[str, Any], bool]:
            with self._sessions.begin() as session:
                if before := _said_before(session, caller, key):
                    return before, True
                run_id = f"rec_{ULID()}"
                reconciliations.ask(session, run_id, wanted, by=caller.name, at=self._clock(session))
                return _keep(session, caller, key, show(reconciliations.run(session, run_id)), status=202), False

        body, replayed = await asyncio.to_thread(write)
        if not replayed:
            await quietly(self._start(body["id"]))
        return body, replayed

    async def resolve(
        self, difference_id: str, why: str, caller: Caller, key: IdempotencyKey, *, show: ShowDifference
    ) -> tuple[dict[str, Any], bool]:
        """A person has dealt with a difference, and says how. Who does so second is told who was first."""

        def write() -> tuple[dict[str, Any], bool]:
            with self._sessions.begin() as session:
                if before := _said_before(session, caller, key):
                    return before, True
                row = reconciliations.get_difference(session, difference_id, lock=True)
                if row.status == "resolved":
                    raise DoneBefore(
                        f"Difference {row.id} was resolved by {row.resolved_by} on {spoken(row.resolved_at)}.",
                        by=row.resolved_by,
                        at=row.resolved_at,
                    )
                reconciliations.resolve(session, row.id, by=caller.name, at=self._clock(session), why=why)
                body = show(reconciliations.get_difference(session, row.id))
                return _keep(session, caller, key, body, status=200), False

        return await asyncio.to_thread(write)

    async def heal(self, asked_before: Callable[[Session], datetime]) -> int:
        """Start the runs whose server died before it had; how many there were. What was asked for since is being started."""

        def look() -> Sequence[str]:
            with self._sessions() as session:
                return reconciliations.untold(session, asked_before=asked_before(session))

        found = await asyncio.to_thread(look)
        for run_id in found:
            await quietly(self._start(run_id))
        return len(found)

    async def _start(self, run_id: str) -> None:
        def look() -> Sequence[Row[Any]]:
            with self._sessions() as session:
                return reconciliations.run(session, run_id)

        rows = await asyncio.to_thread(look)
        # It ran before where it was started, and the server died before it could note that.
        with suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                RECONCILIATION_TYPE,
                Asked(rows[0].asked_by, [row.provider for row in rows], run_id),
                id=reconciliation_workflow_id(run_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                rpc_timeout=TELL_TIMEOUT,
            )

        def note() -> None:
            with self._sessions.begin() as session:
                reconciliations.mark_told(session, run_id)

        await asyncio.to_thread(note)


def _said_before(session: Session, caller: Caller, key: IdempotencyKey) -> dict[str, Any] | None:
    row = keys.claim(session, caller.id, key.route, key.value, key.body_hash)
    if row is None:
        return None
    if row.body_hash != key.body_hash:
        raise KeyUsedForAnotherRequest(
            "The Idempotency-Key stands for another request that was carried out.", key=key.value
        )
    body: dict[str, Any] = row.response
    return body


def _keep(
    session: Session, caller: Caller, key: IdempotencyKey, body: dict[str, Any], *, status: int
) -> dict[str, Any]:
    keys.answer(session, caller.id, key.route, key.value, status=status, response=body, case_id=None, fact_id=None)
    return body
