"""What a return costs besides the goods, who bears each cost, and which rule said so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from domain.order import check_amount
from domain.reasons import Fault


class Bearer(StrEnum):
    """Who absorbs a fee."""

    SHOPPER = "shopper"
    MERCHANT = "merchant"
    PLATFORM = "platform"
    CARRIER = "carrier"
    INSURER = "insurer"


class FeeKind(StrEnum):
    """What the fee is for.

    return_label    the label that brings the goods back
    pickup          a collection at the shopper's door
    lost_goods      goods that the carrier took and never delivered
    inspection      judging the goods on the bench
    outbound_label  the freight of sending goods back to the shopper, or a replacement
    goodwill        money given beyond what a return brings back
    """

    RETURN_LABEL = "return_label"
    PICKUP = "pickup"
    LOST_GOODS = "lost_goods"
    INSPECTION = "inspection"
    OUTBOUND_LABEL = "outbound_label"
    GOODWILL = "goodwill"


@dataclass(frozen=True)
class Fee:
    """One cost of a return in minor units (never negative), its bearer, the short name of the rule, and its source."""

    kind: FeeKind
    amount_minor: int
    currency: str
    bearer: Bearer
    rule: str
    source: str

    def __post_init__(self) -> None:
        check_amount(self.amount_minor, "/fees")


class Bearing(NamedTuple):
    """Who bears a fee, the short name of the rule that said so, and where that rule is written."""

    bearer: Bearer
    rule: str
    source: str


@dataclass(frozen=True)
class FreightRelief:
    """What may take a no-fault freight from the shopper: the programme's waterfall and what there is of each.

    waterfall      "insurance", "benefit", in the order in which they are asked
    insured        return freight insurance was bought with the order
    labels_left    free labels of the tier that are left in this month
    """

    waterfall: Sequence[str] = ()
    insured: bool = False
    labels_left: int = 0
    benefit_source: str = "tier table"


NO_RELIEF = FreightRelief()


def bearer_of_return_freight(
    fault: Fault,
    *,
    bears_all: bool,
    market_rule: str,
    shopper_informed: bool = False,
    relief: FreightRelief = NO_RELIEF,
    programme_source: str = "the merchant's programme",
    market_source: str = "the law of the market",
) -> Bearing:
    """Who pays for bringing the goods back: the promise, then fault, then the law of the market, then the waterfall.

    `market_rule` is the market's `return_shipping_no_fault`. A word that the table below does not know, or none at
    all, leaves the freight with the merchant, and the rule says so. `shopper_informed` means that the shopper was
    told before the purchase that return freight is theirs; without it the merchant bears it (Directive 2011/83/EU,
    art. 14(1)). What would fall to the shopper is taken by the insurance of the order or by the benefits of the tier,
    in the order of the programme, as far as there is any.

    >>> bearer_of_return_freight(Fault.MERCHANT, bears_all=False, market_rule="consumer").bearer
    <Bearer.MERCHANT: 'merchant'>
    >>> insured = FreightRelief(("insurance", "benefit"), insured=True, labels_left=5)
    >>> bearer_of_return_freight(Fault.NOBODY, bears_all=False, market_rule="consumer", relief=insured).bearer
    <Bearer.INSURER: 'insurer'>
    """
    if bears_all:
        return Bearing(Bearer.MERCHANT, "programme_bears_all", programme_source)
    if fault in _AT_FAULT:
        return Bearing(_AT_FAULT[fault], f"fault_of_{fault}", "whoever caused the return bears its freight")
    bearing = _by_law(market_rule, shopper_informed, market_source)
    return _relieved(relief, programme_source) or bearing if bearing.bearer is Bearer.SHOPPER else bearing


# Words of a row that leave the freight to what was agreed; an empty one does too, since it forbids nothing.
_AS_AGREED = frozenset({"", "per_policy", "consumer_per_policy", "consumer_unless_agreed"})


def _by_law(market_rule: str, shopper_informed: bool, market_source: str) -> Bearing:
    if market_rule == "consumer_if_informed_else_seller":
        bearer = Bearer.SHOPPER if shopper_informed else Bearer.MERCHANT
        informed = "shopper_informed" if shopper_informed else "shopper_not_informed"
        return Bearing(bearer, f"no_fault_{informed}", market_source)
    if shopper_informed and market_rule in _AS_AGREED:
        return Bearing(Bearer.SHOPPER, "no_fault_as_agreed", f"the programme, as {market_source} leaves it open")
    if market_rule in _NO_FAULT:
        return Bearing(_NO_FAULT[market_rule], f"no_fault_{market_rule}", market_source)
    return Bearing(
        Bearer.MERCHANT, "no_fault_rule_unknown", f"no rule known for {market_rule!r}: the merchant bears it"
    )


def _relieved(relief: FreightRelief, programme_source: str) -> Bearing | None:
    for step in relief.waterfall:
        if step == "insurance" and relief.insured:
            return Bearing(Bearer.INSURER, "order_insured", programme_source)
        if step == "benefit" and relief.labels_left > 0:
            return Bearing(Bearer.PLATFORM, TIER_BENEFIT, relief.benefit_source)
    return None


TIER_BENEFIT = "tier_benefit"  # the rule under which free labels are counted

_AT_FAULT: Mapping[Fault, Bearer] = MappingProxyType(
    {Fault.MERCHANT: Bearer.MERCHANT, Fault.CARRIER: Bearer.CARRIER, Fault.PLATFORM: Bearer.PLATFORM}
)

_NO_FAULT: Mapping[str, Bearer] = MappingProxyType(
    {
        "consumer": Bearer.SHOPPER,
        # "Unless agreed" and "per policy" give way to a programme that bears all; that was asked before.
        "consumer_unless_agreed": Bearer.SHOPPER,
        "consumer_per_policy": Bearer.SHOPPER,
        "seller": Bearer.MERCHANT,
        "seller_on_statutory_cancellation": Bearer.MERCHANT,
        # The label is always of a carrier that the seller chose, so the seller's half of the rule applies.
        "seller_if_designated_carrier_or_none_named_else_consumer": Bearer.MERCHANT,
        "seller_or_consumer_keeps_until_collected": Bearer.MERCHANT,
        # The law leaves it open and the programme promised nothing: silence resolves for the shopper.
        "per_policy": Bearer.MERCHANT,
    }
)


def bearer_of_lost_goods() -> Bearing:
    """Goods lost between the shopper's hands and the dock are the carrier's to make good, whatever the reason was."""
    return Bearing(
        Bearer.CARRIER, "carrier_lost_the_goods", "CMR Convention, art. 17(1): liable from taking over to delivery"
    )
