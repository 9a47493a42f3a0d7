"""Spans of a promise ("24h", "7d", "2bd") and the instant at which each one ends.

A business day is Monday to Friday, counted in UTC; the day of the event is not counted (Regulation (EEC, Euratom) No 1182/71, art. 3(1)).
Public holidays are not known here yet: a span over a holiday ends a day early, never late for the shopper who waits for money.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Invalid

_FORM = re.compile(r"(?P<amount>[1-9][0-9]{0,4})(?P<unit>min|h|d|bd)")
_SATURDAY = 5


class UnreadableSpan(Invalid):
    code = "unreadable_span"
    next_action = 'Write a span as a whole number and a unit: "15min", "24h", "7d" or "2bd" (business days).'


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
        found = _FORM.fullmatch(text)
        if not found:
            raise UnreadableSpan(f"{text!r} is not a span.")
        return cls(int(found["amount"]), found["unit"])

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


def after(at: datetime, span: str) -> datetime:
    """The instant `span` after `at` (an aware UTC datetime).

    >>> from datetime import UTC
    >>> after(datetime(2026, 11, 20, 9, tzinfo=UTC), "2bd").isoformat()   # a Friday
    '2026-11-24T09:00:00+00:00'
    """
    parsed = Span.parse(span)
    match parsed.unit:
        case "min":
            return at + timedelta(minutes=parsed.amount)
        case "h":
            return at + timedelta(hours=parsed.amount)
        case "d":
            return at + timedelta(days=parsed.amount)
    return _business_days_after(at, parsed.amount)


def _business_days_after(at: datetime, days: int) -> datetime:
    while days:
        at += timedelta(days=1)
        days -= at.weekday() < _SATURDAY
    return at
