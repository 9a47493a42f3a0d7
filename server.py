"""Process: the HTTP server. Any number of them share the work; each also tells what another one wrote down and did not live to tell."""

import asyncio
import logging
import os
import signal
import socket
import sys
import tomllib

import uvicorn
import uvloop
from fastapi import FastAPI
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from api.app import create_app
from api.errors import EventForged, EventMalformed
from api.schemas.returns import present
from api.schemas.withdrawals import present_withdrawal
from assembly import given, partners_of, temporal_client
from database.engine import connect, sessions
from desk import ReturnsDesk
from desk.withdrawals import WithdrawalsDesk
from domain.errors import BoomerangError
from gateways.errors import ForgedEvent, MalformedEvent
from policies.book import load_policy_book
from settings import ROOT, Settings, WrongSettings, read_settings, variable
from telemetry import set_up_logs
from web.app import furnish
from web.policy.pages import policy_words
from web.withdrawal.letter import acknowledgement

log = logging.getLogger("boomerang.server")

PORT = 8080
CONNECTIONS = 20
HEAL_EVERY_S = 1.0
LAST_ANSWERS_WITHIN_S = 5


async def serve(settings: Settings, listening: socket.socket) -> None:
    """Until SIGTERM or Ctrl-C. Neither Temporal nor the database need to answer yet: /readyz says when they do."""
    engine = connect(given(settings.database_url, "database_url"), pool=CONNECTIONS)
    made = sessions(engine)
    client = await temporal_client(settings)
    partners = partners_of(settings)
    book = load_policy_book(settings.policies)
    desk = ReturnsDesk(
        made,
        client,
        book,
        programme=settings.programme,
        present=present,
        carriers=partners.carriers,
        payments=partners.payments,
        task_queue=settings.task_queue,
    )
    withdrawals = WithdrawalsDesk(
        made, client, desk, write=acknowledgement, present=present_withdrawal, task_queue=settings.task_queue
    )
    app = create_app(
        desk,
        made,
        carriers=partners.carriers,
        payments=partners.payments,
        event_faults={ForgedEvent: EventForged, MalformedEvent: EventMalformed},
        checks={
            "database": lambda: asyncio.to_thread(_asked_once, engine),
            "temporal": client.service_client.check_health,
        },
        version=version(),
        withdrawals_desk=withdrawals,
        policy_words=policy_words(book),
    )
    furnish(app)
    healing = asyncio.create_task(_heal(desk, withdrawals))
    try:
        await _server(app, settings.log_level).serve(sockets=[listening])
    finally:
        healing.cancel()
        await asyncio.gather(healing, return_exceptions=True)
        partners.close()
        engine.dispose()


def version() -> str:
    written: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return written


async def _heal(*desks: ReturnsDesk | WithdrawalsDesk) -> None:
    while True:
        for desk in desks:
            try:
                if done := await desk.heal():
                    log.info("told %s things that had been written down and not told", done)
            except SQLAlchemyError as error:
                log.warning("healing waits for the database: %s", type(error).__name__)
            except Exception:  # a mistake in one row must not end the healing of all others
                log.exception("healing met an error and goes on")
        await asyncio.sleep(HEAL_EVERY_S)


def _server(app: FastAPI, level: str) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            log_config=None,
            log_level=level.lower(),
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=LAST_ANSWERS_WITHIN_S,
        )
    )


def _asked_once(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's delay off (40 ms an answer) only where it can see that it is TCP.
    listening = socket.socket(family, proto=socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as fault:
        raise WrongSettings(
            f"cannot listen on {host}:{port}: {fault.strerror}. Choose another with {variable('port')}."
        ) from None
    return listening


def main() -> None:
    # uvicorn obeys these signals and then hands them on; they were obeyed, so that the exit status is 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        settings = read_settings()
        set_up_logs("server", settings.log_level)
        listening = _listen(settings.host, settings.port or PORT)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, listening))
    except BoomerangError as error:
        sys.exit(f"server: {error.detail}")
    # The Temporal core may still hold a thread that outlives the interpreter; everything of ours is closed by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
