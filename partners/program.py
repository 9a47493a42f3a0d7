"""What every partner's program has: an address, a key at the door, knobs, a clock, and a clean end."""

import argparse
import asyncio
import hmac
import json
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from partners.alarm import Alarm
from partners.books import Books, moment_text
from partners.knobs import Knobs, Turn, UnknownKnob
from partners.outbox import Outbox


class Refusal(Exception):
    """An answer other than yes, in the partner's form: `{"error": {"code", "message"}}`, and facts beside them."""

    def __init__(self, status: int, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.facts = facts

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, **self.facts}}


class StrictBody(BaseModel):
    """A request body: no field unknown, no type bent."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Advance(StrictBody):
    """How far to move the clock forward."""

    seconds: float = Field(ge=0, le=10 * 366 * 86_400)


def arguments(name: str, about: str) -> argparse.ArgumentParser:
    """The command line every partner has."""
    parser = argparse.ArgumentParser(prog=f"python -m partners.{name}", description=about)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and says which")
    parser.add_argument("--books", type=Path, required=True, help="the SQLite file with this partner's books")
    parser.add_argument("--api-key", required=True, help="who knows it is let in")
    parser.add_argument("--webhook-url", help="where events go; without it they are kept and wait")
    parser.add_argument("--webhook-secret", required=True, help="what events are signed with: whsec_ and base64")
    parser.add_argument("--knobs", type=json.loads, default={}, help="knobs to start with, as JSON")
    return parser


def partner_app(
    *,
    api_key: str,
    books: Books,
    knobs: Knobs,
    outbox: Outbox,
    doors: APIRouter,
    alarms: Sequence[Alarm] = (),
    faces: Mapping[str, FastAPI] | None = None,
) -> FastAPI:
    """The program's application: its own doors, the ones every partner has, and other faces of the same books by path."""
    every_alarm = [outbox.alarm, *alarms]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(alarm.run()) for alarm in every_alarm]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await outbox.close()
        books.close()

    let_in = admission(api_key)
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(doors, dependencies=[Depends(let_in)])
    app.include_router(_admin(books, knobs, outbox, every_alarm), dependencies=[Depends(let_in)])
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(UnknownKnob, _unknown_knob)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _no_such_door)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    for path, face in (faces or {}).items():
        app.mount(path, face)
    return app


def admission(api_key: str) -> Callable[..., Awaitable[None]]:
    """A dependency that lets in who knows the key, and raises `Refusal` for everybody else."""

    async def let_in(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {api_key}".encode()):
            raise Refusal(401, "not_admitted", "The key is missing or not the right one.")

    return let_in


def run(app: FastAPI, *, name: str, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; says where in one line, then nothing more."""
    logging.basicConfig(level=logging.WARNING, format=f"{name}: %(message)s")
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)  # from now on callers wait instead of being turned away, so the line below is true
    except OSError as fault:
        sys.exit(f"{name}: cannot listen on {host}:{port}: {fault.strerror}. Is it taken? Choose another with --port.")
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=30,  # longer than callers keep idle connections, so that none is closed under a request
        timeout_graceful_shutdown=2,  # a hanging answer does not hold up the end
    )
    # uvicorn hands the signal on once it has stopped; it was obeyed already, so that the exit status is 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    sys.stdout.write(f"{name} listens on {address}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listening])


def _admin(books: Books, knobs: Knobs, outbox: Outbox, alarms: Sequence[Alarm]) -> APIRouter:
    admin = APIRouter(prefix="/admin")

    @admin.get("/knobs")
    async def show_knobs() -> dict[str, Any]:
        return knobs.show()

    @admin.post("/knobs")
    async def turn_knobs(turn: Turn) -> dict[str, Any]:
        knobs.apply(turn)
        return knobs.show()

    @admin.delete("/knobs")
    async def clear_knobs() -> dict[str, Any]:
        knobs.clear()
        return knobs.show()

    @admin.get("/clock")
    async def show_clock() -> dict[str, str]:
        return {"now": moment_text(books.now())}

    @admin.post("/clock")
    async def advance_clock(step: Advance) -> dict[str, str]:
        now = books.advance(step.seconds)
        for alarm in alarms:
            alarm.ring()
        return {"now": moment_text(now)}

    @admin.get("/pending")
    async def pending_events() -> dict[str, Any]:
        return outbox.waiting()

    return admin


async def _refused(_: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal)
    return JSONResponse(refusal.body(), status_code=refusal.status)


async def _unknown_knob(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, UnknownKnob)
    message = f"No knob {fault.name!r}; there are {', '.join(fault.known)}."
    return JSONResponse(Refusal(422, "unknown_knob", message).body(), status_code=422)


async def _malformed(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)
    said = "; ".join(f"{'/'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors()[:5])
    return JSONResponse(Refusal(422, "malformed", said).body(), status_code=422)


async def _no_such_door(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    return JSONResponse(Refusal(fault.status_code, "no_such_door", str(fault.detail)).body(), fault.status_code)
