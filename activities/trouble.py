"""A partner that does not do what was asked: made visible on the case at once, and tried again by Temporal alone."""

from typing import NoReturn

from temporalio import activity
from temporalio.exceptions import ApplicationError

from database import cases
from database.engine import Clock, Sessions
from gateways.errors import GatewayError


def try_again_later(sessions: Sessions, clock: Clock, case_id: str, error: GatewayError, partner: str) -> NoReturn:
    """Note the trouble on the case, and leave with an error that Temporal retries until the effect's deadline."""
    info = activity.info()
    with sessions.begin() as session:
        trouble = {
            "partner": partner,
            "doing": info.activity_type,
            "tries": info.attempt,
            "last_error": error.detail,
            "last_code": error.code,
            "at": clock(session).isoformat(),
        }
        cases.note_trouble(session, case_id, trouble)
    raise ApplicationError(f"{partner}: {error}", type=type(error).__name__) from error


def give_up(error: Exception, partner: str) -> NoReturn:
    """A definite no: trying again changes nothing, a person is asked."""
    raise ApplicationError(f"{partner}: {error}", type=type(error).__name__, non_retryable=True) from error
