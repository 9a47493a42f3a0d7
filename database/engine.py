"""How the house reaches PostgreSQL: one engine per process, sessions that the caller commits."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]
Clock = Callable[[Session], datetime]


def connect(url: str, *, pool: int = 10) -> Engine:
    """An engine for `url` (its driver named: `postgresql+psycopg2://…`).

    No statement runs longer than 15 s and none waits longer than 5 s for a lock: a stuck neighbour is an error to retry, not a hang.
    """
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=pool,
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,  # an error is logged, and kept in histories; the values of a statement are people's
        connect_args={
            "connect_timeout": 5,
            "options": "-c timezone=utc -c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
        },
    )


def sessions(engine: Engine) -> Sessions:
    return sessionmaker(engine, expire_on_commit=False)


def patient(session: Session) -> None:
    """Let this transaction stand idle while what it read is worked on; for reading only, it would hold its locks."""
    session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def database_time(session: Session) -> datetime:
    """The one clock that every process shares; the machines' own may differ."""
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment
