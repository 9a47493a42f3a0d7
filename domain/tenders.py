"""Over which tenders a refund goes back: each gets at most what it paid, stored value first, then the shopper's money.

The order is points, store credit, gift card; then card, wallet, bank and everything else; equal ones as the order
lists them. Stored value comes first because it is restored at once, costs no processor's fee and cannot bounce off a
closed account; what is left of a return of everything then still reaches the card. Each tender gives back over the
means it was paid with (Directive 2011/83/EU, art. 13(1)), and never more than it paid.

A tender may not be able to take money back any more: paid too long ago, given back too often, or closed by its bank.
It takes nothing then, the others take its part as far as they have room, and what is left needs a destination that the
shopper names. Wherever that money goes, it uses up the room of the tender that it could not go back to, so that no more
than was captured is ever given back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from domain.errors import Invalid
from domain.order import check_amount

STORED_VALUE_FIRST = ("points", "store_credit", "gift_card", "card", "wallet", "bank")


class Dead(StrEnum):
    """Why a tender takes nothing back, in words that a refund over it fails with."""

    TOO_OLD = "refund_too_old"
    USED_UP = "refund_count_used_up"
    CLOSED = "tender_closed"


# What providers say when the tender itself is gone, so that no try and no later refund over it can succeed.
DEAD_FAILURES = frozenset(
    {
        *Dead,
        "account_closed",
        "charge_too_old",
        "expired_or_canceled_card",
        "lost_or_stolen_card",
        "returned_by_bank",
    }
)


def is_dead(failure: str | None) -> bool:
    """Whether a refund failed because its tender is gone. `failure` is the provider's code, or "code: in its own words".

    >>> is_dead("account_closed"), is_dead("over_refund: only 5 are left"), is_dead(None)
    (True, False, False)
    """
    return failure is not None and failure.partition(":")[0].strip() in DEAD_FAILURES


@dataclass(frozen=True)
class TenderLimits:
    """What a processor sets a payment: days after it was made, and refunds over it, after which it takes none. None: no limit."""

    max_age_days: int | None = None
    max_refunds: int | None = None


NO_LIMITS: Mapping[str, TenderLimits] = MappingProxyType({})


@dataclass(frozen=True)
class TenderRoom:
    """A tender of an order and how much of it, in minor units, has gone back.

    `refunded_minor` counts every tender refund that has not failed: succeeded, pending, and unknown ones too.
    `refunds_made` counts those that went over the tender itself; `closed` is what the provider last said it is dead of.
    """

    order_id: str
    tender_id: str
    method: str
    processor: str
    reference: str
    amount_minor: int
    refunded_minor: int
    paid_at: datetime | None = None
    refunds_made: int = 0
    closed: str | None = None

    @property
    def room_minor(self) -> int:
        """What may still go back on account of this tender."""
        return max(0, self.amount_minor - self.refunded_minor)

    def dead(self, limits: TenderLimits, at: datetime | None) -> Dead | None:
        """Why it cannot take money back at this moment (aware; None: no age is looked at); None where it can."""
        if self.closed:
            return Dead.CLOSED
        if limits.max_refunds is not None and self.refunds_made >= limits.max_refunds:
            return Dead.USED_UP
        days = limits.max_age_days
        if days is not None and at and self.paid_at and self.paid_at + timedelta(days=days) < at:
            return Dead.TOO_OLD
        return None


@dataclass(frozen=True)
class TenderPart:
    """The part of a refund that goes over one tender, or on account of one that is dead; never zero."""

    order_id: str
    tender_id: str
    method: str
    processor: str
    reference: str
    amount_minor: int


@dataclass(frozen=True)
class NeedsDestination:
    """What no tender can take back, although there is room: the parts by the dead tenders on whose account it goes."""

    parts: tuple[tuple[TenderPart, Dead], ...]

    @property
    def minor(self) -> int:
        return sum(part.amount_minor for part, _ in self.parts)


@dataclass(frozen=True)
class Spread:
    """A refund, spread; the parts, and what needs a destination, add up to exactly what was asked. Nothing asked, no parts."""

    parts: tuple[TenderPart, ...]
    needs: NeedsDestination | None = None


@dataclass(frozen=True)
class NotEnoughRoom:
    """The tenders together cannot take back this much; nothing may be sent."""

    asked_minor: int
    room_minor: int

    @property
    def missing_minor(self) -> int:
        return self.asked_minor - self.room_minor


class TendersOfTwoOrders(Invalid):
    code = "tenders_of_two_orders"
    next_action = "Spread each order's refund over that order's own tenders."


def spread_over_tenders(
    amount_minor: int,
    tenders: Sequence[TenderRoom],
    *,
    limits: Mapping[str, TenderLimits] = NO_LIMITS,
    at: datetime | None = None,
) -> Spread | NotEnoughRoom:
    """Spread one order's refund over that order's tenders. `limits` are by processor, `at` is the moment of the refund.

    >>> card = TenderRoom("o_1", "t_1", "card", "simulated", "pay_1", amount_minor=10000, refunded_minor=0)
    >>> gift_card = TenderRoom("o_1", "t_2", "gift_card", "simulated", "pay_2", amount_minor=5000, refunded_minor=0)
    >>> [(part.tender_id, part.amount_minor) for part in spread_over_tenders(12000, [card, gift_card]).parts]
    [('t_2', 5000), ('t_1', 7000)]
    """
    check_amount(amount_minor, "/amount")
    if len({tender.order_id for tender in tenders}) > 1:
        raise TendersOfTwoOrders("The tenders belong to more than one order.", pointer="/tenders")
    room_minor = sum(tender.room_minor for tender in tenders)
    if amount_minor > room_minor:
        return NotEnoughRoom(asked_minor=amount_minor, room_minor=room_minor)
    why = {tender.tender_id: tender.dead(limits.get(tender.processor, UNLIMITED), at) for tender in tenders}
    turns = sorted(tenders, key=_turn)
    parts = _take(amount_minor, [tender for tender in turns if why[tender.tender_id] is None])
    left = amount_minor - sum(part.amount_minor for part in parts)
    lost = _take(left, [tender for tender in turns if why[tender.tender_id] is not None])
    homeless = tuple((part, dead) for part in lost if (dead := why[part.tender_id]) is not None)
    return Spread(parts, NeedsDestination(homeless) if homeless else None)


UNLIMITED = TenderLimits()


def _take(amount_minor: int, turns: Sequence[TenderRoom]) -> tuple[TenderPart, ...]:
    """As much of the amount as there is room for, from the first tender on."""
    parts: list[TenderPart] = []
    left = amount_minor
    for tender in turns:
        taken = min(left, tender.room_minor)
        left -= taken
        if taken:
            parts.append(_part(tender, taken))
    return tuple(parts)


def _turn(tender: TenderRoom) -> int:
    if tender.method in STORED_VALUE_FIRST:
        return STORED_VALUE_FIRST.index(tender.method)
    return len(STORED_VALUE_FIRST)


def _part(tender: TenderRoom, amount_minor: int) -> TenderPart:
    return TenderPart(
        order_id=tender.order_id,
        tender_id=tender.tender_id,
        method=tender.method,
        processor=tender.processor,
        reference=tender.reference,
        amount_minor=amount_minor,
    )
