"""The law's clock on a refund: from which event it runs, how long, and until when the money may be held back.

The process has limits of its own, which are shorter as a rule; this is the instant that the law does not let pass.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from domain.calendar import after
from domain.errors import Invalid
from domain.market import Market

_FORM = re.compile(r"(?P<starts>[a-z]+) (?P<span>0d|[1-9][0-9]{0,4}b?d)(?: (?P<withhold>[a-z]+))?")
AT_ONCE = "0d"


class Event(StrEnum):
    """What starts a clock, or ends the time in which the money may be held back.

    notice     the shopper's word that she withdraws has reached the seller
    sent       proof that the goods are on their way, or the goods themselves: whichever is there first
    received   the seller has the goods
    """

    NOTICE = "notice"
    SENT = "sent"
    RECEIVED = "received"


class UnreadableClock(Invalid):
    code = "unreadable_clock"
    next_action = 'Write a clock as its start, its span and what it may wait for: "notice 14d sent" or "received 7d".'


class UnknownClockWord(Invalid):
    """A market row that sets days, but names an event that no clock can be started or held back by; facts: field, word."""

    code = "unknown_clock_word"
    next_action = "Use a word that domain/clock.py knows in the named field of policies/markets.toml."


# The words of policies/markets.toml. None: the law names no event, since it sets no number of days either.
STARTS: dict[str, Event | None] = {
    "withdrawal_notice_received": Event.NOTICE,
    "termination_notice_received": Event.NOTICE,
    "termination_notice": Event.NOTICE,
    "cancellation_notice_received": Event.NOTICE,
    "cancellation_notice": Event.NOTICE,
    "consumer_demand": Event.NOTICE,
    "revocation": Event.NOTICE,
    "immediately_on_withdrawal": Event.NOTICE,
    "goods_received_or_proof_of_sending_whichever_first": Event.SENT,
    "goods_collected_or_returned": Event.SENT,
    "returned_goods_received": Event.RECEIVED,
    "goods_returned": Event.RECEIVED,
    "return_of_goods": Event.RECEIVED,
    "per_policy": None,
    "per_law": None,
    "reasonable_time": None,
    "rescission_without_undue_delay": None,
    "refund_accepted_then_as_prescribed_by_RBI": None,
}
WITHHOLDS: dict[str, Event] = {
    "goods_received_or_proof_of_sending_whichever_first": Event.SENT,
    "handed_to_designated_carrier": Event.SENT,
    "goods_received": Event.RECEIVED,
}
_ORDER = list(Event)


@dataclass(frozen=True)
class RefundClock:
    """One clock: `span` ("14d", "3bd", "0d" = at once) from `starts`, and not before `withhold` where that is named.

    >>> str(RefundClock.parse("notice 14d sent"))
    'notice 14d sent'
    """

    starts: Event
    span: str
    withhold: Event | None = None

    @classmethod
    def parse(cls, text: str) -> "RefundClock":
        return _read(text)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.starts, self.span, self.withhold)))

    def due(
        self, *, notice: datetime, sent: datetime | None, received: datetime | None, calendar: str
    ) -> datetime | None:
        """As `law_due`, for this clock alone."""
        known = {Event.NOTICE: notice, Event.SENT: earlier(sent, received), Event.RECEIVED: received}
        start = known[self.starts]
        if start is None:
            return None
        end = start if self.span == AT_ONCE else after(start, self.span, calendar, legal=True)
        if self.withhold is None:
            return end
        released = known[self.withhold]
        return None if released is None else max(end, released)


@lru_cache(maxsize=256)
def _read(text: str) -> RefundClock:
    found = _FORM.fullmatch(text)
    try:
        if found:
            withhold = Event(found["withhold"]) if found["withhold"] else None
            return RefundClock(Event(found["starts"]), found["span"], withhold)
    except ValueError:
        pass
    raise UnreadableClock(f"{text!r} is not a clock.")


@lru_cache(maxsize=4096)
def law_due(
    clock: str, *, notice: datetime, sent: datetime | None, received: datetime | None, calendar: str
) -> datetime | None:
    """The instant by which the law wants the money on its way; None while it cannot be known, or where no clock runs.

    clock      as `clock_of` writes it; several with a comma between them run at once, and the earlier end counts
    notice     when the shopper's withdrawal reached the seller
    sent       when proof of sending was there, None = not yet (goods that were received prove it too)
    received   when the goods were there, None = not yet
    calendar   the days of the market as text (domain/calendar.py)

    The money may be held back until the named event, also beyond the days: it is due at once when that comes later
    (Directive 2011/83/EU art. 13(1) and (3)).

    >>> from datetime import UTC
    >>> notice, sent = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 20, 15, tzinfo=UTC)
    >>> law_due("notice 14d sent", notice=notice, sent=sent, received=None, calendar="").isoformat()
    '2026-03-20T15:00:00+00:00'
    """
    clocks = [RefundClock.parse(text) for text in clock.split(", ")] if clock else []
    return earlier(*(one.due(notice=notice, sent=sent, received=received, calendar=calendar) for one in clocks))


def earlier(*instants: datetime | None) -> datetime | None:
    """The earliest of those that are known."""
    return min((instant for instant in instants if instant is not None), default=None)


def clock_of(market: Market, *, conditions_met: bool = False) -> str:
    """The refund clock of a market's law as text; "" where the law sets no number of days.

    conditions_met   a person has found that the conditions of a conditional right hold; without that its clock does
                     not run, since such a right is never applied by itself

    Raises UnknownClockWord for a row with days whose words say no event.
    """
    if market.refund_days is None or not (market.has_withdrawal_right or conditions_met):
        return ""
    starts = STARTS.get(market.refund_starts or "")
    if starts is None:
        raise _unknown(market, "refund_starts", market.refund_starts)
    withhold: Event | None = None
    if market.refund_withhold_until is not None:
        withhold = WITHHOLDS.get(market.refund_withhold_until)
        if withhold is None:
            raise _unknown(market, "refund_withhold_until", market.refund_withhold_until)
        if _ORDER.index(withhold) <= _ORDER.index(starts):
            withhold = None  # the clock starts with it, or later: there is nothing left to hold back for
    if market.refund_day_type not in (None, "calendar", "business"):
        raise _unknown(market, "refund_day_type", market.refund_day_type)
    business = market.refund_day_type == "business" and market.refund_days > 0
    return str(RefundClock(starts, f"{market.refund_days}{'bd' if business else 'd'}", withhold))


def _unknown(market: Market, field: str, word: str | None) -> UnknownClockWord:
    return UnknownClockWord(f"Market {market.market}, {field}: {word!r} says no event.", field=field, word=word)
