"""Which mail gateways there are, by the scheme of their address: one written line each."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from gateways.errors import UnknownGateway
from gateways.mail.base import MailGateway
from gateways.mail.maildir import MaildirMail
from gateways.mail.smtp import SmtpMail

MAIL_GATEWAYS: Mapping[str, Callable[[str, str], MailGateway]] = {
    "maildir": MaildirMail,
    "smtp": SmtpMail,
    "smtps": SmtpMail,
}


def mail_gateway(url: str, *, sender: str) -> MailGateway:
    """The gateway for `smtp://host:port`, `smtps://user:password@host` or `maildir:///folder`. Raises `UnknownGateway`."""
    scheme = urlsplit(url).scheme
    if scheme not in MAIL_GATEWAYS:
        raise UnknownGateway(scheme, sorted(MAIL_GATEWAYS))
    return MAIL_GATEWAYS[scheme](url, sender)
