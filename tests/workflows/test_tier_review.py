"""The daily review on the real Temporal server: triggered by its schedule, and killed in the middle and taken up by another worker."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.tier_review import TierReviewActivities
from database import orders
from database.engine import Sessions, database_time
from database.orders import Customer
from desk.policies import PolicyShelf
from policies.book import load_policy_book
from settings import ROOT
from tests.waiting_for import eventually
from worker import make_worker
from workflows.schedules import ensure_schedules, tier_review_id
from workflows.tier_review import TierReview

pytestmark = pytest.mark.anyio
IDS = [f"c_{number}" for number in range(1, 8)]
WORKER = """
import asyncio, sys
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from activities.tier_review import TierReviewActivities
from database.engine import connect, database_time, sessions
from desk.policies import PolicyShelf
from policies.book import load_policy_book
from worker import make_worker

async def work(temporal, queue, database):
    client = await Client.connect(temporal, data_converter=pydantic_data_converter)
    tiers = TierReviewActivities(sessions(connect(database)), database_time, PolicyShelf(load_policy_book(), "standard").thresholds)
    async with make_worker(client, [tiers.review], task_queue=queue):
        await asyncio.Event().wait()

asyncio.run(work(*sys.argv[1:]))
"""
_numbers = count(1)


@pytest.fixture(autouse=True)
def fresh(made_sessions: Sessions) -> None:
    """Seven customers of whom nothing is on record; no house is needed."""
    with made_sessions.begin() as session:
        session.execute(text("ALTER TABLE customer_tier_changes DISABLE TRIGGER tier_changes_no_truncate"))
        session.execute(text("TRUNCATE customer_tiers, customer_tier_changes, orders, customers CASCADE"))
        session.execute(text("ALTER TABLE customer_tier_changes ENABLE TRIGGER tier_changes_no_truncate"))
        orders.put_customers(session, [Customer(customer, "GB") for customer in IDS])


@pytest.fixture
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture
def queue() -> str:
    return f"reviews-{next(_numbers)}"


def on_record(made: Sessions) -> dict[str, str]:
    with made() as session:
        return {row.customer_id: row.tier for row in session.execute(text("SELECT * FROM customer_tiers"))}


def buy(session: Session, customer: str) -> None:
    """Enough for INTERMEDIATE."""
    for number in (1, 2):
        session.execute(
            text(
                "INSERT INTO orders (id, customer_id, market, placed_at, currency, total_minor, content_hash)"
                " VALUES (:id, :customer, 'GB', :at, 'GBP', 20000, '-')"
            ),
            {"id": f"o_{customer}_{number}", "customer": customer, "at": datetime.now(UTC)},
        )


async def test_the_schedule_made_at_start_reviews_every_customer(
    made_sessions: Sessions, client: Client, queue: str
) -> None:
    tiers = TierReviewActivities(made_sessions, database_time, PolicyShelf(load_policy_book(), "standard").thresholds)
    async with make_worker(client, [tiers.review], task_queue=queue):
        await ensure_schedules(client, queue)
        schedule = client.get_schedule_handle(tier_review_id(queue))
        await schedule.trigger()
        await eventually(lambda: len(on_record(made_sessions)) == len(IDS))
        (action,) = (await schedule.describe()).info.recent_actions
        assert isinstance(action.action, ScheduleActionExecutionStartWorkflow)
        ran = client.get_workflow_handle_for(TierReview.run, action.action.workflow_id)
        assert (await ran.result()).after["ENTRY"] == len(IDS)
        await schedule.delete()


async def test_a_review_that_is_killed_in_the_middle_is_taken_up_where_it_was(
    made_sessions: Sessions, database_url: str, temporal_address: str, client: Client, queue: str
) -> None:
    """The review is stopped before its third page by a row that this test holds; then its worker is killed outright."""
    with made_sessions() as holding:
        holding.execute(text("SELECT 1 FROM customers WHERE id = 'c_6' FOR UPDATE"))
        with worker(temporal_address, queue, database_url) as first:
            running = await client.start_workflow(TierReview.run, 2, id=f"review-{queue}", task_queue=queue)
            await eventually(lambda: len(on_record(made_sessions)) == 4)
            await _until_told(client, running.id, "c_4")
            first.kill()
            first.wait()
        # A purchase of a customer whose page is done: a review that began anew would meet it.
        buy(holding, "c_1")
        buy(holding, "c_7")
        holding.commit()
    with worker(temporal_address, queue, database_url):
        reviewed = await asyncio.wait_for(running.result(), 60)

    assert on_record(made_sessions) == dict.fromkeys(IDS, "ENTRY") | {"c_7": "INTERMEDIATE"}
    assert (reviewed.customers, reviewed.changed, reviewed.before["not_reviewed"]) == (7, 7, 7)
    history = await running.fetch_history()
    assert max(event.activity_task_started_event_attributes.attempt for event in history.events) == 2


async def _until_told(client: Client, workflow_id: str, customer: str) -> None:
    """Until the server has heard that the review is done up to the customer."""
    async with asyncio.timeout(20):
        while True:
            described = (await client.get_workflow_handle(workflow_id).describe()).raw_description
            told = [
                payload.data
                for pending in described.pending_activities
                for payload in pending.heartbeat_details.payloads
            ]
            if any(f'"{customer}"'.encode() in data for data in told):
                return
            await asyncio.sleep(0.02)


@contextmanager
def worker(temporal_address: str, queue: str, database_url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a process of its own, so that it can be killed."""
    argv = [sys.executable, "-c", WORKER, temporal_address, queue, database_url]
    process = subprocess.Popen(argv, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
