"""The mail gateway: one message to one person, under a Message-ID of ours.

Mail has no question "did you get it?": after an unknown outcome the message is sent again under the same Message-ID, by which mail
programs and many servers show it once.
"""

from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Protocol

from gateways.errors import GatewayError, OutcomeUnknown, ProviderRefused, ProviderUnreachable

__all__ = [
    "GatewayError",
    "MailGateway",
    "MailRefused",
    "Message",
    "OutcomeUnknown",
    "ProviderRefused",
    "ProviderUnreachable",
    "as_mail",
]


class MailRefused(ProviderRefused):
    """The mail server will not take this message: no such mailbox, a sender it does not allow."""


@dataclass(frozen=True)
class Message:
    """A letter in plain text. `id` is ours and makes the Message-ID; `at` is when it was written; `language` a BCP 47 tag."""

    id: str
    to: str
    subject: str
    text: str
    at: datetime
    language: str


class MailGateway(Protocol):
    """Our side of one mail server. A call blocks, no step of it longer than fifteen seconds, and never tries again by itself."""

    @property
    def code(self) -> str:
        """The gateway's name in the registry."""
        ...

    def send(self, message: Message) -> None:
        """Hand a message over. Raises `MailRefused`, `ProviderUnreachable` or `OutcomeUnknown`."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def message_id(message: Message, sender: str) -> str:
    """The same on every try.

    >>> from datetime import UTC
    >>> message_id(Message("wdr_1", "a@b.example", "", "", datetime(2026, 6, 19, tzinfo=UTC), "en"), "Shop <shop@c.example>")
    '<wdr_1@c.example>'
    """
    return f"<{message.id}@{sender.rpartition('@')[2].rstrip('> ')}>"


def as_mail(message: Message, sender: str) -> EmailMessage:
    """The message as it travels (RFC 5322): marked as sent by a machine, so that no machine answers it (RFC 3834).

    Raises `MailRefused` where the address or another header cannot be written as one.
    """
    try:
        return _written(message, sender)
    except (ValueError, MessageError) as error:
        raise MailRefused(f"not a mail that can be written: {type(error).__name__}", code="not_a_mail") from None


def _written(message: Message, sender: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = message.to
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = message_id(message, sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail["Content-Language"] = (
        message.language
    )  # after the content, which takes such headers for its own and clears them
    return mail
