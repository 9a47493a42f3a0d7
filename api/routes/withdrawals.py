"""Withdrawals: declared by storefronts with pages of their own, read and answered by operators."""

import hashlib
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import Field

from api.dependencies import Key, Reading, Speaker, Withdrawals
from api.reading import Door
from api.routes.answers import REPLAYED
from api.schemas.common import Body, Identifier, PathId
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.schemas.withdrawals import (
    EXAMPLE,
    AnswerAsked,
    WithdrawalAsked,
    WithdrawalPage,
    WithdrawalShown,
    present_withdrawal,
    withdrawal_in_order,
)
from api.security import Scope, needs
from database import withdrawals
from domain.withdrawal import WithdrawalStatus

router = APIRouter(route_class=Door, tags=["withdrawals"])

PAGE, PAGE_MAX = 50, 100
READ = problems(*KEYED, 404, 422, *STORED)
LETTER = """Receipt of your withdrawal

Number of your withdrawal: wdr_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y
Submitted: 20 November 2026, 09:30:00 UTC
"""


@router.post(
    "/v1/withdrawals",
    summary="Declare a withdrawal for a consumer",
    status_code=201,
    dependencies=[needs(Scope.RETURNS_WRITE)],
    responses={
        201: {
            **answer("The withdrawal as it was received", EXAMPLE | {"status": "received"}),
            "model": WithdrawalShown,
        },
        **problems(*KEYED, *BODIED, 409, *STORED),
    },
)
async def declare_withdrawal(asked: WithdrawalAsked, desk: Withdrawals, speaker: Speaker, key: Key) -> JSONResponse:
    """Taken whatever the policy says, at the server's time; acknowledged by mail at once. A return is opened where the order is
    known and the e-mail address is its customer's; everything else goes to a person. Call it at the second step, when the consumer
    has confirmed."""
    token = hashlib.sha256("\n".join((speaker.id, key.route, key.value)).encode()).hexdigest()
    done = await desk.declare(asked.said(), f"api_{token}", by=speaker, key=key)
    headers = {"Location": f"/v1/withdrawals/{done.row.id}"}
    if done.replayed:
        headers[REPLAYED] = "true"
    return JSONResponse(withdrawal_in_order(done.body), 201, headers)


class Filters(Body):
    """What to list, newest first."""

    status: WithdrawalStatus | None = None
    cursor: Identifier | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


@router.get(
    "/v1/withdrawals",
    summary="Withdrawals, newest first, page by page",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={
        200: {
            **answer("A page", {"data": [EXAMPLE], "has_more": False, "next_cursor": None}),
            "model": WithdrawalPage,
        },
        **problems(*KEYED, 422, *STORED),
    },
)
def list_withdrawals(asked: Annotated[Filters, Query()], session: Reading, request: Request) -> JSONResponse:
    """`status=with_a_person` are those that wait for one."""
    rows = withdrawals.search(session, status=asked.status, after=asked.cursor, limit=asked.limit)
    page, more = rows[: asked.limit], len(rows) > asked.limit
    cursor = page[-1].id if more else None
    body = {"data": [present_withdrawal(row) for row in page], "has_more": more, "next_cursor": cursor}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    link = {"Link": f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'} if cursor else None
    return JSONResponse(body, headers=link)


@router.get(
    "/v1/withdrawals/{withdrawal_id}",
    summary="A withdrawal",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: {**answer("The withdrawal", EXAMPLE), "model": WithdrawalShown}, **READ},
)
def get_withdrawal(withdrawal_id: PathId, session: Reading) -> JSONResponse:
    return JSONResponse(present_withdrawal(withdrawals.get(session, withdrawal_id)))


@router.get(
    "/v1/withdrawals/{withdrawal_id}/acknowledgement",
    summary="The acknowledgement of a withdrawal, word for word as it is sent",
    dependencies=[needs(Scope.RETURNS_READ)],
    response_class=PlainTextResponse,
    responses={
        200: {"description": "The letter", "content": {"text/plain": {"example": LETTER}}},
        **READ,
    },
)
def get_acknowledgement(withdrawal_id: PathId, session: Reading) -> PlainTextResponse:
    row = withdrawals.get(session, withdrawal_id)
    return PlainTextResponse(row.acknowledgement, headers={"Content-Language": row.locale})


@router.post(
    "/v1/withdrawals/{withdrawal_id}/answer",
    summary="A person has handled a withdrawal",
    dependencies=[needs(Scope.RETURNS_DECIDE)],
    responses={
        200: answer(
            "The withdrawal as it stands now",
            EXAMPLE
            | {
                "status": "answered",
                "reason": "order_unknown",
                "handled": {"by": "operator", "at": "2026-11-20T11:00:00Z", "answer": "Wrote to her: order 10024."},
            },
        ),
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
async def answer_withdrawal(
    withdrawal_id: PathId, asked: AnswerAsked, desk: Withdrawals, speaker: Speaker, key: Key
) -> JSONResponse:
    """Notes what was done; writing to the consumer is the person's own."""
    body, replayed = await desk.answer(withdrawal_id, asked.text, speaker, key)
    return JSONResponse(withdrawal_in_order(body), headers={REPLAYED: "true"} if replayed else None)
