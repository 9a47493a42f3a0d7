"""The faces of the house, put into the application after its API."""

from fastapi import APIRouter, FastAPI, Response

from api.app import RouteWithoutScope
from api.errors import NoSuchAddress
from api.security import open_to_all, undeclared
from web.documents.credit_note import credit_note_pdf
from web.files import CONTENT, KINDS
from web.page import Face
from web.policy import pages as policy
from web.withdrawal import pages as withdrawal

static = APIRouter(route_class=Face, include_in_schema=False, dependencies=[open_to_all("looks, and nothing else")])
FACES = (
    static,
    withdrawal.router,
    policy.router,
)


def furnish(app: FastAPI) -> None:
    """Add every page to an application of api/app.py, and what its API says documents with.

    Raises RouteWithoutScope for a page that does not say who may see it.
    """
    app.state.credit_note_pdf = credit_note_pdf
    for face in FACES:
        app.router.routes.extend(face.routes)
    if missing := undeclared(app.routes):
        raise RouteWithoutScope(f"These pages declare no scope: {'; '.join(missing)}")


@static.get("/static/{file}")
async def file(file: str) -> Response:
    if file not in CONTENT:
        raise NoSuchAddress(f"There is nothing at /static/{file}.")
    # Pages name a file with the print of its content (web/files.py): what they name may be kept for good.
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(CONTENT[file], media_type=KINDS[file], headers=kept)
