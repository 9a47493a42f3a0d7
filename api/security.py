"""Who may call what: scopes, the roles that are sets of them, and the ring of keys at the door.

Every route names its scope (`needs`), or says why it has none (`open_to_all`); the application does not start with one that does neither.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.errors import NotAllowed, NotAuthenticated
from database import keys
from database.engine import Sessions

REMEMBERED_S = 5.0  # a revoked key is dead after at most so long
REMEMBERED_KEYS = 1000


class Scope(StrEnum):
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    CUSTOMERS_WRITE = "customers:write"  # opens the door; what may be said there depends on the scopes beside it
    RETURNS_READ = "returns:read"
    RETURNS_WRITE = "returns:write"
    STATION_READ = "station:read"
    PARCELS_WRITE = "parcels:write"
    INSPECTIONS_WRITE = "inspections:write"
    RETURNS_DECIDE = "returns:decide"
    OPS_READ = "ops:read"
    OPS_WRITE = "ops:write"
    POLICIES_READ = "policies:read"  # drafts too, which nobody outside has been promised
    POLICIES_WRITE = "policies:write"


class Role(StrEnum):
    STOREFRONT = "storefront"
    WAREHOUSE = "warehouse"
    OPERATOR = "operator"
    FINANCE = "finance"
    ADMIN = "admin"


ROLES: Mapping[Role, frozenset[Scope]] = MappingProxyType(
    {
        Role.STOREFRONT: frozenset(
            {Scope.ORDERS_READ, Scope.ORDERS_WRITE, Scope.CUSTOMERS_WRITE, Scope.RETURNS_READ, Scope.RETURNS_WRITE},
        ),
        # The warehouse sees goods, not money: what it needs to know comes with the scan.
        Role.WAREHOUSE: frozenset({Scope.STATION_READ, Scope.PARCELS_WRITE, Scope.INSPECTIONS_WRITE}),
        Role.OPERATOR: frozenset(
            {
                Scope.ORDERS_READ,
                Scope.RETURNS_READ,
                Scope.RETURNS_WRITE,  # an operator ends what cannot go on
                Scope.RETURNS_DECIDE,
                Scope.CUSTOMERS_WRITE,  # to lock a tier
                Scope.OPS_READ,
                Scope.OPS_WRITE,
                Scope.POLICIES_READ,
            }
        ),
        # Finance and auditors read, and move nothing.
        Role.FINANCE: frozenset({Scope.OPS_READ, Scope.RETURNS_READ, Scope.POLICIES_READ}),
        Role.ADMIN: frozenset(Scope),
    }
)


class Needs:
    """A route's scope; asked as a dependency, it is the caller that the door let in."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __call__(self, request: Request) -> keys.Caller:
        caller: keys.Caller = request.state.caller
        return caller


class OpenToAll:
    """A route without a key, and why."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __call__(self) -> None:
        return None


def needs(scope: Scope) -> Any:
    """To stand in a route's `dependencies`."""
    return Depends(Needs(scope))


def open_to_all(why: str) -> Any:
    return Depends(OpenToAll(why))


def scope_of(route: APIRoute) -> Scope | None:
    """The scope that a route names; None when it is open to all."""
    return next((found.scope for found in _declared(route) if isinstance(found, Needs)), None)


def undeclared(routes: Iterable[BaseRoute]) -> list[str]:
    """The routes that name no scope and do not say that they need none."""
    return [
        f"{', '.join(sorted(route.methods or ()))} {route.path}"
        for route in routes
        if isinstance(route, APIRoute) and len(_declared(route)) != 1
    ]


def _declared(route: APIRoute) -> list[Needs | OpenToAll]:
    found = [depends.dependency for depends in route.dependencies]
    return [one for one in found if isinstance(one, (Needs, OpenToAll))]


class KeyRing:
    """The keys as the database knows them. A good one is remembered for a few seconds, a wrong one never."""

    def __init__(self, sessions: Sessions, *, moment: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._moment = moment
        self._known: dict[bytes, tuple[float, keys.Caller]] = {}

    async def admit(self, authorization: str, scope: Scope) -> keys.Caller:
        """The caller, if the key is good and has the scope. Raises `NotAuthenticated` (401) or `NotAllowed` (403)."""
        kind, _, secret = authorization.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise NotAuthenticated("The request carries no API key.")
        caller = await self._caller(secret.strip())
        if caller is None:
            raise NotAuthenticated("The API key is not one of ours, has expired or was revoked.")
        if scope not in caller.scopes:
            raise NotAllowed(f"The key {caller.name!r} lacks the scope {scope}.", scope=scope)
        return caller

    async def _caller(self, secret: str) -> keys.Caller | None:
        print_of_it, now = hashlib.sha256(secret.encode("utf-8", "replace")).digest(), self._moment()
        until, caller = self._known.get(print_of_it, (0.0, None))
        if caller and now < until:
            return caller
        self._known.pop(print_of_it, None)
        found = await asyncio.to_thread(self._find, secret)
        if found:
            if len(self._known) >= REMEMBERED_KEYS:
                self._known.clear()
            self._known[print_of_it] = (now + REMEMBERED_S, found)
        return found

    def _find(self, secret: str) -> keys.Caller | None:
        with self._sessions() as session:
            return keys.find(session, secret)
