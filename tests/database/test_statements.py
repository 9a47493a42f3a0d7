"""Statements sum to the ledger exactly, month after month, and ask the database once."""

import csv
import io
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from database import ledger, refunds
from database import statements as asked
from database.engine import Sessions
from domain.fees import Bearer, Fee, FeeKind
from domain.ledger import Entry, EntryKind, Posting, fee_entry
from domain.statements import Month, csv_rows, party_of, statements
from tests.builders import a_fee

CASE = "ret_statements"
MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11), Month(2026, 12)]
ACCOUNTS = [
    *(f"fee:{kind}:{bearer}" for kind in FeeKind for bearer in Bearer),
    "payable:carrier:simulated",
    "payable:carrier:other",
    "receivable:carrier:simulated",
    "receivable:shopper",
    "payable:shopper",
    "goods_returned:merchant",
    "own_work:merchant",
    "clearing:payments:simulated",
]
EDGES = [moment for month in MONTHS for moment in (month.begins, month.ends - timedelta(microseconds=1))]


@pytest.fixture(scope="module", autouse=True)
def a_ledger(made_sessions: Sessions) -> None:
    """600 random entries over four months, the first and last instants of each among them."""
    chance = random.Random(17)
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
        for number in range(600):
            at = chance.choice(EDGES) if number < 60 else MONTHS[0].begins + timedelta(seconds=chance.randrange(10**7))
            ledger.book(session, an_entry(chance, f"random:{number}"), at)


def an_entry(chance: random.Random, key: str) -> Entry:
    postings: list[Posting] = []
    for currency in chance.sample(["EUR", "GBP", "KWD"], chance.choice([1, 1, 2])):
        amounts = [chance.choice([-1, 1]) * chance.randrange(1, 10_000) for _ in range(chance.randrange(1, 4))]
        if sum(amounts):
            amounts.append(-sum(amounts))
        postings += [Posting(chance.choice(ACCOUNTS), minor, currency, "a_rule", "a source") for minor in amounts]
    if len(postings) < 2:
        postings += [Posting("payable:shopper", 5, "EUR"), Posting("own_work:merchant", -5, "EUR")]
    sums: Counter[str] = Counter()
    for posting in postings:
        sums[posting.currency] += posting.amount_minor
    postings += [Posting("payable:shopper", -minor, currency) for currency, minor in sums.items() if minor]
    return Entry(EntryKind.FEE, key, CASE, tuple(postings))


@pytest.fixture
def session(made_sessions: Sessions) -> Iterator[Session]:
    with made_sessions() as session:
        yield session
        session.rollback()


def booked(session: Session, where: str = "true") -> dict[tuple[str, str], int]:
    """What the postings themselves add up to, by account and currency."""
    rows = session.execute(
        text(f"SELECT account, currency, sum(amount_minor)::bigint FROM ledger_postings WHERE {where} GROUP BY 1, 2")
    )
    return {(account, currency): minor for account, currency, minor in rows if minor}


def test_all_parties_of_all_months_are_the_ledger(session: Session) -> None:
    sums: Counter[tuple[str, str]] = Counter()
    for month in MONTHS:
        for one in statements(asked.totals(session, month)):
            sums[one.party, one.currency] += one.sum_minor
    expected: Counter[tuple[str, str]] = Counter()
    for (account, currency), minor in booked(session).items():
        expected[party_of(account), currency] += minor
    assert sums == expected
    bearers = sum(minor for (party, _), minor in sums.items() if party in list(Bearer))
    assert bearers == sum(booked(session, "account LIKE 'fee:%'").values()) != 0


def test_a_month_sums_to_zero_over_its_parties_in_each_currency(session: Session) -> None:
    for month in MONTHS:
        by_currency: Counter[str] = Counter()
        for one in statements(asked.totals(session, month)):
            by_currency[one.currency] += one.sum_minor
        assert set(by_currency) == {"EUR", "GBP", "KWD"}
        assert not any(by_currency.values())


def test_what_one_month_closes_with_the_next_one_opens_with(session: Session) -> None:
    for before, after in pairwise(MONTHS):
        closing = {
            (one.party, one.currency): one.closing_minor
            for one in statements(asked.totals(session, before))
            if one.closing_minor
        }
        opening = {
            (one.party, one.currency): one.opening_minor
            for one in statements(asked.totals(session, after))
            if one.opening_minor
        }
        assert closing == opening
    assert all(one.opening_minor == 0 for one in statements(asked.totals(session, MONTHS[0])))


@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_the_lines_of_a_statement_are_its_sum_and_come_in_its_order(session: Session, month: Month) -> None:
    made, found = statements(asked.totals(session, month)), list(asked.lines(session, month))
    sums: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    for line in found:
        assert month.begins <= line.at < month.ends
        assert line.rma == "RMA1"
        sums[line.party, line.currency] += line.amount_minor
        counts[line.party, line.currency] += 1
    assert all(one.sum_minor == sums[one.party, one.currency] for one in made)
    assert all(one.entries == counts[one.party, one.currency] for one in made)
    written = io.StringIO(newline="")
    csv.writer(written).writerows(csv_rows(month, made, found))
    rows = list(csv.DictReader(io.StringIO(written.getvalue(), newline="")))
    assert sum(row["row"] == "entry" for row in rows) == len(found)
    assert sum(int(row["amount_minor"]) for row in rows if row["row"] == "entry") == sum(sums.values()) == 0


def test_one_party_is_asked_for_alone_and_has_the_same_statement(session: Session) -> None:
    month = MONTHS[1]
    everybody = statements(asked.totals(session, month))
    for party in {one.party for one in everybody}:
        alone = statements(asked.totals(session, month, party))
        assert alone == tuple(one for one in everybody if one.party == party)
        assert {line.party for line in asked.lines(session, month, party)} <= {party}
        assert len(list(asked.lines(session, month, party))) == sum(one.entries for one in alone)
    assert asked.totals(session, month, "nobody") == []


def test_totals_are_one_question_and_so_are_the_lines(session: Session) -> None:
    heard: list[str] = []
    engine = session.get_bind()
    listen = lambda *given: heard.append(given[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", listen)
    try:
        statements(asked.totals(session, MONTHS[0]))
        assert len(heard) == 1
        assert len(list(asked.lines(session, MONTHS[0]))) > 100
        assert len(heard) == 2
    finally:
        event.remove(engine, "before_cursor_execute", listen)


def test_a_fee_of_an_earlier_release_has_its_rule_from_the_row_beside_it(session: Session) -> None:
    """Its posting carries none, as they did before: the key of its entry names the fee."""
    fee = a_fee(bearer=Bearer.MERCHANT, rule="programme_bears_all", source="programme old v1")
    refunds.add_fee(session, CASE, f"{fee.kind}:par_1", fee, parcel_id=None)
    bare = Fee(fee.kind, fee.amount_minor, fee.currency, fee.bearer, "", "")
    ledger.book(session, fee_entry(CASE, "par_1", bare, carrier="simulated"), datetime(2025, 1, 5, tzinfo=UTC))
    (line, owed) = asked.lines(session, Month(2025, 1))
    assert (line.account, line.rule, line.source) == (
        "fee:return_label:merchant",
        "programme_bears_all",
        "programme old v1",
    )
    assert (owed.account, owed.rule, owed.source) == ("payable:carrier:simulated", None, None)
