"""The returns desk: the one door to running cases.

What somebody says of a case is first written down (checked against the case's row under its lock, together with everything that follows
from it there), then told to the running case. If this process dies between the two, `heal` finds what was written and not told, here or in
any other server, and tells it; the case takes each fact once, because it comes under the same id.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
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
from ulid import ULID

from database import cases, facts, inbox, inspections, keys, orders, parcels, refunds
from database.engine import Clock, Sessions, database_time
from database.inspections import Judged
from domain.errors import BoomerangError, Conflict, Invalid, Stale
from domain.explain import Decision
from domain.market import market_of
from domain.opening import Judgement, ReturnRequest, SoldLine, Verdict, judge
from domain.order import Order, check_order
from domain.policy import PolicyBook, ReturnPolicy
from domain.process import Fact, FactKind, Method, Opening, State, start, timely
from domain.replica import from_json
from domain.stages import Stage
from domain.terms import Limits, Terms, terms_for
from domain.tier import Tier, history_of, months_before, tier_of
from gateways.carriers.base import CarrierEvent, CarrierGateway, Direction, ParcelStatus
from gateways.payments.base import PaymentGateway, ProviderEvent
from workflows.messages import Answer, CaseInput
from workflows.names import NUDGE, SIGNALS, TASK_QUEUE, UPDATES, WORKFLOW_TYPE, workflow_id

log = logging.getLogger("boomerang.desk")

TIER = SearchAttributeKey.for_keyword("Tier")
MARKET = SearchAttributeKey.for_keyword("Market")
CUSTOMER = SearchAttributeKey.for_keyword("Customer")

TELL_TIMEOUT = timedelta(seconds=3)
HEALED_AT_ONCE = 16
HEAL_AFTER = timedelta(seconds=4)  # what is younger is being told by whoever wrote it

Present = Callable[[Session, str], dict[str, Any]]


class KeyUsedForAnotherRequest(Invalid):
    code = "idempotency_key_reused"
    title = "The Idempotency-Key was used for another request"
    next_action = "Send the request under a new key; keep one key per thing you want done."


class NotNow(Conflict):
    code = "not_now"
    title = "The return is not in a state for that"


class DoneBefore(Conflict):
    code = "done_before"
    title = "That was done before"
    next_action = "Nothing more to do: the answer says who did it and when."


class VersionIsOlder(Stale):
    code = "version_is_older"


class UntilNotLater(Invalid):
    code = "until_not_later"
    next_action = "Name a moment after the present deadline, with its offset from UTC (RFC 3339)."


class UnknownCaseLine(Invalid):
    code = "unknown_return_line"
    next_action = "Use the ids of the return's own lines."


class MoreThanComesBack(Invalid):
    code = "quantity_above_what_comes_back"
    next_action = "Judge at most the units of the line that come back; report more as extra goods."


@dataclass(frozen=True)
class Caller:
    """Who speaks: the API key's id, and the name written into the timeline."""

    id: str
    name: str


@dataclass(frozen=True)
class IdempotencyKey:
    """A client's key for one request: `route` and `body_hash` tell a repetition from another request under the same key."""

    value: str
    route: str
    body_hash: str


@dataclass(frozen=True)
class Said:
    """The desk's answer: the return it is about, as it is shown, and whether the request had been carried out before."""

    case_id: str
    body: dict[str, Any]
    replayed: bool = False


@dataclass(frozen=True)
class Preview:
    tier: Tier
    terms: Terms
    judgement: Judgement


@dataclass(frozen=True)
class _Told:
    case_id: str
    fact: Fact


