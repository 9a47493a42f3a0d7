"""Holds at the simulated payment provider, seen from our side."""

from datetime import datetime

from pydantic import Field

from gateways.errors import OutcomeUnknown
from gateways.http import PartnerClient, PartnerShape
from gateways.payments.holds import HoldOrder, HoldReceipt, HoldRefused, HoldStatus

# The provider's words on the left; a word that is not here makes the answer unreadable rather than guessed.
STATUS_OF_WORD = {
    "held": HoldStatus.HELD,
    "captured": HoldStatus.CAPTURED,
    "released": HoldStatus.RELEASED,
    "ended": HoldStatus.ENDED,
}


class _Metadata(PartnerShape):
    hold_id: str


class _Hold(PartnerShape):
    id: str
    payment: str
    amount: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    status: str = Field(pattern="^(held|captured|released|ended)$")
    captured: int = Field(ge=0)
    captured_payment: str | None
    ends_at: datetime
    metadata: _Metadata


class SimulatedHolds:
    """The holding half of the gateway to the simulated provider; the other half makes the client."""

    _client: PartnerClient

    def hold(self, order: HoldOrder) -> HoldReceipt:
        answer = self._client.call(
            "POST",
            "/v1/holds",
            shape=_Hold,
            body={
                "payment": order.payment_reference,
                "amount": order.amount_minor,
                "currency": order.currency,
                "metadata": {"hold_id": order.hold_id, "case_id": order.case_id},
            },
            refused=HoldRefused,
        )
        asked = (order.hold_id, order.payment_reference, order.amount_minor, order.currency)
        if asked != (answer.metadata.hold_id, answer.payment, answer.amount, answer.currency):
            raise OutcomeUnknown(f"the answer to hold {order.hold_id} is about another hold", code="other_hold")
        return _receipt(answer)

    def find_hold(self, hold_id: str) -> HoldReceipt | None:
        try:
            return _receipt(self._client.call("GET", f"/v1/holds/{hold_id}", shape=_Hold, refused=HoldRefused))
        except HoldRefused as no:
            if no.code == "unknown_hold":
                return None
            raise

    def capture(self, hold_id: str, amount_minor: int) -> HoldReceipt:
        body = {"amount": amount_minor}
        return _receipt(
            self._client.call("POST", f"/v1/holds/{hold_id}/capture", shape=_Hold, body=body, refused=HoldRefused)
        )

    def release(self, hold_id: str) -> HoldReceipt:
        return _receipt(self._client.call("POST", f"/v1/holds/{hold_id}/release", shape=_Hold, refused=HoldRefused))


def _receipt(hold: _Hold) -> HoldReceipt:
    return HoldReceipt(
        provider_id=hold.id,
        hold_id=hold.metadata.hold_id,
        status=STATUS_OF_WORD[hold.status],
        amount_minor=hold.amount,
        currency=hold.currency,
        captured_minor=hold.captured,
        captured_payment=hold.captured_payment,
        ends_at=hold.ends_at,
    )
