"""Customers as they are told of and shown: themselves, the lock on their tier, and the tier as of a day with what it comes from."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from api.schemas.common import (
    YEARS,
    Body,
    Country,
    Identifier,
    Moment,
    Name,
    Reason,
    money,
    spoken,
    wrong,
)
from database.advances import LOST
from database.customers import CountryMissing
from desk.customers import Lock, Shown, TierShown, Unlock
from domain.errors import Invalid
from domain.tier import Tier, TierLock, next_tier

DATA = ("country", "name", "email", "locale", "address_key", "device_key")
LOCK = "tier_lock"
EXAMPLE: dict[str, Any] = {
    "country": "DE",
    "name": "Maria Muster",
    "email": "maria@example.com",
    "locale": "de",
    "address_key": "adr_5b2f",
    "device_key": "dev_91aa",
}
LOCK_EXAMPLE: dict[str, Any] = {
    "tier": "VIP",
    "reason": "Two parcels of hers were lost in March.",
    "until": "2027-03-31T22:00:00Z",
}


class NothingTold(Invalid):
    code = "nothing_told"
    next_action = "Send at least one field: something of the customer, or tier_lock."


def _day(value: Any) -> Any:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise wrong("not_a_day", "It must be a day such as 2011-09-01.")
    return day


Day = Annotated[date, BeforeValidator(_day)]


class LockAsked(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [LOCK_EXAMPLE]})

    tier: Tier
    reason: Reason = Field(description="For colleagues and for every decision that the lock has a part in.")
    until: Moment | None = Field(default=None, description="Left out: until somebody lifts it.")

    def lock(self) -> Lock:
        return Lock(self.tier, self.reason, self.until)


class CustomerTold(Body):
    """What is left out stays as it is; null empties it. A new customer needs a country."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE, {"tier_lock": LOCK_EXAMPLE}]})

    country: Country | None = None
    name: Name | None = None
    email: Annotated[Name, Field(max_length=254)] | None = None
    locale: Annotated[Identifier, Field(max_length=35)] | None = None
    address_key: Identifier | None = Field(
        default=None, description="The same for accounts at one address; opaque to the engine."
    )
    device_key: Identifier | None = Field(
        default=None, description="The same for accounts used on one device; opaque to the engine."
    )
    tier_lock: LockAsked | None = Field(default=None, description="Sets the tier by hand; null lifts the lock.")

    def data(self) -> dict[str, Any]:
        """What is told of the customer, by column. Raises the named errors of what only the whole body shows."""
        if not self.model_fields_set:
            raise NothingTold("The body says nothing.")
        told = {name: getattr(self, name) for name in DATA if name in self.model_fields_set}
        if told.get("country", "") is None:
            raise CountryMissing("A country can be changed, not emptied.", pointer="/country")
        return told

    def lock(self) -> Lock | Unlock | None:
        """What is asked for the lock; None where the body does not speak of it."""
        if LOCK not in self.model_fields_set:
            return None
        return self.tier_lock.lock() if self.tier_lock else Unlock()


def show_customer(shown: Shown) -> dict[str, Any]:
    on_record = shown.on_record
    return {
        "id": shown.customer.id,
        **{name: getattr(shown.customer, name) for name in DATA},
        "tier": on_record.tier if on_record else None,
        "tier_since": spoken(on_record.since) if on_record else None,
        "tier_lock": _show_lock(shown.lock),
        "advances": _show_advances(shown.advances),
    }


def _show_advances(by_status: Mapping[str, int]) -> dict[str, Any]:
    """Those of twelve months, and whether one had to be charged back: then no further one is paid ahead of its goods."""
    return {"by_status": dict(by_status), "right_lost": any(by_status.get(status) for status in LOST)}


