"""`boomerang order`: tell the engine what was sold, and ask what has become of it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.client import at
from commands.house import call_server
from commands.words import WrongUse, in_plain_words, moment, money, say, say_json, show_fields, show_table

app = typer.Typer(no_args_is_help=True, help="What was sold.")


@app.command()
def put(
    file: Annotated[
        str, typer.Argument(help="A JSON file with one order and its `id`, or a list of them; - reads standard input.")
    ],
) -> None:
    """Tell the engine of orders; the same order again changes nothing."""
    with in_plain_words(), call_server() as server:
        for told in _orders(file):
            body = {name: value for name, value in told.items() if name != "id"}
            said = server.put(at("/v1/orders", told["id"]), body).body
            say(f"{told['id']} {'is new' if said.get('new') else 'was known and is as told'}")


@app.command()
def show(
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """An order, with what has come back of each line."""
    with in_plain_words(), call_server() as server:
        found = server.get(at("/v1/orders", order_id)).body
        if as_json:
            say_json(found)
            return
        fields = [("order", found["id"]), ("customer", found["customer_id"] or "a guest"), ("market", found["market"])]
        show_fields([*fields, ("placed", moment(found["placed_at"])), ("total", money(found["total"]))])
        say()
        show_table(("line", "sku", "bought", "left", "paid", "refunded"), [_line(line) for line in found["lines"]])


def _line(line: dict[str, Any]) -> tuple[str, ...]:
    counts = (str(line["quantity"]), str(line["left"]))
    return (line["id"], line["sku"], *counts, money(line["paid"]), money(line["refunded"]))


def read_json(file: str) -> Any:
    """The JSON of a file, or of standard input. Raises WrongUse when it is none."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise WrongUse(
            f"{file} cannot be read: {error.strerror}.", next_action="Name a file, or - for standard input."
        ) from None
    except ValueError as error:
        raise WrongUse(f"{file} is not JSON: {error}.", next_action="Correct it; GET /docs shows an order.") from None


def _orders(file: str) -> list[dict[str, Any]]:
    read = read_json(file)
    told = read if isinstance(read, list) else [read]
    for order in told:
        if not isinstance(order, dict) or not isinstance(order.get("id"), str) or not order["id"]:
            raise WrongUse(
                "An order has no `id`.", next_action='Give each order its id: {"id": "o_1", "placed_at": …}.'
            )
    return told
