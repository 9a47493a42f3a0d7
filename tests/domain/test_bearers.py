"""Every fee has a bearer, a rule and a source; the shopper never bears what the law forbids, and a missed deadline is paid for."""

import itertools
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.bearers import (
    FREIGHT,
    MAY_BE_THE_SHOPPERS,
    OWN_WORK,
    Agreed,
    FeeLaw,
    MissedDeadline,
    bearer_of,
    fee_law,
)
from domain.fees import Bearer, FeeKind, FreightRelief, bearer_of_return_freight
from domain.market import no_statute_on_file
from domain.reasons import Fault
from domain.stages import Owner
from policies.book import load_policy_book
from policies.page import HERE

BOOK = load_policy_book()
LAW: dict[str, dict[str, Any]] = tomllib.loads((HERE / "markets.toml").read_text())["markets"]
NEVER_THE_SHOPPERS = {
    FeeKind.LOST_GOODS,
    FeeKind.LATE_REFUND_PENALTY,
    FeeKind.PAYMENT_COST,
    FeeKind.EXCHANGE_DIFFERENCE,
    FeeKind.GOODWILL,
}
EVERYTHING = Agreed(shopper_informed=True, shoppers=frozenset(MAY_BE_THE_SHOPPERS), source="programme hard v1")
SILENT = FeeLaw()


def who(kind: FeeKind, **vary: Any) -> tuple[str, str]:
    given: dict[str, Any] = {"fault": Fault.NOBODY, "agreed": EVERYTHING, "law": SILENT}
    bearing = bearer_of(kind, **(given | vary))
    return bearing.bearer, bearing.rule


def late(owner: Owner) -> MissedDeadline:
    return MissedDeadline(owner, "the goods judged within 2bd")


def test_every_kind_is_either_the_shoppers_to_bear_where_law_allows_or_never() -> None:
    assert set(FeeKind) == MAY_BE_THE_SHOPPERS | FREIGHT | NEVER_THE_SHOPPERS


POLICY: list[Any] = [
    pytest.param("restocking", {}, ("shopper", "no_fault_as_agreed"), id="a restocking fee as agreed"),
    pytest.param(
        "restocking", {"agreed": Agreed()}, ("merchant", "nobody_else_bears_it"), id="a fee nobody agreed upon"
    ),
    pytest.param(
        "restocking", {"law": FeeLaw(own_work="no")}, ("merchant", "law_forbids_the_fee"), id="a fee the law forbids"
    ),
    pytest.param(
        "inspection",
        {"law": FeeLaw(own_work="no")},
        ("merchant", "law_forbids_the_fee"),
        id="inspection goes with restocking",
    ),
    pytest.param(
        "repackaging",
        {"law": FeeLaw(own_work="uncertain")},
        ("merchant", "law_forbids_the_fee"),
        id="doubt is the shopper's benefit",
    ),
    pytest.param(
        "restocking",
        {"law": FeeLaw(own_work="must_be_disclosed")},
        ("shopper", "no_fault_as_agreed"),
        id="a fee that was disclosed",
    ),
    pytest.param(
        "restocking",
        {"law": FeeLaw(own_work="must_be_disclosed"), "agreed": Agreed(shoppers=OWN_WORK)},
        ("merchant", "fee_not_disclosed"),
        id="a fee that was not disclosed",
    ),
    pytest.param(
        "restocking",
        {"law": FeeLaw(own_work="no_on_statutory_cancellation")},
        ("shopper", "no_fault_as_agreed"),
        id="no statutory cancellation",
    ),
    pytest.param(
        "restocking",
        {"law": FeeLaw(own_work="no_on_statutory_cancellation"), "withdrawing": True},
        ("merchant", "law_forbids_the_fee"),
        id="a statutory cancellation",
    ),
    pytest.param("restocking", {"fault": Fault.MERCHANT}, ("merchant", "fault_of_merchant"), id="fault of merchant"),
    pytest.param("repair", {"fault": Fault.CARRIER}, ("carrier", "fault_of_carrier"), id="fault of carrier"),
    pytest.param("duty", {"fault": Fault.PLATFORM}, ("platform", "fault_of_platform"), id="fault of platform"),
    pytest.param("duty", {"withdrawing": True}, ("merchant", "withdrawal_costs_nothing_more"), id="duty, withdrawing"),
    pytest.param("import_tax", {}, ("shopper", "no_fault_as_agreed"), id="import tax under the promise alone"),
    pytest.param(
        "original_delivery",
        {"withdrawing": True, "law": FeeLaw(delivery="standard_only")},
        ("merchant", "law_refunds_the_delivery"),
        id="the law gives the first delivery back",
    ),
    pytest.param(
        "original_delivery",
        {"withdrawing": True, "law": FeeLaw(delivery="no")},
        ("shopper", "no_fault_as_agreed"),
        id="the law keeps the first delivery",
    ),
    pytest.param(
        "outbound_label", {"agreed": Agreed(bears_all=True)}, ("merchant", "programme_bears_all"), id="bears all"
    ),
    pytest.param("goodwill", {}, ("merchant", "nobody_else_bears_it"), id="goodwill is the merchant's"),
    pytest.param("payment_cost", {}, ("merchant", "payment_cost_as_agreed"), id="payment cost is the merchant's"),
    pytest.param(
        "payment_cost",
        {"agreed": Agreed(payment_cost=Bearer.PLATFORM)},
        ("platform", "payment_cost_as_agreed"),
        id="unless the policy says the platform's",
    ),
    pytest.param(
        "exchange_difference",
        {"fault": Fault.CARRIER},
        ("merchant", "risk_of_rates_as_agreed"),
        id="rates are nobody's fault",
    ),
    pytest.param(
        "exchange_difference",
        {"agreed": Agreed(exchange_difference=Bearer.PLATFORM)},
        ("platform", "risk_of_rates_as_agreed"),
        id="the platform carries the risk of rates",
    ),
    pytest.param(
        "late_refund_penalty",
        {"fault": Fault.CARRIER},
        ("merchant", "seller_owes_the_refund"),
        id="lateness is not the fault of the return",
    ),
    pytest.param(
        "late_refund_penalty",
        {"missed": late(Owner.PLATFORM)},
        ("platform", "deadline_missed_by_platform"),
        id="the platform was late",
    ),
    pytest.param(
        "lost_goods", {"missed": late(Owner.PLATFORM)}, ("carrier", "carrier_lost_the_goods"), id="lost is lost"
    ),
]


