"""What can go wrong between us and a partner, sorted by what may be done next.

GatewayError
  ProviderRefused      the partner said no and nothing was done; asking again changes nothing
  ProviderUnreachable  nothing was carried out; the same call may be sent again
  OutcomeUnknown       it may or may not have been carried out; look it up by our own id before anything is sent again
  ForgedEvent          an event whose signature, sender or age is not right; it has no effect
  MalformedEvent       a rightly signed event we cannot read; it has no effect and a person should see it
  UnknownGateway       no gateway is written under that code
"""


class GatewayError(Exception):
    """Something between us and a partner went wrong; `code` is stable, `detail` is for people."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ProviderRefused(GatewayError):
    """A definite no in the partner's own form. `code` is the partner's reason, such as `over_refund`."""


class ProviderUnreachable(GatewayError):
    """Nothing was carried out: no connection, a key not accepted, or a request to come back later."""

    def __init__(self, detail: str, *, code: str = "unreachable") -> None:
        super().__init__(detail, code=code)


class OutcomeUnknown(GatewayError):
    """Sent, and no trustworthy answer: a time-out, a 5xx, a torn connection, an answer about something else."""

    def __init__(self, detail: str, *, code: str = "outcome_unknown") -> None:
        super().__init__(detail, code=code)


class ForgedEvent(GatewayError):
    """The signature does not hold: forged, changed on the way, too old, or meant for another secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="forged_event")


class MalformedEvent(GatewayError):
    """Signed by the partner, but not an event we know how to read."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="malformed_event")


class UnknownGateway(GatewayError):
    """A code that stands in no registry; `detail` names the ones that do."""

    def __init__(self, code: str, known: list[str]) -> None:
        super().__init__(f"no gateway {code!r}; known: {', '.join(known)}", code="unknown_gateway")
