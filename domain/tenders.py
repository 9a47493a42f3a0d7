"""Over which tenders a refund goes back: each gets at most what it paid, stored value first, then the shopper's money.

The order is points, store credit, gift card; then card, wallet, bank and everything else; equal ones as the order
lists them. Stored value comes first because it is restored at once, costs no processor's fee and cannot bounce off a
closed account; what is left of a return of everything then still reaches the card. Each tender gives back over the
means it was paid with (Directive 2011/83/EU, art. 13(1)), and never more than it paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import Invalid
from domain.order import check_amount

STORED_VALUE_FIRST = ("points", "store_credit", "gift_card", "card", "wallet", "bank")


@dataclass(frozen=True)
class TenderRoom:
    """A tender of an order and how much of it, in minor units, has gone back.

    `refunded_minor` counts every tender refund that has not failed: succeeded, pending, and unknown ones too.
    """

    order_id: str
    tender_id: str
    method: str
    processor: str
    reference: str
    amount_minor: int
    refunded_minor: int

    @property
    def room_minor(self) -> int:
        """What may still go back over this tender."""
        return max(0, self.amount_minor - self.refunded_minor)


@dataclass(frozen=True)
class TenderPart:
    """The part of a refund that goes over one tender; never zero."""

    order_id: str
    tender_id: str
    method: str
    processor: str
    reference: str
    amount_minor: int


@dataclass(frozen=True)
class Spread:
    """A refund, spread; the parts add up to exactly what was asked. Nothing asked, no parts."""

    parts: tuple[TenderPart, ...]


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


def spread_over_tenders(amount_minor: int, tenders: Sequence[TenderRoom]) -> Spread | NotEnoughRoom:
    """Spread one order's refund over that order's tenders.

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
    parts: list[TenderPart] = []
    left = amount_minor
    for tender in sorted(tenders, key=_turn):
        taken = min(left, tender.room_minor)
        left -= taken
        if taken:
            parts.append(_part(tender, taken))
    return Spread(tuple(parts))


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
