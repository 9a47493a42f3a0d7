"""Orders: storefronts tell the engine what was sold, and ask what has become of it."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.dependencies import Desk, Reading
from api.reading import Door
from api.schemas.common import PathId
from api.schemas.orders import SHOWN_EXAMPLE, OrderTold, show_order
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.security import Scope, needs
from database import orders

router = APIRouter(route_class=Door, tags=["orders"])


@router.put(
    "/v1/orders/{order_id}",
    summary="Tell what was sold",
    dependencies=[needs(Scope.ORDERS_WRITE)],
    responses={
        200: answer("Known before", {"id": "o_1", "new": False}),
        201: answer("New", {"id": "o_1", "new": True}),
        **problems(*KEYED, *BODIED, 409, *STORED),
    },
)
async def put_order(order_id: PathId, told: OrderTold, desk: Desk, request: Request) -> JSONResponse:
    """The same order again changes nothing. An order of which units are in a return keeps its lines and tenders (409)."""
    order = told.order(order_id, request.app.state.partners.payments)
    new = await desk.put_order(order, told.buyer())
    return JSONResponse({"id": order_id, "new": new}, 201 if new else 200, {"Location": request.url.path})


@router.get(
    "/v1/orders/{order_id}",
    summary="An order, with what has come back of it",
    dependencies=[needs(Scope.ORDERS_READ)],
    responses={200: answer("The order", SHOWN_EXAMPLE), **problems(*KEYED, 404, 422, *STORED)},
)
def get_order(order_id: PathId, session: Reading) -> JSONResponse:
    order = orders.get(session, order_id)
    sold = orders.lines_of_order(session, order_id, lock=False)
    return JSONResponse(show_order(order, sold, orders.charges_refunded(session, order_id)))
