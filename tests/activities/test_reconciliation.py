"""Reconciling with a real provider: its list against our rows, begun again after a crash, page by page, and what is taken over."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import ReconciliationActivities
from database import reconciliations
from domain.order import Order
from domain.reconciliation import Reconciled
from gateways.errors import ProviderUnreachable
from gateways.payments.base import RefundReceipt
from tests.house import House, World
from tests.partners.programs import Ear, Program, running
from tests.waiting_for import eventually

pytestmark = pytest.mark.anyio
_numbers = count(1)


@pytest.fixture(scope="module")
def world(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A payment provider whose books have nobody else's refunds in them."""
    with Ear() as say, running(Program("payments", tmp_path_factory.mktemp("own_payments"), say.url)) as payments:
        yield World(payments, world.carriers, say, world.carriers_say)


async def refunded(house: House) -> tuple[str, Order]:
    order = await house.sell(2)
    return await house.return_all(order), order


def reconcile(
    house: House, *, gateway: Any = None, page: int = 500, run_id: str = "", beats: list[Any] | None = None
) -> tuple[str, Reconciled]:
    """One run, without grace; its id and what it came to."""
    run_id = run_id or f"rec_{next(_numbers)}_{house.queue}"
    given = {"simulated": gateway or house.partners.payments["simulated"]}
    effects = ReconciliationActivities(house.made, house.clock, given, grace=timedelta(), page=page)
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *told: beats.append(told[0]) if beats is not None else None
    run: Callable[..., Any] = environment.run
    assert run(effects.begin, run_id, "test", ["simulated"]) == ["simulated"]
    return run_id, run(effects.reconcile, run_id, "simulated")


def open_differences(house: House) -> list[Any]:
    with house.made() as session:
        return list(reversed(reconciliations.search(session, status="open", limit=100)))


def everything(house: House) -> list[Any]:
    with house.made() as session:
        return list(reversed(reconciliations.search(session, limit=100)))


def pay_behind_our_back(house: House, order: Order, refund_id: str, minor: int = 100) -> None:
    body = {
        "payment": f"pay_{order.id}",
        "amount": minor,
        "currency": "GBP",
        "metadata": {"refund_id": refund_id, "case_id": None},
    }
    answer = house.world.payments.post("/v1/refunds", body, **{"Idempotency-Key": f"by-hand-{next(_numbers)}"})
    assert answer.status_code == 201, answer.text


@pytest.fixture(autouse=True)
def settled(fresh: None, house: House) -> Iterator[None]:
    """Whatever a test leaves open is nobody's business in the next one."""
    yield
    with house.made.begin() as session:
        session.execute(text("DELETE FROM reconciliation_differences"))


async def test_books_that_agree_are_reconciled(house: House) -> None:
    await refunded(house)
    run_id, found = await asyncio.to_thread(reconcile, house)
    assert (found.listed, found.ours, found.adopted, found.open) == (found.ours, found.listed, 0, 0)
    with house.made() as session:
        (row,) = reconciliations.run(session, run_id)
    assert (row.status, row.listed, row.trouble) == ("finished", found.listed, None)
    assert [one["difference"] for one in row.sums] == [0]


async def test_a_refund_without_an_id_of_ours_is_found_once_however_often_it_is_seen(house: House) -> None:
    order = await house.sell(2)
    await asyncio.to_thread(pay_behind_our_back, house, order, "rf_unheard_of")
    first, _ = await asyncio.to_thread(reconcile, house)
    second, _ = await asyncio.to_thread(reconcile, house)
    (row,) = open_differences(house)
    assert (row.kind, row.minor, row.owner) == ("unknown_to_us", 100, "payments")
    assert (row.first_run, row.last_run, row.payment) == (first, second, f"pay_{order.id}")


async def test_what_a_person_resolved_stays_so_until_its_money_changes(house: House) -> None:
    order = await house.sell(2)
    await asyncio.to_thread(pay_behind_our_back, house, order, f"rf_by_hand_{next(_numbers)}")
    await asyncio.to_thread(reconcile, house)
    mine = next(row for row in open_differences(house) if row.payment == f"pay_{order.id}")
    with house.made.begin() as session:
        reconciliations.resolve(
            session, mine.id, by="Olga", at=house.clock(session), why="a goodwill of the shop's own"
        )
    await asyncio.to_thread(reconcile, house)
    row = next(row for row in everything(house) if row.id == mine.id)
    assert (row.status, row.resolved_how, row.resolved_by) == ("resolved", "by_hand", "Olga")
    with house.made.begin() as session:
        session.execute(text("UPDATE reconciliation_differences SET minor = 99 WHERE id = :id"), {"id": mine.id})
    await asyncio.to_thread(reconcile, house)
    row = next(row for row in everything(house) if row.id == mine.id)
    assert (row.status, row.resolved_how, row.note) == ("open", None, None)


