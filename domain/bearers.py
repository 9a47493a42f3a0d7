"""Who bears a fee: one waterfall for every kind, from whoever missed a deadline down to the shopper, and last the merchant.

    1  a missed deadline    of merchant, warehouse, carrier or platform moves the cost to who missed it
    2  the promise          a programme that bears everything bears this too
    3  fault                merchant, carrier or platform: whoever caused the return
    4  insurance, benefit   of the way back only, in the order of the programme
    5  the shopper          where the terms say so and the law of the market allows it
    6  the merchant         whatever nobody else bears

Some kinds stop earlier: lost goods are the carrier's in any case; a penalty for a late refund, the cost of a payment and
a difference in rates never come to the shopper. The way back has the law's own table (domain/fees.py). A shopper who
misses a deadline owes nothing for that: the step is skipped, and terms and law decide as they would have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from domain.fees import (
    NO_RELIEF,
    Bearer,
    Bearing,
    FeeKind,
    FreightRelief,
    bearer_of_lost_goods,
    bearer_of_return_freight,
)
from domain.market import Market, freight_without_fault, original_delivery, restocking, withdrawal_right
from domain.reasons import Fault
from domain.stages import Owner

FREIGHT = frozenset({FeeKind.RETURN_LABEL, FeeKind.PICKUP})
OWN_WORK = frozenset({FeeKind.INSPECTION, FeeKind.RESTOCKING, FeeKind.REPACKAGING})
"""What the merchant's own bench and shelf do; one word of the law (`restocking_fee_no_fault`) answers for all three."""

MAY_BE_THE_SHOPPERS = OWN_WORK | {
    FeeKind.ORIGINAL_DELIVERY,
    FeeKind.OUTBOUND_LABEL,
    FeeKind.REPLACEMENT_FREIGHT,
    FeeKind.DUTY,
    FeeKind.IMPORT_TAX,
    FeeKind.REPAIR,
}
"""What terms may lay on the shopper, beside the way back."""


class MissedDeadline(NamedTuple):
    """Whose deadline passed, and what was due: "the goods judged within 2bd"."""

    owner: Owner
    what: str


@dataclass(frozen=True)
class FeeLaw:
    """What a market says of costs laid on the shopper without fault: the row's own words, each with where it is written.

    An empty word means that nothing is on file.

    freight      who bears the way back
    own_work     whether a fee for restocking may be kept, and for what goes with it
    delivery     whether the first delivery is refunded on withdrawal
    withdrawal   where the right to withdraw is written
    """

    freight: str = ""
    freight_source: str = "the law of the market"
    own_work: str = ""
    own_work_source: str = "the law of the market"
    delivery: str = ""
    delivery_source: str = "the law of the market"
    withdrawal_source: str = "the law of the market"


def fee_law(market: Market) -> FeeLaw:
    """What the row of a market says of costs."""
    freight, own_work, delivery = freight_without_fault(market), restocking(market), original_delivery(market)
    return FeeLaw(
        freight=freight.rule,
        freight_source=freight.source,
        own_work=own_work.rule,
        own_work_source=own_work.source,
        delivery=delivery.rule,
        delivery_source=delivery.source,
        withdrawal_source=withdrawal_right(market).source,
    )


@dataclass(frozen=True)
class Agreed:
    """What the merchant's terms say of costs.

    bears_all            the merchant absorbs every fee of the return
    shopper_informed     shoppers are told before the purchase what a return without fault costs them
    shoppers             the kinds that fall to the shopper where nobody is at fault; among MAY_BE_THE_SHOPPERS
    payment_cost         who bears what payment providers keep
    exchange_difference  who carries the risk of rates
    source               the programme and its version
    """

    bears_all: bool = False
    shopper_informed: bool = False
    shoppers: frozenset[FeeKind] = frozenset()
    payment_cost: Bearer = Bearer.MERCHANT
    exchange_difference: Bearer = Bearer.MERCHANT
    source: str = "the merchant's programme"


