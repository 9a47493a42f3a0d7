"""What was sold: orders taken in, and asked for by their lines."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database.tables import advances, case_lines, customers, order_charges, order_lines, orders, tenders
from domain.charges import Charge, ChargeKind
from domain.errors import Conflict, Missing
from domain.order import Order, OrderLine, SoldLine, Tender
from domain.promotions import Promotion, PromotionKind
from domain.repricing import OrderedLine, OrderMoney
from domain.tax import Tax


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
        for table in (order_lines, order_charges, tenders):
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
    rows = [order_row(order) for order in batch]
    statement = insert(orders).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))
    session.execute(order_lines.insert(), [line_row(order, line) for order in batch for line in order.lines])
    if charges := [charge_row(charge) for order in batch for charge in order.charges]:
        session.execute(order_charges.insert(), charges)
    if any(order.tenders for order in batch):
        session.execute(tenders.insert(), [asdict(tender) for order in batch for tender in order.tenders])


def known_ids(session: Session, ids: Iterable[str]) -> set[str]:
    return set(session.scalars(select(orders.c.id).where(orders.c.id.in_(list(ids)))))


def content_hash(order: Order) -> str:
    """What an order says, in short. What it leaves unsaid is left out: a field that orders gain later changes no known one."""
    said = {**_said(order), "lines": [_said(line) for line in order.lines]}
    said["tenders"] = [asdict(tender) for tender in order.tenders]
    for name in ("charges", "promotions"):
        if name in said:
            said[name] = [asdict(one) for one in getattr(order, name)]
    return hashlib.sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()


def _said(what: Order | OrderLine) -> dict[str, Any]:
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
    charged = session.execute(
        select(order_charges).where(order_charges.c.order_id == order_id).order_by(order_charges.c.id)
    ).all()
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
        charges=tuple(_charge(row) for row in charged),
        promotions=_promotions(head.promotions),
    )


def money_of(session: Session, order_ids: Iterable[str], *, lock: bool) -> list[OrderMoney]:
    """All the money of orders that have charges or promotions, whole; others are left out.

    Locked, two refunds of one order follow each other: whichever comes last sees that it completes the order.
    """
    wanted = sorted(set(order_ids))
    heads = (
        select(orders.c.id, orders.c.promotions).where(orders.c.id.in_(wanted), orders.c.extras).order_by(orders.c.id)
    )
    # Not against rows that only refer to the order: whoever writes one holds other locks, and would wait in a circle.
    found = session.execute(heads.with_for_update(key_share=True) if lock else heads).all()
    if not found:
        return []
    ids = [head.id for head in found]
    of_line = order_lines.c.order_id
    lines = session.execute(select(order_lines).where(of_line.in_(ids)).order_by(of_line, order_lines.c.id)).all()
    kept = _charged_back(session, ids)
    charges = session.execute(
        select(order_charges)
        .where(order_charges.c.order_id.in_(ids))
        .order_by(order_charges.c.order_id, order_charges.c.id)
    ).all()
    return [
        OrderMoney(
            head.id,
            tuple(
                _ordered_line(row, *kept.get((row.order_id, row.id), (0, 0)))
                for row in lines
                if row.order_id == head.id
            ),
            _promotions(head.promotions),
            tuple((_charge(row), row.refunded_minor) for row in charges if row.order_id == head.id),
        )
        for head in found
    ]


def charges_refunded(session: Session, order_id: str) -> dict[str, int]:
    """What has come back of each charge of an order, in minor units."""
    rows = session.execute(
        select(order_charges.c.id, order_charges.c.refunded_minor).where(order_charges.c.order_id == order_id)
    )
    return {row.id: row.refunded_minor for row in rows}


def _charged_back(session: Session, order_ids: Sequence[str]) -> dict[tuple[str, str], tuple[int, int]]:
    """Units and money of order lines that were refunded ahead and charged back, since their goods never came: by order and line."""
    rows = session.execute(
        select(
            case_lines.c.order_id,
            case_lines.c.order_line_id,
            func.sum(case_lines.c.quantity).label("units"),
            func.sum(case_lines.c.refund_minor).label("minor"),
        )
        .join(advances, advances.c.case_id == case_lines.c.case_id)
        .where(
            case_lines.c.order_id.in_(order_ids),
            case_lines.c.verdict != "refused",
            advances.c.charged_goods_minor == advances.c.goods_minor,
            advances.c.charged_minor > 0,
        )
        .group_by(case_lines.c.order_id, case_lines.c.order_line_id)
    )
    return {(row.order_id, row.order_line_id): (int(row.units), int(row.minor)) for row in rows}


def _ordered_line(row: Row[Any], kept_units: int, kept_minor: int) -> OrderedLine:
    line = _line(row)
    return OrderedLine(
        line.id,
        line.quantity,
        line.price_minor,
        line.paid_minor,
        max(0, row.refunded - kept_units),
        max(0, row.refunded_minor - kept_minor),
        row.lost_minor,
        line.taxes,
        (line.quantity if line.shipped is None else line.shipped) - line.exchanged,
    )


def _charge(row: Row[Any]) -> Charge:
    return Charge(
        row.order_id, row.id, ChargeKind(row.kind), row.amount_minor, row.surplus_minor, _taxes(row.taxes), row.line_id
    )


def _taxes(stored: Sequence[dict[str, Any]]) -> tuple[Tax, ...]:
    return tuple(Tax(**tax) for tax in stored)


def _promotions(stored: Sequence[dict[str, Any]]) -> tuple[Promotion, ...]:
    return tuple(
        Promotion(**{**one, "kind": PromotionKind(one["kind"]), "lines": tuple(one["lines"])}) for one in stored
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
        row.order_discount_minor,
        _taxes(row.taxes) if row.taxes else (),
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
            orders.c.extras,
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
        lost_minor=row.lost_minor,
        extras=row.extras,
    )


def order_row(order: Order) -> dict[str, Any]:
    """An order's own row."""
    return {
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
        "promotions": [asdict(promotion) for promotion in order.promotions],
        "extras": bool(order.charges or order.promotions),
        "content_hash": content_hash(order),
    }


def line_row(order: Order, line: OrderLine) -> dict[str, Any]:
    """The row of an order line. (Field by field: `asdict` would copy each of half a million lines of an import deeply.)"""
    row = {**vars(line), "customer_id": order.customer_id, "on_top_minor": line.on_top_minor}
    row |= {"natures": list(line.natures), "serials": list(line.serials), "taxes": [asdict(tax) for tax in line.taxes]}
    return row


def charge_row(charge: Charge) -> dict[str, Any]:
    """The row of a charge."""
    return {**asdict(charge), "taxes": [asdict(tax) for tax in charge.taxes], "paid_minor": charge.paid_minor}
