"""The command line's HTTP client: one server, one key, and errors that say what to do next.

Whatever moves something is sent under an Idempotency-Key. As long as there is patience, a call that got no answer (nobody there,
torn, 502, 503, 504) is sent again under the same key: the server carries it out once, however often it hears it.
"""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import quote

import httpx2

from domain.errors import BoomerangError

CONNECT_S, ANSWER_S = 2.0, 20.0
USUAL_PATIENCE_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
COME_BACK_LATER = frozenset({429, 502, 503, 504})
MANY_CALLS = 64  # at once, over one client


class ServerUnreachable(BoomerangError):
    """Nobody answered at the server's address, for as long as there was patience."""

    code: ClassVar[str] = "server_unreachable"
    title: ClassVar[str] = "The server does not answer"

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.advice = advice


class ServerRefused(BoomerangError):
    """The server said no; `problem` is its problem document (RFC 9457), `status` its HTTP status."""

    code: ClassVar[str] = "server_refused"
    title: ClassVar[str] = "The server refused"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.problem, self.http_status = dict(problem), status
        self.problem_code = str(problem.get("code", ""))
        self.advice = str(problem.get("next_action") or "")
        super().__init__(_sentence(status, problem))


@dataclass(frozen=True)
class Answer:
    """What the server said: the JSON body (of other content: None), the version to name when it is changed (ETag), and the bytes."""

    body: Any
    etag: str | None
    status: int
    content: bytes = b""


class ServerClient:
    """Calls one server under one API key. Safe to share between threads."""

    def __init__(self, url: str, api_key: str, *, patience_s: float | None = None) -> None:
        self.url = url
        self._patience_s = USUAL_PATIENCE_S if patience_s is None else patience_s
        self._no_more = threading.Event()
        self._client = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json"},
            timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S),
            limits=httpx2.Limits(
                max_connections=MANY_CALLS, max_keepalive_connections=MANY_CALLS, keepalive_expiry=3.0
            ),
            trust_env=False,  # the server stands on this machine or inside the house: no proxy between
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def give_up(self) -> None:
        """End all patience: calls that fail from now on are not tried again."""
        self._no_more.set()

    def get(self, path: str, **query: Any) -> Answer:
        """Read; `query` values that are None are left out."""
        asked = {name: str(value) for name, value in query.items() if value is not None}
        return self._call("GET", path, query=asked)

    def text(self, path: str, **query: Any) -> str:
        """Read something that is no JSON, such as a file of rows."""
        return self.get(path, **query).content.decode()

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
        actor: str | None = None,
    ) -> Answer:
        """Move something, once, under `key` (one is drawn when none is given); `actor` is who acts under a shared API key."""
        headers = {"Idempotency-Key": key or fresh_key()}
        if actor:
            headers["Boomerang-Actor"] = actor.encode("utf-8").decode(
                "latin-1"
            )  # as headers are written (RFC 9110, 5.5)
        if if_match:
            headers["If-Match"] = if_match
        return self._call("POST", path, body={} if body is None else body, headers=headers)

    def put(self, path: str, body: Any) -> Answer:
        return self._call("PUT", path, body=body, headers={"Idempotency-Key": fresh_key()})

    def pages(self, path: str, *, most: int | None = None, **query: Any) -> Iterator[Any]:
        """The items of a list, page after page, at most so many."""
        cursor, given = None, 0
        while True:
            page = self.get(path, cursor=cursor, **query).body
            for item in page["data"]:
                if most is not None and given >= most:
                    return
                given += 1
                yield item
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        until, pause = time.monotonic() + self._patience_s, FIRST_PAUSE_S
        while True:
            failed: BoomerangError
            try:
                response = self._client.request(method, path, json=body, params=query, headers=headers)
                if response.status_code < 400:
                    return Answer(_json(response), response.headers.get("etag"), response.status_code, response.content)
                failed = _problem(response)
                if response.status_code not in COME_BACK_LATER:
                    raise failed
            except httpx2.TransportError as error:
                failed = self._unreachable(error)
            except httpx2.InvalidURL as error:
                raise self._unreachable(error) from None
            if time.monotonic() + pause > until or self._no_more.wait(pause):
                raise failed from None
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _unreachable(self, error: Exception) -> BoomerangError:
        why = "no connection" if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout) else str(error)
        advice = "Start it with `boomerang up` or `boomerang demo`, or set BOOMERANG_SERVER_URL to where it runs."
        return ServerUnreachable(f"The server at {self.url} does not answer ({why or type(error).__name__}).", advice)


def at(path: str, *names: str) -> str:
    """An address under `path`: each name is one step of it, whatever signs it has.

    >>> at("/v1/orders", "o/1", "lines")
    '/v1/orders/o%2F1/lines'
    """
    return "/".join([path, *(quote(name, safe="") for name in names)])


def fresh_key() -> str:
    return f"cli-{secrets.token_hex(12)}"


def _problem(response: httpx2.Response) -> ServerRefused:
    said = _json(response)
    return ServerRefused(response.status_code, said if isinstance(said, dict) else {})


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json() if response.content else None
    except ValueError:
        return None


def _sentence(status: int, problem: Mapping[str, Any]) -> str:
    said = str(problem.get("detail") or problem.get("title") or f"The server answered {status}.")
    errors = problem.get("errors") or []
    where = [f"{error.get('pointer')}: {error.get('detail')}" for error in errors if error.get("pointer")]
    more = [text for text in where if text.partition(": ")[2] != said]
    return " ".join([said, *([f"({'; '.join(more)})"] if more else [])])
