"""A return is refunded over the provider it was paid with, whatever that provider's ways are."""

from collections.abc import Iterator

import anyio
import pytest

from domain.order import Order, Tender
from gateways.payments.registry import payment_gateway
from tests.gateways.conftest import PAYMENT_PARTNERS
from tests.house import House, World
from tests.partners.programs import API_KEY, SECRET, Ear, Program, running

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=sorted(set(PAYMENT_PARTNERS) - {"simulated"}))
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def told() -> Iterator[Ear]:
    """Where this provider's events arrive."""
    with Ear() as ear:
        yield ear


@pytest.fixture(scope="module")
def world(provider: str, told: Ear, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    payments_folder, carriers_folder = tmp_path_factory.mktemp(provider), tmp_path_factory.mktemp("carriers")
    events = ("--events", PAYMENT_PARTNERS[provider].events)
    with (
        Ear() as nobody,
        Ear() as carriers_say,
        running(Program("payments", payments_folder, told.url, more=events)) as payments,
        running(Program("carriers", carriers_folder, carriers_say.url)) as carriers,
    ):
        yield World(payments, carriers, nobody, carriers_say)


@pytest.fixture(autouse=True)
def offered(house: House, world: World, provider: str) -> Iterator[None]:
    address = f"{world.payments.url}{PAYMENT_PARTNERS[provider].path}"
    gateway = payment_gateway(provider, base_url=address, api_key=API_KEY, webhook_secret=SECRET)
    offered = house.partners.payments
    assert isinstance(offered, dict), "desk and worker look into the same one"
    offered[provider] = gateway
    yield
    gateway.close()


async def sold(house: House, provider: str, name: str) -> Order:
    order_id = f"{name}_{house.queue}"
    reference = f"{PAYMENT_PARTNERS[provider].payments_are_called}{order_id}"
    return await house.sell(2, id=order_id, tenders=(Tender(order_id, "t_1", "card", 2500, provider, reference),))


async def inspected(house: House, order: Order) -> str:
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    await house.inspect(case_id)
    return case_id


async def bring_in(house: House, provider: str, told: Ear, case_id: str) -> None:
    """The last event about the case's refund goes through the provider's door."""
    refund_id = house.parts(case_id)[0].id
    heard = (await anyio.to_thread.run_sync(told.hears, refund_id))[-1]
    await house.desk.provider_reported(provider, heard.raw, heard.headers)


async def test_it_is_paid_once_booked_with_that_provider_and_closed_by_its_event(
    house: House, provider: str, told: Ear
) -> None:
    order = await sold(house, provider, "plain")
    case_id = await inspected(house, order)
    await house.until(case_id, "settled", "closed")
    await bring_in(house, provider, told, case_id)
    row = await house.until(case_id, "closed")
    assert row.refunded_minor == 2500
    (paid,) = house.partners.payments[provider].list_refunds(order.tenders[0].reference)
    assert (paid.refund_id, paid.amount_minor, paid.status) == (house.parts(case_id)[0].id, 2500, "succeeded")
    assert house.balances(case_id)[f"clearing:payments:{provider}"] == -2500
    assert house.balances(case_id)["payable:shopper"] == 0


async def test_an_answer_that_was_lost_is_looked_up_and_nothing_paid_twice(
    house: House, provider: str, told: Ear
) -> None:
    house.world.payments.knobs(fail_after={"next": 1}, ignore_keys={"probability": 1})
    order = await sold(house, provider, "lost")
    case_id = await inspected(house, order)
    await house.until(case_id, "settled", "closed")
    await bring_in(house, provider, told, case_id)
    await house.until(case_id, "closed")
    assert len(list(house.partners.payments[provider].list_refunds(order.tenders[0].reference))) == 1
    assert house.parts(case_id)[0].tries == 1
