"""A policy tried on past returns before it is published."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.dependencies import Desk
from api.reading import Door
from api.schemas.common import PathId
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.schemas.simulation import SIMULATION_EXAMPLE, SimulationAsked, show_simulation
from api.security import Scope, needs
from desk.simulation import simulate_named

router = APIRouter(route_class=Door, tags=["policies"])


@router.post(
    "/v1/policies/{policy_id}/simulate",
    summary="What a policy would have made of past returns",
    dependencies=[needs(Scope.POLICIES_READ)],
    responses={
        200: answer("Both policies side by side, and the returns that change", SIMULATION_EXAMPLE),
        **problems(*KEYED, *BODIED, 404, 409, *STORED),
    },
)
def simulate_policy(policy_id: PathId, asked: SimulationAsked, desk: Desk) -> JSONResponse:
    """Returns asked for from the first day to the last run again, as of their own day. Nothing is written. For more returns than one
    request takes there is the command `boomerang policy simulate`."""
    since, until = (
        datetime(day.year, day.month, day.day, tzinfo=UTC)
        for day in (asked.first_day, asked.last_day + timedelta(days=1))
    )
    found = simulate_named(desk.policies, policy_id, asked.against, since=since, until=until)
    return JSONResponse(show_simulation(found, most=asked.changes))
