"""`boomerang ledger`: what each party bore in a month, on screen or as a file for whoever keeps the accounts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.house import call_server
from commands.returns import AsJson
from commands.words import WrongUse, in_plain_words, moment, money, say, say_json, show_table

app = typer.Typer(no_args_is_help=True, help="The ledger, for finance and auditors.")

TOTALS = ("party", "opening", "debits", "credits", "sum of the month", "closing", "entries")
LINES = ("at (UTC)", "return", "account", "amount", "rule", "source")


@app.command()
def statements(
    month: Annotated[str, typer.Option(help="The accounting month in UTC, such as 2026-11.")],
    bearer: Annotated[
        str | None,
        typer.Option(help="One party alone: merchant, carrier, …, or an account such as receivable:shopper."),
    ] = None,
    detail: Annotated[bool, typer.Option("--detail", help="Every line, with the rule of each fee.")] = False,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write every line into this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """What each party bore in a month: opening, every entry or their totals, sum and closing, by currency."""
    with in_plain_words(), call_server() as server:
        if csv_file:
            text = server.text("/v1/ledger/statements.csv", month=month, bearer=bearer)
            _write(csv_file, text)
            say(f"{csv_file}: {len(text.splitlines()) - 1:,} rows.")
            return
        found = server.get("/v1/ledger/statements", month=month, bearer=bearer, detail=detail or None).body
        if as_json:
            say_json(found)
            return
        _show(found)


def _show(found: dict[str, Any]) -> None:
    state = "ended" if found["ended"] else "not over yet"
    say(f"{found['month']}, {found['begins']} to {found['ends']}, {state}")
    say()
    show_table(TOTALS, [_totals(one["party"], one) for one in found["data"]])
    for one in found["data"]:
        if one.get("lines"):
            say()
            show_table(LINES, [_line(line) for line in one["lines"]], title=f"{one['party']}, {one['currency']}")


def _totals(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    sums = [money(one[part]) for part in ("opening", "debits", "credits", "sum", "closing")]
    return (name, *sums, f"{one['entries']:,}")


def _line(line: dict[str, Any]) -> tuple[str, ...]:
    return (
        moment(line["at"]),
        line["rma"] or "",
        line["account"],
        money(line["amount"]),
        line["rule"] or "",
        line["source"] or "",
    )


def _write(file: Path, text: str) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            out.write(text)
    except OSError as problem:
        raise WrongUse(f"{file} cannot be written: {problem.strerror}.", next_action="Name another file.") from None
