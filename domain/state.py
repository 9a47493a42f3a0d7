"""What a return is made of while it lives: the facts it hears, the effects it asks for, its opening and its state.

What follows from them is said in domain/process.py.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.frozen import quickly_made
from domain.limits import Limits
from domain.stages import ENDS, Stage


class FactKind(StrEnum):
    # said by people
    AUTHORIZED = "authorized"
    REFUSED = "refused"
    RECEIVED = "received"
    INSPECTED = "inspected"
    CANCELLED = "cancelled"
    EXTENDED = "extended"
    RETRIED = "retried"
    APPEALED = "appealed"
    DESTINATION_GIVEN = "destination_given"
    # reported by partners
    SCANNED = "scanned"
    REFUND_REPORTED = "refund_reported"
    # what an effect came to
    BOOKED = "booked"
    VOIDED = "voided"
    SETTLED = "settled"
    SENT_BACK = "sent_back"
    RECHARGED = "recharged"
    RELEASED = "released"
    EFFECT_FAILED = "effect_failed"
    # time
    TIME_PASSED = "time_passed"


class EffectKind(StrEnum):
    BOOK = "book"  # buy a label or book a pickup
    VOID = "void"  # give an unused label back
    SETTLE = "settle"  # quote, book and pay the refund
    SEND_BACK = "send_back"  # the goods go back to the shopper
    RECHARGE = "recharge"  # charge back what was refunded ahead, as far as no goods bear it out
    REVERSE = "reverse"  # undo that: the goods have come, or a person lets the refund stand
    WRITE_OFF = "write_off"  # give a debt up
    RELEASE = "release"  # let go of money that was held


class Method(StrEnum):
    LABEL = "label"
    PICKUP = "pickup"
    DROP_OFF = "drop_off"


class Verdict(StrEnum):
    """On what ground the money is decided."""

    NONE = ""
    INSPECTED = "inspected"
    AS_DECLARED = "as_declared"  # the warehouse was silent, or a person let an advance stand
    LOST = "lost"  # the carrier lost it, or was silent
    ADVANCE = "advance"  # paid ahead of the judgement, as promised
    BY_LAW = "by_law"  # paid ahead of it, since the law does not wait longer
    RETURNLESS = "returnless"  # the goods stay with the shopper
    NOTHING_ACCEPTED = "nothing_accepted"
    RECHARGED = "recharged"  # paid ahead, and charged back since the goods did not come or were not accepted


@dataclass(frozen=True)
class Fact:
    """Something that happened. `id` is unique within the case; `at` is aware UTC; `by` names who said so.

    `seen` is the digest of the case's row after the fact was recorded there, and `row` the row's version; 0 where it was not.
    """

    kind: FactKind
    at: datetime
    id: str
    by: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    row: int = 0


@quickly_made
@dataclass(frozen=True)
class Effect:
    """Something to do. `key` is the same on every try, so that it is done once."""

    kind: EffectKind
    key: str
    round: int = 1


@quickly_made
@dataclass(frozen=True)
class Opening:
    """What a case starts from; frozen, so that a later change of policy or tier does not reach it."""

    case_id: str
    authorized: bool  # else referred to a person
    method: Method
    opened_at: datetime  # also the notice that the law counts from
    limits: Limits


@dataclass(frozen=True)
class State:
    stage: Stage
    since: datetime
    method: Method
    limits: Limits
    due: datetime | None = None
    warn_at: datetime | None = None
    early: tuple[Fact, ...] = ()
    goods: Stage | None = (
        None  # how far they have come: in transit, received; inspected where that contradicts an advance
    )
    delivered: bool = False  # the carrier says so; the dock has not
    bookings: int = 0
    ending: Stage | None = None  # cancelled or expired, once the label is given back
    verdict: Verdict = Verdict.NONE
    resume: Stage | None = None  # where ATTENTION was entered from
    failed: Effect | None = None
    reason: str = ""  # why ATTENTION
    settlements: int = 0
    asked: int = 0  # how often the refund was looked at again in the same round
    escalated: bool = False  # the platform decides in the merchant's place
    appealed: bool = False  # a refusal has been appealed against, which is possible once
    paid: datetime | None = None  # when money that went ahead was confirmed
    destination: str = ""  # where money goes that its tender cannot take back (domain/destination.py)
    # What the law's clock on the refund starts from; kept only where the limits have such a clock.
    notice: datetime | None = None
    sent: datetime | None = None
    received: datetime | None = None
    advance: str = ""  # where a guaranteed advance stands (domain/advances.py)
    recharges: int = 0  # how often it was charged back, given up or given back
    reminded: int = 0  # how often the shopper was reminded of what she owes

    @property
    def ended(self) -> bool:
        return self.stage in ENDS

    @property
    def alarm(self) -> datetime | None:
        """When time itself has something to say. The stages that wait for an effect are held by that effect's own time limit."""
        return (self.warn_at or self.due) if self.stage in WAITS else None


# Stages in which somebody is waited for; the others wait for an effect.
WAITS = frozenset(
    {
        Stage.REFERRED,
        Stage.BOOKED,
        Stage.IN_TRANSIT,
        Stage.RECEIVED,
        Stage.SETTLED,
        Stage.AWAITED,
        Stage.OWED,
        Stage.ATTENTION,
    }
)
