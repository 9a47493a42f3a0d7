"""The acknowledgement by mail: sent under one Message-ID however often it is tried, and never more than an address can take."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.mail import VISIBLE_AFTER, MailActivities
from database import withdrawals
from database.engine import Sessions
from database.withdrawals import HOUR, MAILS_AN_HOUR, Letter
from domain.withdrawal import Declaration
from gateways.mail.base import MailGateway, MailRefused, Message, OutcomeUnknown
from gateways.mail.registry import mail_gateway
from tests.mailserver import MailServer, mail_server

NOW = datetime(2026, 6, 19, 12, tzinfo=UTC)
_numbers = count(1)


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


class Dying:
    """A gateway that really sends, in a process that dies right after."""

    def __init__(self, real: MailGateway) -> None:
        self._real = real

    def send(self, message: Message) -> None:
        self._real.send(message)
        raise Killed


class Failing:
    """A gateway whose partner does not do what is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def send(self, message: Message) -> None:
        raise self._error


@pytest.fixture(autouse=True)
def fresh() -> None:
    """No house is needed here: a letter has no case."""


@pytest.fixture
def post() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def smtp(post: MailServer) -> MailGateway:
    return mail_gateway(post.url, sender="shop@shop.example")


def written(made: Sessions, email: str) -> str:
    """A withdrawal that waits for its mail; its id."""
    withdrawal_id = f"wdr_{next(_numbers):04d}"
    letter = Letter("Acknowledgement", "You withdrew.\n", "en")
    with made.begin() as session:
        said = Declaration("Ada", "10023", email)
        withdrawals.add(session, withdrawal_id, withdrawal_id, said, letter, at=NOW, by="x", order_id=None)
    return withdrawal_id


def acknowledge(made: Sessions, mail: Any, withdrawal_id: str, *, at: datetime = NOW) -> None:
    effects = MailActivities(made, lambda session: at, mail)
    ActivityEnvironment().run(effects.acknowledge_withdrawal, withdrawal_id)


def row(made: Sessions, withdrawal_id: str) -> Any:
    with made() as session:
        return withdrawals.get(session, withdrawal_id)


def test_what_was_acknowledged_is_not_sent_again(made_sessions: Sessions, smtp: MailGateway, post: MailServer) -> None:
    withdrawal_id = written(made_sessions, "a@customer.example")
    for _ in range(3):
        acknowledge(made_sessions, smtp, withdrawal_id)
    assert len(post.received) == 1
    assert row(made_sessions, withdrawal_id).acknowledged_at == NOW


def test_died_after_sending_it_is_sent_again_under_the_same_id(
    made_sessions: Sessions, smtp: MailGateway, post: MailServer
) -> None:
    withdrawal_id = written(made_sessions, "b@customer.example")
    with pytest.raises(Killed):
        acknowledge(made_sessions, Dying(smtp), withdrawal_id)
    acknowledge(made_sessions, smtp, withdrawal_id)
    assert [mail["Message-ID"] for mail in post.received] == [f"<{withdrawal_id}@shop.example>"] * 2


def test_died_after_sending_a_folder_has_it_once(made_sessions: Sessions, tmp_path: Path) -> None:
    folder = mail_gateway(f"maildir://{tmp_path}/mail", sender="shop@shop.example")
    withdrawal_id = written(made_sessions, "c@customer.example")
    with pytest.raises(Killed):
        acknowledge(made_sessions, Dying(folder), withdrawal_id)
    acknowledge(made_sessions, folder, withdrawal_id)
    assert [file.name for file in (tmp_path / "mail" / "new").iterdir()] == [withdrawal_id]


@pytest.mark.parametrize(
    ("error", "after", "shown"),
    [
        (lambda: OutcomeUnknown("x"), timedelta(), False),
        (lambda: OutcomeUnknown("x"), VISIBLE_AFTER, True),
        (lambda: MailRefused("no such mailbox", code="recipient_refused"), timedelta(), True),
    ],
    ids=["at first", "for an hour", "a no for good, at once"],
)
def test_trouble_is_shown_when_a_person_should_look(
    made_sessions: Sessions, error: Callable[[], Exception], after: timedelta, shown: bool
) -> None:
    withdrawal_id = written(made_sessions, "d@customer.example")
    with pytest.raises(ApplicationError) as raised:
        acknowledge(made_sessions, Failing(error()), withdrawal_id, at=NOW + after)
    assert not raised.value.non_retryable
    assert (row(made_sessions, withdrawal_id).mail_trouble is not None) == shown


def test_one_address_gets_so_many_an_hour_and_the_rest_after_it(
    made_sessions: Sessions, smtp: MailGateway, post: MailServer
) -> None:
    ids = [written(made_sessions, "Flooded@customer.example") for _ in range(MAILS_AN_HOUR + 1)]
    for withdrawal_id in ids[:-1]:
        acknowledge(made_sessions, smtp, withdrawal_id)
    with pytest.raises(ApplicationError) as raised:
        acknowledge(made_sessions, smtp, ids[-1], at=NOW + timedelta(minutes=20))
    assert raised.value.next_retry_delay == timedelta(minutes=40, seconds=1)
    assert len(post.received) == MAILS_AN_HOUR
    acknowledge(made_sessions, smtp, ids[-1], at=NOW + HOUR + timedelta(seconds=1))
    assert len(post.received) == MAILS_AN_HOUR + 1


def test_a_mail_that_failed_keeps_its_place(made_sessions: Sessions, smtp: MailGateway, post: MailServer) -> None:
    """Or an address whose first mails fail would wait for an hour for nothing."""
    ids = [written(made_sessions, "failed@customer.example") for _ in range(MAILS_AN_HOUR)]
    for withdrawal_id in ids:
        with pytest.raises(ApplicationError):
            acknowledge(made_sessions, Failing(OutcomeUnknown("x")), withdrawal_id)
    for withdrawal_id in ids:
        acknowledge(made_sessions, smtp, withdrawal_id)
    assert len(post.received) == MAILS_AN_HOUR


def test_many_at_one_instant_get_no_more_places_than_there_are(made_sessions: Sessions) -> None:
    ids = [written(made_sessions, "rush@customer.example") for _ in range(4 * MAILS_AN_HOUR)]

    def claim(withdrawal_id: str) -> bool:
        with made_sessions.begin() as session:
            return withdrawals.claim_mail(session, withdrawal_id, NOW) is None

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claim, ids)) == MAILS_AN_HOUR
