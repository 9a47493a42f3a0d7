"""Reading a folder of the Online Retail data: its orders, its cancellations, and what the published matching found.

The sample in examples/online_retail and the whole public year have the same files and are read alike. Nothing is judged here.
What the data lacks stays lacking: no delivery date, no reason, no condition.

Times in the data are local to the shop, to the minute; they are read as Europe/London and given in UTC. An order has one moment:
42 invoices have lines stamped a minute apart, and the earliest stamp is taken, under which oldest-first matching finds exactly
the published matches. Prices are pounds; four lines cost 0.001, which is 0 in pence and therefore a gift to the rules here: three
of them are goods (cushion pads), and no cancellation names that item.
"""

import csv
import gzip
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.matching import UnmatchedReason
from domain.order import Order, OrderLine, Tender

CURRENCY = "GBP"
SHOP_TIME = ZoneInfo("Europe/London")
UNKNOWN_MARKET = "ZZ"  # of the codes that ISO 3166-1 leaves to users; the data says "Unspecified", or "Channel Islands"
MARKETS_WITHOUT_ISO_CODE = {"European Community": "EU"}


@dataclass(frozen=True)
class Cancellation:
    """One cancellation line: so many units of an item taken back or credited, without the number of the order.

    `credited_minor` is the price credited per unit, which may differ from the price paid.
    """

    id: str
    customer_id: str | None
    market: str
    sku: str
    description: str
    quantity: int
    credited_minor: int
    declared_at: datetime
    item_class: str


@dataclass(frozen=True)
class ExpectedMatch:
    """A published row: units of a cancellation taken from one order line; `paid_minor` is their original value."""

    cancellation_id: str
    match_no: int
    order_id: str
    order_line_id: str
    quantity: int
    paid_minor: int


@dataclass(frozen=True)
class ExpectedUnmatched:
    """A published row: units of a cancellation for which no purchase was found, and the reason."""

    cancellation_id: str
    quantity: int
    reason: UnmatchedReason


def read_orders(folder: Path) -> Iterator[Order]:
    """The orders of the folder, oldest first, each with its lines in the order of the invoice and paid by one card."""
    markets = read_markets(folder)
    for invoice, rows in itertools.groupby(_rows(folder / "order_lines.csv.gz"), key=lambda row: row["invoice_no"]):
        yield _order(invoice, list(rows), markets)


def read_cancellations(folder: Path) -> list[Cancellation]:
    """The cancellation lines of the folder in time order, then in the order of the file."""
    markets = read_markets(folder)
    found = [_cancellation(row, markets) for row in _rows(folder / "cancellation_lines.csv.gz")]
    return sorted(found, key=lambda cancellation: cancellation.declared_at)


def read_expected_matches(folder: Path) -> list[ExpectedMatch]:
    """What the published matching found, in the order of the file."""
    return [
        ExpectedMatch(
            cancellation_id=row["return_id"],
            match_no=int(row["match_no"]),
            order_id=row["original_invoice"],
            order_line_id=row["original_line_id"],
            quantity=int(row["quantity"]),
            paid_minor=pence(row["original_value"]),
        )
        for row in _rows(folder / "returns_matched.csv.gz")
    ]


def read_expected_unmatched(folder: Path) -> list[ExpectedUnmatched]:
    """The units for which the published matching found no purchase, in the order of the file."""
    return [
        ExpectedUnmatched(row["return_id"], int(row["quantity"]), UnmatchedReason(row["reason"]))
        for row in _rows(folder / "returns_unmatched.csv.gz")
    ]


def read_markets(folder: Path) -> Mapping[str, str]:
    """The market code by the name of the country in the data; ZZ where the name is no country."""
    with (folder / "country_map.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["country"]: row["iso_alpha2"] or MARKETS_WITHOUT_ISO_CODE.get(row["country"], UNKNOWN_MARKET)
            for row in csv.DictReader(file)
        }


@lru_cache(maxsize=10_000)
def pence(pounds: str) -> int:
    """Pounds as the data writes them, in pence; half a penny and more is rounded up, which concerns only the price 0.001.

    >>> pence("2.55"), pence("0.001")
    (255, 0)
    """
    return int((Decimal(pounds) * 100).to_integral_value(ROUND_HALF_UP))


@lru_cache(maxsize=10_000)
def moment(stamp: str) -> datetime:
    """The instant of a stamp in the shop's local time.

    >>> moment("2011-06-01 08:26").isoformat()
    '2011-06-01T07:26:00+00:00'
    """
    return datetime.fromisoformat(stamp).replace(tzinfo=SHOP_TIME).astimezone(UTC)


def _order(invoice: str, rows: list[dict[str, str]], markets: Mapping[str, str]) -> Order:
    lines = tuple(_line(row) for row in rows)
    return Order(
        id=invoice,
        customer_id=rows[0]["customer_id"] or None,
        market=markets[rows[0]["country"]],
        placed_at=moment(min(row["invoice_date"] for row in rows)),
        delivered_at=None,
        currency=CURRENCY,
        lines=lines,
        tenders=(_tender(invoice, lines),),
    )


def _line(row: dict[str, str]) -> OrderLine:
    return OrderLine(
        order_id=row["invoice_no"],
        id=row["line_id"],
        sku=row["stock_code"],
        description=row["description"],
        category=row["item_class"],
        quantity=int(row["quantity"]),
        unit_price_minor=pence(row["unit_price"]),
        discount_minor=0,
    )


def _tender(invoice: str, lines: Iterable[OrderLine]) -> Tender:
    return Tender(
        order_id=invoice,
        id=f"{invoice}-card",
        method="card",
        amount_minor=sum(line.paid_minor for line in lines),
        processor="simulated",
        reference=f"pay_{invoice}",
    )


def _cancellation(row: dict[str, str], markets: Mapping[str, str]) -> Cancellation:
    return Cancellation(
        id=row["return_id"],
        customer_id=row["customer_id"] or None,
        market=markets[row["country"]],
        sku=row["stock_code"],
        description=row["description"],
        quantity=int(row["quantity"]),
        credited_minor=pence(row["unit_price"]),
        declared_at=moment(row["return_date"]),
        item_class=row["item_class"],
    )


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)
