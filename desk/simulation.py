"""Trying a policy on past returns, as the rows have them, before it is published."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from database import past, policies
from database.engine import Clock, Sessions, database_time
from desk.policies import FILE, LIVE, PolicyShelf, read_published
from domain.comparison import Comparison
from domain.policy import PolicyBook, ReturnPolicy
from policies.drafts import read_draft
from policies.trial import Trial, try_out

Told = Callable[[Comparison], None]


def policy_named(session: Session, name: str, book: PolicyBook, *, programme: str, at: datetime) -> ReturnPolicy:
    """A policy by its id: a draft, a version, `file:<programme>` of the release, or `live`, which counts for the programme at `at`."""
    if name == LIVE:
        return PolicyShelf(book, programme)(session, at)
    if name.startswith(FILE):
        return book.programme(name.removeprefix(FILE))
    row = policies.get(session, name)
    return read_published(row) if row.published_at else read_draft(row.text, f"policy {row.id}", book)


def simulate(
    sessions: Sessions,
    book: PolicyBook,
    *,
    before: ReturnPolicy,
    after: ReturnPolicy,
    since: datetime,
    until: datetime,
    processes: int = 1,
    told: Told = lambda so_far: None,
    clock: Clock = database_time,
) -> Comparison:
    """The returns asked for from `since` to before `until`, run again under both policies; nothing is written."""
    with sessions() as session:
        assumed = past.courses(session, since=since, until=until)
        groups = past.groups(session, since=since, until=until, now=clock(session))
        return try_out(Trial(book, before, after, assumed), groups, processes=processes, told=told)
