"""`boomerang data rates`: the European Central Bank's reference rates, from its own table of all days, put on file."""

import csv
import itertools
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from commands.house import call_server, open_database, this_house
from commands.returns import AsJson
from commands.words import in_plain_words, money, say, say_json, show_table
from database import currency
from database.currency import CaughtUp, Filed, Rate
from database.engine import Sessions, database_time
from domain.currency import in_basis_points
from domain.errors import BoomerangError

DAYS_AT_ONCE = 50  # some 1,700 rates
LOOKED_AT_ONCE = 100
CURRENCY = re.compile(r"[A-Z]{3}")
NOT_PUBLISHED = frozenset({"", "N/A"})
LARGEST_RATE = 10**9
MOST_DIGITS = 20


class NotTheRates(BoomerangError):
    """The file has not the shape of the table, or a cell of it is no rate; facts: line, column."""

    code: ClassVar[str] = "not_the_rates"
    next_action: ClassVar[str] = (
        "Give the table eurofxref-hist.csv as the European Central Bank publishes it: a column Date (or date) of days such as "
        "2012-01-03, then a column for each currency with units for one euro, empty or N/A where there is none."
    )


def read_rates(file: Path) -> Iterator[list[Rate]]:
    """The rates of each day, in the order of the file. Raises NotTheRates, which names the line and the column."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.reader(lines)
            head = [name.strip() for name in next(rows, [])]
            columns = _columns(file, head)
            for row in rows:
                if any(cell.strip() for cell in row):
                    yield _day(file, rows.line_num, columns, row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NotTheRates(f"{file} cannot be read: {error}.") from error


def _columns(file: Path, head: Sequence[str]) -> list[str]:
    # The bank's own file ends every line with a comma.
    columns = list(head[:-1] if head and head[-1] == "" else head)
    if not columns or columns[0].lower() != "date":
        raise NotTheRates(f"The first column of {file} is not called Date.", line=1)
    for name in columns[1:]:
        if not CURRENCY.fullmatch(name):
            raise NotTheRates(f"{name!r} in the first line of {file} is no currency.", line=1, column=name)
    if len(set(columns)) != len(columns) or len(columns) == 1:
        raise NotTheRates(f"{file} names a currency twice, or none.", line=1)
    return columns


def _day(file: Path, line: int, columns: Sequence[str], row: Sequence[str]) -> list[Rate]:
    cells = [cell.strip() for cell in row]
    if len(cells) == len(columns) + 1 and cells[-1] == "":
        cells.pop()
    if len(cells) != len(columns):
        raise NotTheRates(f"Line {line} of {file} has {len(cells)} cells, the first line {len(columns)}.", line=line)
    try:
        day = date.fromisoformat(cells[0])
    except ValueError:
        raise NotTheRates(f"{cells[0]!r} in line {line} of {file} is no day.", line=line, column="Date") from None
    return [
        Rate(day, name, _rate(file, line, name, cell))
        for name, cell in zip(columns[1:], cells[1:], strict=True)
        if cell not in NOT_PUBLISHED
    ]


def _rate(file: Path, line: int, column: str, cell: str) -> Decimal:
    try:
        rate = Decimal(cell)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or not 0 < rate < LARGEST_RATE or len(rate.as_tuple().digits) > MOST_DIGITS:
        raise NotTheRates(f"{cell!r} in line {line}, column {column} of {file} is no rate.", line=line, column=column)
    return rate


def import_rates(file: Path, made: Sessions, *, replace: bool, tell: bool) -> Filed:
    """Put a table on file, some days at a time; what is on file is skipped, so that it can be repeated or taken up again."""
    for _ in read_rates(file):  # the whole of it can be read, before any of it is written
        pass
    filed, last, days = Filed(), time.monotonic(), read_rates(file)
    while some := list(itertools.islice(days, DAYS_AT_ONCE)):
        with made.begin() as session:
            filed += currency.put_rates(session, [rate for day in some for rate in day], replace=replace)
        if tell and time.monotonic() - last >= 1:
            last = time.monotonic()
            say(f"  {filed.new + filed.replaced + filed.known:,} rates")
    return filed


def book_what_waited(made: Sessions) -> CaughtUp:
    """Book the differences of settlements that had no rate, as far as there is one now; the rest stay listed."""
    looked_at, booked, last = 0, 0, None
    while True:
        with made.begin() as session:
            page = currency.catch_up(session, database_time(session), limit=LOOKED_AT_ONCE, after=last)
        looked_at, booked, last = looked_at + page.looked_at, booked + page.booked, page.last
        if last is None:
            return CaughtUp(looked_at, booked, None)


def rates(
    file: Annotated[Path, typer.Argument(help="eurofxref-hist.csv, as the European Central Bank publishes it.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the file's figures over other ones on file. What is booked stays.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put the ECB's reference rates on file, then book the differences that waited for them. Needs a running stack or its addresses."""
    with in_plain_words():
        began = time.monotonic()
        with open_database(this_house()) as made:
            filed = import_rates(file, made, replace=replace, tell=not as_json)
            waited = book_what_waited(made)
        if as_json:
            still = waited.looked_at - waited.booked
            say_json({**asdict(filed), "differences": {"booked": waited.booked, "still_waiting": still}})
            return
        say(
            f"{filed.new:,} rates put on file in {time.monotonic() - began:.1f} s, {filed.replaced:,} replaced, "
            f"{filed.known:,} known before. Source: {currency.SOURCE}."
        )
        if waited.looked_at:
            say(
                f"{waited.booked:,} of {waited.looked_at:,} refunds that had no rate have one now; their differences are booked."
            )


def differences(
    no_rate: Annotated[bool, typer.Option("--no-rate", help="Only those that wait for a rate.")] = False,
    warned: Annotated[bool, typer.Option("--warned", help="Only those whose rate moved a lot.")] = False,
    most: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What the rate cost between sale and refund, newest first."""
    asked = {"status": "no_rate" if no_rate else None, "warned": "true" if warned else None}
    with in_plain_words(), call_server() as server:
        found = list(server.pages("/v1/exchange-differences", most=most, **asked))
        if as_json:
            say_json(found)
            return
        rows = [
            (
                one["return_id"],
                one["refunded_on"],
                money(one["returned"]),
                money(one["sale_value"]),
                money(one["refund_value"]),
                money(one["difference"]),
                one["bearer"],
                one["trouble"] or (in_basis_points(one["moved_bps"]) + (" !" if one["warning"] else "")),
            )
            for one in found
        ]
        show_table(("return", "refunded", "amount", "at sale", "at refund", "difference", "bearer", "moved"), rows)
