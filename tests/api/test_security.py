"""Who may call what: every route for every kind of caller, and how soon a revoked key is dead."""

import asyncio

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from api.app import ROUTERS
from api.errors import NotAllowed, NotAuthenticated
from api.reading import Door
from api.security import ROLES, KeyRing, Role, Scope, open_to_all, scope_of, undeclared
from database import keys
from database.engine import Sessions
from tests.api.doors import Doors, is_problem

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
KEYED = {
    f"{method} {route.path}": (method, route.path, scope)
    for route in ROUTES
    for method in sorted(route.methods or ())
    if (scope := scope_of(route))
}


@pytest.mark.parametrize(("method", "path", "scope"), KEYED.values(), ids=KEYED)
def test_a_route_lets_in_those_who_have_its_scope_and_nobody_else(
    doors: Doors, method: str, path: str, scope: Scope
) -> None:
    path = path.replace("{", "").replace("}", "")
    before = doors.rows()
    assert is_problem(doors.ask(method, path, {}, role=None), 401, "not_authenticated")
    for role in Role:
        answer = doors.ask(method, path, {}, role=role)
        if scope in ROLES[role]:
            assert answer.status_code not in (401, 403), role
        else:
            assert is_problem(answer, 403, "scope_missing")
            assert answer.json()["facts"] == {"scope": scope}
            assert scope in answer.json()["detail"]
    assert doors.rows() == before


def test_the_caller_is_judged_before_the_body_is_read(doors: Doors) -> None:
    assert is_problem(doors.post("/v1/returns", raw=b"{", role=None), 401, "not_authenticated")
    assert is_problem(doors.post("/v1/returns", raw=b"{", role=Role.WAREHOUSE), 403, "scope_missing")


WRONG_KEYS = {
    "none": {},
    "an empty one": {"Authorization": "Bearer"},
    "another kind": {"Authorization": "Basic cms6cms="},
    "a mistyped one": {"Authorization": "Bearer rk_live_0123456789"},
    "one never made": {"Authorization": f"Bearer rk_live_{'0' * 30}"},
    "one in odd letters": {"Authorization": "Bearer rk_live_\xe9\xff"},
}


@pytest.mark.parametrize("headers", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_wrong_key_is_no_key(doors: Doors, headers: dict[str, str]) -> None:
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = doors.http.get(f"{doors.url}/v1/returns", headers=raw)
    assert is_problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_health_documentation_and_the_policy_need_no_key() -> None:
    open_paths = {route.path for route in ROUTES if scope_of(route) is None}
    assert open_paths == {
        "/livez",
        "/readyz",
        "/version",
        "/v1/policy",
        "/docs",
        "/docs/start.js",
        "/docs/{file}",
        "/v1/webhooks/carriers/{code}",
        "/v1/webhooks/payments/{code}",
    }


def test_a_route_that_declares_nothing_is_found() -> None:
    router = APIRouter(route_class=Door)
    router.add_api_route("/bare", lambda: None)
    router.add_api_route("/open", lambda: None, dependencies=[open_to_all("for a test")])
    assert undeclared(router.routes) == ["GET /bare"]


def test_the_warehouse_sees_no_money_and_decides_nothing() -> None:
    assert not ROLES[Role.WAREHOUSE] & {Scope.RETURNS_READ, Scope.RETURNS_DECIDE, Scope.OPS_READ, Scope.ORDERS_READ}


def test_a_revoked_key_is_dead_after_five_seconds(made_sessions: Sessions) -> None:
    clock = [0.0]
    ring = KeyRing(made_sessions, moment=lambda: clock[0])
    with made_sessions.begin() as session:
        key_id, secret = keys.create(session, "shop", [Scope.RETURNS_READ])

    def admitted() -> str:
        return asyncio.run(ring.admit(f"Bearer {secret}", Scope.RETURNS_READ)).id

    assert admitted() == key_id
    with made_sessions.begin() as session:
        keys.revoke(session, key_id)
    clock[0] = 4.9
    assert admitted() == key_id
    clock[0] = 5.0
    with pytest.raises(NotAuthenticated):
        admitted()


def test_a_key_without_the_scope_is_told_which_one(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        _, secret = keys.create(session, "shop", [Scope.RETURNS_READ])
    with pytest.raises(NotAllowed, match="ops:write"):
        asyncio.run(KeyRing(made_sessions).admit(f"Bearer {secret}", Scope.OPS_WRITE))
