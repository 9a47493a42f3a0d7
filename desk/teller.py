"""Telling the running case: started once, told each fact under the fact's own id, opened again by what comes after its end."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from datetime import timedelta
from enum import Enum
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from database import cases, facts
from database.engine import Sessions
from domain.errors import BoomerangError
from domain.limits import Limits
from domain.replica import from_json
from domain.stages import ENDS
from domain.state import Fact, Method, Opening, State
from gateways.errors import GatewayError
from workflows.messages import Answer, CaseInput
from workflows.names import NUDGE, SIGNALS, UPDATES, WORKFLOW_TYPE, workflow_id

log = logging.getLogger("boomerang.desk")

TIER = SearchAttributeKey.for_keyword("Tier")
MARKET = SearchAttributeKey.for_keyword("Market")
CUSTOMER = SearchAttributeKey.for_keyword("Customer")

TELL_TIMEOUT = timedelta(seconds=3)
OPENED_WITHIN_S, LOOKED_EVERY_S = 2.0, 0.05


class BeingOpened(RuntimeError):
    """The case is open by its row and does not run yet: an earlier word is on its way to open it again."""


class NotEnded(Enum):
    NOT_ENDED = "not ended"


NOT_ENDED = NotEnded.NOT_ENDED


class Teller:
    def __init__(self, sessions: Sessions, client: Client, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self.task_queue = task_queue

    async def start(self, case_id: str) -> None:
        """Set a case running; one that runs or ran already is left alone.

        A case that was refused when it was asked for never ran: the word that opens it again starts it, and nothing else.
        """
        case, first_word = await asyncio.to_thread(self._never_ran, case_id)
        if first_word:
            if first_word.told_at:  # by somebody who died before noting that it runs
                await asyncio.to_thread(self._mark_started, case_id)
            return
        try:
            await self._client.start_workflow(
                WORKFLOW_TYPE,
                CaseInput(_opening(case)),
                id=workflow_id(case_id),
                task_queue=self.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=_search_attributes(case),
                static_summary=f"{case.rma}, {case.tier}, {case.market}",
                rpc_timeout=TELL_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            log.info("case ran before", extra={"case_id": case_id})
        await asyncio.to_thread(self._mark_started, case_id)

    async def tell(self, case_id: str, fact: Fact, how: str) -> None:
        """Tell a fact that is written down, once; raises where the case could not be reached, and `heal` tells it later."""
        last = time.monotonic() + OPENED_WITHIN_S
        while True:
            try:
                return await self._tell(case_id, fact, how)
            except BeingOpened:
                if time.monotonic() > last:
                    raise
                await asyncio.sleep(LOOKED_EVERY_S)

    async def _tell(self, case_id: str, fact: Fact, how: str) -> None:
        answer = None
        try:
            if how == "update":
                await self._update(case_id, fact)
            else:
                await self._client.get_workflow_handle(workflow_id(case_id)).signal(
                    SIGNALS[fact.kind], fact, rpc_timeout=TELL_TIMEOUT
                )
        except WorkflowUpdateFailedError as error:
            # The case and its row saw things in another order, and the case's order counts: have it write its state over the row.
            answer = str(error.cause)
            await self._client.get_workflow_handle(workflow_id(case_id)).signal(NUDGE, rpc_timeout=TELL_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            answer = await self._tell_one_that_does_not_run(case_id, fact, how)
        await asyncio.to_thread(self._mark_told, case_id, fact.id, answer)

    async def _update(self, case_id: str, fact: Fact) -> None:
        await self._client.get_workflow_handle(workflow_id(case_id)).execute_update(
            UPDATES[fact.kind], fact, id=fact.id, result_type=Answer, rpc_timeout=TELL_TIMEOUT
        )

    async def _tell_one_that_does_not_run(self, case_id: str, fact: Fact, how: str) -> str | None:
        """A case that was never started is started now; one that has ended is opened again by a fact that does that."""
        case, first_word = await asyncio.to_thread(self._never_ran, case_id)
        if case.started_at is None and first_word is None:
            await self.start(case_id)
            await self.tell(case_id, fact, how)
            return None
        ended = await asyncio.to_thread(self._ended_before, case_id, fact)
        if ended is NOT_ENDED:
            raise BeingOpened(f"{case_id} is being opened again by an earlier word")
        if ended is None:
            return "the return had ended"
        given = CaseInput(_opening(case), ended)
        if how == "signal":
            await self._client.start_workflow(
                WORKFLOW_TYPE,
                given,
                id=workflow_id(case_id),
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=SIGNALS[fact.kind],
                start_signal_args=[fact],
                search_attributes=_search_attributes(case),
                rpc_timeout=TELL_TIMEOUT,
            )
            await asyncio.to_thread(self._mark_started, case_id)
            return None
        again: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            WORKFLOW_TYPE,
            given,
            id=workflow_id(case_id),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            search_attributes=_search_attributes(case),
        )
        await self._client.execute_update_with_start_workflow(
            UPDATES[fact.kind],
            fact,
            start_workflow_operation=again,
            id=fact.id,
            result_type=Answer,
            rpc_timeout=TELL_TIMEOUT,
        )
        await asyncio.to_thread(self._mark_started, case_id)
        return None

    def _ended_before(self, case_id: str, fact: Fact) -> State | NotEnded | None:
        """The ended state that this fact opens again; None when the case has ended and the fact changes nothing.

        NOT_ENDED when neither: by its row the case is open, so an earlier fact has opened it again, and is still being told.
        """
        with self._sessions.begin() as session:
            row = cases.lock(session, case_id)
            recorded = facts.reopens(session, case_id, fact.id)
            if recorded:
                return from_json(recorded)
            # Written down while the row said the case was running; it had just ended. Apply the fact to the end instead.
            return facts.apply_to_end(session, row, fact) if row.stage in ENDS else NOT_ENDED

    def _never_ran(self, case_id: str) -> tuple[Row[Any], Row[Any] | None]:
        """The case, and for one that has never run, the first word that opened it again after it was refused when asked for."""
        with self._sessions() as session:
            case = cases.get(session, case_id)
            rows = facts.timeline(session, case_id) if case.started_at is None else ()
            if not any(row.kind == "opened_refused" for row in rows):
                return case, None
            return case, next((row for row in rows if row.reopens), None)

    def _mark_started(self, case_id: str) -> None:
        with self._sessions.begin() as session:
            cases.mark_started(session, case_id)

    def _mark_told(self, case_id: str, fact_id: str, answer: str | None) -> None:
        with self._sessions.begin() as session:
            facts.mark_told(session, case_id, fact_id, answer)


async def quietly(work: Awaitable[None]) -> None:
    """What is written down will be told: a failure now is a line in the log, not an error for the caller."""
    try:
        await work
    except (
        RPCError,
        WorkflowUpdateRPCTimeoutOrCancelledError,
        DBAPIError,
        BoomerangError,
        GatewayError,  # a provider that is away when it is asked about its own event
        OSError,
        RuntimeError,  # what a client says that has never reached Temporal
    ) as error:
        log.warning("not told yet, will be tried again: %s: %s", type(error).__name__, error)
    except Exception:  # the row stands and is looked at again; the caller has been promised what it says
        log.exception("not told yet, will be tried again")


def _opening(case: Row[Any]) -> Opening:
    return Opening(case.id, not case.referred, Method(case.method), case.opened_at, Limits(**case.terms["limits"]))


def _search_attributes(case: Row[Any]) -> TypedSearchAttributes:
    pairs = [SearchAttributePair(TIER, case.tier), SearchAttributePair(MARKET, case.market)]
    if case.customer_id:
        pairs.append(SearchAttributePair(CUSTOMER, case.customer_id))
    return TypedSearchAttributes(pairs)
