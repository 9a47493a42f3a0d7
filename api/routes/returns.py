"""Returns: previewed, opened, read, listed and cancelled by storefronts."""

import base64
import binascii
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field

from api.dependencies import Desk, Key, Reading, Speaker
from api.reading import Door
from api.routes.answers import said, tagged
from api.schemas import records
from api.schemas.common import Body, Identifier, Moment, PathId
from api.schemas.currency import show_difference, stored_decision
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.schemas.returns import (
    EXAMPLE,
    PageShown,
    ReturnAsked,
    ReturnShown,
    present,
    present_many,
)
from api.security import Scope, needs
from database import cases, currency, customs, facts, ledger, refunds
from domain.customs import duty_decision
from domain.errors import Invalid
from domain.stages import Stage, Status
from domain.tier import Tier

router = APIRouter(route_class=Door, tags=["returns"])

PAGE, PAGE_MAX = 50, 100
READ = {**problems(*KEYED, 404, 422, *STORED)}


class CursorUnreadable(Invalid):
    code = "cursor_unreadable"
    next_action = "Follow the link of the page before, or leave the cursor out to begin with the first page."


@router.post(
    "/v1/returns/preview",
    summary="What opening a return would answer",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={
        200: answer("The judgement; nothing is written", records.PREVIEW_EXAMPLE),
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
async def preview_return(asked: ReturnAsked, desk: Desk) -> JSONResponse:
    """Eligibility line by line, terms and deadlines, the refund to expect, who bears the fees, and the reason for each."""
    request = asked.request()
    seen = await desk.preview(request)
    return JSONResponse(records.show_preview(seen, request.method, datetime.now(UTC)))


@router.post(
    "/v1/returns",
    summary="Open a return",
    status_code=201,
    dependencies=[needs(Scope.RETURNS_WRITE)],
    responses={
        201: {**answer("The return; `status` refused where the policy refuses it", EXAMPLE), "model": ReturnShown},
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
async def open_return(asked: ReturnAsked, desk: Desk, speaker: Speaker, key: Key) -> JSONResponse:
    """A return that the policy refuses is opened too, as refused and with its reasons, so that the shopper can be told."""
    return said(await desk.open(asked.request(), speaker, key), 201)


class Filters(Body):
    """What to list: all conditions together, newest first."""

    stage: Stage | None = None
    status: Status | None = None
    tier: Tier | None = None
    market: Identifier | None = None
    customer: Identifier | None = None
    due_before: Moment | None = None
    needs_attention: bool | None = None
    q: Identifier | None = Field(
        default=None, description="An id of a return, an order or a customer, or an RMA number."
    )
    cursor: Annotated[str, Field(max_length=400)] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


@router.get(
    "/v1/returns",
    summary="Returns, newest first, page by page",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={
        200: {
            **answer(
                "A page; the header Link names the next", {"data": [EXAMPLE], "has_more": False, "next_cursor": None}
            ),
            "model": PageShown,
        },
        **problems(*KEYED, 422, *STORED),
    },
)
def list_returns(asked: Annotated[Filters, Query()], session: Reading, request: Request) -> JSONResponse:
    wanted = asked.model_dump(exclude={"cursor"})
    rows = cases.search(session, **wanted, after=_after(asked.cursor))
    page, more = rows[: asked.limit], len(rows) > asked.limit
    cursor = _cursor(page[-1].opened_at, page[-1].id) if more else None
    body = {"data": present_many(session, page), "has_more": more, "next_cursor": cursor}
    return JSONResponse(body, headers=_link(request, cursor) if cursor else None)


@router.get(
    "/v1/returns/{return_id}",
    summary="A return, by id or RMA number",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={
        200: {**answer("The return", EXAMPLE), "model": ReturnShown},
        304: {"description": "Not changed since `If-None-Match`"},
        **READ,
    },
)
def get_return(return_id: PathId, session: Reading, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    body = present(session, return_id)
    headers = tagged(body)
    if if_none_match and headers["ETag"] in [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    return JSONResponse(body, headers=headers)


@router.get(
    "/v1/returns/{return_id}/timeline",
    summary="What happened, when, and who did it",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: answer("The timeline", records.TIMELINE_EXAMPLE), **READ},
)
def get_timeline(return_id: PathId, session: Reading) -> JSONResponse:
    case = cases.get(session, return_id)
    return JSONResponse(records.show_timeline(case, facts.timeline(session, case.id)))


@router.get(
    "/v1/returns/{return_id}/explanation",
    summary="Why each decision fell as it did, rule by rule with its source",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: answer("The decisions", records.EXPLANATION_EXAMPLE), **READ},
)
def get_explanation(return_id: PathId, session: Reading, accept: Annotated[str | None, Header()] = None) -> Response:
    """With `Accept: text/plain`, the same as a letter for the shopper."""
    case = cases.get(session, return_id)
    refund = refunds.of_case(session, case.id)
    duties = [asdict(duty_decision(record)) for record in customs.records_of_case(session, case.id).values()]
    more = [*(stored_decision(row) for row in currency.of_case(session, case.id)), *duties]
    if accept and accept.split(",")[0].strip().startswith("text/plain"):
        return PlainTextResponse(records.letter(case, refund, more))
    return JSONResponse(records.show_explanation(case, refund, more))


@router.get(
    "/v1/returns/{return_id}/ledger",
    summary="The money of a return, entry by entry",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: answer("The entries and what the accounts stand at", records.LEDGER_EXAMPLE), **READ},
)
def get_ledger(return_id: PathId, session: Reading) -> JSONResponse:
    case = cases.get(session, return_id)
    differences = [show_difference(row) for row in currency.of_case(session, case.id)]
    refund = refunds.of_case(session, case.id)
    return JSONResponse(records.show_ledger(case, ledger.of_case(session, case.id), refund, differences))


@router.get(
    "/v1/returns/{return_id}/terms",
    summary="The terms that were frozen into the return when it was opened",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: answer("The terms", records.TERMS_EXAMPLE), **READ},
)
def get_terms(return_id: PathId, session: Reading) -> JSONResponse:
    return JSONResponse(records.show_terms(cases.get(session, return_id)))


def _cursor(opened_at: datetime, case_id: str) -> str:
    plain = json.dumps([opened_at.isoformat(), case_id]).encode()
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        plain: Any = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        opened_at, case_id = datetime.fromisoformat(plain[0]), str(plain[1])
        if opened_at.utcoffset() is None or not case_id.isprintable():
            raise ValueError
    except (ValueError, TypeError, LookupError, RecursionError, binascii.Error, UnicodeError):
        raise CursorUnreadable("The cursor is not one that was given out here.") from None
    return opened_at, case_id


def _link(request: Request, cursor: str) -> dict[str, str]:
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*asked, ("cursor", cursor)])}>; rel="next"'}
