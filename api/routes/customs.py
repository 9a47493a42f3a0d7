"""Customs: what is told of goods that cross a border, what a return may claim back, and what became of each claim."""

from datetime import UTC, date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from api.dependencies import Desk, Key, Reading, Speaker
from api.reading import Door
from api.routes.answers import REPLAYED
from api.routes.returns import CursorUnreadable
from api.schemas.common import Body, PathId
from api.schemas.customs import (
    CLAIM_EXAMPLE,
    OF_RETURN_EXAMPLE,
    RECORDS_EXAMPLE,
    ClaimPage,
    ClaimShown,
    CustomsTold,
    Day,
    FiledAsked,
    RecoveredAsked,
    RejectedAsked,
    show_claims,
    show_customs_of_return,
    show_records,
)
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.security import Scope, needs
from database import cases, customs, orders
from database.engine import database_time
from domain.customs import ClaimStatus
from domain.money import Money

router = APIRouter(route_class=Door, tags=["customs"])

PAGE, PAGE_MAX = 50, 100
READ = problems(*KEYED, 404, 422, *STORED)
MOVED = problems(*KEYED, *BODIED, 404, 409, *STORED)
FILED = CLAIM_EXAMPLE | {
    "status": "filed",
    "reference": "C285-2026-0042",
    "filed_at": "2026-11-21T09:30:00Z",
    "filed_by": "operator",
}
ENDED = {"ended_at": "2027-01-15T09:30:00Z", "ended_by": "operator"}


@router.put(
    "/v1/orders/{order_id}/customs",
    summary="Tell what customs knows of the goods of an order",
    dependencies=[needs(Scope.ORDERS_WRITE)],
    responses={200: answer("The records", RECORDS_EXAMPLE), **problems(*KEYED, *BODIED, 404, 409, *STORED)},
)
async def put_customs(order_id: PathId, told: CustomsTold, desk: Desk, speaker: Speaker) -> JSONResponse:
    """It replaces what was told of the order before: send it again with what came in meanwhile, such as the proof of the return.
    Claims that are still open follow it."""
    records = await desk.customs.put_records(order_id, told.records(order_id), speaker)
    return JSONResponse(show_records(order_id, records))


@router.get(
    "/v1/orders/{order_id}/customs",
    summary="What customs knows of the goods of an order",
    dependencies=[needs(Scope.ORDERS_READ)],
    responses={200: answer("The records", RECORDS_EXAMPLE), **READ},
)
def get_customs(order_id: PathId, session: Reading) -> JSONResponse:
    orders.get(session, order_id)
    return JSONResponse(show_records(order_id, customs.records_of_order(session, order_id)))


@router.get(
    "/v1/returns/{return_id}/customs",
    summary="What customs knows of the goods of a return, and what may be claimed back",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: answer("Records, claims, and what becomes of duty and import tax", OF_RETURN_EXAMPLE), **READ},
)
def get_customs_of_return(return_id: PathId, session: Reading) -> JSONResponse:
    case = cases.get(session, return_id)
    return JSONResponse(show_customs_of_return(session, case.id, _today(session)))


class Filters(Body):
    """What to list: the nearest deadline first, claims without one last."""

    status: ClaimStatus | None = None
    due_before: Day | None = Field(default=None, description="Only claims whose deadline is before this day.")
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


