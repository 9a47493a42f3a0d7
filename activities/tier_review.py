"""The review of tiers: every customer's tier is worked out anew and put on record, page by page.

A page is one transaction of a few statements, however many customers it has. After each page the review says how far it is; whoever
takes it up after a crash goes on from there, and a page that is done twice changes nothing the second time.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from database import customers
from database.customers import Known, ThresholdsAt, Why
from database.engine import Clock, Sessions
from domain.rates import PolicyRates
from domain.tier import Reviewed, Standing, TierThresholds, orders_since, standing_at


@dataclass(frozen=True)
class Progress:
    """How far a review is: the last customer of the last page, how many so far, how many tiers changed, and the tally before it."""

    before: Mapping[str, int]
    after_customer: str = ""
    customers: int = 0
    changed: int = 0


@dataclass(frozen=True)
class Page:
    """What a page came to: where each of its customers stands, and how many tiers changed."""

    standings: Mapping[str, Standing]
    last: str
    changed: int


class TierReviewActivities:
    def __init__(
        self, sessions: Sessions, clock: Clock, thresholds: ThresholdsAt, rates: PolicyRates | None = None
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._thresholds = thresholds
        self._rates = rates

    @activity.defn(name="review_tiers")
    def review(self, page_size: int) -> Reviewed:
        """Review every customer; taken up where the last try's heartbeat says that it was."""
        told = activity.info().heartbeat_details
        progress = Progress(**told[0]) if told else begin_review(self._sessions)
        activity.heartbeat(asdict(progress))
        while page := self._page(progress, page_size):
            progress = advanced(progress, page)
            activity.heartbeat(asdict(progress))
            if activity.is_worker_shutdown():
                raise ApplicationError("This worker is ending; another one goes on from here.", type="worker_ends")
        return end_review(self._sessions, progress)

    def _page(self, progress: Progress, size: int) -> Page | None:
        with self._sessions.begin() as session:
            return review_page(
                session, self._thresholds, self._rates, self._clock, after=progress.after_customer, size=size
            )


def begin_review(sessions: Sessions) -> Progress:
    with sessions() as session:
        return Progress(before=customers.tally(session))


def advanced(progress: Progress, page: Page) -> Progress:
    return replace(
        progress,
        after_customer=page.last,
        customers=progress.customers + len(page.standings),
        changed=progress.changed + page.changed,
    )


def end_review(sessions: Sessions, progress: Progress) -> Reviewed:
    with sessions() as session:
        after = customers.tally(session)
    return Reviewed(progress.customers, progress.changed, progress.before, after)


def review_page(
    session: Session,
    thresholds: ThresholdsAt,
    rates: PolicyRates | None,
    clock: Clock,
    *,
    after: str,
    size: int,
) -> Page | None:
    """Review the next customers and put their tiers on record, with every change; None after the last one."""
    met = customers.page_of(session, after=after, size=size, lock=True)
    if not met:
        return None
    # The moment is asked for once the customers are held: a lock on any of them is older than it.
    at = clock(session)
    older = [known for known in met if known.reviewed_at is None or known.reviewed_at <= at]
    standings = _stand(session, older, thresholds(session, at), rates, at)
    changes = [found for known in older if (found := _change(known, standings[known.customer_id], at))]
    customers.write_standings(session, [(known, standings[known.customer_id]) for known in older], at)
    customers.note_changes(session, changes)
    return Page(standings, met[-1].customer_id, len(changes))


def look_at_page(
    session: Session,
    thresholds: ThresholdsAt,
    rates: PolicyRates | None,
    at: datetime,
    *,
    after: str,
    size: int,
) -> Page | None:
    """Where the next customers stood at a moment; nothing is written."""
    met = customers.page_of(session, after=after, size=size, lock=False)
    if not met:
        return None
    standings = _stand(session, met, thresholds(session, at), rates, at)
    changed = sum(standings[known.customer_id].tier is not known.tier for known in met)
    return Page(standings, met[-1].customer_id, changed)


def _stand(
    session: Session, met: list[Known], thresholds: TierThresholds, rates: PolicyRates | None, at: datetime
) -> dict[str, Standing]:
    ids = [known.customer_id for known in met]
    bought = customers.purchases_of(session, ids, since=orders_since(thresholds, at), until=at)
    return {
        known.customer_id: standing_at(bought[known.customer_id], known.lock, thresholds, rates, at) for known in met
    }


def _change(known: Known, standing: Standing, at: datetime) -> dict[str, Any] | None:
    if known.lock and known.lock.is_over(at):
        return customers.change(known, standing.tier, Why.LOCK_ENDED, at, reason=known.lock.reason)
    if standing.tier is not known.tier:
        return customers.change(known, standing.tier, Why.REVIEWED, at, reason=standing.why.rule)
    return None
