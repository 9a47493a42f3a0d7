"""Every mistake leaves as a problem detail: also those of others, and those of our own."""

import logging
from collections.abc import Callable

import pytest
from psycopg2.errors import DeadlockDetected, LockNotAvailable, SerializationFailure, UniqueViolation
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from database import cases
from domain.errors import BoomerangError
from tests.api.doors import Doors, is_problem

SECRET_TEXT = "SELECT secret FROM customers WHERE email = 'maria@example.com'"


def wrapped(kind: type[DBAPIError], cause: Exception) -> DBAPIError:
    return kind(SECRET_TEXT, {}, cause)


PASSING: dict[str, Exception] = {
    "no connection": wrapped(OperationalError, Exception("server closed the connection unexpectedly")),
    "a torn connection": wrapped(InterfaceError, Exception("connection already closed")),
    "a lock not had in time": wrapped(OperationalError, LockNotAvailable()),
    "a deadlock": wrapped(OperationalError, DeadlockDetected()),
    "a conflict of snapshots": wrapped(OperationalError, SerializationFailure()),
    "no free connection": PoolExhausted(),
    "a connection found dead": DBAPIError(SECRET_TEXT, {}, Exception(), connection_invalidated=True),
}


def fails_with(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
def test_a_database_that_does_not_answer_is_no_fault_of_the_caller(
    doors: Doors, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "get", fails_with(error))
    answer = doors.get("/v1/returns/ret_1")
    assert is_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "maria" not in answer.text


def test_two_who_write_the_same_at_once_are_told_to_look_again(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "get", fails_with(wrapped(IntegrityError, UniqueViolation())))
    assert is_problem(doors.get("/v1/returns/ret_1"), 409, "written_meanwhile")


class OwnMistake(BoomerangError):
    code = "unbalanced"


@pytest.mark.parametrize(
    "error", [RuntimeError(SECRET_TEXT), OwnMistake(SECRET_TEXT), DBAPIError(SECRET_TEXT, {}, Exception())]
)
def test_a_mistake_of_ours_is_logged_under_the_request_and_not_shown(
    doors: Doors, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cases, "get", fails_with(error))
    with caplog.at_level(logging.ERROR, "boomerang.api"):
        answer = doors.get("/v1/returns/ret_1", headers={"X-Request-Id": "mine-1"})
    assert is_problem(answer, 500, "internal_error")
    assert "SELECT" not in answer.text
    assert [getattr(record, "request_id", None) for record in caplog.records] == ["mine-1"]
    assert caplog.records[0].exc_info


def test_an_address_that_is_none_is_said_to_be_none(doors: Doors) -> None:
    assert is_problem(doors.get("/v2/returns"), 404, "no_such_address")
    assert is_problem(doors.get("/v1/returns/"), 404, "no_such_address")


def test_a_method_that_is_not_taken_is_said_with_those_that_are(doors: Doors) -> None:
    answer = doors.ask("DELETE", "/v1/orders/o_1")
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


def test_pointers_name_fields_as_json_pointers_do(doors: Doors) -> None:
    answer = doors.post("/v1/returns", {"lines": [], "a/b~c": 1})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/a~1b~0c"]


def test_several_faults_are_named_together(doors: Doors) -> None:
    line = {"order_line_id": "", "quantity": 0, "reason": "no"}
    answer = doors.post("/v1/returns", {"order_id": "o_1", "lines": [line]})
    assert is_problem(answer, 422, "invalid_request")
    named = {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]}
    assert named == {
        "/lines/0/order_line_id": "too_short",
        "/lines/0/quantity": "quantity_not_positive",
        "/lines/0/reason": "not_one_of",
    }
