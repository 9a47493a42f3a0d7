"""`boomerang return` and `boomerang receipt`: the same doors that storefronts, the warehouse and operators use over HTTP."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.client import at
from commands.house import call_server
from commands.orders import read_json
from commands.words import WrongUse, in_plain_words, moment, money, say, say_json, show_fields, show_table
from domain.destination import DestinationKind
from domain.reasons import ReturnReason
from domain.stages import Stage
from domain.state import Method
from domain.tier import Tier

app = typer.Typer(no_args_is_help=True, help="Returns: open, look at, decide, judge.")

Which = Annotated[str, typer.Argument(metavar="RETURN", help="The return's id (ret_…) or RMA number.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
KeyGiven = Annotated[
    str | None, typer.Option("--key", help="Idempotency-Key: the same command with the same key is carried out once.")
]


@app.command("open")
def open_(
    file: Annotated[str | None, typer.Argument(help="A JSON file with the request; - reads standard input.")] = None,
    order: Annotated[str | None, typer.Option(help="The order's id.")] = None,
    customer: Annotated[
        str | None, typer.Option(help="The customer's id; without an order, the oldest purchases of the SKU are found.")
    ] = None,
    line: Annotated[
        list[str] | None, typer.Option(metavar="LINE=QUANTITY", help="An order line; may be repeated.")
    ] = None,
    sku: Annotated[
        list[str] | None, typer.Option(metavar="SKU=QUANTITY", help="Goods by SKU; may be repeated.")
    ] = None,
    reason: Annotated[ReturnReason, typer.Option(help="Why.")] = ReturnReason.NO_REASON,
    method: Annotated[Method, typer.Option(help="How the goods come back.")] = Method.LABEL,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be answered; write nothing.")] = False,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Open a return."""
    with in_plain_words():
        body = read_json(file) if file else _request(order, customer, line or [], sku or [], reason, method)
        with call_server() as server:
            if preview:
                say_json(server.post("/v1/returns/preview", body).body)
                return
            _show(server.post("/v1/returns", body, key=key).body, as_json)


@app.command()
def show(
    which: Which,
    timeline: Annotated[bool, typer.Option("--timeline", help="What happened, and who said so.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Every decision, with its rule and source.")] = False,
    ledger: Annotated[bool, typer.Option("--ledger", help="Every movement of money.")] = False,
    terms: Annotated[bool, typer.Option("--terms", help="The terms frozen into it.")] = False,
    as_json: AsJson = False,
) -> None:
    """One return."""
    with in_plain_words(), call_server() as server:
        parts = {"timeline": timeline, "explanation": why, "ledger": ledger, "terms": terms}
        asked = [name for name, wanted in parts.items() if wanted]
        if not asked:
            _show(server.get(at("/v1/returns", which)).body, as_json)
        for name in asked:
            found = server.get(at("/v1/returns", which, name)).body
            if as_json or name not in _SHOWN:
                say_json(found)
            else:
                _SHOWN[name](found)


