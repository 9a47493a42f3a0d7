"""Spans of a promise and periods of the law: over weekends, holidays, month ends, changes of clocks and the leap day.

What real holidays make of them stands in tests/policies/test_calendars.py; the calendars here are made up.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import Calendar, Span, UnreadableCalendar, UnreadableSpan, after, legal_end, local_day

MOMENTS = st.integers(0, 15 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("moment", "span", "end"),
    [
        pytest.param("2026-03-02T09:00", "15min", "2026-03-02T09:15", id="minutes"),
        pytest.param("2026-03-02T23:00", "24h", "2026-03-03T23:00", id="hours over midnight"),
        pytest.param("2026-01-31T09:00", "1d", "2026-02-01T09:00", id="over a month end"),
        pytest.param("2026-12-31T09:00", "1d", "2027-01-01T09:00", id="over a year end"),
        pytest.param("2028-02-28T09:00", "1d", "2028-02-29T09:00", id="into the leap day"),
        pytest.param("2028-02-29T09:00", "1d", "2028-03-01T09:00", id="out of the leap day"),
        pytest.param("2026-02-28T09:00", "14d", "2026-03-14T09:00", id="two weeks over a short month"),
        pytest.param("2026-03-28T09:00", "2d", "2026-03-30T09:00", id="no hour is lost where clocks are put forward"),
        pytest.param("2026-03-02T09:00", "1bd", "2026-03-03T09:00", id="Monday and a business day"),
        pytest.param("2026-03-06T09:00", "1bd", "2026-03-09T09:00", id="Friday and a business day"),
        pytest.param("2026-03-06T09:00", "5bd", "2026-03-13T09:00", id="Friday and a week of business days"),
        pytest.param("2026-03-07T09:00", "1bd", "2026-03-09T09:00", id="Saturday counts from Monday"),
        pytest.param("2026-03-08T09:00", "1bd", "2026-03-09T09:00", id="Sunday counts from Monday"),
        pytest.param("2026-03-08T23:59", "2bd", "2026-03-10T23:59", id="the time of day is kept"),
        pytest.param("2028-02-25T09:00", "2bd", "2028-02-29T09:00", id="a business day on the leap day"),
        pytest.param("2026-05-29T09:00", "1bd", "2026-06-01T09:00", id="a weekend at a month end"),
    ],
)
def test_a_span_ends(moment: str, span: str, end: str) -> None:
    assert after(at(moment), span) == at(end)


@given(moment=MOMENTS, days=st.integers(1, 60))
def test_business_days_end_on_a_business_day_and_last_at_least_as_long_as_days(moment: datetime, days: int) -> None:
    end = after(moment, f"{days}bd")

    passed = [moment + timedelta(days=day) for day in range(1, (end - moment).days + 1)]
    assert end.weekday() < 5
    assert sum(day.weekday() < 5 for day in passed) == days
    assert end.timetz() == moment.timetz()


@given(moment=MOMENTS, days=st.integers(1, 60), more=st.integers(1, 10))
def test_a_longer_span_ends_later(moment: datetime, days: int, more: int) -> None:
    for unit in ("min", "h", "d", "bd"):
        assert moment < after(moment, f"{days}{unit}") < after(moment, f"{days + more}{unit}")


@given(amount=st.integers(1, 99999), unit=st.sampled_from(["min", "h", "d", "bd"]))
def test_a_span_reads_as_it_was_written(amount: int, unit: str) -> None:
    span = Span.parse(f"{amount}{unit}")

    assert (span.amount, span.unit, str(span)) == (amount, unit, f"{amount}{unit}")


@pytest.mark.parametrize(
    "text", ["", "d", "0d", "-1d", "+1d", "1.5d", "01d", "1 d", "1w", "1D", "d1", "1d ", "100000d", "1d2h", "²d"]
)
def test_anything_else_is_no_span(text: str) -> None:
    with pytest.raises(UnreadableSpan, match="is not a span"):
        after(at("2026-03-02T09:00"), text)


def test_a_line_end_does_not_slip_in() -> None:
    with pytest.raises(UnreadableSpan):
        Span.parse("7d\n")


# Brussels from Monday 2026-03-16 to Sunday 2026-04-12: clocks are put forward on 29 March, and Good Friday (3 April)
# and Easter Monday (6 April) are no working days.
BRUSSELS = Calendar.of(
    "BE",
    date(2026, 3, 16),
    working=[
        *(True, True, True, True, True, False, False),
        *(True, True, True, True, True, False, False),
        *(True, True, True, True, False, False, False),
        *(False, True, True, True, True, False, False),
        *(True, True, True, True),
    ],
    offsets=[60] * 13 + [120] * 19,
    last_moves=True,
)
STAYS = Calendar.of(
    "BE",
    BRUSSELS.first,
    working=[BRUSSELS.is_working(BRUSSELS.first + timedelta(days=n)) for n in range(32)],
    offsets=[60] * 13 + [120] * 19,
    last_moves=False,
)


@pytest.mark.parametrize(
    ("moment", "span", "end"),
    [
        pytest.param("2026-03-28T11:00", "24h", "2026-03-29T11:00", id="24 hours are 24 where a day has 23"),
        pytest.param("2026-03-16T09:00", "90min", "2026-03-16T10:30", id="minutes are exact"),
        pytest.param("2026-03-16T09:00", "1d", "2026-03-17T23:00", id="the day of the event is not counted"),
        pytest.param("2026-03-16T22:59", "1d", "2026-03-17T23:00", id="a minute before local midnight"),
        pytest.param("2026-03-16T23:00", "1d", "2026-03-18T23:00", id="local midnight is of the next day"),
        pytest.param("2026-03-16T23:30", "1d", "2026-03-18T23:00", id="the day is the local one"),
        pytest.param("2026-03-16T09:00", "13d", "2026-03-30T22:00", id="a last day on a Sunday moves to Monday"),
        pytest.param("2026-03-16T09:00", "12d", "2026-03-30T22:00", id="a last day on a Saturday moves to Monday"),
        pytest.param("2026-03-20T09:00", "14d", "2026-04-07T22:00", id="a last day on Good Friday moves over Easter"),
        pytest.param("2026-03-16T09:00", "4d", "2026-03-20T23:00", id="a last day on a Friday stays"),
        pytest.param("2026-03-27T09:00", "1bd", "2026-03-30T22:00", id="a working day over the change of clocks"),
        pytest.param("2026-04-01T09:00", "2bd", "2026-04-07T22:00", id="two working days over Easter"),
        pytest.param("2026-04-04T09:00", "1bd", "2026-04-07T22:00", id="an event on a day off"),
    ],
)
def test_a_span_ends_by_the_days_of_the_market(moment: str, span: str, end: str) -> None:
    assert after(at(moment), span, str(BRUSSELS), legal=True) == at(end)


@pytest.mark.parametrize(
    ("moment", "span", "end"),
    [
        pytest.param("2026-03-28T11:00", "1d", "2026-03-29T22:00", id="a Sunday of 23 hours"),
        pytest.param("2026-03-20T09:00", "14d", "2026-04-03T22:00", id="Good Friday"),
        pytest.param("2026-04-01T09:00", "2bd", "2026-04-07T22:00", id="working days are counted all the same"),
    ],
)
def test_a_last_day_stays_where_the_law_does_not_move_it(moment: str, span: str, end: str) -> None:
    assert after(at(moment), span, str(STAYS), legal=True) == at(end)


def test_what_a_seller_is_given_ends_on_its_day_whatever_day_that_is() -> None:
    assert after(at("2026-03-16T09:00"), "13d", str(BRUSSELS)) == at("2026-03-29T22:00")  # a Sunday
    assert after(at("2026-03-16T09:00"), "13d", str(BRUSSELS), legal=True) == at("2026-03-30T22:00")


def test_a_legal_period_moves_by_the_word_of_the_caller() -> None:
    sunday = {"start": at("2026-03-15T09:00"), "days": 14, "business": False, "calendar": BRUSSELS}

    assert legal_end(**sunday, moves=True) == at("2026-03-30T22:00")
    assert legal_end(**sunday, moves=False) == at("2026-03-29T22:00")


def test_a_day_has_23_hours_where_clocks_are_put_forward_and_25_where_they_are_put_back() -> None:
    autumn = Calendar.of("BE", date(2026, 10, 19), working=[True] * 8, offsets=[120] * 6 + [60] * 2, last_moves=True)

    assert BRUSSELS.closes(date(2026, 3, 29)) - BRUSSELS.closes(date(2026, 3, 28)) == timedelta(hours=23)
    assert autumn.closes(date(2026, 10, 25)) - autumn.closes(date(2026, 10, 24)) == timedelta(hours=25)


def test_beyond_the_days_on_file_monday_to_friday_work_by_the_nearest_offset() -> None:
    assert after(at("2026-04-17T09:00"), "1bd", str(BRUSSELS)) == at("2026-04-20T22:00")  # the last day is a Thursday
    assert after(at("2026-03-13T09:00"), "1bd", str(BRUSSELS)) == at("2026-03-16T23:00")
    assert [BRUSSELS.is_working(date(2026, 3, day)) for day in (13, 14, 15)] == [True, False, False]
    assert BRUSSELS.closes(date(2026, 1, 1)) == at("2026-01-01T23:00")
    assert BRUSSELS.closes(date(2027, 1, 1)) == at("2027-01-01T22:00")


def test_a_calendar_without_a_working_day_ends_a_span_in_the_week_after_it() -> None:
    closed = Calendar.of("XX", date(2026, 3, 16), working=[False] * 16, offsets=[0] * 16, last_moves=True)

    assert after(at("2026-03-16T09:00"), "1bd", str(closed)) == at("2026-04-02T00:00")
    assert after(at("2026-03-16T09:00"), "1d", str(closed), legal=True) == at("2026-04-02T00:00")


def test_a_calendar_reads_as_it_was_written() -> None:
    # Its days are the bytes F9 F3 C3 CF.
    text = "BE 2026-03-16 moves 60,13:120 -fPDzw=="

    assert str(BRUSSELS) == text
    assert Calendar.parse(text) == BRUSSELS
    assert Calendar.parse(text) is Calendar.parse(text)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    length = 8 * draw(st.integers(1, 12))
    offsets: list[int] = []
    for quarters in draw(st.lists(st.integers(-44, 51), min_size=1, max_size=4)):
        offsets += [15 * quarters] * draw(st.integers(1, length))
    return Calendar.of(
        draw(st.sampled_from(["DE", "US-CA", "ZZ"])),
        draw(st.dates(date(2019, 12, 1), date(2035, 1, 31))),
        working=draw(st.lists(st.booleans(), min_size=length, max_size=length)),
        offsets=(offsets + [offsets[-1]] * length)[:length],
        last_moves=draw(st.booleans()),
    )


@given(calendars())
def test_every_calendar_reads_as_it_was_written(calendar: Calendar) -> None:
    assert Calendar.parse(str(calendar)) == calendar


def naive_end(moment: datetime, days: int, *, business: bool, calendar: Calendar) -> datetime:
    """Day after day, from a day that has surely closed before the moment."""
    day = moment.date() - timedelta(days=3)
    while calendar.closes(day) <= moment:
        day += timedelta(days=1)
    counted = 0
    while counted < days or (calendar.last_moves and not business and not calendar.is_working(day)):
        day += timedelta(days=1)
        counted += calendar.is_working(day) if business else 1
    return calendar.closes(day)


NEAR = st.integers(-30 * 24 * 60, 130 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@given(calendar=calendars(), near=NEAR, days=st.integers(1, 40), business=st.booleans())
def test_a_span_ends_where_a_walk_from_day_to_day_does(
    calendar: Calendar, near: timedelta, days: int, business: bool
) -> None:
    moment = datetime(calendar.first.year, calendar.first.month, calendar.first.day, tzinfo=UTC) + near
    end = after(moment, f"{days}{'bd' if business else 'd'}", str(calendar), legal=True)

    assert end == naive_end(moment, days, business=business, calendar=calendar)
    assert end > moment


@given(calendar=calendars(), near=NEAR, days=st.integers(1, 40), more=st.integers(1, 10))
def test_a_longer_span_never_ends_earlier_nor_does_a_later_start(
    calendar: Calendar, near: timedelta, days: int, more: int
) -> None:
    moment = datetime(calendar.first.year, calendar.first.month, calendar.first.day, tzinfo=UTC) + near
    for unit in ("min", "h", "d", "bd"):
        end = after(moment, f"{days}{unit}", str(calendar), legal=True)
        assert end <= after(moment, f"{days + more}{unit}", str(calendar), legal=True)
        assert end <= after(moment + timedelta(hours=more), f"{days}{unit}", str(calendar), legal=True)
    assert after(moment, f"{days}d", str(calendar), legal=True) <= after(moment, f"{days}bd", str(calendar), legal=True)


@given(calendar=calendars(), near=NEAR)
def test_an_instant_lies_in_its_day(calendar: Calendar, near: timedelta) -> None:
    moment = datetime(calendar.first.year, calendar.first.month, calendar.first.day, tzinfo=UTC) + near
    day = local_day(moment, calendar)

    assert calendar.closes(day - timedelta(days=1)) <= moment < calendar.closes(day)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("DE", id="a market alone"),
        pytest.param("DE 2026-03-16 moves 60", id="no days"),
        pytest.param("DE 2026-02-30 moves 60 -fPhePA=", id="no such day"),
        pytest.param("DE 2026-03-16 maybe 60 -fPhePA=", id="neither moves nor stays"),
        pytest.param("DE 2026-03-16 moves 60,13:60 -fPhePA=", id="a change to the same offset"),
        pytest.param("DE 2026-03-16 moves 60,13:120,7:60 -fPhePA=", id="changes out of order"),
        pytest.param("DE 2026-03-16 moves -720,13:720 -fPhePA=", id="a day that would close before the one it follows"),
        pytest.param("DE 2026-03-16 moves 060 -fPhePA=", id="an offset written otherwise"),
        pytest.param("DE 2026-03-16 moves 60 -fPhePA", id="a bitmap without its end"),
        pytest.param("DE 2026-03-16 moves 60 -fPhePB=", id="a bitmap with bits beyond its last byte"),
        pytest.param("DE 2026-03-16 moves 60 -fPhePA=\n", id="a line end"),
        pytest.param("DE ٢٠٢٦-03-16 moves 60 -fPhePA=", id="other digits"),
    ],
)
def test_anything_else_is_no_calendar(text: str) -> None:
    with pytest.raises(UnreadableCalendar):
        after(at("2026-03-02T09:00"), "2d", text)


@pytest.mark.parametrize(("working", "offsets"), [(8, 7), (7, 7), (0, 0)])
def test_a_calendar_is_made_of_whole_bytes_of_days(working: int, offsets: int) -> None:
    with pytest.raises(UnreadableCalendar):
        Calendar.of("DE", date(2026, 3, 16), working=[True] * working, offsets=[60] * offsets, last_moves=True)
