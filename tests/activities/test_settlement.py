"""Settling, cut off at every point and begun again: decided once, paid once, booked once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.settlement import SettlementActivities
from database import cases, facts, parcels
from database.inspections import Judged
from domain.order import Order
from domain.replica import from_json
from domain.stages import Stage
from domain.state import Effect, EffectKind, Fact, FactKind, Verdict
from gateways.payments.base import RefundOrder, RefundReceipt
from tests.house import BENCH, House

pytestmark = pytest.mark.anyio

SETTLE = Effect(EffectKind.SETTLE, "settle:1", 1)


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


class DyingGateway:
    """The real gateway of a process that dies at a chosen point of the refund."""

    def __init__(self, house: House, dies: str) -> None:
        self._real = house.partners.payments["simulated"]
        self._dies = dies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def refund(self, order: RefundOrder) -> RefundReceipt:
        if self._dies == "before the call":
            raise Killed
        receipt = self._real.refund(order)
        if self._dies == "after the call":
            raise Killed
        return receipt


async def judged(house: House) -> tuple[str, Order]:
    """A case whose row is inspected, and which no worker carries: the effect is called by hand."""
    order = await house.sell(2)
    queue, house.desk._teller.task_queue = house.desk._teller.task_queue, "nobody-listens"
    try:
        case_id = await house.open(order)
        with house.made.begin() as session:
            at = house.clock(session)
            facts.record(session, case_id, Fact(FactKind.BOOKED, at, "booked:book:1", "boomerang", {}))
        await house.desk.inspect(case_id, [Judged("rl_1", 2, "A", True, (), "restock")], BENCH)
    finally:
        house.desk._teller.task_queue = queue
    assert house.case(case_id).stage == "inspected"
    return case_id, order


def settle(house: House, case_id: str, gateway: Any, what: Effect = SETTLE) -> Fact:
    effect = SettlementActivities(house.made, house.clock, {"simulated": gateway})
    run: Callable[..., Fact] = ActivityEnvironment().run
    return run(effect.settle, case_id, what)


@pytest.mark.parametrize("dies", ["before the call", "after the call"])
async def test_killed_in_the_middle_and_begun_again(house: House, dies: str) -> None:
    case_id, order = await judged(house)
    with pytest.raises(Killed):
        settle(house, case_id, DyingGateway(house, dies))
    first = [part.id for part in house.parts(case_id)]
    fact = settle(house, case_id, house.partners.payments["simulated"])
    assert fact.data["status"] == "succeeded"
    assert [part.id for part in house.parts(case_id)] == first, "the intent of the first try is the one that was paid"
    assert [refund.refund_id for refund in house.provider_refunds(order)] == first
    assert house.balances(case_id)["payable:shopper"] == 0
    assert house.case(case_id).refunded_minor == 2500


async def test_settled_again_finds_its_own_rows(house: House) -> None:
    case_id, order = await judged(house)
    gateway = house.partners.payments["simulated"]
    assert settle(house, case_id, gateway) == settle(house, case_id, gateway)
    assert len(house.provider_refunds(order)) == 1
    assert house.order_line(order).refunded == 2


async def test_a_provider_that_has_another_amount_under_our_id_is_for_a_person(house: House) -> None:
    class Wrong(DyingGateway):
        def refund(self, order: RefundOrder) -> RefundReceipt:
            receipt = super().refund(order)
            return RefundReceipt(receipt.provider_id, receipt.refund_id, receipt.status, 1, receipt.currency)

    case_id, _ = await judged(house)
    with pytest.raises(ApplicationError, match=r"where we asked for GBP 25\.00") as refused:
        settle(house, case_id, Wrong(house, "never"))
    assert refused.value.non_retryable
    assert house.case(case_id).refunded_minor == 0


async def test_a_provider_that_is_no_longer_set_is_named_on_the_case_and_waited_for(house: House) -> None:
    case_id, order = await judged(house)
    elsewhere = SettlementActivities(house.made, house.clock, {"stripe": house.partners.payments["simulated"]})
    with pytest.raises(ApplicationError, match="no gateway 'simulated'; known: stripe") as later:
        ActivityEnvironment().run(elsewhere.settle, case_id, SETTLE)
    assert not later.value.non_retryable
    assert house.case(case_id).trouble["last_code"] == "unknown_gateway"
    assert settle(house, case_id, house.partners.payments["simulated"]).data["status"] == "succeeded"
    assert len(house.provider_refunds(order)) == 1


async def test_goods_lost_after_their_refund_are_charged_to_the_carrier_once_and_not_paid_again(house: House) -> None:
    """However often it is looked at: told again under its key, and again under the next one, as after a cut."""
    case_id, order = await judged(house)
    gateway = house.partners.payments["simulated"]
    settle(house, case_id, gateway)
    with house.made.begin() as session:
        at, row = house.clock(session), cases.lock(session, case_id)
        parcels.order(session, a_parcel_on_its_way(case_id, at))
        lost = replace(from_json(row.state), stage=Stage.INSPECTED, verdict=Verdict.LOST, paid=at)
        cases.move(session, row, lost, at, took_fact=False)
    for key in ("settle:1.1", "settle:1.1", "settle:1.2"):
        assert settle(house, case_id, gateway, Effect(EffectKind.SETTLE, key, 1)).data["status"] == "succeeded"
    assert [fee for fee in house.fees(case_id) if fee[0] == "lost_goods"] == [("lost_goods", "carrier", 2500)]
    assert house.balances(case_id)["receivable:carrier:simulated"] == 2500
    assert len(house.provider_refunds(order)) == 1
    assert house.case(case_id).refunded_minor == 2500


def a_parcel_on_its_way(case_id: str, at: datetime) -> dict[str, Any]:
    return {
        "id": f"par_{case_id}_1",
        "case_id": case_id,
        "effect_key": "book:1",
        "direction": "return",
        "method": "label",
        "carrier": "simulated",
        "status": "in_transit",
        "status_at": at,
        "created_at": at,
    }
