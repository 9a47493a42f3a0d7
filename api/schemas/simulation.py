"""What a policy would have made of past returns, as JSON."""

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.common import Body, Identifier
from desk.policies import LIVE
from domain.comparison import Change, Comparison, Seen, Side
from domain.eligibility import Verdict

MOST_CHANGES = 500
CALLED = {Verdict.ELIGIBLE: "authorized", Verdict.REFERRED: "referred", Verdict.REFUSED: "refused"}


FIRST, LAST = date(1970, 1, 1), date(2999, 12, 31)
ASKED_EXAMPLE: dict[str, Any] = {"from": "2026-10-01", "to": "2026-10-31", "against": "live", "changes": 50}
_NONE: dict[str, Any] = {"amount": 0, "currency": "EUR"}
_SIDE: dict[str, Any] = {
    "authorized": 1,
    "referred": 0,
    "refused": 0,
    "refunded": 1,
    "assumed": 0,
    "refunds": [{"amount": 12000, "currency": "EUR"}],
    "fees": [{"bearer": "merchant", "amount": {"amount": 490, "currency": "EUR"}}],
}
_SEEN: dict[str, Any] = {
    "verdict": "authorized",
    "grounds": [],
    "stage": "closed",
    "tier": "ENTRY",
    "days": 6.5,
    "refund": {"amount": 12000, "currency": "EUR"},
    "fees": [{"bearer": "merchant", "amount": {"amount": 490, "currency": "EUR"}}],
    "assumed": False,
}
_GONE: dict[str, Any] = {"authorized": 0, "refused": 1, "refunded": 0, "refunds": [], "fees": []}
SIMULATION_EXAMPLE: dict[str, Any] = {
    "returns": 1,
    "recorded": {"known": 1, "same_verdict": 1},
    "before": _SIDE,
    "after": {**_SIDE, **_GONE},
    "moves": [{"before": "authorized", "after": "refused", "returns": 1}],
    "days": {
        "refunded_under_both": 0,
        "gained": 0.0,
        "gained_mean": 0.0,
        "gained_median": 0.0,
        "window_gained": -16,
    },
    "changed": 1,
    "changes": [
        {
            "id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
            "rule": "return_window: yes -> no",
            "before": _SEEN,
            "after": {
                **_SEEN,
                "verdict": "refused",
                "grounds": ["outside_window"],
                "stage": "refused",
                "days": None,
                "refund": _NONE,
                "fees": [],
            },
        }
    ],
}


class SimulationAsked(Body):
    """Which past returns: those asked for from the first day to the last, by UTC; and beside which policy."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASKED_EXAMPLE]})

    first_day: Annotated[date, Field(alias="from", ge=FIRST, le=LAST)]
    last_day: Annotated[date, Field(alias="to", ge=FIRST, le=LAST)]
    against: Identifier = LIVE
    changes: Annotated[
        int, Field(ge=0, le=MOST_CHANGES, description="How many of the returns that change to list.")
    ] = 50


def show_simulation(found: Comparison, *, most: int | None = None) -> dict[str, Any]:
    """The whole comparison; `most` of the returns that change, the heaviest first."""
    total, mean, middle = found.days_gained
    return {
        "returns": found.cases,
        "recorded": {"known": found.known, "same_verdict": found.recorded},
        "before": _side(found.before),
        "after": _side(found.after),
        "moves": [
            {"before": CALLED[one], "after": CALLED[other], "returns": found.moves[one, other]}
            for one in Verdict
            for other in Verdict
        ],
        "days": {
            "refunded_under_both": len(found.earlier_days),
            "gained": round(total, 3),
            "gained_mean": round(mean, 3),
            "gained_median": round(middle, 3),
            "window_gained": found.window_days,
        },
        "changed": len(found.changes),
        "changes": [_change(one) for one in found.heaviest(most)],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        **{CALLED[verdict]: side.verdicts[verdict] for verdict in Verdict},
        "refunded": side.refunded,
        "assumed": side.assumed,
        "refunds": [{"amount": minor, "currency": currency} for currency, minor in sorted(side.refunds.items())],
        "fees": [
            {"bearer": bearer, "amount": {"amount": minor, "currency": currency}}
            for (bearer, currency), minor in sorted(side.fees.items())
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "rule": change.rule,
        "before": _seen(change.before, change.currency),
        "after": _seen(change.after, change.currency),
    }


def _seen(seen: Seen, currency: str) -> dict[str, Any]:
    return {
        "verdict": CALLED[seen.verdict],
        "grounds": list(seen.grounds),
        "stage": seen.stage,
        "tier": seen.tier,
        "days": None if seen.days is None else round(seen.days, 3),
        "refund": {"amount": seen.refund_minor, "currency": currency},
        "fees": [{"bearer": bearer, "amount": {"amount": minor, "currency": of}} for bearer, of, minor in seen.fees],
        "assumed": seen.assumed,
    }
