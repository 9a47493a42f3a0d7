"""Every breach of the invariants, planted one by one in books that were right, is found under its own name.

A shop lives for a moment on the real servers; then each breach gets copies of its own: of the database, and of the provider's books.
"""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import ReconciliationActivities
from database.engine import Sessions, connect, database_time, sessions
from database.verify import QUESTIONS, Check, verify
from desk import IdempotencyKey
from embedded import PostgresCluster
from gateways.payments.registry import payment_gateway
from tests.house import World, open_house
from tests.partners.programs import API_KEY, SECRET, Ear, Program, running

pytestmark = pytest.mark.anyio
_numbers = count(1)


@pytest.fixture(autouse=True)
def fresh() -> None:
    """No house is open while breaches are planted."""


@dataclass(frozen=True)
class Lived:
    """A shop after a while: half of an order is refunded, another return waits for its parcel."""

    database: str
    provider: Path
    closed: str
    waiting: str
    refund: str


@pytest.fixture(scope="module")
async def lived(
    postgres: PostgresCluster, temporal_address: str, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lived]:
    name, folder = "lived", tmp_path_factory.mktemp("lived")
    engine = connect(postgres.create_database(name, template="migrated"))
    with Ear() as say, running(Program("payments", folder, say.url)) as payments:
        own = World(payments, world.carriers, say, world.carriers_say)
        async with open_house(sessions(engine), temporal_address, own) as house:
            order = await house.sell(4)
            key = IdempotencyKey("k", "POST /v1/returns", "-")
            waiting = await house.open(order, 1, key=key)
            closed = await house.open(order, 2)
            for case_id in (waiting, closed):
                await house.until(case_id, "booked")
            await house.receive(closed)
            await house.inspect(closed)
            await house.until(closed, "closed")
            await house.until_done(closed)
            (part,) = house.parts(closed)
    engine.dispose()
    yield Lived(name, folder, closed, waiting, part.id)
    postgres.drop_database(name)


@dataclass
class Books:
    """Copies of both sides, to plant a breach in."""

    made: Sessions
    provider: Program
    lived: Lived

    def sql(self, statement: str) -> None:
        """Past the house, as whoever has the database's password can."""
        names = {"closed": self.lived.closed, "waiting": self.lived.waiting, "refund": self.lived.refund}
        with self.made.begin() as session:
            for one in statement.split(";"):
                session.execute(text(one), {name: value for name, value in names.items() if f":{name}" in one})

    def provider_sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.provider.folder / "payments.sqlite", timeout=10)) as books, books:
            books.execute(statement)

    def pay_again(self, refund_id: str = "") -> None:
        """The provider pays under the same key, as if it had never heard of it."""
        (paid,) = self.provider.get("/v1/refunds")["data"]
        metadata = {**paid["metadata"], **({"refund_id": refund_id} if refund_id else {})}
        body = {name: paid[name] for name in ("payment", "amount", "currency")} | {"metadata": metadata}
        self.provider.knobs(ignore_keys={"next": 1})
        answer = self.provider.post("/v1/refunds", body, **{"Idempotency-Key": metadata["refund_id"]})
        assert answer.status_code == 201, answer.text

    def reconcile(self) -> None:
        gateway = payment_gateway("simulated", base_url=self.provider.url, api_key=API_KEY, webhook_secret=SECRET)
        effects = ReconciliationActivities(self.made, database_time, {"simulated": gateway}, grace=timedelta())
        effects.begin("rec_1", "test", [])
        ActivityEnvironment().run(effects.reconcile, "rec_1", "simulated")
        gateway.close()

    def verify(self) -> list[Check]:
        with self.made() as session:
            return verify(session)

    def broken(self) -> set[str]:
        return {check.name for check in self.verify() if not check.holds}

    def kinds(self) -> list[str]:
        with self.made() as session:
            return kinds(session)


def kinds(session: Session) -> list[str]:
    found = session.scalars(text("SELECT kind FROM reconciliation_differences WHERE status = 'open' ORDER BY kind"))
    return list(found)


