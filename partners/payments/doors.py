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


class PayoutBody(StrictBody):
    destination: Annotated[str, Field(pattern=r"^(store_credit|bank:[A-Za-z0-9][A-Za-z0-9_.:\-]{0,119})$")]
    customer: Text | None = None
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
        said = body.metadata
        wanted = Wanted(body.payment, body.amount, body.currency, said.refund_id, said.case_id)
        return await once(wanted, idempotency_key)

    @doors.post("/payouts")
    async def payout(body: PayoutBody, idempotency_key: Annotated[str, Header(max_length=255)] = "") -> Response:
        said = body.metadata
        to = {"destination": body.destination, "customer": body.customer}
        return await once(Wanted(None, body.amount, body.currency, said.refund_id, said.case_id, **to), idempotency_key)

    async def once(wanted: Wanted, key: str) -> Response:
        if not key:
            raise Refusal(400, "idempotency_key_missing", "A refund needs an Idempotency-Key.")
        answer, replayed = await counter.refund(wanted, key)
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
