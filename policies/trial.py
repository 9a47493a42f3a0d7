"""Two policies tried on past returns, on as many cores as there are.

What is handed to the processes is plain values. Each of them works out the days of a market for itself, and answers with sums and
with the returns that change.
"""

import gc
import itertools
import multiprocessing
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.context import BaseContext

from domain.calendar import Calendar
from domain.comparison import Comparison, compare
from domain.course import Course
from domain.market import Market
from domain.policy import PolicyBook, ReturnPolicy
from domain.simulation import Group, World, run_again
from domain.tier import Tier
from domain.windows import last_days_move
from policies.calendars import calendar_of

AT_ONCE = 100  # returns handed to a process together: few enough that no process waits long for the last one to end
INHERITED = 1000  # batches that are read before the processes begin, where they inherit them: 100,000 returns
AHEAD = 3  # batches that wait for each process


@dataclass(frozen=True)
class Trial:
    """Two policies to be compared, over one book; `assumed` is the course of each tier where nothing was recorded."""

    book: PolicyBook
    before: ReturnPolicy
    after: ReturnPolicy
    assumed: Mapping[Tier, Course]


Told = Callable[[Comparison], None]


def try_out(trial: Trial, groups: Iterable[Group], *, processes: int, told: Told = lambda so_far: None) -> Comparison:
    """Run every group under both policies. `told` hears of the sums as they grow.

    The answer is the same for any number of processes, and in any order of the groups but for the order of its changes.
    """
    batches = in_batches(groups)
    first = list(itertools.islice(batches, INHERITED))
    found = Comparison()
    if processes < 2 or sum(len(group.returns) for batch in first for group in batch) < AT_ONCE:
        here = _Here(trial)
        for batch in (*first, *batches):
            found.add(here.run(batch))
            told(found)
        return found
    # A copy of this process has the first batches already; only what comes after them is handed over.
    context = _context()
    copies = context.get_start_method() == "fork"
    given: Iterable[int | list[Group]] = itertools.chain(range(len(first)) if copies else first, batches)
    begin = (trial, first if copies else [])
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=begin) as pool:
        waiting: deque[Future[Comparison]] = deque()
        for one in given:
            waiting.append(pool.submit(_run, one))
            while len(waiting) > processes * AHEAD or (waiting and waiting[0].done()):
                found.add(waiting.popleft().result())
                told(found)
        while waiting:
            found.add(waiting.popleft().result())
            told(found)
    return found


def _context() -> BaseContext:
    """How processes begin: as copies, which have everything loaded already, unless a thread of this one could hold a lock."""
    copies = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    return multiprocessing.get_context("fork" if copies else "spawn")


def in_batches(groups: Iterable[Group], size: int = AT_ONCE) -> Iterator[list[Group]]:
    """Groups together until they hold so many returns; a group is never torn."""
    batch: list[Group] = []
    returns = 0
    for group in groups:
        batch.append(group)
        returns += len(group.returns)
        if returns >= size:
            yield batch
            batch, returns = [], 0
    if batch:
        yield batch


def days_of(country: str, market: Market, first: datetime, at: datetime) -> Calendar:
    """The days of a country from the year of `first` to a year beyond the moment: whole years, so that one serves many returns."""
    days = (date(at.year + 2, 1, 1) - date(first.year, 1, 1)).days
    return calendar_of(country, date(first.year, 1, 1), moves=last_days_move(market), days=days)


class _Here:
    """The trial in this process."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._world = World(trial.book, days_of, trial.assumed)

    def run(self, groups: Sequence[Group]) -> Comparison:
        found = Comparison()
        for group in groups:
            self._world.begin()
            before = run_again(group, self._trial.before, self._world)
            after = run_again(group, self._trial.after, self._world)
            found.add(compare(group.returns, before, after))
        return found


_here: _Here | None = None
_inherited: list[list[Group]] = []


def _begin(trial: Trial, inherited: list[list[Group]]) -> None:
    global _here, _inherited
    _here, _inherited = _Here(trial), inherited
    # What is here already stays until the end: it need not be looked through for garbage, time and again.
    gc.freeze()


def _run(given: int | list[Group]) -> Comparison:
    assert _here is not None, "the process has begun"
    return _here.run(_inherited[given] if isinstance(given, int) else given)
