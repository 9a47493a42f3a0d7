"""Why a shopper returns goods, and who is responsible: the return reasons and the fault that each one carries.

The words are a small common vocabulary onto which the reason codes of shops and marketplaces can be mapped. Fault
decides who bears the freight (domain/fees.py) and which right is exercised (domain/eligibility.py), never whether the
shopper is believed: an inspection may correct a reason later.
"""

from enum import StrEnum


class Fault(StrEnum):
    """Who is responsible for the return.

    merchant  the goods are not what was sold: defective, wrong, incomplete, not as described
    carrier   the goods were right when they left, and were damaged, late or lost on the way
    platform  the shop's own systems caused it: ordered twice, wrong price shown
    shopper   the shopper's own act made the parcel come back: refused, not collected, wrong address
    nobody    a right is exercised: changed mind, wrong size, no reason at all
    """

    MERCHANT = "merchant"
    CARRIER = "carrier"
    PLATFORM = "platform"
    SHOPPER = "shopper"
    NOBODY = "nobody"


class ReturnReason(StrEnum):
    """Why the shopper returns, in the shopper's words.

    no_reason               none was given; in many markets none is needed
    withdrawal              the statutory right of withdrawal is named outright
    changed_mind            not wanted any more
    wrong_size              too large, too small, does not fit
    style_or_colour         looks other than hoped, though as described
    not_compatible          does not work with what the shopper has
    better_price            found cheaper
    ordered_by_mistake      the shopper ordered the wrong thing, or one too many
    not_as_described        differs from the description or the picture
    defective               does not work, or breaks in normal use
    wrong_item              another article than the one ordered
    missing_parts           incomplete
    damaged_in_warehouse    damaged before the carrier had it
    damaged_in_transit      damaged on the way
    arrived_late            after the promised day
    not_received            never arrived
    not_collected           the shopper did not take delivery: refused, unclaimed, wrong address
    duplicate_order         the shop's system placed the order twice
    """

    NO_REASON = "no_reason"
    WITHDRAWAL = "withdrawal"
    CHANGED_MIND = "changed_mind"
    WRONG_SIZE = "wrong_size"
    STYLE_OR_COLOUR = "style_or_colour"
    NOT_COMPATIBLE = "not_compatible"
    BETTER_PRICE = "better_price"
    ORDERED_BY_MISTAKE = "ordered_by_mistake"
    NOT_AS_DESCRIBED = "not_as_described"
    DEFECTIVE = "defective"
    WRONG_ITEM = "wrong_item"
    MISSING_PARTS = "missing_parts"
    DAMAGED_IN_WAREHOUSE = "damaged_in_warehouse"
    DAMAGED_IN_TRANSIT = "damaged_in_transit"
    ARRIVED_LATE = "arrived_late"
    NOT_RECEIVED = "not_received"
    NOT_COLLECTED = "not_collected"
    DUPLICATE_ORDER = "duplicate_order"


_FAULTS: dict[ReturnReason, Fault] = {
    ReturnReason.NO_REASON: Fault.NOBODY,
    ReturnReason.WITHDRAWAL: Fault.NOBODY,
    ReturnReason.CHANGED_MIND: Fault.NOBODY,
    ReturnReason.WRONG_SIZE: Fault.NOBODY,
    ReturnReason.STYLE_OR_COLOUR: Fault.NOBODY,
    ReturnReason.NOT_COMPATIBLE: Fault.NOBODY,
    ReturnReason.BETTER_PRICE: Fault.NOBODY,
    ReturnReason.ORDERED_BY_MISTAKE: Fault.NOBODY,
    ReturnReason.NOT_AS_DESCRIBED: Fault.MERCHANT,
    ReturnReason.DEFECTIVE: Fault.MERCHANT,
    ReturnReason.WRONG_ITEM: Fault.MERCHANT,
    ReturnReason.MISSING_PARTS: Fault.MERCHANT,
    ReturnReason.DAMAGED_IN_WAREHOUSE: Fault.MERCHANT,
    ReturnReason.DAMAGED_IN_TRANSIT: Fault.CARRIER,
    ReturnReason.ARRIVED_LATE: Fault.CARRIER,
    ReturnReason.NOT_RECEIVED: Fault.CARRIER,
    ReturnReason.NOT_COLLECTED: Fault.SHOPPER,
    ReturnReason.DUPLICATE_ORDER: Fault.PLATFORM,
}


def fault_of(reason: ReturnReason) -> Fault:
    """Who is responsible when goods come back for this reason.

    >>> fault_of(ReturnReason.DAMAGED_IN_TRANSIT)
    <Fault.CARRIER: 'carrier'>
    """
    return _FAULTS[reason]


def is_no_fault(fault: Fault) -> bool:
    """True when neither merchant, carrier nor platform caused the return: the shopper changed plans, or was away."""
    return fault in (Fault.NOBODY, Fault.SHOPPER)