@app.command("list")
def list_(
    stage: Annotated[Stage | None, typer.Option(help="Only in this stage.")] = None,
    tier: Annotated[Tier | None, typer.Option(help="Only of this tier.")] = None,
    market: Annotated[str | None, typer.Option(help="Only of this market, such as GB.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Only those that need a person.")] = False,
    q: Annotated[str | None, typer.Option("--find", help="By id, RMA, order or customer.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Returns, newest first."""
    with in_plain_words(), call_server() as server:
        wanted = {"stage": stage, "tier": tier, "market": market, "customer": customer, "q": q}
        asked = {**wanted, "needs_attention": "true" if attention else None}
        found = list(server.pages("/v1/returns", most=most, **asked))
        if as_json:
            say_json(found)
            return
        columns = ("rma", "stage", "tier", "market", "customer", "refunded", "due (UTC)", "opened (UTC)")
        show_table(columns, [_row(one) for one in found])


@app.command()
def inspect(
    which: Which,
    grade: Annotated[str, typer.Option(help="The condition of everything: A, B, C or D.")] = "A",
    reject: Annotated[
        bool, typer.Option("--reject", help="Nothing is accepted; the goods go back to the shopper.")
    ] = False,
    found: Annotated[str | None, typer.Option(help="What was seen.")] = None,
    file: Annotated[
        str | None, typer.Option(help="A JSON file with findings line by line instead; - reads standard input.")
    ] = None,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Write down what the bench found, for all lines of the return at once."""
    with in_plain_words(), call_server() as server:
        seen = server.get(at("/v1/returns", which))
        body = read_json(file) if file else _findings(seen.body, grade, accepted=not reject, found=found)
        path = at("/v1/returns", seen.body["id"], "inspections")
        _show(server.post(path, body, key=key, if_match=seen.etag).body, as_json)


@app.command()
def cancel(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """The shopper keeps the goods."""
    _say(which, "cancel", {"reason": reason}, key, as_json)


@app.command()
def appeal(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why the refusal is wrong.")],
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """The shopper does not accept the refusal: another person decides."""
    _say(which, "appeal", {"reason": reason}, key, as_json)


@app.command()
def destination(
    which: Which,
    kind: Annotated[DestinationKind, typer.Option(help="Where the money goes.")],
    token: Annotated[
        str | None, typer.Option(help="The payment provider's token for a bank account; never its number.")
    ] = None,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """The shopper says where money goes that its tender cannot take back."""
    _say(which, "destination", {"kind": kind, "token": token}, key, as_json)


@app.command()
def authorize(
    which: Which,
    note: Annotated[str, typer.Option(help="For the timeline.")] = "",
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Say yes to a return that was referred to a person."""
    _say(which, "authorize", {"note": note}, key, as_json)


@app.command()
def refuse(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why; the shopper is told.")],
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Say no to a return that was referred to a person."""
    _say(which, "refuse", {"reason": reason}, key, as_json)


@app.command()
def extend(
    which: Which,
    until: Annotated[str, typer.Option(help="The new deadline, such as 2026-12-24T18:00:00Z.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Move the present deadline out."""
    _say(which, "extend", {"until": until, "reason": reason}, key, as_json)


@app.command("credit-note")
def credit_note(
    which: Which,
    pdf: Annotated[
        Path | None,
        typer.Option(help="Write it there as PDF; of several, each beside it under its own number."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The credit notes of a return."""
    with in_plain_words(), call_server() as server:
        notes = server.get(at("/v1/returns", which, "credit-notes")).body["data"]
        if pdf:
            for note in notes:
                file = pdf if len(notes) == 1 else pdf.with_name(f"{pdf.stem}-{note['number']}{pdf.suffix}")
                _write(file, server.get(at("/v1/credit-notes", f"{note['number']}.pdf")).content)
                say(f"{note['number']} is in {file}.")
        if as_json:
            say_json(notes)
        elif not notes:
            say(f"There is no credit note for {which}: nothing has been refunded, or another system makes them.")
        elif not pdf:
            show_table(
                ("number", "issued on", "seller", "net", "tax", "gross", "refunded"), [_note(one) for one in notes]
            )


def receipt(
    parcel: Annotated[str, typer.Argument(help="The parcel's id (par_…) or tracking code.")],
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """The dock has a parcel."""
    with in_plain_words(), call_server() as server:
        said = server.post(at("/v1/parcels", parcel, "receipt"), {}, key=key).body
        if as_json:
            say_json(said)
            return
        say(f"Parcel {parcel} is received; return {said['rma']} is {said['stage']}.")


def _say(which: str, what: str, body: dict[str, Any], key: str | None, as_json: bool) -> None:
    with in_plain_words(), call_server() as server:
        said = {name: value for name, value in body.items() if value}
        _show(server.post(at("/v1/returns", which, what), said, key=key).body, as_json)


def _request(
    order: str | None,
    customer: str | None,
    lines: Sequence[str],
    skus: Sequence[str],
    reason: ReturnReason,
    method: Method,
) -> dict[str, Any]:
    if not lines and not skus:
        raise WrongUse(
            "No goods are named.", next_action="Give --line LINE=QUANTITY or --sku SKU=QUANTITY, or a JSON file."
        )
    by_line = [{"order_line_id": name, "quantity": units, "reason": reason} for name, units in map(_units, lines)]
    by_sku = [{"sku": name, "quantity": units, "reason": reason} for name, units in map(_units, skus)]
    named = {"order_id": order, "customer_id": customer}
    return {**{name: value for name, value in named.items() if value}, "method": method, "lines": [*by_line, *by_sku]}


def _units(text: str) -> tuple[str, int]:
    name, _, units = text.rpartition("=")
    if not name or not units.isdecimal():
        raise WrongUse(f"{text!r} is not of the form NAME=QUANTITY.", next_action="Write for example --line l_1=2.")
    return name, int(units)


def _findings(case: dict[str, Any], grade: str, *, accepted: bool, found: str | None) -> dict[str, Any]:
    return {
        "lines": [
            {
                "line_id": line["id"],
                "quantity": line["quantity"],
                "grade": grade,
                "accepted": accepted,
                "findings": [found] if found else [],
            }
            for line in case["lines"]
            if line["verdict"] != "refused"
        ]
    }


def _show(case: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(case)
        return
    due, attention, refund = case["due"], case["needs_attention"], case["refund"]
    show_fields(
        [
            ("return", f"{case['rma']}  ({case['id']})"),
            ("stage", case["stage"] + (f", {case['outcome']}" if case["outcome"] else "")),
            ("customer", case["customer_id"] or "not named"),
            ("tier, market", f"{case['tier']}, {case['market']}"),
            ("due", f"{moment(due['at'])} UTC: {due['owner']}, else {due['default']}" if due else ""),
            ("attention", f"{attention['reason']}: {', '.join(attention['actions'])}" if attention else ""),
            ("quoted", money(refund["quoted"])),
            ("refunded", money(refund["refunded"])),
            ("paid ahead", _advance(case.get("advance"))),
            ("parcels", ", ".join(f"{parcel['id']} {parcel['status']}" for parcel in case["parcels"])),
        ]
    )
    say()
    show_table(("line", "sku", "units", "of order", "verdict", "grade"), [_line(line) for line in case["lines"]])


def _advance(advance: dict[str, Any] | None) -> str:
    if not advance:
        return ""
    owed = f", {money(advance['owed'])} owed" if advance["owed"]["amount"] else ""
    due = f", until {moment(advance['due'])} UTC" if advance["due"] else ""
    return f"{money(advance['amount'])}, guaranteed by {advance['guarantee']}: {advance['status']}{owed}{due}"


def _line(line: dict[str, Any]) -> tuple[str, ...]:
    verdict = " ".join([line["verdict"], *line["verdict_reasons"]])
    return (line["id"], line["sku"], str(line["quantity"]), line["order_id"] or "", verdict, line["grade"] or "")


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as problem:
        raise WrongUse(
            f"{file} cannot be written: {problem.strerror}.", next_action="Name a file in a folder that is there."
        ) from None


def _note(note: dict[str, Any]) -> tuple[str, ...]:
    sums = (money(note[name]) for name in ("net", "tax", "gross", "refunded"))
    return (note["number"], note["issued_on"], note["seller"]["name"], *sums)


def _row(case: dict[str, Any]) -> tuple[str, ...]:
    due = case["due"]
    who = (case["tier"], case["market"], case["customer_id"] or "")
    when = (moment(due["at"]) if due else "", moment(case["opened_at"]))
    return (case["rma"], case["stage"], *who, money(case["refund"]["refunded"]), *when)


def _show_timeline(found: dict[str, Any]) -> None:
    rows = [(moment(row["at"]), row["kind"], row["stage"], row["by"]) for row in found["data"]]
    show_table(("at (UTC)", "what", "stage after it", "who said so"), rows)


def _show_reasons(found: dict[str, Any]) -> None:
    rows = [(row["question"], row["answer"], row["rule"], row["source"]) for row in found["data"]]
    show_table(("question", "answer", "rule", "source"), rows)


def _show_ledger(found: dict[str, Any]) -> None:
    rows = [
        (entry["kind"], posting["account"], money(posting["amount"]))
        for entry in found["entries"]
        for posting in entry["postings"]
    ]
    show_table(("entry", "account", "amount"), rows)
    if settled := found["settlement"]:
        lines = [(f"line {line['order_line_id']}", money(line["goods"])) for line in settled["lines"]]
        charges = [
            (f"charge {charge['charge_id']}, {charge['kind']}", money(charge["amount"]))
            for charge in settled["charged"]
        ]
        taxes = [(f"of which {tax['name']} {tax['rate']} %", money(tax["tax"])) for tax in settled["taxes"]]
        sums = [("deducted", money(settled["deducted"])), ("refund", money(settled["total"]))]
        show_table(("refund of", "amount"), [*lines, *charges, *taxes, *sums])


_SHOWN = {"timeline": _show_timeline, "explanation": _show_reasons, "ledger": _show_ledger}
