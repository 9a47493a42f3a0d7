"""Whatever the payment provider does, money moves once, and everybody can see where it is."""

from datetime import timedelta

import pytest

from domain.order import Order, Tender
from tests.house import OPERATOR, House

pytestmark = pytest.mark.anyio


async def inspected(house: House) -> tuple[str, Order]:
    sold = await house.sell(2)
    case_id = await house.open(sold)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    return case_id, sold


async def test_a_provider_that_pays_and_then_says_500_pays_once(house: House) -> None:
    house.world.payments.knobs(fail_after={"next": 1})
    case_id, order = await inspected(house)
    await house.until(case_id, "closed")
    assert [refund.amount_minor for refund in house.provider_refunds(order)] == [2500]
    assert house.parts(case_id)[0].tries == 1


async def test_an_unknown_outcome_is_seen_as_such_until_the_provider_is_asked(house: House) -> None:
    house.world.payments.knobs(hang={"next": 1, "seconds": 7}, fail_before={"probability": 1})
    case_id, order = await inspected(house)
    await house.until_trouble(case_id)
    assert house.case(case_id).trouble["partner"] == "simulated"
    house.world.payments.calm()
    await house.until(case_id, "closed")
    assert [refund.amount_minor for refund in house.provider_refunds(order)] == [2500]
    assert house.case(case_id).trouble is None


async def test_even_a_provider_that_ignores_keys_pays_once_because_it_is_asked_first(house: House) -> None:
    house.world.payments.knobs(ignore_keys={"probability": 1}, fail_after={"next": 2})
    case_id, order = await inspected(house)
    await house.until(case_id, "closed")
    assert len(house.provider_refunds(order)) == 1


async def test_a_refund_that_is_pending_first_is_closed_by_the_providers_event(house: House) -> None:
    house.world.payments.knobs(status_later={"next": 1, "mode": "pending_then_succeeded", "seconds": 0.3})
    case_id, _ = await inspected(house)
    await house.until(case_id, "closed")
    assert house.balances(case_id)["payable:shopper"] == 0


async def test_a_success_that_turns_to_failure_days_later_is_taken_back_and_paid_anew(house: House) -> None:
    house.world.payments.knobs(status_later={"next": 1, "mode": "succeeded_then_failed", "seconds": 86400})
    case_id, order = await inspected(house)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    house.world.payments.advance(90000)
    row = await house.until(case_id, "attention")
    assert (row.attention_reason, row.refunded_minor) == ("destination_needed", 0)
    assert house.balances(case_id)["payable:shopper"] == -2500, "the shopper is owed again"
    assert "refund.failed" in house.event_types(case_id)
    await house.desk.retry(case_id, OPERATOR, reason="the bank account works again")
    row = await house.until(case_id, "closed")
    assert row.refunded_minor == 2500
    assert [part.status for part in house.parts(case_id)] == ["failed", "succeeded"]
    assert [refund.status for refund in house.provider_refunds(order)] == ["failed", "succeeded"]
    assert house.balances(case_id)["payable:shopper"] == 0


async def test_a_refund_the_bank_refuses_waits_for_the_shopper_and_is_not_sent_again(house: House) -> None:
    sold = await house.sell(1)
    house.world.payments.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": 0.2})
    case_id = await house.open(sold)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    assert (await house.until(case_id, "attention")).attention_reason == "destination_needed"
    await house.pass_time(case_id, timedelta(hours=25))
    assert house.case(case_id).stage == "attention", "what was refused for good is not sent again by itself"
    assert len(house.provider_refunds(sold)) == 1


async def test_a_refund_goes_back_over_the_tenders_it_was_paid_with(house: House) -> None:
    tenders = [("gift", "gift_card", 700), ("card", "card", 1800)]
    order_id = f"split_{house.queue}"
    paid = tuple(
        Tender(order_id, name, method, amount, "simulated", f"{name}_{order_id}") for name, method, amount in tenders
    )
    order = await house.sell(2, id=order_id, tenders=paid)
    first = await house.open(order, 1)
    await house.until(first, "booked")
    await house.inspect(first)
    await house.until(first, "closed")
    assert {part.tender_id: part.amount_minor for part in house.parts(first)} == {"gift": 700, "card": 550}
    second = await house.open(order, 1)
    await house.until(second, "booked")
    await house.inspect(second)
    await house.until(second, "closed")
    assert {part.tender_id: part.amount_minor for part in house.parts(second)} == {"card": 1250}


async def test_units_that_come_back_one_by_one_add_up_to_what_was_paid(house: House) -> None:
    order = await house.sell(3, price_minor=333)
    refunded = []
    for _ in range(3):
        case_id = await house.open(order, 1)
        await house.until(case_id, "booked")
        await house.inspect(case_id)
        refunded.append((await house.until(case_id, "closed")).refunded_minor)
    assert sum(refunded) == 999
    assert house.order_line(order).refunded_minor == 999


async def test_of_two_tenders_one_fails_and_only_that_part_is_sent_again(house: House) -> None:
    order_id = f"half_{house.queue}"
    paid = tuple(
        Tender(order_id, name, method, amount, "simulated", f"{name}_{order_id}")
        for name, method, amount in [("gift", "gift_card", 700), ("card", "card", 1800)]
    )
    order = await house.sell(2, id=order_id, tenders=paid)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    house.world.payments.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": 0.2})
    await house.inspect(case_id)
    await house.until(case_id, "attention")
    assert "refund.succeeded" not in house.event_types(case_id)
    before = sorted((part.amount_minor, part.status) for part in house.parts(case_id))
    assert [status for _, status in before].count("failed") == 1
    await house.desk.retry(case_id, OPERATOR, reason="the account is open again")
    row = await house.until(case_id, "closed")
    assert row.refunded_minor == 2500
    listed = house.partners.payments["simulated"].list_refunds()
    succeeded = [refund for refund in listed if refund.case_id == case_id and refund.status == "succeeded"]
    assert sorted(refund.amount_minor for refund in succeeded) == [700, 1800], (
        "the part that was paid is not sent again"
    )
