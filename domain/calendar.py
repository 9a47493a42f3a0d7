"""Spans of a promise ("24h", "7d", "2bd"), the days of a market, and the instant at which each span ends.

How days are counted is the rule of Regulation (EEC, Euratom) No 1182/71, which most other laws share:

- the day of the event is not counted                                                     art. 3(1)
- a period of days ends with the last hour of its last day, by the clock of the market    art. 3(2)(b)
- a period of working days counts these only                                              art. 3(3), last words
- where the law of the market says so, a last day that is no working day moves on         art. 3(4)

The days themselves are not looked up here: holidays are decreed and time zones changed while a return is under way, and
a promise that was made must not move with them. A case carries its `Calendar` as text, made when it was opened
(policies/calendars.py); the same question has the same answer next year and on any host.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise

from domain.errors import Invalid
from domain.frozen import quickly_made

_FORM = re.compile(r"(?P<amount>[1-9][0-9]{0,4})(?P<unit>min|h|d|bd)")
_SATURDAY = 5
_DAY = timedelta(days=1)
_MIDNIGHT = time(tzinfo=UTC)
_BITS = 8  # days to a byte of the bitmap
_MINUTES_PER_DAY = 24 * 60

_CALENDAR = re.compile(
    r"(?P<market>[A-Z0-9-]+) (?P<first>\d{4}-\d\d-\d\d) (?P<last_days>moves|stays)"
    r" (?P<offset>-?\d{1,4})(?P<changes>(,\d{1,5}:-?\d{1,4})*) (?P<days>[A-Za-z0-9_=-]+)",
    re.ASCII,
)


class UnreadableSpan(Invalid):
    code = "unreadable_span"
    next_action = 'Write a span as a whole number and a unit: "15min", "24h", "7d" or "2bd" (business days).'


class UnreadableCalendar(Invalid):
    code = "unreadable_calendar"
    next_action = "Take the calendar as policies/calendars.py makes it; it is not written by hand."


@quickly_made
@dataclass(frozen=True)
class Span:
    """A length of time as policy writes it: whole minutes, hours, days or business days.

    >>> str(Span.parse("2bd"))
    '2bd'
    """

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Span":
        return _span(text)

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


@lru_cache(maxsize=256)  # promises write a few dozen spans, and each deadline asks for one
def _span(text: str) -> Span:
    found = _FORM.fullmatch(text)
    if not found:
        raise UnreadableSpan(f"{text!r} is not a span.")
    return Span(int(found["amount"]), found["unit"])


@dataclass(frozen=True)
class Calendar:
    """The days of one market, frozen: which of them are working days, and at which instant each one closes.

    market      the country or part of one whose days these are: "DE", "US-CA"
    first       the first day on file
    last_moves  whether a last day that is no working day moves to the next one, by the law of this market
    offsets     (n, minutes): from the n-th day after `first` on, days close so many minutes ahead of UTC; the first is 0
    bitmap      a bit for each day from `first` on, the highest of the first byte first: 1 = a working day

    Before the first day and after the last one on file, Monday to Friday are working days, and the offset is that of the
    nearest day on file.

    As text, at most about 120 characters for 400 days (it lies in the history of every running case):
    market, first day, what last days do, offsets, and the bitmap as base64url:

    >>> week = Calendar.parse("DE 2026-10-19 stays 120,6:60 -A==")
    >>> [week.is_working(date(2026, 10, day)) for day in (19, 23, 24)]
    [True, True, False]
    >>> week.closes(date(2026, 10, 24)).isoformat(), week.closes(date(2026, 10, 25)).isoformat()
    ('2026-10-24T22:00:00+00:00', '2026-10-25T23:00:00+00:00')
    """

    market: str
    first: date
    last_moves: bool
    offsets: tuple[tuple[int, int], ...]
    bitmap: bytes

    def __post_init__(self) -> None:
        if not self.bitmap or not self.offsets or self.offsets[0][0] != 0:
            raise UnreadableCalendar("A calendar has days, and an offset for the first of them.")
        for (day, minutes), (next_day, next_minutes) in pairwise(self.offsets):
            # An offset that grew by a day or more would let a day close before the one that it follows.
            if next_day <= day or next_minutes - minutes >= _MINUTES_PER_DAY or next_minutes == minutes:
                raise UnreadableCalendar("The offsets of a calendar are in order of days, and each is a change.")

    @classmethod
    def of(
        cls, market: str, first: date, *, working: Sequence[bool], offsets: Sequence[int], last_moves: bool
    ) -> "Calendar":
        """From one word and one offset (minutes ahead of UTC at the day's end) per day from `first` on; whole bytes of 8."""
        if len(working) != len(offsets) or len(working) % _BITS:
            raise UnreadableCalendar(f"A calendar is made of {_BITS} days or a multiple of that.")
        bits = int("".join("1" if day else "0" for day in working) or "0", 2)
        changes = [(n, at) for n, at in enumerate(offsets) if n == 0 or at != offsets[n - 1]]
        return cls(market, first, last_moves, tuple(changes), bits.to_bytes(len(working) // _BITS, "big"))

    @classmethod
    def parse(cls, text: str) -> "Calendar":
        """Raises UnreadableCalendar for anything that `str` would not have written."""
        return _read(text)

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        changes = "".join(f",{day}:{minutes}" for day, minutes in self.offsets[1:])
        last_days = "moves" if self.last_moves else "stays"
        bitmap = urlsafe_b64encode(self.bitmap).decode()
        return f"{self.market} {self.first} {last_days} {self.offsets[0][1]}{changes} {bitmap}"

    def __hash__(self) -> int:
        # Two calendars of one market that begin on one day hardly ever differ, and this is asked for every deadline.
        return hash((self.market, self.first))

    def is_working(self, day: date) -> bool:
        n = day.toordinal() - self.first.toordinal()
        if 0 <= n < len(self.bitmap) * _BITS:
            return bool(self.bitmap[n // _BITS] >> (_BITS - 1 - n % _BITS) & 1)
        return day.weekday() < _SATURDAY

    def closes(self, day: date) -> datetime:
        """The UTC instant at which the local day ends."""
        known = self._closings.get(day)
        if known is None:
            known = self._closings[day] = self._closing(day)
        return known

    @cached_property
    def _closings(self) -> dict[date, datetime]:
        return {}

    def _closing(self, day: date) -> datetime:
        n = day.toordinal() - self.first.toordinal()
        minutes = self.offsets[0][1]
        for since, later in self.offsets[1:]:  # two a year
            if since > n:
                break
            minutes = later
        return datetime.combine(day, _MIDNIGHT) + timedelta(days=1, minutes=-minutes)


@lru_cache(maxsize=1024)
def _read(text: str) -> Calendar:
    found = _CALENDAR.fullmatch(text)
    if not found:
        raise UnreadableCalendar(f"{text!r} is not a calendar.")
    changes = [change.split(":") for change in found["changes"].split(",")[1:]]
    try:
        calendar = Calendar(
            market=found["market"],
            first=date.fromisoformat(found["first"]),
            last_moves=found["last_days"] == "moves",
            offsets=((0, int(found["offset"])), *((int(day), int(minutes)) for day, minutes in changes)),
            bitmap=urlsafe_b64decode(found["days"]),
        )
    except (ValueError, binascii.Error) as problem:
        raise UnreadableCalendar(f"{text!r} is not a calendar: {problem}.") from problem
    if str(calendar) != text:
        raise UnreadableCalendar(f"{text!r} is not a calendar as it is written: {calendar}.")
    return calendar


@lru_cache(maxsize=8192)
def local_day(at: datetime, calendar: Calendar) -> date:
    """The day of the market that the instant lies in; the instant at which a day closes belongs to the next one."""
    # A guess by the first offset on file is right but for an hour where clocks have been changed since.
    day = (at.astimezone(UTC) + timedelta(minutes=calendar.offsets[0][1])).date()
    while at >= calendar.closes(day):
        day += _DAY
    while at < calendar.closes(day - _DAY):
        day -= _DAY
    return day


@lru_cache(maxsize=8192)
def legal_end(start: datetime, days: int, *, business: bool, moves: bool, calendar: Calendar) -> datetime:
    """The instant at which a period of `days` (from 1) ends that an event at `start` set running.

    business   only working days are counted
    moves      a last day that is no working day is followed by the next one that is

    That a period of two days or more holds two working days at least (Reg. 1182/71 art. 3(5)) needs no rule of its
    own: the shortest period of European law on file has 14 days.

    >>> workweek = Calendar.of("BE", date(2026, 11, 16), working=[True] * 5 + [False] * 2 + [True],
    ...                        offsets=[60] * 8, last_moves=True)
    >>> legal_end(datetime(2026, 11, 18, 9, tzinfo=UTC), 3, business=False, moves=True, calendar=workweek).isoformat()
    '2026-11-23T23:00:00+00:00'
    """
    day = local_day(start, calendar)
    if business:
        for _ in range(days):
            day = _next_working(day + _DAY, calendar)
    else:
        day += timedelta(days=days)
        if moves:
            day = _next_working(day, calendar)
    return calendar.closes(day)


def _next_working(day: date, calendar: Calendar) -> date:
    # Ends at the latest in the first week after the days on file.
    while not calendar.is_working(day):
        day += _DAY
    return day


def after(at: datetime, span: str, calendar: str = "", *, legal: bool = False) -> datetime:
    """The instant `span` after `at` (an aware UTC datetime); always later than `at`.

    calendar   the days of the market as text. Minutes and hours are exact; "2d" and "2bd" end when the second day or
               working day after the local day of `at` closes. Empty in cases that were opened before there were
               calendars: days of 24 hours, business days from Monday to Friday in UTC, and the time of day is kept.
    legal      the period is the law's, or stands in for one: a last day that is no working day moves where the law of
               the market moves it. What a seller or a carrier is given ends on its day, whatever day that is.

    >>> friday = datetime(2026, 11, 20, 9, tzinfo=UTC)
    >>> after(friday, "2bd").isoformat()
    '2026-11-24T09:00:00+00:00'
    >>> after(friday, "2bd", "US-CA 2026-11-16 moves -480 -Q==").isoformat()
    '2026-11-25T08:00:00+00:00'
    """
    parsed = Span.parse(span)
    match parsed.unit:
        case "min":
            return at + timedelta(minutes=parsed.amount)
        case "h":
            return at + timedelta(hours=parsed.amount)
    business = parsed.unit == "bd"
    if calendar:
        days = Calendar.parse(calendar)
        return legal_end(at, parsed.amount, business=business, moves=legal and days.last_moves, calendar=days)
    return _business_days_after(at, parsed.amount) if business else at + timedelta(days=parsed.amount)


def _business_days_after(at: datetime, days: int) -> datetime:
    while days:
        at += timedelta(days=1)
        days -= at.weekday() < _SATURDAY
    return at
