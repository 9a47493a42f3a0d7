"""What an order cost besides its goods, and what of that comes back: delivery, gift wrap, duty, a surcharge for the means of payment.

Each charge comes back once, with what it was charged for. A charge for one line goes with that line's units; import duty paid to the
seller goes with the goods' money; everything else goes with the return that completes the order. Of the delivery, the law of most
markets gives back the standard rate and leaves the surplus of an express delivery with the shopper who chose it (Directive 2011/83/EU,
art. 13(2)); where the seller or the carrier is at fault, all of it comes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.explain import Decision
from domain.frozen import quickly_made
from domain.money import Money, share
from domain.tax import Tax, TaxPart, on_top, taxes_of_refund

WITH_WHAT_IT_WAS_FOR = "house rule: a charge comes back once, with what it was charged for"


class ChargeKind(StrEnum):
    """What was charged for."""

    DELIVERY = "delivery"
    GIFT_WRAP = "gift_wrap"
    DUTY = "duty"  # customs duty and import tax, where the seller took them with the price (DDP)
    PAYMENT = "payment"  # a surcharge for the means of payment
    OTHER = "other"


class DeliveryBack(StrEnum):
    """How much of the delivery to the shopper comes back with the return that completes the order."""

    NONE = "none"
    STANDARD = "standard"  # not what an express delivery cost above it
    ALL = "all"


@dataclass(frozen=True)
class Charge:
    """One charge of an order, in minor units after discounts.

    surplus_minor   of a delivery faster than the standard one: the part of the amount above it
    line_id         the order line it was for, such as the dress that was wrapped; None = the whole order
    """

    order_id: str
    id: str
    kind: ChargeKind
    amount_minor: int
    surplus_minor: int = 0
    taxes: tuple[Tax, ...] = ()
    line_id: str | None = None

    @property
    def paid_minor(self) -> int:
        """What was paid for it, taxes on top included."""
        return self.amount_minor + on_top(self.taxes)

    @property
    def standard_minor(self) -> int:
        """What of that the standard delivery would have cost, its part of the taxes included."""
        return self.paid_minor - (
            share(self.paid_minor, self.surplus_minor, self.amount_minor) if self.amount_minor else 0
        )


@quickly_made
@dataclass(frozen=True)
class QuotedCharge:
    """What comes back of one charge, in minor units, taxes included."""

    order_id: str
    charge_id: str
    kind: str
    amount_minor: int
    taxes: tuple[TaxPart, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far the goods of an order have come back with this return, this one included.

    complete        every unit of the order has come back
    goods_minor     goods money given back, of `paid_minor` that was paid for them
    units           by order line: units that have come back, of units bought
    """

    complete: bool
    goods_minor: int
    paid_minor: int
    units: dict[str, tuple[int, int]]


def charges_back(
    charges: Sequence[tuple[Charge, int]],
    progress: Progress,
    *,
    delivery: DeliveryBack,
    delivery_source: str,
    at_fault: bool,
    currency: str,
) -> tuple[list[QuotedCharge], list[Decision]]:
    """What comes back of each charge (with what came back of it before), and why.

    `delivery` is what promise and law give; with `at_fault`, a merchant's, carrier's or platform's, all of it comes back.
    """
    quoted: list[QuotedCharge] = []
    decisions: list[Decision] = []
    for charge, before in charges:
        due, rule, source = _due(charge, progress, DeliveryBack.ALL if at_fault else delivery, delivery_source)
        now = max(0, due - before)
        if now:
            taxes = taxes_of_refund(charge.taxes, charge.paid_minor, before, now)
            quoted.append(QuotedCharge(charge.order_id, charge.id, charge.kind, now, taxes))
        if now or charge.kind is ChargeKind.DELIVERY:
            decisions.append(
                _explain(charge, before, now, "fault_of_the_seller" if at_fault else rule, source, currency)
            )
    return quoted, decisions


def _due(charge: Charge, progress: Progress, delivery: DeliveryBack, delivery_source: str) -> tuple[int, str, str]:
    """What of the charge has come due by now, in all."""
    if charge.line_id is not None:
        back, bought = progress.units.get(charge.line_id, (0, 1))
        return share(charge.paid_minor, back, bought), "with_its_line", WITH_WHAT_IT_WAS_FOR
    if charge.kind is ChargeKind.DUTY and progress.paid_minor:
        return (
            share(charge.paid_minor, progress.goods_minor, progress.paid_minor),
            "with_the_goods",
            WITH_WHAT_IT_WAS_FOR,
        )
    if not progress.complete:
        return 0, "order_not_complete", WITH_WHAT_IT_WAS_FOR
    if charge.kind is not ChargeKind.DELIVERY:
        return charge.paid_minor, "order_complete", WITH_WHAT_IT_WAS_FOR
    of_it = {
        DeliveryBack.NONE: 0,
        DeliveryBack.STANDARD: charge.standard_minor,
        DeliveryBack.ALL: charge.paid_minor,
    }
    return of_it[delivery], f"delivery_{delivery}", delivery_source


def _explain(charge: Charge, before: int, now: int, rule: str, source: str, currency: str) -> Decision:
    return Decision(
        question=f"What comes back of the charge {charge.id} for {charge.kind.replace('_', ' ')}?",
        answer=str(Money(now, currency)),
        rule=rule,
        source=source,
        inputs=(
            ("order", charge.order_id),
            ("charged", str(Money(charge.paid_minor, currency))),
            ("of which above the standard delivery", str(Money(charge.paid_minor - charge.standard_minor, currency))),
            ("came back before", str(Money(before, currency))),
        ),
    )
