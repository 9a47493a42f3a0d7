"""The provider under the published refund rules of WeChat Pay: a face of the same books, not WeChat Pay itself.

Kept of the rules (API v3, "apply for refund"; codes that v3 leaves open are v2's words or, where neither names one, our own):

    an answer says "accepted" (PROCESSING); what became of it is asked for, or told by an event
    the refund number is the merchant's; asked twice, it pays once, whenever; a failed one is tried again under the SAME number
    at most 50 refunds of a payment, at least a minute between two, only within 365 days of the payment
    the sum never exceeds the payment; the merchant's balance may be short (NOT_ENOUGH, by the knob `balance_short`)

Not kept: certificates and request signing (a bearer key lets in, events are Standard Webhooks), CNY alone, the shares of
coupons, the limit of requests per second. WeChat Pay lists refunds in a daily bill; `/v3/bill/refunds` stands in for it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from partners.alarm import Alarm
from partners.books import moment_text
from partners.faults import befalling, fail_before
from partners.knobs import Knobs, Rule
from partners.outbox import StandardWebhooks
from partners.payments.refunds import RefundBooks, Wanted
from partners.program import Refusal, StrictBody, admission

DAY = 86_400
DAYS_MAX = 365
REFUNDS_MAX = 50
GAP_SECONDS = 60
# How long an accepted refund takes when no knob says otherwise.
ACCEPTED = Rule(probability=1, mode="pending_then_succeeded", seconds=0.2)
STATUS = {"pending": "PROCESSING", "succeeded": "SUCCESS", "failed": "ABNORMAL"}
NUMBER = r"^[0-9A-Za-z_\-|*@]{1,64}$"


class AmountBody(StrictBody):
    refund: Annotated[int, Field(gt=0, le=2**53)]
    total: Annotated[int, Field(gt=0, le=2**53)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class RefundBody(StrictBody):
    transaction_id: Annotated[str, Field(min_length=1, max_length=255)]
    out_refund_no: Annotated[str, Field(pattern=NUMBER)]
    amount: AmountBody
    reason: Annotated[str, Field(max_length=80)] | None = None


class WechatRefusal(Exception):
    """A no in WeChat Pay's form: `{"code", "message"}`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class WechatEvents(StandardWebhooks):
    """Final results only, as WeChat Pay notifies them (REFUND.SUCCESS, REFUND.ABNORMAL); the signature is Standard Webhooks'."""

    def body(self, event_id: str, kind: str, now: float, data: dict[str, Any]) -> dict[str, Any] | None:
        refund = data["refund"]
        if refund["status"] == "pending":
            return None
        told = refund_shown(refund)
        status = told.pop("status")
        return super().body(event_id, f"REFUND.{status}", now, {**told, "refund_status": status})


class _Numbers:
    """Refunds by the merchant's number: served one at a time, paid once."""

    def __init__(self, refunds: RefundBooks, knobs: Knobs, goes_on: Alarm) -> None:
        self._refunds = refunds
        self._knobs = knobs
        self._goes_on = goes_on
        self._running: set[str] = set()

    async def accept(self, body: RefundBody) -> dict[str, Any]:
        number = body.out_refund_no
        fail_before(self._knobs, number)
        if number in self._running:
            raise WechatRefusal(409, "BIZERR_NEED_RETRY", "This refund is being worked on.")
        self._running.add(number)
        try:
            async with befalling(self._knobs, number):
                return self._accept(body)
        finally:
            self._running.discard(number)

    def _accept(self, body: RefundBody) -> dict[str, Any]:
        payment = self._refunds.captured(body.transaction_id)
        if payment is None:
            raise WechatRefusal(404, "RESOURCE_NOT_EXISTS", "There is no such transaction.")
        if (payment["amount"], payment["currency"]) != (body.amount.total, body.amount.currency):
            raise WechatRefusal(400, "REFUND_FEE_MISMATCH", "The transaction was over another amount.")
        ignored = self._knobs.strikes("ignore_keys", body.out_refund_no)
        known = None if ignored else self._refunds.under(body.out_refund_no)
        if known is not None:
            asked = (body.transaction_id, body.amount.refund, body.amount.currency)
            if (known["payment"], known["amount"], known["currency"]) != asked:
                raise WechatRefusal(400, "REFUND_FEE_MISMATCH", "Another refund was asked for under this number.")
            if known["status"] != "failed":
                return refund_shown(known)
        wanted = Wanted(body.transaction_id, body.amount.refund, body.amount.currency, body.out_refund_no, None)
        if self._refunds.objection(wanted):
            raise WechatRefusal(400, "REFUND_FEE_EXCEEDED", "The refunds would exceed the transaction.")
        self._check_limits(payment, again=known is not None)
        later = self._knobs.strikes("status_later", body.out_refund_no) or ACCEPTED
        if known is not None:
            accepted = self._refunds.pay_again(known["id"], later=later)
        else:
            self._refunds.pay(wanted, key=None, later=later)
            accepted = self._refunds.under(body.out_refund_no) or {}
        self._goes_on.ring()
        return {**refund_shown(accepted), "status": "PROCESSING"}  # accepted is not paid, whatever comes of it

    def _check_limits(self, payment: Mapping[str, Any], *, again: bool) -> None:
        if self._refunds.now() - payment["registered_at"] > DAYS_MAX * DAY:
            raise WechatRefusal(400, "TRADE_OVERDUE", f"The payment is older than {DAYS_MAX} days.")
        made, seconds_ago = self._refunds.made_over(payment["reference"])
        if not again and made >= REFUNDS_MAX:
            raise WechatRefusal(400, "REFUND_COUNT_EXCEEDED", f"A transaction takes {REFUNDS_MAX} refunds.")
        if not again and seconds_ago is not None and seconds_ago < GAP_SECONDS:
            raise WechatRefusal(429, "FREQUENCY_LIMITED", "Refunds of one transaction are a minute apart.")
        if self._knobs.strikes("balance_short", payment["reference"]):
            raise WechatRefusal(403, "NOT_ENOUGH", "The merchant's balance does not cover this refund.")


