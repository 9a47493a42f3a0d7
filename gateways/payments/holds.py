"""Holding money on a card, where a payment provider can: what guarantees money that is paid before the goods are back.

An optional port: a gateway that cannot hold does not have these methods (`can_hold`). A hold carries our own id, and every call may be
repeated under it. What is captured becomes a payment of its own at the provider, and is refunded over that payment.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeGuard, runtime_checkable

from gateways.errors import ProviderRefused


class HoldStatus(StrEnum):
    """Where a hold stands. `ended` is over by itself: cards let money be held for days or weeks, not for ever."""

    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    ENDED = "ended"


class HoldRefused(ProviderRefused):
    """A definite no: `card_declined`, `hold_ended`, `hold_released`, `over_capture` …"""


@dataclass(frozen=True)
class HoldOrder:
    """Hold `amount_minor` on the card that a payment came from. `hold_id` is ours, the same on every try."""

    hold_id: str
    payment_reference: str
    amount_minor: int
    currency: str
    case_id: str


@dataclass(frozen=True)
class HoldReceipt:
    """One hold as it stands in the provider's books; `captured_payment` is what its capture is refunded over."""

    provider_id: str
    hold_id: str
    status: HoldStatus
    amount_minor: int
    currency: str
    captured_minor: int
    captured_payment: str | None
    ends_at: datetime


@runtime_checkable
class HoldingGateway(Protocol):
    """Our side of a provider that can hold money. Calls block for at most some ten seconds and never try again by themselves.

    Every call raises `HoldRefused` for a definite no, `ProviderUnreachable` when nothing was carried out, and `OutcomeUnknown` when
    nobody can tell: then `find_hold` comes first.
    """

    def hold(self, order: HoldOrder) -> HoldReceipt:
        """Hold once, however often it is called with the same order."""
        ...

    def find_hold(self, hold_id: str) -> HoldReceipt | None:
        """The hold in the provider's books under our id, or None when there is none."""
        ...

    def capture(self, hold_id: str, amount_minor: int) -> HoldReceipt:
        """Charge what is held, at most once for each hold; what is not captured is let go of."""
        ...

    def release(self, hold_id: str) -> HoldReceipt:
        """Let go of what is held."""
        ...


def can_hold(gateway: object) -> TypeGuard[HoldingGateway]:
    """Whether a payment gateway is one that holds money."""
    return isinstance(gateway, HoldingGateway)
