"""The second copy of a state: written down, read again, and compared."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.advances import Standing
from domain.limits import Limits, RefundTrigger
from domain.process import decide
from domain.replica import digest, from_json, to_json
from domain.stages import Stage
from domain.state import Effect, EffectKind, Fact, FactKind, Method, State, Verdict
from tests.domain import reach
from tests.domain.told import LIMITS, MONDAY, Told, a_state

MOMENTS = st.integers(0, 15 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
SPANS = st.builds("{}{}".format, st.integers(1, 99), st.sampled_from(["min", "h", "d", "bd"]))
FACTS = st.builds(
    Fact,
    kind=st.sampled_from(FactKind),
    at=MOMENTS,
    id=st.text(min_size=1, max_size=8),
    by=st.text(max_size=8),
    data=st.dictionaries(st.text(max_size=6), st.one_of(st.text(max_size=6), st.booleans(), st.integers(), st.none())),
)
EFFECTS = st.builds(Effect, kind=st.sampled_from(EffectKind), key=st.text(min_size=1), round=st.integers(1, 9))
STATES = st.builds(
    State,
    stage=st.sampled_from(Stage),
    since=MOMENTS,
    method=st.sampled_from(Method),
    limits=st.builds(
        Limits,
        **{field.name: st.integers(0, 9) if field.name == "pickup_tries" else SPANS for field in fields(Limits)},
    ),
    due=st.none() | MOMENTS,
    warn_at=st.none() | MOMENTS,
    early=st.lists(FACTS, max_size=3).map(tuple),
    goods=st.none() | st.sampled_from(Stage),
    delivered=st.booleans(),
    bookings=st.integers(0, 9),
    ending=st.none() | st.sampled_from(Stage),
    verdict=st.sampled_from(Verdict),
    resume=st.none() | st.sampled_from(Stage),
    failed=st.none() | EFFECTS,
    reason=st.text(max_size=8),
    settlements=st.integers(0, 9),
    asked=st.integers(0, 9),
    escalated=st.booleans(),
    appealed=st.booleans(),
    paid=st.none() | MOMENTS,
    notice=st.none() | MOMENTS,
    sent=st.none() | MOMENTS,
    received=st.none() | MOMENTS,
    advance=st.sampled_from(Standing).map(str),
    recharges=st.integers(0, 9),
    reminded=st.integers(0, 9),
)


def test_the_states_above_leave_no_part_out() -> None:
    written = to_json(
        a_state(
            warn_at=MONDAY,
            early=(Fact(FactKind.RECEIVED, MONDAY, "f"),),
            goods=Stage.RECEIVED,
            delivered=True,
            ending=Stage.EXPIRED,
            verdict=Verdict.LOST,
            resume=Stage.BOOKED,
            failed=Effect(EffectKind.BOOK, "book:1"),
            reason="book_failed",
            settlements=1,
            asked=1,
            escalated=True,
            appealed=True,
            paid=MONDAY,
            notice=MONDAY,
            sent=MONDAY,
            received=MONDAY,
            destination="store_credit",
            advance="hold",
            recharges=1,
            reminded=1,
        )
    )

    assert set(written) == {field.name for field in fields(State)}


@given(STATES)
def test_a_state_that_was_written_down_is_read_as_it_was(state: State) -> None:
    assert from_json(to_json(state)) == state


@given(STATES)
def test_it_survives_being_stored_as_text(state: State) -> None:
    read = from_json(json.loads(json.dumps(to_json(state))))

    assert read == state
    assert digest(read) == digest(state)


@given(STATES)
def test_what_is_written_down_is_plain(state: State) -> None:
    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(type(key) is str and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return type(value) in (str, int, bool, type(None))

    assert plain(to_json(state))


@given(STATES, st.sampled_from([Stage.BOOKED, Stage.CLOSED]))
def test_states_that_differ_have_different_digests(state: State, stage: Stage) -> None:
    other = replace(state, stage=stage, bookings=state.bookings + 1)

    assert digest(other) != digest(state)


@given(STATES)
def test_no_digest_says_not_recorded(state: State) -> None:
    assert 0 < digest(state) < 2**32


def test_the_order_in_which_a_store_keeps_keys_does_not_matter() -> None:
    written = to_json(a_state())

    assert digest(from_json(dict(reversed(written.items())))) == digest(a_state())


def test_empty_parts_are_left_out() -> None:
    assert set(to_json(a_state())) == {"stage", "since", "method", "limits", "due", "bookings"}


def test_what_was_written_before_a_part_was_known_is_still_read() -> None:
    written = {
        "stage": "booked",
        "since": MONDAY.isoformat(),
        "method": "label",
        "limits": to_json(a_state())["limits"],
    }

    assert from_json(written) == State(Stage.BOOKED, MONDAY, Method.LABEL, LIMITS)


def test_the_same_instant_told_in_another_zone_is_the_same_instant_when_read() -> None:
    there = a_state(since=MONDAY.astimezone(timezone(timedelta(hours=8))))

    assert from_json(to_json(there)) == a_state()


DIGEST_OF_THE_FIRST_RELEASE = 2475839540  # worked out by its own code


def test_a_case_of_the_first_release_is_written_down_and_digested_as_it_was_then() -> None:
    """Its history holds that digest: another one would have the case do what it did not do then."""
    booked = State(Stage.BOOKED, MONDAY, Method.LABEL, LIMITS, due=MONDAY + timedelta(days=14), bookings=1)

    assert list(to_json(booked)["limits"]) == [
        "approval",
        "booking",
        "ship_back",
        "pickup",
        "pickup_tries",
        "transit",
        "inspection",
        "refund",
        "attention",
    ]
    assert digest(booked) == DIGEST_OF_THE_FIRST_RELEASE


def test_limits_that_came_later_are_written_down_where_they_say_something() -> None:
    limits = replace(LIMITS, refund_trigger=RefundTrigger.FIRST_SCAN, refund_clock="notice 14d sent")
    written = to_json(a_state(limits=limits))

    assert written["limits"]["refund_trigger"] == "first_scan"
    assert from_json(written).limits == limits
    assert digest(a_state(limits=limits)) != digest(a_state())


@pytest.mark.parametrize("seen", [0, 1, 4711])
def test_a_fact_kept_early_says_the_same_whoever_recorded_it(seen: int) -> None:
    fact = Fact(FactKind.RECEIVED, MONDAY, "f_1", seen=seen)
    plain = replace(fact, seen=0)
    state = Told().state

    assert digest(decide(state, fact)[0]) == digest(decide(state, plain)[0])


def test_a_copy_that_was_read_back_answers_every_fact_as_the_original_does() -> None:
    """Otherwise the row of a case and the running case would drift apart."""
    for node in reach.all_states()[::12]:
        copy = from_json(json.loads(json.dumps(to_json(node.state))))
        for fact in reach.possible(node):
            assert decide(copy, fact) == decide(node.state, fact)
