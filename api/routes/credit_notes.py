"""Credit notes: read as they were made, as JSON and as PDF."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from api.dependencies import Reading
from api.reading import Door
from api.schemas.common import PathId
from api.schemas.credit_notes import EXAMPLE, CreditNoteShown, CreditNotesShown, present_note
from api.schemas.problems import KEYED, STORED, answer, problems
from api.security import Scope, needs
from database import cases, credit_notes
from domain.credit_note import CreditNote

router = APIRouter(route_class=Door, tags=["returns"])

READ = problems(*KEYED, 404, 422, *STORED)
PDF = "application/pdf"
# Whoever may read it may keep it; whether it is still the same is asked, since a new release may set it otherwise.
KEPT = {"Cache-Control": "private, no-cache"}

WritesPdf = Callable[[CreditNote], bytes]


@router.get(
    "/v1/returns/{return_id}/credit-notes",
    summary="The credit notes of a return",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: {**answer("The notes", {"data": [EXAMPLE]}), "model": CreditNotesShown}, **READ},
)
def list_credit_notes(return_id: PathId, session: Reading) -> JSONResponse:
    """One for each seller whose goods were refunded, from the moment the refund is decided."""
    case = cases.get(session, return_id)
    return JSONResponse({"data": [present_note(note) for note in credit_notes.of_case(session, case.id)]})


# Before the address without .pdf, which would take it for a part of the number.
@router.get(
    "/v1/credit-notes/{number}.pdf",
    summary="A credit note as PDF",
    dependencies=[needs(Scope.RETURNS_READ)],
    response_class=Response,
    responses={
        200: {"description": "A4, in the customer's language", "content": {PDF: {"example": "%PDF-1.4 …"}}},
        304: {"description": "Not changed since `If-None-Match`"},
        **READ,
    },
)
def get_credit_note_pdf(
    number: PathId, session: Reading, request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The same bytes every time."""
    write: WritesPdf = request.app.state.credit_note_pdf
    written = write(credit_notes.get(session, number))
    tag = f'"{hashlib.sha256(written).hexdigest()[:32]}"'
    headers = {"ETag": tag, **KEPT}
    if if_none_match and tag in [one.strip().removeprefix("W/") for one in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(
        written, media_type=PDF, headers={**headers, "Content-Disposition": f'inline; filename="{number}.pdf"'}
    )


@router.get(
    "/v1/credit-notes/{number}",
    summary="A credit note",
    dependencies=[needs(Scope.RETURNS_READ)],
    responses={200: {**answer("The note", EXAMPLE), "model": CreditNoteShown}, **READ},
)
def get_credit_note(number: PathId, session: Reading) -> JSONResponse:
    return JSONResponse(present_note(credit_notes.get(session, number)))
