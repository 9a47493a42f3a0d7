"""Reasons and faults: every reason has one, and what comes of it."""

import pytest

from domain.reasons import Fault, ReturnReason, fault_of, is_no_fault


@pytest.mark.parametrize("reason", ReturnReason)
def test_every_reason_has_a_fault_and_words(reason: ReturnReason) -> None:
    assert fault_of(reason) in Fault
    assert f"    {reason}  " in (ReturnReason.__doc__ or "")


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        (ReturnReason.CHANGED_MIND, Fault.NOBODY),
        (ReturnReason.WRONG_SIZE, Fault.NOBODY),
        (ReturnReason.DEFECTIVE, Fault.MERCHANT),
        (ReturnReason.WRONG_ITEM, Fault.MERCHANT),
        (ReturnReason.DAMAGED_IN_TRANSIT, Fault.CARRIER),
        (ReturnReason.NOT_COLLECTED, Fault.SHOPPER),
        (ReturnReason.DUPLICATE_ORDER, Fault.PLATFORM),
    ],
)
def test_who_is_responsible(reason: ReturnReason, fault: Fault) -> None:
    assert fault_of(reason) is fault


def test_no_fault_is_nobodys_or_the_shoppers() -> None:
    assert {fault for fault in Fault if is_no_fault(fault)} == {Fault.NOBODY, Fault.SHOPPER}