@pytest.mark.parametrize(("kind", "vary", "expected"), POLICY)
def test_the_waterfall(kind: str, vary: dict[str, Any], expected: tuple[str, str]) -> None:
    assert who(FeeKind(kind), **vary) == expected


@pytest.mark.parametrize(
    ("owner", "bearer"),
    [
        (Owner.MERCHANT, Bearer.MERCHANT),
        (Owner.WAREHOUSE, Bearer.MERCHANT),
        (Owner.OPERATOR, Bearer.MERCHANT),
        (Owner.PAYMENTS, Bearer.MERCHANT),
        (Owner.CARRIER, Bearer.CARRIER),
        (Owner.PLATFORM, Bearer.PLATFORM),
    ],
)
@pytest.mark.parametrize("kind", [kind for kind in FeeKind if kind is not FeeKind.LOST_GOODS])
def test_a_missed_deadline_moves_the_cost_to_who_missed_it(kind: FeeKind, owner: Owner, bearer: Bearer) -> None:
    bearing = bearer_of(kind, fault=Fault.NOBODY, agreed=EVERYTHING, law=SILENT, missed=late(owner))
    assert bearing == (bearer, f"deadline_missed_by_{owner}", "the goods judged within 2bd")


@pytest.mark.parametrize("kind", list(FeeKind))
def test_a_shopper_who_is_late_owes_nothing_for_that(kind: FeeKind) -> None:
    for fault, agreed, withdrawing in itertools.product(Fault, (EVERYTHING, Agreed()), (False, True)):
        given: dict[str, Any] = {"fault": fault, "agreed": agreed, "withdrawing": withdrawing}
        assert who(kind, **given, missed=late(Owner.SHOPPER)) == who(kind, **given)


def test_whoever_missed_a_deadline_pays_even_under_a_programme_that_bears_all() -> None:
    bears_all = Agreed(bears_all=True)
    assert who(FeeKind.RETURN_LABEL, agreed=bears_all, missed=late(Owner.CARRIER))[0] == "carrier"
    assert who(FeeKind.RETURN_LABEL, agreed=bears_all) == ("merchant", "programme_bears_all")


@pytest.mark.parametrize("kind", sorted(FREIGHT))
def test_the_way_back_is_the_same_rule_as_ever(kind: FeeKind) -> None:
    reliefs = [
        FreightRelief(waterfall, insured=insured, labels_left=left)
        for waterfall in ((), ("insurance", "benefit"), ("benefit", "insurance"))
        for insured in (False, True)
        for left in (0, 1)
    ]
    for market, fault, relief, bears_all, informed in itertools.product(
        BOOK.markets.values(), Fault, reliefs, (False, True), (False, True)
    ):
        law = fee_law(market)
        agreed = Agreed(bears_all=bears_all, shopper_informed=informed, source="programme p v1")
        assert bearer_of(kind, fault=fault, agreed=agreed, law=law, relief=relief) == bearer_of_return_freight(
            fault,
            bears_all=bears_all,
            market_rule=law.freight,
            shopper_informed=informed,
            relief=relief,
            programme_source="programme p v1",
            market_source=law.freight_source,
        )


