"""A refund has its credit note, and a return without a refund has none."""

from datetime import timedelta

import pytest

from database import credit_notes
from database.inspections import Judged
from database.orders import Customer
from domain.credit_note import CreditNote
from domain.order import Order, OrderLine, Tender
from domain.tax import Tax
from gateways.payments.base import Payment
from tests.builders import an_order, an_order_line
from tests.house import BENCH, House

pytestmark = pytest.mark.anyio


def notes(house: House, case_id: str) -> list[CreditNote]:
    with house.made() as session:
        assert credit_notes.gaps(session) == []
        return credit_notes.of_case(session, case_id)


async def test_each_of_two_returns_of_an_order_has_a_note_and_together_they_take_back_its_tax(house: House) -> None:
    order_id = f"taxed_{house.queue}"
    dress = an_order_line(
        order_id=order_id, quantity=3, unit_price_minor=3333, discount_minor=0, taxes=(Tax("VAT", 200000, 1667),)
    )
    paid = [("gift", "gift_card", 4000), ("card", "card", 5999)]
    tenders = tuple(
        Tender(order_id, name, method, minor, "simulated", f"{name}_{order_id}") for name, method, minor in paid
    )
    order = await sell(house, dress, tenders)
    made = []
    for units in (1, 2):
        case_id = await house.open(order, units)
        await house.until(case_id, "booked")
        assert notes(house, case_id) == [], "nothing is decided yet"
        await house.receive(case_id)
        await house.inspect(case_id)
        row = await house.until(case_id, "closed")
        (note,) = notes(house, case_id)
        assert note.refunded_minor == row.refunded_minor == note.gross_minor
        assert {one.method: one.amount_minor for one in note.repaid} == {
            {"gift": "gift_card", "card": "card"}[part.tender_id]: part.amount_minor for part in house.parts(case_id)
        }
        made.append(note)
    first, second = made
    assert second.sequence == first.sequence + 1
    assert (first.gross_minor, second.gross_minor) == (3333, 6666)
    assert first.tax_minor + second.tax_minor == 1667
    assert (first.orders[0].id, first.buyer.name) == (order_id, "Ada Lovelace")
    assert [row.quantity for note in made for row in note.rows] == [1, 2]


async def sell(house: House, line: OrderLine, tenders: tuple[Tender, ...]) -> Order:
    yesterday = house.clock_now() - timedelta(days=1)
    order = an_order(
        id=line.order_id,
        customer_id=f"c_{line.order_id}",
        lines=(line,),
        tenders=tenders,
        currency="GBP",
        market="GB",
        placed_at=yesterday,
        delivered_at=yesterday,
    )
    await house.desk.put_order(order, Customer(f"c_{line.order_id}", "GB", "Ada Lovelace"))
    house.partners.payments["simulated"].register_payments(
        [Payment(tender.reference, tender.amount_minor, "GBP") for tender in tenders]
    )
    return order


async def test_a_return_of_which_nothing_is_accepted_has_no_note(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.receive(case_id)
    await house.desk.inspect(case_id, [Judged("rl_1", 1, "D", False, (), "send_back")], BENCH)
    await house.until(case_id, "closed", "attention", "sent_back")
    assert (notes(house, case_id), house.refund(case_id)) == ([], None)
