"""Payouts: money to a destination that the shopper named, where the tender it was paid with takes none back.

Not every provider pays out. Whoever sends money asks `pays_out` first; a refund and a payout are told apart by their destination.
A payout stands in the same books as a refund, under our own refund id, so that the provider's list stays one witness.
"""

from dataclasses import dataclass
from typing import Protocol, TypeGuard, runtime_checkable

from gateways.payments.base import PaymentGateway, RefundReceipt


@dataclass(frozen=True)
class PayoutOrder:
    """Pay `amount_minor` to a destination: "store_credit" of the customer, or "bank:" and the provider's own token.

    `refund_id` is ours, the same on every try. `customer_id` is None for a guest.
    """

    refund_id: str
    destination: str
    amount_minor: int
    currency: str
    customer_id: str | None
    case_id: str


@runtime_checkable
class Payouts(Protocol):
    """What a gateway has that also pays out. Errors are those of `PaymentGateway`."""

    def pay_out(self, order: PayoutOrder) -> RefundReceipt:
        """Pay once, however often it is called with the same order. Raises `RefundRefused` for a definite no."""
        ...

    def find_payout(self, refund_id: str) -> RefundReceipt | None:
        """The payout in the provider's books under our id, or None when there is none."""
        ...


def pays_out(gateway: object) -> TypeGuard[Payouts]:
    return isinstance(gateway, Payouts)


def find_sent(
    gateway: PaymentGateway, refund_id: str, payment_reference: str, destination: str | None
) -> RefundReceipt | None:
    """What the provider's books say of a tender refund, whichever way it was sent."""
    if destination is None:
        return gateway.find_refund(refund_id, payment_reference)
    return gateway.find_payout(refund_id) if pays_out(gateway) else None
