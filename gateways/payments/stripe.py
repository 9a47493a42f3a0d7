"""Stripe through its own client: refunds over a PaymentIntent (`pi_…`) or a charge (`ch_…`, `py_…`).

The client never tries again by itself: whether something may be sent again is decided here, for every answer, by what may
have been carried out.

    2xx that tells of the refund we asked for    carried out
    400, 402, 404 in Stripe's own form           refused; one that reuses a key for something else as well
    401, 403                                     ProviderUnreachable: not let in, so nothing was carried out
    429                                          ProviderUnreachable: asked to come back later
    no connection                                ProviderUnreachable
    409                                          OutcomeUnknown: the first try under this key still runs
    anything else                                OutcomeUnknown: 5xx, a time-out, a torn connection, an answer we cannot read

Before it pays, the payment is looked at: Stripe takes an amount without a currency, and would pay it in the payment's own.
The key needs the right to write refunds and to read charges and PaymentIntents; nothing else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeVar

import stripe
from pydantic import BaseModel, Field, ValidationError

from gateways.errors import GatewayError, OutcomeUnknown, ProviderRefused, ProviderUnreachable
from gateways.events import EVENT_BYTES_MAX
from gateways.http import READ_SECONDS, PartnerAddress, PartnerShape, Wire
from gateways.payments.base import (
    ForgedEvent,
    MalformedEvent,
    Payment,
    ProviderEvent,
    ProviderStatus,
    RefundOrder,
    RefundReceipt,
    RefundRefused,
    RefundRules,
    foremost,
)
from gateways.payments.stripe_amounts import TIMES_100, our_minor, stripes_amount

# A refund that waits for the shopper (bank details) or for the merchant's balance is under way; a canceled one never went.
STATUS_OF_WORD = {
    "pending": ProviderStatus.PENDING,
    "requires_action": ProviderStatus.PENDING,
    "succeeded": ProviderStatus.SUCCEEDED,
    "failed": ProviderStatus.FAILED,
    "canceled": ProviderStatus.FAILED,
}
# Stripe's codes where the port has a word for the same thing; every other code is passed on as it is.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "amount_too_large": "over_refund",
        "charge_already_refunded": "over_refund",
        "resource_missing": "unknown_payment",
        "parameter_invalid_empty": "malformed",
        "parameter_invalid_integer": "malformed",
        "parameter_missing": "malformed",
        "parameter_unknown": "malformed",
    }
)
ITS_OWN_FORM = {"invalid_request_error", "card_error"}
REFUND_EVENTS = {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
TOLERANCE_SECONDS = 300
PAGE_SIZE = 100

Told = TypeVar("Told")


class _Named(PartnerShape):
    """An object that was told whole where an id was expected ("expanded")."""

    id: str


class _Refund(PartnerShape):
    id: str
    amount: int = Field(gt=0)
    currency: str = Field(pattern="^[a-z]{3}$")
    status: str
    payment_intent: str | _Named | None = None
    charge: str | _Named | None = None
    failure_reason: str | None = None
    created: int | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class _Payment(PartnerShape):
    id: str
    currency: str = Field(pattern="^[a-z]{3}$")
    amount: int


class _EventData(PartnerShape):
    object: dict[str, Any]


class _Event(PartnerShape):
    id: str = Field(min_length=1, max_length=255)
    type: str
    created: int
    data: _EventData


class StripePayments:
    """A `PaymentGateway` to Stripe."""

    code = "stripe"
    # None is published for cards; some ways of paying have limits of their own, and Stripe then refuses by itself.
    rules = RefundRules()

    def __init__(self, address: PartnerAddress, *, read_seconds: float = READ_SECONDS) -> None:
        self._secrets = address.webhook_secret.split()
        if not self._secrets:
            raise ValueError("a partner's events need at least one secret")
        self._wire = Wire(read_seconds=read_seconds)
        self._client = stripe.StripeClient(
            address.api_key,
            base_addresses={"api": address.base_url.rstrip("/")},
            max_network_retries=0,
            http_client=_OneTry(self._wire),
        )

    def refund(self, order: RefundOrder) -> RefundReceipt:
        wanted: Any = {
            _parameter(order.payment_reference): order.payment_reference,
            "amount": stripes_amount(order.amount_minor, order.currency),
            "metadata": {"refund_id": order.refund_id, "case_id": order.case_id},
        }
        self._check_payment(order)
        answer = self._told(
            lambda: self._client.v1.refunds.create(wanted, {"idempotency_key": order.refund_id}),
            f"refund {order.refund_id}",
        )
        receipt = _receipt(_read(_Refund, answer), asked=order.payment_reference)
        asked = (order.refund_id, order.payment_reference, order.amount_minor, order.currency)
        answered = (receipt.refund_id, receipt.payment_reference, receipt.amount_minor, receipt.currency)
        if asked != answered:
            raise OutcomeUnknown(f"the answer to refund {order.refund_id} is about another refund", code="other_refund")
        return receipt

    def find_refund(self, refund_id: str, payment_reference: str) -> RefundReceipt | None:
        # Listed rather than searched: Stripe's search may lag by a minute, its lists do not.
        found = [receipt for receipt in self.list_refunds(payment_reference) if receipt.refund_id == refund_id]
        return foremost(found)

    def list_refunds(self, payment_reference: str | None = None) -> Iterator[RefundReceipt]:
        """Stripe lists the newest first and knows no other order: all pages are read, then told from the last to the first.

        A refund made while they are read is not among them. Without a payment that is every refund of the account, at some
        300 bytes each. `payment_reference` is the one asked for, else the PaymentIntent, or the charge where there is none.
        """
        asked: Any = {"limit": PAGE_SIZE}
        if payment_reference is not None:
            try:
                asked[_parameter(payment_reference)] = payment_reference
            except RefundRefused:
                return iter(())  # not a name that Stripe gives to payments

        def every() -> list[RefundReceipt]:
            receipts: dict[str, RefundReceipt] = {}
            for refund in self._client.v1.refunds.list(asked).auto_paging_iter():
                receipt = _receipt(_read(_Refund, refund), asked=payment_reference)
                if receipt.provider_id in receipts:
                    said = "the list of refunds does not go on where it says"
                    raise OutcomeUnknown(said, code="unreadable_answer")
                receipts[receipt.provider_id] = receipt
            return list(receipts.values())

        try:
            newest_first = self._told(every, "the list of refunds")
        except RefundRefused as refused:
            if refused.code == "unknown_payment":
                return iter(())
            # A look-up that is refused says nothing of the refund that is looked for.
            raise ProviderRefused(refused.detail, code=refused.code) from refused
        return reversed(newest_first)

    def register_payments(self, payments: Sequence[Payment]) -> None:
        raise ProviderRefused("Stripe knows what it captured; nothing can be registered there", code="not_simulated")

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        self._check_signature(raw, headers)
        if len(raw) > EVENT_BYTES_MAX:
            raise MalformedEvent(f"more than {EVENT_BYTES_MAX} bytes")
        try:
            event = _Event.model_validate_json(raw)
            if event.type not in REFUND_EVENTS:
                return None
            refund = _Refund.model_validate(event.data.object)
            receipt = _receipt(refund, asked=None)
        except (ValidationError, OutcomeUnknown) as wrong:
            raise MalformedEvent("not an event we can read") from wrong
        return ProviderEvent(
            event_id=event.id,
            type=event.type,
            refund_id=receipt.refund_id,
            provider_id=receipt.provider_id,
            status=receipt.status,
            amount_minor=receipt.amount_minor,
            currency=receipt.currency,
            failure=receipt.failure,
            at=datetime.fromtimestamp(event.created, UTC),
        )

    def close(self) -> None:
        self._wire.close()

    def _check_payment(self, order: RefundOrder) -> None:
        """The payment exists and was made in the currency of the refund. Raises `RefundRefused` before anything is paid."""
        services = self._client.v1
        reference = order.payment_reference
        told = self._told(
            lambda: (
                services.payment_intents.retrieve(reference)
                if reference.startswith("pi_")
                else services.charges.retrieve(reference)
            ),
            f"payment {reference}",
        )
        payment = _read(_Payment, told)
        if payment.currency.upper() != order.currency:
            said = f"the payment was made in {payment.currency.upper()}"
            raise RefundRefused(said, code="currency_differs")
        if order.currency in TIMES_100 and payment.amount % 100:
            # Stripe's amounts of this currency do not look as we understand them: pay nothing rather than a hundredfold.
            said = f"the payment is over {payment.amount} of Stripe's units, which is no whole {order.currency}"
            raise RefundRefused(said, code="amount_not_representable")

    def _told(self, ask: Callable[[], Told], about: str) -> Told:
        try:
            return ask()
        except GatewayError:
            raise  # from the wire, which knows whether anything was sent
        except stripe.StripeError as error:
            raise _meaning_of(error, about) from error
        except (
            Exception
        ) as error:  # the client stumbles over answers in nobody's form, such as an error that is no object
            raise OutcomeUnknown(f"{about}: an answer we cannot read", code="unreadable_answer") from error

    def _check_signature(self, raw: bytes, headers: Mapping[str, str]) -> None:
        signed = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), None)
        for secret in self._secrets:  # two while one is being replaced
            try:
                stripe.WebhookSignature.verify_header(raw, signed, secret, TOLERANCE_SECONDS)
            except (stripe.SignatureVerificationError, ValueError, TypeError):
                # Broken UTF-8 comes out as ValueError, a signature outside ASCII as TypeError.
                continue
            _refuse_the_future(signed or "")
            return
        raise ForgedEvent("the signature does not hold, or the event is older than five minutes")


class _OneTry(stripe.HTTPClient):
    """Stripe's client over our own wire: short waits, capped answers, and faults that know whether anything was sent."""

    name = "boomerang"

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        content = post_data.encode() if isinstance(post_data, str) else post_data
        answer = self._wire.send(method.upper(), url, headers=headers, content=content)
        return answer.raw.decode(errors="replace"), answer.status, answer.headers

    def close(self) -> None:
        self._wire.close()


