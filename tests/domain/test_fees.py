"""Who bears the freight of a return: the programme, then whoever is at fault, then the law of the market."""

from typing import Any

import pytest

from domain.errors import Invalid
from domain.fees import Bearer, FreightRelief, bearer_of_lost_goods, bearer_of_return_freight
from domain.order import AmountNegative, AmountNotWhole
from domain.reasons import Fault
from tests.builders import a_fee

NO_FAULT = [
    ("consumer", Bearer.SHOPPER),
    ("consumer_unless_agreed", Bearer.SHOPPER),
    ("consumer_per_policy", Bearer.SHOPPER),
    ("seller", Bearer.MERCHANT),
    ("seller_on_statutory_cancellation", Bearer.MERCHANT),
    ("seller_if_designated_carrier_or_none_named_else_consumer", Bearer.MERCHANT),
    ("seller_or_consumer_keeps_until_collected", Bearer.MERCHANT),
    ("per_policy", Bearer.MERCHANT),
]


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("market_rule", ["consumer", "seller", ""])
def test_a_programme_that_bears_all_leaves_no_freight_to_anyone_else(fault: Fault, market_rule: str) -> None:
    bearing = bearer_of_return_freight(
        fault, bears_all=True, market_rule=market_rule, programme_source="programme worry_free v1"
    )
    assert bearing == (Bearer.MERCHANT, "programme_bears_all", "programme worry_free v1")


@pytest.mark.parametrize(
    ("fault", "bearer"),
    [(Fault.MERCHANT, Bearer.MERCHANT), (Fault.CARRIER, Bearer.CARRIER), (Fault.PLATFORM, Bearer.PLATFORM)],
)
@pytest.mark.parametrize("market_rule", ["consumer", "seller", "consumer_if_informed_else_seller", ""])
def test_whoever_is_at_fault_bears_the_freight_whatever_the_market_says(
    fault: Fault, bearer: Bearer, market_rule: str
) -> None:
    bearing = bearer_of_return_freight(fault, bears_all=False, market_rule=market_rule, shopper_informed=True)
    assert (bearing.bearer, bearing.rule) == (bearer, f"fault_of_{fault}")


@pytest.mark.parametrize("fault", [Fault.NOBODY, Fault.SHOPPER])
@pytest.mark.parametrize(("market_rule", "bearer"), NO_FAULT)
def test_without_fault_the_market_decides(fault: Fault, market_rule: str, bearer: Bearer) -> None:
    bearing = bearer_of_return_freight(fault, bears_all=False, market_rule=market_rule, market_source="LFPC art. 56")
    assert bearing == (bearer, f"no_fault_{market_rule}", "LFPC art. 56")


@pytest.mark.parametrize(
    ("informed", "bearer", "rule"),
    [
        (True, Bearer.SHOPPER, "no_fault_shopper_informed"),
        (False, Bearer.MERCHANT, "no_fault_shopper_not_informed"),
    ],
)
def test_in_the_eu_only_a_shopper_who_was_told_bears_the_freight(informed: bool, bearer: Bearer, rule: str) -> None:
    bearing = bearer_of_return_freight(
        Fault.NOBODY,
        bears_all=False,
        market_rule="consumer_if_informed_else_seller",
        shopper_informed=informed,
        market_source="Dir 2011/83/EU art. 14(1)",
    )
    assert bearing == (bearer, rule, "Dir 2011/83/EU art. 14(1)")


@pytest.mark.parametrize("market_rule", ["", "whoever_shouts_loudest"])
def test_an_unknown_rule_leaves_the_freight_with_the_merchant_and_says_so(market_rule: str) -> None:
    bearing = bearer_of_return_freight(Fault.NOBODY, bears_all=False, market_rule=market_rule)
    assert (bearing.bearer, bearing.rule) == (Bearer.MERCHANT, "no_fault_rule_unknown")
    assert repr(market_rule) in bearing.source


def test_lost_goods_are_the_carriers() -> None:
    bearing = bearer_of_lost_goods()
    assert (bearing.bearer, bearing.rule) == (Bearer.CARRIER, "carrier_lost_the_goods")
    assert bearing.source


@pytest.mark.parametrize(("amount", "error"), [(-1, AmountNegative), (4.9, AmountNotWhole)])
def test_a_fee_is_a_whole_amount_and_never_a_gift(amount: Any, error: type[Invalid]) -> None:
    with pytest.raises(error):
        a_fee(amount_minor=amount)


# --- what takes a freight from the shopper


@pytest.mark.parametrize(
    ("waterfall", "insured", "labels", "expected"),
    [
        pytest.param(("insurance", "benefit"), True, 5, ("insurer", "order_insured"), id="insurance first"),
        pytest.param(("insurance", "benefit"), False, 5, ("platform", "tier_benefit"), id="benefit last"),
        pytest.param(("benefit", "insurance"), True, 5, ("platform", "tier_benefit"), id="the programme's own order"),
        pytest.param(("insurance", "benefit"), False, 0, ("shopper", "no_fault_consumer"), id="nothing is left"),
        pytest.param((), True, 5, ("shopper", "no_fault_consumer"), id="the programme asks neither"),
    ],
)
def test_insurance_and_benefits_take_a_freight_in_the_order_of_the_programme(
    waterfall: tuple[str, ...], insured: bool, labels: int, expected: tuple[str, str]
) -> None:
    relief = FreightRelief(waterfall, insured=insured, labels_left=labels)
    bearing = bearer_of_return_freight(Fault.NOBODY, bears_all=False, market_rule="consumer", relief=relief)

    assert (bearing.bearer, bearing.rule) == expected


@pytest.mark.parametrize("fault", [Fault.MERCHANT, Fault.CARRIER, Fault.PLATFORM])
def test_no_benefit_is_spent_where_somebody_else_is_at_fault(fault: Fault) -> None:
    relief = FreightRelief(("insurance", "benefit"), insured=True, labels_left=5)
    bearing = bearer_of_return_freight(fault, bears_all=False, market_rule="consumer", relief=relief)

    assert bearing.rule == f"fault_of_{fault}"


def test_no_benefit_is_spent_where_the_law_lays_the_freight_on_the_seller() -> None:
    relief = FreightRelief(("benefit",), labels_left=5)

    assert (
        bearer_of_return_freight(Fault.NOBODY, bears_all=False, market_rule="seller", relief=relief).bearer
        == "merchant"
    )


@pytest.mark.parametrize("rule", ["", "per_policy", "consumer_per_policy"])
def test_where_the_law_leaves_it_open_the_shopper_bears_what_was_agreed(rule: str) -> None:
    agreed = bearer_of_return_freight(Fault.NOBODY, bears_all=False, market_rule=rule, shopper_informed=True)

    assert (agreed.bearer, agreed.rule) == ("shopper", "no_fault_as_agreed")