def wechat_face(refunds: RefundBooks, knobs: Knobs, goes_on: Alarm, *, api_key: str) -> FastAPI:
    """An application to be mounted under a path of its own."""
    numbers = _Numbers(refunds, knobs, goes_on)
    face = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(admission(api_key))])
    face.add_exception_handler(WechatRefusal, _refused)
    face.add_exception_handler(Refusal, _translated)
    face.add_exception_handler(RequestValidationError, _malformed)
    face.add_exception_handler(HTTPException, _no_such_door)

    @face.post("/v3/refund/domestic/refunds")
    async def apply(body: RefundBody) -> dict[str, Any]:
        return await numbers.accept(body)

    @face.get("/v3/refund/domestic/refunds/{out_refund_no}")
    async def query(out_refund_no: str) -> dict[str, Any]:
        known = refunds.under(out_refund_no)
        if known is None:
            raise WechatRefusal(404, "RESOURCE_NOT_EXISTS", "There is no such refund.")
        return refund_shown(known)

    @face.get("/v3/pay/transactions/id/{transaction_id}")
    async def transaction(transaction_id: str) -> dict[str, Any]:
        payment = refunds.captured(transaction_id)
        if payment is None:
            raise WechatRefusal(404, "RESOURCE_NOT_EXISTS", "There is no such transaction.")
        return {
            "transaction_id": transaction_id,
            "trade_state": "REFUND" if payment["refunded"] else "SUCCESS",
            "success_time": moment_text(payment["registered_at"]),
            "amount": {"total": payment["amount"], "currency": payment["currency"]},
        }

    @face.get("/v3/bill/refunds")
    async def bill(
        transaction_id: str | None = None,
        cursor: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        page = refunds.listed(refund_id=None, payment=transaction_id, cursor=cursor, limit=limit)
        return {**page, "data": [refund_shown(refund) for refund in page["data"]]}

    return face


def refund_shown(refund: Mapping[str, Any]) -> dict[str, Any]:
    """A refund of the books in WeChat Pay's words; `refund_id` is theirs, `out_refund_no` the merchant's."""
    return {
        "refund_id": refund["id"],
        "out_refund_no": refund["metadata"]["refund_id"],
        "transaction_id": refund["payment"],
        "status": STATUS[refund["status"]],
        "amount": {"refund": refund["amount"], "currency": refund["currency"]},
        "create_time": refund["created_at"],
        "success_time": refund["changed_at"] if refund["status"] == "succeeded" else None,
    }


async def _refused(_: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, WechatRefusal)
    return JSONResponse({"code": refusal.code, "message": refusal.message}, refusal.status)


async def _translated(request: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal)
    code = "SIGN_ERROR" if refusal.status == 401 else "SYSTEM_ERROR"
    return await _refused(request, WechatRefusal(refusal.status, code, refusal.message))


async def _malformed(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    said = f"{'/'.join(map(str, first['loc']))}: {first['msg']}"
    return await _refused(request, WechatRefusal(400, "PARAM_ERROR", said))


async def _no_such_door(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    return await _refused(request, WechatRefusal(fault.status_code, "INVALID_REQUEST", str(fault.detail)))
