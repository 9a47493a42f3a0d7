"""What every mail gateway promises, each against what it really writes to: a mail server, a folder."""

import mailbox
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

from gateways.errors import UnknownGateway
from gateways.mail.base import MailGateway, MailRefused, Message, OutcomeUnknown, ProviderUnreachable
from gateways.mail.registry import MAIL_GATEWAYS, mail_gateway
from ports import free_port
from tests.mailserver import MailServer, mail_server, text_of

SENDER = "The Shop <returns@shop.example>"
LETTER = Message(
    "wdr_1",
    "ada@customer.example",
    "Bestätigung Ihres Widerrufs",
    "Grüße.\n\n.\nFrom here on: 您好\n" + "x" * 2000 + "\n",
    datetime(2026, 6, 19, 12, 30, 5, tzinfo=UTC),
    "de",
)
SAME_AS = {"smtps": "smtp"}  # the same gateway over TLS from the first byte


@dataclass
class Kept:
    """A gateway, and what is in the place it writes to, message by message as it arrived."""

    gateway: MailGateway
    read: Callable[[], list[EmailMessage]]


@pytest.fixture(params=sorted(set(MAIL_GATEWAYS) - set(SAME_AS)))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "maildir":
        folder = tmp_path / "a folder with blanks" / "mail"
        yield Kept(
            mail_gateway(folder.as_uri().replace("file", "maildir", 1), sender=SENDER), lambda: in_folder(folder)
        )
        return
    with mail_server() as server:
        yield Kept(mail_gateway(server.url, sender=SENDER), lambda: server.received)


def in_folder(folder: Path) -> list[EmailMessage]:
    files = [file for part in ("new", "cur") for file in (folder / part).iterdir()]
    assert len(files) == len(mailbox.Maildir(folder, create=False)), "any mail program finds as many"
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def test_every_registered_gateway_is_tested_here() -> None:
    assert set(MAIL_GATEWAYS) == {"smtp", "smtps", "maildir"}


def test_an_unknown_scheme_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownGateway, match="maildir, smtp, smtps"):
        mail_gateway("http://mail.example", sender=SENDER)


def test_a_gateway_is_called_what_its_registry_line_says(kept: Kept) -> None:
    assert kept.gateway.code in MAIL_GATEWAYS


def test_a_letter_arrives_word_for_word(kept: Kept) -> None:
    kept.gateway.send(LETTER)
    (mail,) = kept.read()
    assert text_of(mail) == LETTER.text
    assert (mail["To"], mail["From"], mail["Subject"]) == (LETTER.to, SENDER, LETTER.subject)
    assert mail["Date"].datetime == LETTER.at
    assert (mail["Content-Language"], mail["Auto-Submitted"]) == ("de", "auto-generated")


def test_every_try_carries_the_same_message_id(kept: Kept) -> None:
    kept.gateway.send(LETTER)
    kept.gateway.send(LETTER)
    assert {mail["Message-ID"] for mail in kept.read()} == {"<wdr_1@shop.example>"}


def test_letters_do_not_get_in_each_others_way(kept: Kept) -> None:
    for number in range(5):
        kept.gateway.send(replace(LETTER, id=f"wdr_{number}", to=f"ada{number}@customer.example"))
    assert sorted(mail["To"] for mail in kept.read()) == [f"ada{number}@customer.example" for number in range(5)]


def test_an_address_in_another_script_is_written_to(kept: Kept) -> None:
    kept.gateway.send(replace(LETTER, to="阿达@客户.example"))
    assert [mail["To"] for mail in kept.read()] == ["阿达@客户.example"]


def test_a_gateway_may_be_closed_twice(kept: Kept) -> None:
    kept.gateway.close()
    kept.gateway.close()


# --- what only a mail server can say ---


@pytest.mark.parametrize(
    ("says", "error"),
    [("550 no such mailbox", MailRefused), ("452 full", ProviderUnreachable)],
    ids=["a no for good", "come back later"],
)
def test_a_mail_server_that_does_not_take_it_is_understood(says: str, error: type[Exception]) -> None:
    with mail_server() as server:
        server.says = says
        with pytest.raises(error, match=says):
            mail_gateway(server.url, sender=SENDER).send(LETTER)
        assert server.received == []


@pytest.mark.parametrize("goodbye", ["421 busy", "250 bye", "502 what?"])
def test_what_a_server_says_to_our_goodbye_takes_nothing_back(goodbye: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def quits(self: object, arg: str) -> None:
        await self.push(goodbye)  # type: ignore[attr-defined]

    monkeypatch.setattr(SMTP, "smtp_QUIT", quits)
    with mail_server() as server:
        mail_gateway(server.url, sender=SENDER).send(LETTER)
        assert len(server.received) == 1


def test_an_address_that_cannot_be_a_header_is_refused_and_not_tried_for_ever(kept: Kept) -> None:
    with pytest.raises(MailRefused, match="not a mail that can be written"):
        kept.gateway.send(replace(LETTER, to="=?utf-8?q?=0d=0aBcc=3Aeve=40x.example?=@aa.example"))


def test_nobody_there_means_nothing_was_sent() -> None:
    with pytest.raises(ProviderUnreachable):
        mail_gateway(f"smtp://127.0.0.1:{free_port()}", sender=SENDER).send(LETTER)


def test_a_connection_that_breaks_over_the_letter_leaves_it_open_whether_it_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mail_server() as server:

        async def hang_up(self: MailServer, smtp: object, session: object, envelope: object) -> str:
            smtp.transport.close()  # type: ignore[attr-defined]
            return "250 taken, but nobody hears it"

        monkeypatch.setattr(MailServer, "handle_DATA", hang_up)
        with pytest.raises(OutcomeUnknown):
            mail_gateway(server.url, sender=SENDER).send(LETTER)


def test_a_password_is_never_sent_in_the_clear() -> None:
    """The server offers no TLS: rather no mail than a password for everybody on the way."""
    with mail_server() as server:
        url = server.url.replace("smtp://", "smtp://returns:hunter2@")
        with pytest.raises(MailRefused, match="STARTTLS"):
            mail_gateway(url, sender=SENDER).send(LETTER)
        assert server.received == []


def test_what_was_read_is_not_delivered_anew(tmp_path: Path) -> None:
    gateway = mail_gateway((tmp_path / "mail").as_uri().replace("file", "maildir", 1), sender=SENDER)
    gateway.send(LETTER)
    (tmp_path / "mail" / "new" / "wdr_1").rename(tmp_path / "mail" / "cur" / "wdr_1:2,S")
    gateway.send(LETTER)
    assert len(in_folder(tmp_path / "mail")) == 1


def test_a_folder_that_cannot_be_written_is_a_partner_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    gateway = mail_gateway((tmp_path / "file" / "mail").as_uri().replace("file", "maildir", 1), sender=SENDER)
    with pytest.raises(ProviderUnreachable):
        gateway.send(LETTER)


def test_a_server_that_speaks_no_tls_is_no_smtps_server() -> None:
    with mail_server() as server, pytest.raises(ProviderUnreachable):
        mail_gateway(server.url.replace("smtp:", "smtps:"), sender=SENDER).send(LETTER)
