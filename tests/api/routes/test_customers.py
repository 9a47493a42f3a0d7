"""Customers at the door: told of, shown with their tier as of any day, locked by those who may, and every mistake by name."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from api.security import Role
from tests.api.doors import Doors, is_problem, order_body, pointers
from tests.api.routes.test_returns import at_once

PERSON = {"country": "DE", "name": "Maria Muster", "email": "m@example.com", "locale": "de", "address_key": "adr_1"}
LOCK = {"tier": "VIP", "reason": "two lost parcels"}
_numbers = count(1)


def path(customer: str, *more: str) -> str:
    return "/".join(["/v1/customers", customer, *more])


def put(doors: Doors, customer: str, body: Any, **more: Any) -> Any:
    return doors.ask("PUT", path(customer), body, **more)


@pytest.fixture
def customer(doors: Doors) -> str:
    """Somebody who has been told of and bought nothing."""
    name = f"c_told_{next(_numbers)}"
    assert put(doors, name, PERSON).status_code == 201
    return name


def buy(doors: Doors, customer: str, *days_ago: int, currency: str = "EUR") -> None:
    for days in days_ago:
        placed = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        body = order_body(customer={"id": customer, "country": "DE"}, placed_at=placed, delivered_at=None)
        assert doors.ask("PUT", f"/v1/orders/o_of_{customer}_{days}", body).status_code == 201


NONE_AHEAD = {"advances": {"by_status": {}, "right_lost": False}}


def test_a_customer_told_twice_is_one(doors: Doors) -> None:
    first, second = (put(doors, "c_twice", PERSON, role=Role.STOREFRONT) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (
        doors.get(path("c_twice")).json()
        == first.json()
        == (
            {"id": "c_twice", "device_key": None, "tier": None, "tier_since": None, "tier_lock": None}
            | NONE_AHEAD
            | PERSON
        )
    )


def test_a_customer_told_twice_at_once_is_one(doors: Doors) -> None:
    answers = at_once(*[lambda: put(doors, "c_at_once", PERSON)] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]


def test_what_is_left_out_stays_and_null_empties(doors: Doors, customer: str) -> None:
    shown = put(doors, customer, {"email": None, "device_key": "dev_1"}).json()

    assert {name: shown[name] for name in PERSON} == {**PERSON, "email": None}
    assert shown["device_key"] == "dev_1"


WRONG: dict[str, tuple[Any, str, str]] = {
    "nothing": ({}, "nothing_told", ""),
    "no country": ({"name": "x"}, "country_missing", "/country"),
    "an empty country": ({"country": None}, "country_missing", "/country"),
    "a country in words": ({"country": "Germany"}, "wrong_form", "/country"),
    "a field that nobody reads": ({"country": "DE", "tier": "VIP"}, "unknown_field", "/tier"),
    "a tier that is none": ({"tier_lock": LOCK | {"tier": "GOLD"}}, "not_one_of", "/tier_lock/tier"),
    "a lock without a reason": ({"tier_lock": {"tier": "VIP"}}, "field_missing", "/tier_lock/reason"),
    "a lock with an empty reason": ({"tier_lock": LOCK | {"reason": ""}}, "too_short", "/tier_lock/reason"),
    "an end without a zone": (
        {"tier_lock": LOCK | {"until": "2030-01-01T00:00:00"}},
        "moment_without_zone",
        "/tier_lock/until",
    ),
    "a lock that is over": (
        {"country": "DE", "tier_lock": LOCK | {"until": "2020-01-01T00:00:00Z"}},
        "lock_until_not_later",
        "/tier_lock/until",
    ),
}


@pytest.mark.parametrize(("body", "code", "pointer"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_by_name_and_without_effect(doors: Doors, body: Any, code: str, pointer: str) -> None:
    before = doors.rows()
    answer = put(doors, "c_wrong", body)

    assert is_problem(answer, 422, code)
    assert pointers(answer) == ([pointer] if pointer else [])
    assert doors.rows() == before


@pytest.mark.parametrize(
    ("method", "more", "body"), [("GET", (), None), ("GET", ("tier",), None), ("PUT", (), {"tier_lock": LOCK})]
)
def test_an_unknown_customer_is_said_to_be_unknown(doors: Doors, method: str, more: tuple[str, ...], body: Any) -> None:
    assert is_problem(doors.ask(method, path("c_nobody", *more), body), 404, "unknown_customer")


def test_a_storefront_tells_of_customers_and_locks_nothing(doors: Doors, customer: str) -> None:
    for body in ({"tier_lock": LOCK}, {"tier_lock": None}, PERSON | {"tier_lock": LOCK}):
        answer = put(doors, customer, body, role=Role.STOREFRONT)
        assert is_problem(answer, 403, "scope_missing")
        assert answer.json()["facts"] == {"scope": "returns:decide"}
    assert doors.get(path(customer)).json()["tier_lock"] is None


def test_an_operator_locks_and_leaves_the_customer_to_the_shop(doors: Doors, customer: str) -> None:
    assert put(doors, customer, {"tier_lock": LOCK}, role=Role.OPERATOR).status_code == 200
    answer = put(doors, customer, {"name": "x", "tier_lock": LOCK}, role=Role.OPERATOR)
    assert is_problem(answer, 403, "scope_missing")
    assert answer.json()["facts"] == {"scope": "orders:write"}


def test_a_lock_sets_the_tier_and_says_who_when_and_why(doors: Doors, customer: str) -> None:
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    shown = put(
        doors,
        customer,
        {"tier_lock": LOCK | {"until": until}},
        role=Role.OPERATOR,
        headers={"Boomerang-Actor": "Maria"},
    ).json()

    assert shown["tier"] == "VIP"
    assert shown["tier_lock"] == LOCK | {"until": until, "by": "operator: Maria", "at": shown["tier_since"]}
    tier = doors.get(path(customer, "tier")).json()
    assert (tier["tier"], tier["by_figures_alone"], tier["why"]["rule"]) == ("VIP", "ENTRY", "tier_locked")
    assert "operator: Maria" in tier["why"]["source"]
    assert LOCK["reason"] in tier["why"]["source"]


def test_the_same_lock_again_changes_nothing_and_another_one_replaces_it(doors: Doors, customer: str) -> None:
    first, second = (put(doors, customer, {"tier_lock": LOCK}).json() for _ in range(2))
    assert first == second
    put(doors, customer, {"tier_lock": {"tier": "ADVANCED", "reason": "found again"}})
    changes = doors.get(path(customer, "tier")).json()["changes"]

    assert [(change["from_tier"], change["to_tier"], change["why"], change["reason"]) for change in changes] == [
        ("VIP", "ADVANCED", "locked", "found again"),
        (None, "VIP", "locked", "two lost parcels"),
    ]


def test_a_lock_is_lifted_and_the_orders_decide_again(doors: Doors, customer: str) -> None:
    buy(doors, customer, 3, 40, 80)
    put(doors, customer, {"tier_lock": {"tier": "VIP", "reason": "a try"}})
    lifted, again = (put(doors, customer, {"tier_lock": None}).json() for _ in range(2))

    assert lifted == again
    assert (lifted["tier"], lifted["tier_lock"]) == ("INTERMEDIATE", None)
    changes = doors.get(path(customer, "tier")).json()["changes"]
    assert [(change["from_tier"], change["to_tier"], change["why"]) for change in changes] == [
        ("VIP", "INTERMEDIATE", "unlocked"),
        (None, "VIP", "locked"),
    ]


def test_the_tier_as_of_a_day_before_the_lock_is_without_it(doors: Doors, customer: str) -> None:
    put(doors, customer, {"tier_lock": LOCK})
    found = doors.get(path(customer, "tier") + "?on=2011-09-01").json()

    assert (found["tier"], found["lock"], found["as_of"]) == ("ENTRY", None, "2011-09-01T23:59:59.999999Z")


def test_the_tier_comes_with_figures_and_what_is_missing(doors: Doors, customer: str) -> None:
    buy(doors, customer, 3, 40)  # EUR 150.00 each, GBP 125.07 by the rates
    found = doors.get(path(customer, "tier"), role=Role.STOREFRONT).json()

    assert found["tier"] == "ENTRY"
    assert (found["figures"]["orders"], found["figures"]["spend"]) == (2, {"amount": 25_014, "currency": "GBP"})
    assert found["figures"]["spend_translated_from"] == ["EUR"]
    assert found["next_tier"] == {
        "tier": "INTERMEDIATE",
        "orders_missing": 0,
        "spend_missing": {"amount": 4_986, "currency": "GBP"},
        "active_within_days": 365,
        "active": True,
    }


def test_a_tier_that_is_kept_says_until_when(doors: Doors, customer: str) -> None:
    buy(doors, customer, 370, 300, 240)  # the first has left the twelve months a few days ago
    found = doors.get(path(customer, "tier")).json()

    assert (found["tier"], found["by_figures_alone"], found["why"]["rule"]) == ("INTERMEDIATE", "ENTRY", "tier_grace")
    reached = datetime.fromisoformat(found["grace"]["last_reached_on"])
    assert datetime.fromisoformat(found["grace"]["kept_until"]) - reached == timedelta(days=30)


@pytest.mark.parametrize("day", ["yesterday", "2011-9-1", "2011-02-30", "20110901", "0001-01-01", ""])
def test_a_day_that_is_none_is_refused(doors: Doors, customer: str, day: str) -> None:
    assert is_problem(doors.get(path(customer, "tier") + f"?on={day}"), 422, "not_a_day")
