"""The frame of every page: what a browser may load and keep, and errors that a person can read."""

import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import OperationalError

from api.app import RouteWithoutScope
from api.reading import Door
from tests.api.doors import Doors
from web import app as room
from web.app import furnish
from web.page import POLICY
from web.withdrawal import pages


def test_a_browser_may_load_nothing_from_elsewhere_and_run_nothing(doors: Doors) -> None:
    answer = doors.get("/withdrawal", role=None)
    assert answer.headers["content-security-policy"] == POLICY
    assert "script" not in answer.text
    assert "style=" not in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_what_a_page_loads_is_here_and_may_be_kept(doors: Doors) -> None:
    text = doors.get("/withdrawal", role=None).text
    for kind, address in (("text/css", 'href="'), ("image/svg+xml", 'rel="icon" href="')):
        path = text.split(address + "/static/")[1].split('"')[0]
        answer = doors.get(f"/static/{path}", role=None)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("file", ["", "..%2Fapp.py", "nothing.css"])
def test_nothing_else_of_the_room_is_served(doors: Doors, file: str) -> None:
    assert doors.get(f"/static/{file}", role=None).status_code == 404


@pytest.mark.parametrize(("language", "title"), [("de", "Hier ist nichts"), ("fr", "Il n’y a rien ici")])
def test_what_is_not_there_is_said_in_the_readers_language(doors: Doors, language: str, title: str) -> None:
    answer = doors.get("/withdrawal/acknowledged/nothing", role=None, headers={"Accept-Language": language})
    assert answer.status_code == 404
    assert title in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_a_database_that_is_away_and_a_mistake_of_ours_are_pages_too(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> None:
        def raise_it(*_: object) -> None:
            raise error

        monkeypatch.setattr(pages, "_of_token", raise_it)

    address = "/withdrawal/acknowledged/x"
    fail(OperationalError("SELECT 1", None, Exception("away")))
    away = doors.get(address, role=None)
    assert (away.status_code, "Please try again in a moment" in away.text) == (503, True)
    fail(ZeroDivisionError("secret"))
    ours = doors.get(address, role=None, headers={"X-Request-Id": "visit-7"})
    assert (ours.status_code, "visit-7" in ours.text, "secret" in ours.text) == (500, True, False)


def test_a_page_that_does_not_say_who_may_see_it_is_not_served(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    careless = APIRouter(route_class=Door)
    careless.add_api_route("/careless", lambda: None)
    monkeypatch.setattr(room, "FACES", (*room.FACES, careless))
    with pytest.raises(RouteWithoutScope, match="/careless"):
        furnish(FastAPI())
