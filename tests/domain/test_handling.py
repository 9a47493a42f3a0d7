"""What the merchant charges for its own work falls to the shopper only without fault and where the law allows it."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.bearers import FeeLaw, MissedDeadline, fee_law
from domain.fees import Bearer, FeeKind
from domain.handling import (
    ABOVE_AND_INVOICED,
    NO_FEES,
    AboveRefund,
    Charge,
    FeePolicy,
    FeeTerms,
    Price,
    SettledUnits,
    fee_policy,
    fee_terms,
    fees_at_settlement,
    invoiced,
)
from domain.reasons import ReturnReason, fault_of, is_no_fault
from domain.refund import quote_refund
from domain.stages import Owner
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book
from tests.builders import a_fee, a_refund_line

BOOK = load_policy_book()
PER_POLICY = FeeLaw(own_work="per_policy")
TEN_PERCENT = Charge(Price(percent=10))
FULL = FeePolicy(
    restocking=Charge(Price(percent=10), {"phones": Price(per_unit_minor={"EUR": 490}), "shoes": Price()}),
    inspection=Charge(Price(per_unit_minor={"EUR": 200})),
    repackaging=Charge(Price(percent=5), grades=("B", "C")),
    inspection_cost_minor={"EUR": 150},
    shopper_bears=(FeeKind.DUTY, FeeKind.REPAIR),
    when_above_refund=AboveRefund.INVOICE,
    payment_cost=Bearer.PLATFORM,
)


def terms(policy: FeePolicy, law: FeeLaw = PER_POLICY, **vary: bool) -> FeeTerms:
    given: dict[str, Any] = {"bears_all": False, "shopper_informed": True}
    return FeeTerms(policy, policy.agreed(**(given | vary), source="programme p v1"), law)


def units(**vary: Any) -> SettledUnits:
    """Two of five units at EUR 100, given back because the shopper changed plans."""
    return replace(SettledUnits(2, 20_000, ReturnReason.CHANGED_MIND, "clothing", "A"), **vary)


def fees(policy: FeePolicy, *lines: SettledUnits, **more: Any) -> list[tuple[str, str, int, str]]:
    missed = more.pop("missed", None)
    found = fees_at_settlement(terms(policy, **more), "EUR", lines or [units()], missed=missed)
    return [(fee.kind, fee.bearer, fee.amount_minor, fee.rule) for fee in found]


def test_two_of_five_units_at_100_with_ten_percent_bring_back_180() -> None:
    charged = fees_at_settlement(terms(FeePolicy(restocking=TEN_PERCENT)), "EUR", [units()])
    line = a_refund_line(quantity=2, line_quantity=5, paid_minor=50_000)
    assert quote_refund("EUR", [line], charged).total_minor == 18_000


CASES: list[Any] = [
    pytest.param(NO_FEES, {}, {}, [], id="a policy that charges nothing"),
    pytest.param(
        FeePolicy(restocking=TEN_PERCENT), {}, {}, [("restocking", "shopper", 2000, "no_fault_as_agreed")], id="10 %"
    ),
    pytest.param(
        FeePolicy(restocking=Charge(Price(per_unit_minor={"EUR": 250}))),
        {},
        {},
        [("restocking", "shopper", 500, "no_fault_as_agreed")],
        id="2.50 a unit",
    ),
    pytest.param(
        FeePolicy(restocking=Charge(Price(per_unit_minor={"USD": 250}))), {}, {}, [], id="a price in dollars alone"
    ),
    pytest.param(
        FeePolicy(restocking=replace(FULL.restocking)),
        {"category": "phones"},
        {},
        [("restocking", "shopper", 980, "no_fault_as_agreed")],
        id="a category with its own price",
    ),
    pytest.param(FeePolicy(restocking=FULL.restocking), {"category": "shoes"}, {}, [], id="a category that is free"),
    pytest.param(
        FeePolicy(restocking=TEN_PERCENT),
        {"goods_minor": 99},
        {},
        [("restocking", "shopper", 9, "no_fault_as_agreed")],
        id="rounded down, in the shopper's favour",
    ),
    pytest.param(FeePolicy(restocking=TEN_PERCENT), {"goods_minor": 0}, {}, [], id="free goods cost nothing"),
    pytest.param(FeePolicy(restocking=TEN_PERCENT), {"reason": ReturnReason.DEFECTIVE}, {}, [], id="defective goods"),
    pytest.param(
        FeePolicy(restocking=TEN_PERCENT),
        {},
        {"law": FeeLaw(own_work="no")},
        [("restocking", "merchant", 2000, "law_forbids_the_fee")],
        id="the law forbids it: the merchant bears it",
    ),
    pytest.param(
        FeePolicy(restocking=TEN_PERCENT),
        {},
        {"bears_all": True},
        [("restocking", "merchant", 2000, "programme_bears_all")],
        id="a programme that bears all",
    ),
    pytest.param(
        FeePolicy(repackaging=FULL.repackaging), {"grade": "A"}, {}, [], id="nothing to repack in goods as new"
    ),
    pytest.param(
        FeePolicy(repackaging=FULL.repackaging),
        {"grade": "B"},
        {},
        [("repackaging", "shopper", 1000, "no_fault_as_agreed")],
        id="repacked as grade B",
    ),
    pytest.param(
        FeePolicy(inspection=FULL.inspection, restocking=TEN_PERCENT),
        {"grade": None},
        {},
        [("restocking", "shopper", 2000, "no_fault_as_agreed")],
        id="goods that nobody judged cost no inspection",
    ),
    pytest.param(
        FeePolicy(inspection_cost_minor={"EUR": 150}),
        {},
        {},
        [("inspection", "merchant", 300, "nobody_else_bears_it")],
        id="judging costs the merchant itself",
    ),
    pytest.param(
        FeePolicy(inspection_cost_minor={"EUR": 150}),
        {"reason": ReturnReason.DAMAGED_IN_TRANSIT},
        {},
        [("inspection", "carrier", 300, "fault_of_carrier")],
        id="the carrier's damage, the carrier's cost",
    ),
    pytest.param(
        FeePolicy(inspection_cost_minor={"EUR": 150}, inspection=Charge(Price(per_unit_minor={"EUR": 100}))),
        {},
        {},
        [
            ("inspection", "shopper", 200, "no_fault_as_agreed"),
            ("inspection", "merchant", 100, "nobody_else_bears_it"),
        ],
        id="what the charge does not cover stays with the merchant",
    ),
    pytest.param(
        FeePolicy(inspection_cost_minor={"EUR": 150}, inspection=FULL.inspection),
        {},
        {"law": FeeLaw(own_work="no")},
        [("inspection", "merchant", 300, "nobody_else_bears_it")],
        id="a charge that is forbidden leaves the cost itself",
    ),
]


@pytest.mark.parametrize(("policy", "line", "more", "expected"), CASES)
def test_a_policy_charges(
    policy: FeePolicy, line: dict[str, Any], more: dict[str, Any], expected: list[tuple[str, str, int, str]]
) -> None:
    assert fees(policy, units(**line), **more) == expected


def test_goods_that_nobody_judged_in_time_are_not_restocked_at_the_shoppers_cost() -> None:
    missed = MissedDeadline(Owner.WAREHOUSE, "the goods judged within 2bd")
    assert fees(FeePolicy(restocking=TEN_PERCENT), units(grade=None), missed=missed) == [
        ("restocking", "merchant", 2000, "deadline_missed_by_warehouse")
    ]


def test_lines_of_one_bearer_are_one_fee_and_the_shoppers_come_first() -> None:
    found = fees(FULL, units(grade="B"), units(grade="B"), units(reason=ReturnReason.DEFECTIVE))
    assert found == [
        ("restocking", "shopper", 4000, "no_fault_as_agreed"),
        ("inspection", "shopper", 800, "no_fault_as_agreed"),
        ("inspection", "merchant", 300, "fault_of_merchant"),
        ("repackaging", "shopper", 2000, "no_fault_as_agreed"),
    ]


# --- frozen


@pytest.mark.parametrize("market", ["DE", "US", "CA-QC", "SA"])
def test_a_case_carries_its_fee_terms_and_reads_them_back(market: str) -> None:
    policy = replace(BOOK.programme("standard"), fees=FULL, shopper_informed=True)
    frozen = json.loads(json.dumps(asdict(terms_for(policy, BOOK.markets[market], Tier.ENTRY))))
    read = fee_terms(frozen)
    assert read.policy == FULL
    assert read.agreed == FULL.agreed(bears_all=False, shopper_informed=True, source=policy.source)
    assert read.law == fee_law(BOOK.markets[market])


def test_a_case_of_an_earlier_release_charges_nothing() -> None:
    frozen = asdict(terms_for(BOOK.programme("standard"), BOOK.markets["US"], Tier.ENTRY))
    old = {name: value for name, value in frozen.items() if name not in ("fees", "restocking_rule", "shopper_informed")}
    assert fee_terms(old).policy == NO_FEES
    assert fees_at_settlement(fee_terms(old), "USD", [units()]) == ()


def test_no_programme_of_the_release_charges_for_its_own_work() -> None:
    assert {policy.fees for policy in BOOK.programmes.values() if policy.fees != NO_FEES} == set()


# --- above the refund


def test_fees_above_the_refund_are_waived_unless_the_policy_says_that_they_are_invoiced() -> None:
    above = quote_refund("EUR", [a_refund_line(paid_minor=300)], [a_fee()]).absorbed
    assert invoiced(above, NO_FEES, "programme p v1") == ()
    (owed,) = invoiced(above, FULL, "programme p v1")
    assert (owed.amount_minor, owed.bearer, owed.rule, owed.source) == (
        190,
        Bearer.SHOPPER,
        ABOVE_AND_INVOICED,
        "programme p v1",
    )


# --- whatever comes together


prices = st.one_of(
    st.builds(Price, percent=st.integers(0, 100)),
    st.builds(Price, per_unit_minor=st.dictionaries(st.sampled_from(["EUR", "USD"]), st.integers(0, 10**6))),
)
charges = st.builds(
    Charge,
    prices,
    st.dictionaries(st.sampled_from(["phones", "shoes"]), prices),
    st.lists(st.sampled_from("ABCD"), unique=True).map(lambda grades: tuple(sorted(grades))),
)
policies = st.builds(
    FeePolicy,
    restocking=charges,
    inspection=charges,
    repackaging=charges,
    inspection_cost_minor=st.dictionaries(st.sampled_from(["EUR", "USD"]), st.integers(0, 1000)),
    when_above_refund=st.sampled_from(AboveRefund),
)
settled = st.builds(
    SettledUnits,
    st.integers(1, 9),
    st.integers(0, 10**6),
    st.sampled_from(ReturnReason),
    st.sampled_from([None, "phones", "shoes", "hats"]),
    st.sampled_from([None, "A", "B", "C", "D"]),
    st.booleans(),
)


@settings(deadline=None)
@given(
    policy=policies,
    market=st.sampled_from(sorted(BOOK.markets)),
    lines=st.lists(settled, max_size=4),
    bears_all=st.booleans(),
    informed=st.booleans(),
)
def test_no_shopper_is_charged_where_somebody_is_at_fault_or_the_law_forbids_it(
    policy: FeePolicy, market: str, lines: list[SettledUnits], bears_all: bool, informed: bool
) -> None:
    law = fee_law(BOOK.markets[market])
    asked = terms(policy, law, bears_all=bears_all, shopper_informed=informed)
    found = fees_at_settlement(asked, "EUR", lines)
    shoppers = [fee for fee in found if fee.bearer is Bearer.SHOPPER]
    assert all(fee.amount_minor > 0 and fee.rule and fee.source for fee in found)
    assert len({(fee.kind, fee.bearer, fee.rule) for fee in found}) == len(found)
    if shoppers:
        assert not bears_all
        assert law.own_work in ("", "per_policy", "must_be_disclosed", "no_on_statutory_cancellation")
        assert informed or law.own_work != "must_be_disclosed"
        assert any(is_no_fault(fault_of(line.reason)) for line in lines)
    if law.own_work == "no_on_statutory_cancellation":
        assert not any(
            fee.bearer is Bearer.SHOPPER
            for fee in fees_at_settlement(asked, "EUR", [replace(line, withdrawing=True) for line in lines])
        )


@settings(deadline=None)
@given(policies)
def test_a_policy_of_fees_survives_json(policy: FeePolicy) -> None:
    assert fee_policy(json.loads(json.dumps(asdict(policy)))) == policy
