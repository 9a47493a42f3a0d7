"""What people say of a return under way: cancelled, authorized, refused, extended, tried again."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.dependencies import Desk, Key, Speaker, Version
from api.reading import Door
from api.routes.answers import moving, said
from api.schemas.common import PathId
from api.schemas.goodwill import DestinationAsked
from api.schemas.returns import AuthorizeAsked, CancelAsked, ExtendAsked, ReasonAsked
from api.security import Scope, needs
from domain.destination import destination_of

router = APIRouter(route_class=Door, tags=["decisions"])


@router.post(
    "/v1/returns/{return_id}/cancel",
    summary="The shopper keeps the goods",
    dependencies=[needs(Scope.RETURNS_WRITE)],
    responses=moving(412),
)
async def cancel_return(
    return_id: PathId, desk: Desk, speaker: Speaker, key: Key, version: Version, asked: CancelAsked | None = None
) -> JSONResponse:
    """Possible until the goods are on their way; an unused label is given back."""
    reason = asked.reason if asked else ""
    return said(await desk.cancel(return_id, speaker, key, reason=reason, version=version))


@router.post(
    "/v1/returns/{return_id}/appeal",
    summary="The shopper does not accept the refusal",
    dependencies=[needs(Scope.RETURNS_WRITE)],
    responses=moving(412),
)
async def appeal_return(
    return_id: PathId, asked: ReasonAsked, desk: Desk, speaker: Speaker, key: Key, version: Version
) -> JSONResponse:
    """Once, until the moment that `appeal.until` of the return names. Another person decides; silence is a yes."""
    return said(await desk.appeal(return_id, speaker, key, reason=asked.reason, version=version))


@router.post(
    "/v1/returns/{return_id}/destination",
    summary="The shopper says where money goes that its tender cannot take back",
    dependencies=[needs(Scope.RETURNS_WRITE)],
    responses=moving(412),
)
async def give_destination(
    return_id: PathId, asked: DestinationAsked, desk: Desk, speaker: Speaker, key: Key, version: Version
) -> JSONResponse:
    """While the return needs attention for `destination_needed`, or for `refund_failed`. A bank account is named by the payment
    provider's token alone: a number of an account or a card is refused, and kept nowhere."""
    to = destination_of(asked.kind, asked.token)
    return said(await desk.give_destination(return_id, to, speaker, key, version=version))


@router.post(
    "/v1/returns/{return_id}/authorize",
    summary="Let a referred return come back",
    dependencies=[needs(Scope.RETURNS_DECIDE)],
    responses=moving(412),
)
async def authorize_return(
    return_id: PathId, desk: Desk, speaker: Speaker, key: Key, version: Version, asked: AuthorizeAsked | None = None
) -> JSONResponse:
    note = asked.note if asked else ""
    return said(await desk.authorize(return_id, speaker, key, note=note, version=version))


@router.post(
    "/v1/returns/{return_id}/refuse",
    summary="Refuse a referred return, with the reason that the shopper is told",
    dependencies=[needs(Scope.RETURNS_DECIDE)],
    responses=moving(412),
)
async def refuse_return(
    return_id: PathId, asked: ReasonAsked, desk: Desk, speaker: Speaker, key: Key, version: Version
) -> JSONResponse:
    return said(await desk.refuse(return_id, speaker, key, reason=asked.reason, version=version))


@router.post(
    "/v1/returns/{return_id}/extend",
    summary="Move the present deadline out",
    dependencies=[needs(Scope.RETURNS_DECIDE)],
    responses=moving(412),
)
async def extend_return(
    return_id: PathId, asked: ExtendAsked, desk: Desk, speaker: Speaker, key: Key, version: Version
) -> JSONResponse:
    """Later than it is now; never earlier."""
    return said(await desk.extend(return_id, speaker, key, until=asked.until, reason=asked.reason, version=version))


@router.post(
    "/v1/ops/cases/{return_id}/retry",
    summary="Try again what had failed",
    dependencies=[needs(Scope.OPS_WRITE)],
    responses=moving(),
)
async def retry_return(return_id: PathId, asked: ReasonAsked, desk: Desk, speaker: Speaker, key: Key) -> JSONResponse:
    """For a return that needs attention: the step that failed is taken again, and what may have been sent is looked up first."""
    return said(await desk.retry(return_id, speaker, key, reason=asked.reason))
