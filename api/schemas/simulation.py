"""What a policy would have made of past returns, as JSON."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from api.schemas.common import Body, Identifier
from desk.policies import LIVE
from domain.comparison import Change, Comparison, Seen, Side
from domain.eligibility import Verdict

MOST_CHANGES = 500
CALLED = {Verdict.ELIGIBLE: "authorized", Verdict.REFERRED: "referred", Verdict.REFUSED: "refused"}


class SimulationAsked(Body):
    """Which past returns: those asked for from the first day to the last, by UTC; and beside which policy."""

    first_day: Annotated[date, Field(alias="from")]
    last_day: Annotated[date, Field(alias="to")]
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
