"""Signed events from partners: whose they are is settled before a byte of them is read.

Standard Webhooks 1.0: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` sign id, moment and body
together; a moment more than five minutes off is refused, so a recorded event cannot be played again later.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from gateways.errors import ForgedEvent, MalformedEvent
from gateways.http import PartnerShape

EVENT_BYTES_MAX = 64 * 1024


class SignedEvent(PartnerShape):
    """What every partner's event carries besides its `data`."""

    id: str
    type: str
    timestamp: datetime


Event = TypeVar("Event", bound=SignedEvent)


class EventReader:
    """Checks events of one partner against its secrets; two of them while one is being replaced."""

    def __init__(self, secrets: str) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets.split()]
        if not self._webhooks:
            raise ValueError("a partner's events need at least one secret")

    def read(self, raw: bytes, headers: Mapping[str, str], shape: type[Event]) -> Event:
        """The event in the promised shape. Raises `ForgedEvent` before reading, `MalformedEvent` after."""
        self._check_signature(raw, headers)
        if len(raw) > EVENT_BYTES_MAX:
            raise MalformedEvent(f"more than {EVENT_BYTES_MAX} bytes")
        try:
            event = shape.model_validate_json(raw)
        except ValidationError as wrong:
            places = ", ".join("/".join(str(step) for step in fault["loc"]) or "/" for fault in wrong.errors()[:5])
            raise MalformedEvent(f"not an event we can read, at: {places}") from wrong
        signed_id = next(value for name, value in headers.items() if name.lower() == "webhook-id")
        if event.id != signed_id:
            raise MalformedEvent("the event's id is not the one in its header")
        if event.timestamp.tzinfo is None:
            raise MalformedEvent("the event's timestamp names no time zone")
        return event

    def _check_signature(self, raw: bytes, headers: Mapping[str, str]) -> None:
        plain = dict(headers)
        for webhook in self._webhooks:
            try:
                webhook.verify(raw, plain, json_parse=False)
            except (WebhookVerificationError, ValueError):
                # The library lets broken base64, broken UTF-8 and a signature without a version out as ValueError.
                continue
            return
        raise ForgedEvent("the signature does not hold, or the event is older or newer than five minutes")
