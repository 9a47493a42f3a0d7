"""The payment gateway: money back over the payment it came from, and how to find out whether it went.

A refund carries our own refund id twice: as the idempotency key, and in the provider's books, so that it can be looked
up when an answer is lost or the provider has forgotten the key. Amounts are whole minor units of an ISO 4217 currency.

Reasons of a refusal have one word where providers mean the same, and otherwise the provider's own:

    over_refund               more than is left of the payment
    unknown_payment           no such payment there
    currency_differs          the payment was made in another currency
    idempotency_key_reused    another refund was asked for under this id
    malformed                 not a request the provider can read
    payment_too_old, too_many_refunds            past what `RefundRules` says
    amount_not_representable                     not an amount the provider can pay in that currency
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from gateways.errors import (
    ForgedEvent,
    GatewayError,
    MalformedEvent,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnreachable,
)

__all__ = [
    "ForgedEvent",
    "GatewayError",
    "MalformedEvent",
    "OutcomeUnknown",
    "Payment",
    "PaymentGateway",
    "ProviderEvent",
    "ProviderRefused",
    "ProviderStatus",
    "ProviderUnreachable",
    "RefundOrder",
    "RefundReceipt",
    "RefundRefused",
    "RefundRules",
    "foremost",
]


class ProviderStatus(StrEnum):
    """What the provider says of a refund. `succeeded` is not the end: a bank may send the money back (`failed`)."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundRefused(ProviderRefused):
    """The provider will not pay this refund: `over_refund`, `unknown_payment`, `idempotency_key_reused` …"""


@dataclass(frozen=True)
class RefundRules:
    """What a provider allows over one payment; None: no limit that it publishes.

    A rule here is known before anything is sent, so that a tender past it is not tried; the provider still has the last word.
    """

    max_age_days: int | None = None
    """Refunds only within so many days of the payment."""
    max_refunds: int | None = None
    """At most so many refunds of one payment."""
    gap: timedelta | None = None
    """At least so much time between two refunds of one payment."""


@dataclass(frozen=True)
class RefundOrder:
    """Pay `amount_minor` back over one payment. `refund_id` is ours, one per refund decision, the same on every try."""

    refund_id: str
    payment_reference: str
    amount_minor: int
    currency: str
    case_id: str


@dataclass(frozen=True)
class RefundReceipt:
    """One refund as it stands in the provider's books.

    `refund_id` is empty for one that we never asked for; `moved_at` is when it was made or changed last, where the provider says.
    """

    provider_id: str
    refund_id: str
    status: ProviderStatus
    amount_minor: int
    currency: str
    failure: str | None = None
    payment_reference: str | None = None
    case_id: str | None = None
    moved_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Payment:
    """A captured payment, told to a simulated provider so that there is something to refund."""

    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class ProviderEvent:
    """What a provider's signed event says. Events come twice, late and in any order: look it up before booking."""

    event_id: str
    type: str
    refund_id: str
    provider_id: str
    status: ProviderStatus
    amount_minor: int
    currency: str
    failure: str | None
    at: datetime


class PaymentGateway(Protocol):
    """Our side of one payment provider. Calls block, for at most some ten seconds, and never try again by themselves.

    Every call raises `ProviderUnreachable` when nothing was carried out and `OutcomeUnknown` when nobody can tell.
    """

    @property
    def code(self) -> str:
        """The gateway's name in the registry and in a tender's `processor`."""
        ...

    @property
    def rules(self) -> RefundRules:
        """What this provider allows over one payment."""
        ...

    def refund(self, order: RefundOrder) -> RefundReceipt:
        """Pay once, however often it is called with the same order. Raises `RefundRefused` for a definite no.

        Providers forget idempotency keys (24 hours is usual): after an unknown outcome, `find_refund` comes first.
        """
        ...

    def find_refund(self, refund_id: str, payment_reference: str) -> RefundReceipt | None:
        """The refund in the provider's books under our id, or None when there is none."""
        ...

    def list_refunds(self, payment_reference: str | None = None) -> Iterator[RefundReceipt]:
        """Every refund in the provider's books, oldest first, page by page; doubled ones are listed twice."""
        ...

    def register_payments(self, payments: Sequence[Payment]) -> None:
        """Tell a simulated provider what was captured: up to 1000 at once, repeatable; contradictions are refused.

        A real provider captured it itself: `ProviderRefused` with the code `not_simulated`.
        """
        ...

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """Verify and read one event; None for one that is rightly signed and tells nothing of a refund.

        Raises `ForgedEvent` or `MalformedEvent`.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def foremost(found: Iterable[RefundReceipt]) -> RefundReceipt | None:
    """Of the refunds found under one id, the one to believe: should the provider have paid twice, one that stands says more
    than one that failed."""
    every = list(found)
    standing = [receipt for receipt in every if receipt.status is not ProviderStatus.FAILED]
    return next(iter(standing or every), None)
