"""What is said at the desk: who speaks, what is answered, and the named reasons why something cannot be."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.errors import Conflict, Invalid, Stale
from domain.opening import Judgement
from domain.state import Fact
from domain.terms import Terms
from domain.tier import Tier


class KeyUsedForAnotherRequest(Invalid):
    code = "idempotency_key_reused"
    title = "The Idempotency-Key was used for another request"
    next_action = "Send the request under a new key; keep one key per thing you want done."


class NotNow(Conflict):
    code = "not_now"
    title = "The return is not in a state for that"


class DoneBefore(Conflict):
    code = "done_before"
    title = "That was done before"
    next_action = "Nothing more to do: the answer says who did it and when."


class VersionIsOlder(Stale):
    code = "version_is_older"


class UntilNotLater(Invalid):
    code = "until_not_later"
    next_action = "Name a moment after the present deadline, with its offset from UTC (RFC 3339)."


class UntilPastTheLaw(Invalid):
    code = "until_past_the_law"
    next_action = "Name a moment before the law's own deadline: a promise may be longer, never the law."


class RefusedItBefore(Conflict):
    code = "refused_it_before"
    title = "Another person decides about an appeal"
    next_action = "Leave the decision to somebody who did not make the first one."


class NothingPaysOut(Conflict):
    code = "nothing_pays_out"
    title = "Money cannot be sent elsewhere"
    next_action = "None of the payment providers here pays out to other accounts: ask the shop's people how the money gets to you."


class AppealTooLate(Conflict):
    code = "appeal_too_late"
    title = "The time to appeal is over"
    next_action = "Open a new return if something has changed; the refusal stands."


class AppealWithoutPurchase(Conflict):
    code = "appeal_without_purchase"
    title = "There is no purchase to appeal about"
    next_action = "Open a new return that names the order."


class UnitsElsewhere(Conflict):
    code = "units_in_another_return"
    title = "The units are in another return"
    next_action = "Cancel the other return first, or go on with that one."


class UnknownCaseLine(Invalid):
    code = "unknown_return_line"
    next_action = "Use the ids of the return's own lines."


class MoreThanComesBack(Invalid):
    code = "quantity_above_what_comes_back"
    next_action = "Judge at most the units of the line that come back; report more as extra goods."


@dataclass(frozen=True)
class Caller:
    """Who speaks: the API key's id, and the name written into the timeline."""

    id: str
    name: str


@dataclass(frozen=True)
class IdempotencyKey:
    """A client's key for one request: `route` and `body_hash` tell a repetition from another request under the same key."""

    value: str
    route: str
    body_hash: str


@dataclass(frozen=True)
class Said:
    """The desk's answer: the return it is about, as it is shown, and whether the request had been carried out before."""

    case_id: str
    body: dict[str, Any]
    replayed: bool = False


@dataclass(frozen=True)
class Preview:
    tier: Tier
    terms: Terms
    judgement: Judgement


@dataclass(frozen=True)
class Told:
    """A fact that is written down, and that the running case must hear."""

    case_id: str
    fact: Fact


def spoken(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %b %Y at %H:%M UTC}"
