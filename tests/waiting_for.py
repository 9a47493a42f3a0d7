"""Waiting for a condition inside an event loop, in place of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

import anyio

Found = TypeVar("Found")


async def eventually(
    look: Callable[[], Found | None], complain: Callable[[], str] = lambda: "", *, within_s: float = 20.0
) -> Found:
    """What `look` finds, as soon as it finds something; fails the test when it does not in time."""
    last = time.monotonic() + within_s
    while True:
        found = await anyio.to_thread.run_sync(look)
        if found:
            return found
        assert time.monotonic() < last, f"waited {within_s} s in vain: {complain()}"
        await anyio.sleep(0.01)
