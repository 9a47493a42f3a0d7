"""The whole house in one process for journeys: real PostgreSQL, real Temporal, the partners as processes, a worker and the desk.

A journey moves time with `house.pass_time`: the case's own clock on the Temporal server and the one that rows are written by.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import anyio
from sqlalchemy import select
from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing._timeskipping import TimeSkipper, TimeSkippingConfig

from api.schemas.returns import present
from assembly import Partners
from database import cases, facts, goodwill, ledger, orders, parcels, refunds
from database.engine import Sessions, database_time
from database.inspections import Judged
from database.orders import Customer
from database.tables import events as events_table
from database.verify import verify
from desk import Caller, IdempotencyKey, ReturnsDesk, Said
from domain.opening import RequestedLine, ReturnRequest
from domain.order import Order
from domain.reasons import ReturnReason
from domain.state import Method
from domain.tenders import TenderLimits
from gateways.carriers.registry import carrier_gateway
from gateways.mail.base import MailGateway
from gateways.mail.registry import mail_gateway
from gateways.payments.base import Payment
from gateways.payments.registry import payment_gateway
from policies.book import load_policy_book
from tests.builders import a_tender, an_order, an_order_line
from tests.partners.programs import API_KEY, SECRET, Ear, Program
from tests.waiting_for import eventually
from worker import activities, make_worker
from workflows.names import workflow_id

SHOP = Caller("key_shop", "shop")
DOCK = Caller("key_dock", "dock")
BENCH = Caller("key_bench", "bench")
MERCHANT = Caller("key_merchant", "merchant")
OPERATOR = Caller("key_operator", "operator")

_numbers = count(1)


@dataclass(frozen=True)
class World:
    """The partners' programs, and what they tell of their own accord."""

    payments: Program
    carriers: Program
    payments_say: Ear
    carriers_say: Ear

    def calm(self) -> None:
        self.payments.calm()
        self.carriers.calm()


