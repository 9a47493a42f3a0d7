"""The invariants of the books: each is quiet on books that are right, and each finds its own fault."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from database import cases, ledger, orders
from database.engine import Sessions, database_time
from database.orders import Customer
from database.tables import goodwill_refunds
from database.verify import verify
from domain.ledger import refund_paid_entry
from domain.limits import Limits
from domain.money import Money
from domain.stages import Stage
from domain.state import Method, State
from tests.builders import an_order

LIMITS = Limits("24h", "1h", "14d", "72h", 2, "14d", "2bd", "1bd", "24h")


@pytest.fixture
def books(made_sessions: Sessions) -> Iterator[Session]:
    """One order, and one return of it that waits for its parcel; undone when the test is over."""
    session = made_sessions()
    at = database_time(session)
    orders.put(session, an_order(), Customer("c_1", "DE"))
    state = State(Stage.BOOKED, at, Method.LABEL, LIMITS, due=at)
    values = {
        "id": "ret_1",
        "rma": "RMA1",
        "customer_id": "c_1",
        "order_id": "o_1",
        "tier": "ENTRY",
        "market": "DE",
        "programme": "standard",
        "policy_version": "1",
        "currency": "EUR",
        "resolution": "refund",
        "method": "label",
        "terms": {},
        "referred": False,
        "explanation": [],
        "opened_by": "shop",
        "declared_at": at,
        "opened_at": at,
    }
    line = {"case_id": "ret_1", "id": "rl_1", "order_id": "o_1", "order_line_id": "l_1", "sku": "DRESS-38"}
    more = {"quantity": 1, "reason": "wrong_size", "verdict": "eligible", "verdict_reasons": [], "holds_units": True}
    cases.open_case(session, values, [{**line, **more}], state)
    orders.claim(session, {("o_1", "l_1"): 1})
    yield session
    session.rollback()
    session.close()


def broken(session: Session) -> set[str]:
    return {check.name for check in verify(session) if not check.holds}


def test_right_books_break_nothing(books: Session) -> None:
    assert broken(books) == set()


FAULTS = {
    "units_are_held_once": "UPDATE order_lines SET claimed = 0",
    "shown_refunds_are_paid": "UPDATE cases SET refunded_minor = 5",
    "tenders_keep_their_room": "UPDATE tenders SET refunded_minor = 5",
    "open_returns_have_a_deadline": "UPDATE cases SET due_at = NULL, due_owner = NULL, due_default = NULL",
    "ended_returns_have_an_outcome": "UPDATE cases SET outcome = 'refunded'",
}


@pytest.mark.parametrize(("name", "fault"), FAULTS.items(), ids=FAULTS)
def test_each_fault_is_found_under_its_own_name(books: Session, name: str, fault: str) -> None:
    books.execute(text(fault))
    found = {check.name: check for check in verify(books)}
    assert broken(books) == {name}
    assert found[name].broken == len(found[name].examples) >= 1


def test_a_return_that_is_being_ended_needs_no_deadline(books: Session) -> None:
    books.execute(
        text("""UPDATE cases SET due_at = NULL, due_owner = NULL, state = state || '{"ending": "cancelled"}'""")
    )
    assert broken(books) == set()


def test_money_in_the_ledger_that_no_provider_paid_is_found(books: Session) -> None:
    entry = refund_paid_entry("ret_1", "rf_1", "simulated", Money(500, "EUR"))
    ledger.book(books, entry, database_time(books))
    assert broken(books) == {"refunds_are_in_the_ledger"}


def test_an_unbalanced_ledger_is_found(books: Session) -> None:
    books.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_balance"))
    books.execute(text("INSERT INTO ledger_entries (key, kind, case_id, at) VALUES ('k', 'fee', 'ret_1', now())"))
    books.execute(
        text(
            "INSERT INTO ledger_postings (entry_id, position, account, amount_minor, currency)"
            " SELECT id, 0, 'payable:shopper', 7, 'EUR' FROM ledger_entries"
        )
    )
    found = {"ledger_is_zero", "case_ledger_is_zero", "entries_are_zero", "the_database_keeps_the_ledger"}
    assert broken(books) == found


def given_goodwill(session: Session, **vary: object) -> None:
    at = database_time(session)
    row = {
        "id": "gw_1",
        "case_id": "ret_1",
        "order_id": "o_1",
        "amount_minor": 500,
        "currency": "EUR",
        "reason": "late",
    }
    said = {"status": "proposed", "proposed_by": "ann", "proposed_key": "k", "proposed_at": at}
    session.execute(goodwill_refunds.insert().values({**row, **said, **vary}))


def test_goodwill_that_waits_breaks_nothing(books: Session) -> None:
    given_goodwill(books)
    assert broken(books) == set()


def test_goodwill_that_shows_more_than_arrived_is_found(books: Session) -> None:
    given_goodwill(books, paid_minor=500)
    assert broken(books) == {"goodwill_is_paid_once"}


def test_goodwill_that_its_own_proposer_approved_is_found_where_nothing_else_stops_it(books: Session) -> None:
    books.execute(text("ALTER TABLE goodwill_refunds DROP CONSTRAINT ck_goodwill_refunds_second_person"))
    at = database_time(books)
    given_goodwill(books, status="approved", approved_by="ann", approved_at=at)
    assert broken(books) == {"goodwill_has_its_second_person"}