def show_tier(shown: TierShown) -> dict[str, Any]:
    standing, thresholds, on = shown.standing, shown.thresholds, shown.at.date()
    history, grace, on_record = standing.history, standing.grace, shown.on_record
    above = next_tier(history, thresholds, on)
    days = history.days_since_last(on)
    return {
        "customer_id": shown.customer_id,
        "as_of": spoken(shown.at),
        "tier": standing.tier,
        "why": {
            "question": standing.why.question,
            "answer": standing.why.answer,
            "rule": standing.why.rule,
            "source": standing.why.source,
            "inputs": [{"name": name, "value": value} for name, value in standing.why.inputs],
        },
        "by_figures_alone": standing.computed,
        "figures": {
            "orders": history.orders,
            "spend": money(history.spend_minor, history.currency),
            "last_order": history.last_order.isoformat() if history.last_order else None,
            "days_since_last_order": days,
            "window_months": thresholds.window_months,
            "spend_translated_from": list(history.translated),
            "spend_not_counted": list(history.not_counted),
        },
        "grace": {
            "days": thresholds.grace_days,
            "last_reached_on": grace.reached_on.isoformat(),
            "fallen_without_grace_on": grace.fallen_on.isoformat(),
            "kept_until": grace.kept_until.isoformat(),
        }
        if grace
        else None,
        "next_tier": {
            "tier": above.tier,
            "orders_missing": above.orders,
            "spend_missing": money(above.spend_minor, thresholds.currency),
            "active_within_days": above.active_within_days,
            "active": above.active,
        }
        if above
        else None,
        "lock": _show_lock(standing.lock),
        "on_record": {
            "tier": on_record.tier,
            "since": spoken(on_record.since),
            "reviewed_at": spoken(on_record.reviewed_at),
        }
        if on_record
        else None,
        "changes": [
            {
                "at": spoken(change.at),
                "from_tier": change.from_tier,
                "to_tier": change.to_tier,
                "why": change.why,
                "by": change.by,
                "reason": change.reason,
            }
            for change in shown.changes
        ],
    }


def _show_lock(lock: TierLock | None) -> dict[str, Any] | None:
    if lock is None:
        return None
    return {
        "tier": lock.tier,
        "reason": lock.reason,
        "by": lock.by,
        "at": spoken(lock.at),
        "until": spoken(lock.until),
    }


SHOWN_EXAMPLE: dict[str, Any] = {
    "id": "c_1",
    **EXAMPLE,
    "tier": "VIP",
    "tier_since": "2026-11-02T10:00:00Z",
    "tier_lock": {**LOCK_EXAMPLE, "by": "operator: Maria", "at": "2026-11-02T10:00:00Z"},
    "advances": {"by_status": {"met": 2}, "right_lost": False},
}
TIER_EXAMPLE: dict[str, Any] = {
    "customer_id": "c_1",
    "as_of": "2026-11-20T09:30:00Z",
    "tier": "VIP",
    "why": {
        "question": "Which tier has the customer?",
        "answer": "VIP",
        "rule": "tier_grace",
        "source": "tier table, grace of 30 days: kept until 14 Dec 2026",
        "inputs": [{"name": "computed", "value": "ADVANCED"}, {"name": "kept_until", "value": "2026-12-14"}],
    },
    "by_figures_alone": "ADVANCED",
    "figures": {
        "orders": 7,
        "spend": {"amount": 512000, "currency": "GBP"},
        "last_order": "2026-10-30",
        "days_since_last_order": 21,
        "window_months": 12,
        "spend_translated_from": ["EUR"],
        "spend_not_counted": [],
    },
    "grace": {
        "days": 30,
        "last_reached_on": "2026-11-14",
        "fallen_without_grace_on": "2026-11-15",
        "kept_until": "2026-12-14",
    },
    "next_tier": {
        "tier": "VIP",
        "orders_missing": 1,
        "spend_missing": {"amount": 0, "currency": "GBP"},
        "active_within_days": 120,
        "active": True,
    },
    "lock": None,
    "on_record": {"tier": "VIP", "since": "2026-04-02T03:00:01Z", "reviewed_at": "2026-11-20T03:00:01Z"},
    "changes": [
        {
            "at": "2026-04-02T03:00:01Z",
            "from_tier": "ADVANCED",
            "to_tier": "VIP",
            "why": "reviewed",
            "by": "review",
            "reason": "tier_thresholds",
        }
    ],
}
