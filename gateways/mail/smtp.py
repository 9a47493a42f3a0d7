"""Mail over SMTP: `smtp://host:port` (TLS where the server offers it, and always before a password), `smtps://user:pass@host`."""

import smtplib
import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from gateways.mail.base import MailRefused, Message, OutcomeUnknown, ProviderUnreachable, as_mail

ANSWER_WITHIN_S = 15.0
PORTS = {"smtp": 25, "smtps": 465}
FOR_GOOD = range(500, 600)


class SmtpMail:
    """A connection of its own for each message: acknowledgements are few, and a kept one would be closed on us."""

    code = "smtp"

    def __init__(self, url: str, sender: str) -> None:
        self._to = urlsplit(url)
        self._sender = sender

    def send(self, message: Message) -> None:
        mail, options = as_mail(message, self._sender), []
        if not (message.to + self._sender).isascii():
            mail, options = mail_in_any_script(mail), ["SMTPUTF8", "BODY=8BITMIME"]
        handing_over = accepted = False
        try:
            with self._connected() as server:
                if options and not server.has_extn("smtputf8"):
                    raise MailRefused("the mail server takes addresses in ASCII only", code="not_supported")
                handing_over = True
                # As bytes of our own: smtplib's own rendering puts a ">" before lines that begin with "From ".
                server.sendmail(parseaddr(self._sender)[1], [message.to], mail.as_bytes(), mail_options=options)
                accepted = True
        except smtplib.SMTPRecipientsRefused as error:
            status, said = next(iter(error.recipients.values()))
            raise _answered(status, said) from None
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(str(error), code="not_supported") from None
        except smtplib.SMTPResponseException as error:
            if not accepted:  # what a server says to our goodbye takes nothing back
                raise _answered(error.smtp_code, error.smtp_error) from None
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            if accepted:
                return
            if handing_over:
                raise OutcomeUnknown(f"the connection broke while it was sent: {type(error).__name__}") from None
            raise ProviderUnreachable(f"no mail server: {type(error).__name__}") from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _connected(self) -> smtplib.SMTP:
        host, port = self._to.hostname or "", self._to.port or PORTS[self._to.scheme]
        secure = ssl.create_default_context()
        if self._to.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=ANSWER_WITHIN_S, context=secure)
        else:
            server = smtplib.SMTP(host, port, timeout=ANSWER_WITHIN_S)
        try:
            server.ehlo()
            if self._to.scheme == "smtp" and (server.has_extn("starttls") or self._to.username):
                server.starttls(context=secure)
                server.ehlo()
            if self._to.username:
                server.login(unquote(self._to.username), unquote(self._to.password or ""))
        except BaseException:
            server.close()
            raise
        return server


def mail_in_any_script(mail: EmailMessage) -> EmailMessage:
    """The same mail with its headers in UTF-8 (RFC 6532), for an address that ASCII cannot write."""
    return message_from_bytes(mail.as_bytes(), policy=SMTPUTF8)


def _answered(status: int, said: bytes | str) -> MailRefused | ProviderUnreachable:
    """5xx is a no for good, 4xx says to come back (RFC 5321, section 4.2.1)."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    if status in FOR_GOOD:
        return MailRefused(f"{status} {text}"[:300], code="mail_refused")
    return ProviderUnreachable(f"{status} {text}"[:300], code="come_back_later")
