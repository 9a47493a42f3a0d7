"""A late refund costs what the row says, to the unit and in the shopper's favour; what it does not say is left to a person."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bearers import MissedDeadline
from domain.fees import Bearer, FeeKind
from domain.money import Money
from domain.penalties import (
    ForAPerson,
    Interest,
    Ladder,
    Once,
    PenaltyRule,
    PerDay,
    Step,
    days_begun,
    late_refund_fee,
    months_begun,
    penalty,
    penalty_rule,
)
from domain.stages import Owner
from policies.book import load_policy_book

BOOK = load_policy_book()
DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRANCE = penalty_rule(BOOK.markets["FR"].late_refund_penalty or "")


def late(**by: float) -> datetime:
    return DUE + timedelta(**by)


def owed(rule: PenaltyRule, minor: int, **by: float) -> int:
    return penalty(Money(minor, "EUR"), DUE, late(**by), rule).amount_minor


def test_each_row_says_what_it_costs_or_that_a_person_decides() -> None:
    said = {
        name: penalty_rule(market.late_refund_penalty)
        for name, market in BOOK.markets.items()
        if market.late_refund_penalty
    }
    ladder = Ladder(
        (
            Step(10, None, "legal_rate"),
            Step(20, 500),
            Step(30, 1000),
            Step(60, 2000),
            Step(90, 5000),
        ),
        bps_per_month=500,
        most_bps=10000,
        afterwards="legal_rate",
    )
    assert said == {
        "FR": ladder,
        "ES": Once(10000, on_claim=True),
        "KR": Interest(1500),
        "VN": ForAPerson("interest"),
        "CA-QC": ForAPerson("card_chargeback_within_60_days"),
    }


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("", None),
        ("interest_8.25pct_pa", Interest(825)),
        ("2pct_per_day", PerDay(200)),
        ("0.5pct_per_day_up_to_50pct", PerDay(50, 5000)),
        ("10pct_once", Once(1000)),
        ("legal_rate<=10d", ForAPerson("legal_rate<=10d")),
        ("5%_10-20d", ForAPerson("5%_10-20d")),
        ("5%_0-20d;10%_25-30d", ForAPerson("5%_0-20d;10%_25-30d")),
        ("5%_0-20d;10%_20-30d", Ladder((Step(20, 500), Step(30, 1000)))),
        ("5%_0-20d;gladly", ForAPerson("5%_0-20d;gladly")),
        ("15 percent", ForAPerson("15 percent")),
        ("1e9pct_once", ForAPerson("1e9pct_once")),
    ],
)
def test_words_are_read_exactly_or_not_at_all(words: str, rule: PenaltyRule | None) -> None:
    assert penalty_rule(words) == rule


@pytest.mark.parametrize(
    ("by", "days"),
    [
        pytest.param({"days": -1}, 0, id="a day early"),
        pytest.param({}, 0, id="in the last instant"),
        pytest.param({"microseconds": 1}, 1, id="an instant late"),
        pytest.param({"days": 1}, 1, id="a day late"),
        pytest.param({"days": 1, "seconds": 1}, 2, id="the second day begun"),
    ],
)
def test_a_day_begun_is_a_day(by: dict[str, float], days: int) -> None:
    assert days_begun(DUE, late(**by)) == days


@pytest.mark.parametrize(
    ("rule", "minor", "days", "expected"),
    [
        pytest.param(Interest(1500), 100_000, 30, 1233, id="15 % a year for 30 days, 1232.88 rounded up"),
        pytest.param(Interest(1500), 36_500, 365, 5475, id="a whole year is exact"),
        pytest.param(Interest(1500), 1, 1, 1, id="never less than a unit"),
        pytest.param(Interest(1500), 0, 30, 0, id="nothing of nothing"),
        pytest.param(Interest(1500), 1000, 3650, 1500, id="ten years are more than the refund"),
        pytest.param(PerDay(200), 10_000, 3, 600, id="2 % a day"),
        pytest.param(PerDay(200, 5000), 10_000, 99, 5000, id="2 % a day up to half"),
        pytest.param(Once(1000), 999, 1, 100, id="10 % once, 99.9 rounded up"),
        pytest.param(Once(10000, on_claim=True), 4990, 1, 4990, id="the whole once more"),
    ],
)
def test_a_figure_is_worked_out_to_the_unit(rule: PenaltyRule, minor: int, days: int, expected: int) -> None:
    assert owed(rule, minor, days=days) == expected
    assert penalty(Money(minor, "EUR"), DUE, DUE, rule).amount_minor == 0


@pytest.mark.parametrize(
    ("days", "percent", "left"),
    [
        (1, 0, "legal_rate"),
        (10, 0, "legal_rate"),
        (11, 5, ""),
        (19, 5, ""),
        (20, 10, ""),
        (29, 10, ""),
        (30, 20, ""),
        (60, 50, ""),
        (90, 50, ""),
        (91, 55, ""),
        (120, 55, ""),
        (122, 60, ""),
        (600, 100, "legal_rate"),
    ],
)
def test_the_ladder_of_france(days: int, percent: int, left: str) -> None:
    """Code de la consommation, L242-4: five points for each new month of delay, up to the price of the goods."""
    assert FRANCE
    found = penalty(Money(20_000, "EUR"), DUE, late(days=days), FRANCE)
    assert (found.amount_minor, found.for_a_person) == (200 * percent, left)


def test_what_no_figure_can_be_read_from_is_for_a_person_and_says_so() -> None:
    found = penalty(Money(20_000, "VND"), DUE, late(days=3), ForAPerson("interest"))
    assert (found.amount_minor, found.days_late, found.for_a_person) == (0, 3, "interest")
    spain = penalty(Money(20_000, "EUR"), DUE, late(days=3), Once(10000, on_claim=True))
    assert (spain.amount_minor, spain.on_claim) == (20_000, True), "worked out, and owed only if it is asked for"


@pytest.mark.parametrize(
    ("since", "until", "months"),
    [
        ("2026-01-31", "2026-01-31", 0),
        ("2026-01-31", "2026-02-01", 1),
        ("2026-01-31", "2026-02-28", 1),
        ("2026-01-31", "2026-03-01", 2),
        ("2026-03-01", "2026-02-01", 0),
        ("2025-12-15", "2026-12-16", 13),
    ],
)
def test_months_begun(since: str, until: str, months: int) -> None:
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (since, until))
    assert months_begun(first, last) == months


rules = st.one_of(
    st.builds(Interest, st.integers(1, 10_000)),
    st.builds(PerDay, st.integers(1, 10_000)),
    st.builds(Once, st.integers(1, 30_000)),
)


@given(rule=rules, minor=st.integers(0, 10**12), days=st.integers(1, 5000))
def test_what_is_owed_is_the_exact_figure_and_less_than_one_unit_more(rule: PenaltyRule, minor: int, days: int) -> None:
    match rule:
        case Interest(bps):
            exact = Fraction(minor * bps * days, 10_000 * 365)
        case PerDay(bps):
            exact = Fraction(minor * bps * days, 10_000)
        case Once(bps):
            exact = Fraction(minor * bps, 10_000)
        case _:
            raise AssertionError(rule)
    assert 0 <= owed(rule, minor, days=days) - exact < 1


@given(minor=st.integers(0, 10**9), days=st.integers(11, 2000), more=st.integers(0, 500))
def test_to_be_later_never_costs_less(minor: int, days: int, more: int) -> None:
    assert FRANCE
    assert owed(FRANCE, minor, days=days) <= owed(FRANCE, minor, days=days + more) <= minor


@pytest.mark.parametrize(
    ("missed", "bearer"),
    [
        (None, Bearer.MERCHANT),
        (MissedDeadline(Owner.PLATFORM, "the refund ordered within 1bd"), Bearer.PLATFORM),
        (MissedDeadline(Owner.SHOPPER, "the parcel handed over within 14d"), Bearer.MERCHANT),
    ],
)
def test_a_penalty_is_a_fee_of_who_was_late_and_never_the_shoppers(
    missed: MissedDeadline | None, bearer: Bearer
) -> None:
    found = penalty(Money(100_000, "KRW"), DUE, late(days=30), Interest(1500))
    fee = late_refund_fee(found, "KRW", missed=missed, source="law of KR")
    assert (fee.kind, fee.amount_minor, fee.currency, fee.bearer) == (
        FeeKind.LATE_REFUND_PENALTY,
        1233,
        "KRW",
        bearer,
    )
    assert fee.source.startswith("law of KR; ")
