"""What can befall one request to a partner, in the order in which it does: nothing done, late, done and not said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from partners.knobs import Knobs
from partners.program import Refusal

REQUEST_KNOBS = {
    "fail_before": "answers 500 and does nothing",
    "delay": "waits `seconds` (1) before doing it",
    "hang": "does it, and answers `seconds` (30) later",
    "fail_after": "does it, and answers 500",
}


@asynccontextmanager
async def befalling(knobs: Knobs, subject: str) -> AsyncIterator[None]:
    """Around the doing: what the knobs let happen before and after it. The doing itself is never torn."""
    if rule := knobs.strikes("delay", subject):
        await asyncio.sleep(rule.seconds_or(1.0))
    yield
    if rule := knobs.strikes("hang", subject):
        await asyncio.sleep(rule.seconds_or(30.0))
    if knobs.strikes("fail_after", subject):
        raise Refusal(500, "server_error", "Something broke here.")


def fail_before(knobs: Knobs, subject: str) -> None:
    """The fault that comes before everything, the idempotency key included."""
    if knobs.strikes("fail_before", subject):
        raise Refusal(500, "server_error", "Something broke here.")
