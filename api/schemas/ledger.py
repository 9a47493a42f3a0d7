"""Statements as the API shows them: per party and currency, with the accounts that make them up and, if asked for, every line."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from api.schemas.common import ShownMoney, money, spoken
from domain.statements import ZONE, AccountTotals, Line, Month, Statement


class AccountShown(BaseModel):
    account: str
    opening: ShownMoney
    debits: ShownMoney
    credits: ShownMoney
    sum: ShownMoney
    closing: ShownMoney
    entries: int


class LineShown(BaseModel):
    """`rule` and `source` say why a fee is this bearer's; accounts that are no fee's have neither."""

    at: str
    return_id: str | None
    rma: str | None
    entry: str
    kind: str
    account: str
    fee: str | None
    rule: str | None
    source: str | None
    amount: ShownMoney


class StatementShown(BaseModel):
    """`party` is a bearer of fees, or an account that is no fee's. Debits are above zero, credits below; `sum` is what the month
    added, `closing` what stands at its end."""

    party: str
    is_bearer: bool
    currency: str
    opening: ShownMoney
    debits: ShownMoney
    credits: ShownMoney
    sum: ShownMoney
    closing: ShownMoney
    entries: int
    accounts: list[AccountShown]
    lines: list[LineShown] | None = None


class StatementsShown(BaseModel):
    """`ended` tells whether the month is over: until then its statements grow."""

    month: str
    time_zone: str
    begins: str
    ends: str
    ended: bool
    data: list[StatementShown]
    has_more: bool


def show_statements(
    month: Month, made: Sequence[Statement], lines: Iterable[Line] | None, *, now: datetime
) -> dict[str, Any]:
    """The answer; without `lines` the statements have totals alone."""
    data = [_statement(one) for one in made]
    if lines is not None:
        by_party = {(one["party"], one["currency"]): one for one in data}
        for one in data:
            one["lines"] = []
        for line in lines:
            by_party[line.party, line.currency]["lines"].append(_line(line))
    return {
        "month": str(month),
        "time_zone": ZONE,
        "begins": spoken(month.begins),
        "ends": spoken(month.ends),
        "ended": month.ends <= now,
        "data": data,
        "has_more": False,
    }


def _statement(one: Statement) -> dict[str, Any]:
    return {
        "party": one.party,
        "is_bearer": one.is_bearer,
        "currency": one.currency,
        **_sums(one),
        "accounts": [{"account": account.account, **_sums(account)} for account in one.accounts],
    }


def _sums(one: Statement | AccountTotals) -> dict[str, Any]:
    return {
        "opening": money(one.opening_minor, one.currency),
        "debits": money(one.debits_minor, one.currency),
        "credits": money(one.credits_minor, one.currency),
        "sum": money(one.sum_minor, one.currency),
        "closing": money(one.closing_minor, one.currency),
        "entries": one.entries,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "at": spoken(line.at),
        "return_id": line.return_id,
        "rma": line.rma,
        "entry": line.entry,
        "kind": line.kind,
        "account": line.account,
        "fee": line.fee,
        "rule": line.rule,
        "source": line.source,
        "amount": money(line.amount_minor, line.currency),
    }


def _eur(minor: int) -> dict[str, Any]:
    return money(minor, "EUR")


_SUMS_EXAMPLE: dict[str, Any] = {
    "opening": _eur(12050),
    "debits": _eur(490),
    "credits": _eur(0),
    "sum": _eur(490),
    "closing": _eur(12540),
    "entries": 1,
}
STATEMENTS_EXAMPLE: dict[str, Any] = {
    "month": "2026-11",
    "time_zone": ZONE,
    "begins": "2026-11-01T00:00:00Z",
    "ends": "2026-12-01T00:00:00Z",
    "ended": False,
    "data": [
        {
            "party": "merchant",
            "is_bearer": True,
            "currency": "EUR",
            **_SUMS_EXAMPLE,
            "accounts": [{"account": "fee:return_label:merchant", **_SUMS_EXAMPLE}],
            "lines": [
                {
                    "at": "2026-11-20T09:30:00Z",
                    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
                    "rma": "RMA100001",
                    "entry": "fee:return_label:par_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y1",
                    "kind": "fee",
                    "account": "fee:return_label:merchant",
                    "fee": "return_label",
                    "rule": "no_fault_shopper_not_informed",
                    "source": "law of DE: BGB 312g, 355, 356, 357, 357a, 437-438, 477",
                    "amount": _eur(490),
                }
            ],
        }
    ],
    "has_more": False,
}
CSV_EXAMPLE = (
    "month,party,currency,row,at_utc,rma,return_id,entry,kind,account,fee,rule,source,amount_minor\r\n"
    "2026-11,merchant,EUR,opening,,,,,,,,,,12050\r\n"
    "2026-11,merchant,EUR,entry,2026-11-20T09:30:00Z,RMA100001,ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y,"
    "fee:return_label:par_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y1,fee,fee:return_label:merchant,return_label,"
    "no_fault_shopper_not_informed,law of DE: BGB 355,490\r\n"
    "2026-11,merchant,EUR,sum,,,,,,,,,,490\r\n"
    "2026-11,merchant,EUR,closing,,,,,,,,,,12540\r\n"
)
