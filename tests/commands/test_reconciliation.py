"""Reconciling: three sides that agree, and every way in which one of them can say something else."""

from dataclasses import replace
from typing import Any

import pytest

from commands.reconciliation import Books, Expected, FoundCase, FoundPosting, FoundRefund, Kind, Sums, reconcile

GROUPS = ("month 2011-06", "customer c_1", "country GB")
EXPECTED = Expected("C1", matched={("o_1", "l_1"): 2}, paid_minor=510, groups=GROUPS)
REFUSED = Expected("C2", unmatched={"NO_CUSTOMER_ID": 1}, groups=("month 2011-06", "customer unknown", "country GB"))
CASE = FoundCase("ret_1", "RMA1", "closed", 510, matched={("o_1", "l_1"): 2})
REFUSED_CASE = FoundCase("ret_2", "RMA2", "refused", 0, unmatched={"NO_CUSTOMER_ID": 1})
REFUND = FoundRefund("rf_1", "ret_1", "succeeded", 510, "GBP")
POSTINGS = (
    FoundPosting("ret_1", "goods_returned:merchant", 510),
    FoundPosting("ret_1", "payable:shopper", 0),
    FoundPosting("ret_1", "clearing:payments:simulated", -510),
    FoundPosting("ret_1", "fee:return_label:merchant", 320),
    FoundPosting("ret_1", "payable:carrier:simulated", -320),
)
AGREEING = Books(
    currency="GBP",
    expected=[EXPECTED, REFUSED],
    cases={"C1": CASE, "C2": REFUSED_CASE},
    refunds=[REFUND],
    postings=POSTINGS,
    provider=[REFUND],
)


def kinds(books: Books) -> set[Kind]:
    return {difference.kind for difference in reconcile(books).differences}


def test_three_sides_that_agree_reconcile_to_the_penny() -> None:
    result = reconcile(AGREEING)
    assert result.agrees
    assert result.sentence() == "reconciled: 2 returns, refunded GBP 5.10, provider GBP 5.10, ledger 0, difference 0"


def test_months_customers_and_countries_are_summed_on_every_side() -> None:
    sums = reconcile(AGREEING).sums
    assert sorted(sums) == ["country GB", "customer c_1", "customer unknown", "month 2011-06"]
    assert sums["month 2011-06"] == Sums(returns=2, units=2, published=510, engine=510, ledger=510, provider=510)
    assert sums["customer unknown"] == Sums(returns=1)


def test_sums_that_differ_are_a_difference_of_their_own() -> None:
    result = reconcile(replace(AGREEING, provider=[replace(REFUND, amount_minor=500)]))
    assert {one.about for one in result.differences if one.kind is Kind.SUMS} == set(GROUPS)


def with_case(**changes: Any) -> dict[str, FoundCase]:
    return {"C1": replace(CASE, **changes), "C2": REFUSED_CASE}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        pytest.param(
            {"cases": {"C2": REFUSED_CASE}, "refunds": [], "provider": [], "postings": []},
            Kind.NOT_OPENED,
            id="never opened",
        ),
        pytest.param({"provider": [replace(REFUND, amount_minor=500)]}, Kind.SUMS, id="a month that does not add up"),
        pytest.param({"cases": with_case(stage="in_transit")}, Kind.NOT_FINISHED, id="still under way"),
        pytest.param({"cases": with_case(refunded_minor=509)}, Kind.REFUND_AMOUNT, id="a penny short"),
        pytest.param({"cases": with_case(matched={("o_2", "l_9"): 2})}, Kind.MATCH, id="another purchase"),
        pytest.param({"cases": with_case(matched={("o_1", "l_1"): 1})}, Kind.MATCH, id="fewer units"),
        pytest.param(
            {"cases": {"C1": CASE, "C2": replace(REFUSED_CASE, unmatched={"NOT_GOODS": 1})}},
            Kind.UNMATCHED,
            id="other reason",
        ),
        pytest.param(
            {"cases": {"C1": CASE, "C2": replace(REFUSED_CASE, unmatched={})}}, Kind.UNMATCHED, id="no reason"
        ),
        pytest.param({"refunds": []}, Kind.BOOKS_OF_CASE, id="no tender refund behind the case"),
        pytest.param({"provider": []}, Kind.NOT_AT_PROVIDER, id="the provider never heard of it"),
        pytest.param(
            {"provider": [REFUND, replace(REFUND, id="rf_9")]}, Kind.NOT_IN_OUR_BOOKS, id="paid behind our back"
        ),
        pytest.param(
            {"provider": [REFUND, replace(REFUND, id="rf_9", case_id=None)]},
            Kind.NOT_IN_OUR_BOOKS,
            id="paid for nobody",
        ),
        pytest.param({"provider": [replace(REFUND, amount_minor=511)]}, Kind.PROVIDER_AMOUNT, id="a penny more paid"),
        pytest.param({"provider": [replace(REFUND, currency="EUR")]}, Kind.PROVIDER_AMOUNT, id="paid in euro"),
        pytest.param(
            {"provider": [replace(REFUND, status="failed")]}, Kind.PROVIDER_STATUS, id="failed at the provider"
        ),
        pytest.param({"provider": [REFUND, REFUND]}, Kind.PAID_TWICE, id="paid twice"),
        pytest.param({"postings": POSTINGS[:-1]}, Kind.LEDGER_UNBALANCED, id="a posting is missing"),
        pytest.param(
            {
                "postings": (
                    *POSTINGS,
                    FoundPosting("ret_1", "payable:shopper", -5),
                    FoundPosting("ret_1", "goods_returned:merchant", 5),
                )
            },
            Kind.LEDGER_OWES,
            id="still owed",
        ),
        pytest.param(
            {
                "postings": (
                    *POSTINGS,
                    FoundPosting("ret_1", "clearing:payments:simulated", -5),
                    FoundPosting("ret_1", "goods_returned:merchant", 5),
                )
            },
            Kind.LEDGER_AMOUNT,
            id="more booked than refunded",
        ),
    ],
)
def test_each_disagreement_is_named(changes: dict[str, Any], kind: Kind) -> None:
    books = replace(AGREEING, **changes)
    assert kind in kinds(books)
    assert reconcile(books).sentence().startswith("not reconciled: ")


def test_every_kind_of_difference_has_a_case_above() -> None:
    marks = next(mark for mark in test_each_disagreement_is_named.pytestmark if mark.name == "parametrize")
    assert {case.values[1] for case in marks.args[1]} == set(Kind)


def test_refunds_of_other_returns_are_none_of_ours() -> None:
    other = replace(REFUND, id="rf_9", case_id="ret_9")
    assert reconcile(replace(AGREEING, provider=[REFUND, other], other_cases=frozenset({"ret_9"}))).agrees


def test_a_refund_that_failed_and_was_sent_again_is_refunded_once() -> None:
    failed = replace(REFUND, id="rf_0", status="failed")
    assert reconcile(replace(AGREEING, refunds=[failed, REFUND], provider=[failed, REFUND])).agrees


def test_the_ledger_figure_is_what_is_left_over() -> None:
    result = reconcile(replace(AGREEING, postings=POSTINGS[:-1]))
    assert "ledger 3.20" in result.sentence()
    assert "differences of GBP 3.20" in result.sentence()
