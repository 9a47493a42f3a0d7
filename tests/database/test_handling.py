"""Own work is charged once, in the settlement's own transaction: deducted from the refund, booked to its bearer, invoiced above it."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Row, text, update
from sqlalchemy.orm import Session

from database import cases, handling, ledger, orders, refunds
from database.engine import Sessions, database_time
from database.orders import Customer
from database.tables import cases as case_rows
from database.verify import verify
from domain.handling import NO_FEES, AboveRefund, Charge, FeePolicy, Price
from domain.ledger import late_refund_entry, settlement_entry
from domain.limits import Limits
from domain.money import Money
from domain.order import Tender
from domain.penalties import Interest, late_refund_fee, penalty
from domain.refund import RefundLine, RefundQuote, quote_refund
from domain.stages import Stage
from domain.state import Method, State
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book
from tests.builders import an_order, an_order_line

BOOK = load_policy_book()
AT = datetime(2026, 11, 25, tzinfo=UTC)
LIMITS = Limits("24h", "1h", "14d", "72h", 2, "14d", "2bd", "1bd", "24h")
TEN_PERCENT = FeePolicy(restocking=Charge(Price(percent=10)))


@pytest.fixture
def session(made_sessions: Sessions) -> Iterator[Session]:
    with made_sessions() as session:
        yield session
        session.rollback()


def a_case(session: Session, policy: FeePolicy, market: str = "US") -> Row[Any]:
    """Two of five units at 100.00 come back, judged and accepted."""
    line = an_order_line(quantity=5, unit_price_minor=10_000)
    tender = Tender("o_1", "t_1", "card", 50_000, "simulated", "pay_1")
    orders.put(
        session, an_order(lines=(line,), tenders=(tender,), currency="USD", market=market), Customer("c_1", market)
    )
    at = database_time(session)
    programme = replace(BOOK.programme("standard"), fees=policy, shopper_informed=True)
    terms = terms_for(programme, BOOK.markets[market], Tier.ENTRY)
    values = {
        "id": "ret_1",
        "rma": "RMA1",
        "customer_id": "c_1",
        "order_id": "o_1",
        "tier": "ENTRY",
        "market": market,
        "programme": "standard",
        "policy_version": "1",
        "currency": "USD",
        "resolution": "refund",
        "method": "label",
        "terms": asdict(terms),
        "referred": False,
        "explanation": [],
        "opened_by": "shop",
        "declared_at": at,
        "opened_at": at,
    }
    row = {"case_id": "ret_1", "id": "rl_1", "order_id": "o_1", "order_line_id": "l_1", "sku": "DRESS-38"}
    more = {"quantity": 2, "reason": "changed_mind", "verdict": "eligible", "verdict_reasons": [], "holds_units": True}
    state = State(Stage.BOOKED, at, Method.LABEL, LIMITS, due=at)
    cases.open_case(session, values, [{**row, **more}], state)
    orders.claim(session, {("o_1", "l_1"): 2})
    session.execute(text("UPDATE case_lines SET accepted = 2, grade = 'B'"))
    return cases.get(session, "ret_1")


def settle(session: Session, case: Row[Any]) -> RefundQuote:
    """As the settlement does it, but for the payment."""
    lines = [RefundLine("o_1", "l_1", 2, 5, 50_000, refunded_units_before=0, refunded_minor_before=0)]
    before_fees = quote_refund("USD", lines)
    handling.charge(session, case, handling.settled_units(session, case, {"rl_1": (2, before_fees.goods_minor)}), AT)
    charged = refunds.shopper_fees(session, case.id)
    quote = quote_refund("USD", lines, [fee for _, fee in charged])
    refunds.decide(session, case.id, quote, "inspected", AT)
    refunds.bear(session, case.id, [key for key, _ in charged], quote)
    ledger.book(session, settlement_entry(case.id, 1, quote), AT)
    handling.invoice(session, case, quote, AT)
    return quote


def rows(session: Session) -> list[tuple[str, str, int, str]]:
    return [(fee.kind, fee.bearer, fee.amount_minor, fee.rule) for fee in refunds.fees_of_case(session, "ret_1")]


def balances(session: Session) -> dict[str, int]:
    return {account: minor for (account, _), minor in ledger.balances(session).items() if minor}


def test_two_of_five_units_with_ten_percent_bring_back_180(session: Session) -> None:
    assert settle(session, a_case(session, TEN_PERCENT)).total_minor == 18_000
    assert rows(session) == [("restocking", "shopper", 2000, "no_fault_as_agreed")]
    assert balances(session) == {
        "goods_returned:merchant": 20_000,
        "own_work:merchant": -2000,
        "payable:shopper": -18_000,
    }
    broken = {check.name for check in verify(session) if not check.holds}
    assert not {name for name in broken if "ledger" in name}


def test_where_the_law_forbids_it_the_whole_comes_back_and_the_books_say_why(session: Session) -> None:
    assert settle(session, a_case(session, TEN_PERCENT, "KR")).total_minor == 20_000
    assert rows(session) == [("restocking", "merchant", 2000, "law_forbids_the_fee")]
    assert balances(session) == {
        "goods_returned:merchant": 20_000,
        "fee:restocking:merchant": 2000,
        "own_work:merchant": -2000,
        "payable:shopper": -20_000,
    }
    why = session.execute(
        text("SELECT rule, source FROM ledger_postings WHERE account = 'fee:restocking:merchant'")
    ).one()
    assert why.rule == "law_forbids_the_fee"
    assert why.source.startswith("law of KR: ")


def test_a_policy_that_charges_nothing_books_nothing(session: Session) -> None:
    assert settle(session, a_case(session, NO_FEES)).total_minor == 20_000
    assert rows(session) == []


TOO_MUCH = Charge(Price(per_unit_minor={"USD": 12_000}))


def test_what_is_above_the_refund_is_waived(session: Session) -> None:
    assert settle(session, a_case(session, FeePolicy(restocking=TOO_MUCH))).total_minor == 0
    assert rows(session) == [
        ("restocking", "shopper", 20_000, "no_fault_as_agreed"),
        ("restocking", "merchant", 4000, "fee_above_refund"),
    ]
    assert balances(session) == {
        "goods_returned:merchant": 20_000,
        "fee:restocking:merchant": 4000,
        "own_work:merchant": -24_000,
    }


def test_or_owed_by_the_shopper_where_the_terms_say_so(session: Session) -> None:
    policy = FeePolicy(restocking=TOO_MUCH, when_above_refund=AboveRefund.INVOICE)
    assert settle(session, a_case(session, policy)).total_minor == 0
    assert rows(session) == [
        ("restocking", "shopper", 20_000, "no_fault_as_agreed"),
        ("restocking", "shopper", 4000, "fee_above_refund_invoiced"),
    ]
    assert balances(session) == {
        "goods_returned:merchant": 20_000,
        "receivable:shopper": 4000,
        "own_work:merchant": -24_000,
    }


def test_a_policy_changed_later_does_not_touch_the_case(session: Session) -> None:
    case = a_case(session, TEN_PERCENT)
    session.execute(text("UPDATE cases SET policy_version = '2'"))
    assert settle(session, case).deducted_minor == 2000
    assert "programme standard v1" in {fee.source for fee in refunds.fees_of_case(session, "ret_1")}


@pytest.mark.parametrize(
    ("terms", "reason", "withdraws"),
    [
        ({"limits": {"refund_clock": ""}}, "changed_mind", False),
        ({"limits": {"refund_clock": ""}}, "withdrawal", True),
        ({"limits": {"refund_clock": "notice 14d sent"}}, "changed_mind", True),
    ],
)
def test_who_withdraws_is_known_by_the_reason_or_by_the_laws_clock(
    session: Session, terms: dict[str, Any], reason: str, withdraws: bool
) -> None:
    a_case(session, TEN_PERCENT)
    session.execute(text("UPDATE case_lines SET reason = :reason"), {"reason": reason})
    session.execute(update(case_rows).values(terms={**cases.get(session, "ret_1").terms, **terms}))
    (line,) = handling.settled_units(session, cases.get(session, "ret_1"), {"rl_1": (2, 20_000)})
    assert (line.withdrawing, line.category, line.grade) == (withdraws, "clothing", "B")


def test_a_penalty_for_a_late_refund_is_owed_to_the_shopper_once(session: Session) -> None:
    a_case(session, NO_FEES, "KR")
    found = penalty(Money(20_000, "USD"), datetime(2026, 10, 26, tzinfo=UTC), AT, Interest(1500))
    entry = late_refund_entry("ret_1", "rf_1", late_refund_fee(found, "USD", missed=None, source="law of KR"))
    assert ledger.book(session, entry, AT)
    assert not ledger.book(session, entry, AT)
    assert balances(session) == {"fee:late_refund_penalty:merchant": 247, "payable:shopper": -247}
