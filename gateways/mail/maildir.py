"""Mail into a folder of this machine (Maildir): what the embedded stack sends, so that a person can open it and nobody is written to."""

import mailbox
import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from gateways.mail.base import Message, ProviderUnreachable, as_mail


class MaildirMail:
    """A file for each message, named by the message's own id: sent again, it is found there, also once somebody has read it."""

    code = "maildir"

    def __init__(self, url: str, sender: str) -> None:
        self._folder = Path(unquote(urlsplit(url).path))
        self._sender = sender

    def send(self, message: Message) -> None:
        name = quote(message.id, safe="")
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            mailbox.Maildir(self._folder, create=True)
            if not list((self._folder / "cur").glob(f"{name}*")):  # a mail program moves what was read there
                unfinished = self._folder / "tmp" / f"{name}.{os.getpid()}"
                unfinished.write_bytes(as_mail(message, self._sender).as_bytes())
                unfinished.replace(self._folder / "new" / name)
        except OSError as error:
            raise ProviderUnreachable(f"the mail folder cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Nothing is kept open."""