@dataclass
class House:
    made: Sessions
    client: Client
    skipper: TimeSkipper
    desk: ReturnsDesk
    partners: Partners
    world: World
    queue: str
    moved: timedelta = field(default_factory=timedelta)

    def clock(self, session: Session) -> datetime:
        return database_time(session) + self.moved

    # --- the world ---

    async def sell(
        self, *quantities: int, price_minor: int = 1250, customer: str | None = None, country: str = "GB", **order: Any
    ) -> Order:
        """An order that was placed and delivered yesterday, paid by card at the simulated provider."""
        number = next(_numbers)
        order_id, customer_id = order.pop("id", f"o_{self.queue}_{number}"), customer or f"c_{self.queue}_{number}"
        lines = tuple(
            an_order_line(
                order_id=order_id,
                id=f"l_{position}",
                sku=f"SKU{position}",
                quantity=quantity,
                unit_price_minor=price_minor,
                discount_minor=0,
            )
            for position, quantity in enumerate(quantities, start=1)
        )
        total = sum(line.paid_minor for line in lines)
        tender = a_tender(
            order_id=order_id, id="t_1", amount_minor=total, processor="simulated", reference=f"pay_{order_id}"
        )
        yesterday = self.clock_now() - timedelta(days=1)
        given: dict[str, Any] = {
            "currency": "GBP",
            "market": country,
            "placed_at": yesterday,
            "delivered_at": yesterday,
            "tenders": (tender,),
        }
        made = an_order(id=order_id, customer_id=customer_id, **({"lines": lines} | given | order))
        await self.desk.put_order(made, Customer(customer_id, country))
        self.partners.payments["simulated"].register_payments(
            [Payment(tender.reference, tender.amount_minor, made.currency) for tender in made.tenders]
        )
        return made

    async def open(
        self, order: Order, *quantities: int, method: Method = Method.LABEL, key: IdempotencyKey | None = None
    ) -> str:
        """Open a return of the order's first lines, so many units of each; its id."""
        wanted = quantities or tuple(line.quantity for line in order.lines)
        lines = tuple(
            RequestedLine(quantity, ReturnReason.CHANGED_MIND, order_line_id=line.id)
            for line, quantity in zip(order.lines, wanted, strict=False)
            if quantity
        )
        request = ReturnRequest(lines, order_id=order.id, customer_id=order.customer_id, method=method)
        return (await self.desk.open(request, SHOP, key)).case_id

    async def scan(self, case_id: str, status: str, scan_id: str | None = None) -> None:
        """The carrier scans the case's parcel, and its event comes in."""
        parcel = await self.parcel(case_id)
        await self.carrier_says(parcel.shipment_id, status, scan_id)

    async def carrier_says(self, shipment_id: str, status: str, scan_id: str | None = None) -> None:
        body = {"status": status, **({"scan_id": scan_id} if scan_id else {})}
        answer = await anyio.to_thread.run_sync(
            lambda: self.world.carriers.post(f"/admin/shipments/{shipment_id}/advance", body)
        )
        assert answer.status_code == 200, answer.text

    async def receive(self, case_id: str, caller: Caller = DOCK) -> Said:
        return await self.desk.receive((await self.parcel(case_id)).id, caller)

    async def inspect(self, case_id: str, *, accepted: bool = True, caller: Caller = BENCH, grade: str = "A") -> Said:
        lines = [line for line in self.lines(case_id) if line.verdict != "refused"]
        judged = [Judged(line.id, line.quantity, grade, accepted, (), "restock") for line in lines]
        return await self.desk.inspect(case_id, judged, caller)

    async def return_all(self, order: Order) -> str:
        """Every unit of the order comes back and is refunded."""
        case_id = await self.open(order)
        await self.until(case_id, "booked")
        await self.receive(case_id)
        await self.inspect(case_id)
        await self.until(case_id, "closed")
        return case_id

    async def open_referred(self) -> str:
        """Goods defective after the window: the guarantee may hold, and a person judges that."""
        long_ago = self.clock_now() - timedelta(days=200)
        order = await self.sell(1, placed_at=long_ago, delivered_at=long_ago)
        lines = (RequestedLine(1, ReturnReason.DEFECTIVE, order_line_id="l_1"),)
        said = await self.desk.open(ReturnRequest(lines, order_id=order.id, customer_id=order.customer_id), SHOP)
        assert said.body["stage"] == "referred"
        return said.case_id

    async def pass_time(self, case_id: str, by: timedelta) -> None:
        """Let time go by for a case that waits."""
        await self.until_idle(case_id)
        self.moved += by
        await self.skipper.fast_forward(self.handle(case_id), by)

    async def pass_deadline(self, case_id: str) -> None:
        """Nobody says anything until the present deadline has passed."""
        await self.pass_time(case_id, self.case(case_id).due_at - self.clock_now() + timedelta(minutes=1))

    # --- looking ---

    def clock_now(self) -> datetime:
        return datetime.now(UTC) + self.moved

    def handle(self, case_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(case_id))

    def case(self, case_id: str) -> Any:
        with self.made() as session:
            return cases.get(session, case_id)

    def lines(self, case_id: str) -> list[Any]:
        with self.made() as session:
            return cases.lines_of(session, [case_id])[case_id]

    def timeline(self, case_id: str) -> list[Any]:
        with self.made() as session:
            return list(facts.timeline(session, case_id))

    def parts(self, case_id: str) -> list[Any]:
        with self.made() as session:
            return list(refunds.parts(session, case_id))

    def refund(self, case_id: str) -> Any:
        with self.made() as session:
            return refunds.of_case(session, case_id)

    def fees(self, case_id: str) -> list[tuple[str, str, int]]:
        with self.made() as session:
            return [
                (fee.kind, fee.bearer, fee.amount_minor)
                for fee in refunds.fees_of_case(session, case_id)
                if not fee.voided
            ]

    def balances(self, case_id: str) -> dict[str, int]:
        """What each account of the case stands at."""
        found: dict[str, int] = {}
        with self.made() as session:
            for posting in ledger.of_case(session, case_id):
                found[posting.account] = found.get(posting.account, 0) + posting.amount_minor
        return found

    def event_types(self, case_id: str) -> list[str]:
        """What was announced to the outside, in order."""
        with self.made() as session:
            question = (
                select(events_table.c.type).where(events_table.c.case_id == case_id).order_by(events_table.c.number)
            )
            return list(session.scalars(question))

    def order_line(self, order: Order, line_id: str = "l_1") -> Any:
        with self.made() as session:
            return next(
                line for line in orders.lines_of_order(session, order.id, lock=False) if line.line.id == line_id
            )

    def provider_refunds(self, order: Order) -> list[Any]:
        """What the provider's own books say of the order's payment."""
        return list(self.partners.payments["simulated"].list_refunds(f"pay_{order.id}"))

    async def parcel(self, case_id: str) -> Any:
        def look() -> Any:
            with self.made() as session:
                found = parcels.inbound(session, case_id)
            return found if found is not None and found.shipment_id else None

        return await eventually(look)

    def payouts(self, case_id: str) -> list[Any]:
        """What the provider's own books say was paid out for the case elsewhere than over its payments."""
        listed = self.partners.payments["simulated"].list_refunds()
        return [one for one in listed if one.case_id == case_id and one.payment_reference is None]

    def goodwill_parts(self, case_id: str, goodwill_id: str) -> list[Any]:
        with self.made() as session:
            return list(refunds.parts(session, case_id, purpose=goodwill_id))

    def goodwill(self, goodwill_id: str) -> Any:
        with self.made() as session:
            return goodwill.get(session, goodwill_id)

    async def until_goodwill(self, goodwill_id: str, *statuses: str) -> Any:
        """The goodwill's row, once it stands like that."""

        def look() -> Any:
            row = self.goodwill(goodwill_id)
            return row if row.status in statuses else None

        return await eventually(look, lambda: f"{goodwill_id} is {self.goodwill(goodwill_id).status}")

    def broken(self) -> set[str]:
        """The invariants of the books that do not hold."""
        with self.made() as session:
            return {check.name for check in verify(session) if not check.holds}

    async def until(self, case_id: str, *stages: str) -> Any:
        """The case's row, once it is in one of the stages."""

        def look() -> Any:
            row = self.case(case_id)
            return row if row.stage in stages else None

        return await eventually(look, lambda: f"{case_id} is {self.case(case_id).stage}, not {stages}")

    async def until_trouble(self, case_id: str) -> None:
        """A partner has not done what was asked, and the case says so."""
        await eventually(lambda: self.case(case_id).trouble, lambda: f"{case_id} shows no trouble")

    async def until_healed(self, case_id: str) -> None:
        """What was written down and not told has been told by the desk's own look round."""
        self.moved += timedelta(seconds=5)  # old enough that nobody else can be telling it this moment
        await self.desk.heal()
        self.moved -= timedelta(seconds=5)
        row = self.case(case_id)
        assert row.started_at is not None
        assert all(fact.told_at for fact in self.timeline(case_id) if fact.tell)

    def bookings(self, case_id: str) -> list[Any]:
        """What the carrier's own books say was booked for the case."""
        found: list[Any] = self.world.carriers.get("/v1/shipments", case_id=case_id)["data"]
        return found

    async def until_scanned(self, case_id: str) -> None:
        await eventually(lambda: any(fact.kind == "scanned" for fact in self.timeline(case_id)))

    async def until_event(self, case_id: str, kind: str) -> None:
        await eventually(
            lambda: kind in self.event_types(case_id), lambda: f"{kind} not in {self.event_types(case_id)}"
        )

    async def until_idle(self, case_id: str) -> None:
        """No task and no effect of the case is under way: what comes next meets a case that waits."""
        while True:
            described = (await self.handle(case_id).describe()).raw_description
            if not described.HasField("pending_workflow_task") and not described.pending_activities:
                return
            await anyio.sleep(0.01)

    async def until_done(self, case_id: str) -> None:
        """The running case itself has ended."""
        await self.handle(case_id).result()


