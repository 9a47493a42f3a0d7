"""The demo's storefront: it opens each cancellation line as a return, in time order within a customer, several customers at once.

Which purchases a return takes depends on the returns before it, of the same customer only. So every customer has one lane, in which
a return is opened when the one before it has been answered. What the data lacks is made up from a seed and says so.
"""

import hashlib
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from commands.client import ServerClient
from domain.reasons import ReturnReason
from examples.reader import Cancellation

# How often shoppers of gift-ware might say so; the data has no reasons, and the programme refunds them all alike.
REASONS = (
    *[ReturnReason.CHANGED_MIND] * 4,
    *[ReturnReason.NO_REASON] * 3,
    *[ReturnReason.DAMAGED_IN_TRANSIT] * 2,
    *[ReturnReason.DEFECTIVE] * 2,
    ReturnReason.NOT_AS_DESCRIBED,
    ReturnReason.WRONG_ITEM,
)


class Room:
    """How many returns may be under way at once: opening waits while there are more."""

    def __init__(self, most: int, stop: threading.Event) -> None:
        self._most, self._stop = most, stop
        self._opened = self._ended = 0
        self._changed = threading.Condition()

    def enter(self) -> bool:
        """Wait for room and take it; False when the demo is being stopped."""
        with self._changed:
            while self._opened - self._ended >= self._most and not self._stop.is_set():
                self._changed.wait(0.5)
            self._opened += 1
        return not self._stop.is_set()

    def count(self, *, opened: int, ended: int) -> None:
        """What the database says of it."""
        with self._changed:
            self._opened, self._ended = max(self._opened, opened), ended
            self._changed.notify_all()


class Storefront:
    """Opens returns over HTTP; `opened(cancellation id, case id)` is told of each one."""

    def __init__(
        self, client: ServerClient, *, seed: int, room: Room, stop: threading.Event, opened: Callable[[str, str], None]
    ) -> None:
        self._client, self._seed, self._room = client, seed, room
        self._stop, self._opened = stop, opened

    def open_all(
        self, cancellations: Sequence[Cancellation], known: Collection[str], lanes: ThreadPoolExecutor, count: int
    ) -> list[Future[None]]:
        """Set the lanes to work on all that is not `known` to be opened; each future ends with its lane, or with what went wrong."""
        queues: list[list[Cancellation]] = [[] for _ in range(count)]
        for cancellation in cancellations:
            if cancellation.id not in known:
                queues[drawn(0, "lane", cancellation.customer_id or cancellation.id) % count].append(cancellation)
        return [lanes.submit(self._work_off, queue) for queue in queues if queue]

    def _work_off(self, queue: Sequence[Cancellation]) -> None:
        for cancellation in queue:
            if not self._room.enter():
                return
            answer = self._client.post("/v1/returns", opening_of(cancellation, self._seed), key=cancellation.id)
            self._opened(cancellation.id, answer.body["id"])


def opening_of(cancellation: Cancellation, seed: int) -> dict[str, Any]:
    """The request that a storefront would have made: customer, SKU, quantity, at its own date; no order number."""
    reason = REASONS[drawn(seed, "reason", cancellation.id) % len(REASONS)]
    line = {
        "sku": cancellation.sku,
        "quantity": cancellation.quantity,
        "reason": reason,
        "note": f"assumed: the data has no reasons, this one was drawn with seed {seed}",
    }
    return {
        "customer_id": cancellation.customer_id,
        "declared_at": cancellation.declared_at.isoformat(),
        "lines": [line],
    }


def drawn(seed: int, *of: str) -> int:
    """A number that is always the same for the same seed and subject."""
    return int.from_bytes(hashlib.blake2b("\x1f".join([str(seed), *of]).encode(), digest_size=6).digest(), "big")
