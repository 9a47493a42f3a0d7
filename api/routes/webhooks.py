"""What partners report: the signature is checked, the event stored once and answered at once, and worked after."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError

from api.dependencies import Desk
from api.errors import EventMalformed, UnknownPartner, request_id
from api.reading import Door
from api.schemas.common import PathId
from api.schemas.problems import STORED, answer, problems
from api.security import open_to_all
from domain.errors import BoomerangError

log = logging.getLogger("boomerang.api")

router = APIRouter(route_class=Door, tags=["partners"])
Reported = Callable[[str, bytes, Mapping[str, str]], Awaitable[bool | None]]
WhatIsWrong = Mapping[type[Exception], type[BoomerangError]]

SIGNED = open_to_all("signed by the partner")
RESPONSES = {200: answer("Stored", {"stored": True, "new": True}), **problems(400, 401, 404, 413, 422, *STORED)}
_EXAMPLE = {
    "requestBody": {
        "required": True,
        "description": "The partner's own form, signed in the partner's own way (Standard Webhooks, Stripe-Signature).",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"id": "evt_1", "type": "…", "timestamp": "2026-11-20T09:30:00Z", "data": {}},
            }
        },
    }
}


@router.post(
    "/v1/webhooks/carriers/{code}",
    summary="A carrier reports a scan",
    dependencies=[SIGNED],
    responses=RESPONSES,
    openapi_extra=_EXAMPLE,
)
async def carrier_reports(code: PathId, desk: Desk, request: Request) -> JSONResponse:
    return await _take_in(request, code, request.app.state.partners.carriers, desk.carrier_reported)


@router.post(
    "/v1/webhooks/payments/{code}",
    summary="A payment provider reports a refund",
    dependencies=[SIGNED],
    responses=RESPONSES,
    openapi_extra=_EXAMPLE,
)
async def provider_reports(code: PathId, desk: Desk, request: Request) -> JSONResponse:
    return await _take_in(request, code, request.app.state.partners.payments, desk.provider_reported)


async def _take_in(request: Request, code: str, known: Collection[str], reported: Reported) -> JSONResponse:
    if code not in known:
        raise UnknownPartner(f"There is no partner {code!r} here.")
    wrong: WhatIsWrong = request.app.state.event_faults
    raw = await request.body()
    try:
        new = await reported(code, raw, dict(request.headers))
    except tuple(wrong) as error:
        refused = next(told for kind, told in wrong.items() if isinstance(error, kind))
        log.warning(
            "event refused: %s", error, extra={"partner": code, "code": refused.code, "request_id": request_id(request)}
        )
        raise refused(str(getattr(error, "detail", "The event was refused."))) from error
    except (DataError, ValueError) as error:  # signed, and yet with texts that no row can hold
        log.warning("event refused: it cannot be stored", extra={"partner": code, "request_id": request_id(request)})
        raise EventMalformed("The event holds texts that cannot be stored.") from error
    # Not about anything we follow: accepted, so that the partner does not send it again for days, and not kept.
    return JSONResponse({"stored": new is not None, "new": bool(new)})