def _parameter(reference: str) -> str:
    if reference.startswith("pi_"):
        return "payment_intent"
    if reference.startswith(("ch_", "py_")):
        return "charge"
    raise RefundRefused(f"{reference!r} is neither a PaymentIntent nor a charge of Stripe's", code="unknown_payment")


def _receipt(refund: _Refund, *, asked: str | None) -> RefundReceipt:
    if refund.status not in STATUS_OF_WORD:
        raise OutcomeUnknown(f"refund {refund.id} has an unknown status", code="unreadable_answer")
    status = STATUS_OF_WORD[refund.status]
    over = [one.id if isinstance(one, _Named) else one for one in (refund.payment_intent, refund.charge) if one]
    currency = refund.currency.upper()
    return RefundReceipt(
        provider_id=refund.id,
        refund_id=refund.metadata.get("refund_id", ""),
        status=status,
        amount_minor=our_minor(refund.amount, currency),
        currency=currency,
        failure=(refund.failure_reason or refund.status) if status is ProviderStatus.FAILED else None,
        payment_reference=asked if asked in over else next(iter(over), None),
        case_id=refund.metadata.get("case_id"),
        # Stripe says when a refund was made and not when it changed: a change looks older than it is.
        moved_at=datetime.fromtimestamp(refund.created, UTC) if refund.created else None,
    )


