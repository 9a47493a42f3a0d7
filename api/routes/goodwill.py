"""Goodwill: money beyond what a return brings back, proposed by one person and decided by another."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.dependencies import Desk, Key, Reading, Speaker
from api.reading import Door
from api.routes.answers import REPLAYED
from api.schemas.common import Body, Identifier, PathId
from api.schemas.goodwill import EXAMPLE, GoodwillAskedFor, GoodwillPage, GoodwillShown, goodwill_in_order
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.schemas.returns import NothingAsked, ReasonAsked
from api.security import Scope, needs
from database import cases, goodwill
from desk.goodwill import GoodwillSaid, shown
from domain.goodwill import GoodwillStatus

router = APIRouter(route_class=Door, tags=["goodwill"])

PAGE, PAGE_MAX = 50, 100
READ = problems(*KEYED, 404, 422, *STORED)
DECIDED = {"approved": {"by": "ops: bob", "at": "2026-11-20T10:00:00Z"}}
REFUSED = {"refused": {"by": "ops: bob", "at": "2026-11-20T10:00:00Z", "reason": "was given a voucher already"}}


@router.post(
    "/v1/returns/{return_id}/goodwill",
    summary="Propose money beyond what the return brings back",
    status_code=201,
    dependencies=[needs(Scope.RETURNS_DECIDE)],
    responses={
        201: {
            **answer("The goodwill: proposed, or approved where one person may decide so much", EXAMPLE),
            "model": GoodwillShown,
        },
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
async def propose_goodwill(
    return_id: PathId, asked: GoodwillAskedFor, desk: Desk, speaker: Speaker, key: Key
) -> JSONResponse:
    """Over the tenders of the order. At or below the limit of the policy it is paid at once; above it, and where the policy names
    none, a second person approves. What cannot be given is refused with the `maximum` that can."""
    return _said(await desk.goodwill.propose(return_id, asked.asked(), speaker, key), 201)


@router.post(
    "/v1/goodwill/{goodwill_id}/approve",
    summary="A second person agrees, and it is paid",
    dependencies=[needs(Scope.RETURNS_DECIDE)],
    responses={
        200: answer("The goodwill as it stands now", EXAMPLE | {"status": "approved"} | DECIDED),
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
async def approve_goodwill(
    goodwill_id: PathId, desk: Desk, speaker: Speaker, key: Key, asked: NothingAsked | None = None
) -> JSONResponse:
    """By another key than proposed it; under a shared key, by another `Boomerang-Actor`."""
    return _said(await desk.goodwill.approve(goodwill_id, speaker, key))


@router.post(
    "/v1/goodwill/{goodwill_id}/refuse",
    summary="A second person does not agree",
    dependencies=[needs(Scope.RETURNS_DECIDE)],
    responses={
        200: answer("The goodwill as it stands now", EXAMPLE | {"status": "refused"} | REFUSED),
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
async def refuse_goodwill(
    goodwill_id: PathId, asked: ReasonAsked, desk: Desk, speaker: Speaker, key: Key
) -> JSONResponse:
    return _said(await desk.goodwill.refuse(goodwill_id, speaker, key, reason=asked.reason))


class Filters(Body):
    """What to list, newest first."""

    status: GoodwillStatus | None = None
    return_id: Identifier | None = Field(default=None, description="Of this return, by id or RMA number.")
    cursor: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


@router.get(
    "/v1/goodwill",
    summary="Goodwill, newest first, page by page",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={
        200: {
            **answer("A page", {"data": [EXAMPLE], "has_more": False, "next_cursor": None}),
            "model": GoodwillPage,
        },
        **READ,
    },
)
def list_goodwill(asked: Annotated[Filters, Query()], session: Reading, request: Request) -> JSONResponse:
    """`status=proposed` are those that wait for a second person."""
    case_id = cases.get(session, asked.return_id).id if asked.return_id else None
    rows = goodwill.search(session, status=asked.status, case_id=case_id, after=asked.cursor, limit=asked.limit)
    page, more = rows[: asked.limit], len(rows) > asked.limit
    cursor = page[-1].id if more else None
    body = {"data": [shown(row) for row in page], "has_more": more, "next_cursor": cursor}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    link = {"Link": f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'} if cursor else None
    return JSONResponse(body, headers=link)


@router.get(
    "/v1/goodwill/{goodwill_id}",
    summary="A goodwill",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: {**answer("The goodwill", EXAMPLE), "model": GoodwillShown}, **READ},
)
def get_goodwill(goodwill_id: PathId, session: Reading) -> JSONResponse:
    return JSONResponse(shown(goodwill.get(session, goodwill_id)))


def _said(what: GoodwillSaid, status: int = 200) -> JSONResponse:
    headers = {"Location": f"/v1/goodwill/{what.body['id']}"} if status == 201 else {}
    if what.replayed:
        headers[REPLAYED] = "true"
    return JSONResponse(goodwill_in_order(what.body), status, headers)
