"""Customers: what storefronts tell of them, the tier that each one has and why, and the locks that people put on it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from api.dependencies import Desk, Speaker
from api.errors import NotAllowed
from api.reading import Door
from api.schemas.common import PathId
from api.schemas.customers import SHOWN_EXAMPLE, TIER_EXAMPLE, CustomerTold, Day, show_customer, show_tier
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.security import Scope, needs

router = APIRouter(route_class=Door, tags=["customers"])


@router.put(
    "/v1/customers/{customer_id}",
    summary="Tell of a customer, or lock the tier",
    dependencies=[needs(Scope.CUSTOMERS_WRITE)],
    responses={
        200: answer("Known before", SHOWN_EXAMPLE),
        201: answer("New", SHOWN_EXAMPLE),
        **problems(*KEYED, *BODIED, 404, *STORED),
    },
)
async def put_customer(
    customer_id: PathId, told: CustomerTold, desk: Desk, speaker: Speaker, request: Request
) -> JSONResponse:
    """The same again changes nothing; what is left out stays as it is. Of the customer speaks who may tell of orders, and of the lock
    who decides about returns (403 otherwise)."""
    data, lock = told.data(), told.lock()
    for asked, scope in ((data, Scope.ORDERS_WRITE), (lock, Scope.RETURNS_DECIDE)):
        if asked and scope not in request.state.caller.scopes:
            what = "the tier's lock" if asked is lock else "the customer"
            raise NotAllowed(f"To speak of {what}, the key needs the scope {scope}.", scope=scope)
    shown = await desk.customers.put(customer_id, data, speaker, lock)
    told_of = show_customer(shown)
    if not request.state.caller.scopes & {Scope.ORDERS_READ, Scope.ORDERS_WRITE}:
        told_of = {name: told_of[name] for name in ("id", "tier", "tier_since", "tier_lock")}
    return JSONResponse(told_of, 201 if shown.new else 200, {"Location": request.url.path})


@router.get(
    "/v1/customers/{customer_id}",
    summary="A customer, with the tier on record",
    dependencies=[needs(Scope.ORDERS_READ)],
    responses={200: answer("The customer", SHOWN_EXAMPLE), **problems(*KEYED, 404, 422, *STORED)},
)
async def get_customer(customer_id: PathId, desk: Desk) -> JSONResponse:
    return JSONResponse(show_customer(await desk.customers.get(customer_id)))


@router.get(
    "/v1/customers/{customer_id}/tier",
    summary="Which tier a customer has, and why",
    dependencies=[needs(Scope.ORDERS_READ)],
    responses={200: answer("The tier", TIER_EXAMPLE), **problems(*KEYED, 404, 422, *STORED)},
)
async def get_tier(
    customer_id: PathId,
    desk: Desk,
    on: Annotated[
        Day | None,
        Query(description="As it was at the end of this day (UTC), such as 2011-09-01; now when left out."),
    ] = None,
) -> JSONResponse:
    """Worked out from the orders, as of any day: a lock first, then the grace, then the thresholds. A lock counts from when it was
    set; of a day before that, the answer is the one without it."""
    return JSONResponse(show_tier(await desk.customers.tier(customer_id, on)))
