"""A profile of the simulated provider under WeChat Pay's published refund rules; not WeChat Pay itself (nothing is signed).

It is the second family that the port is shaped by. An answer says that a refund was accepted, and what became of it is asked
for under our own number, which pays once for good and not for 24 hours. One that failed is tried again under the same number;
the house draws a new id for every new decision to pay, and the provider treats that as another refund.

Rules and words: pay.weixin.qq.com, API v3, "apply for refund" and "query refund"; see `partners/payments/wechat_face.py`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from gateways.errors import GatewayError, OutcomeUnknown, ProviderRefused, ProviderUnreachable
from gateways.events import EventReader, SignedEvent
from gateways.http import READ_SECONDS, Answered, PartnerAddress, PartnerShape, Wire, readable
from gateways.payments.base import (
    Payment,
    ProviderEvent,
    ProviderStatus,
    RefundOrder,
    RefundReceipt,
    RefundRefused,
    RefundRules,
)

REFUNDS = "/v3/refund/domestic/refunds"
NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
PAGE_SIZE = 500
STATUS_OF_WORD = {
    "PROCESSING": ProviderStatus.PENDING,
    "SUCCESS": ProviderStatus.SUCCEEDED,
    "CLOSED": ProviderStatus.FAILED,
    "ABNORMAL": ProviderStatus.FAILED,
}
STATUS_WORDS = "^(PROCESSING|SUCCESS|CLOSED|ABNORMAL)$"
# A definite no, in the port's words; a code that is not here is passed on in small letters.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "PARAM_ERROR": "malformed",
        "REFUND_COUNT_EXCEEDED": "too_many_refunds",
        "REFUND_FEE_EXCEEDED": "over_refund",
        "REFUND_FEE_MISMATCH": "idempotency_key_reused",
        "RESOURCE_NOT_EXISTS": "unknown_payment",
        "TRADE_OVERDUE": "payment_too_old",
    }
)
# Nothing was done, and the same may be asked again under the same number: later, or when the balance was filled up.
LATER: Mapping[str, str] = MappingProxyType(
    {"FREQUENCY_LIMITED": "slow_down", "NOT_ENOUGH": "merchant_balance_short", "SIGN_ERROR": "not_admitted"}
)

Shape = TypeVar("Shape", bound=BaseModel)


class _Amount(PartnerShape):
    refund: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")


class _Told(PartnerShape):
    refund_id: str
    out_refund_no: str
    transaction_id: str
    amount: _Amount
    create_time: datetime | None = None


class _Refund(_Told):
    status: str = Field(pattern=STATUS_WORDS)


class _Notified(_Told):
    refund_status: str = Field(pattern=STATUS_WORDS)


class _Page(PartnerShape):
    data: list[_Refund]
    has_more: bool
    next_cursor: str | None


class _Total(PartnerShape):
    total: int
    currency: str


class _Transaction(PartnerShape):
    transaction_id: str
    amount: _Total


class _RefundEvent(SignedEvent):
    data: _Notified


class _Refusal(PartnerShape):
    code: str = Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")
    message: str = Field(default="", max_length=2000)


class WechatProfilePayments:
    """A `PaymentGateway` to the simulated provider's WeChat-shaped face."""

    code = "wechat_profile"
    rules = RefundRules(max_age_days=365, max_refunds=50, gap=timedelta(minutes=1))

    def __init__(self, address: PartnerAddress, *, read_seconds: float = READ_SECONDS) -> None:
        letting_in = {"Authorization": f"Bearer {address.api_key}"}
        self._wire = Wire(address.base_url, headers=letting_in, read_seconds=read_seconds)
        self._events = EventReader(address.webhook_secret)

    def refund(self, order: RefundOrder) -> RefundReceipt:
        if not NUMBER.fullmatch(order.refund_id):
            raise RefundRefused(f"{order.refund_id!r} cannot be a refund number there", code="malformed")
        # A refund names the sum of its transaction, which is no part of our order: the provider is asked for it first.
        at = f"/v3/pay/transactions/id/{quote(order.payment_reference, safe='')}"
        paid = self._call("GET", at, _Transaction, refused=RefundRefused).amount
        if paid.currency != order.currency:
            raise RefundRefused(f"the payment was made in {paid.currency}", code="currency_differs")
        wanted = {"refund": order.amount_minor, "total": paid.total, "currency": paid.currency}
        body = {"transaction_id": order.payment_reference, "out_refund_no": order.refund_id, "amount": wanted}
        receipt = _receipt(self._call("POST", REFUNDS, _Refund, body=body, refused=RefundRefused))
        asked = (order.refund_id, order.payment_reference, order.amount_minor, order.currency)
        answered = (receipt.refund_id, receipt.payment_reference, receipt.amount_minor, receipt.currency)
        if asked != answered:
            raise OutcomeUnknown(f"the answer to refund {order.refund_id} is about another refund", code="other_refund")
        return receipt

    def find_refund(self, refund_id: str, payment_reference: str) -> RefundReceipt | None:
        if not NUMBER.fullmatch(refund_id):
            return None
        try:
            receipt = _receipt(self._call("GET", f"{REFUNDS}/{quote(refund_id, safe='')}", _Refund))
        except ProviderRefused as refused:
            if refused.code == "unknown_payment":
                return None
            raise
        return receipt if receipt.payment_reference == payment_reference else None

    def list_refunds(self, payment_reference: str | None = None) -> Iterator[RefundReceipt]:
        query = {"limit": str(PAGE_SIZE)}
        if payment_reference is not None:
            query["transaction_id"] = payment_reference
        while True:
            page = self._call("GET", "/v3/bill/refunds", _Page, query=query)
            for refund in page.data:
                yield _receipt(refund)
            if not page.has_more:
                return
            if page.next_cursor is None or page.next_cursor == query.get("cursor"):
                raise OutcomeUnknown("the list of refunds does not go on where it says", code="unreadable_answer")
            query["cursor"] = page.next_cursor

    def register_payments(self, payments: Sequence[Payment]) -> None:
        raise ProviderRefused("payments are registered at the simulator's own doors", code="not_simulated")

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        event = self._events.read(raw, headers, _RefundEvent)
        refund = event.data
        status = STATUS_OF_WORD[refund.refund_status]
        return ProviderEvent(
            event_id=event.id,
            type=event.type,
            refund_id=refund.out_refund_no,
            provider_id=refund.refund_id,
            status=status,
            amount_minor=refund.amount.refund,
            currency=refund.amount.currency,
            failure=refund.refund_status.lower() if status is ProviderStatus.FAILED else None,
            at=event.timestamp,
        )

    def close(self) -> None:
        self._wire.close()

    def _call(
        self,
        method: str,
        path: str,
        shape: type[Shape],
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
        refused: type[ProviderRefused] = ProviderRefused,
    ) -> Shape:
        answer = self._wire.send(method, path, body=body, query=query)
        if 200 <= answer.status < 300:
            return readable(shape, answer.raw, f"{method} {path} answered {answer.status}")
        raise _meaning_of(f"{method} {path} answered {answer.status}", answer, refused)


