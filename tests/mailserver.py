"""A real mail server for tests, in a thread: it keeps what it is given, and can be told to refuse."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from ports import free_port


@dataclass
class MailServer:
    url: str = ""
    says: str = "250 taken"  # its answer to a message
    received: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    turned_away: int = 0

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if not self.says.startswith("250"):
            self.turned_away += 1
            return self.says
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.received.append(mail)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return self.says

    def to(self, address: str) -> list[EmailMessage]:
        """What came for an address."""
        return [mail for mail in self.received if mail["To"] == address]


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


@contextmanager
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    port = free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    server.url = f"smtp://127.0.0.1:{port}"
    try:
        yield server
    finally:
        controller.stop()
