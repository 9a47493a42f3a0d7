"""The rule of reconciling: two lists in, each disagreement out under its own name, and nothing where work is under way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.reconciliation import (
    ADOPTED_FROM,
    Difference,
    DifferenceKind,
    OurRefund,
    PaymentTotals,
    ProviderRefund,
    above_captured,
    differences,
    sums_side_by_side,
)

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=2)
LONG_AGO, JUST_NOW = NOW - timedelta(days=3), NOW - timedelta(seconds=5)
OURS = OurRefund("rf_1", "ret_1", "succeeded", 4000, "EUR", LONG_AGO, "pay_1", "pr_1")
THEIRS = ProviderRefund("pr_1", "rf_1", "succeeded", 4000, "EUR", "pay_1", "ret_1", None, LONG_AGO)


def compare(theirs: Sequence[ProviderRefund], ours: Sequence[OurRefund]) -> list[Difference]:
    return list(differences(theirs, ours, settled_before=BEFORE))


def kinds(theirs: Sequence[ProviderRefund], ours: Sequence[OurRefund]) -> list[str]:
    return [one.kind for one in compare(theirs, ours)]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        pytest.param([THEIRS], [OURS], id="both say the same"),
        pytest.param([], [], id="nobody refunded anything"),
        pytest.param([], [replace(OURS, status="failed")], id="refused, so the provider never had it"),
        pytest.param([], [replace(OURS, status="intended")], id="written down and not sent yet"),
        pytest.param([], [replace(OURS, status="unknown")], id="unknown, and the provider never had it"),
        pytest.param([replace(THEIRS, refund_id="rf_9", status="failed")], [], id="a stranger's that failed"),
        pytest.param([replace(THEIRS, provider_id="pr_0", status="failed"), THEIRS], [OURS], id="failed, then paid"),
        pytest.param([replace(THEIRS, moved_at=None)], [OURS], id="a provider that names no moments"),
    ],
)
def test_books_that_agree_differ_in_nothing(theirs: list[ProviderRefund], ours: list[OurRefund]) -> None:
    assert compare(theirs, ours) == []


AGAIN = replace(THEIRS, provider_id="pr_2")


@pytest.mark.parametrize(
    ("theirs", "ours", "kind", "minor"),
    [
        pytest.param([THEIRS, AGAIN], [OURS], DifferenceKind.DOUBLED, 4000, id="paid twice under one id"),
        pytest.param(
            [THEIRS, replace(AGAIN, status="pending")],
            [OURS],
            DifferenceKind.DOUBLED,
            4000,
            id="about to be paid twice",
        ),
        pytest.param(
            [AGAIN, THEIRS], [OURS], DifferenceKind.DOUBLED, 4000, id="paid twice, the one that we know listed last"
        ),
        pytest.param(
            [replace(THEIRS, refund_id="rf_9")], [], DifferenceKind.UNKNOWN_TO_US, 4000, id="paid behind our back"
        ),
        pytest.param(
            [replace(THEIRS, refund_id="")],
            [],
            DifferenceKind.UNKNOWN_TO_US,
            4000,
            id="refunded by hand, without an id",
        ),
        pytest.param([], [OURS], DifferenceKind.UNKNOWN_TO_PROVIDER, -4000, id="the provider never heard of it"),
        pytest.param(
            [],
            [replace(OURS, status="pending")],
            DifferenceKind.UNKNOWN_TO_PROVIDER,
            0,
            id="accepted, and the provider does not have it any more",
        ),
        pytest.param([replace(THEIRS, minor=4001)], [OURS], DifferenceKind.OTHER_AMOUNT, 1, id="a cent more"),
        pytest.param([replace(THEIRS, minor=3999)], [OURS], DifferenceKind.OTHER_AMOUNT, -1, id="a cent less"),
        pytest.param(
            [replace(THEIRS, currency="USD")], [OURS], DifferenceKind.OTHER_CURRENCY, 4000, id="paid in dollars"
        ),
        pytest.param(
            [replace(THEIRS, currency="XQX")], [OURS], DifferenceKind.OTHER_CURRENCY, 4000, id="in a currency of nobody"
        ),
        pytest.param(
            [THEIRS], [replace(OURS, status="failed")], DifferenceKind.OTHER_STATUS, 4000, id="failed here, paid there"
        ),
        pytest.param(
            [replace(THEIRS, status="pending")],
            [OURS],
            DifferenceKind.OTHER_STATUS,
            -4000,
            id="paid here, pending there",
        ),
    ],
)
def test_each_disagreement_is_named_with_the_money_in_it(
    theirs: list[ProviderRefund], ours: list[OurRefund], kind: DifferenceKind, minor: int
) -> None:
    (found,) = compare(theirs, ours)
    assert (found.kind, found.minor, found.adopt, found.under_way) == (kind, minor, None, False)
    assert found.said


def test_every_kind_has_a_case_in_these_tests() -> None:
    marks = test_each_disagreement_is_named_with_the_money_in_it.pytestmark  # type: ignore[attr-defined]
    named = {case.values[2] for mark in marks for case in mark.args[1]}
    assert named == set(DifferenceKind) - {DifferenceKind.ABOVE_CAPTURED}


def test_three_refunds_under_one_id_are_two_too_many() -> None:
    third = replace(THEIRS, provider_id="pr_3")
    found = compare([THEIRS, AGAIN, third], [OURS])
    assert [(one.kind, one.provider_id) for one in found] == [("doubled", "pr_2"), ("doubled", "pr_3")]
    assert len({one.key for one in found}) == 2, "each is a row of its own"


def test_refunds_by_hand_without_an_id_are_not_taken_for_one_paid_twice() -> None:
    by_hand = [replace(THEIRS, refund_id="", provider_id=f"pr_{number}") for number in range(3)]
    assert kinds(by_hand, []) == ["unknown_to_us"] * 3


@pytest.mark.parametrize("ours", sorted(ADOPTED_FROM))
@pytest.mark.parametrize("theirs", ["pending", "succeeded", "failed"])
def test_what_waits_takes_over_what_the_provider_knows(ours: str, theirs: str) -> None:
    reported = replace(THEIRS, status=theirs)
    found = compare([reported], [replace(OURS, status=ours)])
    assert [one.adopt for one in found] == ([] if ours == theirs else [reported])


def test_a_success_that_the_bank_gave_back_is_taken_over() -> None:
    failed = replace(THEIRS, status="failed", failure="returned_by_bank")
    (found,) = compare([failed], [OURS])
    assert (found.adopt, found.minor) == (failed, -4000)


def test_another_amount_is_never_taken_over_with_the_status() -> None:
    (found,) = compare([replace(THEIRS, minor=1)], [replace(OURS, status="unknown")])
    assert (found.kind, found.adopt) == ("other_amount", None)


def test_a_doubled_refund_whose_outcome_we_do_not_know_is_taken_over_once_and_named_once() -> None:
    found = compare([THEIRS, AGAIN], [replace(OURS, status="unknown", provider_id=None)])
    assert [(one.kind, one.adopt) for one in found] == [("doubled", None), ("other_status", THEIRS)]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        pytest.param([], [replace(OURS, moved_at=JUST_NOW)], id="paid while the list was read"),
        pytest.param([replace(THEIRS, moved_at=JUST_NOW)], [replace(OURS, status="pending")], id="event under way"),
        pytest.param([THEIRS], [replace(OURS, status="unknown", moved_at=JUST_NOW)], id="answer under way"),
    ],
)
def test_what_moved_a_moment_ago_is_not_a_difference_yet(theirs: list[ProviderRefund], ours: list[OurRefund]) -> None:
    assert [one.under_way for one in compare(theirs, ours)] == [True]


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param([THEIRS, AGAIN], id="twice"),
        pytest.param([replace(THEIRS, minor=1)], id="another amount"),
        pytest.param([replace(THEIRS, currency="USD")], id="another currency"),
    ],
)
def test_money_that_no_work_explains_is_a_difference_at_once(theirs: list[ProviderRefund]) -> None:
    fresh = [replace(one, moved_at=JUST_NOW) for one in theirs]
    assert [one.under_way for one in compare(fresh, [replace(OURS, moved_at=JUST_NOW)])] == [False]


def test_the_same_difference_has_the_same_key_and_another_one_another() -> None:
    (first,) = compare([replace(THEIRS, minor=4001)], [OURS])
    (again,) = compare([replace(THEIRS, minor=4002)], [OURS])
    (other,) = compare([replace(THEIRS, currency="USD")], [OURS])
    assert first.key == again.key != other.key


def test_refunds_above_what_was_captured_are_found_for_each_payment() -> None:
    found = list(
        above_captured(
            [
                PaymentTotals("pay_1", 4000, 4000, "EUR"),
                PaymentTotals("pay_2", 4000, 8000, "EUR"),
                PaymentTotals("pay_3", 4000, 0, "EUR"),
            ]
        )
    )
    assert [(one.kind, one.payment, one.minor) for one in found] == [("above_captured", "pay_2", 4000)]


def test_sums_stand_side_by_side_in_every_currency_of_either() -> None:
    assert sums_side_by_side({"EUR": 5, "GBP": 7}, {"EUR": 5, "USD": 1}) == [
        {"currency": "EUR", "provider": 5, "ours": 5, "difference": 0},
        {"currency": "GBP", "provider": 7, "ours": 0, "difference": 7},
        {"currency": "USD", "provider": 0, "ours": 1, "difference": -1},
    ]
