"""`boomerang customs`: claims for duty and import tax by their deadlines, and what became of each."""

from typing import Annotated, Any

import typer

from commands.client import at
from commands.house import call_server
from commands.orders import read_json
from commands.returns import AsJson, KeyGiven
from commands.words import WrongUse, in_plain_words, money, say, say_json, show_table
from domain.customs import ClaimStatus
from domain.money import UnknownCurrency, exponent

app = typer.Typer(no_args_is_help=True, help="Customs: what may be claimed back, and until when.")

Which = Annotated[str, typer.Argument(help="The claim's id: clm_…")]


@app.command()
def put(
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    file: Annotated[str, typer.Argument(help="A JSON file with what customs knows of it; - reads standard input.")],
) -> None:
    """Tell what customs knows of the goods of an order; it replaces what was told before."""
    with in_plain_words(), call_server() as server:
        lines = server.put(at("/v1/orders", order_id, "customs"), read_json(file)).body["lines"]
        say(f"customs knows {len(lines)} {'line' if len(lines) == 1 else 'lines'} of {order_id}")


@app.command()
def claims(
    status: Annotated[ClaimStatus | None, typer.Option(help="Only these.")] = None,
    due_before: Annotated[str | None, typer.Option(help="Only those due before this day, such as 2026-12-24.")] = None,
    most: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Claims, the nearest deadline first; overdue ones are marked with !."""
    with in_plain_words(), call_server() as server:
        found = list(server.pages("/v1/customs-claims", most=most, status=status, due_before=due_before))
        if as_json:
            say_json(found)
            return
        show_table(
            ("claim", "due", "status", "what", "return", "expected", "recovered", "for", "missing"),
            [_row(one) for one in found],
        )


@app.command()
def show(which: Annotated[str, typer.Argument(help="The return's id or RMA number.")], as_json: AsJson = False) -> None:
    """What customs knows of the goods of a return, its claims, and what becomes of duty and import tax."""
    with in_plain_words(), call_server() as server:
        found = server.get(at("/v1/returns", which, "customs")).body
        if as_json:
            say_json(found)
            return
        show_table(
            ("line", "commodity", "from", "to", "declared", "duty", "import tax", "paid by"),
            [
                (
                    one["line_id"],
                    one["hs_code"],
                    one["exported_from"],
                    one["imported_into"],
                    money(one["declared_value"]),
                    money(one["duty_paid"]),
                    money(one["import_tax_paid"]),
                    one["paid_by"] or "",
                )
                for one in found["lines"]
            ],
        )
        for one in found["duty"]:
            say(f"{one['line_id']}: {one['answer']}.")
        if found["claims"]:
            say()
            show_table(
                ("claim", "due", "status", "what", "return", "expected", "recovered", "for", "missing"),
                [_row(one) for one in found["claims"]],
            )


@app.command()
def file(
    which: Which,
    reference: Annotated[str, typer.Option(help="Under which the authority has it.")],
    note: Annotated[str | None, typer.Option(help="For those who ask later.")] = None,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Note that a claim was handed in. Handing it in is your own."""
    _say_of(which, "file", {"reference": reference, **({"note": note} if note else {})}, key, as_json)


@app.command()
def recovered(
    which: Which,
    minor: Annotated[int, typer.Argument(min=0, help="What came, in minor units; 0 for a relief that was granted.")],
    currency: Annotated[str, typer.Argument(help="Its currency.")],
    note: Annotated[str | None, typer.Option(help="For those who ask later.")] = None,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Note what a claim brought."""
    with in_plain_words():
        try:
            exponent(currency)
        except UnknownCurrency as error:
            raise WrongUse(error.detail, next_action=error.next_action) from None
    amount = {"amount": minor, "currency": currency}
    _say_of(which, "recovered", {"amount": amount, **({"note": note} if note else {})}, key, as_json)


@app.command()
def rejected(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why: the authority's word, or why it was never filed.")],
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """End a claim without money."""
    _say_of(which, "rejected", {"reason": reason}, key, as_json)


def _say_of(which: str, verb: str, body: dict[str, Any], key: str | None, as_json: bool) -> None:
    with in_plain_words(), call_server() as server:
        one = server.post(at("/v1/customs-claims", which, verb), body, key=key).body
        if as_json:
            say_json(one)
        else:
            say(f"{one['id']} is {one['status']}.")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    due = one["deadline"] or "not known"
    return (
        one["id"],
        f"{due} !" if one["overdue"] else due,
        one["status"],
        one["title"],
        one["return_id"],
        money(one["expected"]) if one["expected"]["amount"] else "spared",
        money(one["recovered"]),
        one["recovered_for"],
        ", ".join(one["missing"]),
    )
