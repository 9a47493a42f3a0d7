"""Operators: whether the books are right, here and at the payment providers, and what to do about it where they are not."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.dependencies import Desk, Key, Reading, Speaker
from api.reading import Door
from api.routes.answers import REPLAYED
from api.schemas.common import Body, Identifier, PathId, spoken
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.schemas.reconciliations import (
    DIFFERENCE_EXAMPLE,
    RUN_EXAMPLE,
    DifferencePage,
    DifferenceShown,
    ReconciliationAsked,
    ReconciliationShown,
    ResolveAsked,
    difference_in_order,
    run_in_order,
    show_difference,
    show_run,
)
from api.security import Scope, needs
from database import reconciliations
from database.verify import verify
from domain.reconciliation import DifferenceKind

router = APIRouter(route_class=Door, tags=["operators"])

PAGE, PAGE_MAX = 50, 100
EXAMPLE = {
    "holds": True,
    "asked": [{"provider": "simulated", "at": "2026-11-20T04:00:02Z", "reconciliation": RUN_EXAMPLE["id"]}],
    "checks": [
        {
            "invariant": "I3",
            "name": "ledger_is_zero",
            "says": "The ledger sums to zero in each currency.",
            "holds": True,
            "broken": 0,
            "examples": [],
            "what_to_do": "Find the entry: entries_are_zero names it.",
        }
    ],
}


@router.get(
    "/v1/ops/verify",
    summary="Check the invariants of the books",
    dependencies=[needs(Scope.OPS_READ)],
    responses={200: answer("Each invariant, and what breaks it", EXAMPLE), **problems(*KEYED, *STORED)},
)
def verify_books(session: Reading) -> JSONResponse:
    """Asked in one snapshot of the database: work under way does not look like a fault. What it says of the providers' books is of when
    they were asked last (`asked`); POST /v1/ops/reconciliations asks them now."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    checks = verify(session)
    shown = [
        {
            "invariant": one.invariant,
            "name": one.name,
            "says": one.says,
            "holds": one.holds,
            "broken": one.broken,
            "examples": list(one.examples),
            "what_to_do": one.what_to_do,
        }
        for one in checks
    ]
    asked = [
        {"provider": row.provider, "at": spoken(row.finished_at), "reconciliation": row.id}
        for row in reconciliations.last_finished(session)
    ]
    return JSONResponse({"holds": all(one.holds for one in checks), "asked": asked, "checks": shown})


@router.post(
    "/v1/ops/reconciliations",
    summary="Ask payment providers for their own lists, and compare",
    status_code=202,
    dependencies=[needs(Scope.OPS_WRITE)],
    responses={
        202: {**answer("It was begun; Location says where to look", RUN_EXAMPLE), "model": ReconciliationShown},
        **problems(*KEYED, *BODIED, *STORED),
    },
)
async def begin_reconciliation(asked: ReconciliationAsked, desk: Desk, speaker: Speaker, key: Key) -> JSONResponse:
    """By our own refund ids: paid twice, in another amount, under no id of ours, or not at all. What the provider knows better is
    taken over; the rest is a difference with an owner."""
    body, replayed = await desk.reconciliations.ask(asked.provider, speaker, key, show=show_run)
    headers = {"Location": f"/v1/ops/reconciliations/{body['id']}"}
    if replayed:
        headers[REPLAYED] = "true"
    return JSONResponse(run_in_order(body), 202, headers)


@router.get(
    "/v1/ops/reconciliations/{reconciliation_id}",
    summary="How far a reconciliation is, and what it came to",
    dependencies=[needs(Scope.OPS_READ)],
    responses={
        200: {**answer("The run, provider by provider", RUN_EXAMPLE), "model": ReconciliationShown},
        **problems(*KEYED, 404, 422, *STORED),
    },
)
def get_reconciliation(reconciliation_id: PathId, session: Reading) -> JSONResponse:
    return JSONResponse(show_run(reconciliations.run(session, reconciliation_id)))


class Filters(Body):
    """What to list, newest first."""

    status: Literal["open", "resolved"] | None = None
    provider: Identifier | None = None
    kind: DifferenceKind | None = None
    return_id: Annotated[Identifier | None, Field(alias="return", description="By id or RMA number.")] = None
    cursor: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


@router.get(
    "/v1/ops/differences",
    summary="Differences between providers' books and ours, newest first",
    dependencies=[needs(Scope.OPS_READ)],
    responses={
        200: {
            **answer("A page", {"data": [DIFFERENCE_EXAMPLE], "has_more": False, "next_cursor": None}),
            "model": DifferencePage,
        },
        **problems(*KEYED, 422, *STORED),
    },
)
def list_differences(asked: Annotated[Filters, Query()], session: Reading, request: Request) -> JSONResponse:
    """`status=open` are those that wait for somebody. The same difference, seen again, is the same row."""
    rows = reconciliations.search(session, **asked.model_dump(exclude={"cursor"}), after=asked.cursor)
    page, more = rows[: asked.limit], len(rows) > asked.limit
    cursor = page[-1].id if more else None
    body = {"data": [show_difference(row) for row in page], "has_more": more, "next_cursor": cursor}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    link = {"Link": f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'} if cursor else None
    return JSONResponse(body, headers=link)


@router.post(
    "/v1/ops/differences/{difference_id}/resolve",
    summary="A person has dealt with a difference",
    dependencies=[needs(Scope.OPS_WRITE)],
    responses={
        200: {
            **answer(
                "The difference as it stands now",
                DIFFERENCE_EXAMPLE
                | {
                    "status": "resolved",
                    "resolved": {
                        "how": "by_hand",
                        "by": "operator",
                        "at": "2026-11-21T11:00:00Z",
                        "note": "Called back by the provider on 21 November, note 4711.",
                    },
                },
            ),
            "model": DifferenceShown,
        },
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
async def resolve_difference(
    difference_id: PathId, asked: ResolveAsked, desk: Desk, speaker: Speaker, key: Key
) -> JSONResponse:
    """It stays resolved while later runs see the same money; no money moves by this."""
    body, replayed = await desk.reconciliations.resolve(difference_id, asked.reason, speaker, key, show=show_difference)
    return JSONResponse(difference_in_order(body), headers={REPLAYED: "true"} if replayed else None)
