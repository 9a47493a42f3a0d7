"""`boomerang demo`: real returns, refunded before your eyes, and reconciled to the penny.

It starts the embedded stack, imports the data, opens every cancellation line as a return, lets simulated carriers and a scripted
inspector move the goods, and compares what was refunded with the provider's books and with the published matches. Stopped or killed
at any point, the same command continues: each return is opened under the key of its cancellation, and what there is left to do is
asked of the rows.
"""

import itertools
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from sqlalchemy.exc import DBAPIError

from api.security import Role
from commands.client import ServerClient
from commands.data import Imported, check_folder, import_folder
from commands.display import Display
from commands.house import OPERATOR_KEY, open_payments
from commands.keys import kept_key
from commands.reconciliation import (
    Books,
    Expected,
    FoundCase,
    FoundPosting,
    FoundRefund,
    Reconciled,
    reconcile,
)
from commands.storefront import Room, Storefront
from commands.warehouse import Warehouse
from commands.words import REFUSED, WrongUse, in_plain_words, say, show_table
from database import progress
from database.engine import Sessions, connect, sessions
from database.migrate import upgrade
from database.progress import Standing
from database.refunds import SETTLEMENT
from domain.money import Money
from domain.stages import ENDS
from domain.tier import Tier
from examples.reader import (
    CURRENCY,
    Cancellation,
    read_cancellations,
    read_expected_matches,
    read_expected_unmatched,
)
from gateways.payments.base import PaymentGateway
from settings import ROOT, Settings, read_settings
from stack import ChildFailed, Event, Stack

SAMPLE = ROOT / "examples" / "online_retail"
WHOLE_YEAR = ROOT.parent / "shared" / "data" / "online_retail"
PROGRAMME = "online_retail"
STARTED = "BOOMERANG_DEMO_STARTED"

LANES, BENCHES = 4, 10  # returns that are under way go before new ones
MOST_UNDER_WAY = 100  # beyond that returns only wait for each other
SCAN_SECONDS = 0.5  # between two scans of a parcel, at speed 1
PATIENCE_S = 300.0  # of every call: whatever is killed is started again in a few seconds
LOOK_EVERY_S, LOOK_EVERY_S_FIRST = 0.75, 0.2
STALLED_AFTER_S = 240.0  # nothing moved for so long: say what does not, rather than wait for ever
SHOWN_DIFFERENCES = 50


@dataclass(frozen=True)
class Asked:
    """What was asked of the demo."""

    folder: Path
    returns: int | None
    leave: bool
    speed: float
    workers: int
    seed: int
    started: float


@dataclass(frozen=True)
class Doors:
    """What the demo goes in and out by, once everything runs."""

    made: Sessions
    payments: PaymentGateway
    storefront: ServerClient
    storefront_id: str
    warehouse: ServerClient


def demo(
    returns: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many cancellation lines, in time order.")
    ] = None,
    whole_year: Annotated[bool, typer.Option("--all", help="The whole public year, where it is at hand.")] = False,
    data: Annotated[Path | None, typer.Option(help="Another folder with data of the same shape.")] = None,
    leave: Annotated[
        bool, typer.Option("--exit", help="End after the reconciliation; exit status 1 on differences.")
    ] = False,
    speed: Annotated[
        float, typer.Option(min=0.01, max=1000, help="How fast the carriers drive; 2 is twice as fast.")
    ] = 1.0,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 1,
    seed: Annotated[int, typer.Option(help="For what the data lacks: reasons, grades, the carriers' pauses.")] = 1,
) -> None:
    """Real returns, refunded before your eyes: starts everything, plays the sample, reconciles, and keeps serving."""
    with in_plain_words():
        if whole_year and data:
            raise WrongUse("--all and --data name two folders.", next_action="Give one of the two.")
        folder = data or (WHOLE_YEAR if whole_year else SAMPLE)
        if whole_year and not folder.is_dir():
            raise WrongUse(
                f"The whole year is not at hand: there is no folder {folder}.",
                next_action="Leave --all out for the sample of one month, or name your copy with --data.",
            )
        check_folder(folder)
        settings = read_settings(programme=PROGRAMME)
        asked = Asked(folder, returns, leave, speed, workers, seed, _typed_at())
        try:
            agrees = play(asked, settings)
        except KeyboardInterrupt:
            say("Stopped. The same command continues where this one ended.")
            raise typer.Exit(130) from None
        if not agrees:
            raise typer.Exit(REFUSED)


