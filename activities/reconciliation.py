"""Reconciling with payment providers: each one's own list is read to the end, laid beside our refunds, and compared by our ids.

Read first theirs, then ours: a refund of ours is written down before the provider hears of it, so whatever the list names must be known.
Nothing is held open while the provider is asked, and a run that is taken up again begins anew and finds the rows it had written.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from typing import NoReturn

from sqlalchemy.exc import IntegrityError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from database import reconciliations, refunds, reports
from database.engine import Clock, Sessions
from database.reconciliations import Listing, listing
from domain.errors import BoomerangError
from domain.reconciliation import (
    GRACE,
    Difference,
    ProviderRefund,
    Reconciled,
    above_captured,
    differences,
    sums_side_by_side,
)
from gateways.errors import GatewayError
from gateways.payments.base import PaymentGateway, RefundReceipt
from gateways.payments.payouts import pays_out

log = logging.getLogger("boomerang.worker")

PAGE = 500  # refunds that are laid down, or compared, at once


class Told(Enum):
    """What became of a provider's report."""

    TAKEN_OVER = "taken over"
    KNOWN_MEANWHILE = "known meanwhile"
    LEFT = "left"


class ReconciliationActivities:
    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        payments: Mapping[str, PaymentGateway],
        *,
        grace: timedelta = GRACE,
        page: int = PAGE,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._payments = payments
        self._grace = grace
        self._page = page

    @activity.defn(name="begin_reconciliation")
    def begin(self, run_id: str, by: str, providers: list[str]) -> list[str]:
        """Write the run down, unless whoever asked for it did; the providers to ask."""
        wanted = [code for code in sorted(self._payments) if not providers or code in providers]
        with self._sessions.begin() as session:
            at = self._clock(session)
            if wanted:
                reconciliations.ask(session, run_id, wanted, by=by, at=at, told_at=at)
            reconciliations.mark_told(session, run_id)
        return wanted

    @activity.defn(name="reconcile_provider")
    def reconcile(self, run_id: str, provider: str) -> Reconciled:
        """Compare everything with one provider, and write down each difference; the same again finds the same."""
        with self._sessions.begin() as session:
            started: datetime = reconciliations.begin(session, run_id, provider, self._clock(session)).started_at
        with listing(self._sessions, provider) as listed:
            self._read(listed, run_id)
            adopted = 0
            for found in self._differences(listed, started - self._grace):
                adopted += self._write_down(provider, run_id, found)
                self._beat({"listed": "all", "adopted": adopted})
            return self._finish(listed, run_id, adopted, started)

    @activity.defn(name="end_reconciliation")
    def end(self, run_id: str, provider: str) -> None:
        """It could not be done in time: the run says so."""
        with self._sessions.begin() as session:
            reconciliations.fail(session, run_id, provider, self._clock(session))

    def _read(self, listed: Listing, run_id: str) -> None:
        """The provider's list, to its end; how far it is can be read in the run's row."""
        total = 0
        pages = _in_pages(self._payments[listed.provider].list_refunds, self._page)
        while page := self._next(pages, run_id, listed.provider):
            listed.lay_down([_seen(receipt) for receipt in page])
            listed.session.commit()
            total += len(page)
            with self._sessions.begin() as session:
                reconciliations.note_progress(session, run_id, listed.provider, total)
            self._beat({"listed": total})
        listed.complete()
        listed.session.commit()

    def _next(
        self, pages: Iterator[tuple[RefundReceipt, ...]], run_id: str, provider: str
    ) -> tuple[RefundReceipt, ...] | None:
        try:
            return next(pages, None)
        except GatewayError as error:
            self._try_again_later(run_id, provider, error)

    def _differences(self, listed: Listing, settled_before: datetime) -> Iterator[list[Difference]]:
        for theirs, ours in listed.pairs(self._page):
            listed.session.commit()  # the connection does not stand in a transaction while differences are written down
            yield list(differences(theirs, ours, settled_before=settled_before))
        for payments in listed.payments(self._page):
            listed.session.commit()
            yield list(above_captured(payments))

    def _write_down(self, provider: str, run_id: str, found: list[Difference]) -> int:
        """How many reports were taken over; what none of them settles stays a difference."""
        told = {one.key: self._take_over(provider, one) for one in found if one.adopt and not one.under_way}
        left = [one for one in found if told.get(one.key) is not Told.KNOWN_MEANWHILE]
        adopted = [key for key, what in told.items() if what is Told.TAKEN_OVER]
        if left:
            with self._sessions.begin() as session:
                at = self._clock(session)
                reconciliations.note(session, provider, run_id, left, at)
                if adopted:
                    reconciliations.mark_adopted(session, provider, adopted, at)
        return len(adopted)

    def _take_over(self, provider: str, one: Difference) -> Told:
        assert one.adopt is not None
        try:
            with self._sessions.begin() as session:
                part = refunds.get_part(session, one.refund_id or "")
                if part is None:
                    return Told.KNOWN_MEANWHILE
                changed, _ = reports.take_over(
                    session,
                    part,
                    one.adopt.status,
                    provider_id=one.adopt.provider_id,
                    failure=one.adopt.failure,
                    by=provider,
                    clock=self._clock,
                    pays_out=any(pays_out(gateway) for gateway in self._payments.values()),
                )
        except (
            BoomerangError,
            IntegrityError,
        ) as error:  # our own books do not bear it: a person looks, and the run goes on
            log.warning("%s of %s: %s", one.key, provider, type(error).__name__)
            return Told.LEFT
        return Told.TAKEN_OVER if changed else Told.KNOWN_MEANWHILE

    def _finish(self, listed: Listing, run_id: str, adopted: int, started: datetime) -> Reconciled:
        theirs_count, ours_count, theirs, ours = listed.counted()
        listed.session.commit()
        with self._sessions.begin() as session:
            at = self._clock(session)
            reconciliations.resolve_gone(session, listed.provider, not_seen_since=started, at=at)
            still_open = reconciliations.finish(
                session,
                run_id,
                listed.provider,
                at=at,
                ours=ours_count,
                adopted=adopted,
                sums=sums_side_by_side(theirs, ours),
            )
        return Reconciled(listed.provider, theirs_count, ours_count, adopted, still_open)

    def _try_again_later(self, run_id: str, provider: str, error: GatewayError) -> NoReturn:
        with self._sessions.begin() as session:
            trouble = {
                "tries": activity.info().attempt,
                "last_error": error.detail,
                "last_code": error.code,
                "at": self._clock(session).isoformat(),
            }
            reconciliations.note_trouble(session, run_id, provider, trouble)
        raise ApplicationError(f"{provider}: {error}", type=type(error).__name__) from error

    def _beat(self, progress: dict[str, int | str]) -> None:
        activity.heartbeat(progress)
        if activity.is_worker_shutdown():
            raise ApplicationError("This worker is ending; another one begins the list again.", type="worker_ends")


def _in_pages(read: Callable[[], Iterator[RefundReceipt]], size: int) -> Iterator[tuple[RefundReceipt, ...]]:
    listed = read()
    while page := tuple(islice(listed, size)):
        yield page


def _seen(receipt: RefundReceipt) -> ProviderRefund:
    return ProviderRefund(
        receipt.provider_id,
        receipt.refund_id,
        receipt.status,
        receipt.amount_minor,
        receipt.currency,
        receipt.payment_reference or "",
        receipt.case_id,
        receipt.failure,
        receipt.moved_at,
    )