@pytest.mark.parametrize("kind", [kind for kind in FeeKind if kind not in FREIGHT])
def test_insurance_and_benefits_are_spent_on_the_way_back_alone(kind: FeeKind) -> None:
    relief = FreightRelief(("insurance", "benefit"), insured=True, labels_left=5)
    for market, fault in itertools.product(BOOK.markets.values(), Fault):
        bearing = bearer_of(kind, fault=fault, agreed=EVERYTHING, law=fee_law(market), relief=relief)
        assert bearing.rule not in ("order_insured", "tier_benefit")


# --- whatever comes together


def forbidden(kind: FeeKind, row: dict[str, Any], *, informed: bool, withdrawing: bool) -> bool:
    """What the row says, read word by word and without any rule of ours."""
    if kind in NEVER_THE_SHOPPERS:
        return True
    if kind in FREIGHT:
        word = row.get("return_shipping_no_fault", "")
        return word.startswith("seller") or (word == "consumer_if_informed_else_seller" and not informed)
    if kind in OWN_WORK:
        word = row.get("restocking_fee_no_fault", "")
        by_word = {
            "per_policy": False,
            "": False,
            "must_be_disclosed": not informed,
            "no_on_statutory_cancellation": withdrawing,
        }
        return by_word.get(word, True)
    if kind is FeeKind.ORIGINAL_DELIVERY:
        return withdrawing and row.get("refund_original_delivery") in ("yes", "standard_only", "uncertain")
    return withdrawing


agreements = st.builds(
    Agreed,
    bears_all=st.booleans(),
    shopper_informed=st.booleans(),
    shoppers=st.frozensets(st.sampled_from(sorted(MAY_BE_THE_SHOPPERS))),
    payment_cost=st.sampled_from([Bearer.MERCHANT, Bearer.PLATFORM]),
    exchange_difference=st.sampled_from([Bearer.MERCHANT, Bearer.PLATFORM]),
)
reliefs = st.builds(
    FreightRelief,
    waterfall=st.permutations(["insurance", "benefit"]).map(tuple),
    insured=st.booleans(),
    labels_left=st.integers(0, 2),
)


@pytest.mark.parametrize("market", sorted(LAW))
@settings(max_examples=25, deadline=None)  # each example asks every kind, fault and owner: 640 questions
@given(agreed=agreements, relief=reliefs, withdrawing=st.booleans())
def test_every_fee_has_a_bearer_a_rule_and_a_source_and_no_shopper_bears_what_the_law_forbids(
    market: str, agreed: Agreed, relief: FreightRelief, withdrawing: bool
) -> None:
    law = fee_law(BOOK.markets[market])
    owners = [None, *(MissedDeadline(owner, "due on Monday") for owner in Owner)]
    for kind, fault, missed in itertools.product(FeeKind, Fault, owners):
        bearing = bearer_of(
            kind, fault=fault, agreed=agreed, law=law, relief=relief, missed=missed, withdrawing=withdrawing
        )
        assert bearing.bearer in Bearer
        assert bearing.rule
        assert bearing.source
        if bearing.bearer is Bearer.SHOPPER:
            informed = agreed.shopper_informed
            assert not forbidden(kind, LAW[market], informed=informed, withdrawing=withdrawing)
            assert fault in (Fault.NOBODY, Fault.SHOPPER)
            assert not agreed.bears_all
            assert missed is None or missed.owner is Owner.SHOPPER


def test_there_are_markets_of_every_sort() -> None:
    assert len(LAW) == 34
    for kind in MAY_BE_THE_SHOPPERS | FREIGHT:
        bearers = {
            bearer_of(kind, fault=Fault.NOBODY, agreed=EVERYTHING, law=fee_law(market), withdrawing=True).bearer
            for market in [*BOOK.markets.values(), no_statute_on_file("XX")]
        }
        assert Bearer.MERCHANT in bearers, kind
    assert {fee_law(market).own_work for market in BOOK.markets.values()} == {
        "no",
        "per_policy",
        "must_be_disclosed",
        "no_on_statutory_cancellation",
        "no_cost_except_used_part",
        "uncertain",
    }
