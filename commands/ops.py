"""`boomerang ops`: what operators do for returns that cannot move by themselves, and whether the books are in order."""

from typing import Annotated, Any

import typer

from commands.client import at
from commands.house import call_server
from commands.returns import AsJson, KeyGiven, Which
from commands.words import REFUSED, in_plain_words, say, say_json

app = typer.Typer(no_args_is_help=True, help="For operators.")


@app.command()
def retry(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why it can succeed now; for the timeline.")],
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Try again what failed for good."""
    with in_plain_words(), call_server() as server:
        case = server.post(at("/v1/ops/cases", which, "retry"), {"reason": reason}, key=key).body
        if as_json:
            say_json(case)
        else:
            say(f"{case['rma']} is {case['stage']}.")


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Check the invariants; exit status 1 when one does not hold."""
    with in_plain_words(), call_server() as server:
        found = server.get("/v1/ops/verify").body
        if as_json:
            say_json(found)
        else:
            _show(found)
        if not found["holds"]:
            raise typer.Exit(REFUSED)


def _show(found: dict[str, Any]) -> None:
    for check in found["checks"]:
        say(f"{'holds' if check['holds'] else 'BROKEN':<8}{check['says']}")
        if not check["holds"]:
            say(f"        {check['broken']} times, such as {', '.join(map(str, check['examples']))}")