def bearer_of(
    kind: FeeKind,
    *,
    fault: Fault,
    agreed: Agreed,
    law: FeeLaw,
    relief: FreightRelief = NO_RELIEF,
    missed: MissedDeadline | None = None,
    withdrawing: bool = False,
) -> Bearing:
    """Who bears a fee of this kind, the rule that said so, and where it is written.

    `missed` is the deadline that caused the cost, if one did. `withdrawing`: the shopper exercises the statutory right,
    which costs no more than the way back (Directive 2011/83/EU, art. 14(5)).

    >>> tells = Agreed(shopper_informed=True, shoppers=frozenset({FeeKind.RESTOCKING}))
    >>> bearer_of(FeeKind.RESTOCKING, fault=Fault.NOBODY, agreed=tells, law=FeeLaw(own_work="per_policy")).bearer
    <Bearer.SHOPPER: 'shopper'>
    >>> bearer_of(FeeKind.RESTOCKING, fault=Fault.NOBODY, agreed=tells, law=FeeLaw(own_work="no")).rule
    'law_forbids_the_fee'
    """
    if kind is FeeKind.LOST_GOODS:
        return bearer_of_lost_goods()
    if missed is not None and missed.owner in _WHO_MISSED:
        return bearer_of_missed(missed)
    if kind is FeeKind.LATE_REFUND_PENALTY:
        return Bearing(
            Bearer.MERCHANT, "seller_owes_the_refund", "whoever sold owes the refund and what its delay costs"
        )
    if kind is FeeKind.EXCHANGE_DIFFERENCE:
        return Bearing(agreed.exchange_difference, "risk_of_rates_as_agreed", agreed.source)
    if kind in FREIGHT:
        return bearer_of_return_freight(
            fault,
            bears_all=agreed.bears_all,
            market_rule=law.freight,
            shopper_informed=agreed.shopper_informed,
            relief=relief,
            programme_source=agreed.source,
            market_source=law.freight_source,
        )
    if agreed.bears_all:
        return Bearing(Bearer.MERCHANT, "programme_bears_all", agreed.source)
    if fault in _AT_FAULT:
        return Bearing(_AT_FAULT[fault], f"fault_of_{fault}", "whoever caused the return bears its costs")
    if kind is FeeKind.PAYMENT_COST:
        return Bearing(agreed.payment_cost, "payment_cost_as_agreed", agreed.source)
    if kind not in MAY_BE_THE_SHOPPERS or kind not in agreed.shoppers:
        return Bearing(Bearer.MERCHANT, "nobody_else_bears_it", f"{agreed.source}: not laid on the shopper")
    return _forbidden(kind, agreed, law, withdrawing) or Bearing(Bearer.SHOPPER, "no_fault_as_agreed", agreed.source)


def bearer_of_missed(missed: MissedDeadline) -> Bearing:
    """Whoever missed a deadline bears what that cost. Raises KeyError for the shopper, whose delay costs nothing more than its outcome.

    >>> bearer_of_missed(MissedDeadline(Owner.CARRIER, "the pickup within 72h")).bearer
    <Bearer.CARRIER: 'carrier'>
    """
    return Bearing(_WHO_MISSED[missed.owner], f"deadline_missed_by_{missed.owner}", missed.what)


def _forbidden(kind: FeeKind, agreed: Agreed, law: FeeLaw, withdrawing: bool) -> Bearing | None:
    """The merchant, where the law does not let the terms lay the fee on the shopper; None where it does."""
    if kind in OWN_WORK:
        return _own_work_forbidden(agreed, law, withdrawing)
    if not withdrawing:
        return None
    if kind is FeeKind.ORIGINAL_DELIVERY:
        if law.delivery in DELIVERY_KEPT:
            return None
        return Bearing(Bearer.MERCHANT, "law_refunds_the_delivery", law.delivery_source)
    return Bearing(Bearer.MERCHANT, "withdrawal_costs_nothing_more", law.withdrawal_source)


def _own_work_forbidden(agreed: Agreed, law: FeeLaw, withdrawing: bool) -> Bearing | None:
    """Of a word that is not in the table, and of "uncertain", the shopper has the benefit."""
    if law.own_work in ("", "per_policy"):
        return None
    if law.own_work == "must_be_disclosed":
        if agreed.shopper_informed:
            return None
        return Bearing(Bearer.MERCHANT, "fee_not_disclosed", law.own_work_source)
    if law.own_work == "no_on_statutory_cancellation" and not withdrawing:
        return None
    return Bearing(Bearer.MERCHANT, LAW_FORBIDS, law.own_work_source)


LAW_FORBIDS = "law_forbids_the_fee"

# Words on the refund of the first delivery that leave it with the shopper who withdraws without a reason.
DELIVERY_KEPT = frozenset({"", "no", "per_policy", "yes_if_major_failure", "yes_if_serious_failure"})

_AT_FAULT: Mapping[Fault, Bearer] = MappingProxyType(
    {Fault.MERCHANT: Bearer.MERCHANT, Fault.CARRIER: Bearer.CARRIER, Fault.PLATFORM: Bearer.PLATFORM}
)

# Behind warehouse, operator and payment provider stands the merchant who chose them. The shopper is not in the table.
_WHO_MISSED: Mapping[Owner, Bearer] = MappingProxyType(
    {
        Owner.MERCHANT: Bearer.MERCHANT,
        Owner.WAREHOUSE: Bearer.MERCHANT,
        Owner.OPERATOR: Bearer.MERCHANT,
        Owner.PAYMENTS: Bearer.MERCHANT,
        Owner.CARRIER: Bearer.CARRIER,
        Owner.PLATFORM: Bearer.PLATFORM,
    }
)
