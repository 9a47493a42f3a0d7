"""Valid by default, varied by one word: the order of the README's walk, its lines and tenders, and what a refund asks of them.

A dress at EUR 120 and a belt at EUR 30, paid EUR 100 by card and EUR 50 by gift card.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.fees import Bearer, Fee, FeeKind
from domain.order import Order, OrderLine, Tender
from domain.refund import RefundLine
from domain.tenders import TenderRoom


def an_order_line(**vary: Any) -> OrderLine:
    """One dress at EUR 120."""
    dress = OrderLine(
        order_id="o_1",
        id="l_1",
        sku="DRESS-38",
        description="Linen dress, size 38",
        category="clothing",
        quantity=1,
        unit_price_minor=12000,
        discount_minor=0,
    )
    return replace(dress, **vary)


def a_tender(**vary: Any) -> Tender:
    """EUR 100 by card."""
    card = Tender(order_id="o_1", id="t_1", method="card", amount_minor=10000, processor="simulated", reference="pay_1")
    return replace(card, **vary)


def an_order(**vary: Any) -> Order:
    """The dress and the belt. Lines given without tenders are paid by one card; another id reaches lines and tenders too."""
    belt = an_order_line(id="l_2", sku="BELT", description="Leather belt", unit_price_minor=3000)
    gift_card = a_tender(id="t_2", method="gift_card", amount_minor=5000, reference="pay_2")
    order = Order(
        id="o_1",
        customer_id="c_1",
        market="DE",
        placed_at=datetime(2026, 3, 2, 10, tzinfo=UTC),
        delivered_at=datetime(2026, 3, 5, 15, tzinfo=UTC),
        currency="EUR",
        lines=(an_order_line(), belt),
        tenders=(a_tender(), gift_card),
    )
    order_id = vary.get("id", order.id)
    if "lines" in vary and "tenders" not in vary:
        order = replace(order, tenders=(a_tender(amount_minor=sum(line.paid_minor for line in vary["lines"])),))
    order = replace(
        order,
        lines=tuple(replace(line, order_id=order_id) for line in order.lines),
        tenders=tuple(replace(tender, order_id=order_id) for tender in order.tenders),
    )
    return replace(order, **vary)


def a_refund_line(**vary: Any) -> RefundLine:
    """The dress comes back, nothing before it."""
    dress = RefundLine(
        order_id="o_1",
        order_line_id="l_1",
        quantity=1,
        line_quantity=1,
        paid_minor=12000,
        refunded_units_before=0,
        refunded_minor_before=0,
    )
    return replace(dress, **vary)


def a_tender_room(**vary: Any) -> TenderRoom:
    """The card, EUR 100, nothing given back yet."""
    card = TenderRoom(
        order_id="o_1",
        tender_id="t_1",
        method="card",
        processor="simulated",
        reference="pay_1",
        amount_minor=10000,
        refunded_minor=0,
    )
    return replace(card, **vary)


def a_fee(**vary: Any) -> Fee:
    """A return label at EUR 4.90 that the shopper bears."""
    label = Fee(
        kind=FeeKind.RETURN_LABEL,
        amount_minor=490,
        currency="EUR",
        bearer=Bearer.SHOPPER,
        rule="no_fault_shopper_informed",
        source="Directive 2011/83/EU, art. 14(1)",
    )
    return replace(label, **vary)
