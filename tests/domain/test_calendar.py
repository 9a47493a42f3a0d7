"""Spans of a promise, over weekends, month ends and the leap day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import Span, UnreadableSpan, after

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
