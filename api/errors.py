"""Mistakes as the caller sees them: problem details (RFC 9457), each with a stable code, the field at fault and what to do next.

{"type": "urn:boomerang:problem:quantity_not_whole", "title": …, "status": 422, "detail": …, "instance": "/v1/returns",
 "code": "quantity_not_whole", "errors": [{"pointer": "/lines/0/quantity", "detail": …, "code": …}],
 "request_id": "req_…", "next_action": …}
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.exceptions import HTTPException

from domain.errors import BoomerangError, Conflict, Invalid, Missing, Unavailable

log = logging.getLogger("boomerang.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
UNAVAILABLE = 503
INTERNAL = 500
FAULTS_MAX = 20  # named in one answer
QUOTED_MAX = 500


class MalformedJson(BoomerangError):
    code, status, title = "malformed_json", 400, "The body is not JSON"
    next_action = "Send one JSON object, in UTF-8, with every name once, and no NaN or Infinity."


class BodyTooLarge(BoomerangError):
    code, status, title = "body_too_large", 413, "The body is too large"
    next_action = "Send less at a time."


class NotJson(BoomerangError):
    code, status, title = "unsupported_media_type", 415, "The body is of another kind than JSON"
    next_action = "Send the header Content-Type: application/json."


class IdempotencyKeyMissing(BoomerangError):
    code, status, title = "idempotency_key_missing", 400, "The Idempotency-Key is missing"
    next_action = (
        "Send a header Idempotency-Key with a value of your own (a UUID will do), one for each thing you want done. "
        "Sent again with the same key, the request is carried out once."
    )


class IdempotencyKeyMalformed(BoomerangError):
    code, status, title = "idempotency_key_malformed", 400, "The Idempotency-Key cannot be read"
    next_action = "Send 1 to 255 visible ASCII characters, bare or in double quotes."


class EntityTagMalformed(BoomerangError):
    code, status, title = "if_match_malformed", 400, "The header If-Match cannot be read"
    next_action = 'Send the ETag as it came with the return, such as If-Match: "7".'


class ActorMalformed(BoomerangError):
    code, status, title = "actor_malformed", 400, "The header Boomerang-Actor cannot be read"
    next_action = "Send a name of at most 40 printable characters, or leave the header out."


class NotAuthenticated(BoomerangError):
    code, status, title = "not_authenticated", 401, "The API key is missing or not valid"
    next_action = "Send the header Authorization: Bearer rk_live_… with a key that has not expired or been revoked."


class NotAllowed(BoomerangError):
    code, status, title = "scope_missing", 403, "The API key may not do that"
    next_action = "Use a key that has the named scope, or have one made: boomerang keys create."


class EventForged(BoomerangError):
    code, status, title = "event_forged", 401, "The event's signature does not hold"
    next_action = "Sign the raw body with the secret agreed upon (Standard Webhooks), and check the sender's clock."


class EventMalformed(BoomerangError):
    code, status, title = "event_malformed", 400, "The event cannot be read"
    next_action = "Send the event in the form agreed upon. It had no effect."


class UnknownPartner(Missing):
    code, title = "unknown_partner", "There is no such partner"
    next_action = "Check the last part of the address."


class WrittenMeanwhile(Conflict):
    code, title = "written_meanwhile", "Another request wrote the same thing at the same instant"
    next_action = "Send the request again; it will meet what the other one wrote."


class NoSuchAddress(Missing):
    code, title = "no_such_address", "There is nothing at this address"
    next_action = "The addresses and their methods are listed at /docs."


class MethodNotAllowed(BoomerangError):
    code, status, title = "method_not_allowed", 405, "This address takes other methods"
    next_action = "The addresses and their methods are listed at /docs."


class BadRequest(BoomerangError):
    code, status, title = "bad_request", 400, "The request cannot be read"
    next_action = "The addresses and what they take are listed at /docs."


class InvalidRequest(Invalid):
    code = "invalid_request"
    next_action = "Correct what `errors` names and send the request again."


class InternalError(BoomerangError):
    code, status, title = "internal_error", 500, "Something went wrong on our side"
    next_action = "Send the same request again, with the same Idempotency-Key. If it persists, tell whoever runs the server the request id."


class NotReady(Unavailable):
    code, title = "not_ready", "A part that is needed does not answer"
    next_action = "Wait; the server takes requests again as soon as it does."


# What pydantic says is wrong, in our words: code, sentence.
_FAULTS: Mapping[str, tuple[str, str]] = {
    "missing": ("field_missing", "It is required."),
    "extra_forbidden": ("unknown_field", "There is no field of this name here."),
    "string_type": ("not_a_text", "It must be a text."),
    "string_unicode": ("not_a_text", "It is not valid Unicode."),
    "string_too_short": ("too_short", "It must not be empty."),
    "string_too_long": ("too_long", "It is longer than the {max_length} characters that fit."),
    "string_pattern_mismatch": ("wrong_form", "It must have the form {pattern}."),
    "enum": ("not_one_of", "It must be one of {expected}."),
    "literal_error": ("not_one_of", "It must be one of {expected}."),
    "bool_type": ("not_true_or_false", "It must be true or false."),
    "bool_parsing": ("not_true_or_false", "It must be true or false."),
    "list_type": ("not_a_list", "It must be a list."),
    "too_short": ("too_few", "It needs at least {min_length}."),
    "too_long": ("too_many", "At most {max_length} fit into one request."),
    "model_type": ("not_an_object", "It must be an object."),
    "model_attributes_type": ("not_an_object", "It must be a JSON object."),
    "dict_type": ("not_an_object", "It must be an object."),
    "int_type": ("not_a_whole_number", "It must be a whole number."),
    "int_parsing": ("not_a_whole_number", "It must be a whole number."),
    "int_parsing_size": ("not_a_whole_number", "It must be a whole number of less than 20 digits."),
    "greater_than_equal": ("too_small", "It must be at least {ge}."),
    "less_than_equal": ("too_large", "It must be at most {le}."),
}


def problem(
    request: Request,
    error: BoomerangError,
    *,
    errors: Sequence[Mapping[str, Any]] | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells of a mistake. `code` replaces the error's own where `errors` have a better one in common."""
    if errors is None:
        errors = (
            [{"pointer": error.pointer, "detail": _short(error.detail), "code": error.code}] if error.pointer else []
        )
    code = code or error.code
    body = {
        "type": f"urn:boomerang:problem:{code}",
        "title": error.title,
        "status": error.status,
        "detail": _short(error.detail),
        "instance": request.url.path,
        "code": code,
        "errors": errors,
        "request_id": request_id(request),
        "next_action": error.next_action,
        **({"facts": _plain(error.facts)} if error.facts else {}),
    }
    more = {"Retry-After": str(RETRY_AFTER_S)} if error.status == UNAVAILABLE else {}
    if isinstance(error, NotAuthenticated):
        more["WWW-Authenticate"] = 'Bearer realm="boomerang"'
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, error.status, {**more, **(headers or {})}, MEDIA_TYPE)


