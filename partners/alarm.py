"""An alarm: work that comes due by itself, done when its time has come or when somebody rings."""

import asyncio
import logging
from collections.abc import Callable

IDLE_SECONDS = 60.0
AFTER_FAULT_SECONDS = 1.0

log = logging.getLogger("partners")


class Alarm:
    """Calls `work` again and again. It does what is due and says in how many seconds the next is (None: never)."""

    def __init__(self, work: Callable[[], float | None]) -> None:
        self._work = work
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There may be something to do: look now."""
        self._rung.set()

    async def run(self) -> None:
        while True:
            self._rung.clear()
            try:
                seconds = self._work()
            except Exception:
                # One bad row must not silence the partner for good.
                log.exception("work that came due could not be done")
                seconds = AFTER_FAULT_SECONDS
            try:
                pause = IDLE_SECONDS if seconds is None else min(max(seconds, 0.0), IDLE_SECONDS)
                await asyncio.wait_for(self._rung.wait(), pause)
            except TimeoutError:
                continue
