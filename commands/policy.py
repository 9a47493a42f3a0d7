"""`boomerang policy`: what is promised and what the law demands, by market and tier; and how a promise becomes another one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.schemas.policies import show_contradiction, show_diff
from commands.client import ServerRefused, ServerUnreachable, at
from commands.house import NothingRuns, call_server, this_house
from commands.returns import AsJson, KeyGiven
from commands.words import REFUSED, WrongUse, in_plain_words, moment, note, say, say_json, show_fields, show_table
from database.policies import checksum
from desk.policies import FILE, LIVE, Comparison, PolicyStatus, PolicyVersion
from domain.contradictions import Contradiction, Severity, refused
from domain.market import Market, market_of
from domain.policy import PolicyBook, ReturnPolicy
from domain.publishing import changes, effects
from domain.terms import Terms, terms_for
from domain.tier import Tier
from policies.book import load_policy_book, read_tier_table
from policies.drafts import TIERS, look_through, read_draft, read_over
from policies.page import BadPolicyFile

app = typer.Typer(no_args_is_help=True, help="Promises and law: shown, drafted, compared, published.")

DraftFile = Annotated[Path, typer.Argument(metavar="FILE", help="A programme in TOML, as in policies/programmes.")]
SHOWN_AGAINST = 4  # of what stands against a promise; the rest is counted


@app.command()
def show(
    market: Annotated[str, typer.Option(help="The market, such as DE.")] = "GB",
    tier: Annotated[Tier, typer.Option(help="The customer's tier.")] = Tier.ENTRY,
    programme: Annotated[str, typer.Option(envvar="BOOMERANG_PROGRAMME", help="The merchant's policy.")] = "standard",
    country: Annotated[
        str | None, typer.Option(help="The country or part of one, such as AT or US-CA; its market is found.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="The terms that this draft would give instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """The terms of a return: the promise of the release's files, raised to what the law of the market demands."""
    with in_plain_words():
        book = load_policy_book(this_house().policies)
        law = market_of(book, country or market)
        policy = read_draft(_text_of(file), str(file), book) if file else book.programme(programme)
        terms = terms_for(policy, law, tier, country=country and country.strip().upper())
        if as_json:
            say_json(asdict(terms))
            return
        for title, fields in _groups(terms, law):
            say(title)
            show_fields([(f"  {name}", value) for name, value in fields])
            say()
        say("Where it is from")
        show_fields([(f"  {aspect.replace('_', ' ')}", f"from {source}") for aspect, source in terms.sources])


