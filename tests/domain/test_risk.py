"""A score with its parts: what a history costs, and what it never does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.risk import HIGH, NO_RISK, ReturnHistory, Risk, Thresholds, assess, explain

ENTRY = Thresholds(value_percent=50, returns_90_days=5, mismatches=2)
REGULAR = ReturnHistory(orders=10, sold_minor=100_000, units_sold=40)


def risk(**vary: int) -> Risk:
    return assess(replace(REGULAR, **vary), ENTRY)


def test_a_customer_who_brings_nothing_back_is_no_risk() -> None:
    assert (risk().score, risk().ends_benefits, risk().asks_a_person) == (0, False, False)


@pytest.mark.parametrize(
    ("history", "ends_benefits", "asks_a_person"),
    [
        pytest.param({"returned_minor": 49_999}, False, False, id="almost half of the value"),
        pytest.param({"returned_minor": 50_000}, True, False, id="half of it"),
        pytest.param({"orders": 4, "returned_minor": 90_000}, False, False, id="too few orders for a rate"),
        pytest.param({"returns_90_days": 4}, False, False, id="four returns in ninety days"),
        pytest.param({"returns_90_days": 5}, False, True, id="five of them"),
        pytest.param({"mismatches": 1}, False, False, id="once is an accident"),
        pytest.param({"mismatches": 2}, True, False, id="twice is not"),
        pytest.param({"returned_minor": 60_000, "mismatches": 2}, True, True, id="together they are a high score"),
        pytest.param(
            {"linked_accounts": 3, "refund_only": 6, "returns": 8}, False, True, id="linked, and never a parcel"
        ),
    ],
)
def test_each_figure_is_held_against_its_threshold(
    history: dict[str, int], ends_benefits: bool, asks_a_person: bool
) -> None:
    found = risk(**history)

    assert (found.ends_benefits, found.asks_a_person) == (ends_benefits, asks_a_person), found


def test_the_higher_tiers_have_room_where_the_lowest_has_none() -> None:
    history = replace(REGULAR, returned_minor=65_000)

    assert assess(history, ENTRY).ends_benefits
    assert not assess(history, Thresholds(70, 20, 3)).ends_benefits


def test_the_score_is_shown_with_its_parts() -> None:
    told = explain(risk(returns_90_days=5, mismatches=1), "programme standard v1")

    assert told.answer == "score 52 of 100: a person looks first"
    assert dict(told.inputs)["returns_in_90_days"] == "5, threshold 5, 35 points"
    assert dict(told.inputs)["mismatches"] == "1, threshold 2, 17 points"


def test_a_threshold_that_is_left_out_is_not_looked_at() -> None:
    assert assess(replace(REGULAR, returns_90_days=99), Thresholds(None, None, None)).score == 0
    assert NO_RISK.parts == ()


@given(
    history=st.builds(
        ReturnHistory,
        **{name: st.integers(0, 10_000) for name in ("orders", "sold_minor", "returned_minor", "mismatches")},
        returns_90_days=st.integers(0, 500),
        linked_accounts=st.integers(0, 50),
    )
)
def test_the_score_stays_within_a_hundred_and_more_of_anything_never_lowers_it(history: ReturnHistory) -> None:
    found = assess(history, ENTRY)
    worse = assess(
        replace(history, mismatches=history.mismatches + 1, returns_90_days=history.returns_90_days + 1), ENTRY
    )

    assert 0 <= found.score <= worse.score <= 100
    assert found.high == (found.score >= HIGH)
    assert worse.ends_benefits >= found.ends_benefits