def play(asked: Asked, settings: Settings) -> bool:
    """The whole demo; True when everything reconciled."""
    display = Display(asked.started, currency=CURRENCY)
    gave_up = threading.Event()

    def tell(name: str, event: Event, sentence: str) -> None:
        if event is not Event.STOPPED:
            display.step(sentence)
        if event is Event.GIVEN_UP:
            gave_up.set()

    with display, Stack(settings, tell=tell) as stack:
        with _everything(stack, asked, display) as doors:
            result = _run(asked, doors, display, gave_up)
        if not asked.leave:
            say(result.sentence())
            _keep_serving(stack)
    if asked.leave:
        say(result.sentence())
    return result.agrees


@contextmanager
def _everything(stack: Stack, asked: Asked, display: Display) -> Iterator[Doors]:
    """Tables, keys, partners, data, workers, server: started side by side where they do not need each other."""
    settings = stack.settings
    assert settings.database_url is not None
    upgrade(settings.database_url)
    display.step("tables are up to date")
    with ExitStack() as opened:
        engine = connect(settings.database_url, pool=8)
        opened.callback(engine.dispose)
        made = sessions(engine)
        stack.start_more(*stack.partners({"carriers": _rounds(asked)}))
        payments = opened.enter_context(open_payments(settings))
        importer = opened.enter_context(ThreadPoolExecutor(1, thread_name_prefix="import"))
        data = importer.submit(import_folder, asked.folder, made, payments, _import_told(display))
        stack.start_more(*[stack.worker(number + 1) for number in range(asked.workers)], stack.server())
        display.step(data.result().sentence())
        folder = settings.data_dir
        kept_key(made, folder / OPERATOR_KEY, "operator", Role.ADMIN)
        storefront_id, storefront = kept_key(made, folder / "storefront.key", "demo storefront", Role.STOREFRONT)
        _, warehouse = kept_key(made, folder / "warehouse.key", "demo warehouse", Role.WAREHOUSE)
        yield Doors(
            made,
            payments,
            opened.enter_context(ServerClient(stack.server_url, storefront, patience_s=PATIENCE_S)),
            storefront_id,
            opened.enter_context(ServerClient(stack.server_url, warehouse, patience_s=PATIENCE_S)),
        )


def _rounds(asked: Asked) -> tuple[str, ...]:
    return ("--auto-scan", "--scan-seconds", str(SCAN_SECONDS / asked.speed), "--scan-seed", str(asked.seed))


def _import_told(display: Display) -> Any:
    last = [time.monotonic()]

    def told(so_far: Imported) -> None:
        if time.monotonic() - last[0] >= 2:
            last[0] = time.monotonic()
            display.step(f"importing: {so_far.orders + so_far.known:,} orders, {so_far.lines:,} new lines")

    return told


