"""Problem details (RFC 9457) as the documentation shows them, and which of them a route can answer with."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from api.errors import MEDIA_TYPE


class Fault(BaseModel):
    """One thing that is wrong: a field of the body (`pointer`, RFC 6901), or a parameter and where it stands."""

    pointer: str | None = None
    parameter: str | None = None
    detail: str
    code: str


class Problem(BaseModel):
    """What went wrong, in words that say what to do next. Programs read `code`; it never changes once given."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[Fault]
    request_id: str
    next_action: str
    facts: dict[str, Any] | None = None


EXAMPLE = {
    "type": "urn:boomerang:problem:quantity_above_what_is_left",
    "title": "That is not possible now",
    "status": 409,
    "detail": "2 units are asked, 1 of 3 are left in line l_1.",
    "instance": "/v1/returns",
    "code": "quantity_above_what_is_left",
    "errors": [
        {
            "pointer": "/lines/0/quantity",
            "detail": "2 units are asked, 1 of 3 are left in line l_1.",
            "code": "quantity_above_what_is_left",
        }
    ],
    "request_id": "req_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "next_action": "Return at most the units of the line that have not come back yet.",
}

KEYED = (401, 403)  # what every route behind a key can answer
BODIED = (400, 413, 415, 422)  # and every route that reads a body
STORED = (503,)  # and every route that asks the database


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """To be a route's `responses`."""
    shape = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": EXAMPLE}}
    return {status: {"description": HTTPStatus(status).phrase, "content": shape} for status in sorted(set(statuses))}


def answer(description: str, example: Any) -> dict[str, Any]:
    """A good answer with an example of it."""
    return {"description": description, "content": {"application/json": {"example": example}}}
