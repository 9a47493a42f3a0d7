"""The cancellation lines of a data folder as returns that were asked for, where no case of them was ever opened.

What the data lacks stays lacking: no reason is "no reason", nothing of them was recorded, and the assumed course counts.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from domain.course import Course
from domain.opening import RequestedLine, ReturnRequest
from domain.order import SoldLine
from domain.reasons import ReturnReason
from domain.simulation import Bought, Customer, Group, PastReturn
from domain.tier import PlacedOrder
from examples.reader import CURRENCY, Cancellation, read_cancellations, read_orders

NOTHING_RECORDED = Course()
EVER, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def groups_of_cancellations(folder: Path, *, since: datetime = EVER, until: datetime = NEVER) -> Iterator[Group]:
    """The cancellations of each customer, in time order; those of nobody each for themselves.

    From `since` to before `until`: of what was cancelled before, nothing is taken to have come back.
    """
    asked: dict[str, list[Cancellation]] = {}
    for cancellation in read_cancellations(folder):
        if not since <= cancellation.declared_at < until:
            continue
        asked.setdefault(cancellation.customer_id or f"\0{cancellation.id}", []).append(cancellation)
    wanted = {(one.customer_id, one.sku) for many in asked.values() for one in many}
    of_sku: dict[tuple[str, str], list[SoldLine]] = {}
    orders: dict[str, list[PlacedOrder]] = {}
    bought: dict[str, list[Bought]] = {}
    countries: dict[str, str] = {}
    for order in read_orders(folder):
        customer = order.customer_id
        if customer is None or customer not in asked:
            continue
        countries[customer] = order.market
        orders.setdefault(customer, []).append(PlacedOrder(order.placed_at, order.paid_minor, order.currency))
        units = sum(line.quantity for line in order.lines)
        bought.setdefault(customer, []).append(Bought(order.placed_at, order.currency, order.paid_minor, units))
        for line in order.lines:
            if (customer, line.sku) in wanted:
                sold = SoldLine(
                    line,
                    order.currency,
                    order.market,
                    customer,
                    order.placed_at,
                    order.delivered_at,
                    claimed=0,
                    refunded=0,
                    refunded_minor=0,
                    payments=frozenset(tender.method for tender in order.tenders),
                )
                of_sku.setdefault((customer, line.sku), []).append(sold)
    for many in asked.values():
        name = many[0].customer_id
        yield Group(
            tuple(_past(one) for one in many),
            {
                name: Customer(
                    name,
                    countries.get(name, many[0].market),
                    tuple(orders.get(name, ())),
                    tuple(bought.get(name, ())),
                )
            }
            if name
            else {},
            of_sku={
                key: tuple(sorted(of_sku[key], key=lambda sold: (sold.line.order_id, sold.line.id)))
                for one in many
                if one.customer_id and (key := (one.customer_id, one.sku)) in of_sku
            },
        )


def _past(cancellation: Cancellation) -> PastReturn:
    line = RequestedLine(cancellation.quantity, ReturnReason.NO_REASON, sku=cancellation.sku)
    request = ReturnRequest(
        (line,),
        customer_id=cancellation.customer_id,
        currency=CURRENCY,
        declared_at=cancellation.declared_at,
    )
    return PastReturn(cancellation.id, request, cancellation.declared_at, NOTHING_RECORDED)
