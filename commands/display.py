"""What a person sees of a long command: named steps with the seconds since it was typed, and counts that move.

In a terminal the counts stay in one place; in a pipe or a file they are plain lines, one about every second while they change.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from commands.words import say
from database.progress import Standing
from domain.money import Money
from domain.stages import ENDS, Stage

ON_THE_WAY = (Stage.REFERRED, Stage.AUTHORIZED, Stage.BOOKED, Stage.IN_TRANSIT, Stage.AWAITED)
AT_THE_BENCH = (Stage.RECEIVED,)
INSPECTED = (Stage.INSPECTED, Stage.SETTLED)
LINE_EVERY_S, REPEAT_EVERY_S = 1.0, 15.0
BAR = 60  # signs wide


class Display:
    """Steps and counts; `started` is the moment the command was typed, in unix seconds."""

    def __init__(self, started: float, *, currency: str, total: int = 0) -> None:
        self._started, self._currency = started, currency
        self.total = total
        self._console = Console()
        self._live: Live | None = None
        self._last_line, self._last_at = "", 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.rest()

    @property
    def seconds(self) -> float:
        """Since the command was typed."""
        return time.time() - self._started

    def since(self, moment: float) -> float:
        """The seconds from the command to a moment."""
        return moment - self._started

    def step(self, text: str, *, at: float | None = None) -> None:
        """One named thing that happened."""
        line = f"{self.seconds if at is None else at:7.1f} s  {text}"
        if self._live:
            self._live.console.print(line, highlight=False, markup=False)
        else:
            say(line)

    def counts(self, standing: Standing) -> None:
        """Where the returns stand now."""
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, refresh_per_second=4, transient=True)
                self._live.start()
            self._live.update(self.picture(standing))
            return
        now, line = time.monotonic(), self._line(standing)
        pause = LINE_EVERY_S if line != self._last_line else REPEAT_EVERY_S
        if now - self._last_at >= pause:
            self._last_line, self._last_at = line, now
            self.step(line)

    def rest(self) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()
            self._live = None

    def _line(self, standing: Standing) -> str:
        parts = [f"{name} {shown}" for name, shown in self._numbers(standing)]
        return "  ".join([*parts, f"({_by_reason(standing)})"] if standing.refused else parts)

    def picture(self, standing: Standing) -> Group:
        """The counts as they stand in a terminal."""
        grid = Table(box=None, show_header=False, pad_edge=False)
        for name, shown in self._numbers(standing):
            grid.add_row(f"  {name}", shown)
        for reason, returns in standing.refused.items():
            grid.add_row("", Text(f"{returns} {reason}", style="dim"))
        ended = sum(standing.by_stage.get(stage, 0) for stage in ENDS)
        filled = BAR * ended // max(self.total, 1)
        bar = Text.assemble(("━" * filled, "green"), ("━" * (BAR - filled), "dim"))
        return Group(Text(f"{self.seconds:7.1f} s  {ended} of {self.total} returns finished", style="bold"), bar, grid)

    def _numbers(self, standing: Standing) -> list[tuple[str, str]]:
        def count(*stages: Stage) -> str:
            return str(sum(standing.by_stage.get(stage, 0) for stage in stages))

        return [
            ("opened", f"{standing.opened}/{self.total}"),
            ("in transit", count(*ON_THE_WAY)),
            ("at the bench", count(*AT_THE_BENCH)),
            ("inspected", count(*INSPECTED)),
            ("refunded", f"{standing.refunded} ({Money(standing.refunded_minor, self._currency)})"),
            ("refused", count(Stage.REFUSED)),
            ("attention", count(Stage.ATTENTION)),
            ("stuck", str(standing.troubled)),
        ]


def _by_reason(standing: Standing) -> str:
    return ", ".join(f"{reason} {returns}" for reason, returns in standing.refused.items())