async def test_what_is_gone_is_resolved_by_the_run_that_no_longer_sees_it(house: House) -> None:
    case_id, _ = await refunded(house)
    (part,) = house.parts(case_id)
    move(house, part.id, "amount_minor = amount_minor - 1")
    await asyncio.to_thread(reconcile, house)
    (row,) = [row for row in open_differences(house) if row.refund_id == part.id]
    assert (row.kind, row.minor, row.case_id) == ("other_amount", 1, case_id)
    move(house, part.id, "amount_minor = amount_minor + 1")
    await asyncio.to_thread(reconcile, house)
    row = next(one for one in everything(house) if one.id == row.id)
    assert (row.status, row.resolved_how, row.resolved_by) == ("resolved", "gone", "reconciliation")


def move(house: House, refund_id: str, change: str) -> None:
    with house.made.begin() as session:
        session.execute(text(f"UPDATE tender_refunds SET {change} WHERE id = :id"), {"id": refund_id})


async def test_a_long_list_is_compared_page_by_page_and_says_how_far_it_is(house: House) -> None:
    for _ in range(3):
        await refunded(house)
    beats: list[Any] = []
    _, found = await asyncio.to_thread(lambda: reconcile(house, page=2, beats=beats))
    assert [one["listed"] for one in beats if one["listed"] != "all"][:2] == [2, 4]
    mine = [row for row in open_differences(house) if row.case_id]
    assert (mine, found.listed >= 3) == ([], True)


class TornList:
    """The real provider, which goes away in the middle of its list."""

    def __init__(self, house: House) -> None:
        self._real = house.partners.payments["simulated"]

    def list_refunds(self) -> Iterator[RefundReceipt]:
        yield next(self._real.list_refunds())
        raise ProviderUnreachable("the provider went away")


async def test_a_run_that_was_torn_says_so_and_begun_again_is_the_same_run(house: House) -> None:
    await refunded(house)
    run_id = f"rec_torn_{house.queue}"
    with pytest.raises(ApplicationError, match="went away"):
        await asyncio.to_thread(lambda: reconcile(house, gateway=TornList(house), run_id=run_id, page=1))
    with house.made() as session:
        (row,) = reconciliations.run(session, run_id)
    assert (row.status, row.trouble["last_error"]) == ("running", "the provider went away")
    assert all(one.case_id is None for one in open_differences(house)), (
        "half a list is no reason to miss the other half"
    )
    _, found = await asyncio.to_thread(lambda: reconcile(house, run_id=run_id))
    with house.made() as session:
        (again,) = reconciliations.run(session, run_id)
    assert (again.status, again.started_at, again.listed) == ("finished", row.started_at, found.listed)


async def test_a_lost_event_is_made_good_and_the_case_goes_on(house: House) -> None:
    """The refund is pending, and the event that it succeeded never comes: the list says so."""
    house.world.payments.knobs(
        status_later={"next": 1, "mode": "pending_then_succeeded", "seconds": 0.2}, drop_events={"probability": 1}
    )
    order = await house.sell(2)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    await house.until(case_id, "settled")
    await until_paid(house, order)
    await asyncio.to_thread(reconcile, house)
    assert [row.resolved_how for row in everything(house) if row.case_id == case_id] == ["adopted"]
    assert house.case(case_id).stage == "closed", "the row moves with the report"
    assert any(fact.kind == "refund_reported" and fact.told_at is None for fact in house.timeline(case_id))
    await house.until_healed(case_id)
    await house.until_done(case_id)
    assert house.balances(case_id)["payable:shopper"] == 0


async def until_paid(house: House, order: Order) -> None:
    await eventually(lambda: [one.status for one in house.provider_refunds(order)] == ["succeeded"])


async def test_a_success_that_the_bank_took_back_unheard_is_made_good(house: House) -> None:
    house.world.payments.knobs(
        status_later={"next": 1, "mode": "succeeded_then_failed", "seconds": 3600}, drop_events={"probability": 1}
    )
    case_id, order = await refunded(house)
    await house.until_done(case_id)
    house.world.payments.advance(3700)
    house.moved = timedelta(hours=2)
    await asyncio.to_thread(reconcile, house)
    row = house.case(case_id)
    assert (row.stage, row.attention_reason, row.refunded_minor) == ("attention", "destination_needed", 0)
    assert house.balances(case_id)["payable:shopper"] == -2500, "the shopper is owed again"
    await house.until_healed(case_id)
    assert house.provider_refunds(order)[0].status == "failed"


async def test_a_report_that_our_own_books_do_not_bear_is_left_to_a_person_and_the_run_goes_on(house: House) -> None:
    house.world.payments.knobs(
        status_later={"next": 1, "mode": "succeeded_then_failed", "seconds": 3600}, drop_events={"probability": 1}
    )
    case_id, order = await refunded(house)
    await house.until_done(case_id)
    house.world.payments.advance(3700)
    with house.made.begin() as session:  # its room is gone, so none can be given back
        session.execute(text("UPDATE tenders SET refunded_minor = 0 WHERE order_id = :id"), {"id": order.id})
    house.moved = timedelta(hours=4)
    run_id, _ = await asyncio.to_thread(reconcile, house)
    with house.made() as session:
        assert [row.status for row in reconciliations.run(session, run_id)] == ["finished"]
    (row,) = [row for row in open_differences(house) if row.case_id == case_id]
    assert (row.kind, row.minor, house.case(case_id).refunded_minor) == ("other_status", -2500, 2500)
