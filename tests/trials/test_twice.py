"""Every call that moves something, sent twice at the same instant: with one key, and with two keys by two people. Twenty times each.

One effect and one clear answer each: under one key both callers get the same answer, under two keys the second is told who was first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.trials.product import Answer, Product

TIMES = 20


@dataclass(frozen=True)
class Call:
    """A call that moves something: where it goes, what it says, and what it leaves in the timeline exactly once."""

    name: str
    fact: str
    path: Callable[[Product, str], str]
    body: Callable[[Product, str], dict[str, Any]]
    stage: str = "booked"
    referred: bool = False


def nothing(product: Product, case_id: str) -> dict[str, Any]:
    return {}


CALLS = [
    Call("receipt", "received", lambda p, c: f"/v1/parcels/{p.parcel(c)}/receipt", nothing),
    Call("inspections", "inspected", lambda p, c: f"/v1/returns/{c}/inspections", Product.inspection),
    Call("cancel", "cancelled", lambda p, c: f"/v1/returns/{c}/cancel", nothing),
    Call(
        "authorize", "authorized", lambda p, c: f"/v1/returns/{c}/authorize", nothing, stage="referred", referred=True
    ),
    Call(
        "refuse",
        "refused",
        lambda p, c: f"/v1/returns/{c}/refuse",
        lambda p, c: {"reason": "worn"},
        stage="referred",
        referred=True,
    ),
]
IDS = [call.name for call in CALLS]


def doubled(product: Product, cases: list[str], fact: str) -> int:
    return sum(product.facts(case_id, fact) > 1 for case_id in cases)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_twice_with_one_key(product: Product, call: Call) -> None:
    cases = product.open_many(TIMES, stage=call.stage, referred=call.referred)
    for case_id in cases:
        path, body = call.path(product, case_id), call.body(product, case_id)
        first, second = product.at_once(
            *(lambda: product.call(path, body, key=f"{call.name} {case_id}"),) * 2  # noqa: B023  # called before the loop goes on
        )
        assert (first.status, second.status) == (200, 200), (first, second)
        assert first.body == second.body
        assert sorted((first.replayed, second.replayed)) == [False, True]
    assert doubled(product, cases, call.fact) == 0
    assert all(product.facts(case_id, call.fact) == 1 for case_id in cases)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_twice_with_two_keys_by_two_people(product: Product, call: Call) -> None:
    cases = product.open_many(TIMES, stage=call.stage, referred=call.referred)
    for case_id in cases:
        path, body = call.path(product, case_id), call.body(product, case_id)

        def by(who: str, path: str = path, body: dict[str, Any] = body, case_id: str = case_id) -> Callable[[], Answer]:
            return lambda: product.call(path, body, key=f"{call.name} {case_id} {who}", who=who)

        done, refused = sorted(product.at_once(by("ann"), by("bob")), key=lambda answer: answer.status)
        assert (done.status, refused.status) == (200, 409), (done, refused)
        assert "ann" in refused.body["detail"] or "bob" in refused.body["detail"], refused.body
        assert refused.body["next_action"]
    assert all(product.facts(case_id, call.fact) == 1 for case_id in cases)


def opening(product: Product, order: str, key: str, who: str = "shop") -> Callable[[], Answer]:
    return lambda: product.call("/v1/returns", product.asked(order), key=f"{key} {order}", who=who)


def test_opening_twice_with_one_key_is_one_return(product: Product) -> None:
    for _ in range(TIMES):
        order = product.sell(2)
        first, second = product.at_once(opening(product, order, "open"), opening(product, order, "open"))
        assert (first.status, second.status) == (201, 201)
        assert first.body["id"] == second.body["id"]
        assert product.number("SELECT claimed FROM order_lines WHERE order_id = :id", id=order) == 1


def test_the_last_unit_goes_into_one_return(product: Product) -> None:
    for _ in range(TIMES):
        order = product.sell(1)
        answers = product.at_once(opening(product, order, "a", "ann"), opening(product, order, "b", "bob"))
        won, lost = sorted(answers, key=lambda answer: answer.status)
        assert (won.status, lost.status) == (201, 409)
        assert lost.body["code"] == "quantity_above_what_is_left"
        assert lost.body["errors"][0]["pointer"] == "/lines/0/quantity"
        assert product.number("SELECT count(*) FROM case_lines WHERE order_id = :id", id=order) == 1


def test_two_returns_that_exactly_use_up_the_units_both_succeed(product: Product) -> None:
    for _ in range(TIMES):
        order = product.sell(2)
        answers = product.at_once(opening(product, order, "a", "ann"), opening(product, order, "b", "bob"))
        assert [answer.status for answer in answers] == [201, 201]
        assert product.number("SELECT claimed FROM order_lines WHERE order_id = :id", id=order) == 2


def test_inspections_that_came_twice_paid_once(product: Product) -> None:
    """Every return that was inspected above ends refunded once, by the provider's own books."""
    product.until_told()
    inspected = [row[0] for row in product.rows("SELECT DISTINCT case_id FROM facts WHERE kind = 'inspected'")]
    assert len(inspected) >= TIMES
    for case_id in inspected:
        product.until(case_id, "closed")
    paid = [refund.refund_id for refund in product.payments.list_refunds() if refund.case_id in inspected]
    assert len(paid) == len(set(paid)) == len(inspected)
    assert product.number("SELECT coalesce(sum(amount_minor), 0) FROM ledger_postings") == 0