class ReturnsDesk:
    """`present` renders a return as the outside sees it; `programme` is the merchant's policy for new returns."""

    def __init__(
        self,
        sessions: Sessions,
        client: Client,
        book: PolicyBook,
        *,
        programme: str,
        present: Present,
        carriers: Mapping[str, CarrierGateway],
        payments: Mapping[str, PaymentGateway],
        clock: Clock = database_time,
        task_queue: str = TASK_QUEUE,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._book = book
        self._policy: ReturnPolicy = book.programme(programme)
        self._present = present
        self._carriers = carriers
        self._payments = payments
        self._clock = clock
        self._task_queue = task_queue
        self._background: set[asyncio.Task[None]] = set()

    # --- orders ---

    async def put_order(self, order: Order, customer: orders.Customer | None) -> bool:
        """Take in what was sold; True when it is new."""
        check_order(order)

        def write() -> bool:
            with self._sessions.begin() as session:
                return orders.put(session, order, customer)

        return await asyncio.to_thread(write)

    # --- opening ---

    async def preview(self, request: ReturnRequest) -> Preview:
        """What opening this return would answer; nothing is written."""

        def look() -> Preview:
            with self._sessions() as session:
                return self._judge(session, request, lock=False)

        return await asyncio.to_thread(look)

    async def open(self, request: ReturnRequest, caller: Caller, key: IdempotencyKey | None = None) -> Said:
        """Open a return: judged, its units held, its terms frozen in one transaction; then the case is set running."""

        def write() -> Said:
            with self._sessions.begin() as session:
                if before := self._said_before(session, caller, key):
                    return before
                case_id = self._open(session, request, caller)
                return self._answer(session, caller, key, case_id, None, status=201)

        said = await asyncio.to_thread(write)
        if said.body["stage"] != Stage.REFUSED:
            await self._quietly(self._start(said.case_id))
        return said

    def _open(self, session: Session, request: ReturnRequest, caller: Caller) -> str:
        seen = self._judge(session, request, lock=True)
        judgement, terms = seen.judgement, seen.terms
        at = self._clock(session)
        case_id = f"ret_{ULID()}"
        opening = Opening(case_id, judgement.verdict is Verdict.ELIGIBLE, request.method, at, terms.limits)
        refused = judgement.verdict is Verdict.REFUSED
        state = State(Stage.REFUSED, at, request.method, terms.limits) if refused else start(opening)[0]
        customer = request.customer_id or next((line.sold.customer_id for line in judgement.lines if line.sold), None)
        values = {
            "id": case_id,
            "rma": cases.next_rma(session),
            "customer_id": customer,
            "order_id": request.order_id,
            "tier": terms.tier,
            "market": terms.market,
            "programme": terms.programme,
            "policy_version": terms.policy_version,
            "currency": judgement.currency,
            "resolution": request.resolution,
            "method": request.method,
            "terms": {**asdict(terms), "freight": judgement.freight._asdict()},
            "referred": judgement.verdict is Verdict.REFERRED,
            "explanation": [asdict(decision) for decision in judgement.explanation],
            "quoted_minor": judgement.quote.total_minor,
            "opened_by": caller.name,
            "declared_at": request.declared_at or at,
            "opened_at": at,
            "outcome": "refused" if refused else None,
            "closed_at": at if refused else None,
        }
        cases.open_case(session, values, _line_rows(case_id, judgement), state)
        orders.claim(session, _units(judgement))
        grounds = sorted({line.ground for line in judgement.lines if line.ground})
        decided = {Verdict.ELIGIBLE: "authorized", Verdict.REFERRED: "referred", Verdict.REFUSED: "refused"}[
            judgement.verdict
        ]
        steps: list[tuple[str, str, dict[str, Any]]] = [
            ("requested", Stage.REQUESTED, {"lines": len(judgement.lines)}),
            ("checked", Stage.CHECKED, {"tier": terms.tier, "market": terms.market}),
            (f"opened_{decided}", state.stage, {"grounds": grounds}),
        ]
        facts.note_opening(session, case_id, at, caller.name, steps, announce=state)
        return case_id

    def _judge(self, session: Session, request: ReturnRequest, *, lock: bool) -> Preview:
        now = self._clock(session)
        at = request.declared_at or now
        sold = self._sold(session, request, lock=lock)
        customer = request.customer_id or next((line.customer_id for line in sold if line.customer_id), None)
        country = orders.country_of(session, customer) if customer else (sold[0].market if sold else "")
        law = sold[0].market if request.order_id and sold else country
        market = market_of(self._book, law)
        tier, why = self._tier(session, customer, at)
        terms = terms_for(self._policy, market, tier)
        judgement = judge(
            request,
            sold=sold,
            policy=self._policy,
            terms=terms,
            market=market,
            at=at,
            currency=self._book.tiers.thresholds.currency,
        )
        return Preview(tier, terms, _with(judgement, why))

    def _sold(self, session: Session, request: ReturnRequest, *, lock: bool) -> list[SoldLine]:
        if request.order_id is not None:
            found = orders.lines_of_order(session, request.order_id, lock=lock)
            if not found or (request.customer_id and found[0].customer_id not in (None, request.customer_id)):
                raise orders.UnknownOrder(
                    f"There is no order {request.order_id!r}" + (" of that customer." if found else "."),
                    pointer="/order_id",
                )
            return found
        if request.customer_id is None:
            return []
        orders.country_of(
            session, request.customer_id
        )  # an unknown customer is a mistake, not a return without purchases
        return orders.lines_of_customer(
            session, request.customer_id, [line.sku for line in request.lines if line.sku], lock=lock
        )

    def _tier(self, session: Session, customer: str | None, at: datetime) -> tuple[Tier, Decision]:
        thresholds = self._book.tiers.thresholds
        since = datetime.combine(months_before(at.date(), thresholds.window_months), datetime.min.time(), UTC)
        placed = orders.placed_by(session, customer, since=since, until=at) if customer else []
        return tier_of(history_of(placed, thresholds=thresholds, at=at), thresholds, at.date())

    # --- what people say of a case ---

    async def authorize(
        self,
        case_id: str,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        note: str = "",
        version: int | None = None,
    ) -> Said:
        data = {"note": note} if note else {}
        return await self._say(case_id, FactKind.AUTHORIZED, caller, key, data, version=version)

    async def refuse(
        self,
        case_id: str,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        reason: str,
        version: int | None = None,
    ) -> Said:
        return await self._say(case_id, FactKind.REFUSED, caller, key, {"reason": reason}, version=version)

    async def cancel(
        self,
        case_id: str,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        reason: str = "",
        version: int | None = None,
    ) -> Said:
        data = {"reason": reason} if reason else {}
        return await self._say(case_id, FactKind.CANCELLED, caller, key, data, version=version)

    async def retry(self, case_id: str, caller: Caller, key: IdempotencyKey | None = None, *, reason: str) -> Said:
        return await self._say(case_id, FactKind.RETRIED, caller, key, {"reason": reason})

    async def extend(
        self,
        case_id: str,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        until: datetime,
        reason: str = "",
        version: int | None = None,
    ) -> Said:
        """Move the present deadline out to `until` (aware); never in."""

        def check(session: Session, row: Row[Any], at: datetime) -> dict[str, Any]:
            due = from_json(row.state).due
            if until.utcoffset() is None or until <= at or (due and until <= due):
                raise UntilNotLater(
                    f"{until.isoformat()} is not later than the present deadline.", pointer="/until", due=due
                )
            return {}

        data = {"until": until.isoformat(), "reason": reason}
        return await self._say(case_id, FactKind.EXTENDED, caller, key, data, prepare=check, version=version)

    async def receive(self, parcel: str, caller: Caller, key: IdempotencyKey | None = None) -> Said:
        """The dock has a parcel (our id, or its tracking code). Who scans it second is told who was first."""

        def case_of(session: Session) -> str:
            return str(parcels.get(session, parcel).case_id)

        def check(session: Session, row: Row[Any], at: datetime) -> dict[str, Any]:
            found = parcels.get(session, parcel, lock=True)
            if found.received_at:
                raise DoneBefore(
                    f"Parcel {found.id} was received by {found.received_by} on {_spoken(found.received_at)}.",
                    by=found.received_by,
                    at=found.received_at,
                )
            parcels.receive(session, found.id, by=caller.name, at=at)
            return {"parcel_id": found.id}

        return await self._say(case_of, FactKind.RECEIVED, caller, key, {}, prepare=check, about=lambda data: data)

    async def inspect(
        self,
        case_id: str,
        judged: Sequence[Judged],
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        version: int | None = None,
    ) -> Said:
        """The bench's findings, all lines of the return at once; `version` is the version the inspector looked at."""

        def check(session: Session, row: Row[Any], at: datetime) -> dict[str, Any]:
            lines = {line.id: line for line in cases.lines_of(session, [row.id])[row.id] if line.verdict != "refused"}
            return {"accepted": _accepted(lines, judged)}

        def write(session: Session, row: Row[Any], fact: Fact) -> None:
            inspections.add(session, row.id, f"ins_{ULID()}", judged, by=caller.name, at=fact.at)

        return await self._say(
            case_id, FactKind.INSPECTED, caller, key, {}, prepare=check, write=write, version=version
        )

    async def _say(
        self,
        case: str | Callable[[Session], str],
        kind: FactKind,
        caller: Caller,
        key: IdempotencyKey | None,
        data: dict[str, Any],
        *,
        prepare: Callable[[Session, Row[Any], datetime], dict[str, Any]] | None = None,
        write: Callable[[Session, Row[Any], Fact], None] | None = None,
        about: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        version: int | None = None,
    ) -> Said:
        told: list[_Told] = []

        def record() -> Said:
            with self._sessions.begin() as session:
                if before := self._said_before(session, caller, key):
                    return before
                row = cases.lock(session, cases.get(session, case if isinstance(case, str) else case(session)).id)
                at = self._clock(session)
                _check_version(session, row, version)
                state = from_json(row.state)
                more = {}
                if prepare and kind is FactKind.RECEIVED:  # whose hands it is in comes before what stage it is in
                    more = prepare(session, row, at)
                self._check_timely(session, row, state, kind)
                if prepare and kind is not FactKind.RECEIVED:
                    more = prepare(session, row, at)
                if state.ended and not cases.hold_units_again(session, row.id):
                    more["units_gone"] = True
                fact = Fact(kind, at, f"{kind}:{ULID()}", caller.name, {**data, **more})
                if write:
                    write(session, row, fact)
                recorded = facts.record(session, row.id, fact, tell="update", about=about(more) if about else None)
                if recorded.told:
                    told.append(_Told(row.id, recorded.fact))
                return self._answer(session, caller, key, row.id, fact.id, status=200)

        said = await asyncio.to_thread(record)
        for one in told:
            await self._quietly(self._tell(one.case_id, one.fact, "update"))
        return said

    def _check_timely(self, session: Session, row: Row[Any], state: State, kind: FactKind) -> None:
        why = timely(state, kind)
        if why is None:
            return
        first = facts.latest(session, row.id, kind)
        undone = kind is FactKind.CANCELLED and not (state.ending or state.stage is Stage.CANCELLED)
        if first and not undone:
            raise DoneBefore(
                f"Return {row.rma} was {kind} by {first.by} on {_spoken(first.at)}.",
                by=first.by,
                at=first.at,
                stage=state.stage,
            )
        raise NotNow(f"Return {row.rma}: {why}.", stage=state.stage)

    # --- idempotency ---

    def _said_before(self, session: Session, caller: Caller, key: IdempotencyKey | None) -> Said | None:
        if key is None:
            return None
        row = keys.claim(session, caller.id, key.route, key.value, key.body_hash)
        if row is None:
            return None
        if row.body_hash != key.body_hash:
            raise KeyUsedForAnotherRequest(
                "The Idempotency-Key stands for another request that was carried out.", key=key.value
            )
        return Said(row.case_id, row.response, replayed=True)

    def _answer(
        self,
        session: Session,
        caller: Caller,
        key: IdempotencyKey | None,
        case_id: str,
        fact_id: str | None,
        *,
        status: int,
    ) -> Said:
        body = self._present(session, case_id)
        if key:
            keys.answer(
                session, caller.id, key.route, key.value, status=status, response=body, case_id=case_id, fact_id=fact_id
            )
        return Said(case_id, body)

    # --- what partners report ---

    async def carrier_reported(self, code: str, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Verify and store a carrier's event; True when it is new. It is worked right after, and by `heal` if this process dies."""
        event = self._carriers[code].read_event(raw, headers)
        return await self._store(f"carrier:{code}", event.event_id, event.status, asdict(event))

    async def provider_reported(self, code: str, raw: bytes, headers: Mapping[str, str]) -> bool:
        """The same for a payment provider's event."""
        event = self._payments[code].read_event(raw, headers)
        return await self._store(f"payment:{code}", event.event_id, event.type, asdict(event))

    async def _store(self, provider: str, event_id: str, kind: str, body: dict[str, Any]) -> bool:
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in body.items()}

        def write() -> bool:
            with self._sessions.begin() as session:
                return inbox.store(session, provider, event_id, kind, plain)

        new = await asyncio.to_thread(write)
        if new:
            task = asyncio.create_task(self._quietly(self._work(provider, event_id)))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        return new

    async def _work(self, provider: str, event_id: str) -> None:
        kind, _, code = provider.partition(":")

        def work() -> _Told | None:
            with self._sessions.begin() as session:
                row = inbox.take(session, provider, event_id)
                if row is None:
                    return None
                body = {**row.body, "at": datetime.fromisoformat(row.body["at"])}
                if kind == "carrier":
                    result, told = self._scan(session, CarrierEvent(**body), code)
                else:
                    result, told = self._refund_report(session, ProviderEvent(**body), code)
                inbox.mark_worked(session, provider, event_id, result)
            if result.startswith("unknown"):
                log.warning("%s event %s: %s", provider, event_id, result)
            return told

        told = await asyncio.to_thread(work)
        if told:
            await self._tell(told.case_id, told.fact, "signal")

    def _scan(self, session: Session, event: CarrierEvent, code: str) -> tuple[str, _Told | None]:
        try:
            parcel = parcels.get(session, event.booking_id)
        except parcels.UnknownParcel:
            return f"unknown parcel {event.booking_id}", None
        row = cases.lock(session, parcel.case_id)
        parcel = parcels.get(session, parcel.id, lock=True)
        if event.at >= parcel.status_at and parcel.received_at is None:
            values = {"status": event.status, "raw_status": event.raw_status, "status_at": event.at}
            parcels.complete(session, parcel.id, values)
        if parcel.direction != Direction.RETURN:
            return "noted: the way back", None
        if parcel.status == ParcelStatus.RETURN_TO_SENDER:
            return "noted: the shopper has that parcel again, another one comes", None
        data: dict[str, Any] = {"status": event.status, "parcel_id": parcel.id, "scanned_at": event.at.isoformat()}
        if row.stage in (Stage.EXPIRED, Stage.CANCELLED) and not cases.hold_units_again(session, row.id):
            data["units_gone"] = True
        fact = Fact(FactKind.SCANNED, self._clock(session), f"scanned:{event.event_id}", code, data)
        recorded = facts.record(session, row.id, fact, tell="signal", about={"parcel_id": parcel.id})
        if row.stage in (Stage.EXPIRED, Stage.CANCELLED) and recorded.state.ended:
            cases.free_units(session, row.id)
        return "noted", _Told(row.id, recorded.fact) if recorded.told else None

    def _refund_report(self, session: Session, event: ProviderEvent, code: str) -> tuple[str, _Told | None]:
        """A provider's event is only a reason to ask: what is booked is what the provider's books say when asked."""
        found = refunds.get_part(session, event.refund_id)
        if found is None:
            return f"unknown refund {event.refund_id}", None
        receipt = self._payments[code].find_refund(found.id, found.reference)
        if receipt is None or (receipt.amount_minor, receipt.currency) != (found.amount_minor, found.currency):
            return f"unknown: the provider's books do not agree on {event.refund_id}", None
        row = cases.lock(session, found.case_id)
        part = refunds.lock_part(session, found.id)
        at = self._clock(session)
        if part is None or not refunds.report(
            session, part, receipt.status, provider_id=receipt.provider_id, failure=receipt.failure, at=at
        ):
            return "known before", None
        standing = refunds.standing(session, found.case_id)
        if standing == "pending":
            return "noted", None
        fact = Fact(
            FactKind.REFUND_REPORTED,
            at,
            f"refund_reported:{found.id}:{receipt.status}",
            code,
            {"status": standing, "refund_id": found.id, "round": refunds.latest_round(session, found.case_id)},
        )
        recorded = facts.record(session, row.id, fact, tell="signal")
        return "noted", _Told(row.id, recorded.fact) if recorded.told else None

    # --- telling the running case ---

    async def _start(self, case_id: str) -> None:
        case = await asyncio.to_thread(self._read, case_id)
        try:
            await self._client.start_workflow(
                WORKFLOW_TYPE,
                CaseInput(_opening(case)),
                id=workflow_id(case_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=_search_attributes(case),
                static_summary=f"{case.rma}, {case.tier}, {case.market}",
                rpc_timeout=TELL_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            log.info("case ran before", extra={"case_id": case_id})
        await asyncio.to_thread(self._mark_started, case_id)

    async def _tell(self, case_id: str, fact: Fact, how: str) -> None:
        """Tell a fact that is written down, once; raises where the case could not be reached, and `heal` tells it later."""
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
        case = await asyncio.to_thread(self._read, case_id)
        if case.started_at is None:
            await self._start(case_id)
            await self._tell(case_id, fact, how)
            return None
        ended = await asyncio.to_thread(self._ended_before, case_id, fact)
        if ended is None:
            return "the return had ended"
        given = CaseInput(_opening(case), ended)
        if how == "signal":
            await self._client.start_workflow(
                WORKFLOW_TYPE,
                given,
                id=workflow_id(case_id),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=SIGNALS[fact.kind],
                start_signal_args=[fact],
                search_attributes=_search_attributes(case),
                rpc_timeout=TELL_TIMEOUT,
            )
            return None
        again: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            WORKFLOW_TYPE,
            given,
            id=workflow_id(case_id),
            task_queue=self._task_queue,
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
        return None

    def _ended_before(self, case_id: str, fact: Fact) -> State | None:
        """The ended state that this fact opens again; None when the case has ended and the fact changes nothing."""
        with self._sessions.begin() as session:
            row = cases.lock(session, case_id)
            recorded = facts.reopens(session, case_id, fact.id)
            if recorded:
                return from_json(recorded)
            # Written down while the row said the case was running; it had just ended. Apply the fact to the end instead.
            return facts.apply_to_end(session, row, fact)

    async def heal(self) -> int:
        """Do what another process wrote down and did not live to do: start cases, tell facts, work events. How many there were."""

        def look() -> tuple[Sequence[str], Sequence[Row[Any]], Sequence[Row[Any]]]:
            with self._sessions() as session:
                before = self._clock(session) - HEAL_AFTER
                return (
                    [row.id for row in cases.not_started(session, opened_before=before)],
                    facts.untold(session, recorded_before=before),
                    inbox.unworked(session, received_before=before),
                )

        unstarted, untold, unworked = await asyncio.to_thread(look)
        by_case: dict[str, list[Row[Any]]] = {case_id: [] for case_id in unstarted}
        for row in untold:
            by_case.setdefault(row.case_id, []).append(row)
        side_by_side = asyncio.Semaphore(HEALED_AT_ONCE)

        async def of_case(case_id: str, words: Sequence[Row[Any]]) -> None:
            """One case's words in the order they were written down."""
            async with side_by_side:
                if case_id in starting:
                    await self._quietly(self._start(case_id))
                for word in words:
                    await self._quietly(self._tell(case_id, facts.fact_of(word), word.tell))

        async def of_partner(event: Row[Any]) -> None:
            async with side_by_side:
                await self._quietly(self._work(event.provider, event.event_id))

        starting = set(unstarted)
        await asyncio.gather(*(of_case(*one) for one in by_case.items()), *(of_partner(event) for event in unworked))
        return len(unstarted) + len(untold) + len(unworked)

    async def _quietly(self, work: Any) -> None:
        """What is written down will be told: a failure now is a line in the log, not an error for the caller."""
        try:
            await work
        except (
            RPCError,
            WorkflowUpdateRPCTimeoutOrCancelledError,
            DBAPIError,
            BoomerangError,
            OSError,
            RuntimeError,  # what a client says that has never reached Temporal
        ) as error:
            log.warning("not told yet, will be tried again: %s: %s", type(error).__name__, error)
        except Exception:
            log.exception("not told yet, will be tried again")

    def _read(self, case_id: str) -> Row[Any]:
        with self._sessions() as session:
            return cases.get(session, case_id)

    def _mark_started(self, case_id: str) -> None:
        with self._sessions.begin() as session:
            cases.mark_started(session, case_id)

    def _mark_told(self, case_id: str, fact_id: str, answer: str | None) -> None:
        with self._sessions.begin() as session:
            facts.mark_told(session, case_id, fact_id, answer)


def _check_version(session: Session, row: Row[Any], version: int | None) -> None:
    if version is None or version == row.version:
        return
    last = facts.timeline(session, row.id)[-1]
    raise VersionIsOlder(
        f"Return {row.rma} has been {last.kind} by {last.by} on {_spoken(last.at)}: version {row.version}, you saw {version}.",
        by=last.by,
        at=last.at,
        version=row.version,
    )


def _accepted(lines: Mapping[str, Row[Any]], judged: Sequence[Judged]) -> str:
    """all, some or none of the units that come back; refuses findings about lines or units that do not."""
    if not judged:
        raise Invalid("An inspection names at least one line.", pointer="/lines")
    units: dict[str, int] = {}
    for index, found in enumerate(judged):
        if found.line_id not in lines:
            raise UnknownCaseLine(
                f"The return has no line {found.line_id!r} that comes back.", pointer=f"/lines/{index}/line_id"
            )
        units[found.line_id] = units.get(found.line_id, 0) + found.quantity
        if units[found.line_id] > lines[found.line_id].quantity:
            raise MoreThanComesBack(
                f"Line {found.line_id} brings back {lines[found.line_id].quantity} units, {units[found.line_id]} are judged.",
                pointer=f"/lines/{index}/quantity",
            )
    accepted = sum(found.quantity for found in judged if found.accepted)
    if not accepted:
        return "none"
    return "all" if accepted == sum(line.quantity for line in lines.values()) else "some"


def _with(judgement: Judgement, why: Decision) -> Judgement:
    return Judgement(**{**judgement.__dict__, "explanation": (why, *judgement.explanation)})


def _line_rows(case_id: str, judgement: Judgement) -> list[dict[str, Any]]:
    return [
        {
            "case_id": case_id,
            "id": f"rl_{number}",
            "order_id": line.sold.line.order_id if line.sold else None,
            "order_line_id": line.sold.line.id if line.sold else None,
            "sku": line.sku,
            "quantity": line.quantity,
            "reason": line.reason,
            "note": line.note,
            "verdict": line.verdict,
            "verdict_reasons": [line.ground] if line.ground else [],
            "holds_units": line.sold is not None
            and line.verdict is not Verdict.REFUSED
            and judgement.verdict is not Verdict.REFUSED,
        }
        for number, line in enumerate(judgement.lines, start=1)
    ]


def _units(judgement: Judgement) -> dict[tuple[str, str], int]:
    units: dict[tuple[str, str], int] = {}
    for line in judgement.lines:
        if line.sold and line.verdict is not Verdict.REFUSED:
            key = (line.sold.line.order_id, line.sold.line.id)
            units[key] = units.get(key, 0) + line.quantity
    return units


def _opening(case: Row[Any]) -> Opening:
    return Opening(case.id, not case.referred, Method(case.method), case.opened_at, Limits(**case.terms["limits"]))


def _search_attributes(case: Row[Any]) -> TypedSearchAttributes:
    pairs = [SearchAttributePair(TIER, case.tier), SearchAttributePair(MARKET, case.market)]
    if case.customer_id:
        pairs.append(SearchAttributePair(CUSTOMER, case.customer_id))
    return TypedSearchAttributes(pairs)


def _spoken(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %b %Y at %H:%M UTC}"