def _run(asked: Asked, doors: Doors, display: Display, gave_up: threading.Event) -> Reconciled:
    cancellations = read_cancellations(asked.folder)[: asked.returns]
    display.total = len(cancellations)
    with doors.made() as session:
        cases = progress.opened_under(session, doors.storefront_id, [one.id for one in cancellations])
    if cases:
        display.step(f"{len(cases)} of {len(cancellations)} returns were opened before; continuing")
    stop, names = threading.Event(), {case_id: cancellation_id for cancellation_id, case_id in cases.items()}

    def opened(cancellation_id: str, case_id: str) -> None:
        cases[cancellation_id], names[case_id] = case_id, cancellation_id

    room = Room(MOST_UNDER_WAY, stop)
    with ThreadPoolExecutor(LANES + 1) as lanes, ThreadPoolExecutor(BENCHES) as benches:
        try:
            storefront = Storefront(doors.storefront, seed=asked.seed, room=room, stop=stop, opened=opened)
            warehouse = Warehouse(doors.warehouse, doors.made, seed=asked.seed, stop=stop, names=names)
            jobs = storefront.open_all(cancellations, set(cases), lanes, LANES)
            jobs.append(lanes.submit(warehouse.work, benches))
            _watch(cases, jobs, room, doors.made, display, gave_up)
        finally:
            stop.set()
            doors.storefront.give_up()
            doors.warehouse.give_up()
    display.rest()
    _show_tiers(doors.made, list(cases.values()))
    result = reconcile(_books(asked.folder, cancellations, cases, doors))
    _show_months(result)
    _show_differences(result)
    return result


def _watch(
    cases: Mapping[str, str],
    jobs: Sequence[Future[None]],
    room: Room,
    made: Sessions,
    display: Display,
    gave_up: threading.Event,
) -> None:
    """Show how the returns stand until all have ended, or nothing has moved for long."""
    began, moved, before = datetime.now(UTC), time.monotonic(), None
    first, troubled = False, set[str]()
    while not gave_up.wait(LOOK_EVERY_S if first else LOOK_EVERY_S_FIRST):
        for job in jobs:
            if job.done():
                job.result()
        ids = list(cases.values())
        try:
            with made() as session:
                now = progress.standing(session, ids)
                paid = None if first else progress.first_refunded(session, ids, since=began)
                attention = progress.needing_attention(session, ids)
        except DBAPIError:
            continue  # the database is being started again
        if paid:
            first = True
            display.step(
                f"FIRST REFUND: {paid.rma}, tier {paid.tier}, {Money(paid.refunded_minor, paid.currency)}: "
                f"{display.since(paid.closed_at.timestamp()):.1f} s after the command"
            )
        for row in attention:
            if row.id not in troubled:
                troubled.add(row.id)
                display.step(f"{row.rma} needs attention: {row.attention_reason}")
        display.counts(now)
        ended = sum(now.by_stage.get(stage, 0) for stage in ENDS)
        room.count(opened=now.opened, ended=ended)
        if ended >= display.total:
            return
        if now != before:
            before, moved = now, time.monotonic()
        elif time.monotonic() - moved > STALLED_AFTER_S:
            display.step(f"nothing has moved for {STALLED_AFTER_S:.0f} s")
            return
    raise ChildFailed("A process could not be kept alive; its log is in the folder logs of the data folder.")


def _books(folder: Path, cancellations: Sequence[Cancellation], cases: Mapping[str, str], doors: Doors) -> Books:
    """The three sides, read anew."""
    ids = list(cases.values())
    with doors.made() as session:
        rows = {row.id: row for row in progress.rows_of(session, ids)}
        lines = progress.lines_of(session, ids)
        refunds = progress.refunds_of(session, ids)
        balances = progress.balances_of(session, ids)
        others = progress.others(session, ids)
    matched: dict[str, dict[tuple[str, str], int]] = {case_id: {} for case_id in ids}
    unmatched: dict[str, dict[str, int]] = {case_id: {} for case_id in ids}
    for line in lines:
        if line.order_line_id:
            _add(matched[line.case_id], (line.order_id, line.order_line_id), line.quantity)
        else:
            _add(unmatched[line.case_id], " ".join(line.verdict_reasons), line.quantity)
    return Books(
        currency=CURRENCY,
        expected=_expected(folder, cancellations),
        cases={
            cancellation_id: FoundCase(
                case_id,
                rows[case_id].rma,
                rows[case_id].stage,
                rows[case_id].refunded_minor,
                matched[case_id],
                unmatched[case_id],
            )
            for cancellation_id, case_id in cases.items()
        },
        refunds=[
            FoundRefund(row.id, row.case_id, row.status, row.amount_minor, row.currency, row.purpose != SETTLEMENT)
            for row in refunds
        ],
        postings=[FoundPosting(row.case_id, row.account, int(row.minor)) for row in balances],
        provider=[
            FoundRefund(found.refund_id, found.case_id, found.status, found.amount_minor, found.currency)
            for found in doors.payments.list_refunds()
        ],
        other_cases=others,
    )


