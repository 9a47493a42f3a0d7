"""Operators: whether the books are right."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.dependencies import Reading
from api.reading import Door
from api.schemas.problems import KEYED, STORED, answer, problems
from api.security import Scope, needs
from database.verify import verify

router = APIRouter(route_class=Door, tags=["operators"])

EXAMPLE = {
    "holds": True,
    "checks": [
        {
            "name": "ledger_is_zero",
            "says": "The ledger sums to zero in each currency.",
            "holds": True,
            "broken": 0,
            "examples": [],
        }
    ],
}


@router.get(
    "/v1/ops/verify",
    summary="Check the invariants of the books",
    dependencies=[needs(Scope.OPS_READ)],
    responses={200: answer("Each invariant, and what breaks it", EXAMPLE), **problems(*KEYED, *STORED)},
)
def verify_books(session: Reading) -> JSONResponse:
    """Asked in one snapshot of the database: work under way does not look like a fault."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    checks = verify(session)
    shown = [
        {"name": one.name, "says": one.says, "holds": one.holds, "broken": one.broken, "examples": list(one.examples)}
        for one in checks
    ]
    return JSONResponse({"holds": all(one.holds for one in checks), "checks": shown})
