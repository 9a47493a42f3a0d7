"""The provider's doors: payments in bulk, refunds under an idempotency key, look-ups, and the balance."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from partners.alarm import Alarm
from partners.faults import REQUEST_KNOBS, befalling, fail_before
from partners.knobs import Knobs
from partners.outbox import EVENT_KNOBS
from partners.payments.refunds import Answer, RefundBooks, Wanted, other_parameters
from partners.program import Refusal, StrictBody

KNOBS = {
    **REQUEST_KNOBS,
    **EVENT_KNOBS,
    "forget_keys": "the idempotency key is as new, as if its 24 hours were over",
    "ignore_keys": "the idempotency key is neither looked up nor kept",
    "status_later": "the refund goes on by itself after `seconds` (1), by `mode`: pending_then_succeeded, "
    "pending_then_failed or succeeded_then_failed",
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


def payment_doors(refunds: RefundBooks, knobs: Knobs, goes_on: Alarm) -> APIRouter:
    """Routes under /v1."""
    doors = APIRouter(prefix="/v1")
    running: dict[str, Wanted] = {}

    @doors.post("/payments")
    async def register(body: PaymentsBody) -> dict[str, int]:
        return refunds.register([(one.reference, one.amount, one.currency) for one in body.payments])

    @doors.get("/payments/{reference:path}")
    async def payment(reference: str) -> dict[str, Any]:
        return refunds.payment(reference)

    @doors.post("/refunds")
    async def refund(body: RefundBody, idempotency_key: Annotated[str, Header(max_length=255)] = "") -> Response:
        said = body.metadata
        return await once(
            Wanted(body.payment, body.amount, body.currency, said.refund_id, said.case_id), idempotency_key
        )

    @doors.post("/payouts")
    async def payout(body: PayoutBody, idempotency_key: Annotated[str, Header(max_length=255)] = "") -> Response:
        said = body.metadata
        to = {"destination": body.destination, "customer": body.customer}
        return await once(Wanted(None, body.amount, body.currency, said.refund_id, said.case_id, **to), idempotency_key)

    async def once(wanted: Wanted, key: str) -> Response:
        if not key:
            raise Refusal(400, "idempotency_key_missing", "A refund needs an Idempotency-Key.")
        fail_before(knobs, key)
        if knobs.strikes("forget_keys", key):
            refunds.forget(key)
        if knobs.strikes("ignore_keys", key):
            return await pay(wanted, key, kept=False)
        if key in running:
            # Running until its answer is given: a refund that is paid and hangs is in progress to whoever asks again.
            if running[key] != wanted:
                raise other_parameters(key)
            raise Refusal(409, "in_progress", f"The first request under the key {key} is still running.")
        if stored := refunds.stored_answer(key, wanted):
            return _said(stored, replayed=True)
        running[key] = wanted
        try:
            return await pay(wanted, key, kept=True)
        finally:
            del running[key]

    async def pay(wanted: Wanted, key: str, *, kept: bool) -> Response:
        async with befalling(knobs, key):
            later = knobs.strikes("status_later", key)
            answer = refunds.pay(wanted, key=key if kept else None, later=later)
            goes_on.ring()
        return _said(answer, replayed=False)

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


def _said(answer: Answer, *, replayed: bool) -> Response:
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(answer.body, status_code=answer.status, media_type="application/json", headers=headers)
