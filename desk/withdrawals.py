"""The desk for withdrawals: written down and acknowledged whatever they say, then carried out as a return or handed to a person.

The declaration stands with its moment and its acknowledgement in one transaction: that is what counts in law (Directive 2011/83/EU,
art. 11a(5)). Everything after it may fail and is done again by `heal`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from ulid import ULID

from database import cases, keys, orders, withdrawals
from database.engine import Clock, Sessions, database_time
from database.withdrawals import Letter
from desk.door import HEAL_AFTER, HEALED_AT_ONCE, ReturnsDesk
from desk.teller import TELL_TIMEOUT, quietly
from desk.words import Caller, DoneBefore, IdempotencyKey, KeyUsedForAnotherRequest, NotNow, spoken
from domain.eligibility import Verdict
from domain.errors import BoomerangError, Conflict, Invalid, Unavailable
from domain.opening import MethodNotOffered, RequestedLine, ReturnRequest
from domain.reasons import ReturnReason
from domain.stages import Stage
from domain.state import Method
from domain.withdrawal import (
    Declaration,
    Fault,
    Ground,
    WithdrawalStatus,
    faults_of,
    order_number,
    same_mailbox,
    withdrawn_units,
)
from workflows.names import ACKNOWLEDGE_TYPE, TASK_QUEUE, acknowledgement_id

CONSUMER = Caller("withdrawals", "the consumer's withdrawal")  # who opens the return that carries a withdrawal out
ROUTE = "withdrawal"  # under which that return's idempotency key is kept; the key is the withdrawal's id


class WrongDeclaration(Invalid):
    """Something that must be said is missing or cannot be read; `faults` by field. Nothing was written."""

    code = "wrong_declaration"

    def __init__(self, faults: dict[str, Fault]) -> None:
        field, fault = next(iter(faults.items()))
        super().__init__(f"{field}: {fault}", pointer=f"/{field}", faults=faults)
        self.faults = faults


class FormUsedForAnother(Conflict):
    """The form was sent before with other words: both are declarations, and the second needs a form of its own."""

    code = "form_used_for_another"


@dataclass(frozen=True)
class Submission:
    """What an acknowledgement is written about. `market` only where the order is known to be the declaring consumer's."""

    id: str
    said: Declaration
    at: datetime
    market: str | None


@dataclass(frozen=True)
class Declared:
    """A withdrawal's row as it was written down, and whether it had been there before; `body` as it was answered then."""

    row: Row[Any]
    body: dict[str, Any]
    replayed: bool = False


Write = Callable[[Submission], Letter]
Show = Callable[[Row[Any]], dict[str, Any]]


