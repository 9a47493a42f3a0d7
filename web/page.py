"""Pages: rendered in the reader's language, with headers that let a browser load nothing but ours, and errors that are pages too."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.errors import request_id
from api.reading import Door
from domain.errors import BoomerangError
from web.files import address
from web.words import LANGUAGES, words_of

log = logging.getLogger("boomerang.web")

# Nothing from elsewhere and no script at all; a page that needs more says so with its own header.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
UNAVAILABLE, INTERNAL = 503, 500

environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
environment.globals["address"] = address


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. Templates know `say` (the words), `languages`, `path` (of this page, to choose a language), and what is given."""
    say = words_of(request)
    given = {"path": request.url.path, **values}
    text = environment.get_template(template).render(say=say, languages=LANGUAGES, **given)
    headers = {"Content-Security-Policy": POLICY, "Content-Language": say.tag, "Vary": "Accept-Language"}
    return HTMLResponse(text, status, headers)


class Face(Door):
    """A route whose errors are pages: what was wrong in the reader's words, and the number under which the log has the rest."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def handle_for_people(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientDisconnect:
                raise
            except BoomerangError as error:
                return _sorry(request, error.status)
            except HTTPException as error:
                return _sorry(request, error.status_code)
            except RequestValidationError:
                return _sorry(request, 404)
            except SQLAlchemyError as error:
                log.warning("database: %s", type(error).__name__, extra={"request_id": request_id(request)})
                return _sorry(request, UNAVAILABLE)
            except Exception:  # a person sees a page with a number to quote; the trace is for the log
                log.exception("unforeseen error", extra={"request_id": request_id(request)})
                return _sorry(request, INTERNAL)

        return handle_for_people


def _sorry(request: Request, status: int) -> HTMLResponse:
    kind = (
        "missing" if status == 404 else "later" if status == UNAVAILABLE else "ours" if status == INTERNAL else "wrong"
    )
    return render(request, "error.html", status=status, kind=kind, number=request_id(request))
