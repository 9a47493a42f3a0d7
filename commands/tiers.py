"""`boomerang tier`: which tier a customer has and why, locks by hand, and the review of all customers."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import Annotated, Any

import typer

from activities.tier_review import Progress, advanced, begin_review, end_review, look_at_page, review_page
from commands.client import at
from commands.house import call_server, open_database, this_house
from commands.returns import AsJson
from commands.words import WrongUse, in_plain_words, moment, money, say, say_json, show_fields, show_table
from database.customers import NOT_REVIEWED, ThresholdsAt
from database.engine import Sessions, database_time
from desk.policies import PolicyShelf
from domain.rates import PolicyRates
from domain.tier import Reviewed, Tier
from policies.book import load_policy_book
from workflows.tier_review import PAGE

TOLD_EVERY_S = 1.0

app = typer.Typer(no_args_is_help=True, help="Customers' tiers.")
Customer = Annotated[str, typer.Argument(help="The customer's id.")]


@app.command()
def show(
    customer: Customer,
    on: Annotated[str | None, typer.Option(help="As it was at the end of this day (UTC), such as 2011-09-01.")] = None,
    as_json: AsJson = False,
) -> None:
    """The tier now or as of a day: what it comes from, and what is missing for the next one."""
    with in_plain_words(), call_server() as server:
        found = server.get(at("/v1/customers", customer, "tier"), on=on).body
        if as_json:
            say_json(found)
            return
        figures, grace, above, lock = found["figures"], found["grace"], found["next_tier"], found["lock"]
        show_fields(
            [
                ("customer", found["customer_id"]),
                ("tier", f"{found['tier']} as of {moment(found['as_of'])}"),
                ("because", found["why"]["source"]),
                ("orders", f"{figures['orders']} in {figures['window_months']} months"),
                ("spend", money(figures["spend"])),
                ("not counted", ", ".join(figures["spend_not_counted"])),
                ("last order", figures["last_order"] or "none"),
                ("figures alone", found["by_figures_alone"] if found["by_figures_alone"] != found["tier"] else ""),
                ("kept until", grace["kept_until"] if grace else ""),
                ("locked", _lock_sentence(lock) if lock else ""),
                ("next tier", _missing(above) if above else ""),
            ]
        )
        if found["changes"]:
            say()
            show_table(("at (UTC)", "from", "to", "why", "by", "reason"), [_change(one) for one in found["changes"]])


@app.command()
def lock(
    customer: Customer,
    tier: Annotated[Tier, typer.Argument(help="The tier to hold.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in every decision that the lock has a part in.")],
    until: Annotated[str | None, typer.Option(help="Until when (RFC 3339); without end when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set a tier by hand. It counts from now on; cases that are open keep their terms."""
    asked = {"tier": tier, "reason": reason, **({"until": until} if until else {})}
    with in_plain_words(), call_server() as server:
        found = server.put(at("/v1/customers", customer), {"tier_lock": asked}).body
        if as_json:
            say_json(found)
        else:
            say(f"{found['id']} is {found['tier']}, {_lock_sentence(found['tier_lock'])}")


@app.command()
def unlock(customer: Customer, as_json: AsJson = False) -> None:
    """Lift the lock: the tier is what the orders come to."""
    with in_plain_words(), call_server() as server:
        found = server.put(at("/v1/customers", customer), {"tier_lock": None}).body
        if as_json:
            say_json(found)
        else:
            say(f"{found['id']} is {found['tier'] or 'not reviewed yet'}, without a lock")


@app.command()
def review(
    on: Annotated[
        str | None,
        typer.Option(help="Only look: the tiers as they were at the end of this day (UTC). Nothing is written."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Work out every customer's tier anew, now. Needs a running stack or its addresses."""
    with in_plain_words():
        day = _day(on)
        settings = this_house()
        book = load_policy_book(settings.policies)
        with open_database(settings) as made:
            began = time.monotonic()
            done = _review(made, PolicyShelf(book, settings.programme).thresholds, book.rates, day, tell=not as_json)
            seconds = time.monotonic() - began
        if as_json:
            say_json({**asdict(done), "on": day, "seconds": round(seconds, 3)})
            return
        say(
            f"{done.customers:,} customers {'looked at' if day else 'reviewed'} in {seconds:.1f} s "
            f"({done.customers / max(seconds, 1e-9):,.0f} per second), {done.changed:,} "
            + ("would change" if day else "changed")
        )
        columns = ("tier", "on record" if day else "before", f"on {day}" if day else "after")
        show_table(columns, [_row(name, done) for name in (*Tier, NOT_REVIEWED)])


def _review(
    made: Sessions, thresholds: ThresholdsAt, rates: PolicyRates | None, day: date | None, *, tell: bool
) -> Reviewed:
    progress, last = begin_review(made), time.monotonic()
    whole, found = sum(progress.before.values()), dict.fromkeys(map(str, Tier), 0)
    while True:
        with made.begin() as session:
            if day:
                end = datetime.combine(day, time_of_day.max, UTC)
                page = look_at_page(session, thresholds, rates, end, after=progress.after_customer, size=PAGE)
            else:
                page = review_page(session, thresholds, rates, database_time, after=progress.after_customer, size=PAGE)
        if page is None:
            return _looked_at(progress, found) if day else end_review(made, progress)
        progress = advanced(progress, page)
        for standing in page.standings.values():
            found[standing.tier] += 1
        if tell and time.monotonic() - last >= TOLD_EVERY_S:
            last = time.monotonic()
            say(f"  {progress.customers:,} of {whole:,} customers, {progress.changed:,} changes")


def _looked_at(progress: Progress, found: Mapping[str, int]) -> Reviewed:
    return Reviewed(progress.customers, progress.changed, progress.before, {**found, NOT_REVIEWED: 0})


def _day(given: str | None) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise WrongUse(f"{given!r} is no day.", next_action="Write it as 2011-09-01.") from None


def _row(name: str, done: Reviewed) -> tuple[str, str, str]:
    return name.replace("_", " "), f"{done.before[name]:,}", f"{done.after[name]:,}"


def _lock_sentence(lock: dict[str, Any]) -> str:
    end = f" until {moment(lock['until'])}" if lock["until"] else ""
    return f"locked as {lock['tier']} by {lock['by']} on {moment(lock['at'])}{end}: {lock['reason']}"


def _missing(above: dict[str, Any]) -> str:
    missing = [
        f"{above['orders_missing']} more orders" if above["orders_missing"] else "",
        f"{money(above['spend_missing'])} more" if above["spend_missing"]["amount"] else "",
        "" if above["active"] else f"an order within {above['active_within_days']} days",
    ]
    return f"{above['tier']} with {' and '.join(part for part in missing if part)}"


def _change(change: dict[str, Any]) -> tuple[str, ...]:
    return (
        moment(change["at"]),
        change["from_tier"] or "",
        change["to_tier"],
        change["why"],
        change["by"],
        change["reason"],
    )
