"""The law's clock on a refund: when it starts, how long it runs, and what the money may wait for."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import Calendar
from domain.clock import (
    STARTS,
    WITHHOLDS,
    Event,
    RefundClock,
    UnknownClockWord,
    UnreadableClock,
    clock_of,
    earlier,
    law_due,
)
from domain.market import Market
from policies.book import load_policy_book

BOOK = load_policy_book()
MOMENTS = st.integers(0, 365 * 24 * 60).map(lambda minutes: at("2026-01-01T00:00") + timedelta(minutes=minutes))

# Monday 2026-03-02 to Sunday 2026-03-29 in a market at UTC+1 without holidays, where last days move.
WEEKS = str(
    Calendar.of(
        "DE",
        date(2026, 3, 2),
        working=[n % 7 < 5 for n in range(32)],
        offsets=[60] * 32,
        last_moves=True,
    )
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def due(clock: str, notice: str, sent: str | None = None, received: str | None = None) -> datetime | None:
    return law_due(
        clock,
        notice=at(notice),
        sent=at(sent) if sent else None,
        received=at(received) if received else None,
        calendar=WEEKS,
    )


@pytest.mark.parametrize(
    ("market", "clock"),
    [
        ("EU", "notice 14d sent"),
        ("DE", "notice 14d sent"),
        ("FR", "notice 14d sent"),
        ("UK", "sent 14d"),
        ("CN", "received 7d"),
        ("KR", "received 3bd"),
        ("TW", "sent 15d received"),
        ("BR", "notice 0d"),
        ("TR", "notice 14d sent"),
        ("RU", "notice 10d"),
        pytest.param("US", "", id="US: no number in the law"),
        pytest.param("JP", "", id="JP: no number in the law"),
        pytest.param("AR", "", id="AR: a right, but no number for the money"),
        pytest.param("TH", "", id="TH: a conditional right is never applied by itself"),
    ],
)
def test_the_clock_of_a_market(market: str, clock: str) -> None:
    assert clock_of(BOOK.markets[market]) == clock


@pytest.mark.parametrize(
    ("market", "clock"),
    [("TH", "notice 15d"), ("VN", "notice 30d"), ("CA-ON", "notice 15d"), ("CA-QC", "notice 15d"), ("JP", "")],
)
def test_a_conditional_right_runs_its_clock_where_a_person_found_its_conditions_met(market: str, clock: str) -> None:
    assert clock_of(BOOK.markets[market], conditions_met=True) == clock


def test_every_word_of_the_file_is_known() -> None:
    markets = BOOK.markets.values()

    assert {market.refund_starts for market in markets} - {None} <= set(STARTS)
    assert {market.refund_withhold_until for market in markets} - {None} <= set(WITHHOLDS)
    assert {market.refund_day_type for market in markets} <= {None, "calendar", "business"}
    for market in markets:
        assert bool(clock_of(market, conditions_met=True)) is (market.refund_days is not None), market.market


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("refund_starts", "full_moon"),
        ("refund_starts", "per_policy"),
        ("refund_starts", None),
        ("refund_withhold_until", "full_moon"),
        ("refund_day_type", "lunar"),
    ],
)
def test_a_row_with_days_and_a_word_that_says_no_event_is_named(field: str, word: str | None) -> None:
    changes: dict[str, object] = {field: word}
    bad: Market = replace(BOOK.markets["DE"], **changes)  # type: ignore[arg-type]

    with pytest.raises(UnknownClockWord, match=f"Market DE, {field}") as problem:
        clock_of(bad)
    assert problem.value.facts == {"field": field, "word": word}


@pytest.mark.parametrize(
    ("clock", "notice", "sent", "received", "end"),
    [
        pytest.param(
            "notice 14d sent", "2026-03-02T09:00", "2026-03-05T10:00", None, "2026-03-16T23:00", id="EU: 14 days"
        ),
        pytest.param(
            "notice 14d sent", "2026-03-02T09:00", None, None, None, id="EU: held back until there is proof of sending"
        ),
        pytest.param(
            "notice 14d sent", "2026-03-02T09:00", "2026-03-20T15:00", None, "2026-03-20T15:00", id="EU: at once on late proof"
        ),
        pytest.param(
            "notice 14d sent", "2026-03-02T09:00", None, "2026-03-09T08:00", "2026-03-16T23:00", id="EU: goods prove it too"
        ),
        pytest.param(
            "notice 14d sent", "2026-03-02T09:00", "2026-03-20T15:00", "2026-03-18T08:00", "2026-03-18T08:00",
            id="EU: whichever is first",
        ),
        pytest.param(
            "notice 14d sent", "2026-03-07T09:00", "2026-03-08T09:00", None, "2026-03-23T23:00", id="EU: Saturday moves to Monday"
        ),
        pytest.param("sent 14d", "2026-03-02T09:00", None, None, None, id="UK: not before it starts"),
        pytest.param("sent 14d", "2026-03-02T09:00", "2026-03-05T10:00", None, "2026-03-19T23:00", id="UK: from the proof"),
        pytest.param("sent 14d", "2026-03-02T09:00", None, "2026-03-06T10:00", "2026-03-20T23:00", id="UK: from the goods"),
        pytest.param("received 7d", "2026-03-02T09:00", "2026-03-03T09:00", None, None, id="CN: proof is not enough"),
        pytest.param("received 7d", "2026-03-02T09:00", None, "2026-03-06T10:00", "2026-03-13T23:00", id="CN: from the goods"),
        pytest.param("received 3bd", "2026-03-02T09:00", None, "2026-03-06T10:00", "2026-03-11T23:00", id="KR: working days"),
        pytest.param("sent 15d received", "2026-03-02T09:00", "2026-03-03T09:00", None, None, id="TW: until it has the goods"),
        pytest.param(
            "sent 15d received", "2026-03-02T09:00", "2026-03-03T09:00", "2026-03-06T09:00", "2026-03-18T23:00", id="TW: then"
        ),
        pytest.param("notice 10d", "2026-03-02T09:00", None, None, "2026-03-12T23:00", id="RU: waits for nothing"),
        pytest.param("notice 0d", "2026-03-02T09:00", None, None, "2026-03-02T09:00", id="BR: at once"),
        pytest.param("", "2026-03-02T09:00", "2026-03-03T09:00", "2026-03-06T09:00", None, id="no clock"),
        pytest.param(
            "notice 14d sent, received 7d", "2026-03-02T09:00", "2026-03-03T09:00", "2026-03-04T09:00", "2026-03-11T23:00",
            id="two clocks: the earlier end",
        ),
        pytest.param(
            "notice 14d sent, received 7d", "2026-03-02T09:00", "2026-03-03T09:00", None, "2026-03-16T23:00",
            id="two clocks: the one that runs",
        ),
    ],
)  # fmt: skip
def test_the_money_is_due(clock: str, notice: str, sent: str | None, received: str | None, end: str | None) -> None:
    assert due(clock, notice, sent, received) == (at(end) if end else None)


def test_without_a_calendar_days_are_of_24_hours() -> None:
    moments = {"notice": at("2026-03-02T09:00"), "sent": at("2026-03-03T09:00"), "received": None}

    assert law_due("notice 14d sent", **moments, calendar="") == at("2026-03-16T09:00")


@given(clock=st.sampled_from(sorted({clock_of(m, conditions_met=True) for m in BOOK.markets.values()} - {""})),
       notice=MOMENTS, to_sent=st.integers(0, 60), to_received=st.integers(0, 60))  # fmt: skip
def test_no_clock_ends_before_it_starts_or_while_the_money_may_be_held_back(
    clock: str, notice: datetime, to_sent: int, to_received: int
) -> None:
    sent = notice + timedelta(hours=12 * to_sent)
    received = sent + timedelta(hours=12 * to_received)
    end = law_due(clock, notice=notice, sent=sent, received=received, calendar=WEEKS)
    known = {Event.NOTICE: notice, Event.SENT: sent, Event.RECEIVED: received}
    read = RefundClock.parse(clock)

    assert end is not None
    assert end >= known[read.starts]
    assert read.withhold is None or end >= known[read.withhold]


def test_the_earlier_of_what_is_known() -> None:
    first, second = at("2026-03-02T09:00"), at("2026-03-02T10:00")

    assert earlier(second, None, first) == first
    assert earlier(None, second) == second
    assert earlier(None) is None
    assert earlier() is None


@pytest.mark.parametrize(
    ("starts", "span", "withhold"), list(product(Event, ["0d", "14d", "3bd"], [None, Event.SENT, Event.RECEIVED]))
)
def test_a_clock_reads_as_it_was_written(starts: Event, span: str, withhold: Event | None) -> None:
    clock = RefundClock(starts, span, withhold)

    assert RefundClock.parse(str(clock)) == clock


@pytest.mark.parametrize(
    "text",
    ["notice", "14d", "notice 14", "notice 24h", "notice 0bd", "noon 14d", "notice 14d noon", "notice 14d sent "],
)
def test_anything_else_is_no_clock(text: str) -> None:
    with pytest.raises(UnreadableClock, match="is not a clock"):
        due(text, "2026-03-02T09:00")