@pytest.fixture
def books(lived: Lived, postgres: PostgresCluster, tmp_path: Path) -> Iterator[Books]:
    name = f"breach_{next(_numbers)}"
    engine = connect(postgres.create_database(name, template=lived.database))
    for file in lived.provider.glob("payments.sqlite*"):
        shutil.copy(file, tmp_path / file.name)
    with running(Program("payments", tmp_path)) as provider:
        yield Books(sessions(engine), provider, lived)
    engine.dispose()
    postgres.drop_database(name)


async def test_books_that_are_right_break_nothing(books: Books) -> None:
    books.reconcile()
    assert (books.broken(), books.kinds()) == (set(), [])


def _without_rules(statement: str) -> Callable[[Books], None]:
    """Written with the ledger's rules switched off, and on again, as if nothing had been."""
    tables = ("ledger_entries", "ledger_postings")
    off = ";".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables)
    on = ";".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables)
    return lambda books: books.sql(f"{off};{statement};{on}")


_CAPTURED = (
    "INSERT INTO advances (case_id, amount_minor, goods_minor, currency, guarantee, status, hold_id, processor, held_minor,"
    " hold_status, charged_minor, captured_minor, created_at, changed_at) SELECT id, 5, 5, currency, 'hold', 'captured', 'ho_1',"
    " 'simulated', 5, 'captured', 5, 5, now(), now() FROM cases WHERE id = :closed"
)


def _goodwill(columns: str, values: str) -> str:
    """A row of goodwill that the house would not write."""
    return (
        "INSERT INTO goodwill_refunds (id, case_id, order_id, amount_minor, currency, reason, proposed_by, proposed_key,"
        f" proposed_at, {columns}) SELECT 'gw_1', c.id, l.order_id, 5, c.currency, 'late', 'ann', 'k', now(), {values}"
        " FROM cases c JOIN case_lines l ON l.case_id = c.id WHERE c.id = :closed LIMIT 1"
    )


def _sql(statement: str) -> Callable[[Books], None]:
    return lambda books: books.sql(statement)


def _at_provider(statement: str) -> Callable[[Books], None]:
    return lambda books: books.provider_sql(statement)


def _above_captured(books: Books) -> None:
    books.pay_again()
    books.sql("UPDATE tenders SET amount_minor = refunded_minor")


_PAID = "(SELECT id FROM ledger_entries WHERE key = 'paid:' || :refund)"
_UNKNOWN = (
    "INSERT INTO refunds (case_id, currency, goods_minor, deducted_minor, total_minor, quote, ground, decided_at)"
    " VALUES (:waiting, 'GBP', 7, 0, 7, '{}', 'inspected', now());"
    "INSERT INTO tender_refunds (id, case_id, order_id, tender_id, round, processor, reference, amount_minor, currency,"
    " status, created_at) SELECT 'rf_unknown', :waiting, order_id, id, 1, processor, reference, 7, 'GBP', 'unknown',"
    " now() - interval '2 hours' FROM tenders;"
    "UPDATE tenders SET refunded_minor = refunded_minor + 7"
)
_VANISHED = (
    "SET LOCAL session_replication_role = replica;"
    "DELETE FROM case_lines WHERE case_id = :waiting;"
    "DELETE FROM cases WHERE id = :waiting;"
    "UPDATE order_lines SET claimed = claimed - 1"
)
_NEVER_TOLD = (
    'INSERT INTO facts (case_id, id, kind, at, "by", data, stage, tell)'
    " VALUES (:waiting, 'cancelled:1', 'cancelled', now() - interval '1 hour', 'shop', '{}', 'booked', 'update')"
)
_NEVER_WORKED = (
    "INSERT INTO inbox (provider, event_id, type, body, received_at)"
    " VALUES ('payment:simulated', 'evt_1', 'refund.succeeded', '{}', now() - interval '1 hour')"
)
_TWICE, _AGREE = {"nothing_was_paid_twice"}, {"providers_agree"}
_NOT_ZERO = {"ledger_is_zero", "case_ledger_is_zero", "entries_are_zero"}
_NOT_BOOKED = {"each_refund_is_in_the_ledger", "refunds_are_in_the_ledger"}

