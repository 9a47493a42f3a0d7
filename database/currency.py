"""Reference rates on file, and the difference that the rate makes between a sale and its refund: worked out and booked once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from database import ledger, refunds
from database.tables import exchange_differences, orders, reference_rates
from domain.currency import (
    BASE,
    LOOK_BACK_DAYS,
    Accounting,
    ExchangeDifference,
    NoRate,
    ReferenceRates,
    Returned,
    Revalued,
    Translated,
    exchange_difference,
)
from domain.errors import Conflict
from domain.fees import Bearer
from domain.ledger import exchange_difference_entry
from domain.money import Money

SOURCE = "ECB"  # European Central Bank, euro foreign exchange reference rates


class RateDiffers(Conflict):
    """A rate is on file with another figure; facts: day, currency, on_file, given."""

    code = "rate_differs"
    next_action = (
        "Look the day up at the source; if the file is right, import it with --replace. Booked differences stay."
    )


@dataclass(frozen=True)
class Rate:
    """Units of the currency for one euro on a day, as published."""

    day: date
    currency: str
    per_euro: Decimal


@dataclass(frozen=True)
class Filed:
    """What filing rates came to: how many were new, replaced, and on file before."""

    new: int = 0
    replaced: int = 0
    known: int = 0

    def __add__(self, other: "Filed") -> "Filed":
        return Filed(self.new + other.new, self.replaced + other.replaced, self.known + other.known)


@dataclass(frozen=True)
class CaughtUp:
    """How many settlements that wait for a rate were looked at, how many of them found it, and the last one's key."""

    looked_at: int
    booked: int
    last: tuple[str, int] | None


def put_rates(session: Session, rates: Sequence[Rate], *, replace: bool = False) -> Filed:
    """Put rates on file; the same again changes nothing. Raises RateDiffers where another figure is there, unless `replace`."""
    if not rates:
        return Filed()
    rows = [{"source": SOURCE, "day": rate.day, "currency": rate.currency, "per_base": rate.per_euro} for rate in rates]
    made = session.execute(
        insert(reference_rates)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(reference_rates.c.day, reference_rates.c.currency)
    )
    new = {(row.day, row.currency) for row in made}
    old = [rate for rate in rates if (rate.day, rate.currency) not in new]
    on_file = _on_file(session, old)
    differing = [rate for rate in old if on_file[rate.day, rate.currency] != rate.per_euro]
    if differing and not replace:
        first = differing[0]
        there = on_file[first.day, first.currency]
        raise RateDiffers(
            f"{first.currency} of {first.day} is on file as {there}, the file says {first.per_euro}.",
            day=first.day,
            currency=first.currency,
            on_file=there,
            given=first.per_euro,
        )
    for rate in differing:
        session.execute(
            update(reference_rates)
            .where(
                reference_rates.c.source == SOURCE,
                reference_rates.c.day == rate.day,
                reference_rates.c.currency == rate.currency,
            )
            .values(per_base=rate.per_euro)
        )
    return Filed(len(new), len(differing), len(old) - len(differing))


def _on_file(session: Session, rates: Sequence[Rate]) -> Mapping[tuple[date, str], Decimal]:
    if not rates:
        return {}
    question = select(reference_rates).where(
        reference_rates.c.source == SOURCE,
        tuple_(reference_rates.c.day, reference_rates.c.currency).in_([(rate.day, rate.currency) for rate in rates]),
    )
    return {(row.day, row.currency): row.per_base for row in session.execute(question)}


def rates_about(session: Session, currencies: Iterable[str], days: Iterable[date]) -> ReferenceRates:
    """The rates of these currencies on these days and on those before them that may stand in for them."""
    around = [
        and_(reference_rates.c.day <= day, reference_rates.c.day >= day - timedelta(days=LOOK_BACK_DAYS))
        for day in sorted(set(days))
    ]
    # A pair with the euro needs the other's row alone; the euro itself is in no row.
    wanted = sorted(set(currencies) - {BASE})
    found: dict[date, dict[str, Decimal]] = {}
    if around and wanted:
        question = select(reference_rates).where(
            reference_rates.c.source == SOURCE, reference_rates.c.currency.in_(wanted), or_(*around)
        )
        for row in session.execute(question):
            found.setdefault(row.day, {})[row.currency] = row.per_base
    return ReferenceRates(SOURCE, found)


# --- the difference of a refund ---


def book_exchange_difference(
    session: Session,
    case: Row[Any],
    per_order: Mapping[str, int],
    at: datetime,
    *,
    settlement: int = 1,
) -> None:
    """Work out and book what the rate cost this settlement, in its transaction; nothing where the terms keep no books elsewhere.

    `per_order` is what goes back for each order, in the case's currency. Where a rate is missing the refund goes out all the
    same: a row waits for the rate (`catch_up`).
    """
    by = accounting_of(case.terms)
    returned_minor = sum(per_order.values())
    if by is None or by.currency == case.currency or not returned_minor:
        return
    sold = select(orders.c.id, orders.c.placed_at).where(orders.c.id.in_(list(per_order)))
    returned = [
        Returned(row.id, Money(per_order[row.id], case.currency), row.placed_at.date())
        for row in session.execute(sold.order_by(orders.c.id))
        if per_order[row.id]
    ]
    written = session.execute(
        insert(exchange_differences)
        .values(
            case_id=case.id,
            settlement=settlement,
            status="no_rate",
            currency=case.currency,
            accounting_currency=by.currency,
            returned_minor=returned_minor,
            refunded_on=at.date(),
            bearer=by.borne_by,
            warn_percent=by.warn_percent,
            parts=[_returned_said(one) for one in returned],
            trouble="not looked for yet",
            decided_at=at,
        )
        .on_conflict_do_nothing()
        .returning(exchange_differences)
    ).one_or_none()
    if written is not None:
        _settle(session, written, at)


