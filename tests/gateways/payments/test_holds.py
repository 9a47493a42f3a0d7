"""What a gateway that can hold money promises, asked of each registered one that says it can."""

from collections.abc import Callable

import pytest

from gateways.errors import OutcomeUnknown
from gateways.payments.base import Payment, ProviderStatus, RefundOrder
from gateways.payments.holds import HoldingGateway, HoldOrder, HoldRefused, HoldStatus, can_hold
from tests.gateways.conftest import PaymentsUnderTest


@pytest.fixture
def holding(payments: PaymentsUnderTest) -> HoldingGateway:
    if not can_hold(payments.gateway):
        pytest.skip(f"{payments.gateway.code} holds no money")
    return payments.gateway


def order(payments: PaymentsUnderTest, name: str, amount_minor: int = 1_000) -> HoldOrder:
    payments.gateway.register_payments([Payment(f"pay_{name}", 10_000, "EUR")])
    return HoldOrder(f"hold_{name}", f"pay_{name}", amount_minor, "EUR", "ret_1")


def test_a_hold_is_made_once_found_captured_and_refunded(payments: PaymentsUnderTest, holding: HoldingGateway) -> None:
    asked = order(payments, "all")
    assert holding.find_hold(asked.hold_id) is None
    receipt = holding.hold(asked)
    assert holding.hold(asked) == receipt == holding.find_hold(asked.hold_id)
    assert (receipt.status, receipt.amount_minor, receipt.captured_minor) == (HoldStatus.HELD, 1_000, 0)

    captured = holding.capture(asked.hold_id, 800)
    assert holding.capture(asked.hold_id, 800) == captured == holding.find_hold(asked.hold_id)
    assert (captured.status, captured.captured_minor) == (HoldStatus.CAPTURED, 800)
    assert captured.captured_payment is not None
    refund = payments.gateway.refund(RefundOrder("rf_hold", captured.captured_payment, 800, "EUR", "ret_1"))
    assert refund.status is ProviderStatus.SUCCEEDED


def test_what_is_let_go_of_twice_is_let_go_of(payments: PaymentsUnderTest, holding: HoldingGateway) -> None:
    asked = order(payments, "let_go")
    holding.hold(asked)
    assert holding.release(asked.hold_id) == holding.release(asked.hold_id)
    with pytest.raises(HoldRefused) as no:
        holding.capture(asked.hold_id, 1)
    assert no.value.code == "hold_released"


def test_a_card_that_carries_no_hold_is_a_definite_no(payments: PaymentsUnderTest, holding: HoldingGateway) -> None:
    payments.partner.knobs(card_empty={"next": 1})
    with pytest.raises(HoldRefused) as no:
        holding.hold(order(payments, "no"))
    assert no.value.code == "card_declined"


@pytest.mark.parametrize("act", ["hold", "capture"])
def test_a_lost_answer_is_unknown_and_then_found(
    payments: PaymentsUnderTest, holding: HoldingGateway, act: str
) -> None:
    asked = order(payments, f"lost_{act}")
    acts: dict[str, Callable[[], object]] = {
        "hold": lambda: holding.hold(asked),
        "capture": lambda: holding.capture(asked.hold_id, 1_000),
    }
    if act == "capture":
        holding.hold(asked)
    payments.partner.knobs(fail_after={"next": 1})
    with pytest.raises(OutcomeUnknown):
        acts[act]()
    found = holding.find_hold(asked.hold_id)
    assert found is not None
    assert found.status is (HoldStatus.HELD if act == "hold" else HoldStatus.CAPTURED)
