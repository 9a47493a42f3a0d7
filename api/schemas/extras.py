"""What an order cost besides its goods' prices, as storefronts tell of it: taxes, delivery and other charges, discounts on the whole."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.schemas.common import Body, Flag, Identifier, Money, money
from domain.charges import Charge, ChargeKind
from domain.errors import Invalid
from domain.money import share
from domain.order import LARGEST_QUANTITY
from domain.promotions import Promotion, PromotionKind, shared_over_lines
from domain.tax import WHOLE_PPM, Tax

PPM_PER_PERCENT = WHOLE_PPM // 100

Percent = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,4})?$")]
Units = Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)]


class OtherCharge(StrEnum):
    """Charges besides the delivery."""

    GIFT_WRAP = "gift_wrap"
    DUTY = "duty"
    PAYMENT = "payment"
    OTHER = "other"


class TaxAmountMissing(Invalid):
    code = "tax_amount_missing"
    next_action = "Name the amount of a tax that was charged on top of the price: it was paid, and cannot be guessed."


class DiscountAboveGoods(Invalid):
    code = "discount_above_goods"
    next_action = "Lower the discount to what the lines that it was for cost at most."


class TaxTold(Body):
    name: Identifier = Field(description="As the invoice calls it, such as VAT.")
    rate: Percent = Field(description="Per cent, as decimal text: 19, 8.875.")
    amount: Money | None = Field(
        default=None, description="What was charged. An included tax left out is worked out, down to the minor unit."
    )
    included: Flag = Field(default=True, description="Part of the price; otherwise charged on top of it.")

    @property
    def rate_ppm(self) -> int:
        return int(Decimal(self.rate) * PPM_PER_PERCENT)


class DeliveryTold(Body):
    id: Identifier
    amount: Money
    standard_amount: Money | None = Field(
        default=None, description="What the standard delivery would have cost, where a faster one was chosen."
    )
    tax_rates: Annotated[list[TaxTold], Field(max_length=10)] = Field(default=[])


class ChargeTold(Body):
    id: Identifier
    kind: OtherCharge
    amount: Money
    line_id: Identifier | None = Field(default=None, description="The line it was for; left out, the whole order.")
    tax_rates: Annotated[list[TaxTold], Field(max_length=10)] = Field(default=[])


class DiscountTold(Body):
    id: Identifier
    kind: PromotionKind = PromotionKind.DISCOUNT
    amount: Money = Field(description="What it took off.")
    lines: Annotated[list[Identifier], Field(max_length=1000)] = Field(
        default=[], description="The lines it was for; left out, all of them."
    )
    percent: Flag = Field(default=False, description="A percentage of the goods rather than a fixed sum.")
    threshold: Money | None = Field(default=None, description="The least that the goods had to cost for it.")
    buy: Units = Field(default=0, description="buy_get: for each so many units paid …")
    free: Units = Field(default=0, description="… so many were free.")

    def promotion(self) -> Promotion:
        return Promotion(
            id=self.id,
            kind=self.kind,
            discount_minor=self.amount.amount,
            lines=tuple(self.lines),
            percent=self.percent,
            threshold_minor=self.threshold.amount if self.threshold else 0,
            buy=self.buy,
            free=self.free,
        )


def taxes_of(told: Sequence[TaxTold], price_minor: int) -> tuple[Tax, ...]:
    """The taxes on a price: amounts as told, included ones without an amount worked out over all included rates together."""
    for index, tax in enumerate(told):
        if tax.amount is None and not tax.included:
            raise TaxAmountMissing(f"{tax.name} was charged on top, and not how much.", pointer=f"/tax_rates/{index}")
    included_ppm = sum(tax.rate_ppm for tax in told if tax.included)
    return tuple(
        Tax(
            tax.name,
            tax.rate_ppm,
            tax.amount.amount if tax.amount else share(max(0, price_minor), tax.rate_ppm, WHOLE_PPM + included_ppm),
            tax.included,
        )
        for tax in told
    )


def charges_of(order_id: str, deliveries: Sequence[DeliveryTold], others: Sequence[ChargeTold]) -> tuple[Charge, ...]:
    """Deliveries and other charges, as the house knows them."""
    delivered = [
        Charge(
            order_id,
            one.id,
            ChargeKind.DELIVERY,
            one.amount.amount,
            one.amount.amount - one.standard_amount.amount if one.standard_amount else 0,
            taxes_of(one.tax_rates, one.amount.amount),
        )
        for one in deliveries
    ]
    charged = [
        Charge(
            order_id,
            one.id,
            ChargeKind(one.kind),
            one.amount.amount,
            taxes=taxes_of(one.tax_rates, one.amount.amount),
            line_id=one.line_id,
        )
        for one in others
    ]
    return (*delivered, *charged)


def discounts_on_lines(told: Sequence[DiscountTold], prices: Mapping[str, int]) -> dict[str, int]:
    """What the discounts of the order take off each line."""
    if not told:
        return {}
    off = dict.fromkeys(prices, 0)
    for index, one in enumerate(told):
        scope = {line: minor - off[line] for line, minor in prices.items() if not one.lines or line in one.lines}
        if one.amount.amount > sum(scope.values()) or min(scope.values(), default=0) < 0:
            raise DiscountAboveGoods(
                "The discount is more than what the lines that it was for still cost.",
                pointer=f"/discounts/{index}/amount",
            )
        for line, minor in shared_over_lines([one.promotion()], scope).items():
            off[line] += minor
    return off


def show_tax(tax: Tax, currency: str) -> dict[str, Any]:
    return {
        "name": tax.name,
        "rate": percent(tax.rate_ppm),
        "amount": money(tax.amount_minor, currency),
        "included": tax.included,
    }


def show_charge(charge: Charge, currency: str) -> dict[str, Any]:
    return {
        "id": charge.id,
        "kind": charge.kind,
        "amount": money(charge.amount_minor, currency),
        "standard_amount": money(charge.amount_minor - charge.surplus_minor, currency),
        "line_id": charge.line_id,
        "taxes": [show_tax(tax, currency) for tax in charge.taxes],
        "paid": money(charge.paid_minor, currency),
    }


def show_discount(promotion: Promotion, currency: str) -> dict[str, Any]:
    return {
        "id": promotion.id,
        "kind": promotion.kind,
        "amount": money(promotion.discount_minor, currency),
        "lines": list(promotion.lines),
        "percent": promotion.percent,
        "threshold": money(promotion.threshold_minor, currency),
        "buy": promotion.buy,
        "free": promotion.free,
    }


def percent(rate_ppm: int) -> str:
    """A rate as decimal text, without needless zeros.

    >>> percent(190000), percent(88750)
    ('19', '8.875')
    """
    text = f"{Decimal(rate_ppm) / PPM_PER_PERCENT:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
