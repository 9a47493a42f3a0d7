"""What a customer's return history says: a score with its parts, which may cost benefits or ask for a person, never a right.

Each part compares one figure with the tier's own threshold (tier table, rows abuse_*); together they make a score from 0
to 100. The score is shown with its parts, so that a customer who asks can be told, and a person can say otherwise.
"""

from dataclasses import dataclass

from domain.explain import Decision
from domain.frozen import quickly_made

POINTS_AT_THRESHOLD = 35
POINTS_MOST = 50
HIGH = 70
ORDERS_BEFORE_RATES_COUNT = 5
PERCENT = 100


@quickly_made
@dataclass(frozen=True)
class ReturnHistory:
    """What a customer and the accounts linked to it did, up to a moment; money in minor units of one currency.

    orders, sold_minor, units_sold              over 12 months
    returned_minor, units_returned              refunded, or about to be, over the same months
    returns_90_days                             returns opened in 90 days
    mismatches                                  inspections in 12 months that found other goods than declared
    returns, refund_only                        returns opened in 12 months, and those of them without goods
    linked_accounts                             other accounts with the same address or device
    advances_open                               refunds paid ahead whose goods are still awaited
    free_labels_used                            free labels of the tier used in this calendar month
    advances_lost                               advances of 12 months that had to be charged back, and were not reversed
    returnless_90_days                          refunds of 90 days whose goods stayed with the customer
    """

    orders: int = 0
    sold_minor: int = 0
    units_sold: int = 0
    returned_minor: int = 0
    units_returned: int = 0
    returns_90_days: int = 0
    mismatches: int = 0
    returns: int = 0
    refund_only: int = 0
    linked_accounts: int = 0
    advances_open: int = 0
    free_labels_used: int = 0
    advances_lost: int = 0
    returnless_90_days: int = 0


@dataclass(frozen=True)
class Thresholds:
    """The tier's own: percent of value returned, returns in 90 days, mismatches in 12 months. None = not looked at."""

    value_percent: int | None
    returns_90_days: int | None
    mismatches: int | None


@dataclass(frozen=True)
class Part:
    """One figure, the threshold it is held against, and the points it gives."""

    name: str
    value: int
    threshold: int
    points: int

    @property
    def exceeded(self) -> bool:
        return self.value >= self.threshold > 0


@dataclass(frozen=True)
class Risk:
    """The score from 0 to 100, its parts, and what it costs: benefits, or a person's look."""

    score: int
    parts: tuple[Part, ...]

    @property
    def high(self) -> bool:
        return self.score >= HIGH

    @property
    def ends_benefits(self) -> bool:
        """Value returned or mismatches at the threshold of the tier: no advance, no free label, no longer window."""
        return any(part.exceeded for part in self.parts if part.name in ENDS_BENEFITS)

    @property
    def asks_a_person(self) -> bool:
        return self.high or any(part.exceeded for part in self.parts if part.name in ASKS_A_PERSON)


ENDS_BENEFITS = frozenset({"value_returned_percent", "mismatches"})
ASKS_A_PERSON = frozenset({"returns_in_90_days"})
REFUND_ONLY_PERCENT = 50
LINKED_ACCOUNTS = 3
NO_RISK = Risk(0, ())


def assess(history: ReturnHistory, thresholds: Thresholds) -> Risk:
    """The risk of a history. Rates count from five orders on: two returns of two orders say nothing.

    >>> assess(ReturnHistory(), Thresholds(50, 5, 2)).score
    0
    """
    rates_count = history.orders >= ORDERS_BEFORE_RATES_COUNT
    parts = [
        _part(
            "value_returned_percent",
            _percent(history.returned_minor, history.sold_minor, rates_count),
            thresholds.value_percent,
        ),
        _part("returns_in_90_days", history.returns_90_days, thresholds.returns_90_days),
        _part("mismatches", history.mismatches, thresholds.mismatches),
        _part("refund_only_percent", _percent(history.refund_only, history.returns, rates_count), REFUND_ONLY_PERCENT),
        _part("linked_accounts", history.linked_accounts, LINKED_ACCOUNTS),
    ]
    known = tuple(part for part in parts if part)
    return Risk(min(100, sum(part.points for part in known)), known)


def explain(risk: Risk, source: str) -> Decision:
    """The score as a decision, part by part."""
    means = ["a person looks first"] if risk.asks_a_person else []
    means += ["benefits end"] if risk.ends_benefits else []
    return Decision(
        question="What does the history of returns say?",
        answer=f"score {risk.score} of 100: {', '.join(means) or 'nothing that matters'}",
        rule="fair_use",
        source=source,
        inputs=tuple(
            (part.name, f"{part.value}, threshold {part.threshold}, {part.points} points") for part in risk.parts
        ),
    )


def _part(name: str, value: int, threshold: int | None) -> Part | None:
    if not threshold:
        return None
    return Part(name, value, threshold, min(POINTS_MOST, POINTS_AT_THRESHOLD * value // threshold))


def _percent(part: int, whole: int, counts: bool) -> int:
    return PERCENT * part // whole if counts and whole else 0
