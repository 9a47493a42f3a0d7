"""Every mistake has a name of its own, a status, and a word on what to do next."""

import importlib
import pkgutil
from collections import defaultdict

import pytest

import activities
import database
import domain
import gateways
from domain.errors import BoomerangError, Conflict, Invalid, Missing, Stale, Unavailable

KINDS = {Invalid: 422, Missing: 404, Conflict: 409, Stale: 412, Unavailable: 503}
GENERIC = {kind.code for kind in (BoomerangError, *KINDS)}
ROOMS = (domain, database, gateways, activities)


def all_errors() -> list[type[BoomerangError]]:
    for room in ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(module.name)
    importlib.import_module("desk")

    def below(error: type[BoomerangError]) -> set[type[BoomerangError]]:
        return {error}.union(*(below(child) for child in error.__subclasses__()))

    # What tests and processes define for themselves is another matter: there each error brings its own words.
    rooms = {room.__name__ for room in ROOMS} | {"desk"}
    found = {error for error in below(BoomerangError) if error.__module__.partition(".")[0] in rooms}
    return sorted(found - {BoomerangError, *KINDS}, key=lambda error: (error.code, error.__qualname__))


ERRORS = all_errors()
named = pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error.__module__}.{error.__name__}")


def test_the_rooms_were_searched() -> None:
    assert {error.__module__.partition(".")[0] for error in ERRORS} >= {"domain", "database", "desk"}


@named
def test_it_has_a_code_of_its_own(error: type[BoomerangError]) -> None:
    assert error.code not in GENERIC
    assert error.code == error.code.lower().replace("-", "_").replace(" ", "_")


@named
def test_it_has_a_status_that_blames_somebody(error: type[BoomerangError]) -> None:
    assert 400 <= error.status <= 599


@named
def test_it_says_in_a_sentence_what_to_do_next(error: type[BoomerangError]) -> None:
    assert len(error.next_action.split()) >= 3
    assert error.next_action.endswith(".")


@named
def test_it_has_a_title_for_people(error: type[BoomerangError]) -> None:
    assert error.title


def test_one_code_has_one_meaning() -> None:
    by_code = defaultdict(list)
    for error in ERRORS:
        by_code[error.code].append(error.__qualname__)

    assert {code: names for code, names in by_code.items() if len(names) > 1} == {}


@pytest.mark.parametrize(("kind", "status"), KINDS.items())
def test_each_kind_has_its_status_and_its_advice(kind: type[BoomerangError], status: int) -> None:
    assert kind.status == status
    assert kind.next_action
    assert kind.title


def test_a_mistake_carries_its_sentence_its_field_and_its_facts() -> None:
    error = Invalid("0 units are no goods.", pointer="/lines/0/quantity", quantity=0)

    assert str(error) == error.detail == "0 units are no goods."
    assert (error.pointer, error.facts) == ("/lines/0/quantity", {"quantity": 0})
