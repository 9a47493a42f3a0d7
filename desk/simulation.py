"""Trying a policy on past returns, as the rows have them, before it is published."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from database import past, policies
from database.engine import Clock, Sessions, database_time, patient
from desk.policies import FILE, LIVE, PoliciesDesk, PolicyShelf, read_published
from domain.comparison import Comparison
from domain.errors import Conflict, Invalid
from domain.policy import PolicyBook, ReturnPolicy
from policies.drafts import read_draft
from policies.trial import Trial, try_out

Told = Callable[[Comparison], None]
MOST_AT_ONCE = 10_000  # returns, of one request to a server that has other things to do


class LastDayBeforeFirst(Invalid):
    code = "last_day_before_first"
    next_action = "Name the first day, then the last."


class TooManyReturns(Conflict):
    code = "too_many_returns"
    title = "More returns than one request runs again"
    next_action = "Ask for fewer days, or use the command: boomerang policy simulate."


def simulate_named(desk: PoliciesDesk, policy_id: str, against: str, *, since: datetime, until: datetime) -> Comparison:
    """As `simulate`, for two policies by their ids; `against` may be `live`, for the programme of the first."""
    if until <= since:
        raise LastDayBeforeFirst("The last day lies before the first.", pointer="/to")
    with desk.sessions() as session:
        at = database_time(session)
        after = policy_named(session, policy_id, desk.book, programme="", at=at)
        before = policy_named(session, against, desk.book, programme=after.programme, at=at)
        returns = past.count(session, since=since, until=until)
    if returns > MOST_AT_ONCE:
        raise TooManyReturns(
            f"{returns:,} returns were asked for on those days, {MOST_AT_ONCE:,} are run again at once."
        )
    return simulate(desk.sessions, desk.book, before=before, after=after, since=since, until=until)


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
        patient(session)  # what was read is computed with before more of it is read
        assumed = past.courses(session, since=since, until=until)
        groups = past.groups(session, since=since, until=until, now=clock(session))
        return try_out(Trial(book, before, after, assumed), groups, processes=processes, told=told)
