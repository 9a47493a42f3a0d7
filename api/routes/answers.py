"""How a return is answered: the resource, its version as the ETag, and whether the request had been carried out before."""

from typing import Any

from fastapi.responses import JSONResponse

from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.schemas.returns import EXAMPLE, in_order
from desk import Said

REPLAYED = "Idempotent-Replayed"
OF_MONEY = frozenset({"refund", "fees", "customer_id", "advance", "credit_notes"})


def said(what: Said, status: int = 200, *, with_money: bool = True) -> JSONResponse:
    """The desk's answer: the same for a repetition as it was the first time, status and body."""
    body = in_order(what.body) if what.replayed else what.body
    if not with_money:
        body = without_money(body)
    headers = tagged(body)
    if status == 201:
        headers["Location"] = f"/v1/returns/{what.case_id}"
    if what.replayed:
        headers[REPLAYED] = "true"
    return JSONResponse(body, status, headers)


def without_money(body: dict[str, Any]) -> dict[str, Any]:
    """A return as the warehouse sees it: goods and stages, no amounts and nobody's name."""
    lines = [{name: value for name, value in line.items() if name != "refund"} for line in body["lines"]]
    return {name: value for name, value in body.items() if name not in OF_MONEY} | {"lines": lines}


def tagged(body: dict[str, Any]) -> dict[str, str]:
    return {"ETag": f'"{body["version"]}"'}


def moving(*more: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a request that moves a return along."""
    return {
        200: answer("The return as it stands now", EXAMPLE),
        **problems(*KEYED, *BODIED, 404, 409, *more, *STORED),
    }
