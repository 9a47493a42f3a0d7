"""The server's own state: it lives on its own, and is ready when what it needs answers."""

import asyncio

import pytest

from api.routes import health
from tests.api.doors import Doors, is_problem


def test_it_lives_and_says_which_version_it_is(doors: Doors) -> None:
    assert doors.get("/livez", role=None).json() == {"status": "alive"}
    assert doors.get("/version", role=None).json() == {"name": "boomerang", "version": "0.0.0"}


def test_it_is_ready_when_everything_answers(doors: Doors) -> None:
    answer = doors.get("/readyz", role=None)
    assert (answer.status_code, answer.json()["checks"]) == (200, {"database": "answers", "temporal": "answers"})


async def refuses() -> None:
    raise ConnectionError


async def never_answers() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("check", [refuses, never_answers])
def test_it_is_not_ready_while_something_does_not_answer(
    doors: Doors, check: health.Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WITHIN_S", 0.2)
    monkeypatch.setitem(doors.app.state.checks, "temporal", check)
    answer = doors.get("/readyz", role=None)
    assert is_problem(answer, 503, "not_ready")
    assert "temporal" in answer.json()["detail"]
    assert answer.headers["retry-after"]
