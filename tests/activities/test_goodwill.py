"""Paying goodwill, cut off at every point and begun again: intended once, paid once, booked once."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.goodwill import GoodwillActivities
from database.tables import tenders
from desk import Caller
from desk.goodwill import GoodwillAsked
from domain.order import Order, Tender
from domain.tenders import TenderLimits
from gateways.payments.base import RefundOrder, RefundReceipt
from tests.activities.test_settlement import DyingGateway, Killed
from tests.house import House

pytestmark = pytest.mark.anyio

ANN, BOB = Caller("key_ops", "ops: ann"), Caller("key_ops", "ops: bob")


async def approved(house: House, minor: int = 500, **sold: Any) -> tuple[str, str, Order]:
    """Goodwill that no worker carries: the effect is called by hand."""
    order = await house.sell(2, **sold)
    case_id = await house.open(order)
    queue, house.desk.goodwill.task_queue = house.desk.goodwill.task_queue, "nobody-listens"
    try:
        said = await house.desk.goodwill.propose(case_id, GoodwillAsked(minor, "GBP", "late"), ANN)
        await house.desk.goodwill.approve(said.body["id"], BOB)
    finally:
        house.desk.goodwill.task_queue = queue
    return said.body["id"], case_id, order


def pay(house: House, goodwill_id: str, gateway: Any, **more: Any) -> str:
    effect = GoodwillActivities(house.made, house.clock, {"simulated": gateway}, **more)
    run: Callable[..., str] = ActivityEnvironment().run
    return run(effect.pay, goodwill_id)


@pytest.mark.parametrize("dies", ["before the call", "after the call"])
async def test_killed_in_the_middle_and_begun_again(house: House, dies: str) -> None:
    goodwill_id, case_id, order = await approved(house)
    with pytest.raises(Killed):
        pay(house, goodwill_id, DyingGateway(house, dies))
    first = [part.id for part in house.goodwill_parts(case_id, goodwill_id)]
    gateway = house.partners.payments["simulated"]
    assert [pay(house, goodwill_id, gateway) for _ in range(2)] == ["paid", "paid"]
    assert [part.id for part in house.goodwill_parts(case_id, goodwill_id)] == first
    assert [one.refund_id for one in house.provider_refunds(order)] == first
    assert (house.goodwill(goodwill_id).paid_minor, house.balances(case_id)["payable:shopper"]) == (500, 0)
    assert house.broken() == set()


async def test_what_could_not_all_be_sent_is_not_begun_and_holds_no_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GBP 7 of it would go over the gift card, the rest over a card that is closed, and no provider pays out."""
    monkeypatch.setattr("activities.paying.pays_out", lambda gateway: False)
    order_id = f"half_{house.queue}"
    paid = tuple(
        Tender(order_id, name, name, minor, "simulated", f"{name}_{order_id}")
        for name, minor in (("gift_card", 700), ("card", 1800))
    )
    goodwill_id, case_id, _ = await approved(house, 1000, id=order_id, tenders=paid)
    with house.made.begin() as session:
        session.execute(
            update(tenders).where(tenders.c.order_id == order_id, tenders.c.id == "card").values(closed="tender_closed")
        )
    assert pay(house, goodwill_id, house.partners.payments["simulated"]) == "failed"
    assert house.goodwill_parts(case_id, goodwill_id) == []
    with house.made() as session:
        held = session.scalars(select(tenders.c.refunded_minor).where(tenders.c.order_id == order_id)).all()
    assert set(held) == {0}
    assert house.broken() == set()


async def test_a_provider_that_has_another_amount_under_our_id_is_for_a_person(house: House) -> None:
    class Wrong(DyingGateway):
        def refund(self, order: RefundOrder) -> RefundReceipt:
            receipt = super().refund(order)
            return RefundReceipt(receipt.provider_id, receipt.refund_id, receipt.status, 1, receipt.currency)

    goodwill_id, _, _ = await approved(house)
    with pytest.raises(ApplicationError, match=r"where we asked for GBP 5\.00") as refused:
        pay(house, goodwill_id, Wrong(house, "never"))
    assert refused.value.non_retryable
    row = house.goodwill(goodwill_id)
    assert (row.status, row.paid_minor) == ("approved", 0)
    assert "where we asked for" in row.trouble["last_error"]


async def test_what_a_tender_past_its_limit_cannot_take_is_given_as_store_credit(house: House) -> None:
    goodwill_id, case_id, order = await approved(house)
    limits = {"simulated": TenderLimits(max_refunds=0)}
    assert pay(house, goodwill_id, house.partners.payments["simulated"], tender_limits=limits) == "paid"
    assert house.provider_refunds(order) == []
    assert [part.destination for part in house.goodwill_parts(case_id, goodwill_id)] == ["store_credit"]
    assert [one.amount_minor for one in house.payouts(case_id)] == [500]


async def test_goodwill_that_finds_no_room_fails_with_nothing_sent(house: House) -> None:
    goodwill_id, case_id, order = await approved(house)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    assert pay(house, goodwill_id, house.partners.payments["simulated"]) == "failed"
    row = house.goodwill(goodwill_id)
    assert (row.status, row.paid_minor, row.trouble) == ("failed", 0, {"last_error": "only GBP 0.00 is left"})
    assert [one.amount_minor for one in house.provider_refunds(order)] == [2500]
    assert house.broken() == set()
