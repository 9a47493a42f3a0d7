"""`boomerang data import`: orders, customers and payments of a folder in the shape of the Online Retail data."""

import itertools
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

import typer

from commands.house import open_database, open_payments, this_house
from commands.rates import differences, rates
from commands.words import in_plain_words, say, say_json
from database import bulk, orders
from database.engine import Sessions
from domain.errors import BoomerangError
from domain.order import Order
from examples.reader import read_cancellations, read_orders
from gateways.errors import OutcomeUnknown, ProviderUnreachable
from gateways.payments.base import Payment, PaymentGateway

FILES = ("order_lines.csv.gz", "cancellation_lines.csv.gz", "country_map.csv")
BATCH = 500  # orders; about 13,000 lines
PAYMENTS_AT_ONCE = 1000
TRIES, PAUSE_S = 10, 0.5

app = typer.Typer(no_args_is_help=True, help="Take in data of other systems.")
app.command()(rates)
app.command()(differences)


class NotTheData(BoomerangError):
    """The folder has not the files, or not the columns, that can be read."""

    code: ClassVar[str] = "not_the_data"
    next_action: ClassVar[str] = f"Give a folder with {', '.join(FILES)}; see examples/online_retail/README.md."


@dataclass(frozen=True)
class Imported:
    """What an import came to: orders and lines that are new, orders that were known, seconds it took."""

    orders: int = 0
    lines: int = 0
    known: int = 0
    seconds: float = 0.0

    def sentence(self) -> str:
        speed = f"{self.lines / self.seconds:,.0f} lines per second" if self.lines and self.seconds else "nothing new"
        return f"{self.orders:,} orders with {self.lines:,} lines imported in {self.seconds:.1f} s ({speed}), {self.known:,} known before"


Told = Callable[[Imported], None]
Item = TypeVar("Item")


def import_folder(folder: Path, made: Sessions, payments: PaymentGateway, told: Told) -> Imported:
    """Import the orders of a folder, a batch at a time; what is there is skipped, so that it can be repeated or taken up again.

    An order is written after its payment is known to the provider: whatever can be returned can be refunded.
    """
    check_folder(folder)
    began, imported = time.monotonic(), Imported()
    try:
        _customers_without_orders(folder, made)
        for batch in _batches(read_orders(folder), BATCH):
            _register(payments, batch)
            new = _write(made, batch)
            imported = Imported(
                orders=imported.orders + len(new),
                lines=imported.lines + sum(len(order.lines) for order in new),
                known=imported.known + len(batch) - len(new),
                seconds=time.monotonic() - began,
            )
            told(imported)
    except (KeyError, ValueError, EOFError, OSError, zlib.error) as error:
        raise NotTheData(f"{folder} cannot be read: {type(error).__name__}: {error}.") from error
    if imported.orders:
        with made.begin() as session:
            bulk.analyze(session)
    return imported


def check_folder(folder: Path) -> None:
    """Raises NotTheData, naming the first file that is missing."""
    missing = next((name for name in FILES if not (folder / name).is_file()), None)
    if missing:
        raise NotTheData(f"There is no {missing} in {folder}.")


def _customers_without_orders(folder: Path, made: Sessions) -> None:
    """Customers of cancellations are known even when they bought nothing in the data: that is what the answer to them says."""
    countries = {found.customer_id: found.market for found in read_cancellations(folder) if found.customer_id}
    with made.begin() as session:
        bulk.put_customers(session, countries, replace=False)


def _write(made: Sessions, batch: Sequence[Order]) -> list[Order]:
    with made.begin() as session:
        bulk.take_turns(session)
        known = orders.known_ids(session, [order.id for order in batch])
        new = [order for order in batch if order.id not in known]
        # Oldest first: a customer who moved lives where the last order went.
        bulk.put_customers(
            session, {order.customer_id: order.market for order in new if order.customer_id}, replace=True
        )
        bulk.put_new(session, new)
        return new


def _register(payments: PaymentGateway, batch: Sequence[Order]) -> None:
    captured = [
        Payment(tender.reference, tender.amount_minor, order.currency)
        for order in batch
        for tender in order.tenders
        if tender.amount_minor  # an order of free gifts was never charged
    ]
    for some in _batches(captured, PAYMENTS_AT_ONCE):
        for tries_left in reversed(range(TRIES)):
            try:
                payments.register_payments(some)
                break
            except (ProviderUnreachable, OutcomeUnknown):
                if not tries_left:
                    raise
                time.sleep(PAUSE_S)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="The folder with the data: a sample or the whole year.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Import orders, customers and payments; what is there is skipped. Needs a running stack or its addresses."""
    with in_plain_words():
        settings, last = this_house(), [0.0]

        def told(so_far: Imported) -> None:
            if not as_json and time.monotonic() - last[0] >= 1:
                last[0] = time.monotonic()
                say(f"  {so_far.orders:,} orders, {so_far.lines:,} lines")

        with open_database(settings) as made, open_payments(settings) as payments:
            done = import_folder(folder, made, payments, told)
        if as_json:
            say_json(vars(done))
        else:
            say(done.sentence())