def request_id(request: Request) -> str:
    found: str = getattr(request.state, "request_id", "")
    return found


def translate_errors(app: FastAPI) -> None:
    """Every mistake leaves by one of these."""
    app.add_exception_handler(BoomerangError, _mistake)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _no_such_door)
    app.add_exception_handler(SQLAlchemyError, _database)


def unforeseen(request: Request, error: Exception) -> Response:
    """The last resort: the caller gets the number under which the log has the rest."""
    log.error("unforeseen error", exc_info=error, extra={"request_id": request_id(request)})
    return problem(request, InternalError("The request met an error of ours. It was logged under the request id."))


async def _mistake(request: Request, error: Exception) -> Response:
    assert isinstance(error, BoomerangError)
    if error.status == INTERNAL:
        return unforeseen(request, error)
    return problem(request, error)


async def _wrong_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(found) for found in error.errors()[:FAULTS_MAX]]
    codes = {str(fault["code"]) for fault in faults}
    said = InvalidRequest(f"{_place(faults[0])}: {faults[0]['detail']}")
    return problem(request, said, errors=faults, code=codes.pop() if len(codes) == 1 else None)


async def _no_such_door(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return problem(request, NoSuchAddress(f"There is nothing at {request.url.path}."))
        case 405:
            said = MethodNotAllowed(f"{request.method} is not possible at {request.url.path}.")
            return problem(request, said, headers=error.headers)
    return problem(request, BadRequest("The request cannot be read."))


async def _database(request: Request, error: Exception) -> Response:
    if isinstance(error, IntegrityError):
        log.warning("written meanwhile: %s", _kind(error), extra={"request_id": request_id(request)})
        return problem(request, WrittenMeanwhile("Another request was first by an instant. Nothing was written."))
    if _is_passing(error):
        log.warning("database: %s", _kind(error), extra={"request_id": request_id(request)})
        return problem(request, Unavailable("The database does not answer in time. Nothing was written."))
    return unforeseen(request, error)


def _is_passing(error: Exception) -> bool:
    """Whether the same request can succeed in a moment: no connection, a lock not had in time, a deadlock, a restart."""
    if isinstance(error, (OperationalError, InterfaceError, PoolExhausted)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _kind(error: Exception) -> str:
    # The class of the driver's error and its code: its text quotes rows, and rows are about people.
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__} {getattr(cause, 'pgcode', None) or ''}".strip()


def _fault(found: Mapping[str, Any]) -> dict[str, Any]:
    where, *path = found["loc"]
    kind = str(found["type"])
    given = found.get("ctx", {})
    code, sentence = _FAULTS.get(kind, (kind, str(found["msg"])))
    try:
        detail = sentence.format(**given)
    except (KeyError, IndexError, ValueError):
        detail = str(found["msg"])
    detail = _short(detail)
    if where == "body":
        pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
        return {"pointer": pointer, "detail": detail, "code": code}
    return {"pointer": None, "parameter": ".".join(map(str, path)), "in": where, "detail": detail, "code": code}


def _place(fault: Mapping[str, Any]) -> str:
    return str(fault["pointer"] or "The body") if "parameter" not in fault else f"{fault['in']} {fault['parameter']}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, (bool, int)) else _short(str(value))


def _short(text: str) -> str:
    """Errors quote what was sent; what was sent may be a megabyte."""
    return text if len(text) <= QUOTED_MAX else text[: QUOTED_MAX - 1] + "…"
