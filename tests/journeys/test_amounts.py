"""The whole price of an order, on the real servers: delivery once, value lost by grade, discounts taken back, all to the cent."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from database.engine import Sessions
from domain.charges import Charge, ChargeKind
from domain.order import Order, OrderLine, Tender
from domain.promotions import Promotion, PromotionKind, shared_over_lines
from domain.tax import Tax
from tests.house import House, World, open_house

pytestmark = pytest.mark.anyio

PROMISES = {"loss_percent": {"C": 20, "D": 50}, "reprice": True, "claw_back_waived": {"EUR": 50}}


@pytest.fixture(scope="module")
async def house(made_sessions: Sessions, temporal_address: str, world: World) -> AsyncIterator[House]:
    async with open_house(made_sessions, temporal_address, world, promising=PROMISES) as made:
        yield made
        world.calm()


async def sold(house: House, name: str, *promotions: Promotion, units: int = 4) -> Order:
    """So many units at EUR 10 with 19 % VAT in the price, express delivery for EUR 12.90, the standard one EUR 4.90."""
    order_id = f"{name}_{house.queue}"
    off = shared_over_lines(promotions, {"l_1": units * 1000})["l_1"]
    vat = Tax("VAT", 190000, (units * 1000 - off) * 19 // 119)
    line = OrderLine(order_id, "l_1", "SKU1", "Mug", None, units, 1000, 0, order_discount_minor=off, taxes=(vat,))
    express = Charge(order_id, "s_1", ChargeKind.DELIVERY, 1290, surplus_minor=800, taxes=(Tax("VAT", 190000, 206),))
    total = line.paid_minor + express.paid_minor
    given: dict[str, Any] = {
        "lines": (line,),
        "charges": (express,),
        "promotions": promotions,
        "tenders": (Tender(order_id, "t_1", "card", total, "simulated", f"pay_{order_id}"),),
        "currency": "EUR",
    }
    return await house.sell(units, id=order_id, country="DE", **given)


async def back(house: House, order: Order, units: int, *, grade: str = "A") -> str:
    case_id = await house.open(order, units)
    await house.until(case_id, "booked")
    await house.inspect(case_id, grade=grade)
    return case_id


async def test_the_standard_delivery_comes_back_once_with_the_return_that_completes_the_order(house: House) -> None:
    order = await sold(house, "delivery")
    first = await back(house, order, 3)
    assert (await house.until(first, "closed")).refunded_minor == 3000
    second = await back(house, order, 1)
    assert (await house.until(second, "closed")).refunded_minor == 1000 + 490
    assert house.balances(second)["charges_returned:merchant"] == 490
    assert [(tax["tax_minor"], tax["net_minor"]) for tax in house.refund(second).quote["taxes"]] == [(160 + 78, 1252)]


async def test_of_two_returns_settled_at_the_same_instant_one_brings_the_delivery_back(house: House) -> None:
    for turn in range(5):
        order = await sold(house, f"race{turn}")
        cases = [await house.open(order, 2), await house.open(order, 2)]
        for case_id in cases:
            await house.until(case_id, "booked")
        async with anyio.create_task_group() as both:
            for case_id in cases:
                both.start_soon(house.inspect, case_id)
        refunded = [(await house.until(case_id, "closed")).refunded_minor for case_id in cases]
        assert sorted(refunded) == [2000, 2490]


async def test_worn_goods_bring_back_what_they_are_still_worth(house: House) -> None:
    order = await sold(house, "worn")
    case_id = await back(house, order, 2, grade="C")
    assert (await house.until(case_id, "closed")).refunded_minor == 1600
    line = house.order_line(order)
    assert (line.refunded, line.refunded_minor, line.lost_minor) == (2, 1600, 400)
    said = [one for one in house.refund(case_id).quote["explanation"] if one["rule"] == "loss_in_value"]
    assert "361" in said[0]["source"] or "357a" in said[0]["source"] or "2011/83" in said[0]["source"]


async def test_a_discount_above_a_sum_is_taken_back_when_the_kept_goods_cost_less(house: House) -> None:
    ten_off = Promotion("above_35", PromotionKind.THRESHOLD, 600, threshold_minor=3500)
    order = await sold(house, "threshold", ten_off)
    first = await back(house, order, 1)
    assert (await house.until(first, "closed")).refunded_minor == 400, (
        "three kept at full price cost 30.00 of 34.00 paid"
    )
    second = await back(house, order, 3)
    assert (await house.until(second, "closed")).refunded_minor == 3000 + 490
    assert house.order_line(order).refunded_minor == 3400, "all that was paid for the goods has come back"
