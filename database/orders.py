"""What was sold: orders taken in, and asked for by their lines."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import case_lines, customers, order_lines, orders, tenders
from domain.errors import Conflict, Missing
from domain.order import Order, OrderLine, SoldLine, Tender


class UnknownOrder(Missing):
    code = "unknown_order"
    title = "There is no such order"
    next_action = "Check the order id, or tell the engine of the order first (PUT /v1/orders/{order_id})."


class UnknownCustomer(Missing):
    code = "unknown_customer"
    title = "There is no such customer"
    next_action = "Check the customer id; customers become known with their first order."


class OrderHasReturns(Conflict):
    code = "order_has_returns"
    title = "The order cannot be changed any more"
    next_action = "Units of this order are in a return. Leave its lines and tenders as they are."


CUSTOMER_SAYS = ("country", "name", "email", "locale", "address_key", "device_key")


@dataclass(frozen=True)
class Customer:
    id: str
    country: str
    name: str | None = None
    email: str | None = None
    locale: str | None = None
    address_key: str | None = None
    device_key: str | None = None


def put(session: Session, order: Order, customer: Customer | None) -> bool:
    """Take an order in; the same again changes nothing. True when it is new. An order with returns keeps its lines and tenders."""
    # One at a time for each order: there may be no row to lock yet.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 7))"), {"id": order.id})
    if customer:
        put_customers(session, [customer])
    content = content_hash(order)
    known = session.execute(
        select(orders.c.content_hash).where(orders.c.id == order.id).with_for_update()
    ).scalar_one_or_none()
    if known == content:
        return False
    if known:
        lines = session.execute(
            select(order_lines.c.claimed).where(order_lines.c.order_id == order.id).with_for_update()
        )
        if any(line.claimed for line in lines.all()):
            raise OrderHasReturns(f"Order {order.id} has units in a return.", pointer="/lines", order_id=order.id)
        for table in (order_lines, tenders):
            session.execute(table.delete().where(table.c.order_id == order.id))
    put_new(session, [order])
    return known is None


def put_customers(session: Session, people: Sequence[Customer]) -> None:
    statement = insert(customers).values([asdict(person) for person in people])
    changed: dict[str, Any] = {name: statement.excluded[name] for name in CUSTOMER_SAYS}
    for key in ("address_key", "device_key"):  # an order that does not name them takes nothing back
        changed[key] = func.coalesce(statement.excluded[key], customers.c[key])
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


def put_new(session: Session, batch: Sequence[Order]) -> None:
    """Write orders whose lines and tenders are not there yet, a batch in three statements."""
    rows = [
        {
            "id": order.id,
            "customer_id": order.customer_id,
            "market": order.market,
            "placed_at": order.placed_at,
            "delivered_at": order.delivered_at,
            "currency": order.currency,
            "total_minor": order.paid_minor,
            "status": order.status,
            "channel": order.channel,
            "insured": order.insured,
            "content_hash": content_hash(order),
        }
        for order in batch
    ]
    statement = insert(orders).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))
    session.execute(order_lines.insert(), [_line_row(order, line) for order in batch for line in order.lines])
    if any(order.tenders for order in batch):
        session.execute(tenders.insert(), [asdict(tender) for order in batch for tender in order.tenders])


def known_ids(session: Session, ids: Iterable[str]) -> set[str]:
    return set(session.scalars(select(orders.c.id).where(orders.c.id.in_(list(ids)))))


def content_hash(order: Order) -> str:
    """What an order says, in short. What it leaves unsaid is left out: a field that orders gain later changes no known one."""
    said = {**_said(order), "lines": [_said(line) for line in order.lines]}
    said["tenders"] = [asdict(tender) for tender in order.tenders]
    return hashlib.sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()


def _said(what: Order | OrderLine) -> dict[str, object]:
    # final_sale was there from the first, written or not.
    return {
        field.name: getattr(what, field.name)
        for field in fields(what)
        if field.name == "final_sale" or field.default is MISSING or getattr(what, field.name) != field.default
    }


def get(session: Session, order_id: str) -> Order:
    head = session.execute(select(orders).where(orders.c.id == order_id)).one_or_none()
    if head is None:
        raise UnknownOrder(f"There is no order {order_id!r}.", pointer="/order_id", order_id=order_id)
    lines = session.execute(
        select(order_lines).where(order_lines.c.order_id == order_id).order_by(order_lines.c.id)
    ).all()
    paid = session.execute(select(tenders).where(tenders.c.order_id == order_id).order_by(tenders.c.id)).all()
    return Order(
        id=head.id,
        customer_id=head.customer_id,
        market=head.market,
        placed_at=head.placed_at,
        delivered_at=head.delivered_at,
        currency=head.currency,
        lines=tuple(_line(row) for row in lines),
        tenders=tuple(
            Tender(row.order_id, row.id, row.method, row.amount_minor, row.processor, row.reference) for row in paid
        ),
        status=head.status,
        channel=head.channel,
        insured=head.insured,
    )


def _line(row: Row[Any]) -> OrderLine:
    return OrderLine(
        row.order_id,
        row.id,
        row.sku,
        row.description,
        row.category,
        row.quantity,
        row.unit_price_minor,
        row.discount_minor,
        row.final_sale,
        row.condition,
        row.seller,
        tuple(row.natures),
        tuple(row.serials),
        row.shipped,
        row.exchanged,
    )


def lines_of_order(session: Session, order_id: str, *, lock: bool) -> list[SoldLine]:
    """Every line of an order, locked against other returns of it when a return is about to be opened."""
    return _sold(session, order_lines.c.order_id == order_id, lock=lock)


def lines_of_customer(session: Session, customer_id: str, skus: Iterable[str], *, lock: bool) -> list[SoldLine]:
    """Every line in which the customer bought one of the SKUs, whenever that was."""
    return _sold(
        session, (order_lines.c.customer_id == customer_id) & order_lines.c.sku.in_(sorted(set(skus))), lock=lock
    )


def sold_lines(session: Session, keys: Sequence[tuple[str, str]], *, lock: bool) -> list[SoldLine]:
    """The named lines (order id, line id)."""
    return _sold(session, tuple_(order_lines.c.order_id, order_lines.c.id).in_(keys), lock=lock) if keys else []


def country_of(session: Session, customer_id: str) -> str:
    found = session.scalar(select(customers.c.country).where(customers.c.id == customer_id))
    if found is None:
        raise UnknownCustomer(f"There is no customer {customer_id!r}.", pointer="/customer_id", customer_id=customer_id)
    return str(found)


def claim(session: Session, units: dict[tuple[str, str], int]) -> None:
    """Take units of locked order lines for a return; the table's own CHECK refuses more than were sold."""
    for (order_id, line_id), quantity in sorted(units.items()):
        session.execute(
            order_lines.update()
            .where(order_lines.c.order_id == order_id, order_lines.c.id == line_id)
            .values(claimed=order_lines.c.claimed + quantity)
        )


