"""The server as a process: it starts before what it needs, says so, and ends cleanly."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from database import keys, withdrawals
from database.engine import Sessions
from ports import free_port
from tests.partners.programs import SECRET
from tests.waiting import until

NOWHERE = "http://127.0.0.1:1"


def variables(database_url: str, port: int) -> dict[str, str]:
    given = {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "PORT": str(port),
        "PROGRAMME": "standard",
        "PAYMENTS_URL": NOWHERE,
        "PAYMENTS_API_KEY": "key-for-tests",
        "PAYMENTS_WEBHOOK_SECRET": SECRET,
        "CARRIERS_URL": NOWHERE,
        "CARRIERS_API_KEY": "key-for-tests",
        "CARRIERS_WEBHOOK_SECRET": SECRET,
    }
    return {f"BOOMERANG_{name}": value for name, value in given.items()}


@contextmanager
def started(here: Path, given: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, str(here / "server.py")]
    process = subprocess.Popen(argv, env={**os.environ, **given}, cwd=here, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/livez").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_before_temporal_answers_and_ends_cleanly(
    here: Path, database_url: str, number: signal.Signals
) -> None:
    port = free_port()
    with started(here, variables(database_url, port)) as process:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), within_s=30)
        ready = httpx2.get(f"{url}/readyz")
        assert ready.status_code == 503
        assert ready.json()["facts"]["checks"] == {"database": "answers", "temporal": "does not answer"}
        process.send_signal(number)
        assert process.wait(timeout=15) == 0


def test_it_lives_without_a_database_and_says_that_it_is_not_ready(here: Path) -> None:
    port = free_port()
    nowhere = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
    with started(here, variables(nowhere, port)) as process:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), within_s=30)
        assert httpx2.get(f"{url}/readyz").json()["facts"]["checks"]["database"] == "does not answer"
        asked = httpx2.get(f"{url}/v1/returns", headers={"Authorization": f"Bearer {a_well_formed_key()}"})
        assert (asked.status_code, asked.json()["code"]) == (503, "unavailable")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


def test_a_withdrawal_that_one_server_wrote_down_is_set_going_by_the_next(
    here: Path, database_url: str, made_sessions: Sessions, temporal_address: str
) -> None:
    """The first one has no Temporal and is killed; the consumer has her acknowledgement all the same."""
    form = {"name": "Ada", "contract": "10023", "email": "ada@customer.example", "token": f"form_{'k' * 32}"}
    port = free_port()
    with started(here, variables(database_url, port)):
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), within_s=30)
        said = httpx2.post(f"{url}/withdrawal/confirm", data=form, follow_redirects=True, timeout=30)
        assert said.status_code == 200
        assert "Your withdrawal has been received" in said.text
    assert withdrawal(made_sessions, form["token"]).started_at is None
    with started(here, {**variables(database_url, port), "BOOMERANG_TEMPORAL_ADDRESS": temporal_address}):
        until(lambda: withdrawal(made_sessions, form["token"]).started_at is not None, within_s=30)


def withdrawal(made: Sessions, token: str) -> Any:
    with made() as session:
        return withdrawals.of_token(session, token)


def test_settings_that_are_missing_are_named(here: Path) -> None:
    with started(here, {"BOOMERANG_TEMPORAL_ADDRESS": "127.0.0.1:1", "BOOMERANG_PORT": str(free_port())}) as process:
        assert process.wait(timeout=30) == 1
        assert process.stderr
        assert "BOOMERANG_DATABASE_URL is not set" in process.stderr.read()


def a_well_formed_key() -> str:
    body = "0" * keys.SECRET_LENGTH
    return keys.PREFIX + body + keys._check_digits(body)
