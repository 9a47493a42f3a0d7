"""One alarm for a case, whatever it waits for."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
    """Rings once the moment it is set to has come.

    Set later, it costs nothing: the timer that is running looks again when it fires. Set earlier, a second timer starts and the first
    one finds nothing to do. No timer is cancelled, because a cancelled timer is one more event in history than a forgotten one.
    """

    def __init__(self, rings: Callable[[], None]) -> None:
        self._rings = rings
        self._at: datetime | None = None
        self._timers: set[datetime] = set()

    def set(self, at: datetime | None, label: str, spawn: Callable[..., None]) -> None:
        self._at = at
        if at is not None and not any(timer <= at for timer in self._timers):
            self._timers.add(at)
            spawn(self._wait(at, label, spawn))

    async def _wait(self, at: datetime, label: str, spawn: Callable[..., None]) -> None:
        await workflow.sleep(max(timedelta(0), at - workflow.now()), summary=label)
        self._timers.discard(at)
        if self._at is None:
            return
        if workflow.now() >= self._at:
            self._rings()
        else:
            self.set(self._at, label, spawn)
