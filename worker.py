"""Process: a worker. It carries cases (workflows) and their effects (activities); any number of them share the work."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.advances import AdvanceActivities
from activities.goodwill import GoodwillActivities
from activities.mail import MailActivities
from activities.notes import NoteActivities
from activities.parcel import ParcelActivities
from activities.reconciliation import ReconciliationActivities
from activities.settlement import SettlementActivities
from activities.tier_review import TierReviewActivities
from assembly import Partners, connected_client, given, partners_of
from database.engine import Clock, Sessions, connect, database_time, sessions
from desk.policies import PolicyShelf
from domain.errors import BoomerangError
from domain.tenders import TenderLimits
from policies.book import load_policy_book
from policies.page import HERE as POLICIES
from policies.sellers import FILE as SELLERS
from policies.sellers import load_sellers
from settings import Settings, read_settings
from telemetry import set_up_logs
from workflows.goodwill import Goodwill
from workflows.reconciliation import Reconciliation
from workflows.return_case import ReturnCase
from workflows.schedules import ensure_schedules
from workflows.tier_review import TierReview
from workflows.withdrawal import AcknowledgeWithdrawal

log = logging.getLogger("boomerang.worker")

WORKFLOWS: Sequence[type] = (ReturnCase, AcknowledgeWithdrawal, TierReview, Reconciliation, Goodwill)
HOME = "GB"  # where the warehouse of the demo merchant stands


# Passed through the sandbox, so that every type is one type (worker, replayer, tests), and because the sandbox imports what is left anew
# for every run: with these, half of a worker's processor time went into importing. What remains inside is the interpreter itself.
PASSED_THROUGH = ("domain", "pydantic", "workflows.messages", "workflows.options", "workflows.deadlines")


def sandbox() -> SandboxedWorkflowRunner:
    """How workflows are run, here and wherever they are replayed."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def activities(
    made: Sessions,
    partners: Partners,
    *,
    clock: Clock = database_time,
    home: str = HOME,
    policies: Path = POLICIES,
    programme: str = "standard",
    tender_limits: Mapping[str, TenderLimits] | None = None,
) -> list[Any]:
    """Every effect of the house. `policies` is the folder of the policy book, `programme` the one whose thresholds tiers have.

    `tender_limits` are those that the payment providers set, where nothing else is said.
    """
    if tender_limits is None:
        rules = {code: gateway.rules for code, gateway in partners.payments.items()}
        tender_limits = {code: TenderLimits(rule.max_age_days, rule.max_refunds) for code, rule in rules.items()}
    notes = NoteActivities(made, clock)
    parcel = ParcelActivities(made, clock, partners.carriers, carrier="simulated", home=home)
    sellers = load_sellers(policies / SELLERS.name)
    settlement = SettlementActivities(made, clock, partners.payments, tender_limits, sellers)
    goodwill = GoodwillActivities(made, clock, partners.payments, tender_limits)
    mail = MailActivities(made, clock, partners.mail)
    effects = [notes.record, notes.write_over, parcel.book, parcel.void, parcel.send_back, settlement.settle]
    ahead = AdvanceActivities(made, clock, partners.payments)
    effects += [ahead.recharge, ahead.reverse, ahead.write_off, ahead.release]
    book = load_policy_book(policies)
    tiers = TierReviewActivities(made, clock, PolicyShelf(book, programme).thresholds, book.rates)
    books = ReconciliationActivities(made, clock, partners.payments)
    money = [goodwill.pay, books.begin, books.reconcile, books.end]
    return [*effects, *money, mail.acknowledge_withdrawal, tiers.review]


def make_worker(
    client: Client, effects: Sequence[Any], *, task_queue: str, threads: int = 16, max_cached_workflows: int = 2000
) -> Worker:
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=effects,
        activity_executor=ThreadPoolExecutor(threads, thread_name_prefix="effect"),
        workflow_runner=sandbox(),
        max_cached_workflows=max_cached_workflows,
        max_concurrent_activities=threads,
        max_concurrent_local_activities=threads,
        graceful_shutdown_timeout=timedelta(seconds=10),
    )


async def work(settings: Settings) -> None:
    client = await connected_client(settings)
    engine = connect(given(settings.database_url, "database_url"), pool=settings.worker_threads)
    worker = make_worker(
        client,
        activities(sessions(engine), partners_of(settings), policies=settings.policies, programme=settings.programme),
        task_queue=settings.task_queue,
        threads=settings.worker_threads,
        max_cached_workflows=settings.max_cached_workflows,
    )
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with worker:
        log.info("carrying cases from %s", settings.task_queue)
        await _schedule(client, settings.task_queue)
        await stop.wait()


async def _schedule(client: Client, task_queue: str) -> None:
    try:
        await ensure_schedules(client, task_queue)
    except RPCError as error:  # cases are carried all the same; the next worker that starts tries again
        log.warning("the schedules could not be made: %s", error)


def main() -> None:
    settings = read_settings()
    set_up_logs("worker", settings.log_level)
    try:
        asyncio.run(work(settings))
    except BoomerangError as error:
        sys.exit(f"worker: {error.detail}")
    # The Temporal core may still hold a thread that outlives the interpreter; everything of ours is closed by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
