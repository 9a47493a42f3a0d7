"""Waiting for a condition in place of sleeping."""

import threading
import time
from collections.abc import Callable

import psutil


def until(condition: Callable[[], bool], *, within_s: float = 15.0) -> None:
    """Return as soon as the condition holds; fail the test when it does not in time."""
    last = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < last, f"waited {within_s} s in vain"
        threading.Event().wait(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody has collected yet has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
