"""The documentation of the API, complete without a network: the page, what it loads, and the description it shows."""

from collections.abc import Mapping
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.routing import APIRoute

from api.errors import NoSuchAddress
from api.reading import Door
from api.schemas.problems import Problem
from api.security import open_to_all, scope_of

SWAGGER_UI = Path(str(files_of("fastapi_swagger") / "resources"))
FILES: Mapping[str, str] = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Boomerang API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Without `validatorUrl` the page would ask a server on the internet whether the description is right.
START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout", persistAuthorization: true});
"""
ABOUT = """The doors of the returns and refund process engine.

Money is whole minor units with a currency: `{"amount": 1234, "currency": "EUR"}` is EUR 12.34. Times are RFC 3339 in UTC, durations
ISO 8601. Requests that move something need an `Idempotency-Key`; sent again with the same key they are carried out once. Every
error is a problem detail (RFC 9457) with a stable `code` and a `next_action`.
"""

router = APIRouter(route_class=Door, include_in_schema=False, dependencies=[open_to_all("documentation")])


@router.get("/docs")
async def docs() -> Response:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript")


@router.get("/docs/{file}")
async def files(file: str) -> Response:
    if file not in FILES:
        raise NoSuchAddress(f"There is nothing at /docs/{file}.")
    return FileResponse(SWAGGER_UI / file, media_type=FILES[file], headers={"Cache-Control": "max-age=86400"})


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description: what the routes say, the problems they share, and the scope that each one needs."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title, version=app.version, description=ABOUT, routes=app.routes, tags=app.openapi_tags
    )
    parts = made.setdefault("components", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    shapes = parts.setdefault("schemas", {})
    shapes.update(problem.pop("$defs", {}))
    shapes["Problem"] = problem
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "rk_live_…"}}
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema and (scope := scope_of(route)):
            for method in route.methods or ():
                operation = made["paths"][route.path_format][method.lower()]
                operation["security"] = [{"key": []}]
                operation["x-scope"] = scope
                operation["description"] = f"{operation.get('description', '')}\n\nScope: `{scope}`".strip()
    app.openapi_schema = made
    return made
