"""API keys, kept as hashes; and the answers given under an idempotency key."""

import hashlib
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from ulid import ULID

from database.tables import api_keys, idempotency_keys

ALPHABET = string.digits + string.ascii_letters
PREFIX = "rk_live_"
SECRET_LENGTH = 30  # base 62: 178 bits
CHECK_LENGTH = 6


@dataclass(frozen=True)
class Caller:
    """Who calls: the key's id and name, and what it may do."""

    id: str
    name: str
    scopes: frozenset[str]


def create(session: Session, name: str, scopes: Sequence[str]) -> tuple[str, str]:
    """A new key: its id, and the secret itself, which is shown once and kept nowhere."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    secret = PREFIX + body + _check_digits(body)
    key_id = f"key_{ULID()}"
    session.execute(
        api_keys.insert().values(
            id=key_id, name=name, prefix=PREFIX, last4=secret[-4:], hash=_hash(secret), scopes=sorted(scopes)
        )
    )
    return key_id, secret


def find(session: Session, secret: str) -> Caller | None:
    """The caller behind a secret; a mistyped one is told by its check digits, without asking the database."""
    if not well_formed(secret):
        return None
    row = session.execute(
        select(api_keys).where(
            api_keys.c.hash == _hash(secret),
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now()),
        )
    ).one_or_none()
    return Caller(row.id, row.name, frozenset(row.scopes)) if row else None


def well_formed(secret: str) -> bool:
    body = secret.removeprefix(PREFIX)
    if body == secret or len(body) != SECRET_LENGTH + CHECK_LENGTH:
        return False
    return secrets.compare_digest(_check_digits(body[:SECRET_LENGTH]).encode(), body[SECRET_LENGTH:].encode())


def revoke(session: Session, key_id: str) -> bool:
    done = session.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(api_keys.c.id)
    )
    return done.first() is not None


def every(session: Session) -> Sequence[Row[Any]]:
    return session.execute(select(api_keys).order_by(api_keys.c.created_at)).all()


# --- idempotency ---


def claim(session: Session, caller: str, route: str, key: str, body_hash: str) -> Row[Any] | None:
    """Take the key for this transaction, or the row of the call that had it before.

    Two calls with one key at the same instant: the second waits here for the first one's transaction.
    """
    taken = session.execute(
        insert(idempotency_keys)
        .values(caller=caller, route=route, key=key, body_hash=body_hash, status=0, response={})
        .on_conflict_do_nothing()
        .returning(idempotency_keys.c.key)
    ).first()
    if taken:
        return None
    return session.execute(
        select(idempotency_keys).where(
            idempotency_keys.c.caller == caller, idempotency_keys.c.route == route, idempotency_keys.c.key == key
        )
    ).one()


def answer(
    session: Session,
    caller: str,
    route: str,
    key: str,
    *,
    status: int,
    response: dict[str, Any],
    case_id: str | None,
    fact_id: str | None,
) -> None:
    session.execute(
        update(idempotency_keys)
        .where(idempotency_keys.c.caller == caller, idempotency_keys.c.route == route, idempotency_keys.c.key == key)
        .values(status=status, response=response, case_id=case_id, fact_id=fact_id)
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_digits(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
