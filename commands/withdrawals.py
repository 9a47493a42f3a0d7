"""`boomerang withdrawal`: the statutory right of withdrawal, for the person who looks at what could not be carried out by itself."""

from typing import Annotated, Any

import typer

from commands.client import at
from commands.house import call_server
from commands.returns import AsJson, KeyGiven
from commands.words import in_plain_words, moment, say, say_json, show_fields, show_table
from domain.withdrawal import WithdrawalStatus

app = typer.Typer(no_args_is_help=True, help="Withdrawals that consumers declared.")

Which = Annotated[str, typer.Argument(help="The withdrawal's id: wdr_…")]


@app.command("list")
def list_(
    status: Annotated[
        WithdrawalStatus | None, typer.Option(help="Only these; with_a_person are those that wait for one.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Withdrawals, newest first."""
    with in_plain_words(), call_server() as server:
        found = list(server.pages("/v1/withdrawals", most=most, status=status))
        if as_json:
            say_json(found)
            return
        columns = ("withdrawal", "submitted (UTC)", "status", "why", "contract", "return", "mail")
        show_table(columns, [_row(one) for one in found])


@app.command()
def show(which: Which, as_json: AsJson = False) -> None:
    """A withdrawal, what became of it, and its acknowledgement."""
    with in_plain_words(), call_server() as server:
        one = server.get(at("/v1/withdrawals", which)).body
        if as_json:
            say_json(one)
            return
        handled = one["handled"] or {}
        show_fields(
            [
                ("withdrawal", one["id"]),
                ("submitted (UTC)", moment(one["submitted_at"])),
                ("status", one["status"]),
                ("why a person", " ".join(filter(None, (one["reason"], one["reason_note"])))),
                ("name", one["name"]),
                ("e-mail", one["email"]),
                ("contract", one["contract"]),
                ("goods", one["goods"] or "the whole contract"),
                ("return", one["return_id"] or ""),
                ("acknowledged", _mail(one)),
                ("answered by", handled.get("by", "")),
                ("answer", handled.get("answer", "")),
            ]
        )


@app.command()
def answer(
    which: Which,
    text: Annotated[str, typer.Argument(help="What was done, for those who ask later.")],
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Note that a person has handled it. Writing to the consumer is that person's own."""
    with in_plain_words(), call_server() as server:
        one = server.post(at("/v1/withdrawals", which, "answer"), {"text": text}, key=key).body
        if as_json:
            say_json(one)
        else:
            say(f"{one['id']} is {one['status']}.")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    told = (one["status"], one["reason"] or "", one["contract"], one["return_id"] or "")
    return (one["id"], moment(one["submitted_at"]), *told, _mail(one))


def _mail(one: dict[str, Any]) -> str:
    sent, trouble = one["acknowledgement"]["sent_at"], one["acknowledgement"]["trouble"]
    if sent:
        return moment(sent)
    return f"not yet: {trouble['error']}, tried {trouble['tries']} times" if trouble else "not yet"
