"""Two policies tried on past returns, on as many cores as there are.

What is handed to the processes is plain values. Each of them works out the days of a market for itself, and answers with sums and
with the returns that change.
"""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

from domain.calendar import Calendar
from domain.comparison import Comparison, compare
from domain.course import Course
from domain.market import Market
from domain.policy import PolicyBook, ReturnPolicy
from domain.simulation import Group, World, run_again
from domain.tier import Tier
from domain.windows import last_days_move
from policies.calendars import calendar_of

AT_ONCE = 250  # returns handed to a process together
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
    first = next(batches, [])
    second = next(batches, [])
    found = Comparison()
    whole = [*first, *second]
    if processes < 2 or sum(len(group.returns) for group in whole) < AT_ONCE:
        here = _Here(trial)
        for batch in (whole, *batches):
            found.add(here.run(batch))
            told(found)
        return found
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(trial,)
    ) as pool:
        waiting: deque[Future[Comparison]] = deque()
        for batch in (first, second, *batches):
            waiting.append(pool.submit(_run, batch))
            while len(waiting) > processes * AHEAD or (waiting and waiting[0].done()):
                found.add(waiting.popleft().result())
                told(found)
        while waiting:
            found.add(waiting.popleft().result())
            told(found)
    return found


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
    """The days of a country from the year of `first` to two years beyond the moment: whole years, so that one serves many returns."""
    days = (date(at.year + 3, 1, 1) - date(first.year, 1, 1)).days
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


def _begin(trial: Trial) -> None:
    global _here
    _here = _Here(trial)


def _run(groups: Sequence[Group]) -> Comparison:
    assert _here is not None, "the process has begun"
    return _here.run(groups)
