"""The review as an effect: pages, a heartbeat after each, taken up where the last try was; locks set at the same moment are kept."""

import asyncio
import threading
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from temporalio.testing import ActivityEnvironment

from activities.tier_review import Progress, TierReviewActivities, begin_review, look_at_page
from database import customers, orders
from database.engine import Sessions, database_time
from database.orders import Customer
from desk import Caller
from desk.customers import Customers, Lock
from domain.tier import Reviewed, Tier, TierThresholds
from policies.book import load_policy_book
from tests.waiting import until

THRESHOLDS = load_policy_book().tiers.thresholds


def thresholds(*_: object) -> TierThresholds:
    return THRESHOLDS


IDS = [f"c_{number}" for number in range(1, 6)]


@pytest.fixture(autouse=True)
def fresh(made_sessions: Sessions) -> None:
    """Five customers of whom nothing is on record; the third has bought enough for INTERMEDIATE."""
    with made_sessions.begin() as session:
        session.execute(text("ALTER TABLE customer_tier_changes DISABLE TRIGGER tier_changes_no_truncate"))
        session.execute(text("TRUNCATE customer_tiers, customer_tier_changes, orders, customers CASCADE"))
        session.execute(text("ALTER TABLE customer_tier_changes ENABLE TRIGGER tier_changes_no_truncate"))
        orders.put_customers(session, [Customer(customer, "GB") for customer in IDS])
        buy(session, "c_3")


def buy(session: Session, customer: str) -> None:
    for number in (1, 2):
        session.execute(
            text(
                "INSERT INTO orders (id, customer_id, market, placed_at, currency, total_minor, content_hash)"
                " VALUES (:id, :customer, 'GB', now() - make_interval(days => :days), 'GBP', 20000, '-')"
            ),
            {"id": f"o_{customer}_{number}", "customer": customer, "days": number},
        )


def tiers(made: Sessions) -> dict[str, str]:
    with made() as session:
        return {row.customer_id: row.tier for row in session.execute(text("SELECT * FROM customer_tiers"))}


def run(made: Sessions, page: int, *details: Any, clock: Any = database_time) -> tuple[Reviewed, list[Any]]:
    """The review's answer, and what its heartbeats said."""
    said: list[Any] = []
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_details=list(details))
    environment.on_heartbeat = lambda *details: said.append(details[0])
    return environment.run(TierReviewActivities(made, clock, thresholds).review, page), said


def test_every_customer_is_reviewed_and_each_page_is_told(made_sessions: Sessions) -> None:
    reviewed, said = run(made_sessions, 2)

    assert tiers(made_sessions) == dict.fromkeys(IDS, "ENTRY") | {"c_3": "INTERMEDIATE"}
    assert (reviewed.customers, reviewed.changed) == (5, 5)
    assert reviewed.before["not_reviewed"] == 5
    assert (reviewed.after["ENTRY"], reviewed.after["INTERMEDIATE"], reviewed.after["not_reviewed"]) == (4, 1, 0)
    assert [(told["after_customer"], told["customers"]) for told in said] == [
        ("", 0), ("c_2", 2), ("c_4", 4), ("c_5", 5),
    ]  # fmt: skip


def test_a_second_review_changes_nothing(made_sessions: Sessions) -> None:
    run(made_sessions, 2)
    reviewed, _ = run(made_sessions, 1000)

    assert (reviewed.customers, reviewed.changed, reviewed.before) == (5, 0, reviewed.after)
    with made_sessions() as session:
        assert session.scalar(text("SELECT count(*) FROM customer_tier_changes")) == 5


def test_a_review_goes_on_where_the_last_heartbeat_was(made_sessions: Sessions) -> None:
    last = Progress(before=begin_review(made_sessions).before, after_customer="c_2", customers=2, changed=2)
    reviewed, said = run(made_sessions, 2, asdict(last))

    assert set(tiers(made_sessions)) == {"c_3", "c_4", "c_5"}
    assert (reviewed.customers, reviewed.changed, said[0]) == (5, 5, asdict(last))


def test_a_page_that_fails_leaves_nothing_half_written(made_sessions: Sessions) -> None:
    calls = iter([True, False])

    def clock(session: Session) -> datetime:
        assert next(calls), "the database is away"
        return database_time(session)

    with pytest.raises(AssertionError, match="away"):
        run(made_sessions, 2, clock=clock)
    assert set(tiers(made_sessions)) == {"c_1", "c_2"}


def test_looking_at_a_day_writes_nothing(made_sessions: Sessions) -> None:
    at = datetime.now(UTC)
    with made_sessions() as session:
        page = look_at_page(session, thresholds, None, at, after="", size=10)

    assert page is not None
    assert (page.standings["c_3"].tier, page.changed, tiers(made_sessions)) == (Tier.INTERMEDIATE, 5, {})


def test_a_lock_set_while_its_page_is_reviewed_is_kept(made_sessions: Sessions) -> None:
    """Whoever locks waits for the page, and a review that comes after sees the lock."""
    desk = Customers(made_sessions, thresholds, None, database_time)
    locking = threading.Thread(target=lambda: _lock(desk, "c_1"))

    def clock(session: Session) -> datetime:
        if not locking.is_alive() and locking.ident is None:
            locking.start()
            _until_waiting(made_sessions)
        return database_time(session)

    run(made_sessions, 2, clock=clock)
    locking.join(10)
    assert tiers(made_sessions)["c_1"] == "VIP"
    run(made_sessions, 2)
    assert tiers(made_sessions)["c_1"] == "VIP"
    with made_sessions() as session:
        assert [row.why for row in customers.changes_of(session, "c_1")] == ["locked", "reviewed"]


def _lock(desk: Customers, customer: str) -> None:
    asyncio.run(desk.put(customer, {}, Caller("key", "Maria"), Lock(Tier.VIP, "a reason")))


def _until_waiting(made: Sessions) -> None:
    """Until somebody waits for a row that another transaction holds."""

    def waits() -> bool:
        with made() as session:
            return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    until(waits)