def _sold(session: Session, which: ColumnElement[bool], *, lock: bool) -> list[SoldLine]:
    whole = order_lines.alias("whole")
    anything_shipped = (
        select(func.coalesce(func.bool_or(whole.c.shipped.is_distinct_from(0)), False))
        .where(whole.c.order_id == order_lines.c.order_id)
        .scalar_subquery()
    )
    methods = (
        select(func.array_agg(tenders.c.method.distinct()))
        .where(tenders.c.order_id == order_lines.c.order_id)
        .scalar_subquery()
    )
    asked_before = (
        select(func.count(case_lines.c.case_id.distinct()))
        .where(case_lines.c.order_id == order_lines.c.order_id, case_lines.c.order_line_id == order_lines.c.id)
        .scalar_subquery()
    )
    question = (
        select(
            order_lines,
            orders.c.currency,
            orders.c.market,
            orders.c.placed_at,
            orders.c.delivered_at,
            orders.c.status.label("order_status"),
            orders.c.channel,
            orders.c.insured,
            anything_shipped.label("anything_shipped"),
            methods.label("methods"),
            asked_before.label("asked_before"),
        )
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(which)
        .order_by(order_lines.c.order_id, order_lines.c.id)  # one order for all who lock: nobody waits in a circle
    )
    if lock:
        question = question.with_for_update(of=order_lines)
    return [sold_line(row) for row in session.execute(question)]


def sold_line(row: Row[Any]) -> SoldLine:
    """A line with its order's own words, from a row that holds both."""
    return SoldLine(
        _line(row),
        row.currency,
        row.market,
        row.customer_id,
        row.placed_at,
        row.delivered_at,
        row.claimed,
        row.refunded,
        row.refunded_minor,
        order_status=row.order_status,
        channel=row.channel,
        insured=row.insured,
        anything_shipped=row.anything_shipped,
        payments=frozenset(row.methods or ()),
        asked_before=row.asked_before,
    )


def _line_row(order: Order, line: OrderLine) -> dict[str, object]:
    row = {**asdict(line), "customer_id": order.customer_id}
    return row | {"natures": list(line.natures), "serials": list(line.serials)}