@app.command("list")
def list_(
    programme: Annotated[str | None, typer.Option(help="Only of this programme.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every draft and version; what counts now is live, what came with the release is file:<programme>."""
    with in_plain_words(), call_server() as server:
        found = server.get("/v1/policies", programme=programme).body["data"]
        if as_json:
            say_json(found)
            return
        columns = ("id", "programme", "version", "status", "from (UTC)", "published by", "title")
        show_table(columns, [_row(one) for one in found])


@app.command()
def validate(file: DraftFile, as_json: AsJson = False) -> None:
    """Read a draft and look through it, without a server: FILE:LINE: what is wrong. Exit status 1 where there are errors."""
    with in_plain_words():
        book, text = load_policy_book(this_house().policies), _text_of(file)
        try:
            found: Sequence[Contradiction] = look_through(read_draft(text, str(file), book), text, str(file), book)
        except BadPolicyFile as bad:
            faults = bad.facts["faults"]
            if as_json:
                say_json({"publishable": False, "faults": [asdict(fault) for fault in faults], "contradictions": []})
            for fault in () if as_json else faults:
                say(
                    f"{_place(fault.file, fault.line)} error: {fault.key}: expected {fault.expected}, found {fault.found}"
                )
            raise typer.Exit(REFUSED) from None
        shown = [show_contradiction(one) for one in found]
        if as_json:
            say_json({"publishable": not refused(found), "faults": [], "contradictions": shown})
        else:
            _say_contradictions(shown)
            errors = sum(one.severity is Severity.ERROR for one in found)
            say(f"{file}: {errors} errors, {len(found) - errors} warnings.")
        if refused(found):
            raise typer.Exit(REFUSED)


@app.command()
def draft(
    file: DraftFile,
    about: Annotated[str, typer.Option("--note", help="A word to those who read it later.")] = "",
    replace: Annotated[
        str | None, typer.Option("--replace", metavar="ID", help="The draft whose text this is from now on.")
    ] = None,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Write a draft down; it counts for nobody until it is published."""
    with in_plain_words(), call_server() as server, _faults_of(str(file)):
        body = {"text": _text_of(file), "note": about}
        path = at("/v1/policies", replace) if replace else "/v1/policies"
        said = server.put(path, body) if replace else server.post(path, body, key=key)
        if as_json:
            say_json(said.body)
            return
        say(f"{said.body['id']} is a draft of {said.body['programme']}, version {said.body['version']}.")
        say(f"Next: boomerang policy diff {said.body['id']}, then boomerang policy publish {said.body['id']}")


@app.command()
def diff(
    what: Annotated[str, typer.Argument(metavar="FILE_OR_ID", help="A draft's file, or the id of a policy.")],
    against: Annotated[
        str, typer.Option("--against", help="`live`, the id of a policy, or file:<programme> for that of the release.")
    ] = LIVE,
    as_json: AsJson = False,
) -> None:
    """What a policy says otherwise than what counts now: row by row, rule by rule, and in whose terms it shows."""
    with in_plain_words():
        if Path(what).is_file():
            found = show_diff(_compared(Path(what), against))
        else:
            with call_server() as server:
                found = server.get(at("/v1/policies", what, "diff"), against=against).body
        if as_json:
            say_json(found)
            return
        _say_diff(found)


@app.command()
def publish(
    policy: Annotated[str, typer.Argument(metavar="ID", help="The draft's id (pol_…).")],
    begins: Annotated[
        str | None,
        typer.Option("--from", metavar="MOMENT", help="Such as 2026-12-01T00:00:00Z; from now on if left out."),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept-warnings", help="The warnings were seen; it is written down who did.")
    ] = False,
    key: KeyGiven = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft count from a moment on, in every server and for every return opened from then on. It never changes again."""
    with in_plain_words(), call_server() as server, _faults_of("text"):
        body = {"accept_warnings": accept, **({"effective_from": begins} if begins else {})}
        said = server.post(at("/v1/policies", policy, "publish"), body, key=key).body
        if as_json:
            say_json(said)
            return
        accepted = f", with {len(said['accepted_warnings'])} warnings accepted" if said["accepted_warnings"] else ""
        say(
            f"{said['programme']}, version {said['version']}, counts from {moment(said['effective_from'])} UTC{accepted}."
        )


# --- terms in groups


def _groups(terms: Terms, law: Market) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    limits = terms.limits
    business = "working " if terms.withdrawal_business else ""
    yield (
        "For whom",
        [
            ("programme", f"{terms.programme}, version {terms.policy_version}"),
            ("tier", terms.tier),
            ("market", f"{terms.market}: {law.name}"),
            ("country", terms.country),
            ("law", law.citation),
            ("confidence", f"{terms.law_confidence}, as of {law.as_of}" if law.as_of else terms.law_confidence),
            ("have checked", ", ".join(terms.law_doubts)),
        ],
    )
    yield (
        "Until when",
        [
            ("return window", f"{terms.return_window_days} days from {terms.starts}"),
            ("store credit", f"{terms.store_credit_days} days after it" if terms.store_credit_days else ""),
            ("right to withdraw", f"{terms.withdrawal_days} {business}days" if terms.withdrawal_days else "none"),
            ("where not told", f"{terms.withdrawal_months} months more" if terms.withdrawal_months else ""),
            ("conditional right", f"{terms.conditional_days} days, a person decides" if terms.conditional_days else ""),
            ("defects", f"{terms.guarantee_months} months" if terms.guarantee_months else "no figure on file"),
            ("appeal", terms.appeal),
            ("requests", f"{terms.requests_per_item} for one item" if terms.requests_per_item else "not limited"),
        ],
    )
    yield (
        "The way back",
        [
            ("fees", "the merchant bears all" if terms.merchant_bears_all else "by law and fault"),
            ("no fault, by law", terms.freight_rule.replace("_", " ") or "nothing on file"),
            ("free labels", f"{terms.free_labels} a month" if terms.free_labels else "none"),
            ("booked within", limits.booking),
            ("sent within", limits.ship_back),
            ("picked up within", f"{limits.pickup}, tried {limits.pickup_tries} times again"),
            ("in transit", limits.transit),
        ],
    )
    ceiling = f"up to {terms.instant_ceiling_usd} US dollars, {terms.advances_open} open at once"
    yield (
        "The money",
        [
            ("refund waits for", limits.refund_trigger.replace("_", " ")),
            ("before receipt", ceiling if terms.instant_ceiling_usd else "never"),
            ("goods owed for it", limits.recharge if terms.instant_ceiling_usd else ""),
            ("goods stay", f"up to {terms.returnless_ceiling_usd} US dollars" if terms.returnless_ceiling_usd else ""),
            ("ordered within", limits.refund),
            ("by law", limits.refund_clock or "no days on file"),
            ("late", terms.late_penalty.replace("_", " ")),
            ("delivery paid back", terms.original_delivery.replace("_", " ") or "nothing on file"),
            ("wear", terms.wear.replace("_", " ")),
        ],
    )
    yield (
        "The merchant's own time",
        [
            ("approval", f"{limits.approval}, then {limits.approval_default.replace('_', ' ')}"),
            ("second look", limits.escalated),
            ("inspection", limits.inspection),
            ("attention", limits.attention),
        ],
    )


# --- how it is done


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise WrongUse(f"{file} cannot be read: {problem}.", next_action="Name a text file in UTF-8.") from None


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    published = one["published"] or {"by": ""}
    begins = moment(one["effective_from"])
    return (one["id"], one["programme"], one["version"], one["status"], begins, published["by"], one["title"])


def _place(file: str, line: int | None) -> str:
    return f"{file}:{line}:" if line else f"{file}:"


def _say_contradictions(found: Sequence[dict[str, Any]]) -> None:
    for one in found:
        say(f"{_place(one['file'], one['line'])} {one['severity']}: {one['says']} [{one['code']}, {one['key']}]")
        for other in one["against"][:SHOWN_AGAINST]:
            who = " ".join(filter(None, (other["market"], other["tier"])))
            say(f"    {who + ': ' if who else ''}{other['promised']}, against {other['stands']} ({other['source']})")
        if len(one["against"]) > SHOWN_AGAINST:
            say(f"    and {len(one['against']) - SHOWN_AGAINST} more; --json lists them")


def _say_diff(found: dict[str, Any]) -> None:
    before, after, terms = found["before"], found["after"], found["terms"]
    say(f"{before['id']} (version {before['version']}) -> {after['id']} (version {after['version']})")
    if not found["changes"]:
        say("They say the same.")
        return
    rows = [(one["aspect"], one["tier"] or "all", one["before"], one["after"]) for one in found["changes"]]
    show_table(("what", "tier", "before", "after"), rows)
    say()
    say(f"Terms change for {terms['changed']} of {terms['pairs']} pairs of market and tier.")
    show_table(("of the terms", "pairs"), [(name, str(pairs)) for name, pairs in terms["by_aspect"].items()])


@contextmanager
def _faults_of(file: str) -> Iterator[None]:
    """What the server finds wrong with a text is said line by line, as `validate` does, before the sentence."""
    try:
        yield
    except ServerRefused as error:
        for one in error.problem.get("errors", ()):
            if "key" in one:  # of the text; contradictions say themselves where they are written
                said = one["detail"].removeprefix(f"Line {one['line']}, ")
                note(f"{_place(file, one['line'])} {said}" if one["pointer"] else one["detail"])
        raise


def _compared(file: Path, against: str) -> Comparison:
    """A draft's file against a policy of the server; where none runs, against that of the release."""
    book, text = load_policy_book(this_house().policies), _text_of(file)
    new = read_draft(text, str(file), book)
    before, old = _against(against, new.programme, book)
    after = _version(str(file), new, text)
    markets = book.markets.values()
    return Comparison(before, after, changes(old, new), effects(old, new, markets), len(markets) * len(Tier))


def _against(against: str, programme: str, book: PolicyBook) -> tuple[PolicyVersion, ReturnPolicy]:
    if not against.startswith(FILE):
        try:
            with call_server() as server:
                if against == LIVE:
                    listed = server.get("/v1/policies", programme=programme).body["data"]
                    against = next(one["id"] for one in listed if one["status"] == LIVE)
                found = server.get(at("/v1/policies", against)).body
                tiers = read_tier_table(found["tiers"], TIERS) if found["tiers"] else book.tiers
                old = read_over(found["text"], against, tiers)
                return _version(against, old, found["text"]), old
        except (NothingRuns, ServerUnreachable):
            if against != LIVE:
                raise
            note("No server is running here: compared with the file of the release.")
    own = book.programme(against.removeprefix(FILE) if against.startswith(FILE) else programme)
    return _version(f"{FILE}{own.programme}", own, book.texts[f"programmes/{own.programme}.toml"]), own


def _version(policy_id: str, policy: ReturnPolicy, text: str) -> PolicyVersion:
    return PolicyVersion(policy_id, policy.programme, policy.version, policy.title, PolicyStatus.DRAFT, checksum(text))
