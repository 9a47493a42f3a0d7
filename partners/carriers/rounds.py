"""The carrier's rounds: which scan follows which by itself, after how long, and what goes wrong on the way."""

from dataclasses import dataclass

from partners.knobs import Knobs, chance

ROUNDS_KNOBS = {
    "lose": "the parcel is lost on the way instead of delivered",
    "miss_pickup": "the driver meets nobody at the door and comes again",
}
FOLLOWS = {
    "label_created": "picked_up",
    "pickup_failed": "picked_up",
    "picked_up": "in_transit",
    "in_transit": "delivered",
}


@dataclass(frozen=True)
class Rounds:
    """Rounds of one carrier. Not `by_itself`: scans are made through the admin door only.

    Each step takes between half and one and a half times `seconds`, the same for the same seed and booking.
    """

    knobs: Knobs
    by_itself: bool = False
    seconds: float = 2.0
    seed: int = 0

    def after(self, status: str) -> str | None:
        """The scan planned after this one, or None when nothing comes by itself."""
        return FOLLOWS.get(status) if self.by_itself else None

    def happens(self, booking_id: str, method: str, planned: str) -> str:
        """What the scan turns out to be."""
        if planned == "picked_up" and method == "pickup" and self.knobs.strikes("miss_pickup", booking_id):
            return "pickup_failed"
        if planned == "delivered" and self.knobs.strikes("lose", booking_id):
            return "lost"
        return planned

    def seconds_until(self, booking_id: str, status: str) -> float:
        return self.seconds * (0.5 + chance(self.seed, "rounds", booking_id, status))
