"""Goods that came back over a border: claims are opened with the decision, owed when filed, and ended by what came of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from api.schemas.customs import show_customs_of_return
from database import customs, verify
from desk import IdempotencyKey, KeyUsedForAnotherRequest
from domain.customs import (
    AnotherClaimFiled,
    ClaimNotFiled,
    ClaimNotOpen,
    ClaimOverdue,
    CustomsRecord,
    Incoterm,
    Payer,
)
from domain.money import CurrencyMismatch, Money
from domain.opening import RequestedLine, ReturnRequest
from domain.order import Order
from domain.reasons import ReturnReason
from tests.house import OPERATOR, SHOP, House

pytestmark = pytest.mark.anyio


def plain(_session: Session, row: Any) -> dict[str, Any]:
    return {"id": row.id, "status": row.status}


def a_record(house: House, order: Order, **vary: Any) -> CustomsRecord:
    """Dresses that went from the United Kingdom to the United States ten days ago, duty USD 12.01 for the line."""
    ten_days_ago = (house.clock_now() - timedelta(days=10)).date()
    given: dict[str, Any] = {
        "order_id": order.id,
        "order_line_id": "l_1",
        "exported_from": "GB",
        "imported_into": "US",
        "returns_to": "GB",
        "hs_code": "62044210",
        "description": "Linen dress",
        "origin": "PT",
        "declared": Money(25000, "USD"),
        "incoterm": Incoterm.DDP,
        "exported_on": ten_days_ago,
        "imported_on": ten_days_ago,
        "import_declaration": "ABC-1234567-8",
        "duty_minor": 1201,
        "paid_currency": "USD",
        "paid_by": Payer.MERCHANT,
    }
    return CustomsRecord(**(given | vary))


async def sold_abroad(house: House, units: int = 2, **vary: Any) -> Order:
    order = await house.sell(units)
    await house.desk.customs.put_records(order.id, [a_record(house, order, **vary)], SHOP)
    return order


def claims(house: House, case_id: str) -> dict[str, Any]:
    with house.made() as session:
        return {row.kind: row for row in customs.claims_of_case(session, case_id)}


def of_customs(house: House, case_id: str) -> dict[str, int]:
    return {
        account: minor
        for account, minor in house.balances(case_id).items()
        if minor and ("customs" in account or ":duty:" in account)
    }


async def file(house: House, claim: Any) -> None:
    await house.desk.customs.file(claim.id, "C285-1", None, OPERATOR, None, plain)


async def test_a_refund_opens_its_claims_and_books_nothing_yet(house: House) -> None:
    case_id = await house.return_all(await sold_abroad(house))
    found = claims(house, case_id)
    assert sorted(found) == ["uk_returned_goods_relief", "us_unused_drawback"]
    drawback = found["us_unused_drawback"]
    assert (drawback.status, drawback.expected_minor, drawback.currency, drawback.units) == ("open", 1188, "USD", 2)
    assert of_customs(house, case_id) == {}
    with house.made() as session:
        shown = show_customs_of_return(session, case_id, house.clock_now().date())
    assert [claim["missing"] for claim in shown["claims"]] == [
        ["export_declaration", "proof_of_export"],
        ["proof_of_export"],
    ]
    assert shown["duty"][0]["rule"] == "duty_in_the_price"


async def test_filed_it_is_owed_recovered_it_is_settled(house: House) -> None:
    case_id = await house.return_all(await sold_abroad(house))
    drawback = claims(house, case_id)["us_unused_drawback"]
    await file(house, drawback)
    assert of_customs(house, case_id) == {"receivable:customs:US": 1188, "fee:duty:merchant": -1188}
    with pytest.raises(ClaimNotOpen):
        await file(house, drawback)
    with pytest.raises(CurrencyMismatch):
        await house.desk.customs.recovered(drawback.id, Money(1000, "EUR"), None, OPERATOR, None, plain)
    await house.desk.customs.recovered(drawback.id, Money(1000, "USD"), "less a fee", OPERATOR, None, plain)
    assert of_customs(house, case_id) == {"clearing:customs:US": 1000, "fee:duty:merchant": -1000}
    with pytest.raises(ClaimNotFiled):
        await house.desk.customs.recovered(drawback.id, Money(1000, "USD"), None, OPERATOR, None, plain)
    with house.made() as session:
        assert all(check.holds for check in verify.verify(session))


async def test_rejected_it_is_owed_no_more(house: House) -> None:
    case_id = await house.return_all(await sold_abroad(house))
    drawback = claims(house, case_id)["us_unused_drawback"]
    await file(house, drawback)
    await house.desk.customs.rejected(drawback.id, "no proof of export", OPERATOR, None, plain)
    assert of_customs(house, case_id) == {}
    with pytest.raises(ClaimNotOpen):
        await house.desk.customs.rejected(drawback.id, "again", OPERATOR, None, plain)


async def test_a_relief_that_was_granted_moves_no_money(house: House) -> None:
    case_id = await house.return_all(await sold_abroad(house))
    relief = claims(house, case_id)["uk_returned_goods_relief"]
    await file(house, relief)
    await house.desk.customs.recovered(relief.id, Money(0, "USD"), None, OPERATOR, None, plain)
    assert of_customs(house, case_id) == {}
    assert claims(house, case_id)["uk_returned_goods_relief"].status == "recovered"


async def test_the_same_duty_is_claimed_once(house: House) -> None:
    """Unused and not as ordered: two kinds of drawback are possible, and one is filed."""
    order = await sold_abroad(house)
    lines = (RequestedLine(2, ReturnReason.WRONG_ITEM, order_line_id="l_1"),)
    case_id = (await house.desk.open(ReturnRequest(lines, order.id, order.customer_id), SHOP)).case_id
    await house.until(case_id, "booked")
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    found = claims(house, case_id)
    await file(house, found["us_rejected_drawback"])
    with pytest.raises(AnotherClaimFiled):
        await file(house, found["us_unused_drawback"])
    await house.desk.customs.rejected(found["us_rejected_drawback"].id, "wrong kind", OPERATOR, None, plain)
    await file(house, found["us_unused_drawback"])
    assert of_customs(house, case_id)["receivable:customs:US"] == 1188


async def test_a_shoppers_own_claim_is_listed_and_not_booked(house: House) -> None:
    abroad: dict[str, Any] = {
        "imported_into": "FI",
        "paid_by": Payer.SHOPPER,
        "incoterm": Incoterm.DDU,
        "paid_currency": "EUR",
    }
    case_id = await house.return_all(await sold_abroad(house, **abroad))
    own = claims(house, case_id)["fi_amendment"]
    assert (own.recovered_for, own.claimant, own.expected_minor) == ("shopper", "shopper", 1201)
    await file(house, own)
    await house.desk.customs.recovered(own.id, Money(1201, "EUR"), None, OPERATOR, None, plain)
    assert of_customs(house, case_id) == {}


async def test_partial_returns_claim_the_whole_duty_between_them(house: House) -> None:
    order = await sold_abroad(house, units=3)
    expected = []
    for _ in range(3):
        case_id = await house.open(order, 1)
        await house.until(case_id, "booked")
        await house.receive(case_id)
        await house.inspect(case_id)
        await house.until(case_id, "closed")
        expected.append(claims(house, case_id)["us_unused_drawback"].expected_minor)
    assert sum(expected) == 1201 * 99 // 100
    assert max(expected) - min(expected) <= 1


async def test_what_customs_says_later_opens_and_moves_claims_that_are_open(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.return_all(order)
    assert claims(house, case_id) == {}
    await house.desk.customs.put_records(order.id, [a_record(house, order, imported_on=None)], SHOP)
    assert claims(house, case_id)["us_unused_drawback"].deadline is None
    relief = claims(house, case_id)["uk_returned_goods_relief"]
    await file(house, relief)
    told = [a_record(house, order, duty_minor=2000, returns_to="US")]
    await house.desk.customs.put_records(order.id, told, SHOP)
    left = claims(house, case_id)
    assert sorted(left) == ["uk_returned_goods_relief"], "what was filed stays; what is no longer possible goes"
    await house.desk.customs.put_records(order.id, [a_record(house, order, duty_minor=2000)], SHOP)
    assert claims(house, case_id)["us_unused_drawback"].expected_minor == 1980


async def test_a_claim_whose_time_has_passed_is_listed_as_overdue_and_not_filed(house: House) -> None:
    abroad: dict[str, Any] = {"imported_into": "DE", "paid_currency": "EUR"}
    case_id = await house.return_all(await sold_abroad(house, **abroad))
    late = claims(house, case_id)["eu_invalidation"]
    house.moved += timedelta(days=100)
    with house.made() as session:
        due = customs.search(session, status="open", due_before=house.clock_now().date())
        shown = show_customs_of_return(session, case_id, house.clock_now().date())
    assert [row.id for row in due] == [late.id]
    assert [claim["overdue"] for claim in shown["claims"]] == [True, False]
    with pytest.raises(ClaimOverdue):
        await file(house, late)
    await house.desk.customs.rejected(late.id, "nobody looked", OPERATOR, None, plain)


async def test_a_key_says_it_once(house: House) -> None:
    case_id = await house.return_all(await sold_abroad(house))
    drawback = claims(house, case_id)["us_unused_drawback"]
    key = IdempotencyKey("k-1", "POST x", "h-1")
    said: Sequence[bool] = [
        (await house.desk.customs.file(drawback.id, "C285-1", None, OPERATOR, key, plain))[1] for _ in range(2)
    ]
    assert said == [False, True]
    other = IdempotencyKey("k-1", "POST x", "h-2")
    with pytest.raises(KeyUsedForAnotherRequest):
        await house.desk.customs.file(drawback.id, "C285-2", None, OPERATOR, other, plain)


async def test_goods_sold_at_home_have_no_customs(house: House) -> None:
    case_id = await house.return_all(await sold_abroad(house, exported_from="GB", imported_into="GB"))
    assert claims(house, case_id) == {}
