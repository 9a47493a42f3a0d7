"""Goodwill that went before a refund: together they never exceed what was paid, so what would is taken for a part of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from database import goodwill, ledger, refunds
from domain.fees import Bearer, Fee, FeeKind
from domain.ledger import goodwill_counted_entry
from domain.money import Money
from domain.refund import RefundQuote

NEVER_ABOVE_PAID = "house rule: all refunds of an order together are at most what was paid for it"


def less_goodwill(
    session: Session,
    case: Row[Any],
    quote: RefundQuote,
    with_fees: Callable[[Sequence[Fee]], RefundQuote],
    at: datetime,
) -> RefundQuote:
    """The quote, less goodwill as far as both together would exceed what was paid. Of a return of one order only.

    `with_fees` quotes the same with further fees of the shopper.
    """
    if len(quote.per_order) != 1:
        return quote
    ((order_id, minor),) = quote.per_order.items()
    # The tenders are locked first: goodwill that is given meanwhile waits, or is seen.
    room = sum(room.room_minor for room in refunds.rooms(session, [order_id])[order_id])
    given = goodwill.alive_on(session, order_id)
    missing = minor - (room - goodwill.owed_again(session, order_id))
    if not 0 < missing <= min(given, minor):
        return quote
    fee = Fee(FeeKind.GOODWILL, missing, quote.currency, Bearer.SHOPPER, "goodwill_given_before", NEVER_ABOVE_PAID)
    refunds.add_fee(session, case.id, "goodwill:before", fee, parcel_id=None)
    ledger.book(session, goodwill_counted_entry(case.id, Money(missing, quote.currency)), at)
    return with_fees([fee])