@asynccontextmanager
async def open_house(
    made: Sessions,
    temporal_address: str,
    world: World,
    *,
    programme: str = "standard",
    max_cached_workflows: int = 500,
    mail: MailGateway | None = None,
    promising: Mapping[str, Any] | None = None,
    tender_limits: Mapping[str, TenderLimits] | None = None,
) -> AsyncIterator[House]:
    """`mail`: where letters go; none: into a folder of this session's. `promising`: what the programme says otherwise."""
    queue = f"q{next(_numbers)}"
    # As long as a real worker's (process@host), because history keeps it; and no machine's name in what is recorded.
    plain = await Client.connect(
        temporal_address, data_converter=pydantic_data_converter, identity="12345@a-worker-host"
    )
    skipper = TimeSkipper(plain, config=TimeSkippingConfig(enabled=False))
    partners = Partners(
        {
            "simulated": carrier_gateway(
                "simulated", base_url=world.carriers.url, api_key=API_KEY, webhook_secret=SECRET
            )
        },
        {
            "simulated": payment_gateway(
                "simulated", base_url=world.payments.url, api_key=API_KEY, webhook_secret=SECRET
            )
        },
        mail or mail_gateway(f"maildir://{world.payments.folder}/mail", sender="shop@shop.example"),
    )
    holder: list[House] = []
    book = load_policy_book()
    policy = replace(book.programme(programme), **(promising or {}))

    def clock(session: Session) -> datetime:
        return holder[0].clock(session)

    desk = ReturnsDesk(
        made,
        skipper.client,
        replace(book, programmes={**book.programmes, programme: policy}),
        programme=programme,
        present=present,
        carriers=partners.carriers,
        payments=partners.payments,
        clock=clock,
        task_queue=queue,
    )
    house = House(made, skipper.client, skipper, desk, partners, world, queue)
    holder.append(house)
    worker = make_worker(
        skipper.client,
        activities(made, partners, clock=clock, tender_limits=tender_limits),
        task_queue=queue,
        max_cached_workflows=max_cached_workflows,
    )
    async with worker, anyio.create_task_group() as ears:
        ears.start_soon(_bring_in, world.carriers_say, desk.carrier_reported)
        ears.start_soon(_bring_in, world.payments_say, desk.provider_reported)
        yield house
        ears.cancel_scope.cancel()


async def _bring_in(ear: Ear, door: Callable[[str, bytes, dict[str, str]], Awaitable[bool | None]]) -> None:
    """Every event that comes from now on goes through the desk's door, as the server would bring it."""
    at = len(ear.heard)
    while True:
        for heard in ear.heard[at:]:
            at += 1
            await door("simulated", heard.raw, heard.headers)
        await anyio.sleep(0.01)
