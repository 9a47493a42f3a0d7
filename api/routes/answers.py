"""How a return is answered: the resource, its version as the ETag, and whether the request had been carried out before."""

from typing import Any

from fastapi.responses import JSONResponse

from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.schemas.returns import EXAMPLE, in_order
from desk import Said

REPLAYED = "Idempotent-Replayed"


def said(what: Said, status: int = 200) -> JSONResponse:
    """The desk's answer: the same for a repetition as it was the first time, status and body."""
    body = in_order(what.body) if what.replayed else what.body
    headers = tagged(body)
    if status == 201:
        headers["Location"] = f"/v1/returns/{what.case_id}"
    if what.replayed:
        headers[REPLAYED] = "true"
    return JSONResponse(body, status, headers)


def tagged(body: dict[str, Any]) -> dict[str, str]:
    return {"ETag": f'"{body["version"]}"'}


def moving(*more: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a request that moves a return along."""
    return {
        200: answer("The return as it stands now", EXAMPLE),
        **problems(*KEYED, *BODIED, 404, 409, *more, *STORED),
    }
