"""What the rate cost between a sale and its refund, as it is shown: the rates used, the days they are of, who bears it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from api.schemas.common import ShownMoney, money, spoken
from domain.currency import RateUsed, difference_decision, no_rate_decision
from domain.explain import Decision
from domain.money import Money


class RateShown(BaseModel):
    """Units of both currencies for one euro, as published on `day`; `asked` is the day that it stands for."""

    asked: str
    day: str
    from_per_euro: str
    to_per_euro: str
    source: str
    value: ShownMoney


class OrderDifferenceShown(BaseModel):
    order_id: str
    sold_on: str
    returned: ShownMoney
    sale: RateShown | None
    refund: RateShown | None


class DifferenceShown(BaseModel):
    """`sale_value` + `difference` = `refund_value`; a difference above zero is a loss. Without a rate they are null."""

    return_id: str
    settlement: int
    status: str
    returned: ShownMoney
    refunded_on: str
    sale_value: ShownMoney | None
    refund_value: ShownMoney | None
    difference: ShownMoney | None
    bearer: str
    moved_bps: int | None
    warn_percent: int
    warning: bool
    trouble: str | None
    orders: list[OrderDifferenceShown]
    decided_at: str
    booked_at: str | None


class DifferencePage(BaseModel):
    data: list[DifferenceShown]
    has_more: bool
    next_cursor: str | None


def show_difference(row: Row[Any]) -> dict[str, Any]:
    """A row of the differences, in plain JSON values."""
    accounting = row.accounting_currency

    def value(minor: int | None) -> dict[str, Any] | None:
        return None if minor is None else money(minor, accounting)

    return {
        "return_id": row.case_id,
        "settlement": row.settlement,
        "status": row.status,
        "returned": money(row.returned_minor, row.currency),
        "refunded_on": row.refunded_on.isoformat(),
        "sale_value": value(row.sale_minor),
        "refund_value": value(row.refund_minor),
        "difference": value(row.difference_minor),
        "bearer": row.bearer,
        "moved_bps": row.moved_bps,
        "warn_percent": row.warn_percent,
        "warning": row.warned,
        "trouble": row.trouble,
        "orders": [
            {
                "order_id": part["order_id"],
                "sold_on": part["sold_on"],
                "returned": money(part["minor"], row.currency),
                "sale": _rate(part.get("sale"), accounting),
                "refund": _rate(part.get("refund"), accounting),
            }
            for part in row.parts
        ],
        "decided_at": spoken(row.decided_at),
        "booked_at": spoken(row.booked_at),
    }


def decision_of(row: Row[Any]) -> Decision:
    """The same as an answered question, for the explanation."""
    if row.status == "no_rate":
        return no_rate_decision(row.trouble)
    inputs = [("returned", str(Money(row.returned_minor, row.currency)))]
    for part in row.parts:
        of_order = f" of order {part['order_id']}" if len(row.parts) > 1 else ""
        for name, label in (("sale", "rate of the sale"), ("refund", "rate of the refund")):
            inputs.append((f"{label}{of_order}", str(_used(part[name], row.currency, row.accounting_currency))))
    inputs += [
        ("worth at the sale", str(Money(row.sale_minor, row.accounting_currency))),
        ("worth at the refund", str(Money(row.refund_minor, row.accounting_currency))),
    ]
    difference = Money(row.difference_minor, row.accounting_currency)
    return difference_decision(difference, row.bearer, moved_bps=row.moved_bps, warned=row.warned, inputs=inputs)


def stored_decision(row: Row[Any]) -> dict[str, Any]:
    """In the form in which the decisions of a settlement are stored."""
    return asdict(decision_of(row))


def _rate(used: Mapping[str, Any] | None, accounting: str) -> dict[str, Any] | None:
    if used is None:
        return None
    plain = {name: used[name] for name in ("asked", "day", "from_per_euro", "to_per_euro", "source")}
    return {**plain, "value": money(used["minor"], accounting)}


def _used(used: Mapping[str, Any], from_currency: str, to_currency: str) -> RateUsed:
    return RateUsed(
        from_currency,
        to_currency,
        date.fromisoformat(used["asked"]),
        date.fromisoformat(used["day"]),
        Decimal(used["from_per_euro"]),
        Decimal(used["to_per_euro"]),
        used["source"],
    )


EXAMPLE: dict[str, Any] = {
    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "settlement": 1,
    "status": "booked",
    "returned": money(12000, "EUR"),
    "refunded_on": "2012-01-01",
    "sale_value": money(10237, "GBP"),
    "refund_value": money(10023, "GBP"),
    "difference": money(-214, "GBP"),
    "bearer": "merchant",
    "moved_bps": -209,
    "warn_percent": 5,
    "warning": False,
    "trouble": None,
    "orders": [
        {
            "order_id": "o_1",
            "sold_on": "2011-12-09",
            "returned": money(12000, "EUR"),
            "sale": {
                "asked": "2011-12-09",
                "day": "2011-12-09",
                "from_per_euro": "1",
                "to_per_euro": "0.85315",
                "source": "ECB",
                "value": money(10237, "GBP"),
            },
            "refund": {
                "asked": "2012-01-01",
                "day": "2011-12-30",
                "from_per_euro": "1",
                "to_per_euro": "0.8353",
                "source": "ECB",
                "value": money(10023, "GBP"),
            },
        }
    ],
    "decided_at": "2012-01-01T09:30:00Z",
    "booked_at": "2012-01-01T09:30:00Z",
}
