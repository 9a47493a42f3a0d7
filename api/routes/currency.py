"""Differences of rates between sales and refunds: listed for whoever keeps the books, those without a rate above all."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.dependencies import Reading
from api.reading import Door
from api.routes.returns import CursorUnreadable
from api.schemas.common import Body
from api.schemas.currency import EXAMPLE, DifferencePage, show_difference
from api.schemas.problems import KEYED, STORED, answer, problems
from api.security import Scope, needs
from database import currency

router = APIRouter(route_class=Door, tags=["money"])

PAGE, PAGE_MAX = 50, 100


class Filters(Body):
    """What to list, newest first."""

    status: Literal["booked", "no_rate"] | None = None
    warned: bool | None = Field(default=None, description="Only those whose rate moved by more than the policy allows.")
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


@router.get(
    "/v1/exchange-differences",
    summary="What rates cost between sale and refund, newest first, page by page",
    dependencies=[needs(Scope.OPS_READ)],
    responses={
        200: {
            **answer("A page", {"data": [EXAMPLE], "has_more": False, "next_cursor": None}),
            "model": DifferencePage,
        },
        **problems(*KEYED, 422, *STORED),
    },
)
def list_differences(asked: Annotated[Filters, Query()], session: Reading, request: Request) -> JSONResponse:
    """`status=no_rate` are the refunds for which no rate is on file: import the rates of those days (docs/how-to/currency.md)."""
    after = _after(asked.cursor)
    rows = currency.search(session, status=asked.status, warned=asked.warned, after=after, limit=asked.limit)
    page, more = rows[: asked.limit], len(rows) > asked.limit
    cursor = f"{page[-1].decided_at.isoformat()} {page[-1].case_id}" if more else None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    link = {"Link": f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'} if cursor else None
    body = {"data": [show_difference(row) for row in page], "has_more": more, "next_cursor": cursor}
    return JSONResponse(body, headers=link)


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    moment, _, case_id = cursor.partition(" ")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None or not case_id or not case_id.isprintable():
        raise CursorUnreadable("The cursor is not one that was given out here.")
    return at, case_id
