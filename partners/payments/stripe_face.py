"""The provider as Stripe's own client sees it: refunds, payments to look at, errors and events in Stripe's shape.

Shaped after Stripe's published API for what refunds need, over the same books, keys and knobs as the provider's own doors.
A payment registered as `pi_x` is seen as a PaymentIntent and as its charge `ch_x`; one registered as `ch_x` as a charge alone.
Not Stripe in this: amounts are asked for, answers that are 500 are not kept under the key, `charge.*` events are not sent, and
of a payment's metadata `refund_id` and `case_id` alone are kept.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from partners.payments.counter import Counter
from partners.payments.refunds import RefundBooks, Wanted
from partners.program import Refusal, admission

API_VERSION = "2025-09-30.clover"
PAGE_MAX = 100
PARAMETERS = {"amount", "charge", "currency", "payment_intent", "reason", "expand"}
FAILURE_REASONS = {"account_closed": "expired_or_canceled_card", "returned_by_bank": "declined"}
AMOUNT_MAX = 2**53


class StripeRefusal(Exception):
    """A no in Stripe's form: `{"error": {"type", "code", "message", "param"}}`."""

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message, "code": code, "param": param}


class StripeEvents:
    """Events as Stripe sends them: snapshots of the refund, signed `t=…,v1=…` over the moment and the body."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def body(self, event_id: str, kind: str, now: float, data: dict[str, Any]) -> dict[str, Any] | None:
        refund = data["refund"]
        fresh = refund["created_at"] == refund["changed_at"]
        return {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": int(now),
            "type": "refund.failed" if refund["status"] == "failed" else f"refund.{'created' if fresh else 'updated'}",
            "data": {"object": refund_object(refund)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
        }

    def headers(self, event_id: str, moment: datetime, body: str) -> dict[str, str]:
        at = int(moment.timestamp())
        signature = hmac.new(self._secret, f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v1={signature}"}


def stripe_face(refunds: RefundBooks, counter: Counter, *, api_key: str) -> FastAPI:
    """An application to be mounted under a path of its own; that path is part of the client's base address."""
    face = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(admission(api_key))])
    face.add_exception_handler(StripeRefusal, _refused)
    face.add_exception_handler(Refusal, _translated)
    face.add_exception_handler(RequestValidationError, _malformed)
    face.add_exception_handler(HTTPException, _unrecognized)

    @face.post("/v1/refunds")
    async def create(request: Request, idempotency_key: Annotated[str, Header(max_length=255)] = "") -> JSONResponse:
        given = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        wanted = _wanted(refunds, given)
        # Without a key the client asks for two refunds by asking twice.
        answer, replayed = await counter.refund(wanted, idempotency_key or f"none_{secrets.token_hex(8)}")
        said = json.loads(answer.body)
        if answer.status >= 400:
            raise _in_stripes_words(said["error"], _charge_of(wanted.payment or ""))
        more = {"Idempotent-Replayed": "true"} if replayed else {}
        return _said(refund_object(said), 200, more)

    @face.get("/v1/refunds")
    async def listed(
        payment_intent: str | None = None,
        charge: str | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 10,
    ) -> JSONResponse:
        asked = payment_intent or charge
        page, more = refunds.newest_first(
            payment=_payment(refunds, payment_intent, charge)["reference"] if asked else None,
            limit=limit,
            older_than=_ours(starting_after),
            newer_than=_ours(ending_before),
        )
        data = [refund_object(refund) for refund in page]
        return _said({"object": "list", "url": "/v1/refunds", "has_more": more, "data": data})

    @face.get("/v1/refunds/{refund_id}")
    async def one(refund_id: str) -> JSONResponse:
        try:
            return _said(refund_object(refunds.refund(_ours(refund_id) or "")))
        except Refusal:
            raise _missing("refund", refund_id, "id") from None

    @face.get("/v1/payment_intents/{reference}")
    async def payment_intent(reference: str) -> JSONResponse:
        payment = _payment(refunds, reference, None)
        shown = {
            "id": reference,
            "object": "payment_intent",
            "status": "succeeded",
            "latest_charge": _charge_of(reference),
        }
        amounts = {"amount": payment["amount"], "amount_received": payment["amount"]}
        return _said(
            {**shown, **amounts, "currency": payment["currency"].lower(), "created": int(payment["registered_at"])}
        )

    @face.get("/v1/charges/{reference}")
    async def charge(reference: str) -> JSONResponse:
        payment = _payment(refunds, None, reference)
        shown = {"id": reference, "object": "charge", "status": "succeeded", "paid": True, "captured": True}
        amounts = {"amount": payment["amount"], "amount_captured": payment["amount"]}
        back = {"amount_refunded": payment["refunded"], "refunded": payment["refunded"] == payment["amount"]}
        whose = {"payment_intent": payment["reference"] if payment["reference"].startswith("pi_") else None}
        when = {"currency": payment["currency"].lower(), "created": int(payment["registered_at"])}
        return _said({**shown, **amounts, **back, **whose, **when})

    return face


