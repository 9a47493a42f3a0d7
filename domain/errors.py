"""What the field calls a mistake, each with a stable code; translated once at each edge.

    BoomerangError
    ├── Invalid            the request cannot be right, whatever the state of the world        (HTTP 422)
    ├── Missing            what was named does not exist                                       (HTTP 404)
    ├── Conflict           right in itself, but not now or not twice                           (HTTP 409)
    ├── Stale              somebody else changed it meanwhile                                  (HTTP 412)
    └── Unavailable        a part of the system does not answer; nothing was done; try again   (HTTP 503)

A refusal that the policy foresees (too late, not goods) is no error but a value: see domain/eligibility.py.
"""

from typing import Any, ClassVar


class BoomerangError(Exception):
    """A mistake with a stable `code`, a sentence for the person (`detail`) and the field at fault (`pointer`, RFC 6901)."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    next_action: ClassVar[str] = ""

    def __init__(self, detail: str, *, pointer: str | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.facts = facts


class Invalid(BoomerangError):
    code, status, title = "invalid", 422, "The request cannot be carried out as it is"
    next_action = "Correct the named field and send the request again."


class Missing(BoomerangError):
    code, status, title = "not_found", 404, "There is no such thing here"
    next_action = "Check the identifier."


class Conflict(BoomerangError):
    code, status, title = "conflict", 409, "That is not possible now"
    next_action = "Read the return again and decide from what it says."


class Stale(BoomerangError):
    code, status, title = "stale", 412, "Somebody else changed it meanwhile"
    next_action = "Read the return again; send the change with the new ETag if it is still right."


class Unavailable(BoomerangError):
    code, status, title = "unavailable", 503, "A part of the system does not answer"
    next_action = "Nothing was lost. Send the same request again, with the same Idempotency-Key, in a few seconds."
