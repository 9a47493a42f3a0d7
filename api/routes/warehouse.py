"""The warehouse: what a scanned code means, parcels received, goods judged."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Row
from sqlalchemy.orm import Session

from api.dependencies import Desk, Key, Reading, Speaker, Version
from api.reading import Door
from api.routes.answers import moving, said
from api.schemas.common import PathId
from api.schemas.inspections import SCAN_EXAMPLE, InspectionAsked, scanned
from api.schemas.problems import KEYED, STORED, answer, problems
from api.schemas.returns import NothingAsked
from api.security import Scope, needs
from database import cases, parcels
from domain.errors import Missing

router = APIRouter(route_class=Door, tags=["warehouse"])


class UnknownCode(Missing):
    code = "unknown_code"
    title = "Nothing is expected under this code"
    next_action = "Scan the label or the RMA number again; if it stays unknown, put the parcel aside for a person."


@router.get(
    "/v1/station/scan/{code}",
    summary="What is expected behind a scanned code",
    dependencies=[needs(Scope.STATION_READ)],
    responses={
        200: answer("The goods, and what can be done with them now", SCAN_EXAMPLE),
        **problems(*KEYED, 404, 422, *STORED),
    },
)
def scan_code(code: PathId, session: Reading) -> JSONResponse:
    """A parcel's id, its tracking code, an RMA number or a return's id."""
    case, parcel = _behind(session, code)
    moved = parcels.of_case(session, case.id)
    body = scanned(session, case, moved, parcel_id=parcel.id if parcel else None)
    return JSONResponse(body, headers={"ETag": f'"{case.version}"'})


@router.post(
    "/v1/parcels/{parcel_id}/receipt",
    summary="A parcel is in the house",
    dependencies=[needs(Scope.PARCELS_WRITE)],
    responses=moving(),
)
async def receive_parcel(
    parcel_id: PathId, desk: Desk, speaker: Speaker, key: Key, request: Request, asked: NothingAsked | None = None
) -> JSONResponse:
    """By its id or its tracking code. Who scans it second is told who was first (409)."""
    return said(await desk.receive(parcel_id, speaker, key), with_money=_may_see_money(request))


@router.post(
    "/v1/returns/{return_id}/inspections",
    summary="What the bench found",
    dependencies=[needs(Scope.INSPECTIONS_WRITE)],
    responses=moving(412),
)
async def inspect_return(
    return_id: PathId,
    asked: InspectionAsked,
    desk: Desk,
    speaker: Speaker,
    key: Key,
    version: Version,
    request: Request,
) -> JSONResponse:
    """All lines of the return at once. With If-Match, of two people at one box the second is told who was first (412)."""
    judged = [line.judged() for line in asked.lines]
    return said(
        await desk.inspect(return_id, judged, speaker, key, version=version), with_money=_may_see_money(request)
    )


def _may_see_money(request: Request) -> bool:
    """Who may read returns may; the warehouse sees goods."""
    return Scope.RETURNS_READ in request.state.caller.scopes


def _behind(session: Session, code: str) -> tuple[Row[tuple[object, ...]], Row[tuple[object, ...]] | None]:
    try:
        parcel = parcels.get(session, code)
    except parcels.UnknownParcel:
        try:
            return cases.get(session, code), None
        except cases.UnknownReturn:
            raise UnknownCode(f"Neither a parcel nor a return has the code {code!r}.", code=code) from None
    return cases.get(session, parcel.case_id), parcel
