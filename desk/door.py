"""The door: what anybody may ask of the desk. What is said is written down first, and told to the running case after."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio.client import Client
from ulid import ULID

from database import cases, facts, inbox, inspections, keys, orders, parcels
from database.engine import Clock, Sessions, database_time
from database.inspections import Judged
from desk.customers import Customers
from desk.customs import CustomsDesk
from desk.events import PartnersEvents
from desk.goodwill import GoodwillDesk
from desk.opening import Openings
from desk.policies import PoliciesDesk
from desk.reconciliations import Reconciliations
from desk.teller import Teller, quietly
from desk.words import (
    AppealTooLate,
    AppealWithoutPurchase,
    Caller,
    DoneBefore,
    IdempotencyKey,
    KeyUsedForAnotherRequest,
    MoreThanComesBack,
    NothingPaysOut,
    NotNow,
    Preview,
    RefusedItBefore,
    Said,
    Told,
    UnitsElsewhere,
    UnknownCaseLine,
    UntilNotLater,
    UntilPastTheLaw,
    VersionIsOlder,
    spoken,
)
from domain.calendar import after
from domain.destination import Destination
from domain.errors import Invalid
from domain.opening import ReturnRequest
from domain.order import Order, check_order
from domain.policy import PolicyBook
from domain.process import law_deadline, timely
from domain.replica import from_json
from domain.stages import Stage
from domain.state import Fact, FactKind, State
from gateways.carriers.base import CarrierGateway
from gateways.payments.base import PaymentGateway
from gateways.payments.payouts import pays_out
from workflows.names import TASK_QUEUE

HEALED_AT_ONCE = 16
HEAL_AFTER = timedelta(seconds=4)  # what is younger is being told by whoever wrote it

APPEAL_OF_OLD = "7d"  # of returns opened before their terms said so

SAID = {FactKind.DESTINATION_GIVEN: "given a destination"}  # where the fact's own word makes no sentence

Present = Callable[[Session, str], dict[str, Any]]


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
        self._clock = clock
        self._present = present
        self.policies = PoliciesDesk(sessions, book, programme, clock)
        self.customers = Customers(sessions, self.policies.shelf.thresholds, book.rates, clock)
        self.customs = CustomsDesk(sessions, clock)
        self._openings = Openings(book, self.policies.shelf, clock)
        self._teller = Teller(sessions, client, task_queue)
        self._payments = payments
        self._events = PartnersEvents(sessions, clock, self._teller, carriers, payments)
        self.reconciliations = Reconciliations(sessions, client, payments, clock, task_queue)
        self.goodwill = GoodwillDesk(sessions, client, self.policies.shelf, clock, task_queue)

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
                return self._openings.judge(session, request, lock=False)

        return await asyncio.to_thread(look)

    async def open(self, request: ReturnRequest, caller: Caller, key: IdempotencyKey | None = None) -> Said:
        """Open a return: judged, its units held, its terms frozen in one transaction; then the case is set running."""

        def write() -> Said:
            with self._sessions.begin() as session:
                if before := self._said_before(session, caller, key):
                    return before
                case_id = self._openings.open(session, request, caller)
                return self._answer(session, caller, key, case_id, None, status=201)

        said = await asyncio.to_thread(write)
        if said.body["stage"] != Stage.REFUSED:
            await quietly(self._teller.start(said.case_id))
        return said

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
        return await self._say(
            case_id, FactKind.AUTHORIZED, caller, key, data, prepare=_another_decides(caller), version=version
        )

    async def refuse(
        self,
        case_id: str,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        reason: str,
        version: int | None = None,
    ) -> Said:
        data = {"reason": reason}
        return await self._say(
            case_id, FactKind.REFUSED, caller, key, data, prepare=_another_decides(caller), version=version
        )

    async def appeal(
        self,
        case_id: str,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        reason: str,
        version: int | None = None,
    ) -> Said:
        """The shopper does not accept a refusal: once, and while the terms of the return allow it. Another person decides."""

        def check(session: Session, row: Row[Any], at: datetime) -> dict[str, Any]:
            until = appeal_until(row)
            if until is None or at >= until:
                ended = spoken(until) if until else "at once"
                raise AppealTooLate(
                    f"The refusal of return {row.rma} could be appealed against until {ended}.", until=until
                )
            if not cases.reconsider(session, row.id):
                raise AppealWithoutPurchase(f"No line of return {row.rma} has a purchase behind it.")
            cases.note_quote(session, row.id, self._openings.quote_again(session, row.id))
            return {}

        return await self._say(
            case_id, FactKind.APPEALED, caller, key, {"reason": reason}, prepare=check, version=version
        )

    async def give_destination(
        self,
        case_id: str,
        to: Destination,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        version: int | None = None,
    ) -> Said:
        """The shopper says where money goes that its tender cannot take back. Raises NothingPaysOut where it could not be sent there."""
        if not any(pays_out(gateway) for gateway in self._payments.values()):
            raise NothingPaysOut("No payment provider of this shop pays out to another account.")
        data = {"destination": str(to)}
        return await self._say(case_id, FactKind.DESTINATION_GIVEN, caller, key, data, version=version)

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
        return await self._say(
            case_id, FactKind.CANCELLED, caller, key, data, prepare=_another_decides(caller), version=version
        )

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
            law = law_deadline(from_json(row.state))
            if law and until > law:
                raise UntilPastTheLaw(
                    f"The law of {row.market} wants the money paid by {spoken(law)}.", pointer="/until", law=law
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
                    f"Parcel {found.id} was received by {found.received_by} on {spoken(found.received_at)}.",
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
        told: list[Told] = []

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
                    if kind is FactKind.APPEALED:
                        raise UnitsElsewhere(f"Units of return {row.rma} have come back in another return.")
                    more["units_gone"] = True
                fact = Fact(kind, at, f"{kind}:{ULID()}", caller.name, {**data, **more})
                if write:
                    write(session, row, fact)
                recorded = facts.record(session, row.id, fact, tell="update", about=about(more) if about else None)
                if recorded.told:
                    told.append(Told(row.id, recorded.fact))
                return self._answer(session, caller, key, row.id, fact.id, status=200)

        said = await asyncio.to_thread(record)
        for one in told:
            await quietly(self._teller.tell(one.case_id, one.fact, "update"))
        return said

    def _check_timely(self, session: Session, row: Row[Any], state: State, kind: FactKind) -> None:
        why = timely(state, kind)
        if why is None:
            return
        first = facts.latest(session, row.id, kind)
        undone = kind is FactKind.CANCELLED and not (state.ending or state.stage is Stage.CANCELLED)
        if first and not undone:
            raise DoneBefore(
                f"Return {row.rma} was {SAID.get(kind, kind)} by {first.by} on {spoken(first.at)}.",
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
        """Take in a carrier's event; True when it is new. It is worked right after, and by `heal` if this process dies."""
        return await self._events.from_carrier(code, raw, headers)

    async def provider_reported(self, code: str, raw: bytes, headers: Mapping[str, str]) -> bool | None:
        """The same for a payment provider's event."""
        return await self._events.from_provider(code, raw, headers)

    # --- what another process did not live to do ---

    async def heal(self) -> int:
        """Do what another process wrote down and did not live to do: start cases, tell facts, work events. How many there were."""

        def look() -> tuple[Sequence[str], Sequence[Row[Any]], Sequence[Row[Any]]]:
            with self._sessions() as session:
                before = self._old_enough(session)
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
                    await quietly(self._teller.start(case_id))
                for word in words:
                    await quietly(self._teller.tell(case_id, facts.fact_of(word), word.tell))

        async def of_partner(event: Row[Any]) -> None:
            async with side_by_side:
                await quietly(self._events.work(event.provider, event.event_id))

        starting = set(unstarted)
        await asyncio.gather(*(of_case(*one) for one in by_case.items()), *(of_partner(event) for event in unworked))
        runs = await self.reconciliations.heal(self._old_enough)
        return len(unstarted) + len(untold) + len(unworked) + runs + await self.goodwill.heal()

    def _old_enough(self, session: Session) -> datetime:
        return self._clock(session) - HEAL_AFTER


