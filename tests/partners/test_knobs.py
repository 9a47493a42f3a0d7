"""Knobs strike so many times or by a chance that the seed decides, and by nothing else."""

import pytest
from pydantic import ValidationError

from partners.knobs import Knobs, Rule, Turn, UnknownKnob

KNOWN = {"lose": "loses", "delay": "waits"}


def turned(**rules: object) -> Knobs:
    knobs = Knobs(KNOWN)
    knobs.apply(Turn.model_validate(rules))
    return knobs


def test_next_strikes_so_many_times() -> None:
    knobs = turned(lose={"next": 2})
    assert [bool(knobs.strikes("lose", str(number))) for number in range(4)] == [True, True, False, False]


def test_chance_does_not_depend_on_who_asks_first() -> None:
    asked = [f"bk_{number}" for number in range(200)]
    forwards = turned(lose={"probability": 0.3}, seed=7)
    backwards = turned(lose={"probability": 0.3}, seed=7)
    struck = {subject for subject in asked if forwards.strikes("lose", subject)}
    assert struck == {subject for subject in reversed(asked) if backwards.strikes("lose", subject)}
    assert 30 <= len(struck) <= 90
    other = turned(lose={"probability": 0.3}, seed=8)
    assert struck != {subject for subject in asked if other.strikes("lose", subject)}


def test_the_same_subject_meets_fresh_chance_each_time() -> None:
    knobs = turned(lose={"probability": 0.5}, seed=1)
    assert {bool(knobs.strikes("lose", "bk_1")) for _ in range(50)} == {True, False}


@pytest.mark.parametrize(("probability", "strikes"), [(0, False), (1, True)])
def test_certainty_is_certain(probability: float, strikes: bool) -> None:
    knobs = turned(lose={"probability": probability})
    assert {bool(knobs.strikes("lose", str(number))) for number in range(200)} == {strikes}


def test_null_turns_off_and_others_stay() -> None:
    knobs = turned(lose={"next": 1}, delay={"probability": 1, "seconds": 3})
    knobs.apply(Turn.model_validate({"lose": None}))
    assert knobs.strikes("lose", "x") is None
    delay = knobs.strikes("delay", "x")
    assert delay is not None
    assert delay.seconds_or(1.0) == 3


def test_an_unknown_knob_is_named_and_nothing_is_set() -> None:
    knobs = Knobs(KNOWN)
    with pytest.raises(UnknownKnob) as unknown:
        knobs.apply(Turn.model_validate({"lose": {"next": 1}, "explode": {"next": 1}}))
    assert unknown.value.name == "explode"
    assert knobs.strikes("lose", "x") is None


@pytest.mark.parametrize(
    "rule", [{}, {"next": 1, "probability": 0.5}, {"next": -1}, {"probability": 1.5}, {"next": 1, "often": 2}], ids=str
)
def test_a_rule_says_when_it_strikes(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)


def test_all_known_knobs_are_shown() -> None:
    shown = turned(lose={"next": 1})
    shown.strikes("lose", "x")
    rules = {name: knob["rule"] for name, knob in shown.show()["knobs"].items()}
    assert (rules["lose"]["next"], rules["delay"]) == (0, None)
    shown.clear()
    assert all(knob["rule"] is None for knob in shown.show()["knobs"].values())
