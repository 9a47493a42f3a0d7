"""`boomerang ops`: what operators do for returns that cannot move by themselves, and whether the books are in order."""

import time
from typing import Annotated, Any

import typer

from commands.client import ServerClient, at
from commands.house import call_server
from commands.returns import AsJson, KeyGiven, Which
from commands.words import REFUSED, in_plain_words, moment, note, say, say_json, show_table
from domain.money import EXPONENTS, format_minor

FIRST_LOOK_S, LONGEST_LOOK_S = 0.1, 2.0
NO_NEWS_S = 60.0  # a provider's page takes some ten seconds at most; nobody waits for one that is away all night
EXAMPLES = 5

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
def reconcile(
    provider: Annotated[str, typer.Option(help="The payment provider's code; all of them when left out.")] = "all",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is done; else it goes on by itself.")] = True,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Lay the providers' own lists beside our refunds; exit status 1 when differences are open."""
    with in_plain_words(), call_server() as server:
        begun = server.post("/v1/ops/reconciliations", {"provider": provider}, key=key).body
        run = _until_done(server, begun) if wait else begun
        if as_json:
            say_json(run)
        elif not wait:
            say(f"{run['id']} is {run['status']}; boomerang ops differences says what it finds.")
        else:
            _show_run(run)
        if wait and (run["status"] != "finished" or run["open_differences"]):
            raise typer.Exit(REFUSED)


@app.command()
def differences(
    every: Annotated[bool, typer.Option("--all", help="Those that are resolved too.")] = False,
    which: Annotated[str | None, typer.Option("--return", help="Of this return only: its id or RMA number.")] = None,
    most: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What providers' books say otherwise than ours, newest first."""
    with in_plain_words(), call_server() as server:
        asked = {"status": None if every else "open", "return": which}
        found = list(server.pages("/v1/ops/differences", most=most, **asked))
        if as_json:
            say_json(found)
            return
        columns = ("difference", "kind", "amount", "return", "since (UTC)", "what", "resolved")
        show_table(columns, [_row(one) for one in found])


@app.command()
def resolve(
    which: Annotated[str, typer.Argument(help="The difference's id: dif_…")],
    reason: Annotated[str, typer.Option(help="What was done about it, for those who ask later.")],
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Note that a person has dealt with a difference. No money moves by this."""
    with in_plain_words(), call_server() as server:
        one = server.post(at("/v1/ops/differences", which, "resolve"), {"reason": reason}, key=key).body
        if as_json:
            say_json(one)
        else:
            say(f"{one['id']} is {one['status']}.")


@app.command()
def verify(
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the payment providers; what they said last time counts.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the providers, then check the invariants I1 to I5; exit status 0 only if all hold."""
    with in_plain_words(), call_server() as server:
        run = None
        if not offline:
            run = _until_done(server, server.post("/v1/ops/reconciliations", {"provider": "all"}).body)
        found = server.get("/v1/ops/verify").body
        unasked = [one["provider"] for one in run["providers"] if one["status"] != "finished"] if run else []
        if as_json:
            say_json(found if run is None else {**found, "reconciliation": run})
        else:
            _show(found, unasked)
        if unasked or not found["holds"]:
            raise typer.Exit(REFUSED)


def _until_done(server: ServerClient, run: dict[str, Any]) -> dict[str, Any]:
    """The run, once it has ended; how far it is goes to standard error. Without an answer for too long, the run as it stands."""
    pause, told, last_news = FIRST_LOOK_S, "", time.monotonic()
    while run["status"] in ("asked", "running"):
        if (now := _progress(run)) != told:
            note(now)
            told, last_news = now, time.monotonic()
        elif time.monotonic() - last_news > NO_NEWS_S:
            return run
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_LOOK_S)
        run = server.get(at("/v1/ops/reconciliations", run["id"])).body
    return run


def _progress(run: dict[str, Any]) -> str:
    parts = [
        f"{one['provider']} {one['trouble']['last_error']}"
        if one["trouble"]
        else f"{one['provider']} {one['status']}, {one['listed']} listed"
        for one in run["providers"]
    ]
    return f"{run['id']}: {'; '.join(parts)}"


def _show_run(run: dict[str, Any]) -> None:
    for one in run["providers"]:
        if one["status"] != "finished":
            said = f": {one['trouble']['last_error']}" if one["trouble"] else ""
            say(f"{one['provider']}: {one['status']}{said}")
            continue
        say(
            f"{one['provider']}: {one['listed']} refunds listed, {one['ours']} ours, {one['adopted']} reports taken over"
        )
        for sums in one["sums"]:
            theirs, ours, off = (_minor(sums[name], sums["currency"]) for name in ("provider", "ours", "difference"))
            say(f"  {sums['currency']}: provider {theirs}, ours {ours}, difference {off}")
    if run["status"] == "finished" and not run["open_differences"]:
        say("reconciled: no difference is open")
    elif run["status"] == "finished":
        say(f"not reconciled: {_times(run['open_differences'], 'difference')} open; see boomerang ops differences")
    else:
        say(f"not reconciled: {run['id']} is {run['status']}; look at the provider, then run it again")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    resolved = one["resolved"] or {}
    told = f"{resolved['how']}, {resolved['by']}" if resolved else ""
    since = moment(one["first_seen_at"])
    amount, currency = one["amount"]["amount"], one["amount"]["currency"]
    return (
        one["id"],
        one["kind"],
        f"{currency} {_minor(amount, currency)}",
        one["return_id"] or "",
        since,
        one["said"],
        told,
    )


def _show(found: dict[str, Any], unasked: list[str]) -> None:
    asked = {one["provider"]: moment(one["at"]) for one in found["asked"]}
    for provider, when in asked.items():
        say(f"{provider}: its books as of {when} UTC")
    for provider in unasked:
        say(f"{provider}: could not be asked now; look at it, then run this again")
    for check in found["checks"]:
        say(f"{check['invariant']}  {'holds' if check['holds'] else 'BROKEN':<8}{check['says']}")
        if not check["holds"]:
            _show_broken(check)
    broken = {check["invariant"] for check in found["checks"] if not check["holds"]}
    if broken:
        say(f"BROKEN: {', '.join(sorted(broken))}. The first thing to do stands under each.")
    elif unasked:
        say(f"All that can be seen from here holds; {', '.join(unasked)} could not be asked.")
    else:
        say(f"I1 to I5 hold: {len(found['checks'])} checks, none broken.")


def _show_broken(check: dict[str, Any]) -> None:
    say(f"    {_times(check['broken'], 'thing')}, such as:")
    for example in check["examples"][:EXAMPLES]:
        say(f"      {', '.join(f'{name} {value}' for name, value in example.items() if value is not None)}")
    say(f"    What to do: {check['what_to_do']}")


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _minor(minor: int, currency: str) -> str:
    """As a decimal number; a provider may name a currency that nobody else does."""
    return format_minor(minor, currency) if currency in EXPONENTS else str(minor)
