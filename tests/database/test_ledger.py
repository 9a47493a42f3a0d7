"""The ledger keeps its own rules: whoever writes to it, with whatever program, cannot unbalance or edit it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError
from sqlalchemy.orm import Session

from database import ledger
from database.engine import Sessions
from domain.ledger import Entry, EntryKind, Posting

AT = datetime(2026, 11, 21, tzinfo=UTC)
CASE = "ret_ledger"


@pytest.fixture(scope="module", autouse=True)
def a_case(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        session.execute(
            text(
                "INSERT INTO cases (id, rma, tier, market, programme, policy_version, currency, resolution, method, terms,"
                " explanation, referred, stage, status, state, opened_by, declared_at, opened_at)"
                " VALUES (:id, 'RMA1', 'ENTRY', 'UK', 'standard', '1', 'GBP', 'refund', 'label', '{}', '[]', false,"
                " 'booked', 'open', '{}', 'a test', now(), now())"
            ),
            {"id": CASE},
        )


@pytest.fixture
def session(made_sessions: Sessions) -> Iterator[Session]:
    with made_sessions() as session:
        yield session
        session.rollback()


def entry(key: str, *amounts: int, currency: str = "GBP") -> Entry:
    postings = tuple(Posting(f"account:{number}", amount, currency) for number, amount in enumerate(amounts))
    return Entry(EntryKind.SETTLEMENT, key, CASE, postings)


def test_a_balanced_entry_is_booked_once(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        assert ledger.book(session, entry("once", 500, -300, -200), AT)
    with made_sessions.begin() as session:
        assert not ledger.book(session, entry("once", 500, -300, -200), AT)
        assert ledger.find(session, "once") == entry("once", 500, -300, -200)


def test_an_unbalanced_entry_does_not_pass_the_commit(session: Session) -> None:
    number = session.scalar(
        text("INSERT INTO ledger_entries (key, kind, case_id, at) VALUES ('off', 'x', :id, now()) RETURNING id"),
        {"id": CASE},
    )
    session.execute(
        text("INSERT INTO ledger_postings VALUES (:n, 0, 'a', 500, 'GBP'), (:n, 1, 'b', -499, 'GBP')"), {"n": number}
    )
    with pytest.raises(IntegrityError, match="does not sum to zero"):
        session.commit()


def test_currencies_are_not_added_up(session: Session) -> None:
    number = session.scalar(
        text("INSERT INTO ledger_entries (key, kind, case_id, at) VALUES ('mixed', 'x', :id, now()) RETURNING id"),
        {"id": CASE},
    )
    session.execute(
        text("INSERT INTO ledger_postings VALUES (:n, 0, 'a', 500, 'GBP'), (:n, 1, 'b', -500, 'EUR')"), {"n": number}
    )
    with pytest.raises(IntegrityError, match="does not sum to zero"):
        session.commit()


def test_an_entry_without_postings_is_no_entry(session: Session) -> None:
    session.execute(
        text("INSERT INTO ledger_entries (key, kind, case_id, at) VALUES ('bare', 'x', :id, now())"), {"id": CASE}
    )
    with pytest.raises(IntegrityError, match="fewer than two postings"):
        session.commit()


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE ledger_postings SET amount_minor = amount_minor + 1",
        "DELETE FROM ledger_postings",
        "UPDATE ledger_entries SET kind = 'y'",
        "DELETE FROM ledger_entries",
        "TRUNCATE ledger_postings",
        "TRUNCATE ledger_entries CASCADE",
    ],
)
def test_what_is_booked_stays_as_it_is(made_sessions: Sessions, session: Session, order: str) -> None:
    with made_sessions.begin() as booking:
        ledger.book(booking, entry("kept", 1, -1), AT)
    with pytest.raises((IntegrityError, InternalError), match="append-only"):
        session.execute(text(order))


def test_nothing_joins_an_entry_of_yesterday_even_in_balance(made_sessions: Sessions, session: Session) -> None:
    with made_sessions.begin() as booking:
        ledger.book(booking, entry("yesterday", 7, -7), AT)
    number = session.scalar(text("SELECT id FROM ledger_entries WHERE key = 'yesterday'"))
    with pytest.raises(DBAPIError, match="was booked earlier"):
        session.execute(
            text("INSERT INTO ledger_postings VALUES (:n, 8, 'a', 5, 'GBP'), (:n, 9, 'b', -5, 'GBP')"), {"n": number}
        )


def test_a_fact_is_told_but_never_rewritten(made_sessions: Sessions, session: Session) -> None:
    with made_sessions.begin() as writing:
        writing.execute(
            text(
                "INSERT INTO facts (case_id, id, kind, at, by, data, stage) VALUES (:id, 'f', 'received', now(), 'dock', '{}', 'received')"
            ),
            {"id": CASE},
        )
    session.execute(text("UPDATE facts SET told_at = now() WHERE id = 'f'"))
    with pytest.raises(DBAPIError, match="never rewritten"):
        session.execute(text("UPDATE facts SET by = 'somebody else' WHERE id = 'f'"))
    session.rollback()
    with pytest.raises(DBAPIError, match="never rewritten"):
        session.execute(text("DELETE FROM facts WHERE id = 'f'"))
