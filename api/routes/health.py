"""Whether the server lives, whether it can do its work, and which version it is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.errors import NotReady
from api.reading import Door
from api.schemas.problems import STORED, answer, problems
from api.security import open_to_all

log = logging.getLogger("boomerang.api")

router = APIRouter(route_class=Door, tags=["health"])
Check = Callable[[], Awaitable[object]]
WITHIN_S = 3.0
ANYBODY = open_to_all("tells nothing but that it runs")


@router.get(
    "/livez", summary="The process runs", dependencies=[ANYBODY], responses={200: answer("Yes", {"status": "alive"})}
)
async def livez() -> JSONResponse:
    return JSONResponse({"status": "alive"})


@router.get(
    "/readyz",
    summary="What the server needs answers",
    dependencies=[ANYBODY],
    responses={
        200: answer("All of it", {"status": "ready", "checks": {"database": "answers", "temporal": "answers"}}),
        **problems(*STORED),
    },
)
async def readyz(request: Request) -> JSONResponse:
    checks: Mapping[str, Check] = request.app.state.checks
    found = dict(zip(checks, await asyncio.gather(*[_ask(name, check) for name, check in checks.items()]), strict=True))
    silent = [name for name, state in found.items() if state != "answers"]
    if silent:
        raise NotReady(f"No answer from: {', '.join(silent)}.", checks=found)
    return JSONResponse({"status": "ready", "checks": found})


@router.get(
    "/version",
    summary="Which version runs",
    dependencies=[ANYBODY],
    responses={200: answer("The version", {"name": "boomerang", "version": "0.1.0"})},
)
async def version(request: Request) -> JSONResponse:
    return JSONResponse({"name": "boomerang", "version": request.app.version})


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(WITHIN_S):
            await check()
    except Exception as error:  # whatever it is, it is not ready
        log.warning("not ready: %s: %s", name, type(error).__name__)
        return "does not answer"
    return "answers"
