"""A payment provider's word on one of our refunds, taken over: by its event, or because its list says so.

The tender refund, the ledger and the tender's room move together with the timeline of the case, in one transaction; the running case
hears of it because the fact is written down as one that it must still be told.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from database import cases, facts, goodwill, refunds
from database.facts import Recorded
from domain.state import Fact, FactKind


def take_over(
    session: Session,
    part: Row[Any],
    status: str,
    *,
    provider_id: str,
    failure: str | None,
    by: str,
    clock: Callable[[Session], datetime],
    pays_out: bool,
) -> tuple[bool, Recorded | None]:
    """Whether the report changed anything, and the fact that the case was given; None while the refund as a whole stays pending.

    `pays_out`: some provider can send money elsewhere, so that the shopper can be asked where, if the tender is gone.
    """
    row = cases.lock(session, part.case_id)
    locked = refunds.lock_part(session, part.id)
    at = clock(session)
    if locked is None or not goodwill.report(session, locked, status, provider_id=provider_id, failure=failure, at=at):
        return False, None
    if locked.purpose != refunds.SETTLEMENT:  # goodwill: the case does not wait for it
        return True, None
    standing = refunds.standing(session, row.id)
    if standing == "pending":
        return True, None
    fact = Fact(
        FactKind.REFUND_REPORTED,
        at,
        f"refund_reported:{part.id}:{status}",
        by,
        {"status": standing, "refund_id": part.id, "round": refunds.latest_round(session, row.id)}
        | ({"gone": True} if standing == "failed" and pays_out and refunds.tender_is_gone(session, row.id) else {}),
    )
    return True, facts.record(session, row.id, fact, tell="signal")
