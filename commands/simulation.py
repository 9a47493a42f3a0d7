"""`boomerang policy simulate`: past returns run again under a draft, beside the policy that counts.

Either the returns of the database, with what was heard of each, or the cancellation lines of a data folder, of which nothing was
ever recorded. Nothing is written and nobody is told.
"""

import csv
import os
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.schemas.simulation import CALLED, show_simulation
from commands.cancellations import groups_of_cancellations
from commands.data import check_folder
from commands.house import open_database, this_house
from commands.returns import AsJson
from commands.words import WrongUse, in_plain_words, note, say, say_json, show_table
from database.engine import Sessions, database_time
from desk.policies import FILE, LIVE
from desk.simulation import policy_named, simulate
from domain.comparison import Change, Comparison
from domain.course import Pace, assumed_course
from domain.eligibility import Verdict
from domain.money import format_minor
from domain.policy import PolicyBook, ReturnPolicy
from domain.tier import Tier
from examples.reader import CURRENCY
from policies.book import load_policy_book
from policies.drafts import read_draft
from policies.trial import Trial, try_out

DAY = timedelta(days=1)
SAY_EVERY_S = 1.0
COLUMNS = ("return", "tier", "before", "after", "refund before", "refund after", "days before", "days after", "rule")


def policy_simulate(
    draft: Annotated[str, typer.Argument(metavar="DRAFT", help="A programme's file, or the id of a policy.")],
    first_day: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day on which returns were asked for, UTC."),
    ],
    last_day: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last such day.")],
    against: Annotated[str, typer.Option(help="A file or an id to compare with; live = what counts now.")] = LIVE,
    cancellations: Annotated[
        Path | None, typer.Option(help="A data folder: its cancellation lines, in place of returns of the database.")
    ] = None,
    label_cost: Annotated[
        int, typer.Option(min=0, help="With --cancellations: pence assumed for each label; the data has no freight.")
    ] = 0,
    most: Annotated[int, typer.Option("--list", min=0, help="How many of the returns that change are shown.")] = 10,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write every return that changes into this file.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many processes share the work.")] = (
        os.cpu_count() or 1
    ),
    as_json: AsJson = False,
) -> None:
    """Past returns run again under a draft: who is let in, what it costs and whom, how fast, and which returns change."""
    with in_plain_words():
        since, until = _moment(first_day.date()), _moment(last_day.date() + DAY)
        if until <= since:
            raise WrongUse("--to lies before --from.", next_action="Name the first day, then the last.")
        settings = this_house()
        book = load_policy_book(settings.policies)
        progress = _Progress(quiet=as_json)
        if cancellations:
            check_folder(cancellations)
            after = _from_file(draft, book)
            before = _from_file(against if against != LIVE else f"{FILE}{after.programme}", book)
            groups = list(groups_of_cancellations(cancellations, since=since, until=until))
            progress = _Progress(quiet=as_json)  # reading half a million lines is not running them
            course = assumed_course(Pace(), {CURRENCY: label_cost})
            trial = Trial(book, before, after, dict.fromkeys(Tier, course))
            found = try_out(trial, groups, processes=processes, told=progress)
        else:
            with open_database(settings) as made:
                after = _policy(made, draft, book, settings.programme)
                before = _policy(made, against, book, after.programme)
                found = simulate(
                    made, book, before=before, after=after, since=since, until=until, processes=processes, told=progress
                )
        if csv_file:
            _write(csv_file, found.heaviest())
        if as_json:
            say_json({**_heads(before, after), **show_simulation(found, most=most)})
        else:
            _say(found, before, after, most, progress.seconds)


