"""Reconciliations and differences as the outside sees them, and what is asked to have providers asked or a difference resolved."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from api.schemas.common import Body, Identifier, Reason, ShownMoney, money, spoken


class ReconciliationAsked(Body):
    """Which payment provider to ask, by the code that orders name as the processor; `all` for every one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"provider": "all"}]})

    provider: Identifier


class ResolveAsked(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Called back by the provider on 21 November, note 4711."}]}
    )

    reason: Reason = Field(description="What was done about it, for those who ask later.")


class SumsShown(BaseModel):
    """What was paid, in minor units of the currency, according to each side."""

    currency: str
    provider: int
    ours: int
    difference: int


class ProviderShown(BaseModel):
    """One provider's part of a run. `listed` grows while its list is read; `open_differences` is of when it finished."""

    provider: str
    status: str
    started_at: str | None
    finished_at: str | None
    listed: int
    ours: int
    adopted: int
    open_differences: int
    sums: list[SumsShown]
    trouble: dict[str, Any] | None


class ReconciliationShown(BaseModel):
    """`status` is asked, running, finished, or failed where a provider could not be asked for hours."""

    id: str
    status: str
    asked_by: str
    asked_at: str
    open_differences: int
    providers: list[ProviderShown]


class ResolvedShown(BaseModel):
    how: str
    by: str
    at: str
    note: str | None


class DifferenceShown(BaseModel):
    """`amount` is by how much the provider's books say more was paid than ours, `kind` how they disagree."""

    id: str
    kind: str
    provider: str
    said: str
    amount: ShownMoney
    return_id: str | None
    refund_id: str | None
    provider_id: str | None
    payment: str | None
    owner: str
    status: str
    first_seen_at: str
    first_seen_in: str
    last_seen_at: str
    last_seen_in: str
    resolved: ResolvedShown | None


class DifferencePage(BaseModel):
    data: list[DifferenceShown]
    has_more: bool
    next_cursor: str | None


def show_run(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    """A run, from its rows: one for each provider."""
    return {
        "id": rows[0].id,
        "status": _as_a_whole({row.status for row in rows}),
        "asked_by": rows[0].asked_by,
        "asked_at": spoken(rows[0].asked_at),
        "open_differences": sum(row.open for row in rows),
        "providers": [_provider(row) for row in rows],
    }


def run_in_order(body: dict[str, Any]) -> dict[str, Any]:
    """A stored answer with its names in the order in which they are always shown."""
    return ReconciliationShown.model_validate(body).model_dump(mode="json")


def show_difference(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "provider": row.provider,
        "said": row.said,
        "amount": money(row.minor, row.currency),
        "return_id": row.case_id,
        "refund_id": row.refund_id,
        "provider_id": row.provider_id,
        "payment": row.payment,
        "owner": row.owner,
        "status": row.status,
        "first_seen_at": spoken(row.first_seen_at),
        "first_seen_in": row.first_run,
        "last_seen_at": spoken(row.last_seen_at),
        "last_seen_in": row.last_run,
        "resolved": {"how": row.resolved_how, "by": row.resolved_by, "at": spoken(row.resolved_at), "note": row.note}
        if row.resolved_at
        else None,
    }


def difference_in_order(body: dict[str, Any]) -> dict[str, Any]:
    return DifferenceShown.model_validate(body).model_dump(mode="json")


def _as_a_whole(parts: set[str]) -> str:
    if parts & {"asked", "running"}:
        return "asked" if parts == {"asked"} else "running"
    return "failed" if "failed" in parts else "finished"


def _provider(row: Row[Any]) -> dict[str, Any]:
    return {
        "provider": row.provider,
        "status": row.status,
        "started_at": spoken(row.started_at),
        "finished_at": spoken(row.finished_at),
        "listed": row.listed,
        "ours": row.ours,
        "adopted": row.adopted,
        "open_differences": row.open,
        "sums": row.sums or [],
        "trouble": row.trouble,
    }


RUN_EXAMPLE: dict[str, Any] = {
    "id": "rec_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "status": "finished",
    "asked_by": "operator",
    "asked_at": "2026-11-20T09:30:00Z",
    "open_differences": 1,
    "providers": [
        {
            "provider": "simulated",
            "status": "finished",
            "started_at": "2026-11-20T09:30:00Z",
            "finished_at": "2026-11-20T09:30:02Z",
            "listed": 1201,
            "ours": 1200,
            "adopted": 0,
            "open_differences": 1,
            "sums": [{"currency": "EUR", "provider": 1204000, "ours": 1200000, "difference": 4000}],
            "trouble": None,
        }
    ],
}
DIFFERENCE_EXAMPLE: dict[str, Any] = {
    "id": "dif_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "kind": "doubled",
    "provider": "simulated",
    "said": "EUR 40.00 was paid once more, as pr_5b2f",
    "amount": money(4000, "EUR"),
    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "refund_id": "rf_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "provider_id": "pr_5b2f",
    "payment": "pay_1",
    "owner": "payments",
    "status": "open",
    "first_seen_at": "2026-11-20T09:30:02Z",
    "first_seen_in": "rec_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "last_seen_at": "2026-11-20T09:30:02Z",
    "last_seen_in": "rec_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "resolved": None,
}