def catch_up(session: Session, at: datetime, *, limit: int = 100, after: tuple[str, int] | None = None) -> CaughtUp:
    """Look again for the rates that were missing: a page of the rows that wait, in the order of their keys."""
    key = tuple_(exchange_differences.c.case_id, exchange_differences.c.settlement)
    question = select(exchange_differences).where(exchange_differences.c.status == "no_rate")
    if after:
        question = question.where(key > after)
    rows = session.execute(
        question.order_by(exchange_differences.c.case_id, exchange_differences.c.settlement)
        .limit(limit)
        .with_for_update()
    ).all()
    booked = sum(_settle(session, row, at) for row in rows)
    last = (rows[-1].case_id, rows[-1].settlement) if rows else None
    return CaughtUp(len(rows), booked, last)


def _settle(session: Session, row: Row[Any], at: datetime) -> bool:
    """Fill in a row that waits for its rates; True where they were found, and then its entry is booked."""
    returned = [_returned_read(part, row.currency) for part in row.parts]
    by = Accounting(row.accounting_currency, Bearer(row.bearer), row.warn_percent)
    rates = rates_about(session, (row.currency, by.currency), (row.refunded_on, *(one.sold_on for one in returned)))
    found = exchange_difference(returned, row.refunded_on, by, rates)
    mine = (exchange_differences.c.case_id == row.case_id, exchange_differences.c.settlement == row.settlement)
    if isinstance(found, NoRate):
        session.execute(update(exchange_differences).where(*mine).values(trouble=str(found)))
        return False
    session.execute(update(exchange_differences).where(*mine).values(_booked_values(found, at)))
    entry = exchange_difference_entry(row.case_id, row.settlement, row.currency, found.difference, by.borne_by)
    if ledger.book(session, entry, at) and (fee := found.fee()):
        refunds.add_fee(session, row.case_id, f"{fee.kind}:{row.settlement}", fee, parcel_id=None)
    return True


def accounting_of(terms: Mapping[str, Any]) -> Accounting | None:
    """What the frozen terms of a case say; None where no accounting currency is kept, as in cases of earlier releases."""
    currency = terms.get("accounting_currency")
    if not currency:
        return None
    return Accounting(currency, Bearer(terms["difference_borne_by"]), terms["warn_percent"])


def of_case(session: Session, case_id: str) -> Sequence[Row[Any]]:
    return session.execute(
        select(exchange_differences)
        .where(exchange_differences.c.case_id == case_id)
        .order_by(exchange_differences.c.settlement)
    ).all()


def search(
    session: Session,
    *,
    status: str | None = None,
    warned: bool | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> Sequence[Row[Any]]:
    """Newest first; one row more than `limit`, if there is one."""
    table = exchange_differences.c
    wanted = [
        table.status == status if status else None,
        table.warned == warned if warned is not None else None,
        tuple_(table.decided_at, table.case_id) < after if after else None,
    ]
    question = select(exchange_differences).where(*[one for one in wanted if one is not None])
    return session.execute(question.order_by(table.decided_at.desc(), table.case_id.desc()).limit(limit + 1)).all()


def waiting(session: Session) -> int:
    """How many settlements wait for a rate."""
    question = select(func.count()).select_from(exchange_differences)
    return session.scalar(question.where(exchange_differences.c.status == "no_rate")) or 0


def _booked_values(found: ExchangeDifference, at: datetime) -> dict[str, Any]:
    return {
        "status": "booked",
        "trouble": None,
        "sale_minor": found.sale_minor,
        "refund_minor": found.refund_minor,
        "difference_minor": found.difference_minor,
        "moved_bps": found.moved_bps,
        "warned": found.warned,
        "parts": [_revalued_said(part) for part in found.parts],
        "booked_at": at,
    }


def _returned_said(one: Returned) -> dict[str, Any]:
    return {"order_id": one.order_id, "minor": one.amount.minor, "sold_on": one.sold_on.isoformat()}


def _returned_read(part: Mapping[str, Any], currency: str) -> Returned:
    return Returned(part["order_id"], Money(part["minor"], currency), date.fromisoformat(part["sold_on"]))


def _revalued_said(part: Revalued) -> dict[str, Any]:
    return {
        **_returned_said(part.returned),
        "sale": _translated_said(part.sale),
        "refund": _translated_said(part.refund),
    }


def _translated_said(translated: Translated) -> dict[str, Any]:
    rate = translated.rate
    return {
        "minor": translated.money.minor,
        "asked": rate.asked.isoformat(),
        "day": rate.day.isoformat(),
        "from_per_euro": str(rate.from_per_euro),
        "to_per_euro": str(rate.to_per_euro),
        "source": rate.source,
    }
