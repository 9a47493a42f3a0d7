"""The simulated payment provider, seen from our side: a strict fake with books of its own (`partners/payments`)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pydantic import Field

from gateways.errors import OutcomeUnknown, ProviderRefused
from gateways.events import EventReader, SignedEvent
from gateways.http import READ_SECONDS, PartnerAddress, PartnerClient, PartnerShape
from gateways.payments.base import (
    Payment,
    ProviderEvent,
    ProviderStatus,
    RefundOrder,
    RefundReceipt,
    RefundRefused,
    RefundRules,
    foremost,
)
from gateways.payments.payouts import PayoutOrder
from gateways.payments.simulated_holds import SimulatedHolds

# The provider's words on the left; a word that is not here makes the answer unreadable rather than guessed.
STATUS_OF_WORD = {
    "pending": ProviderStatus.PENDING,
    "succeeded": ProviderStatus.SUCCEEDED,
    "failed": ProviderStatus.FAILED,
}
STATUS_WORDS = "^(pending|succeeded|failed)$"
PAGE_SIZE = 500
PAYMENTS_MAX = 1000


class _Metadata(PartnerShape):
    refund_id: str
    case_id: str | None = None


class _Refund(PartnerShape):
    id: str
    payment: str | None
    destination: str | None = None
    amount: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    status: str = Field(pattern=STATUS_WORDS)
    failure: str | None
    metadata: _Metadata
    changed_at: datetime | None = None


class _RefundPage(PartnerShape):
    data: list[_Refund]
    has_more: bool
    next_cursor: str | None


class _Registered(PartnerShape):
    registered: int
    known: int


class _RefundData(PartnerShape):
    refund: _Refund


class _RefundEvent(SignedEvent):
    data: _RefundData


class SimulatedPayments(SimulatedHolds):
    """A `PaymentGateway` to the simulated provider."""

    code = "simulated"
    rules = RefundRules()

    def __init__(self, address: PartnerAddress, *, read_seconds: float = READ_SECONDS) -> None:
        self._client = PartnerClient(address.base_url, address.api_key, read_seconds=read_seconds)
        self._events = EventReader(address.webhook_secret)

    def refund(self, order: RefundOrder) -> RefundReceipt:
        answer = self._client.call(
            "POST",
            "/v1/refunds",
            shape=_Refund,
            headers={"Idempotency-Key": order.refund_id},
            body={
                "payment": order.payment_reference,
                "amount": order.amount_minor,
                "currency": order.currency,
                "metadata": {"refund_id": order.refund_id, "case_id": order.case_id},
            },
            refused=RefundRefused,
        )
        asked = (order.refund_id, order.payment_reference, order.amount_minor, order.currency)
        answered = (answer.metadata.refund_id, answer.payment, answer.amount, answer.currency)
        if asked != answered:
            raise OutcomeUnknown(f"the answer to refund {order.refund_id} is about another refund", code="other_refund")
        return _receipt(answer)

    def pay_out(self, order: PayoutOrder) -> RefundReceipt:
        answer = self._client.call(
            "POST",
            "/v1/payouts",
            shape=_Refund,
            headers={"Idempotency-Key": order.refund_id},
            body={
                "destination": order.destination,
                "customer": order.customer_id,
                "amount": order.amount_minor,
                "currency": order.currency,
                "metadata": {"refund_id": order.refund_id, "case_id": order.case_id},
            },
            refused=RefundRefused,
        )
        asked = (order.refund_id, order.destination, order.amount_minor, order.currency)
        if asked != (answer.metadata.refund_id, answer.destination, answer.amount, answer.currency):
            raise OutcomeUnknown(f"the answer to payout {order.refund_id} is about another one", code="other_refund")
        return _receipt(answer)

    def find_payout(self, refund_id: str) -> RefundReceipt | None:
        return _one_of(list(self._pages({"refund_id": refund_id})))

    def find_refund(self, refund_id: str, payment_reference: str) -> RefundReceipt | None:
        return foremost(self._pages({"refund_id": refund_id, "payment": payment_reference}))

    def list_refunds(self, payment_reference: str | None = None) -> Iterator[RefundReceipt]:
        return self._pages({} if payment_reference is None else {"payment": payment_reference})

    def register_payments(self, payments: Sequence[Payment]) -> None:
        if len(payments) > PAYMENTS_MAX:
            raise ProviderRefused(f"at most {PAYMENTS_MAX} payments at once", code="too_many")
        if not payments:
            return
        listed = [
            {"reference": payment.reference, "amount": payment.amount_minor, "currency": payment.currency}
            for payment in payments
        ]
        self._client.call("POST", "/v1/payments", shape=_Registered, body={"payments": listed})

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> ProviderEvent:
        event = self._events.read(raw, headers, _RefundEvent)
        refund = event.data.refund
        return ProviderEvent(
            event_id=event.id,
            type=event.type,
            refund_id=refund.metadata.refund_id,
            provider_id=refund.id,
            status=STATUS_OF_WORD[refund.status],
            amount_minor=refund.amount,
            currency=refund.currency,
            failure=refund.failure,
            at=event.timestamp,
        )

    def close(self) -> None:
        self._client.close()

    def _pages(self, wanted: Mapping[str, str]) -> Iterator[RefundReceipt]:
        query = {**wanted, "limit": str(PAGE_SIZE)}
        while True:
            page = self._client.call("GET", "/v1/refunds", shape=_RefundPage, query=query)
            for refund in page.data:
                yield _receipt(refund)
            if not page.has_more:
                return
            if page.next_cursor is None or page.next_cursor == query.get("cursor"):
                raise OutcomeUnknown("the list of refunds does not go on where it says", code="unreadable_answer")
            query["cursor"] = page.next_cursor


def _one_of(found: Sequence[RefundReceipt]) -> RefundReceipt | None:
    # Should the provider have paid twice under one id, a refund that stands says more than one that failed.
    standing = [receipt for receipt in found if receipt.status is not ProviderStatus.FAILED]
    return next(iter(standing or found), None)


def _receipt(refund: _Refund) -> RefundReceipt:
    return RefundReceipt(
        provider_id=refund.id,
        refund_id=refund.metadata.refund_id,
        status=STATUS_OF_WORD[refund.status],
        amount_minor=refund.amount,
        currency=refund.currency,
        failure=refund.failure,
        payment_reference=refund.payment,
        case_id=refund.metadata.case_id,
        moved_at=refund.changed_at,
    )
