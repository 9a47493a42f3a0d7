"""A shop that sells in pounds and keeps its books in euro: the shopper gets pounds, and the books say what they had become worth."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from api.schemas import records
from api.schemas.currency import show_difference, stored_decision
from commands.rates import book_what_waited
from database import currency, ledger, refunds, verify
from database.currency import Rate
from database.engine import Sessions
from tests.house import MERCHANT, House, World, open_house
from tests.policies.standing import a_text

pytestmark = pytest.mark.anyio
_versions = count(1)


@pytest.fixture(scope="module")
async def house(made_sessions: Sessions, temporal_address: str, world: World) -> AsyncIterator[House]:
    async with open_house(made_sessions, temporal_address, world) as made:
        yield made
        world.calm()


def keep_books_in_euro(house: House, more: str = "") -> None:
    """From now on returns are opened under a policy that accounts in euro."""
    text = a_text(("draft-1", f"books-{next(_versions)}"), more=f'\n[currency]\naccounting = "EUR"\n{more}')
    policies = house.desk.policies
    drafted = policies.draft(text, "", MERCHANT, None, lambda policy: {"id": policy.id}).body["id"]
    policies.publish(
        str(drafted), MERCHANT, None, lambda policy: {"id": policy.id}, accept_warnings=True, effective_from=None
    )


def on_file(house: House, days_ago: int, gbp: str) -> None:
    day = (house.clock_now() - timedelta(days=days_ago)).date()
    with house.made.begin() as session:
        currency.put_rates(session, [Rate(day, "GBP", Decimal(gbp))], replace=True)


async def refunded(house: House, sold_days_ago: int = 10) -> str:
    """GBP 25.00, sold some days ago, comes back today."""
    sold_at = house.clock_now() - timedelta(days=sold_days_ago)
    order = await house.sell(2, placed_at=sold_at, delivered_at=house.clock_now() - timedelta(days=1))
    return await house.return_all(order)


def differences(house: House, case_id: str) -> list[Any]:
    with house.made() as session:
        return list(currency.of_case(session, case_id))


def entries(house: House, case_id: str) -> list[tuple[str, int, str]]:
    with house.made() as session:
        return [
            (row.account, row.amount_minor, row.currency)
            for row in ledger.of_case(session, case_id)
            if row.kind == "exchange_difference"
        ]


async def test_a_loss_is_booked_borne_shown_and_warned_of(house: House) -> None:
    keep_books_in_euro(house, 'difference_borne_by = "platform"\nwarn_percent = 10')
    on_file(house, 10, "0.90")  # GBP 25.00 were EUR 27.77
    on_file(house, 0, "0.80")  # and are EUR 31.25
    case_id = await refunded(house)
    assert house.case(case_id).refunded_minor == 2500, "the shopper gets what was paid, in pounds"
    assert entries(house, case_id) == [
        ("fee:exchange_difference:platform", 348, "EUR"),
        ("revaluation:GBP", -348, "EUR"),
    ]
    assert ("exchange_difference", "platform", 348) in house.fees(case_id)
    (row,) = differences(house, case_id)
    shown = show_difference(row)
    assert (shown["sale_value"]["amount"], shown["refund_value"]["amount"], shown["moved_bps"]) == (2777, 3125, 1250)
    assert shown["warning"] is True
    decision = stored_decision(row)
    assert decision["answer"] == "a loss of EUR 3.48, borne by the platform; the rate moved by +12.50 %"
    with house.made() as session:
        letter = records.letter(house.case(case_id), refunds.of_case(session, case_id), [decision])
        assert "the rate moved by +12.50 %" in letter
        assert all(check.holds for check in verify.verify(session))


async def test_a_gain_is_booked_the_other_way_round_and_is_no_fee(house: House) -> None:
    keep_books_in_euro(house)
    on_file(house, 10, "0.80")
    on_file(house, 0, "0.81")
    case_id = await refunded(house)
    assert entries(house, case_id) == [
        ("fee:exchange_difference:merchant", -39, "EUR"),
        ("revaluation:GBP", 39, "EUR"),
    ]
    assert not [fee for fee in house.fees(case_id) if fee[0] == "exchange_difference"]
    (row,) = differences(house, case_id)
    assert (row.moved_bps, row.warned) == (-123, False)


async def test_without_a_rate_the_refund_goes_out_and_the_difference_waits_for_the_rate(house: House) -> None:
    keep_books_in_euro(house)
    on_file(house, 0, "0.80")
    case_id = await refunded(house, sold_days_ago=40)
    assert house.case(case_id).refunded_minor == 2500
    assert entries(house, case_id) == []
    (row,) = differences(house, case_id)
    assert (row.status, row.difference_minor) == ("no_rate", None)
    assert row.trouble.startswith("no rate on file from GBP to EUR between ")
    assert stored_decision(row)["answer"] == "not known yet: no rate on file"
    with house.made() as session:
        assert case_id in [row.case_id for row in currency.search(session, status="no_rate")]
    assert book_what_waited(house.made).booked == 0
    on_file(house, 41, "0.85")  # a Sunday's rate is the Friday's
    assert book_what_waited(house.made).booked == 1
    assert entries(house, case_id) == [
        ("fee:exchange_difference:merchant", 184, "EUR"),
        ("revaluation:GBP", -184, "EUR"),
    ]
    assert book_what_waited(house.made).looked_at == 0


async def test_whoever_keeps_books_in_the_currency_of_sale_has_no_difference(house: House) -> None:
    keep_books_in_euro(house)
    at = house.clock_now() - timedelta(days=1)
    order = await house.sell(1, currency="EUR", placed_at=at, delivered_at=at)
    case_id = await house.return_all(order)
    assert differences(house, case_id) == []


async def test_a_case_keeps_the_books_of_its_own_terms(house: House) -> None:
    """The terms are frozen at opening: a policy published meanwhile changes nothing for it."""
    keep_books_in_euro(house, 'difference_borne_by = "platform"')
    on_file(house, 1, "0.80")
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    keep_books_in_euro(house, "warn_percent = 1")
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    (row,) = differences(house, case_id)
    assert (row.bearer, row.warn_percent) == ("platform", 5)
