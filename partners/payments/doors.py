"""The provider's doors: payments in bulk, refunds under an idempotency key, look-ups, and the balance."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from partners.faults import REQUEST_KNOBS
from partners.outbox import EVENT_KNOBS
from partners.payments.counter import Counter
from partners.payments.refunds import RefundBooks, Wanted
from partners.program import Refusal, StrictBody

KNOBS = {
    **REQUEST_KNOBS,
    **EVENT_KNOBS,
    "forget_keys": "the idempotency key is as new, as if its 24 hours were over",
    "ignore_keys": "the idempotency key is neither looked up nor kept",
    "status_later": "the refund goes on by itself after `seconds` (1), by `mode`: pending_then_succeeded, "
    "pending_then_failed or succeeded_then_failed",
    "balance_short": "the merchant's balance does not cover the refund (asked for over the WeChat-shaped face)",
}

Text = Annotated[str, Field(min_length=1, max_length=255)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[int, Field(gt=0, le=2**53)]


class PaymentBody(StrictBody):
    reference: Text
    amount: Amount
    currency: Currency


class PaymentsBody(StrictBody):
    payments: Annotated[list[PaymentBody], Field(min_length=1, max_length=1000)]


class MetadataBody(StrictBody):
    refund_id: Text
    case_id: Text | None = None


class RefundBody(StrictBody):
    payment: Text
    amount: Amount
    currency: Currency
    metadata: MetadataBody


def payment_doors(refunds: RefundBooks, counter: Counter) -> APIRouter:
    """Routes under /v1."""
    doors = APIRouter(prefix="/v1")

    @doors.post("/payments")
    async def register(body: PaymentsBody) -> dict[str, int]:
        return refunds.register([(one.reference, one.amount, one.currency) for one in body.payments])

    @doors.get("/payments/{reference:path}")
    async def payment(reference: str) -> dict[str, Any]:
        return refunds.payment(reference)

    @doors.post("/refunds")
    async def refund(body: RefundBody, idempotency_key: Annotated[str, Header(max_length=255)] = "") -> Response:
        if not idempotency_key:
            raise Refusal(400, "idempotency_key_missing", "A refund needs an Idempotency-Key.")
        wanted = Wanted(body.payment, body.amount, body.currency, body.metadata.refund_id, body.metadata.case_id)
        answer, replayed = await counter.refund(wanted, idempotency_key)
        headers = {"Idempotent-Replayed": "true"} if replayed else None
        return Response(answer.body, status_code=answer.status, media_type="application/json", headers=headers)

    @doors.get("/refunds")
    async def listed(
        refund_id: str | None = None,
        payment: str | None = None,
        cursor: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        return refunds.listed(refund_id=refund_id, payment=payment, cursor=cursor, limit=limit)

    @doors.get("/refunds/{provider_id}")
    async def one(provider_id: str) -> dict[str, Any]:
        return refunds.refund(provider_id)

    @doors.get("/balance")
    async def balance() -> dict[str, Any]:
        return refunds.balance()

    return doors