Shape = TypeVar("Shape", bound=BaseModel)


def _read(shape: type[Shape], answer: stripe.StripeObject) -> Shape:
    try:
        return shape.model_validate(answer.to_dict())
    except ValidationError as wrong:
        said = f"an answer in a form we cannot read ({wrong.error_count()} faults)"
        raise OutcomeUnknown(said, code="unreadable_answer") from wrong


def _meaning_of(error: stripe.StripeError, about: str) -> GatewayError:
    said = f"{about}: {error.user_message or type(error).__name__}"[:2000]
    match error:
        case stripe.AuthenticationError() | stripe.PermissionError():
            return ProviderUnreachable(said, code="not_admitted")
        case stripe.RateLimitError():
            return ProviderUnreachable(said, code="slow_down")
        case stripe.IdempotencyError():
            return RefundRefused(said, code="idempotency_key_reused")
        case stripe.InvalidRequestError() | stripe.CardError() if _form(error) in ITS_OWN_FORM:
            if "a similar object exists in" in said:
                # A key of the other mode (test or live) sees none of our payments: the key is wrong, not the payment.
                return ProviderUnreachable(said, code="not_admitted")
            return RefundRefused(said, code=REASONS.get(error.code or "", error.code or _form(error)))
    running = error.http_status == 409 and _form(error) == "idempotency_error"
    return OutcomeUnknown(said, code="in_progress" if running else "outcome_unknown")


def _form(error: stripe.StripeError) -> str:
    """What Stripe calls the kind of an error; empty for one that is not in its form."""
    body = error.json_body
    told = body.get("error") if isinstance(body, dict) else None
    return str(told.get("type", "")) if isinstance(told, dict) else ""


def _refuse_the_future(signed: str) -> None:
    """Stripe's own check takes events from the future; a clock that is that wrong is nobody's we know."""
    moment = next((part[2:] for part in signed.split(",") if part.startswith("t=")), "0")
    if int(moment) > datetime.now(UTC).timestamp() + TOLERANCE_SECONDS:
        raise ForgedEvent("the event is more than five minutes newer than now")
