"""The application behind a real server, for tests: callers with keys, orders to return, and a Temporal that only listens."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx2
import uvicorn
from sqlalchemy import func, select, text

from api.app import create_app
from api.errors import EventForged, EventMalformed
from api.schemas.returns import present
from api.schemas.withdrawals import present_withdrawal
from api.security import ROLES, Role
from database import keys
from database.engine import Sessions, connect, sessions
from database.tables import metadata
from desk import ReturnsDesk
from desk.withdrawals import WithdrawalsDesk
from gateways.carriers.registry import carrier_gateway
from gateways.errors import ForgedEvent, MalformedEvent
from gateways.payments.registry import payment_gateway
from policies.book import load_policy_book
from tests.partners.programs import API_KEY, SECRET
from web.app import furnish
from web.policy.pages import policy_words
from web.withdrawal.letter import acknowledgement

NOWHERE = {"base_url": "http://127.0.0.1:1", "api_key": API_KEY, "webhook_secret": SECRET}
KEEP_OUT = ("api_keys",)
_numbers = count(1)


@dataclass
class ListeningTemporal:
    """Takes every call and does nothing, as a Temporal server does whose workers are away."""

    started: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    async def start_workflow(self, name: str, given: object, *, id: str, **more: Any) -> None:
        self.started.append(id)

    def get_workflow_handle(self, workflow_id: str) -> "ListeningHandle":
        return ListeningHandle(self, workflow_id)


@dataclass
class ListeningHandle:
    temporal: ListeningTemporal
    workflow_id: str

    async def execute_update(self, name: str, *given: Any, **more: Any) -> None:
        self.temporal.told.append((self.workflow_id, name))

    async def signal(self, name: str, *given: Any, **more: Any) -> None:
        self.temporal.told.append((self.workflow_id, name))


@dataclass
class Doors:
    """What a test holds: a caller for each role, and a look at the rows behind."""

    url: str
    made: Sessions
    temporal: ListeningTemporal
    app: Any
    secrets: Mapping[Role, str]
    http: httpx2.Client

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: Role | None = Role.ADMIN,
        key: str | None = "",
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """One request. A POST gets an Idempotency-Key of its own, unless one is given, or None."""
        sent: dict[str, str] = {"Authorization": f"Bearer {self.secrets[role]}"} if role else {}
        if method == "POST" and key is not None:
            sent["Idempotency-Key"] = key or f"key-{next(_numbers)}"
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        raw_headers = {name.encode(): value.encode() for name, value in {**sent, **(headers or {})}.items()}
        return self.http.request(method, self.url + path, content=content, headers=raw_headers)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        return self.ask("POST", path, body, **more)

    def sell(self, **vary: Any) -> str:
        """An order of three dresses and a belt, placed and delivered yesterday; its id."""
        order_id = f"o_{next(_numbers)}"
        answer = self.ask("PUT", f"/v1/orders/{order_id}", order_body(**vary))
        assert answer.status_code == 201, answer.text
        return order_id

    def open(self, order_id: str, **vary: Any) -> dict[str, Any]:
        """A return of one dress, opened."""
        answer = self.post("/v1/returns", return_body(order_id, **vary))
        assert answer.status_code == 201, answer.text
        opened: dict[str, Any] = answer.json()
        return opened

    def rows(self) -> dict[str, int]:
        """How many rows each table has, keys aside."""
        tables = [table for table in metadata.sorted_tables if table.name not in KEEP_OUT]
        with self.made() as session:
            return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}

    def claimed(self, order_id: str) -> dict[str, int]:
        """Units in returns, by order line."""
        with self.made() as session:
            found = session.execute(text("SELECT id, claimed FROM order_lines WHERE order_id = :id"), {"id": order_id})
            return {row.id: row.claimed for row in found}


def order_body(**vary: Any) -> dict[str, Any]:
    """Three dresses at EUR 40 and a belt at EUR 30, paid by card."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body: dict[str, Any] = {
        "customer": {"id": f"c_{next(_numbers)}", "country": "DE"},
        "placed_at": yesterday,
        "delivered_at": yesterday,
        "currency": "EUR",
        "lines": [
            {"id": "l_1", "sku": "DRESS-38", "description": "Linen dress", "quantity": 3, "unit_price": eur(4000)},
            {"id": "l_2", "sku": "BELT", "description": "Leather belt", "quantity": 1, "unit_price": eur(3000)},
        ],
        "tenders": [
            {
                "id": "t_1",
                "method": "card",
                "amount": eur(15000),
                "processor": "simulated",
                "processor_reference": "pay_1",
            }
        ],
    }
    return body | vary


def return_body(order_id: str, **vary: Any) -> dict[str, Any]:
    line = {"order_line_id": "l_1", "quantity": 1, "reason": "wrong_size"}
    return {"order_id": order_id, "lines": [line]} | vary


def eur(minor: Any) -> dict[str, Any]:
    return {"amount": minor, "currency": "EUR"}


def pointers(answer: httpx2.Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["errors"]]


def is_problem(answer: httpx2.Response, status: int, code: str) -> bool:
    """A complete problem detail of that status and code; says what it is instead."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    missing = {"type", "title", "status", "detail", "instance", "code", "errors", "request_id", "next_action"} - set(
        body
    )
    assert not missing, missing
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["request_id"] == answer.headers["x-request-id"]
    assert all(body[name] for name in ("detail", "title", "next_action"))
    return True


@contextmanager
def open_doors(database_url: str) -> Iterator[Doors]:
    engine = connect(database_url, pool=20)
    made = sessions(engine)
    temporal = ListeningTemporal()
    carriers = {"simulated": carrier_gateway("simulated", **NOWHERE)}
    payments = {code: payment_gateway(code, **NOWHERE) for code in ("simulated", "stripe")}
    desk = ReturnsDesk(
        made,
        temporal,  # type: ignore[arg-type]
        load_policy_book(),
        programme="standard",
        present=present,
        carriers=carriers,
        payments=payments,
    )

    async def well() -> None:
        return None

    app = create_app(
        desk,
        made,
        carriers=carriers,
        payments=payments,
        event_faults={ForgedEvent: EventForged, MalformedEvent: EventMalformed},
        checks={"database": well, "temporal": well},
        version="0.0.0",
        withdrawals_desk=WithdrawalsDesk(
            made,
            temporal,  # type: ignore[arg-type]
            desk,
            write=acknowledgement,
            present=present_withdrawal,
        ),
        policy_words=policy_words(load_policy_book()),
    )
    furnish(app)
    with made.begin() as session:
        secrets = {role: keys.create(session, role, sorted(ROLES[role]))[1] for role in Role}
    with serving(app) as url, httpx2.Client(timeout=30) as http:
        yield Doors(url, made, temporal, app, secrets, http)
    engine.dispose()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The application on a port of its own, in a thread; its address."""
    listening = socket.socket(proto=socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle's delay on: 40 ms an answer
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)  # from here on callers wait rather than being turned away
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    assert not thread.is_alive()