def refund_object(refund: Mapping[str, Any]) -> dict[str, Any]:
    """A refund of the books as a Refund of Stripe's."""
    payment = refund["payment"] or ""
    metadata = {name: value for name, value in refund["metadata"].items() if value}
    shown = {
        "id": f"re_{refund['id'].removeprefix('pr_')}",
        "object": "refund",
        "amount": refund["amount"],
        "balance_transaction": None,
        "charge": _charge_of(payment),
        "created": int(datetime.fromisoformat(refund["created_at"]).timestamp()),
        "currency": refund["currency"].lower(),
        "metadata": metadata,
        "payment_intent": payment if payment.startswith("pi_") else None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund["status"],
        "transfer_reversal": None,
    }
    if refund["status"] == "pending":
        shown["pending_reason"] = "processing"
    if refund["status"] == "failed":
        shown["failure_reason"] = FAILURE_REASONS.get(refund["failure"], "unknown")
    return shown


def _wanted(refunds: RefundBooks, given: Mapping[str, str]) -> Wanted:
    metadata = {name[9:-1]: value for name, value in given.items() if name.startswith("metadata[")}
    for name in given:
        if name not in PARAMETERS and not name.startswith("metadata["):
            raise _invalid(f"Received unknown parameter: {name}", "parameter_unknown", name)
    if "amount" not in given:
        raise _invalid("Missing required param: amount.", "parameter_missing", "amount")
    amount = given["amount"]
    if not (amount.isascii() and amount.isdecimal() and 0 < int(amount) <= AMOUNT_MAX):
        code = "parameter_invalid_integer"
        raise _invalid(f"This value must be greater than or equal to 1: {amount!r}.", code, "amount")
    payment = _payment(refunds, given.get("payment_intent"), given.get("charge"))
    who = (metadata.get("refund_id", ""), metadata.get("case_id") or None)
    return Wanted(payment["reference"], int(amount), payment["currency"], *who)


def _payment(refunds: RefundBooks, payment_intent: str | None, charge: str | None) -> dict[str, Any]:
    if (payment_intent is None) == (charge is None):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise _invalid(message, "parameter_missing", "charge")
    if payment_intent is not None:
        found = refunds.captured(payment_intent) if payment_intent.startswith("pi_") else None
        if found is None:
            raise _missing("payment_intent", payment_intent, "payment_intent")
        return found
    assert charge is not None
    own = refunds.captured(charge) if charge.startswith(("ch_", "py_")) else None
    found = own or refunds.captured("pi_" + charge.removeprefix("ch_"))
    if found is None:
        raise _missing("charge", charge, "charge")
    return found


def _charge_of(payment: str) -> str:
    return f"ch_{payment.removeprefix('pi_')}" if payment.startswith("pi_") else payment


def _ours(refund_id: str | None) -> str | None:
    return None if refund_id is None else f"pr_{refund_id.removeprefix('re_')}"


def _missing(kind: str, reference: str, param: str) -> StripeRefusal:
    message = f"No such {kind}: '{reference}'"
    return StripeRefusal(404, "invalid_request_error", message, code="resource_missing", param=param)


def _invalid(message: str, code: str, param: str | None = None) -> StripeRefusal:
    return StripeRefusal(400, "invalid_request_error", message, code=code, param=param)


def _in_stripes_words(error: Mapping[str, Any], charge: str) -> StripeRefusal:
    match error["code"]:
        case "over_refund" if error["room"] == 0:
            return _invalid(f"Charge {charge} has already been refunded.", "charge_already_refunded")
        case "over_refund":
            said = f"Refund amount is greater than unrefunded amount on charge ({error['room']})."
            return _invalid(said, "amount_too_large", "amount")
        case "idempotency_key_reused":
            said = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            return StripeRefusal(400, "idempotency_error", said)
        case "in_progress":
            said = "There is currently another in-progress request using this Stripe API key with that idempotency key."
            return StripeRefusal(409, "idempotency_error", said, code="idempotency_key_in_use")
        case "not_admitted":
            return StripeRefusal(401, "invalid_request_error", "Invalid API Key provided.")
    return StripeRefusal(500, "api_error", error["message"])


def _said(body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    number = f"req_{secrets.token_hex(7)}"
    return JSONResponse(body, status, {"Request-Id": number, "Stripe-Version": API_VERSION, **(headers or {})})


async def _refused(_: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, StripeRefusal)
    return _said({"error": {name: value for name, value in refusal.error.items() if value is not None}}, refusal.status)


async def _translated(request: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal)
    return await _refused(request, _in_stripes_words(refusal.body()["error"], ""))


async def _malformed(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    return await _refused(request, _invalid(first["msg"], "parameter_invalid_integer", str(first["loc"][-1])))


async def _unrecognized(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    message = f"Unrecognized request URL ({request.method}: {request.url.path})."
    return await _refused(request, StripeRefusal(fault.status_code, "invalid_request_error", message))
