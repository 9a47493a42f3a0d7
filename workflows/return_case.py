"""One return from request to closure: the durable interpreter of domain/process.py.

Facts come in as updates (people), signals (partners), results of effects, and time. Each is taken at once, in the order Temporal
recorded it; effects follow as activities under the case's own keys. Whoever recorded a fact has moved the case's row along by the same
rule; where the row came to something else, this workflow writes its state over it. A case never fails: what cannot be done parks it
in ATTENTION, with a person asked and a deadline after which it is tried again.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from domain.process import admissible, decide, start
from domain.replica import digest
from domain.state import Effect, Fact, FactKind
from workflows.deadlines import Alarm
from workflows.messages import Answer, CaseInput
from workflows.options import EFFECT_RETRY, EFFECT_TRY, NOTE_LIMIT, NOTE_RETRY, NOTE_TRY, NOTE_UNTIL_DONE


@workflow.defn(name="ReturnCase")
class ReturnCase:
    @workflow.init
    def __init__(self, given: CaseInput) -> None:
        # Messages are handled before `run` in the first task: the state must be there.
        self._case_id = given.opening.case_id
        self._state, self._first = (given.ended, ()) if given.ended else start(given.opening)
        self._taken = 0
        self._written = 0  # the row's version when this run last wrote its state over it
        self._heard: set[str] = set()
        self._busy = 0
        self._bug: BaseException | None = None
        self._alarm = Alarm(self._rang)

    @workflow.run
    async def run(self, given: CaseInput) -> str:
        self._set_alarm()
        for effect in self._first:
            self._spawn(self._carry_out(effect))
        while True:
            try:
                await workflow.wait_condition(self._over)
            except (
                asyncio.CancelledError
            ):  # cancelled in Temporal's own tools: the shopper's cancellation, where it is still possible
                self._spawn(self._take(self._own_fact(FactKind.CANCELLED, "cancelled", by="temporal"), recorded=False))
                continue
            if self._bug:
                raise self._bug
            return self._state.stage

    # --- what people say ---

    @workflow.update(description="A person of the merchant allows the return")
    async def authorize(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="A person of the merchant refuses the return")
    async def refuse(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="The dock has the parcel")
    async def receive(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="The bench has judged the goods")
    async def inspect(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="The shopper withdraws the return")
    async def cancel(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="A deadline is moved out")
    async def extend(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="An operator has what failed tried again")
    async def retry(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="The shopper appeals against a refusal")
    async def appeal(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @workflow.update(description="The shopper says where money goes that its tender cannot take back")
    async def give_destination(self, fact: Fact) -> Answer:
        return await self._told(fact)

    @authorize.validator
    def _may_authorize(self, fact: Fact) -> None:
        self._check(fact)

    @refuse.validator
    def _may_refuse(self, fact: Fact) -> None:
        self._check(fact)

    @receive.validator
    def _may_receive(self, fact: Fact) -> None:
        self._check(fact)

    @inspect.validator
    def _may_inspect(self, fact: Fact) -> None:
        self._check(fact)

    @cancel.validator
    def _may_cancel(self, fact: Fact) -> None:
        self._check(fact)

    @extend.validator
    def _may_extend(self, fact: Fact) -> None:
        self._check(fact)

    @retry.validator
    def _may_retry(self, fact: Fact) -> None:
        self._check(fact)

    @appeal.validator
    def _may_appeal(self, fact: Fact) -> None:
        self._check(fact)

    @give_destination.validator
    def _may_give_destination(self, fact: Fact) -> None:
        self._check(fact)

    # --- what partners report ---

    @workflow.signal(description="The carrier scanned the parcel")
    async def carrier_reported(self, fact: Fact) -> None:
        await self._take(fact)

    @workflow.signal(description="The payment provider reported on the refund")
    async def provider_reported(self, fact: Fact) -> None:
        await self._take(fact)

    @workflow.signal(description="Look again, and write the state over the case's row")
    async def nudge(self) -> None:
        await self._write_over()

    # --- the interpreter ---

    def _check(self, fact: Fact) -> None:
        # Asks only what no order of messages can make right: a reset plays later messages to an earlier state (domain/process.py).
        if why := admissible(self._state, fact.kind):
            raise ApplicationError(why, type="NotAdmissible", non_retryable=True)

    async def _told(self, fact: Fact) -> Answer:
        await self._take(fact)
        return Answer(self._state.stage)

    async def _take(self, fact: Fact, *, recorded: bool = True) -> None:
        """The only place where the state changes. What is told again (its teller died before noting it) is known already."""
        if fact.id in self._heard:
            return
        self._heard.add(fact.id)
        self._busy += 1
        self._state, effects = decide(self._state, fact)
        self._taken += 1
        self._set_alarm()
        mine = digest(self._state)
        seen = fact.seen if recorded else await self._note("record", fact)
        overwritten = recorded and 0 < fact.row <= self._written
        if seen != mine or overwritten:
            await self._write_over()
        for effect in effects:
            self._spawn(self._carry_out(effect))
        self._busy -= 1

    async def _carry_out(self, effect: Effect) -> None:
        self._busy += 1  # a case is not over while something is under way
        limit = self._state.due - workflow.now() if self._state.due and not self._state.alarm else timedelta(hours=1)
        try:
            fact = await workflow.execute_activity(
                effect.kind.value,
                args=[self._case_id, effect],
                result_type=Fact,
                activity_id=effect.key,
                start_to_close_timeout=EFFECT_TRY,
                schedule_to_close_timeout=max(limit, EFFECT_TRY),
                retry_policy=EFFECT_RETRY,
            )
        except FailureError as error:
            data = {
                "effect": effect.kind,
                "key": effect.key,
                "round": effect.round,
                "error": str(error.cause or error)[:500],
            }
            await self._take(self._own_fact(FactKind.EFFECT_FAILED, f"failed:{effect.key}", data=data), recorded=False)
        else:
            await self._take(fact)
        self._busy -= 1

    async def _write_over(self) -> None:
        while True:
            state = self._state
            self._written = await self._note("write_over", state, self._taken)
            if state == self._state:  # else it moved on meanwhile, and the row was put back behind it
                return

    async def _note(self, name: str, *args: Any) -> int:
        """A row of our own, written beside the workflow task; when the database is away, by a queued activity until it is back."""
        try:
            written: int = await workflow.execute_local_activity(
                name,
                args=[self._case_id, *args],
                result_type=int,
                start_to_close_timeout=NOTE_TRY,
                schedule_to_close_timeout=NOTE_LIMIT,
                retry_policy=NOTE_RETRY,
            )
        except FailureError:
            written = await workflow.execute_activity(
                name,
                args=[self._case_id, *args],
                result_type=int,
                start_to_close_timeout=EFFECT_TRY,
                retry_policy=NOTE_UNTIL_DONE,
            )
        return written

    def _rang(self) -> None:
        self._spawn(self._take(self._own_fact(FactKind.TIME_PASSED, f"time:{self._state.stage}"), recorded=False))

    def _own_fact(
        self, kind: FactKind, name: str, *, by: str = "boomerang", data: dict[str, Any] | None = None
    ) -> Fact:
        return Fact(kind, workflow.now(), f"{name}:{self._taken}", by, data or {})

    def _set_alarm(self) -> None:
        self._alarm.set(
            self._state.alarm,
            f"{self._state.stage} until {self._state.due:%d %b %H:%M}" if self._state.due else "",
            self._spawn,
        )

    def _over(self) -> bool:
        return self._bug is not None or (self._state.ended and not self._busy and workflow.all_handlers_finished())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # A mistake in a task of ours must fail the workflow task, where it is seen and retried, and not hang the case silently.
        def note_bug(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (bug := task.exception()):
                self._bug = bug

        asyncio.create_task(work).add_done_callback(note_bug)
