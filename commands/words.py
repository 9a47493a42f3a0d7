"""How the command line speaks: a sentence for the person, what to do next, and an exit status; never a trace."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from domain.errors import BoomerangError
from domain.money import format_minor
from gateways.errors import GatewayError

REFUSED, WRONG_USE = 1, 2
WIDE = 400


class WrongUse(BoomerangError):
    """The command was called in a way that cannot be right, whatever the product says: exit status 2."""

    code: ClassVar[str] = "wrong_use"
    title: ClassVar[str] = "The command cannot be understood"
    next_action: ClassVar[str] = "See `boomerang --help`."

    def __init__(self, detail: str, *, next_action: str | None = None, **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.advice = next_action or self.next_action


def say(text: str = "") -> None:
    """One line on standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """One line beside the output, on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Turn what went wrong into a sentence and an exit status."""
    try:
        yield
    except WrongUse as error:
        _complain(error.detail, error.advice)
        raise typer.Exit(WRONG_USE) from None
    except BoomerangError as error:
        _complain(error.detail, getattr(error, "advice", error.next_action))
        raise typer.Exit(REFUSED) from None
    except GatewayError as error:
        _complain(f"A partner did not do what was asked: {error}.", "Look at its log, then run the command again.")
        raise typer.Exit(REFUSED) from None
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines() or [type(error).__name__]
        _complain(f"The database did not do what was asked: {said[0]}.", "Look at its log, then run the command again.")
        raise typer.Exit(REFUSED) from None


def _complain(sentence: str, advice: str) -> None:
    note(f"boomerang: {sentence}")
    if advice:
        note(f"  What to do: {advice}")


def money(value: dict[str, Any] | None) -> str:
    """`{"amount": 1234, "currency": "EUR"}` as `EUR 12.34`."""
    if not value:
        return ""
    return f"{value['currency']} {format_minor(value['amount'], value['currency'])}"


def moment(value: str | datetime | None) -> str:
    """A moment to the minute, UTC, as people read it."""
    if not value:
        return ""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{at:%Y-%m-%d %H:%M}"


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """A table that fits the terminal; in a pipe or a file every row is one whole line."""
    table = Table(*columns, title=title, box=None, pad_edge=False, title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))  # what people wrote is text, whatever brackets are in it
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def show_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Names and values under each other; empty ones are left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(f"{name:<{width}}  {value}")
