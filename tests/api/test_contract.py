"""What every route promises alike: whatever is thrown at it, it answers with what it declared, and never with a fault of its own."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import ROUTERS
from api.schemas.customs import TOLD_EXAMPLE
from api.schemas.withdrawals import DECLARE_EXAMPLE
from tests.api.doors import Doors, order_body, return_body
from tests.policies.standing import a_text

BODIED = {
    f"{method} {route.path}": (method, route.path)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
    if route.body_field is not None
}
KNOWN: dict[str, Any] = {
    "PUT /v1/orders/{order_id}": order_body(lines=order_body()["lines"][:1], market="DE"),
    "PUT /v1/customers/{customer_id}": {
        "country": "DE",
        "name": "x",
        "email": "x",
        "locale": "de",
        "address_key": "x",
        "device_key": "x",
        "tier_lock": {"tier": "VIP", "reason": "x", "until": "2190-01-01T00:00:00Z"},
    },
    "POST /v1/returns": return_body("o_1"),
    "POST /v1/returns/preview": return_body("o_1"),
    "POST /v1/returns/{return_id}/inspections": {"lines": [{"line_id": "rl_1", "quantity": 1, "grade": "A"}]},
    "POST /v1/returns/{return_id}/extend": {"until": "2030-01-01T00:00:00Z", "reason": ""},
    "POST /v1/returns/{return_id}/refuse": {"reason": "no"},
    "POST /v1/ops/cases/{return_id}/retry": {"reason": "now"},
    "POST /v1/policies": {"text": a_text(), "note": ""},
    "PUT /v1/policies/{policy_id}": {"text": a_text(), "note": ""},
    "POST /v1/policies/{policy_id}/publish": {"effective_from": "2090-01-01T00:00:00Z", "accept_warnings": True},
    "POST /v1/policies/{policy_id}/simulate": {
        "from": "2026-10-01",
        "to": "2026-10-31",
        "against": "live",
        "changes": 5,
    },
}
KNOWN["PUT /v1/orders/{order_id}/customs"] = TOLD_EXAMPLE
KNOWN["POST /v1/customs-claims/{claim_id}/file"] = {"reference": "x", "note": "x"}
KNOWN["POST /v1/customs-claims/{claim_id}/recovered"] = {"amount": {"amount": 1, "currency": "USD"}, "note": "x"}
KNOWN["POST /v1/ops/reconciliations"] = {"provider": "nobody"}
KNOWN["POST /v1/ops/differences/{difference_id}/resolve"] = {"reason": "called back"}
KNOWN["POST /v1/returns/{return_id}/goodwill"] = {
    "amount": {"amount": 500, "currency": "EUR"},
    "reason": "late",
    "order_id": "o_1",
    "again": False,
}
KNOWN["POST /v1/returns/{return_id}/destination"] = {"kind": "bank", "token": "ba_1"}
KNOWN["POST /v1/withdrawals"] = DECLARE_EXAMPLE
KNOWN["POST /v1/withdrawals/{withdrawal_id}/answer"] = {"text": "done"}
NASTY: list[Any] = [
    None, True, 0, -1, 0.5, 1e308, 10**19, 2**63, 10**400, "", " ", "\0", "\u202e", "\ufeff", "\U0010ffff", "💥" * 300,
    "'; DROP TABLE cases; --", "<script>", "{detail}", "%s%n", "{{7*7}}", "=cmd|' /C calc'!A0", "2026-02-30T25:61:00Z",
    "0001-01-01T00:00:00+23:59", "x" * 5_000, [], {}, [[]], {"": ""}, [None] * 300,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body, the body itself first."""
    found = [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        found += places(one, (*path, step))
    return found


def put(value: Any, path: tuple[Any, ...], what: Any) -> Any:
    if not path:
        return what
    made = dict(value) if isinstance(value, dict) else list(value)
    made[path[0]] = put(made[path[0]], path[1:], what)
    return made


def check(doors: Doors, method: str, path: str, body: Any) -> None:
    answer = doors.ask(method, path.replace("{", "").replace("}", ""), body)
    assert answer.status_code < 500, (body, answer.text)
    described = doors.app.openapi()["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in described, (answer.status_code, body)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), BODIED.values(), ids=BODIED)
def test_nasty_values_in_every_place_are_refused_or_taken_but_break_nothing(
    doors: Doors, method: str, path: str
) -> None:
    body = KNOWN.get(f"{method} {path}", {"reason": "x", "note": "x"})
    for place in places(body):
        for nasty in NASTY:
            check(doors, method, path, put(body, place, nasty))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(NASTY),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_json_at_any_door_is_answered_as_declared(doors: Doors, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(BODIED)))
    known = KNOWN.get(name, {"reason": "x"})
    drawn = data.draw(values)
    body = drawn if data.draw(st.booleans()) else put(known, data.draw(st.sampled_from(places(known))), drawn)
    check(doors, *BODIED[name], body)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(doors: Doors, raw: bytes) -> None:
    for path in ("/v1/returns", "/v1/webhooks/carriers/simulated", "/v1/webhooks/payments/simulated"):
        assert doors.post(path, raw=raw).status_code < 500


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(min_size=1, max_size=90),
    st.sampled_from(["stage", "q", "cursor", "limit", "due_before", "needs_attention"]),
)
def test_any_address_and_any_question_is_answered(doors: Doors, text: str, name: str) -> None:
    word = quote(text, safe="")
    for path in (f"/v1/returns/{word}", f"/v1/orders/{word}", f"/v1/station/scan/{word}", f"/v1/returns?{name}={word}"):
        assert doors.get(path).status_code < 500


def test_the_values_thrown_are_json() -> None:
    assert json.dumps(NASTY)
