"""What routes are handed: the desk, a session to read with, who speaks, and the headers that make a request safe to repeat."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from sqlalchemy.orm import Session

from api.errors import ActorMalformed, EntityTagMalformed, IdempotencyKeyMalformed, IdempotencyKeyMissing
from api.reading import fingerprint
from database.engine import Sessions
from desk import Caller, IdempotencyKey, ReturnsDesk
from desk.withdrawals import WithdrawalsDesk

NAME_MAX = 80  # of who speaks, as it is written into the timeline
ACTOR_MAX = 40
KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")
TAG_FORM = re.compile(r'"?(\d{1,9})"?')


@dataclass(frozen=True)
class Partners:
    """The codes under which partners may send events."""

    carriers: Collection[str]
    payments: Collection[str]


def _desk(request: Request) -> ReturnsDesk:
    desk: ReturnsDesk = request.app.state.desk
    return desk


def _withdrawals(request: Request) -> WithdrawalsDesk:
    desk: WithdrawalsDesk = request.app.state.withdrawals
    return desk


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


def _session(request: Request) -> Iterator[Session]:
    with _sessions(request)() as session:
        yield session


def _speaker(
    request: Request,
    actor: Annotated[
        str | None,
        Header(
            alias="Boomerang-Actor",
            description="Who acts, where one key serves several people; written into the timeline. "
            "At most 40 printable characters.",
        ),
    ] = None,
) -> Caller:
    key = request.state.caller
    name = key.name
    if actor is not None:
        spoken = _as_utf8(actor).strip()
        if not spoken or len(spoken) > ACTOR_MAX or not spoken.isprintable():
            raise ActorMalformed("The header Boomerang-Actor is empty, too long or not printable.")
        name = f"{name[: NAME_MAX - len(spoken) - 2]}: {spoken}"
    return Caller(key.id, name[:NAME_MAX])


def _idempotency_key(
    request: Request,
    given: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Required. A value of your own, one for each thing you want done: sent again with the same key, "
            "the request is carried out once, and the answer says `Idempotent-Replayed: true`.",
        ),
    ] = None,
) -> IdempotencyKey:
    if not given:
        raise IdempotencyKeyMissing("This request moves something, so it needs an Idempotency-Key.")
    value = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    if not KEY_FORM.fullmatch(value):
        raise IdempotencyKeyMalformed("The Idempotency-Key is empty, too long or has characters that cannot be seen.")
    body = getattr(request, "_json", None)
    return IdempotencyKey(value, f"{request.method} {request.url.path}", fingerprint(body))


def _if_match(
    given: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The ETag of the return as you saw it: 412, with who and when, if somebody changed it since.",
        ),
    ] = None,
) -> int | None:
    if given is None or given.strip() == "*":
        return None
    found = TAG_FORM.fullmatch(given.strip())
    if not found:
        raise EntityTagMalformed("The header If-Match is not an ETag of a return.")
    return int(found[1])


def _as_utf8(header: str) -> str:
    """Headers arrive as Latin-1 (RFC 9110, section 5.5); a name that was sent as UTF-8 is read as that."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


Desk = Annotated[ReturnsDesk, Depends(_desk)]
Withdrawals = Annotated[WithdrawalsDesk, Depends(_withdrawals)]
Reading = Annotated[Session, Depends(_session)]
Speaker = Annotated[Caller, Depends(_speaker)]
Key = Annotated[IdempotencyKey, Depends(_idempotency_key)]
Version = Annotated[int | None, Depends(_if_match)]
