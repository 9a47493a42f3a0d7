"""`boomerang goodwill`: money beyond what a return brings back, for the second person who decides about it."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from commands.client import at
from commands.house import call_server
from commands.returns import AsJson, KeyGiven
from commands.returns import Which as Return
from commands.returns import app as returns
from commands.words import WrongUse, in_plain_words, moment, money, say, say_json, show_table
from domain.goodwill import GoodwillStatus
from domain.money import LARGEST_MINOR, exponent

app = typer.Typer(no_args_is_help=True, help="Goodwill: looked at, approved or refused by a second person.")

As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who acts, where one key serves several people.")]
Which = Annotated[str, typer.Argument(metavar="GOODWILL", help="The goodwill's id: gw_…")]


@app.command("list")
def list_(
    status: Annotated[
        GoodwillStatus | None, typer.Option(help="Only these; proposed are those that wait for a second person.")
    ] = None,
    of: Annotated[str | None, typer.Option("--return", help="Only of this return.")] = None,
    most: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Goodwill, newest first."""
    with in_plain_words(), call_server() as server:
        found = list(server.pages("/v1/goodwill", most=most, status=status, return_id=of))
        if as_json:
            say_json(found)
            return
        columns = ("goodwill", "amount", "status", "asked by", "asked (UTC)", "return", "reason")
        show_table(columns, [_row(one) for one in found])


@app.command()
def approve(which: Which, actor: As = None, key: KeyGiven = None, as_json: AsJson = False) -> None:
    """Agree to it, as somebody else than asked for it; it is paid at once."""
    _decide(which, "approve", {}, actor, key, as_json)


@app.command()
def refuse(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why.")],
    actor: As = None,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Do not agree to it."""
    _decide(which, "refuse", {"reason": reason}, actor, key, as_json)


def _decide(which: str, what: str, body: dict[str, Any], actor: str | None, key: str | None, as_json: bool) -> None:
    with in_plain_words(), call_server() as server:
        say_goodwill(server.post(at("/v1/goodwill", which, what), body, key=key, actor=actor).body, as_json)


@returns.command("goodwill")
def propose(
    which: Return,
    amount: Annotated[str, typer.Option(help="How much, in the currency of the return, such as 5.00.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    order: Annotated[str | None, typer.Option(help="Of which order, where the return has several.")] = None,
    again: Annotated[bool, typer.Option("--again", help="The same was asked for before; this is another one.")] = False,
    actor: As = None,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Propose money beyond what the return brings back; above the policy's limit a second person approves."""
    with in_plain_words(), call_server() as server:
        case = server.get(at("/v1/returns", which)).body
        currency = case["currency"]
        body = {
            "amount": {"amount": to_minor(amount, currency), "currency": currency},
            "reason": reason,
            **({"order_id": order} if order else {}),
            **({"again": True} if again else {}),
        }
        path = at("/v1/returns", case["id"], "goodwill")
        say_goodwill(server.post(path, body, key=key, actor=actor).body, as_json)


def to_minor(text: str, currency: str) -> int:
    """What was typed, in minor units. What a currency cannot hold is wrong use.

    >>> to_minor("5.00", "EUR"), to_minor("500", "JPY")
    (500, 500)
    """
    try:
        minor = Decimal(text).scaleb(exponent(currency))
    except InvalidOperation:
        minor = Decimal("NaN")
    if not minor.is_finite() or abs(minor) >= LARGEST_MINOR or minor != minor.to_integral_value():
        raise WrongUse(f"{text!r} is no amount in {currency}.", next_action="Write for example --amount 5.00.")
    return int(minor)


def say_goodwill(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(one)
    else:
        say(f"{one['id']}: {money(one['amount'])} is {one['status']}.")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    asked = one["proposed"]
    return (
        one["id"],
        money(one["amount"]),
        one["status"],
        asked["by"],
        moment(asked["at"]),
        one["return_id"],
        one["reason"],
    )