class WithdrawalsDesk:
    """`write` puts an acknowledgement into words, `present` shows a withdrawal to the outside; both belong to rooms above."""

    def __init__(
        self,
        sessions: Sessions,
        client: Client,
        returns: ReturnsDesk,
        *,
        write: Write,
        present: Show,
        clock: Clock = database_time,
        task_queue: str = TASK_QUEUE,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._returns = returns
        self._write = write
        self._present = present
        self._clock = clock
        self._task_queue = task_queue

    async def declare(
        self, said: Declaration, token: str, *, by: Caller = CONSUMER, key: IdempotencyKey | None = None
    ) -> Declared:
        """Take a declaration in, once for each `token`; then open its return and set its acknowledgement on its way.

        Raises `WrongDeclaration`, `FormUsedForAnother` and `KeyUsedForAnotherRequest`, with nothing written.
        """
        done = await asyncio.to_thread(self.store, said, token, by=by, key=key)
        if not done.replayed:
            await self._carry_on(done.row.id)
        return done

    def store(
        self, said: Declaration, token: str, *, by: Caller = CONSUMER, key: IdempotencyKey | None = None
    ) -> Declared:
        """The declaration with its moment and the words that acknowledge it, in one transaction."""
        if faults := faults_of(said):
            raise WrongDeclaration(faults)
        with self._sessions.begin() as session:
            if before := self._answered_before(session, by, key):
                return before
            if (row := withdrawals.of_token(session, token)) is None:
                withdrawal_id, at = f"wdr_{ULID()}", self._clock(session)
                order = withdrawals.find_order(session, order_number(said.contract))
                hers = order is not None and order.email is not None and same_mailbox(order.email, said.email)
                market = order.market if order and hers else None
                letter = self._write(Submission(withdrawal_id, said, at, market))
                order_id = order.id if order and hers else None
                if withdrawals.add(session, withdrawal_id, token, said, letter, at=at, by=by.name, order_id=order_id):
                    made = withdrawals.get(session, withdrawal_id)
                    return self._answer(session, by, key, Declared(made, self._present(made)))
                row = withdrawals.of_token(session, token)
            assert row is not None
            if row.content_hash != withdrawals.content_hash(said):
                raise FormUsedForAnother("This form was sent before with other words.", withdrawal_id=row.id)
            return self._answer(session, by, key, Declared(row, self._present(row), replayed=True))

    async def answer(
        self, withdrawal_id: str, text: str, by: Caller, key: IdempotencyKey | None = None
    ) -> tuple[dict[str, Any], bool]:
        """A person has handled it; the withdrawal as shown, and whether that was said before under the same key."""

        def write() -> tuple[dict[str, Any], bool]:
            with self._sessions.begin() as session:
                if before := self._body_before(session, by, key):
                    return before, True
                row = withdrawals.get(session, withdrawal_id, lock=True)
                if row.status == WithdrawalStatus.ANSWERED:
                    raise DoneBefore(
                        f"Withdrawal {row.id} was answered by {row.handled_by} on {spoken(row.handled_at)}.",
                        by=row.handled_by,
                        at=row.handled_at,
                    )
                if row.status != WithdrawalStatus.WITH_A_PERSON:
                    raise NotNow(f"Withdrawal {row.id} is {row.status}: it waits for nobody's answer.")
                withdrawals.handle(session, row.id, by=by.name, at=self._clock(session), answer=text)
                body = self._present(withdrawals.get(session, row.id))
                self._keep(session, by, key, body, status=200)
                return body, False

        return await asyncio.to_thread(write)

    async def heal(self) -> int:
        """Carry on with withdrawals whose server died before it had; how many there were."""

        def look() -> list[str]:
            with self._sessions() as session:
                before = self._clock(session) - HEAL_AFTER
                return [row.id for row in withdrawals.unfinished(session, submitted_before=before)]

        side_by_side = asyncio.Semaphore(HEALED_AT_ONCE)

        async def carry_on(withdrawal_id: str) -> None:
            async with side_by_side:
                await self._carry_on(withdrawal_id)

        found = await asyncio.to_thread(look)
        await asyncio.gather(*[carry_on(withdrawal_id) for withdrawal_id in found])
        return len(found)

    # --- after it is written down ---

    async def _carry_on(self, withdrawal_id: str) -> None:
        # Side by side: the law is impatient about the mail, and neither waits for the other where Temporal is away.
        await asyncio.gather(
            quietly(self._send_acknowledgement(withdrawal_id)), quietly(self._carry_out(withdrawal_id))
        )

    async def _send_acknowledgement(self, withdrawal_id: str) -> None:
        row = await asyncio.to_thread(self._read, withdrawal_id)
        if row.started_at:
            return
        # It ran before where it was sent, and the server died before it could note that.
        with suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                ACKNOWLEDGE_TYPE,
                withdrawal_id,
                id=acknowledgement_id(withdrawal_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                rpc_timeout=TELL_TIMEOUT,
            )

        def note() -> None:
            with self._sessions.begin() as session:
                withdrawals.mark_started(session, withdrawal_id, self._clock(session))

        await asyncio.to_thread(note)

    async def _carry_out(self, withdrawal_id: str) -> None:
        """Open the return, or hand the withdrawal to a person with the reason why."""
        row = await asyncio.to_thread(self._read, withdrawal_id)
        if row.status != WithdrawalStatus.RECEIVED:
            return
        found = await asyncio.to_thread(self._what_comes_back, row)
        if isinstance(found, Ground):
            await self._settle(row.id, None, found)
            return
        if isinstance(found, str):  # opened before, and this process's predecessor died before it could link it
            await self._settle_opened(row.id, found)
            return
        try:
            asked, verdict, grounds = await self._judged(found)
            if verdict is Verdict.REFUSED:
                # The units may be gone into this very return, opened by another server at this instant.
                if opened := await asyncio.to_thread(self._opened, row.id):
                    await self._settle_opened(row.id, opened)
                else:
                    await self._settle(row.id, None, Ground.POLICY_REFUSED, ", ".join(grounds))
                return
            said = await self._returns.open(asked, CONSUMER, IdempotencyKey(row.id, ROUTE, row.id))
        except Unavailable:
            raise
        except Conflict as error:
            # The units may have gone into this very return, opened by another server at this instant; else `heal` looks again.
            opened = await asyncio.to_thread(self._opened, row.id)
            if opened is None:
                await self._settle(row.id, None, Ground.NOT_OPENED, f"{error.code}: {error.detail}")
            else:
                await self._settle_opened(row.id, opened)
            return
        except BoomerangError as error:
            await self._settle(row.id, None, Ground.NOT_OPENED, f"{error.code}: {error.detail}")
            return
        await self._settle_opened(row.id, said.case_id)

    async def _judged(self, request: ReturnRequest) -> tuple[ReturnRequest, Verdict, list[str]]:
        """The request by the first way back that the programme offers, and what opening it would say; nothing is written.

        A consumer who withdraws chose none, and a return that is only refused would be announced as the last word.
        """
        first, *others = Method
        for method in (first, *others):
            asked = replace(request, method=method)
            try:
                judgement = (await self._returns.preview(asked)).judgement
            except MethodNotOffered:
                if method is others[-1]:
                    raise
                continue
            return asked, judgement.verdict, sorted({ground for line in judgement.lines for ground in line.grounds})
        raise AssertionError("there is a last method")

    def _what_comes_back(self, row: Row[Any]) -> ReturnRequest | Ground | str:
        """The return to open; or why not; or the id of the return that was opened for it already."""
        with self._sessions() as session:
            number = order_number(row.contract)
            if row.order_id is None:
                known = withdrawals.find_order(session, number)
                return Ground.EMAIL_DIFFERS if known else Ground.ORDER_UNKNOWN
            units = withdrawn_units(row.goods or "", orders.lines_of_order(session, row.order_id, lock=False))
            # Asked after the units: where they are gone into this withdrawal's own return, that return can be seen.
            if opened := withdrawals.opened_under(session, CONSUMER.id, ROUTE, row.id):
                return opened
        if isinstance(units, Ground):
            return units
        lines = tuple(
            RequestedLine(one.quantity, ReturnReason.WITHDRAWAL, order_line_id=one.order_line_id) for one in units
        )
        return ReturnRequest(lines, order_id=row.order_id, declared_at=row.submitted_at)

    async def _settle_opened(self, withdrawal_id: str, case_id: str) -> None:
        """A return in which the policy left some of the goods out is for a person to look at too."""

        def look() -> Ground | None:
            with self._sessions() as session:
                case = cases.get(session, case_id)
                if case.stage == Stage.REFUSED:
                    return Ground.POLICY_REFUSED
                refused = any(line.verdict == Verdict.REFUSED for line in cases.lines_of(session, [case_id])[case_id])
                return Ground.PARTLY_REFUSED if refused else None

        await self._settle(withdrawal_id, case_id, await asyncio.to_thread(look))

    async def _settle(
        self, withdrawal_id: str, case_id: str | None, ground: Ground | None, note: str | None = None
    ) -> None:
        def write() -> None:
            with self._sessions.begin() as session:
                withdrawals.settle(session, withdrawal_id, case_id=case_id, ground=ground, note=note)

        await asyncio.to_thread(write)

    def _opened(self, withdrawal_id: str) -> str | None:
        with self._sessions() as session:
            return withdrawals.opened_under(session, CONSUMER.id, ROUTE, withdrawal_id)

    def _read(self, withdrawal_id: str) -> Row[Any]:
        with self._sessions() as session:
            return withdrawals.get(session, withdrawal_id)

    # --- idempotency ---

    def _answered_before(self, session: Session, by: Caller, key: IdempotencyKey | None) -> Declared | None:
        body = self._body_before(session, by, key)
        return Declared(withdrawals.get(session, body["id"]), body, replayed=True) if body else None

    def _body_before(self, session: Session, by: Caller, key: IdempotencyKey | None) -> dict[str, Any] | None:
        if key is None or (row := keys.claim(session, by.id, key.route, key.value, key.body_hash)) is None:
            return None
        if row.body_hash != key.body_hash:
            raise KeyUsedForAnotherRequest(
                "The Idempotency-Key stands for another request that was carried out.", key=key.value
            )
        body: dict[str, Any] = row.response
        return body

    def _answer(self, session: Session, by: Caller, key: IdempotencyKey | None, done: Declared) -> Declared:
        self._keep(session, by, key, done.body, status=201)
        return done

    def _keep(
        self, session: Session, by: Caller, key: IdempotencyKey | None, body: dict[str, Any], *, status: int
    ) -> None:
        if key:
            keys.answer(session, by.id, key.route, key.value, status=status, response=body, case_id=None, fact_id=None)