def _expected(folder: Path, cancellations: Sequence[Cancellation]) -> list[Expected]:
    matched: dict[str, dict[tuple[str, str], int]] = {one.id: {} for one in cancellations}
    unmatched: dict[str, dict[str, int]] = {one.id: {} for one in cancellations}
    paid = dict.fromkeys(matched, 0)
    for match in read_expected_matches(folder):
        if match.cancellation_id in matched:
            _add(matched[match.cancellation_id], (match.order_id, match.order_line_id), match.quantity)
            paid[match.cancellation_id] += match.paid_minor
    for rest in read_expected_unmatched(folder):
        if rest.cancellation_id in unmatched:
            _add(unmatched[rest.cancellation_id], str(rest.reason), rest.quantity)
    return [
        Expected(one.id, matched[one.id], unmatched[one.id], paid[one.id], _groups_of(one)) for one in cancellations
    ]


def _groups_of(one: Cancellation) -> tuple[str, ...]:
    return (f"month {one.declared_at:%Y-%m}", f"customer {one.customer_id or 'unknown'}", f"country {one.market}")


def _add(units: dict[Any, int], what: Any, quantity: int) -> None:
    units[what] = units.get(what, 0) + quantity


def _show_tiers(made: Sessions, ids: Sequence[str]) -> None:
    with made() as session:
        rows = {row.tier: row for row in progress.by_tier(session, ids)}
    shown = [
        (
            str(tier),
            f"{row.returns:,}",
            f"{int(row.units):,}",
            f"{row.refunded:,}",
            str(Money(int(row.minor), CURRENCY)),
            f"{row.refused:,}",
            "" if row.median_s is None else f"{row.median_s:.1f} s",
        )
        for tier in Tier
        if (row := rows.get(tier))
    ]
    say()
    show_table(("tier", "returns", "units back", "refunded", "money", "refused", "median time"), shown)
    say()


def _show_months(result: Reconciled) -> None:
    """Month by month, as each side has it; customers and countries are compared as well, and shown where they differ."""
    months = [
        (
            group.removeprefix("month "),
            f"{one.returns:,}",
            f"{one.units:,}",
            *(str(Money(minor, CURRENCY)) for minor in (one.engine, one.ledger, one.provider)),
        )
        for group, one in result.sums.items()
        if group.startswith("month ")
    ]
    show_table(("month", "returns", "units refunded", "engine", "ledger", "provider"), months)
    customers = sum(group.startswith("customer ") for group in result.sums)
    say(f"{customers:,} customers and {len(result.sums) - customers - len(months)} countries compared likewise")
    say()


def _show_differences(result: Reconciled) -> None:
    for difference in itertools.islice(result.differences, SHOWN_DIFFERENCES):
        say(f"difference: {difference}")
    if len(result.differences) > SHOWN_DIFFERENCES:
        say(f"… and {len(result.differences) - SHOWN_DIFFERENCES} more differences")


def _keep_serving(stack: Stack) -> None:
    say()
    say(f"It keeps serving until Ctrl-C; what was done stays in {stack.settings.data_dir}.")
    say(f"  the API and its pages   {stack.server_url}/docs")
    say(f"  every case, step by step   {stack.temporal_ui_url}")
    say("  in another terminal        ./boomerang return list    ./boomerang return show RMA100001")
    try:
        stack.wait()
    except KeyboardInterrupt:
        say()


def _typed_at() -> float:
    """When the command was typed: as whoever started us says, or when this process began."""
    try:
        return float(os.environ[STARTED])
    except (KeyError, ValueError):
        return psutil.Process().create_time()


__all__ = ["Asked", "Standing", "demo", "play"]
