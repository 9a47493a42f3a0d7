"""Mail to consumers: the acknowledgement of a withdrawal, word for word as it was written down with it."""

from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import Row
from temporalio import activity
from temporalio.exceptions import ApplicationError

from database import withdrawals
from database.engine import Clock, Sessions
from gateways.mail.base import GatewayError, MailGateway, MailRefused, Message

VISIBLE_AFTER = timedelta(hours=1)
AGAIN_FIRST = timedelta(minutes=5)
AGAIN_AT_MOST = timedelta(days=1)


class MailActivities:
    def __init__(self, sessions: Sessions, clock: Clock, mail: MailGateway) -> None:
        self._sessions = sessions
        self._clock = clock
        self._mail = mail

    @activity.defn(name="acknowledge_withdrawal")
    def acknowledge_withdrawal(self, withdrawal_id: str) -> None:
        """Send it once; every try carries the same Message-ID. Waits where the address has had its mails of the hour."""
        with self._sessions.begin() as session:
            at = self._clock(session)
            row = withdrawals.get(session, withdrawal_id)
            if row.acknowledged_at:
                return
            again = withdrawals.claim_mail(session, withdrawal_id, at)
        if again:
            raise ApplicationError(
                "the address has had its mails of this hour",
                type="AddressHadItsMails",
                next_retry_delay=again - at + timedelta(seconds=1),
            )
        try:
            self._mail.send(
                Message(row.id, row.email, row.subject, row.acknowledgement, row.submitted_at, row.locale),
            )
        except GatewayError as error:
            self._try_again_later(row, at, error)
        with self._sessions.begin() as session:
            withdrawals.mark_acknowledged(session, withdrawal_id, self._clock(session))

    def _try_again_later(self, row: Row[Any], at: datetime, error: GatewayError) -> NoReturn:
        """Trouble is shown after an hour, and at once where the mail server said no: it may be about the address."""
        if isinstance(error, MailRefused) or at - row.submitted_at >= VISIBLE_AFTER:
            trouble = {"error": str(error)[:300], "tries": activity.info().attempt, "at": at.isoformat()}
            with self._sessions.begin() as session:
                withdrawals.note_mail_trouble(session, row.id, trouble)
        # Not the provider's own words: they quote the address, and this stays in the history of the workflow.
        # A server that said no is asked again ever more rarely: it may change its mind, and nobody is helped by haste.
        rarely = min(AGAIN_AT_MOST, AGAIN_FIRST * 2 ** min(activity.info().attempt - 1, 10))
        later = rarely if isinstance(error, MailRefused) else None
        raise ApplicationError(error.code, type=type(error).__name__, next_retry_delay=later) from None
