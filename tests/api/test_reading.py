"""Bodies: bounded, strict JSON, never deeper than anyone would write."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import MalformedJson
from api.reading import BODY_BYTES_MAX, DEPTH_MAX, fingerprint, parse
from tests.api.doors import Doors, is_problem

HOSTILE: dict[str, bytes] = {
    "nothing finished": b'{"a": ',
    "two documents": b"{} {}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number without end": b'{"a": 1e400}',
    "a number of many digits": b'{"a": ' + b"9" * 5000 + b"}",
    "the same name twice": b'{"a": 1, "a": 2}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "half a surrogate pair in a name": b'{"\\udfff": 1}',
    "no UTF-8": b'{"a": "\xff"}',
    "a control character laid bare": b'{"a": "\x00"}',
    "a comment": b'{"a": 1} // yes',
    "brackets without end": b"[" * 100_000,
    "objects without end": b'{"a":' * 100_000,
    "a little too deep": b"[" * (DEPTH_MAX + 2) + b"]" * (DEPTH_MAX + 2),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_strict_json_is_refused(doors: Doors, raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse(raw)
    before = doors.rows()
    assert is_problem(doors.post("/v1/returns", raw=raw), 400, "malformed_json")
    assert doors.rows() == before


def test_the_deepest_body_allowed_is_read() -> None:
    assert parse(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)


def test_a_body_beyond_a_megabyte_is_refused(doors: Doors) -> None:
    raw = b'{"a": "' + b"x" * BODY_BYTES_MAX + b'"}'
    assert is_problem(doors.post("/v1/returns", raw=raw), 413, "body_too_large")


def test_a_body_that_does_not_say_its_length_is_measured_too(doors: Doors) -> None:
    sent = {"Authorization": f"Bearer {doors.secrets[next(iter(doors.secrets))]}", "Content-Type": "application/json"}
    pieces = (b" " * 65536 for _ in range(17))
    answer = doors.http.post(f"{doors.url}/v1/returns", content=pieces, headers=sent)
    assert is_problem(answer, 413, "body_too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_kind_is_refused(doors: Doors, kind: str) -> None:
    answer = doors.post("/v1/returns", raw=b"{}", headers={"Content-Type": kind})
    assert is_problem(answer, 415, "unsupported_media_type")


def test_kinds_derived_from_json_are_read(doors: Doors) -> None:
    answer = doors.post("/v1/returns", raw=b"{}", headers={"Content-Type": "application/vnd.shop+json; charset=utf-8"})
    assert is_problem(answer, 422, "field_missing")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_what_one_writes_is_what_is_read_and_has_one_fingerprint(value: object) -> None:
    spaced = parse(json.dumps(value, indent=2, ensure_ascii=False).encode())
    assert spaced == value
    assert fingerprint(spaced) == fingerprint(parse(json.dumps(value, sort_keys=True).encode()))
