"""Reading a request: at most so many bytes, strict JSON, never deeper than anyone would write it."""

import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.errors import BodyTooLarge, MalformedJson, NotJson
from api.security import scope_of

BODY_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 32


class StrictRequest(Request):
    """A request whose body is bounded, and read as JSON before anything else looks at it."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            declared = self.headers.get("content-length", "")
            if declared.isdecimal() and int(declared) > BODY_BYTES_MAX:
                raise _too_large()
            read = bytearray()
            async for chunk in self.stream():
                read += chunk
                if len(read) > BODY_BYTES_MAX:
                    raise _too_large()
            self._body = bytes(read)
        return self._body

    async def read_json(self) -> None:
        """Read the body; `json()` has it from then on. No body at all is left to the route."""
        raw = await self.body()
        if raw and not _says_json(self.headers.get("content-type", "")):
            raise NotJson("The Content-Type of the request is not application/json.")
        self._json = parse(raw) if raw else None


class Door(APIRoute):
    """A route that lets the caller in before it reads a byte of what the caller sent."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle, scope = super().get_route_handler(), scope_of(self)

        async def read_and_handle(plain: Request) -> Response:
            request = StrictRequest(plain.scope, plain.receive)
            if scope is not None:
                authorization = request.headers.get("authorization", "")
                request.state.caller = await request.app.state.key_ring.admit(authorization, scope)
            if self.body_field is not None:
                await request.read_json()
            return await handle(request)

        return read_and_handle


def parse(raw: bytes) -> Any:
    """JSON as RFC 8259 has it, without what it leaves to chance: names twice, NaN, halves of surrogate pairs."""
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_every_name_once
        )
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(
            f"It cannot be read from line {error.lineno}, column {error.colno}, on: {error.msg}."
        ) from None
    except ValueError:  # a whole number of thousands of digits
        raise MalformedJson("It contains a number that nobody means.") from None
    _check(value, surrogates=b"\\u" in raw)
    return value


def fingerprint(value: Any) -> str:
    """The same for two bodies that say the same, however they are spaced and ordered."""
    canonical = json.dumps({} if value is None else value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _says_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than {BODY_BYTES_MAX} bytes.")


def _too_deep() -> MalformedJson:
    return MalformedJson(f"It is nested more than {DEPTH_MAX} deep.")


def _no_number(word: str) -> Any:
    raise MalformedJson(f"{word} is not a number in JSON.")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise MalformedJson("It contains a number that is too large.")
    return value


def _every_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("An object has the same name twice.")
    return found


def _check(value: Any, *, surrogates: bool) -> None:
    """Level by level rather than by recursion: the depth is what is in question."""
    level, depth = [value], 0
    while level:
        if depth > DEPTH_MAX:
            raise _too_deep()
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below.extend(one.values())
                if surrogates:
                    below.extend(one)
            elif isinstance(one, list):
                below.extend(one)
            elif surrogates and isinstance(one, str) and not _is_unicode(one):
                raise MalformedJson("It contains half of a surrogate pair.")
        level, depth = below, depth + 1


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
