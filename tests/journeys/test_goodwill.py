"""Goodwill on the real house: asked for by one, agreed to by another, paid once, and never more than was paid for the order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from database import goodwill
from database.engine import Sessions
from desk import Caller, IdempotencyKey
from desk.goodwill import GoodwillAsked
from domain.errors import BoomerangError
from domain.goodwill import (
    GoodwillAboveWhatIsLeft,
    GoodwillAskedBefore,
    GoodwillDecided,
    GoodwillNeedsAnother,
)
from domain.order import Order
from tests.house import House, World, open_house
from tests.waiting_for import eventually

pytestmark = pytest.mark.anyio

ANN, BOB = Caller("key_ops", "ops: ann"), Caller("key_ops", "ops: bob")
TIMES = 20


@pytest.fixture(scope="module")
async def generous(made_sessions: Sessions, temporal_address: str, world: World, house: House) -> AsyncIterator[House]:
    """A programme under which one person may give ten pounds."""
    async with open_house(made_sessions, temporal_address, world, programme="worry_free") as made:
        yield made


def asked(minor: int | None, *, again: bool = False, currency: str | None = "GBP") -> GoodwillAsked:
    return GoodwillAsked(minor, currency, "the parcel came three weeks late", again=again)


def a_key(case_id: str, value: str, body: str = "body") -> IdempotencyKey:
    return IdempotencyKey(value, f"POST /v1/returns/{case_id}/goodwill", body)


async def booked(house: House, units: int = 2) -> tuple[str, Order]:
    order = await house.sell(units)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    return case_id, order


async def proposed(house: House, case_id: str, minor: int = 500) -> str:
    said = await house.desk.goodwill.propose(case_id, asked(minor), ANN)
    assert said.body["status"] == "proposed"
    return str(said.body["id"])


async def test_what_one_proposes_another_approves_and_it_is_paid(house: House) -> None:
    case_id, order = await booked(house)
    version = house.case(case_id).version
    goodwill_id = await proposed(house, case_id)
    assert house.provider_refunds(order) == [], "nothing is sent before somebody else has agreed"
    with pytest.raises(GoodwillNeedsAnother, match=r"asked for by ops: ann"):
        await house.desk.goodwill.approve(goodwill_id, ANN)
    await house.desk.goodwill.approve(goodwill_id, BOB)
    row = await house.until_goodwill(goodwill_id, "paid")
    assert (row.proposed_by, row.approved_by, row.paid_minor) == ("ops: ann", "ops: bob", 500)
    assert [one.amount_minor for one in house.provider_refunds(order)] == [500]
    assert house.case(case_id).refunded_minor == 0, "it comes on top of what the goods bring back"
    assert house.case(case_id).version > version
    balances = house.balances(case_id)
    assert (balances["fee:goodwill:merchant"], balances["payable:shopper"]) == (500, 0)
    kinds = [fact.kind for fact in house.timeline(case_id)]
    assert [kind for kind in kinds if "goodwill" in kind] == ["goodwill_proposed", "goodwill_approved", "goodwill_paid"]
    assert "goodwill.paid" in house.event_types(case_id)
    assert house.broken() == set()


async def test_up_to_the_limit_of_the_policy_one_person_decides(generous: House) -> None:
    case_id, order = await booked(generous)
    small = await generous.desk.goodwill.propose(case_id, asked(1000), ANN)
    assert (small.body["status"], small.body["approved"]["by"]) == ("approved", "ops: ann")
    await generous.until_goodwill(small.body["id"], "paid")
    assert [one.amount_minor for one in generous.provider_refunds(order)] == [1000]
    large = await generous.desk.goodwill.propose(case_id, asked(1001), ANN)
    assert large.body["status"] == "proposed"
    assert generous.broken() == set()


async def test_what_somebody_refuses_is_never_paid_and_decided_once(house: House) -> None:
    case_id, order = await booked(house)
    goodwill_id = await proposed(house, case_id)
    await house.desk.goodwill.refuse(goodwill_id, BOB, reason="was given a voucher")
    with pytest.raises(GoodwillDecided, match="refused by ops: bob"):
        await house.desk.goodwill.approve(goodwill_id, Caller("key_3", "carol"))
    assert house.goodwill_parts(case_id, goodwill_id) == []
    assert house.provider_refunds(order) == []
    assert house.broken() == set()


async def test_whoever_asked_for_it_may_take_it_back_and_its_room_is_free_again(house: House) -> None:
    case_id, _ = await booked(house)
    slip = await proposed(house, case_id)
    await house.desk.goodwill.refuse(slip, ANN, reason="a slip of the keyboard")
    with pytest.raises(GoodwillDecided):
        await house.desk.goodwill.approve(slip, BOB)
    assert house.goodwill_parts(case_id, slip) == []


@pytest.mark.parametrize(
    "knobs",
    [
        {"fail_after": {"next": 1}},
        {"fail_after": {"next": 2}, "ignore_keys": {"probability": 1}},
        {"fail_before": {"next": 2}},
        {"hang": {"next": 1, "seconds": 7}},
    ],
    ids=["paid and 500", "paid and 500, keys ignored", "500 and not paid", "paid and no answer"],
)
async def test_whatever_the_provider_does_it_is_paid_once(house: House, knobs: dict[str, Any]) -> None:
    case_id, order = await booked(house)
    goodwill_id = await proposed(house, case_id)
    house.world.payments.knobs(**knobs)
    await house.desk.goodwill.approve(goodwill_id, BOB)
    await eventually(
        lambda: house.goodwill(goodwill_id).status == "paid", lambda: str(house.goodwill(goodwill_id)), within_s=60
    )
    assert [one.amount_minor for one in house.provider_refunds(order)] == [500]
    assert house.case(case_id).trouble is None
    assert house.broken() == set()


async def test_a_server_that_dies_before_it_starts_the_payment_has_it_started_by_another(house: House) -> None:
    case_id, order = await booked(house)
    goodwill_id = await proposed(house, case_id)
    queue, house.desk.goodwill._client = house.desk.goodwill._client, Unreachable()  # type: ignore[assignment]
    try:
        await house.desk.goodwill.approve(goodwill_id, BOB)
    finally:
        house.desk.goodwill._client = queue
    assert house.goodwill(goodwill_id).started_at is None
    house.moved += timedelta(seconds=5)
    await house.desk.heal()
    await house.desk.goodwill.heal()
    await house.until_goodwill(goodwill_id, "paid")
    assert len(house.provider_refunds(order)) == 1


class Unreachable:
    """Temporal is away."""

    async def start_workflow(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("no connection")


async def test_a_provider_that_only_accepts_is_heard_when_it_confirms(house: House) -> None:
    case_id, _ = await booked(house)
    house.world.payments.knobs(status_later={"next": 1, "mode": "pending_then_succeeded", "seconds": 0.3})
    goodwill_id = await proposed(house, case_id)
    await house.desk.goodwill.approve(goodwill_id, BOB)
    assert (await house.until_goodwill(goodwill_id, "paid")).paid_minor == 500
    assert house.broken() == set()


async def test_goodwill_that_the_bank_returns_is_owed_no_longer_and_can_be_given_anew(house: House) -> None:
    case_id, _ = await booked(house)
    house.world.payments.knobs(status_later={"next": 1, "mode": "succeeded_then_failed", "seconds": 86400})
    goodwill_id = await proposed(house, case_id)
    await house.desk.goodwill.approve(goodwill_id, BOB)
    await house.until_goodwill(goodwill_id, "paid")
    house.world.payments.advance(90000)
    assert (await house.until_goodwill(goodwill_id, "failed")).paid_minor == 0
    balances = house.balances(case_id)
    assert (balances["payable:shopper"], balances["fee:goodwill:merchant"]) == (0, 0)
    assert house.case(case_id).stage == "booked", "the return itself goes on"
    again = await house.desk.goodwill.propose(case_id, asked(500, again=True), ANN)
    await house.desk.goodwill.approve(str(again.body["id"]), BOB)
    await house.until_goodwill(str(again.body["id"]), "paid")
    assert len(house.payouts(case_id)) == 1, "its tender is gone: it goes as store credit"
    assert house.broken() == set()


async def test_a_return_of_everything_after_goodwill_brings_back_what_is_left_of_what_was_paid(house: House) -> None:
    case_id, order = await booked(house)
    goodwill_id = await proposed(house, case_id)
    await house.desk.goodwill.approve(goodwill_id, BOB)
    await house.until_goodwill(goodwill_id, "paid")
    await house.inspect(case_id)
    row = await house.until(case_id, "closed")
    assert row.refunded_minor == 2000
    assert sum(one.amount_minor for one in house.provider_refunds(order)) == 2500
    assert ("goodwill", "shopper", 500) in house.fees(case_id)
    balances = house.balances(case_id)
    assert {name: balances.get(name, 0) for name in ("payable:shopper", "fee:goodwill:merchant")} == {
        "payable:shopper": 0,
        "fee:goodwill:merchant": 0,
    }
    assert house.broken() == set()


async def test_goodwill_after_the_end_is_given_within_what_is_left(house: House) -> None:
    order = await house.sell(2)
    case_id = await house.open(order, 1)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    with pytest.raises(GoodwillAboveWhatIsLeft, match=r"GBP 12\.50 is left"):
        await house.desk.goodwill.propose(case_id, asked(1251), ANN)
    goodwill_id = await proposed(house, case_id, 1250)
    await house.desk.goodwill.approve(goodwill_id, BOB)
    await house.until_goodwill(goodwill_id, "paid")
    assert sum(one.amount_minor for one in house.provider_refunds(order)) == 2500
    row = house.case(case_id)
    assert (row.stage, row.outcome, row.refunded_minor) == ("closed", "refunded", 1250)
    assert house.broken() == set()


# --- two at the same instant, twenty times ---


async def at_once(*calls: Any) -> list[Any]:
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def test_one_wish_sent_twice_under_one_key_is_one_goodwill(house: House) -> None:
    case_id, _ = await booked(house, 40)
    for number in range(TIMES):
        key = a_key(case_id, f"gw-{number}", f"{number}")
        first, second = await at_once(
            *(house.desk.goodwill.propose(case_id, asked(10 + number), ANN, key) for _ in range(2))
        )
        assert first.body == second.body
        assert sorted((first.replayed, second.replayed)) == [False, True]
    with house.made() as session:
        assert len(goodwill.search(session, status=None, case_id=case_id, after=None, limit=100)) == TIMES


async def test_the_same_asked_for_by_two_people_at_once_is_one_goodwill_and_the_second_is_told(house: House) -> None:
    for _ in range(TIMES):
        order = await house.sell(2)
        case_id = await house.open(order)
        answers = await at_once(
            house.desk.goodwill.propose(case_id, asked(500), ANN, a_key(case_id, "a")),
            house.desk.goodwill.propose(case_id, asked(500), BOB, a_key(case_id, "b")),
        )
        refused = [one for one in answers if isinstance(one, BoomerangError)]
        made = [one for one in answers if not isinstance(one, BaseException)]
        assert (len(made), [type(one) for one in refused]) == (1, [GoodwillAskedBefore]), answers
        assert refused[0].facts["goodwill_id"] == made[0].body["id"]


async def test_two_wishes_that_together_exceed_what_is_left_are_one_goodwill_and_a_refusal(house: House) -> None:
    for _ in range(TIMES):
        order = await house.sell(2)
        case_id = await house.open(order)
        answers = await at_once(
            house.desk.goodwill.propose(case_id, asked(1500, again=True), ANN, a_key(case_id, "a")),
            house.desk.goodwill.propose(case_id, asked(1500, again=True), BOB, a_key(case_id, "b")),
        )
        refused = [one for one in answers if isinstance(one, BoomerangError)]
        assert [type(one) for one in refused] == [GoodwillAboveWhatIsLeft], answers
        assert refused[0].facts["maximum"] == {"amount": 1000, "currency": "GBP"}


async def test_approved_by_two_people_at_once_it_is_paid_once(house: House) -> None:
    paid = []
    for _ in range(TIMES):
        order = await house.sell(2)
        case_id = await house.open(order)
        goodwill_id = await proposed(house, case_id)
        answers = await at_once(
            house.desk.goodwill.approve(goodwill_id, BOB),
            house.desk.goodwill.approve(goodwill_id, Caller("key_3", "carol")),
        )
        assert [type(one) for one in answers if isinstance(one, BaseException)] == [GoodwillDecided], answers
        paid.append((order, goodwill_id))
    for order, goodwill_id in paid:
        await house.until_goodwill(goodwill_id, "paid")
        assert [one.amount_minor for one in house.provider_refunds(order)] == [500]
    assert house.broken() == set()