class _Progress:
    """How far it is, once a second, beside the output."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._began, self._said = quiet, time.monotonic(), time.monotonic()

    def __call__(self, so_far: Comparison) -> None:
        now = time.monotonic()
        if not self._quiet and now - self._said >= SAY_EVERY_S:
            self._said = now
            note(f"  {so_far.cases:,} returns run again, {so_far.moved:,} of them decided otherwise")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _policy(made: Sessions, name: str, book: PolicyBook, programme: str) -> ReturnPolicy:
    if _is_file(name):
        return _from_file(name, book)
    with made() as session:
        return policy_named(session, name, book, programme=programme, at=database_time(session))


def _from_file(name: str, book: PolicyBook) -> ReturnPolicy:
    if name.startswith(FILE):
        return book.programme(name.removeprefix(FILE))
    if not _is_file(name):
        raise WrongUse(f"There is no file {name}.", next_action="Without a database, name files or file:<programme>.")
    try:
        return read_draft(Path(name).read_text(encoding="utf-8"), name, book)
    except UnicodeDecodeError as problem:
        raise WrongUse(f"{name} cannot be read: {problem}.", next_action="Name a text file in UTF-8.") from None


def _is_file(name: str) -> bool:
    return not name.startswith(FILE) and Path(name).is_file()


# --- what is said


def _heads(before: ReturnPolicy, after: ReturnPolicy) -> dict[str, dict[str, str]]:
    return {
        name: {"programme": policy.programme, "version": policy.version, "id": policy.policy_id}
        for name, policy in (("policy_before", before), ("policy_after", after))
    }


def _say(found: Comparison, before: ReturnPolicy, after: ReturnPolicy, most: int, seconds: float) -> None:
    speed = f"{found.cases / seconds:,.0f} a second" if seconds else "at once"
    say(f"{before.source} -> {after.source}: {found.cases:,} returns in {seconds:.1f} s, {speed}")
    if found.known:
        say(f"{found.recorded:,} of {found.known:,} returns were decided then as {before.source} decides them.")
    if not found.cases:
        return
    say()
    words = [CALLED[verdict] for verdict in Verdict]
    rows = [
        (CALLED[one], *(f"{found.moves[one, other]:,}" for other in Verdict), f"{found.before.verdicts[one]:,}")
        for one in Verdict
    ]
    rows.append(("together", *(f"{found.after.verdicts[other]:,}" for other in Verdict), f"{found.cases:,}"))
    show_table(("before \\ after", *words, "together"), rows, title="Decisions")
    say()
    show_table(("", "before", "after", "more"), _sums(found), title="Money and time")
    for name, side in (("before", found.before), ("after", found.after)):
        if side.assumed:
            say(f"Of {side.assumed:,} returns {name}, nothing was recorded: they went at the assumed pace.")
    say()
    changes = found.heaviest(most)
    title = f"{len(found.changes):,} returns change" + (f"; the first {len(changes)}" if changes else "")
    show_table(COLUMNS, [_row(change) for change in changes], title=title)


def _sums(found: Comparison) -> list[tuple[str, str, str, str]]:
    before, after = found.before, found.after
    rows = [
        ("returns refunded", f"{before.refunded:,}", f"{after.refunded:,}", f"{after.refunded - before.refunded:+,}")
    ]
    for currency in sorted(before.refunds.keys() | after.refunds.keys()):
        rows.append(_money(f"refunds, {currency}", before.refunds[currency], after.refunds[currency], currency))
    for bearer, currency in sorted(before.fees.keys() | after.fees.keys()):
        one, other = before.fees[bearer, currency], after.fees[bearer, currency]
        rows.append(_money(f"fees of the {bearer}, {currency}", one, other, currency))
    total, mean, middle = found.days_gained
    refunded = f"{len(found.earlier_days):,} refunded under both"
    rows.append((f"days gained, {refunded}", "", "", f"{total:+,.1f}"))
    rows.append(("  of each, mean and median", "", "", f"{mean:+.2f}, {middle:+.2f}"))
    rows.append(("days of return window gained", "", "", f"{found.window_days:+,}"))
    return rows


def _money(name: str, before: int, after: int, currency: str) -> tuple[str, str, str, str]:
    more = after - before
    return (
        name,
        format_minor(before, currency),
        format_minor(after, currency),
        f"{'-' if more < 0 else '+'}{format_minor(abs(more), currency)}",
    )


def _row(change: Change) -> tuple[str, ...]:
    before, after = change.before, change.after
    return (
        change.id,
        after.tier,
        f"{CALLED[before.verdict]}, {before.stage}",
        f"{CALLED[after.verdict]}, {after.stage}",
        format_minor(before.refund_minor, change.currency),
        format_minor(after.refund_minor, change.currency),
        "" if before.days is None else f"{before.days:.2f}",
        "" if after.days is None else f"{after.days:.2f}",
        change.rule,
    )


def _write(file: Path, changes: Sequence[Change]) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(("currency", *COLUMNS, "grounds before", "grounds after"))
            for change in changes:
                grounds = (" ".join(change.before.grounds), " ".join(change.after.grounds))
                rows.writerow([_safe(cell) for cell in (change.currency, *_row(change), *grounds)])
    except OSError as problem:
        raise WrongUse(f"{file} cannot be written: {problem.strerror}.", next_action="Name another file.") from None


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