def _another_decides(caller: Caller) -> Callable[[Session, Row[Any], datetime], dict[str, Any]]:
    """An appeal is decided by somebody who did not refuse the return."""

    def check(session: Session, row: Row[Any], at: datetime) -> dict[str, Any]:
        first = facts.latest(session, row.id, FactKind.REFUSED) if from_json(row.state).appealed else None
        if first and first.by == caller.name:
            raise RefusedItBefore(
                f"Return {row.rma} was refused by {first.by} on {spoken(first.at)}.", by=first.by, at=first.at
            )
        return {}

    return check


def appeal_until(row: Row[Any]) -> datetime | None:
    """Until when the refusal of this return may be appealed against; None where it was not refused, or has been appealed."""
    state = from_json(row.state)
    if state.stage is not Stage.REFUSED or timely(state, FactKind.APPEALED) is not None:
        return None
    return after(state.since, row.terms.get("appeal", APPEAL_OF_OLD), state.limits.calendar, legal=True)


def _check_version(session: Session, row: Row[Any], version: int | None) -> None:
    if version is None or version == row.version:
        return
    last = facts.timeline(session, row.id)[-1]
    raise VersionIsOlder(
        f"Return {row.rma} has been {last.kind} by {last.by} on {spoken(last.at)}: version {row.version}, you saw {version}.",
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
