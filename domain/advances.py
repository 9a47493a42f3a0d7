"""Money paid ahead of the goods, what it is guaranteed by, and what follows where they never come.

An advance that is guaranteed is charged back when its goods have not come in time: from a hold on the shopper's card where there is
one, else as a debt of hers, which she is reminded of step by step and which somebody bears in the end. Goods that come after all undo
it. What is charged back never exceeds what was paid ahead.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Invalid


class Guarantee(StrEnum):
    """What a tier's advances are guaranteed by."""

    NONE = "none"  # by nothing: goods that never come are put before a person
    HOLD = "hold"  # by a hold on the card; where none can be had, nothing is paid ahead
    HOLD_OR_RECEIVABLE = "hold_or_receivable"  # by a hold where one can be had, else by the shopper's word
    RECEIVABLE = "receivable"  # by the shopper's word


class Standing(StrEnum):
    """Where an advance stands, as the case itself knows it; empty where none was guaranteed."""

    NONE = ""
    HOLD = "hold"  # open, money is held
    RECEIVABLE = "receivable"  # open, and nothing is held
    CAPTURED = "captured"  # charged back from the hold
    OWED = "owed"  # charged back, and the shopper has not paid
    WRITTEN_OFF = "written_off"  # and will not


CHARGED_BACK = frozenset({Standing.CAPTURED, Standing.OWED, Standing.WRITTEN_OFF})


class DebtBearer(StrEnum):
    """Who bears a debt that reminders did not bring in; `person`: one is asked."""

    MERCHANT = "merchant"
    PLATFORM = "platform"
    PERSON = "person"


class UnreadableDunning(Invalid):
    code = "unreadable_dunning"
    next_action = 'Write the spans between reminders, then who bears the debt: "7d 7d 7d merchant".'


@dataclass(frozen=True)
class Dunning:
    """How a debt is called in: a reminder after each span, and after the last one once more it is over.

    >>> Dunning.parse("7d 14d merchant")
    Dunning(spans=('7d', '14d'), bearer=<DebtBearer.MERCHANT: 'merchant'>)
    >>> str(Dunning(("7d",), DebtBearer.PERSON))
    '7d person'
    """

    spans: tuple[str, ...]
    bearer: DebtBearer

    @classmethod
    def parse(cls, text: str) -> "Dunning":
        *spans, bearer = text.split() or [""]
        if not spans or bearer not in list(DebtBearer):
            raise UnreadableDunning(f"{text!r} does not say how a debt is called in.")
        return cls(tuple(spans), DebtBearer(bearer))

    def __str__(self) -> str:
        return " ".join((*self.spans, self.bearer))

    def span(self, reminded: int) -> str:
        """How long the debt waits after so many reminders."""
        return self.spans[min(reminded, len(self.spans) - 1)]

    def is_over(self, reminded: int) -> bool:
        return reminded >= len(self.spans)


def not_accepted(paid_minor: int, lines: list[tuple[int, int, int]]) -> int:
    """What of an advance is not borne out by the findings: the refund of the units that were not accepted, at most all of it.

    `lines` are (refund of the line in minor units, its units, the units accepted). A unit's share is rounded in the shopper's favour.

    >>> not_accepted(3000, [(3000, 3, 2)])
    1000
    """
    lost = sum(refund * (units - accepted) // units for refund, units, accepted in lines)
    return min(paid_minor, lost)
