"""The running product seen from outside: HTTP calls that may be torn, processes that may be killed, and books to compare at the end."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from typing import Any

import httpx2
from sqlalchemy import text

from api.security import ROLES, Role
from assembly import partners_of
from database import keys
from database.engine import Sessions, connect, sessions
from database.migrate import upgrade
from gateways.payments.base import Payment, PaymentGateway
from stack import Stack

PATIENCE_S = 90.0


@dataclass
class Answer:
    """What a caller got in the end, and how often the call was torn before."""

    status: int
    body: dict[str, Any]
    torn: int
    replayed: bool = False


@dataclass
class Product:
    stack: Stack
    made: Sessions
    people: dict[str, str]  # API keys by name
    payments: PaymentGateway
    client: httpx2.Client
    calls: ThreadPoolExecutor
    _numbers: count = field(default_factory=lambda: count(1))  # type: ignore[type-arg]

    @classmethod
    def start(cls, stack: Stack) -> "Product":
        assert stack.settings.database_url
        upgrade(stack.settings.database_url)
        made = sessions(connect(stack.settings.database_url, pool=4))
        with made.begin() as session:
            people = {
                name: keys.create(session, name, [scope.value for scope in ROLES[Role.ADMIN]])[1]
                for name in ("shop", "ann", "bob")
            }
        stack.start_product()
        client = httpx2.Client(
            base_url=stack.server_url, timeout=20, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0)
        )
        return cls(
            stack, made, people, partners_of(stack.settings).payments["simulated"], client, ThreadPoolExecutor(32)
        )

    # --- calling ---

    def call(self, path: str, body: Any, *, key: str, who: str = "shop", method: str = "POST") -> Answer:
        """Call until there is an answer, as a storefront would: under the same key, through torn connections and 503."""
        torn, last = 0, time.monotonic() + PATIENCE_S
        while True:
            try:
                headers = {"Authorization": f"Bearer {self.people[who]}", "Idempotency-Key": key.replace(" ", "-")}
                answer = self.client.request(method, path, json=body, headers=headers)
                if answer.status_code not in (502, 503):
                    replayed = answer.headers.get("Idempotent-Replayed") == "true"
                    return Answer(answer.status_code, answer.json(), torn, replayed)
            except httpx2.TransportError:
                torn += 1
            assert time.monotonic() < last, f"no answer to {method} {path} within {PATIENCE_S} s"
            Event().wait(0.05)

    def at_once(self, *calls: Callable[[], Answer]) -> list[Answer]:
        """All of them at the same instant."""
        ready = Event()

        def held(call: Callable[[], Answer]) -> Answer:
            ready.wait()
            return call()

        waiting = [self.calls.submit(held, call) for call in calls]
        ready.set()
        return [future.result() for future in waiting]

    def kill(self, name: str) -> None:
        """`kill -9`; the supervisor starts it again."""
        pid = self.stack.pids().get(name)
        if pid:
            os.kill(pid, signal.SIGKILL)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path, headers={"Authorization": f"Bearer {self.people['shop']}"})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    # --- the world ---

    def sell(self, quantity: int = 1, price_minor: int = 1000, *, days_ago: int = 2) -> str:
        order_id = f"o_{next(self._numbers)}"
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days_ago * 86400))
        price = {"amount": price_minor, "currency": "GBP"}
        paid = {"amount": quantity * price_minor, "currency": "GBP"}
        body = {
            "customer": {"id": f"c_{order_id}", "country": "GB"},
            "placed_at": moment,
            "delivered_at": moment,
            "currency": "GBP",
            "lines": [{"id": "l_1", "sku": "CUP", "description": "A cup", "quantity": quantity, "unit_price": price}],
            "tenders": [
                {
                    "id": "t_1",
                    "method": "card",
                    "amount": paid,
                    "processor": "simulated",
                    "processor_reference": f"pay_{order_id}",
                }
            ],
        }
        assert self.call(f"/v1/orders/{order_id}", body, key=f"put {order_id}", method="PUT").status in (200, 201)
        self.payments.register_payments([Payment(f"pay_{order_id}", quantity * price_minor, "GBP")])
        return order_id

    def asked(self, order_id: str, quantity: int = 1, reason: str = "changed_mind") -> dict[str, Any]:
        """The body of a request for a return."""
        return {
            "order_id": order_id,
            "lines": [{"order_line_id": "l_1", "quantity": quantity, "reason": reason}],
            "resolution": "refund",
        }

    def open(self, order_id: str | None = None, *, reason: str = "changed_mind", days_ago: int = 2) -> str:
        order_id = order_id or self.sell(days_ago=days_ago)
        answer = self.call(
            "/v1/returns", self.asked(order_id, reason=reason), key=f"open {order_id} {next(self._numbers)}"
        )
        assert answer.status == 201, answer
        return str(answer.body["id"])

    def open_many(self, number: int, *, stage: str, referred: bool = False) -> list[str]:
        """So many returns, all of them come to `stage`."""
        how = {"reason": "defective", "days_ago": 200} if referred else {}
        opened = list(self.calls.map(lambda _: self.open(**how), range(number)))  # type: ignore[arg-type]
        for case_id in opened:
            self.until(case_id, stage)
        return opened

    def until(self, case_id: str, *stages: str) -> dict[str, Any]:
        found: dict[str, Any] = self.eventually(
            lambda: shown if (shown := self._look(case_id)) and shown["stage"] in stages else None,
            f"{case_id} in {stages}",
        )
        return found

    def parcel(self, case_id: str) -> str:
        return str(self.get(f"/v1/returns/{case_id}")["parcels"][0]["id"])

    def inspection(self, case_id: str) -> dict[str, Any]:
        return {"lines": [{"line_id": "rl_1", "quantity": 1, "grade": "A"}]}

    def eventually(self, look: Callable[[], Any], what: str) -> Any:
        last = time.monotonic() + PATIENCE_S
        while True:
            if found := look():
                return found
            assert time.monotonic() < last, f"waited {PATIENCE_S} s in vain for {what}"
            Event().wait(0.05)

    def _look(self, case_id: str) -> dict[str, Any] | None:
        try:
            return self.get(f"/v1/returns/{case_id}")
        except (httpx2.TransportError, AssertionError):
            return None

    # --- the books ---

    def rows(self, question: str, **values: Any) -> Sequence[Any]:
        with self.made() as session:
            return session.execute(text(question), values).all()

    def number(self, question: str, **values: Any) -> int:
        return int(self.rows(question, **values)[0][0])

    def facts(self, case_id: str, kind: str) -> int:
        return self.number("SELECT count(*) FROM facts WHERE case_id = :id AND kind = :kind", id=case_id, kind=kind)

    def until_told(self) -> None:
        """Whatever was written down has been told, whoever died in between."""
        waiting = (
            "SELECT (SELECT count(*) FROM facts WHERE tell IS NOT NULL AND told_at IS NULL)"
            " + (SELECT count(*) FROM cases WHERE started_at IS NULL AND stage <> 'refused')"
            " + (SELECT count(*) FROM inbox WHERE worked_at IS NULL)"
        )
        self.eventually(lambda: self.number(waiting) == 0, "every word to be told")