@router.get(
    "/v1/customs-claims",
    summary="Claims for duty and import tax, the nearest deadline first, page by page",
    dependencies=[needs(Scope.OPS_READ)],
    responses={
        200: {
            **answer("A page", {"data": [CLAIM_EXAMPLE], "has_more": False, "next_cursor": None}),
            "model": ClaimPage,
        },
        **problems(*KEYED, 422, *STORED),
    },
)
def list_claims(asked: Annotated[Filters, Query()], session: Reading, request: Request) -> JSONResponse:
    """`overdue` claims were not filed in time; they stay in the list until somebody ends them as rejected."""
    rows = customs.search(
        session, status=asked.status, due_before=asked.due_before, after=_after(asked.cursor), limit=asked.limit
    )
    page, more = rows[: asked.limit], len(rows) > asked.limit
    cursor = f"{page[-1].deadline or customs.NEVER} {page[-1].id}" if more else None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    link = {"Link": f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'} if cursor else None
    body = {"data": show_claims(session, page, _today(session)), "has_more": more, "next_cursor": cursor}
    return JSONResponse(body, headers=link)


@router.get(
    "/v1/customs-claims/{claim_id}",
    summary="A claim",
    dependencies=[needs(Scope.OPS_READ)],
    responses={200: {**answer("The claim", CLAIM_EXAMPLE), "model": ClaimShown}, **READ},
)
def get_claim(claim_id: PathId, session: Reading) -> JSONResponse:
    return JSONResponse(_shown(session, customs.get_claim(session, claim_id)))


@router.post(
    "/v1/customs-claims/{claim_id}/file",
    summary="Note that a claim was handed in",
    dependencies=[needs(Scope.OPS_WRITE)],
    responses={200: answer("The claim, owed by the authority from now on", FILED), **MOVED},
)
async def file_claim(claim_id: PathId, asked: FiledAsked, desk: Desk, speaker: Speaker, key: Key) -> JSONResponse:
    """Handing it in is the person's own. What the authority owes is booked; a claim of the shopper's own, or a relief, books nothing."""
    body, replayed = await desk.customs.file(claim_id, asked.reference, asked.note, speaker, key, _shown)
    return _said(body, replayed)


@router.post(
    "/v1/customs-claims/{claim_id}/recovered",
    summary="Note what a claim brought",
    dependencies=[needs(Scope.OPS_WRITE)],
    responses={
        200: answer(
            "The claim", {**FILED, **ENDED, "status": "recovered", "recovered": {"amount": 1188, "currency": "USD"}}
        ),
        **MOVED,
    },
)
async def claim_recovered(
    claim_id: PathId, asked: RecoveredAsked, desk: Desk, speaker: Speaker, key: Key
) -> JSONResponse:
    amount = Money(asked.amount.amount, asked.amount.currency)
    body, replayed = await desk.customs.recovered(claim_id, amount, asked.note, speaker, key, _shown)
    return _said(body, replayed)


@router.post(
    "/v1/customs-claims/{claim_id}/rejected",
    summary="End a claim without money",
    dependencies=[needs(Scope.OPS_WRITE)],
    responses={
        200: answer("The claim", {**FILED, **ENDED, "status": "rejected", "note": "no proof of export"}),
        **MOVED,
    },
)
async def claim_rejected(
    claim_id: PathId, asked: RejectedAsked, desk: Desk, speaker: Speaker, key: Key
) -> JSONResponse:
    """The authority said no, or it was never filed. What the filing booked is taken back."""
    body, replayed = await desk.customs.rejected(claim_id, asked.reason, speaker, key, _shown)
    return _said(body, replayed)


def _shown(session: Session, row: Row[Any]) -> dict[str, Any]:
    return show_claims(session, [row], _today(session))[0]


def _said(body: dict[str, Any], replayed: bool) -> JSONResponse:
    # The database keeps names in an order of its own.
    return JSONResponse(
        ClaimShown.model_validate(body).model_dump(mode="json"), headers={REPLAYED: "true"} if replayed else None
    )


def _today(session: Session) -> date:
    return database_time(session).astimezone(UTC).date()


def _after(cursor: str | None) -> tuple[date, str] | None:
    if cursor is None:
        return None
    day, _, claim_id = cursor.partition(" ")
    due: date | None
    try:
        due = date.fromisoformat(day)
    except ValueError:
        due = None
    if due is None or not claim_id or not claim_id.isprintable():
        raise CursorUnreadable("The cursor is not one that was given out here.")
    return due, claim_id
