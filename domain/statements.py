"""Statements: what stood on each party's accounts when a month began, what was booked in it, and what stands at its end.

A party is a bearer of fees (`merchant`: all accounts `fee:<kind>:merchant` together) or, for every other account, the
account itself (`payable:carrier:simulated`). So each posting of the ledger stands in exactly one statement, and the
statements of a month sum to what the ledger booked in it: to zero in each currency.

A month is an accounting month in UTC, from its first instant up to the first of the next; what counts is when an entry was
booked, not when its return was opened.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from domain.errors import Invalid, Missing
from domain.fees import Bearer

ZONE = "UTC"
FEE = "fee:"
YEARS = range(2000, 2201)


class NotAMonth(Invalid):
    code = "not_a_month"
    next_action = 'Name the month as year and month, such as "2026-11".'


class UnknownParty(Missing):
    code = "unknown_party"
    title = "Nobody of that name has a statement"
    next_action = "Use a bearer (shopper, merchant, platform, carrier, insurer) or an account that the statements of the month list."


@dataclass(frozen=True, order=True)
class Month:
    """One accounting month, in UTC.

    >>> Month.parse("2026-12").ends
    datetime.datetime(2027, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Of "2026-11". Raises NotAMonth."""
        found = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text)
        if not found or int(found[1]) not in YEARS or not 1 <= int(found[2]) <= 12:
            raise NotAMonth(f"{text!r} is no month between {YEARS[0]} and {YEARS[-1]}.")
        return cls(int(found[1]), int(found[2]))

    @property
    def begins(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """The first instant that is not of the month any more."""
        return datetime(self.year + self.month // 12, self.month % 12 + 1, 1, tzinfo=UTC)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def party_of(account: str) -> str:
    """Whose statement an account stands in.

    >>> party_of("fee:return_label:merchant"), party_of("payable:carrier:dhl")
    ('merchant', 'payable:carrier:dhl')
    """
    return account.rpartition(":")[2] if account.startswith(FEE) else account


class AccountTotals(NamedTuple):
    """What an account stood at when the month began, and what was booked on it in the month; minor units, credits below zero."""

    account: str
    currency: str
    opening_minor: int
    debits_minor: int
    credits_minor: int
    entries: int

    @property
    def sum_minor(self) -> int:
        return self.debits_minor + self.credits_minor

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.sum_minor


@dataclass(frozen=True)
class Statement:
    """One party's month in one currency: its accounts, and their sums."""

    party: str
    currency: str
    accounts: tuple[AccountTotals, ...]

    @property
    def is_bearer(self) -> bool:
        return self.party in list(Bearer)

    @property
    def opening_minor(self) -> int:
        return sum(account.opening_minor for account in self.accounts)

    @property
    def debits_minor(self) -> int:
        return sum(account.debits_minor for account in self.accounts)

    @property
    def credits_minor(self) -> int:
        return sum(account.credits_minor for account in self.accounts)

    @property
    def entries(self) -> int:
        return sum(account.entries for account in self.accounts)

    @property
    def sum_minor(self) -> int:
        return self.debits_minor + self.credits_minor

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.sum_minor


class Line(NamedTuple):
    """One posting of the month, with the return it is about and, on a fee account, the rule that named its bearer."""

    at: datetime
    return_id: str | None
    rma: str | None
    entry: str
    kind: str
    account: str
    rule: str | None
    source: str | None
    amount_minor: int
    currency: str

    @property
    def party(self) -> str:
        return party_of(self.account)

    @property
    def fee(self) -> str | None:
        """The kind of fee, on a fee account."""
        return self.account.split(":")[1] if self.account.startswith(FEE) else None


def statements(totals: Iterable[AccountTotals]) -> tuple[Statement, ...]:
    """The statements of these accounts: bearers first, then the other accounts, each by name and currency.

    An account on which nothing stood and nothing was booked is left out.
    """
    by_party: dict[tuple[str, str], list[AccountTotals]] = {}
    for account in totals:
        if account.opening_minor or account.entries:
            by_party.setdefault((party_of(account.account), account.currency), []).append(account)
    made = [Statement(party, currency, tuple(sorted(accounts))) for (party, currency), accounts in by_party.items()]
    return tuple(sorted(made, key=lambda one: order_of(one.party, one.currency)))


def order_of(party: str, currency: str) -> tuple[bool, str, str]:
    return party not in list(Bearer), party, currency


COLUMNS = (
    "month", "party", "currency", "row", "at_utc", "rma", "return_id", "entry", "kind", "account", "fee", "rule",
    "source", "amount_minor",
)  # fmt: skip


def csv_rows(month: Month, made: Sequence[Statement], lines: Iterable[Line]) -> Iterable[list[str]]:
    """The statements as rows of a table, COLUMNS on top: opening, every entry, sum and closing of each.

    `lines` come in the order of `statements` and, within one, as they were booked. Amounts are whole minor units. No text can
    be taken for a formula by a spreadsheet.
    """
    yield list(COLUMNS)
    waiting = iter(lines)
    line = next(waiting, None)
    for one in made:
        head = [str(month), _text(one.party), one.currency]
        yield [*head, "opening", *_BLANK, str(one.opening_minor)]
        while line is not None and (line.party, line.currency) == (one.party, one.currency):
            yield [*head, "entry", *map(_text, _cells(line)), str(line.amount_minor)]
            line = next(waiting, None)
        yield [*head, "sum", *_BLANK, str(one.sum_minor)]
        yield [*head, "closing", *_BLANK, str(one.closing_minor)]
    if line is not None:
        raise ValueError(f"a line of {line.party} in {line.currency} belongs to no statement, or comes out of order")


_BLANK = [""] * (len(COLUMNS) - 5)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def _cells(line: Line) -> tuple[str, ...]:
    at = line.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = (line.rma, line.return_id, line.entry, line.kind, line.account, line.fee, line.rule, line.source)
    return (at, *(cell or "" for cell in known))


def _text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, however far from its first sign that one stands."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
