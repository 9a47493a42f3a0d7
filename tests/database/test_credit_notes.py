"""Numbers of credit notes: 1, 2, 3 and on for each seller and year, whatever is rolled back and whoever writes at once."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError
from sqlalchemy.orm import Session

from database import credit_notes
from database.credit_notes import UnknownCreditNote
from database.engine import Sessions, connect, sessions
from domain.credit_note import Buyer, CreditNote, NoteReason, NoteRow, OrderNamed, Repaid, Seller

AT = datetime(2026, 11, 21, tzinfo=UTC)
THREADS, EACH = 8, 25
_numbers = count(1)
_settlements = count(1)


@pytest.fixture(scope="module", autouse=True)
def a_case(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        session.execute(
            text(
                "INSERT INTO cases (id, rma, tier, market, programme, policy_version, currency, resolution, method, terms,"
                " explanation, referred, stage, status, state, opened_by, declared_at, opened_at)"
                " VALUES ('ret_1', 'RMA1', 'ENTRY', 'DE', 'standard', '1', 'EUR', 'refund', 'label', '{}', '[]', false,"
                " 'booked', 'open', '{}', 'a test', now(), now())"
            )
        )


@pytest.fixture
def session(made_sessions: Sessions) -> Iterator[Session]:
    with made_sessions() as session:
        yield session
        session.rollback()


def a_seller() -> Seller:
    """Somebody who has made no note yet."""
    number = next(_numbers)
    return Seller(f"seller_{number}", "Shop GmbH", ("Weg 1",), "DE", f"S{number}", "Europe/Berlin")


def a_note(seller: Seller, on: date = date(2026, 11, 21)) -> CreditNote:
    row = NoteRow("goods", "o_1", "l_1", "Dress", 1, 12000, (), 12000)
    return CreditNote(
        case_id="ret_1",
        rma="RMA1",
        settlement=next(_settlements),
        seller=seller,
        buyer=Buyer("c_1", "Ada", "DE"),
        reason=NoteReason.RETURNED,
        orders=(OrderNamed("o_1", date(2026, 11, 1)),),
        rows=(row,),
        currency="EUR",
        taxes=(),
        net_minor=12000,
        tax_minor=0,
        gross_minor=12000,
        kept=(),
        refunded_minor=12000,
        repaid=(Repaid("card", 12000),),
        issued_on=on,
    )


def issue(made: Sessions, *notes: CreditNote) -> list[str]:
    with made.begin() as session:
        return [note.number for note in credit_notes.issue(session, notes, AT)]


def test_each_seller_and_each_year_counts_from_one(made_sessions: Sessions) -> None:
    one, other = a_seller(), a_seller()
    new_year = date(2027, 1, 1)
    made = [issue(made_sessions, note) for note in (a_note(one), a_note(one), a_note(other), a_note(one, new_year))]
    assert made == [
        [f"{one.prefix}-2026-000001"], [f"{one.prefix}-2026-000002"],
        [f"{other.prefix}-2026-000001"], [f"{one.prefix}-2027-000001"],
    ]  # fmt: skip


def test_a_note_is_read_as_it_was_made(made_sessions: Sessions) -> None:
    note = a_note(a_seller())
    (number,) = issue(made_sessions, note)
    with made_sessions() as session:
        assert credit_notes.get(session, number) == replace(note, sequence=1)
        assert number in credit_notes.numbers_of(session, ["ret_1"])["ret_1"]
        assert number in [one.number for one in credit_notes.of_case(session, "ret_1")]
        with pytest.raises(UnknownCreditNote):
            credit_notes.get(session, "CN-1999-000001")


def test_what_is_rolled_back_gives_its_number_back(made_sessions: Sessions) -> None:
    seller = a_seller()
    with made_sessions() as session:
        credit_notes.issue(session, [a_note(seller)], AT)
        session.rollback()
    assert issue(made_sessions, a_note(seller)) == [f"{seller.prefix}-2026-000001"]


def test_a_settlement_has_one_note_of_a_seller(made_sessions: Sessions, session: Session) -> None:
    note = a_note(a_seller())
    issue(made_sessions, note)
    with pytest.raises(IntegrityError, match="case_id_settlement_seller"):
        credit_notes.issue(session, [note], AT)


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE credit_notes SET net_minor = 0",
        "DELETE FROM credit_notes",
        "TRUNCATE credit_notes",
        "UPDATE credit_note_series SET last = last + 2",
        "UPDATE credit_note_series SET last = last - 1",
        "DELETE FROM credit_note_series",
        "TRUNCATE credit_note_series",
        "INSERT INTO credit_note_series VALUES ('x', 2026, 7)",
    ],
)
def test_what_was_made_stays_and_what_was_counted_too(made_sessions: Sessions, session: Session, order: str) -> None:
    issue(made_sessions, a_note(a_seller()))
    with pytest.raises((IntegrityError, InternalError), match=r"append-only|goes on by one"):
        session.execute(text(order))


def test_a_number_is_not_taken_for_nothing(made_sessions: Sessions, session: Session) -> None:
    seller = a_seller()
    issue(made_sessions, a_note(seller))
    session.execute(text("UPDATE credit_note_series SET last = last + 1 WHERE seller = :id"), {"id": seller.id})
    with pytest.raises(DBAPIError, match="stands on no credit note"):
        session.commit()


def test_a_note_has_no_number_that_was_not_taken_for_it(made_sessions: Sessions, session: Session) -> None:
    seller = a_seller()
    issue(made_sessions, a_note(seller))
    copy = (
        "INSERT INTO credit_notes SELECT number || 'x', seller, year, sequence + 1, case_id, settlement + 1000000,"
        " currency, net_minor, tax_minor, gross_minor, refunded_minor, content, issued_on, created_at"
        " FROM credit_notes WHERE seller = :id"
    )
    with pytest.raises(DBAPIError, match="not taken for it"):
        session.execute(text(copy), {"id": seller.id})


def test_many_at_once_with_some_rolled_back_leave_no_gap(database_url: str) -> None:
    """Eight threads make 25 notes each, and take back every third or so before it is committed."""
    engine = connect(database_url, pool=THREADS)
    made, seller, undone = sessions(engine), a_seller(), [0] * THREADS

    def work(number: int) -> None:
        chance, done = random.Random(number), 0
        while done < EACH:
            with made() as session:
                credit_notes.issue(session, [a_note(seller)], AT)
                if chance.random() < 0.3:
                    undone[number] += 1
                    session.rollback()
                else:
                    session.commit()
                    done += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    with made() as session:
        found = list(
            session.scalars(
                text("SELECT sequence FROM credit_notes WHERE seller = :id ORDER BY sequence"), {"id": seller.id}
            )
        )
        assert found == list(range(1, THREADS * EACH + 1))
        assert credit_notes.gaps(session) == []
    assert sum(undone) > 0
    engine.dispose()


def test_sellers_named_in_any_order_are_taken_in_one(made_sessions: Sessions, database_url: str) -> None:
    """Two cases of the same two sellers, told in opposite orders, do not wait for each other for ever."""
    engine = connect(database_url, pool=2)
    made, one, other = sessions(engine), a_seller(), a_seller()
    failed: list[Exception] = []

    def work(sellers: tuple[Seller, Seller]) -> None:
        for _ in range(20):
            try:
                with made.begin() as session:
                    settlement = next(_settlements)
                    notes = [replace(a_note(seller), settlement=settlement) for seller in sellers]
                    credit_notes.issue(session, notes, AT)
            except DBAPIError as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(pair,)) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
    engine.dispose()
