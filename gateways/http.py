"""How we call a partner: one try, short waits, no redirects, answers capped and judged before anyone believes them.

What an answer means is decided here once for all partners that speak JSON over HTTP:

    2xx                               carried out
    409 with code `in_progress`       OutcomeUnknown: the first try under this key still runs
    4xx in the partner's own form     refused, with the partner's reason
    401, 403, 429                     ProviderUnreachable: not let in, so nothing was carried out
    no connection                     ProviderUnreachable
    anything else                     OutcomeUnknown: 5xx, 3xx, a foreign 4xx, a time-out, a torn connection,
                                      an answer we cannot read

The partner's own form of a refusal is `{"error": {"code": "...", "message": "..."}}`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateways.errors import OutcomeUnknown, ProviderRefused, ProviderUnreachable

CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0
ANSWER_BYTES_MAX = 4 * 1024 * 1024

Shape = TypeVar("Shape", bound=BaseModel)


class PartnerShape(BaseModel):
    """What we read of a partner's JSON: types strictly as promised, fields we do not know left alone."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Reason(PartnerShape):
    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    message: str = Field(default="", max_length=2000)


class _Refusal(PartnerShape):
    error: _Reason


@dataclass(frozen=True)
class PartnerAddress:
    """Where a partner answers, and what lets us in. Several webhook secrets, newest first, are parted by a space."""

    base_url: str
    api_key: str
    webhook_secret: str


@dataclass(frozen=True)
class Answered:
    """What a partner said: the status, the headers in small letters, and the body as it came."""

    status: int
    headers: Mapping[str, str]
    raw: bytes


class Wire:
    """A connection pool to one partner: one try per request, short waits. Safe to share between threads."""

    def __init__(
        self, base_url: str = "", *, headers: Mapping[str, str] | None = None, read_seconds: float = READ_SECONDS
    ) -> None:
        self._read_seconds = read_seconds
        self._client = httpx2.Client(
            base_url=base_url,
            # "identity": a capped answer must not unfold into an uncapped one.
            headers={"Accept": "application/json", **(headers or {}), "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS),
            # Idle connections are let go before servers (5 s is usual) close them under a request, which would
            # turn a refund that was never sent into one of unknown outcome.
            limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0),
            follow_redirects=False,
            trust_env=False,  # no proxy or netrc from the surroundings between us and the money
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> Answered:
        """Send once, `body` as JSON or `content` as it is. Raises `ProviderUnreachable` when nothing was sent, and
        `OutcomeUnknown` when it was and no whole answer came."""
        said = f"{method} {url.partition('?')[0]}"
        whole_by = time.monotonic() + CONNECT_SECONDS + 2 * self._read_seconds
        try:
            with self._client.stream(
                method, url, json=body, content=content, params=query, headers=headers
            ) as response:
                parts: list[bytes] = []
                size = 0
                for part in response.iter_raw():
                    parts.append(part)
                    size += len(part)
                    if size > ANSWER_BYTES_MAX:
                        raise OutcomeUnknown(f"{said} answered more than {ANSWER_BYTES_MAX} bytes")
                    if time.monotonic() > whole_by:
                        raise OutcomeUnknown(f"{said} answered too slowly to wait for the end")
                return Answered(response.status_code, dict(response.headers), b"".join(parts))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as fault:
            raise ProviderUnreachable(f"{said} was not sent: {type(fault).__name__}") from fault
        except httpx2.TransportError as fault:
            raise OutcomeUnknown(f"{said} was sent without an answer: {type(fault).__name__}") from fault

    def close(self) -> None:
        self._client.close()


class PartnerClient:
    """Calls to one partner that refuses in the form above. Safe to share between threads."""

    def __init__(self, base_url: str, api_key: str, *, read_seconds: float = READ_SECONDS) -> None:
        self._wire = Wire(base_url, headers={"Authorization": f"Bearer {api_key}"}, read_seconds=read_seconds)

    def call(
        self,
        method: str,
        path: str,
        *,
        shape: type[Shape],
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        refused: type[ProviderRefused] = ProviderRefused,
    ) -> Shape:
        """One request, one answer in the promised shape; raises as the module says; `refused` for a definite no."""
        answer = self._wire.send(method, path, body=body, query=query, headers=headers)
        if 200 <= answer.status < 300:
            return readable(shape, answer.raw, f"{method} {path} answered {answer.status}")
        raise _meaning_of(method, path, answer.status, answer.raw, refused)

    def close(self) -> None:
        self._wire.close()


def readable(shape: type[Shape], raw: bytes, said: str) -> Shape:
    """A yes in the promised shape; one that we cannot read says nothing of what was done (`OutcomeUnknown`)."""
    try:
        return shape.model_validate_json(raw)
    except ValidationError as wrong:
        raise OutcomeUnknown(
            f"{said} in a form we cannot read ({wrong.error_count()} faults)", code="unreadable_answer"
        ) from wrong


def _meaning_of(method: str, path: str, status: int, raw: bytes, refused: type[ProviderRefused]) -> Exception:
    said = f"{method} {path} answered {status}"
    if status in (401, 403):
        return ProviderUnreachable(f"{said}: our key is not accepted", code="not_admitted")
    if status == 429:
        return ProviderUnreachable(f"{said}: asked to come back later", code="slow_down")
    if not 400 <= status < 500:
        return OutcomeUnknown(said)
    try:
        reason = _Refusal.model_validate_json(raw).error
    except ValidationError:
        return OutcomeUnknown(f"{said}, not in the partner's own form")
    if reason.code == "in_progress":
        return OutcomeUnknown(f"{said}: the first try still runs", code="in_progress")
    return refused(reason.message, code=reason.code)
