"""What a settlement charges for the merchant's own work: asked of the frozen terms, written down and booked in the caller's transaction.

A settlement calls `charge` before it asks for the shopper's fees, and `invoice` after it has written down what the refund
did not cover:

    lines = handling.settled_units(session, case, owed)      # owed: case line -> (units, what they bring back before fees)
    handling.charge(session, case, lines, at)                # rows in `fees`, entries in the ledger
    charged = refunds.shopper_fees(session, case.id)        # labels and charges together, to be deducted
    …                                                       # quote, decide, bear, book the settlement
    handling.invoice(session, case, quote, at)               # nothing, unless the terms say so
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from database import ledger, refunds
from database.tables import case_lines, fees, order_lines
from domain.bearers import MissedDeadline
from domain.fees import Fee
from domain.handling import SettledUnits, fee_terms, fees_at_settlement, invoiced
from domain.ledger import invoiced_entry, own_work_entry
from domain.reasons import ReturnReason
from domain.refund import RefundQuote


def settled_units(session: Session, case: Row[Any], owed: Mapping[str, tuple[int, int]]) -> list[SettledUnits]:
    """The units that a settlement refunds, by case line: `owed` has the units of each and what they bring back before fees.

    Of several grades on a line the worst is taken, as the line itself shows it. A shopper who names withdrawal as the reason, or
    for whom the law's own clock runs, withdraws.
    """
    question = (
        select(case_lines.c.id, case_lines.c.reason, case_lines.c.grade, order_lines.c.category)
        .outerjoin(
            order_lines,
            (order_lines.c.order_id == case_lines.c.order_id) & (order_lines.c.id == case_lines.c.order_line_id),
        )
        .where(case_lines.c.case_id == case.id, case_lines.c.id.in_(list(owed)))
        .order_by(case_lines.c.id)
    )
    by_law = bool(case.terms.get("withdrawing") or case.terms.get("limits", {}).get("refund_clock"))
    return [
        SettledUnits(
            *owed[row.id],
            reason=ReturnReason(row.reason),
            category=row.category,
            grade=row.grade,
            withdrawing=by_law or row.reason == ReturnReason.WITHDRAWAL,
        )
        for row in session.execute(question)
    ]


def charge(
    session: Session,
    case: Row[Any],
    lines: Sequence[SettledUnits],
    at: datetime,
    *,
    settlement: int = 1,
    missed: MissedDeadline | None = None,
) -> tuple[Fee, ...]:
    """Write down and book the merchant's own fees of these units, each to its bearer; those of the shopper stand to be deducted.

    `settlement` counts the settlements of the case from 1. Goods that never came, or that the shopper keeps, are not to be
    among `lines`.
    """
    found = fees_at_settlement(fee_terms(case.terms), case.currency, lines, missed=missed)
    for number, fee in enumerate(found, start=1):
        reference = f"{case.id}:{settlement}:{number}"
        refunds.add_fee(session, case.id, f"{fee.kind}:{reference}", fee, parcel_id=None)
        ledger.book(session, own_work_entry(case.id, reference, fee), at)
    return found


def invoice(
    session: Session, case: Row[Any], quote: RefundQuote, at: datetime, *, settlement: int = 1
) -> tuple[Fee, ...]:
    """Where the terms say so, the shopper owes what the refund did not cover: after the settlement's entry is booked.

    Raises nothing where there is nothing above the refund, or the policy waives it.
    """
    terms = fee_terms(case.terms)
    owed = invoiced(quote.absorbed, terms.policy, terms.agreed.source)
    if not owed:
        return ()
    rules = [fee.rule for fee in quote.absorbed]
    session.execute(
        update(fees)
        .where(fees.c.case_id == case.id, fees.c.rule.in_(rules), fees.c.bearer == quote.absorbed[0].bearer)
        .values(bearer=owed[0].bearer, rule=owed[0].rule, source=owed[0].source)
    )
    ledger.book(session, invoiced_entry(case.id, settlement, owed), at)
    return owed
