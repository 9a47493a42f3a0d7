"""Every registered gateway with its partner running; every knob off before each test."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateways.carriers.base import CarrierGateway
from gateways.carriers.registry import CARRIER_GATEWAYS, carrier_gateway
from gateways.payments.base import PaymentGateway
from gateways.payments.registry import PAYMENT_GATEWAYS, payment_gateway
from tests.partners.programs import API_KEY, SECRET, Ear, Program, running

# Which program plays the partner of which gateway. A new gateway needs a line here: its contract is tested like the others.
PAYMENT_PARTNERS = {"simulated": "payments"}
CARRIER_PARTNERS = {"simulated": "carriers"}


@dataclass(frozen=True)
class PaymentsUnderTest:
    gateway: PaymentGateway
    partner: Program
    ear: Ear


@dataclass(frozen=True)
class CarrierUnderTest:
    gateway: CarrierGateway
    partner: Program
    ear: Ear


@pytest.fixture(scope="session", params=sorted(PAYMENT_GATEWAYS))
def payments_session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PaymentsUnderTest]:
    folder = tmp_path_factory.mktemp(f"payments_{request.param}")
    with Ear() as ear, running(Program(PAYMENT_PARTNERS[request.param], folder, ear.url)) as partner:
        gateway = payment_gateway(request.param, base_url=partner.url, api_key=API_KEY, webhook_secret=SECRET)
        yield PaymentsUnderTest(gateway, partner, ear)
        gateway.close()


@pytest.fixture(scope="session", params=sorted(CARRIER_GATEWAYS))
def carrier_session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CarrierUnderTest]:
    folder = tmp_path_factory.mktemp(f"carrier_{request.param}")
    with Ear() as ear, running(Program(CARRIER_PARTNERS[request.param], folder, ear.url)) as partner:
        gateway = carrier_gateway(request.param, base_url=partner.url, api_key=API_KEY, webhook_secret=SECRET)
        yield CarrierUnderTest(gateway, partner, ear)
        gateway.close()


@pytest.fixture
def payments(payments_session: PaymentsUnderTest) -> PaymentsUnderTest:
    payments_session.partner.calm()
    return payments_session


@pytest.fixture
def carrier(carrier_session: CarrierUnderTest) -> CarrierUnderTest:
    carrier_session.partner.calm()
    return carrier_session
