"""Tiers on record: locks that count when they should, changes that are kept for good, pages without gaps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from activities.tier_review import Page, review_page
from database import customers, orders
from database.customers import NOT_REVIEWED, Known, Why
from database.engine import Sessions
from database.orders import Customer
from domain.tier import Tier, TierLock, TierThresholds, standing_at
from policies.book import load_policy_book

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
THRESHOLDS: TierThresholds = load_policy_book().tiers.thresholds
LOCK = TierLock(Tier.VIP, "Maria", "lost parcels; it's “hers”\\n", AT, AT + timedelta(days=10))
NOTHING = standing_at([], None, THRESHOLDS, None, AT)


@pytest.fixture
def session(made_sessions: Sessions) -> Iterator[Session]:
    """Three customers, of whom nothing stays after the test."""
    with made_sessions() as session:
        orders.put_customers(session, [Customer(f"c_{number}", "DE") for number in (1, 2, 3)])
        yield session
        session.rollback()


def review(session: Session, at: datetime, *, after: str = "", size: int = 1000) -> Page | None:
    return review_page(session, lambda *_: THRESHOLDS, None, lambda _: at, after=after, size=size)


def locked(session: Session, customer: str = "c_1", lock: TierLock = LOCK) -> None:
    customers.lock_tier(session, customer, lock, standing_at([], lock, THRESHOLDS, None, lock.at))


def whys(session: Session, customer: str = "c_1") -> list[tuple[str | None, str, str]]:
    return [(row.from_tier, row.to_tier, row.why) for row in customers.changes_of(session, customer)]


def test_a_lock_counts_from_when_it_was_set_until_it_ends(session: Session) -> None:
    locked(session)

    assert customers.lock_of(session, "c_1", AT) == LOCK
    assert customers.lock_of(session, "c_1", AT - timedelta(seconds=1)) is None
    assert customers.lock_of(session, "c_1", AT + timedelta(days=10)) is None
    assert customers.lock_of(session, "c_2", AT) is None


def test_a_review_keeps_a_lock_that_counts_and_ends_one_that_is_over(session: Session) -> None:
    locked(session)
    review(session, AT + timedelta(days=9))
    assert customers.lock_of(session, "c_1", AT + timedelta(days=9)) == LOCK
    assert whys(session) == [(None, "VIP", "locked")]

    review(session, AT + timedelta(days=10))
    review(session, AT + timedelta(days=11))
    row = customers.standing_of(session, "c_1")
    assert row is not None
    assert (row.tier, row.since, row.locked_tier) == ("ENTRY", AT + timedelta(days=10), None)
    assert whys(session) == [("VIP", "ENTRY", "lock_ended"), (None, "VIP", "locked")]


def test_since_is_the_day_of_the_last_change(session: Session) -> None:
    review(session, AT)
    review(session, AT + timedelta(days=1))
    row = customers.standing_of(session, "c_1")

    assert row is not None
    assert (row.since, row.reviewed_at) == (AT, AT + timedelta(days=1))
    assert whys(session) == [(None, "ENTRY", "reviewed")]


def test_a_review_that_is_late_leaves_what_is_newer(session: Session) -> None:
    locked(session)
    review(session, AT - timedelta(days=1))

    assert customers.lock_of(session, "c_1", AT) == LOCK
    assert whys(session) == [(None, "VIP", "locked")]
    assert whys(session, "c_2") == [(None, "ENTRY", "reviewed")]


def test_lifting_a_lock_is_a_change_with_a_name(session: Session) -> None:
    locked(session)
    customers.unlock_tier(session, "c_1", NOTHING, at=AT + timedelta(hours=1), by="Otto", reason="found again")
    last = customers.changes_of(session, "c_1")[0]

    assert (last.why, last.by, last.reason, last.from_tier, last.to_tier) == (
        "unlocked", "Otto", "found again", "VIP", "ENTRY",
    )  # fmt: skip
    assert customers.lock_of(session, "c_1", AT + timedelta(hours=2)) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customer_tier_changes SET reason = 'another'",
        "DELETE FROM customer_tier_changes",
        "TRUNCATE customer_tier_changes",
    ],
)
def test_a_change_is_never_rewritten_or_removed(session: Session, statement: str) -> None:
    locked(session)

    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))


@pytest.mark.parametrize(
    "half",
    ["locked_by = NULL", "locked_tier = NULL", "locked_tier = 'GOLD'", "locked_until = locked_at", "tier = 'GOLD'"],
)
def test_half_a_lock_is_none(session: Session, half: str) -> None:
    locked(session)

    with pytest.raises(IntegrityError):
        session.execute(text(f"UPDATE customer_tiers SET {half}"))


def test_pages_follow_each_other_without_gap_and_repetition(session: Session) -> None:
    first = review(session, AT, size=2)
    assert first is not None
    second = review(session, AT, after=first.last, size=2)
    assert second is not None

    assert [*first.standings, *second.standings] == ["c_1", "c_2", "c_3"]
    assert review(session, AT, after=second.last, size=2) is None


def test_a_page_takes_as_many_statements_whether_it_has_one_customer_or_three(session: Session) -> None:
    sent: list[str] = []

    def count(*args: object) -> None:
        sent.append(str(args[2]))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", count)
    review(session, AT, size=1)
    one = len(sent)
    sent.clear()
    review(session, AT, size=3)
    event.remove(engine, "before_cursor_execute", count)

    assert len(sent) == one <= 6


def test_the_tally_counts_those_without_a_tier_too(session: Session) -> None:
    locked(session)

    assert customers.tally(session) == {"ENTRY": 0, "INTERMEDIATE": 0, "ADVANCED": 0, "VIP": 1, NOT_REVIEWED: 2}


def test_what_never_became_a_sale_is_no_purchase(session: Session) -> None:
    for number, status in enumerate(("completed", "open", "cancelled")):
        session.execute(
            text(
                "INSERT INTO orders (id, customer_id, market, placed_at, currency, total_minor, status, content_hash)"
                " VALUES (:id, 'c_1', 'DE', :at, 'GBP', 100, :status, '-')"
            ),
            {"id": f"o_{number}", "at": AT - timedelta(days=1), "status": status},
        )
    found = customers.purchases_of(session, ["c_1", "c_2"], since=AT - timedelta(days=2), until=AT)

    assert (len(found["c_1"]), found["c_2"]) == (1, [])


def test_texts_are_kept_to_the_letter(session: Session) -> None:
    lock = replace(LOCK, by='Max "M" O\'Neill', reason="a\tb\\ {} %s :x — 退货\n“2”")
    locked(session, lock=lock)

    assert customers.lock_of(session, "c_1", AT) == lock
    assert customers.changes_of(session, "c_1")[0].reason == lock.reason


def test_a_change_needs_a_reason_among_the_known_ones(session: Session) -> None:
    customers.note_changes(session, [customers.change(Known("c_1"), Tier.VIP, Why.REVIEWED, AT)])

    with pytest.raises(IntegrityError):
        customers.note_changes(session, [customers.change(Known("c_1"), Tier.VIP, "guessed", AT)])  # type: ignore[arg-type]
