"""The simulated provider's own way: payments are registered with it in bulk."""

from dataclasses import replace

import pytest

from gateways.errors import ProviderRefused
from gateways.payments.base import Payment, RefundRules
from tests.gateways.conftest import PaymentsUnderTest


def test_payments_are_registered_again_but_not_otherwise(simulated: PaymentsUnderTest) -> None:
    captured = [Payment(f"pay_many_{number}", 100, "EUR") for number in range(1_000)]
    simulated.gateway.register_payments(captured)
    simulated.gateway.register_payments(captured)
    simulated.gateway.register_payments([])
    with pytest.raises(ProviderRefused) as contradiction:
        simulated.gateway.register_payments([replace(captured[0], amount_minor=101)])
    assert contradiction.value.code == "payment_differs"
    with pytest.raises(ProviderRefused) as crowd:
        simulated.gateway.register_payments([*captured, captured[0]])
    assert crowd.value.code == "too_many"


def test_it_sets_no_limits_of_its_own(simulated: PaymentsUnderTest) -> None:
    assert simulated.gateway.rules == RefundRules()
