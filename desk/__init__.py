"""The returns desk: the one door to running cases.

What somebody says of a case is first written down (checked against the case's row under its lock, together with everything that follows
from it there), then told to the running case. If this process dies between the two, `heal` finds what was written and not told, here or in
any other server, and tells it; the case takes each fact once, because it comes under the same id.
"""

from desk.door import Present, ReturnsDesk, appeal_until
from desk.words import (
    AppealTooLate,
    AppealWithoutPurchase,
    Caller,
    DoneBefore,
    IdempotencyKey,
    KeyUsedForAnotherRequest,
    MoreThanComesBack,
    NotNow,
    Preview,
    RefusedItBefore,
    Said,
    UnitsElsewhere,
    UnknownCaseLine,
    UntilNotLater,
    UntilPastTheLaw,
    VersionIsOlder,
)

__all__ = [
    "AppealTooLate",
    "AppealWithoutPurchase",
    "Caller",
    "DoneBefore",
    "IdempotencyKey",
    "KeyUsedForAnotherRequest",
    "MoreThanComesBack",
    "NotNow",
    "Present",
    "Preview",
    "RefusedItBefore",
    "ReturnsDesk",
    "Said",
    "UnitsElsewhere",
    "UnknownCaseLine",
    "UntilNotLater",
    "UntilPastTheLaw",
    "VersionIsOlder",
    "appeal_until",
]
