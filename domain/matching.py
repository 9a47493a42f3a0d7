"""Finding the purchase of a return without an order number: oldest purchase of that customer and item first.

A shopper says who she is, which item comes back and how many; the purchases say which order lines that may be. Units
that find no purchase keep one reason. The order of the checks is part of the rule: no customer, then not goods, then
never purchased, then purchased only later, then how much is left of what was purchased before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.frozen import quickly_made
from domain.order import check_quantity
from domain.policy import ReturnPolicy


class UnmatchedReason(StrEnum):
    """Why units found no purchase; the words are those of the published data set's own matching."""

    NO_CUSTOMER_ID = "NO_CUSTOMER_ID"
    NOT_GOODS = "NOT_GOODS"
    ITEM_NEVER_PURCHASED_IN_DATA = "ITEM_NEVER_PURCHASED_IN_DATA"
    PURCHASED_ONLY_LATER = "PURCHASED_ONLY_LATER"
    QUANTITY_EXCEEDS_EARLIER_PURCHASES = "QUANTITY_EXCEEDS_EARLIER_PURCHASES"
    EARLIER_PURCHASES_ALREADY_RETURNED = "EARLIER_PURCHASES_ALREADY_RETURNED"


@quickly_made
@dataclass(frozen=True)
class Purchase:
    """An order line that the customer bought of the item, and the units of it that no earlier return has taken.

    `placed_at` is the order's moment, to the minute. A line sold at price 0 is a gift, not a purchase: it is never
    matched, since there is nothing to give back for it. (A price below half a minor unit arrives here as 0 and is
    treated the same.)
    """

    order_id: str
    order_line_id: str
    placed_at: datetime
    quantity: int
    units_left: int
    unit_price_minor: int


@quickly_made
@dataclass(frozen=True)
class Part:
    """Units of the return that come from one purchase."""

    purchase: Purchase
    quantity: int


@quickly_made
@dataclass(frozen=True)
class Unmatched:
    """Units of the return without a purchase, and the one reason."""

    quantity: int
    reason: UnmatchedReason


@quickly_made
@dataclass(frozen=True)
class Matching:
    """Which purchases the units come from, oldest first, and what is left; parts and rest sum to what was asked."""

    parts: tuple[Part, ...]
    rest: Unmatched | None

    @property
    def matched_quantity(self) -> int:
        return sum(part.quantity for part in self.parts)


def match_to_purchases(
    *,
    customer_id: str | None,
    sku: str,
    quantity: int,
    declared_at: datetime,
    purchases: Sequence[Purchase],
    policy: ReturnPolicy,
) -> Matching:
    """Match `quantity` units of `sku` to the customer's purchases of exactly that SKU, oldest purchase first.

    `purchases` are all purchases of the customer and SKU, of any date and in any order. Equal moments go by order id,
    then line id, so that the answer never depends on how rows happened to be read. Only purchases placed at or before
    `declared_at` give units, each at most `units_left`.

    Raises what `check_quantity` raises when `quantity` is no whole number from 1 upwards.
    """
    check_quantity(quantity, "/quantity")
    paid = [purchase for purchase in purchases if purchase.unit_price_minor > 0]
    earlier = sorted((purchase for purchase in paid if purchase.placed_at <= declared_at), key=_oldest_first)
    if not customer_id:
        return _nothing(quantity, UnmatchedReason.NO_CUSTOMER_ID)
    if not policy.is_goods_sku(sku):
        return _nothing(quantity, UnmatchedReason.NOT_GOODS)
    if not paid:
        return _nothing(quantity, UnmatchedReason.ITEM_NEVER_PURCHASED_IN_DATA)
    if not earlier:
        return _nothing(quantity, UnmatchedReason.PURCHASED_ONLY_LATER)
    return _take_oldest_first(quantity, earlier)


def _oldest_first(purchase: Purchase) -> tuple[datetime, str, str]:
    return purchase.placed_at, purchase.order_id, purchase.order_line_id


def _nothing(quantity: int, reason: UnmatchedReason) -> Matching:
    return Matching(parts=(), rest=Unmatched(quantity, reason))


def _take_oldest_first(quantity: int, purchases: Sequence[Purchase]) -> Matching:
    parts: list[Part] = []
    wanted = quantity
    for purchase in purchases:
        units = min(wanted, purchase.units_left)
        if units > 0:
            parts.append(Part(purchase, units))
            wanted -= units
    if not wanted:
        return Matching(tuple(parts), None)
    reason = (
        UnmatchedReason.QUANTITY_EXCEEDS_EARLIER_PURCHASES
        if parts
        else UnmatchedReason.EARLIER_PURCHASES_ALREADY_RETURNED
    )
    return Matching(tuple(parts), Unmatched(wanted, reason))
