"""Every registered gateway with its partner running; every knob off before each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from gateways.carriers.base import CarrierGateway
from gateways.carriers.registry import CARRIER_GATEWAYS, carrier_gateway
from gateways.payments.base import PaymentGateway, ProviderStatus, RefundOrder, RefundReceipt
from gateways.payments.registry import PAYMENT_GATEWAYS, payment_gateway
from tests.partners.programs import API_KEY, SECRET, Ear, Program, running, until


@dataclass(frozen=True)
class PaymentPartner:
    """Which program plays the partner of a gateway, over which of its faces, and what that partner does its own way."""

    program: str
    path: str = ""
    events: str = "simulated"
    payments_are_called: str = "pay_"
    keeps_case_ids: bool = True
    keys_last_for_good: bool = False
    accepted_is_paid: bool = True


# A new gateway needs a line here: its contract is tested like the others.
PAYMENT_PARTNERS = {
    "simulated": PaymentPartner("payments"),
    "stripe": PaymentPartner("payments", path="/stripe", events="stripe", payments_are_called="pi_"),
    "wechat_profile": PaymentPartner(
        "payments",
        path="/wechat",
        events="wechat",
        payments_are_called="420000_",
        keeps_case_ids=False,
        keys_last_for_good=True,
        accepted_is_paid=False,
    ),
}
CARRIER_PARTNERS = {"simulated": "carriers"}


@dataclass(frozen=True)
class PaymentsUnderTest:
    gateway: PaymentGateway
    partner: Program
    ear: Ear
    kind: PaymentPartner

    @property
    def url(self) -> str:
        return self.partner.url + self.kind.path

    def captured(self, name: str, amount_minor: int = 10_000, currency: str = "EUR") -> str:
        """A payment of its own at the provider; its reference there."""
        reference = f"{self.kind.payments_are_called}{name}"
        body = {"payments": [{"reference": reference, "amount": amount_minor, "currency": currency}]}
        assert self.partner.post("/v1/payments", body).status_code == 200
        return reference

    def wait_for_the_next(self) -> None:
        """As long as the provider asks for between two refunds of one payment."""
        if self.gateway.rules.gap:
            self.partner.advance(self.gateway.rules.gap.total_seconds())

    def settled(self, order: RefundOrder) -> RefundReceipt:
        """What the provider says of a refund once it is more than accepted."""

        def asked() -> RefundReceipt | None:
            found = self.gateway.find_refund(order.refund_id, order.payment_reference)
            return None if found is None or found.status is ProviderStatus.PENDING else found

        return until(asked, f"{order.refund_id} to be more than accepted")


@dataclass(frozen=True)
class CarrierUnderTest:
    gateway: CarrierGateway
    partner: Program
    ear: Ear


@pytest.fixture(scope="session")
def payment_partners(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], PaymentsUnderTest]]:
    """A gateway by its code with its partner running, started when first asked for."""
    started: dict[str, PaymentsUnderTest] = {}
    with ExitStack() as until_the_end:

        def partner_of(code: str) -> PaymentsUnderTest:
            if code not in started:
                kind = PAYMENT_PARTNERS[code]
                ear = until_the_end.enter_context(Ear())
                folder = tmp_path_factory.mktemp(f"payments_{code}")
                program = Program(kind.program, folder, ear.url, more=("--events", kind.events))
                partner = until_the_end.enter_context(running(program))
                gateway = payment_gateway(
                    code, base_url=partner.url + kind.path, api_key=API_KEY, webhook_secret=SECRET
                )
                until_the_end.callback(gateway.close)
                started[code] = PaymentsUnderTest(gateway, partner, ear, kind)
            started[code].partner.calm()
            return started[code]

        yield partner_of


@pytest.fixture(scope="session", params=sorted(CARRIER_GATEWAYS))
def carrier_session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CarrierUnderTest]:
    folder = tmp_path_factory.mktemp(f"carrier_{request.param}")
    with Ear() as ear, running(Program(CARRIER_PARTNERS[request.param], folder, ear.url)) as partner:
        gateway = carrier_gateway(request.param, base_url=partner.url, api_key=API_KEY, webhook_secret=SECRET)
        yield CarrierUnderTest(gateway, partner, ear)
        gateway.close()


@pytest.fixture(params=sorted(PAYMENT_GATEWAYS))
def payments(request: pytest.FixtureRequest, payment_partners: Callable[[str], PaymentsUnderTest]) -> PaymentsUnderTest:
    """Every registered payment gateway in turn."""
    return payment_partners(request.param)


@pytest.fixture
def simulated(payment_partners: Callable[[str], PaymentsUnderTest]) -> PaymentsUnderTest:
    return payment_partners("simulated")


@pytest.fixture
def stripe_at(payment_partners: Callable[[str], PaymentsUnderTest]) -> PaymentsUnderTest:
    return payment_partners("stripe")


@pytest.fixture
def wechat(payment_partners: Callable[[str], PaymentsUnderTest]) -> PaymentsUnderTest:
    return payment_partners("wechat_profile")


@pytest.fixture
def carrier(carrier_session: CarrierUnderTest) -> CarrierUnderTest:
    carrier_session.partner.calm()
    return carrier_session
