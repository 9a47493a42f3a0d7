"""The frame around every request: its number, and headers that keep browsers honest."""

import pytest
from fastapi import APIRouter

from api import app as application
from api.reading import Door
from tests.api.doors import Doors


def test_a_request_keeps_the_number_it_came_with(doors: Doors) -> None:
    assert doors.get("/livez", headers={"X-Request-Id": "shop-42"}).headers["x-request-id"] == "shop-42"


@pytest.mark.parametrize("given", ["", "x" * 101, "two words"], ids=["none", "too long", "with a blank"])
def test_a_request_without_a_usable_number_gets_one(doors: Doors, given: str) -> None:
    numbers = [doors.get("/livez", headers={"X-Request-Id": given}).headers["x-request-id"] for _ in range(2)]
    assert all(number.startswith("req_") for number in numbers)
    assert numbers[0] != numbers[1]


@pytest.mark.parametrize("path", ["/livez", "/v1/returns", "/nowhere"])
def test_no_answer_is_sniffed_framed_or_kept(doors: Doors, path: str) -> None:
    headers = doors.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_an_application_with_an_undeclared_route_does_not_start(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    careless = APIRouter(route_class=Door)
    careless.add_api_route("/careless", lambda: None)
    monkeypatch.setattr(application, "ROUTERS", (*application.ROUTERS, careless))
    with pytest.raises(application.RouteWithoutScope, match="/careless"):
        application.create_app(
            doors.app.state.desk,
            doors.made,
            carriers=(),
            payments=(),
            event_faults={},
            checks={},
            version="0",
            withdrawals_desk=doors.app.state.withdrawals,
            policy_words=doors.app.state.policy_words,
        )
