"""The money of a whole order as a refund sees it, and what pricing its kept goods again takes from a refund or adds to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.charges import Charge, Progress
from domain.frozen import quickly_made
from domain.money import share, split
from domain.promotions import BasketLine, Promotion, price_of_kept
from domain.tax import Tax


@quickly_made
@dataclass(frozen=True)
class OrderedLine:
    """A line of an order and what has become of it, in units and minor units.

    price_minor   of the whole line, after its own discount and before those of the order and taxes on top
    paid_minor    what was paid for it in the end; lost_minor: value it lost in the shopper's hands, which was not refunded
    returnable    units that can come back: shipped, and not exchanged for others; None = all
    """

    id: str
    quantity: int
    price_minor: int
    paid_minor: int
    refunded_units: int
    refunded_minor: int
    lost_minor: int
    taxes: tuple[Tax, ...] = ()
    returnable: int | None = None

    @property
    def all_back(self) -> int:
        """Units that can come back at all."""
        return self.quantity if self.returnable is None else self.returnable


@quickly_made
@dataclass(frozen=True)
class OrderMoney:
    """All of an order that a refund of some of its lines may touch: every line, its promotions, its charges with what came back."""

    order_id: str
    lines: tuple[OrderedLine, ...]
    promotions: tuple[Promotion, ...] = ()
    charges: tuple[tuple[Charge, int], ...] = ()


@dataclass(frozen=True)
class LineBack:
    """What a refund gives for one line before the basket is looked at: units, goods money and value lost."""

    units: int
    goods_minor: int
    loss_minor: int


NOTHING_BACK = LineBack(0, 0, 0)


def progress(order: OrderMoney, back: Mapping[str, LineBack]) -> Progress:
    """How far the goods of the order have come back, with these."""
    units = {
        line.id: (line.refunded_units + back.get(line.id, NOTHING_BACK).units, line.quantity) for line in order.lines
    }
    return Progress(
        complete=all(units[line.id][0] >= line.all_back for line in order.lines),
        goods_minor=sum(line.refunded_minor for line in order.lines) + sum(one.goods_minor for one in back.values()),
        paid_minor=sum(line.paid_minor for line in order.lines),
        units=units,
    )


def correction(order: OrderMoney, back: Mapping[str, LineBack]) -> int:
    """What pricing the kept goods again adds to the refund of these lines (above zero) or claws back from it (below).

    In all, the shopper gets what was paid for the goods less what the kept ones cost by themselves, less value lost; never less than
    nothing in one refund, and never more than is left. Taxes on top follow in proportion.
    """
    paid = sum(line.paid_minor for line in order.lines)
    price = sum(line.price_minor for line in order.lines) - sum(one.discount_minor for one in order.promotions)
    kept = price_of_kept(
        [_basket_line(line, back.get(line.id, NOTHING_BACK)) for line in order.lines], order.promotions
    )
    value = max(0, price - kept)
    gross = value + share(paid - price, value, price) if price else paid
    before = sum(line.refunded_minor + line.lost_minor for line in order.lines)
    lost = sum(one.loss_minor for one in back.values())
    due = min(max(0, gross - lost - before), max(0, paid - lost - before))
    return due - sum(one.goods_minor for one in back.values())


def _basket_line(line: OrderedLine, back: LineBack) -> BasketLine:
    kept = max(0, line.quantity - line.refunded_units - back.units)
    return BasketLine(line.id, line.quantity, kept, line.price_minor)


def spread_correction(order: OrderMoney, back: Mapping[str, LineBack], minor: int) -> dict[str, int]:
    """The correction line by line: off the lines that come back, in proportion; on to lines that have money left, those first."""
    if minor <= 0:
        taken = split(-minor, [one.goods_minor for one in back.values()])
        return {line_id: -part for line_id, part in zip(back, taken, strict=True) if part}
    given: dict[str, int] = {}
    for line in sorted(order.lines, key=lambda line: (line.id not in back, line.refunded_units < line.quantity)):
        mine = back.get(line.id, NOTHING_BACK)
        room = line.paid_minor - line.refunded_minor - line.lost_minor - mine.goods_minor - mine.loss_minor
        part = min(minor, max(0, room))
        minor -= part
        if part:
            given[line.id] = part
    return given


def of_order(orders: Sequence[OrderMoney], order_id: str) -> OrderMoney | None:
    return next((order for order in orders if order.order_id == order_id), None)
