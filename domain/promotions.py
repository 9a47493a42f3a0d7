"""Discounts on a whole order: how they were shared over its lines, and what the kept goods cost when the order shrinks.

Told with the order, a discount is shared over the lines that it was for, in proportion to their prices, once; a line has then been paid at
what is left. A merchant may also have the kept goods priced again (buy three get one, a discount above a sum, a coupon): then the
shopper gets back what was paid for all less what the kept goods cost by themselves. That is cumulative as well: when everything
has come back, exactly what was paid has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from domain.money import share, split


class PromotionKind(StrEnum):
    """What a discount depended on.

    discount    on nothing: an agreed reduction, which every unit keeps its part of
    coupon      a code; a fixed sum stays whole for what is kept, a percentage shrinks with it
    threshold   the goods cost `threshold` or more; below that there is none
    buy_get     of so many units bought, so many were free: the cheapest
    """

    DISCOUNT = "discount"
    COUPON = "coupon"
    THRESHOLD = "threshold"
    BUY_GET = "buy_get"


@dataclass(frozen=True)
class Promotion:
    """A discount on an order, in minor units of what it took off.

    lines             the order lines it was for; empty = all
    percent           a percentage of the goods, not a fixed sum
    threshold_minor   the least that the goods must cost, before this discount
    buy, free         for each `buy` units paid, `free` units were free
    """

    id: str
    kind: PromotionKind
    discount_minor: int
    lines: tuple[str, ...] = ()
    percent: bool = False
    threshold_minor: int = 0
    buy: int = 0
    free: int = 0


@dataclass(frozen=True)
class BasketLine:
    """A line of a basket: `price_minor` for all units bought, after the line's own discount and before the order's."""

    line_id: str
    bought: int
    kept: int
    price_minor: int

    @property
    def kept_minor(self) -> int:
        """What the kept units cost before the order's discounts."""
        return self.price_minor - share(self.price_minor, self.bought - self.kept, self.bought)


def shared_over_lines(promotions: Sequence[Promotion], prices: Mapping[str, int]) -> dict[str, int]:
    """What the promotions take off each line, in minor units: one after the other, in proportion to what each line still costs.

    The sum over the lines is exactly the sum of the discounts. Raises NothingToSplitOver where a discount is for lines that cost
    nothing; callers check before that a discount is no larger than its lines.

    >>> shared_over_lines([Promotion("p", PromotionKind.DISCOUNT, 1000)], {"a": 3000, "b": 7000})
    {'a': 300, 'b': 700}
    """
    off = dict.fromkeys(prices, 0)
    for promotion in promotions:
        lines = [line for line in prices if not promotion.lines or line in promotion.lines]
        parts = split(promotion.discount_minor, [prices[line] - off[line] for line in lines])
        for line, part in zip(lines, parts, strict=True):
            off[line] += part
    return off


def price_of_kept(basket: Sequence[BasketLine], promotions: Sequence[Promotion]) -> int:
    """What the kept units cost by themselves under the same promotions, in minor units; never below zero.

    >>> kept = [BasketLine("a", 4, 3, 4000)]
    >>> price_of_kept(kept, [Promotion("three for two and one more", PromotionKind.BUY_GET, 1000, buy=3, free=1)])
    3000
    """
    whole = sum(line.kept_minor for line in basket)
    off = sum(_still_off(promotion, _scope(promotion, basket)) for promotion in promotions)
    return max(0, whole - off)


def _scope(promotion: Promotion, basket: Sequence[BasketLine]) -> list[BasketLine]:
    return [line for line in basket if not promotion.lines or line.line_id in promotion.lines]


def _still_off(promotion: Promotion, scope: Sequence[BasketLine]) -> int:
    if all(line.kept == line.bought for line in scope):
        return promotion.discount_minor
    kept, price = sum(line.kept_minor for line in scope), sum(line.price_minor for line in scope)
    if promotion.kind is PromotionKind.BUY_GET:
        return min(promotion.discount_minor, _free_units(promotion, scope))
    if kept < promotion.threshold_minor or not price:
        return 0
    if promotion.percent or promotion.kind is PromotionKind.DISCOUNT:
        return share(promotion.discount_minor, kept, price)
    return min(promotion.discount_minor, kept)


def _free_units(promotion: Promotion, scope: Sequence[BasketLine]) -> int:
    """What the cheapest of the kept units cost, as many of them as are free."""
    kept = sum(line.kept for line in scope)
    free = kept // (promotion.buy + promotion.free) * promotion.free if promotion.buy + promotion.free else 0
    off = 0
    for line in sorted(scope, key=lambda one: Fraction(one.price_minor, one.bought)):
        taken = min(free, line.kept)
        off += share(line.price_minor, taken, line.bought)
        free -= taken
    return off
