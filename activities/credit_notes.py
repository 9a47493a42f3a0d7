"""Credit notes, made in the transaction that decides the refund: both are there, or neither."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from activities.trouble import give_up
from database import credit_notes
from domain.credit_note import CreditNoteDoesNotAddUp, Sellers, Settled
from domain.credit_note import credit_notes as notes_of
from domain.refund import RefundQuote
from domain.state import Verdict
from domain.tenders import TenderPart
from policies.sellers import day_of

log = logging.getLogger("boomerang.credit_notes")


def issue_credit_notes(
    session: Session,
    case: Row[Any],
    quote: RefundQuote,
    over: Sequence[TenderPart],
    ground: Verdict,
    sellers: Sellers | None,
    at: datetime,
    *,
    settlement: int = 1,
) -> None:
    """The notes of one settlement of a case; none where nothing is given back, or where the installation makes none.

    It takes the lock that numbers stand under, so it comes last of what is written. A note that does not add up is given up on,
    and the refund with it: a person looks.
    """
    if sellers is None or not quote.goods_minor + quote.charges_minor:
        return
    sold, placed = credit_notes.sold(session, [(line.order_id, line.order_line_id) for line in quote.lines])
    buyer, language = credit_notes.buyer(session, case.customer_id)
    of = Settled(case.id, case.rma, ground, buyer, placed, sold, at, settlement, language)
    try:
        notes = notes_of(quote, over, of, sellers, day_of=day_of)
    except CreditNoteDoesNotAddUp as error:
        give_up(error, "boomerang")
    if strangers := {sellers.id_of(one.seller) for one in sold.values()} - {sellers.shop.id, *sellers.others}:
        log.info("no credit note of ours for sellers who make their own: %s", ", ".join(sorted(strangers)))
    credit_notes.issue(session, notes, at)
