"""The application: the doors of the house under one roof, each answering in the same manner."""

import logging
import re
from collections.abc import Collection, Mapping

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from ulid import ULID

from api import docs
from api.dependencies import Partners
from api.errors import translate_errors, unforeseen
from api.routes import (
    credit_notes,
    currency,
    customers,
    customs,
    decisions,
    goodwill,
    health,
    ledger,
    ops,
    orders,
    policies,
    policy,
    returns,
    simulation,
    warehouse,
    webhooks,
    withdrawals,
)
from api.routes.health import Check
from api.routes.policy import PolicyWords
from api.routes.webhooks import WhatIsWrong
from api.security import KeyRing, undeclared
from database.engine import Sessions
from desk import ReturnsDesk
from desk.withdrawals import WithdrawalsDesk

log = logging.getLogger("boomerang.api")

REQUEST_ID = re.compile(r"[\x21-\x7e]{1,100}")
ROUTERS = (
    orders.router,
    customers.router,
    returns.router,
    credit_notes.router,
    decisions.router,
    goodwill.router,
    warehouse.router,
    webhooks.router,
    withdrawals.router,
    policy.router,
    policies.router,
    simulation.router,
    customs.router,
    currency.router,
    ledger.router,
    ops.router,
    health.router,
    docs.router,
)
TAGS = [
    {"name": "orders", "description": "What was sold"},
    {"name": "customers", "description": "Who buys, and which tier they have"},
    {"name": "returns", "description": "Returns: opened and read"},
    {"name": "decisions", "description": "What people decide about a return under way"},
    {"name": "goodwill", "description": "Money beyond what a return brings back, decided by two"},
    {"name": "warehouse", "description": "Parcels received, goods judged"},
    {"name": "partners", "description": "What carriers and payment providers report"},
    {"name": "withdrawals", "description": "The statutory right of withdrawal, declared and acknowledged"},
    {"name": "policy", "description": "What is promised now, for everybody to read"},
    {"name": "policies", "description": "What is promised: drafted, looked through, compared, published"},
    {"name": "customs", "description": "Goods across a border, and what may be claimed back"},
    {"name": "money", "description": "What the books say beyond a single return"},
    {"name": "ledger", "description": "Who bore what, month by month"},
    {"name": "operators", "description": "Whether the books are right"},
    {"name": "health", "description": "Whether the server is well"},
]


class RouteWithoutScope(RuntimeError):
    """A route neither names a scope nor says why it needs none; the application does not start."""


def create_app(
    desk: ReturnsDesk,
    sessions: Sessions,
    *,
    carriers: Collection[str],
    payments: Collection[str],
    event_faults: WhatIsWrong,
    checks: Mapping[str, Check],
    version: str,
    withdrawals_desk: WithdrawalsDesk,
    policy_words: PolicyWords,
) -> FastAPI:
    """The application over a desk.

    `carriers` and `payments` are the codes under which partners send events and orders name processors; `event_faults` says which
    problem each error of their gateways is; `checks` are what the server needs to be ready; `policy_words` say the policy
    in the reader's language.
    """
    app = FastAPI(
        title="Boomerang", version=version, openapi_tags=TAGS, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.desk = desk
    app.state.withdrawals = withdrawals_desk
    app.state.policy_words = policy_words
    app.state.sessions = sessions
    app.state.key_ring = KeyRing(sessions)
    app.state.partners = Partners(carriers, payments)
    app.state.event_faults = event_faults
    app.state.checks = checks
    for (
        router
    ) in ROUTERS:  # flat, so that what the application serves can be listed: for the check below, and for tests
        app.router.routes.extend(router.routes)
    if missing := undeclared(app.routes):
        raise RouteWithoutScope(f"These routes declare no scope: {'; '.join(missing)}")
    translate_errors(app)
    app.add_middleware(Frame)
    app.openapi = lambda: docs.describe(app)  # type: ignore[method-assign]
    return app


class Frame:
    """Around every request: its number, headers that keep browsers honest, and an answer whatever happens within."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        request.state.request_id = given if REQUEST_ID.fullmatch(given) else f"req_{ULID()}"
        begun = False

        async def framed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _complete(MutableHeaders(scope=message), request)
            await send(message)

        try:
            await self._app(scope, receive, framed)
        except ClientDisconnect:
            log.info("the caller went away", extra={"request_id": request.state.request_id})
        except Exception as error:
            if begun:
                raise
            await unforeseen(request, error)(scope, receive, framed)


def _complete(headers: MutableHeaders, request: Request) -> None:
    headers["X-Request-Id"] = request.state.request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Cache-Control", "no-store")