# What is planted, which checks find it, and as what a reconciliation names it.
BREACHES: dict[str, tuple[Callable[[Books], None], set[str], list[str]]] = {
    "I1 the provider paid twice under one id": (Books.pay_again, _TWICE, ["doubled"]),
    "I1 more is refunded than was captured": (_above_captured, _TWICE, ["above_captured", "doubled"]),
    "I1 our refunds exceed the payment": (
        _sql(
            "ALTER TABLE tenders DROP CONSTRAINT ck_tenders_refunded_within_amount;"
            "UPDATE tenders SET amount_minor = refunded_minor - 1"
        ),
        {"refunds_stay_within_the_payment", "nothing_was_paid_twice"},
        ["above_captured"],
    ),
    "I1 a tender gives back more room than it has": (
        _sql("UPDATE tenders SET refunded_minor = refunded_minor - 1"),
        {"tenders_keep_their_room"},
        [],
    ),
    "I1 a unit in a return is free for another": (
        _sql("UPDATE order_lines SET claimed = claimed - 1"),
        {"units_are_held_once"},
        [],
    ),
    "I2 an acknowledged return vanished": (_sql(_VANISHED), {"acknowledged_returns_exist"}, []),
    "I2 an open return was never started": (
        _sql("UPDATE cases SET started_at = NULL, opened_at = now() - interval '1 hour' WHERE id = :waiting"),
        {"open_returns_run"},
        [],
    ),
    "I2 a word was never told": (_sql(_NEVER_TOLD), {"what_was_said_is_told"}, []),
    "I2 a provider's event was never worked": (_sql(_NEVER_WORKED), {"partners_are_heard"}, []),
    "I2 an ended return does not say how": (
        _sql("UPDATE cases SET outcome = NULL WHERE id = :closed"),
        {"ended_returns_have_an_outcome"},
        [],
    ),
    "I3 a posting was added": (
        _without_rules(
            "INSERT INTO ledger_postings (entry_id, position, account, amount_minor, currency)"
            f" SELECT id, 9, 'payable:shopper', 7, 'GBP' FROM {_PAID} AS found (id)"
        ),
        _NOT_ZERO,
        [],
    ),
    "I3 a posting was removed": (
        _without_rules(f"DELETE FROM ledger_postings WHERE account = 'payable:shopper' AND entry_id IN {_PAID}"),
        _NOT_ZERO,
        [],
    ),
    "I3 an entry has lost its postings": (
        _without_rules(f"DELETE FROM ledger_postings WHERE entry_id IN {_PAID}"),
        {"entries_are_zero"} | _NOT_BOOKED,
        [],
    ),
    "I3 the ledger may be edited": (
        _sql("ALTER TABLE ledger_postings DISABLE TRIGGER ledger_postings_append_only"),
        {"the_database_keeps_the_ledger"},
        [],
    ),
    "I3 the ledger may be unbalanced": (
        _sql("DROP TRIGGER ledger_entries_balance ON ledger_entries"),
        {"the_database_keeps_the_ledger"},
        [],
    ),
    "I3 the timeline may be rewritten": (
        _sql("ALTER TABLE facts ENABLE REPLICA TRIGGER facts_kept"),
        {"the_database_keeps_the_ledger"},
        [],
    ),
    "I3 a credit note was taken away": (
        _sql(
            "ALTER TABLE credit_notes DISABLE TRIGGER USER; DELETE FROM credit_notes;"
            "ALTER TABLE credit_notes ENABLE TRIGGER USER"
        ),
        {"credit_notes_have_no_gap"},
        [],
    ),
    "I4 a card was charged and nobody booked it": (_sql(_CAPTURED), {"captures_are_in_the_ledger"}, []),
    "I1 goodwill shows money that nobody paid": (
        _sql(_goodwill("status, paid_minor", "'proposed', 1")),
        {"goodwill_is_paid_once"},
        [],
    ),
    "I1 goodwill was approved by whoever asked for it": (
        _sql(
            "ALTER TABLE goodwill_refunds DROP CONSTRAINT ck_goodwill_refunds_second_person;"
            + _goodwill("status, approved_by, approved_at", "'approved', 'ann', now()")
        ),
        {"goodwill_has_its_second_person"},
        [],
    ),
    "I4 the provider refunded what we never asked for": (
        lambda books: books.pay_again("rf_of_somebody"),
        _AGREE,
        ["unknown_to_us"],
    ),
    "I4 the provider has no such refund": (_at_provider("DELETE FROM refunds"), _AGREE, ["unknown_to_provider"]),
    "I4 the provider paid another amount": (
        _at_provider("UPDATE refunds SET amount = amount - 1"),
        _AGREE,
        ["other_amount"],
    ),
    "I4 the provider paid another currency": (
        _at_provider("UPDATE refunds SET currency = 'USD'"),
        _AGREE,
        ["other_currency"],
    ),
    "I4 the provider has not paid yet": (
        _at_provider("UPDATE refunds SET status = 'pending'"),
        _AGREE,
        ["other_status"],
    ),
    "I4 a booking of a refund was removed": (
        _without_rules(
            f"DELETE FROM ledger_postings WHERE entry_id IN {_PAID};"
            "DELETE FROM ledger_entries WHERE key = 'paid:' || :refund"
        ),
        _NOT_BOOKED,
        [],
    ),
    "I4 a booking of a refund was changed": (
        _without_rules(f"UPDATE ledger_postings SET amount_minor = amount_minor * 2 WHERE entry_id IN {_PAID}"),
        _NOT_BOOKED,
        [],
    ),
    "I4 a return shows money that nobody paid": (
        _sql("UPDATE cases SET refunded_minor = refunded_minor + 1 WHERE id = :closed"),
        {"shown_refunds_are_paid"},
        [],
    ),
    "I5 a return waits for nothing": (
        _sql("UPDATE cases SET due_at = NULL, due_owner = NULL, due_default = NULL WHERE id = :waiting"),
        {"open_returns_have_a_deadline"},
        [],
    ),
    "I5 a deadline passed long ago and nothing followed": (
        _sql("UPDATE cases SET due_at = now() - interval '1 hour' WHERE id = :waiting"),
        {"deadlines_are_met"},
        [],
    ),
    "I5 a return needs attention and does not say why": (
        _sql("UPDATE cases SET stage = 'attention' WHERE id = :waiting"),
        {"attention_says_why"},
        [],
    ),
    "I5 an unknown refund is nobody's trouble": (_sql(_UNKNOWN), {"unknown_refunds_are_seen"}, []),
}


@pytest.mark.parametrize("breach", BREACHES)
async def test_a_planted_breach_is_found(books: Books, breach: str) -> None:
    plant, found_by, differ_as = BREACHES[breach]
    plant(books)
    books.reconcile()
    assert books.broken() == found_by
    assert books.kinds() == differ_as
    found = {check.name: check for check in books.verify()}
    assert breach[:2] in {found[name].invariant for name in found_by}
    assert all(found[name].examples and found[name].what_to_do for name in found_by)


async def test_a_provider_that_nobody_asks_any_more_is_found(books: Books) -> None:
    books.sql("UPDATE tender_refunds SET created_at = now() - interval '3 days'")
    assert books.broken() == {"providers_are_asked"}
    books.reconcile()
    assert books.broken() == set()
    books.sql("UPDATE reconciliations SET finished_at = now() - interval '3 days'")
    assert books.broken() == {"providers_are_asked"}


def test_every_check_has_a_breach_that_it_finds() -> None:
    planted = {name for _, found_by, _ in BREACHES.values() for name in found_by}
    assert planted | {"providers_are_asked"} == {question.name for question in QUESTIONS}
    assert {question.invariant for question in QUESTIONS} == {"I1", "I2", "I3", "I4", "I5"}