def _meaning_of(said: str, answer: Answered, refused: type[ProviderRefused]) -> GatewayError:
    try:
        reason = _Refusal.model_validate_json(answer.raw)
    except ValidationError:
        reason = _Refusal(code="NONE")
    if reason.code in LATER:
        return ProviderUnreachable(f"{said}: {reason.message}", code=LATER[reason.code])
    if answer.status in (401, 403):
        return ProviderUnreachable(f"{said}: our key is not accepted", code="not_admitted")
    if answer.status == 429:
        return ProviderUnreachable(f"{said}: asked to come back later", code="slow_down")
    if reason.code == "BIZERR_NEED_RETRY":
        return OutcomeUnknown(f"{said}: the first try still runs", code="in_progress")
    if not 400 <= answer.status < 500 or reason.code == "NONE":
        return OutcomeUnknown(said)
    return refused(reason.message, code=REASONS.get(reason.code, reason.code.lower()))


def _receipt(refund: _Refund) -> RefundReceipt:
    status = STATUS_OF_WORD[refund.status]
    return RefundReceipt(
        provider_id=refund.refund_id,
        refund_id=refund.out_refund_no,
        status=status,
        amount_minor=refund.amount.refund,
        currency=refund.amount.currency,
        failure=refund.status.lower() if status is ProviderStatus.FAILED else None,
        payment_reference=refund.transaction_id,
        moved_at=refund.create_time,
    )
