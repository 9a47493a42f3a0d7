"""What was sold and how it was paid: the order, its lines, its charges and its tenders, and what makes an order impossible."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.charges import Charge, ChargeKind
from domain.errors import Invalid
from domain.money import EXPONENTS, LARGEST_MINOR, UnknownCurrency, format_minor
from domain.promotions import Promotion, PromotionKind
from domain.tax import WHOLE_PPM, Tax, on_top

LARGEST_QUANTITY = 10**7


class OrderStatus(StrEnum):
    """Whether the sale stands."""

    OPEN = "open"  # a basket, an order that was not paid
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class OrderLine:
    """So many units of one SKU at one price. `discount_minor` is taken off the whole line, not off each unit.

    condition   as which it was sold: new, used, refurbished
    seller      whose goods they were, where the shop sells for others
    natures     what kind of goods the law knows them as (domain/goods.py)
    serials     of the units sold, where they have some
    shipped     units that have left; None = the shop does not say, and all of them are taken to have
    exchanged   units exchanged for others already, outside of this engine
    order_discount_minor   the line's part of the discounts on the whole order
    taxes       as they were charged with the whole line
    """

    order_id: str
    id: str
    sku: str
    description: str
    category: str | None
    quantity: int
    unit_price_minor: int
    discount_minor: int
    final_sale: bool = False
    condition: str = "new"
    seller: str | None = None
    natures: tuple[str, ...] = ()
    serials: tuple[str, ...] = ()
    shipped: int | None = None
    exchanged: int = 0
    order_discount_minor: int = 0
    taxes: tuple[Tax, ...] = ()

    @property
    def price_minor(self) -> int:
        """What the whole line cost after its own discount, before those of the order and taxes on top."""
        return self.quantity * self.unit_price_minor - self.discount_minor

    @property
    def on_top_minor(self) -> int:
        """Taxes that were charged on top of the price."""
        return on_top(self.taxes)

    @property
    def paid_minor(self) -> int:
        """What was paid for the whole line in the end."""
        return self.price_minor - self.order_discount_minor + (self.on_top_minor if self.taxes else 0)


@dataclass(frozen=True)
class Tender:
    """One way the order was paid. `reference` is the processor's own name for the payment."""

    order_id: str
    id: str
    method: str
    amount_minor: int
    processor: str
    reference: str


@dataclass(frozen=True)
class Order:
    """One purchase. `customer_id` is None for a guest; `delivered_at` is None while nobody has reported delivery.

    status      completed, or open or cancelled: a sale that never became one
    channel     the shop's door it came through: web, app, store
    insured     return freight insurance was bought with it
    charges     what it cost besides the goods
    promotions  discounts on the whole order, which the lines carry their parts of
    """

    id: str
    customer_id: str | None
    market: str
    placed_at: datetime
    delivered_at: datetime | None
    currency: str
    lines: tuple[OrderLine, ...]
    tenders: tuple[Tender, ...]
    status: str = OrderStatus.COMPLETED
    channel: str | None = None
    insured: bool = False
    charges: tuple[Charge, ...] = ()
    promotions: tuple[Promotion, ...] = ()

    @property
    def paid_minor(self) -> int:
        """What was captured for goods and charges."""
        return sum(line.paid_minor for line in self.lines) + sum(charge.paid_minor for charge in self.charges)


@dataclass(frozen=True)
class SoldLine:
    """An order line with what has become of it, and what its order says.

    claimed           units in returns that are open or were refunded; refunded, refunded_minor: those that were
    anything_shipped  any unit of the whole order has left
    payments          the methods of the order's tenders
    asked_before      returns that were ever asked for units of this line, whatever became of them
    lost_minor        value that units which came back had lost, and which was not refunded
    extras            the order has charges or promotions, which a refund must look at
    """

    line: OrderLine
    currency: str
    market: str
    customer_id: str | None
    placed_at: datetime
    delivered_at: datetime | None
    claimed: int
    refunded: int
    refunded_minor: int
    order_status: str = OrderStatus.COMPLETED
    channel: str | None = None
    insured: bool = False
    anything_shipped: bool = True
    payments: frozenset[str] = frozenset()
    asked_before: int = 0
    lost_minor: int = 0
    extras: bool = False

    @property
    def left(self) -> int:
        """Units that may still come back: neither in another return nor exchanged for others."""
        return self.line.quantity - self.line.exchanged - self.claimed


class MissingIdentifier(Invalid):
    code = "missing_identifier"
    next_action = "Give every order, line, tender and SKU its identifier."


class MomentWithoutZone(Invalid):
    code = "moment_without_zone"
    next_action = "Write the moment with its offset from UTC (RFC 3339)."


class DeliveredBeforePlaced(Invalid):
    code = "delivered_before_placed"
    next_action = "Correct one of the two moments."


class NoOrderLines(Invalid):
    code = "no_order_lines"
    next_action = "Name at least one line."


class DuplicateIdentifier(Invalid):
    code = "duplicate_identifier"
    next_action = "Give each line and each tender of the order its own identifier."


class LineOfAnotherOrder(Invalid):
    code = "line_of_another_order"
    next_action = "Put the line or tender into the order it belongs to."


class QuantityNotWhole(Invalid):
    code = "quantity_not_whole"
    next_action = "Write the quantity as a whole number of units."


class QuantityNotPositive(Invalid):
    code = "quantity_not_positive"
    next_action = "Name one unit or more, or leave the line out."


class QuantityTooLarge(Invalid):
    code = "quantity_too_large"
    next_action = f"Write at most {LARGEST_QUANTITY} units in one line."


class AmountNotWhole(Invalid):
    code = "amount_not_whole"
    next_action = "Write the amount as a whole number of minor units: EUR 12.34 is 1234."


class AmountNegative(Invalid):
    code = "amount_negative"
    next_action = "Write an amount of zero or more."


class AmountTooLarge(Invalid):
    code = "amount_too_large"
    next_action = f"Write an amount below {LARGEST_MINOR} minor units."


class DiscountAbovePrice(Invalid):
    code = "discount_above_price"
    next_action = "Lower the discount to the price of the whole line at most."


class UnitsNotOfTheLine(Invalid):
    code = "units_not_of_the_line"
    next_action = "Write a whole number from 0 to the quantity of the line."


class TendersDoNotSum(Invalid):
    code = "tenders_do_not_sum"
    next_action = "Make the tenders add up to what lines and charges cost together, discounts off and taxes on top."


class TaxNotPossible(Invalid):
    code = "tax_not_possible"
    next_action = "Write the rate between 0 and 100 per cent, and the amount that was charged, within the price."


class ChargeNotPossible(Invalid):
    code = "charge_not_possible"
    next_action = "Correct the named charge."


class PromotionNotPossible(Invalid):
    code = "promotion_not_possible"
    next_action = "Correct the named discount: what it took off, the lines it was for, and what it depended on."


def check_order(order: Order) -> None:
    """Refuse an order that cannot be; every refusal is a named `Invalid` with a pointer to the field at fault."""
    _check_currency(order.currency)
    _check_identifier(order.id, "/id")
    _check_moments(order)
    if not order.lines:
        raise NoOrderLines("An order has at least one line.", pointer="/lines")
    for index, line in enumerate(order.lines):
        _check_line(line, order, f"/lines/{index}")
    for index, tender in enumerate(order.tenders):
        _check_tender(tender, order, f"/tenders/{index}")
    for field, ours in (("shipping", True), ("charges", False)):
        of_field = [charge for charge in order.charges if (charge.kind is ChargeKind.DELIVERY) is ours]
        for index, charge in enumerate(of_field):
            _check_charge(charge, order, f"/{field}/{index}")
    _check_promotions(order)
    _check_unique([line.id for line in order.lines], "lines")
    _check_unique([charge.id for charge in order.charges], "charges")
    _check_unique([tender.id for tender in order.tenders], "tenders")
    _check_sums(order)


def check_quantity(quantity: object, pointer: str) -> None:
    """Refuse anything but a whole number of units from 1 to LARGEST_QUANTITY: 0, -1, 0.5, 1.0, True and "1" too."""
    if type(quantity) is not int:
        raise QuantityNotWhole(f"{quantity!r} is not a whole number of units.", pointer=pointer, quantity=str(quantity))
    if quantity < 1:
        raise QuantityNotPositive(f"A quantity of {quantity} is no goods at all.", pointer=pointer, quantity=quantity)
    if quantity > LARGEST_QUANTITY:
        raise QuantityTooLarge(f"{quantity} units are more than one line takes.", pointer=pointer, quantity=quantity)


def check_amount(amount_minor: object, pointer: str) -> None:
    """Refuse anything but a whole number of minor units from 0 to below LARGEST_MINOR."""
    if type(amount_minor) is not int:
        raise AmountNotWhole(f"{amount_minor!r} is not a whole number of minor units.", pointer=pointer)
    if amount_minor < 0:
        raise AmountNegative(f"{amount_minor} minor units are less than nothing.", pointer=pointer, amount=amount_minor)
    if amount_minor >= LARGEST_MINOR:
        raise AmountTooLarge(f"{amount_minor} minor units are too many.", pointer=pointer, amount=amount_minor)


def _check_currency(currency: str) -> None:
    if currency not in EXPONENTS:
        raise UnknownCurrency(f"{currency!r} is not a currency in use.", pointer="/currency", currency=currency)


def _check_identifier(value: str, pointer: str) -> None:
    if not value.strip():
        raise MissingIdentifier("An identifier is empty.", pointer=pointer)


def _check_moments(order: Order) -> None:
    for pointer, moment in (("/placed_at", order.placed_at), ("/delivered_at", order.delivered_at)):
        if moment is not None and moment.utcoffset() is None:
            raise MomentWithoutZone(f"{moment.isoformat()} may be any of a day's instants.", pointer=pointer)
    if order.delivered_at is not None and order.delivered_at < order.placed_at:
        raise DeliveredBeforePlaced("The order was delivered before it was placed.", pointer="/delivered_at")


def _check_line(line: OrderLine, order: Order, pointer: str) -> None:
    _check_identifier(line.id, f"{pointer}/id")
    _check_identifier(line.sku, f"{pointer}/sku")
    _check_belongs(line.order_id, order, pointer)
    check_quantity(line.quantity, f"{pointer}/quantity")
    check_amount(line.unit_price_minor, f"{pointer}/unit_price")
    check_amount(line.discount_minor, f"{pointer}/discount")
    for count, field in ((line.shipped, "shipped"), (line.exchanged, "exchanged")):
        if count is not None and not (type(count) is int and 0 <= count <= line.quantity):
            raise UnitsNotOfTheLine(
                f"{count!r} units are not a part of the {line.quantity} of line {line.id}.",
                pointer=f"{pointer}/{field}",
            )
    if line.paid_minor < 0:
        price = format_minor(line.quantity * line.unit_price_minor, order.currency)
        discount = format_minor(line.discount_minor, order.currency)
        raise DiscountAbovePrice(
            f"Line {line.id} costs {order.currency} {price}, less than its discount of {discount}.",
            pointer=f"{pointer}/discount",
        )
    check_amount(line.quantity * line.unit_price_minor, f"{pointer}/unit_price")
    check_amount(line.order_discount_minor, f"{pointer}/discount")
    check_amount(line.paid_minor, f"{pointer}/unit_price")
    _check_taxes(line.taxes, line.price_minor - line.order_discount_minor, f"{pointer}/tax_rates")


def _check_taxes(taxes: tuple[Tax, ...], price_minor: int, pointer: str) -> None:
    for index, tax in enumerate(taxes):
        check_amount(tax.amount_minor, f"{pointer}/{index}/amount")
        if not 0 <= tax.rate_ppm <= WHOLE_PPM:
            raise TaxNotPossible(f"{tax.name} has a rate above 100 per cent.", pointer=f"{pointer}/{index}/rate")
    if sum(tax.amount_minor for tax in taxes if tax.included) > price_minor:
        raise TaxNotPossible("The included taxes are more than the price that includes them.", pointer=pointer)


def _check_charge(charge: Charge, order: Order, pointer: str) -> None:
    _check_identifier(charge.id, f"{pointer}/id")
    _check_belongs(charge.order_id, order, pointer)
    check_amount(charge.amount_minor, f"{pointer}/amount")
    check_amount(charge.paid_minor, f"{pointer}/amount")
    _check_taxes(charge.taxes, charge.amount_minor, f"{pointer}/tax_rates")
    if not 0 <= charge.surplus_minor <= charge.amount_minor or (
        charge.surplus_minor and charge.kind is not ChargeKind.DELIVERY
    ):
        raise ChargeNotPossible("Standard delivery cannot cost more than the delivery did.", pointer=pointer)
    if charge.line_id is not None and charge.line_id not in {line.id for line in order.lines}:
        raise ChargeNotPossible(f"The order has no line {charge.line_id!r}.", pointer=f"{pointer}/line_id")


def _check_promotions(order: Order) -> None:
    prices = {line.id: line.price_minor for line in order.lines}
    for index, one in enumerate(order.promotions):
        pointer = f"/discounts/{index}"
        check_amount(one.discount_minor, f"{pointer}/amount")
        check_amount(one.threshold_minor, f"{pointer}/threshold")
        if unknown := [line for line in one.lines if line not in prices]:
            raise PromotionNotPossible(f"The order has no line {unknown[0]!r}.", pointer=f"{pointer}/lines")
        scope = sum(price for line, price in prices.items() if not one.lines or line in one.lines)
        if one.discount_minor > scope or one.threshold_minor > scope:
            cost = f"{order.currency} {format_minor(scope, order.currency)}"
            raise PromotionNotPossible(f"The goods it was for cost {cost} together.", pointer=pointer)
        if (one.kind is PromotionKind.BUY_GET) != (one.buy > 0 and one.free > 0):
            raise PromotionNotPossible("buy_get, and nothing else, says how many units are free.", pointer=pointer)
    on_lines = sum(line.order_discount_minor for line in order.lines)
    told = sum(one.discount_minor for one in order.promotions)
    if on_lines != told:
        raise PromotionNotPossible(f"The lines carry {on_lines} of discounts of {told}.", pointer="/discounts")


def _check_tender(tender: Tender, order: Order, pointer: str) -> None:
    _check_identifier(tender.id, f"{pointer}/id")
    _check_belongs(tender.order_id, order, pointer)
    check_amount(tender.amount_minor, f"{pointer}/amount")


def _check_belongs(order_id: str, order: Order, pointer: str) -> None:
    if order_id != order.id:
        raise LineOfAnotherOrder(f"It belongs to order {order_id}, not to {order.id}.", pointer=pointer)


def _check_unique(ids: list[str], field: str) -> None:
    seen: set[str] = set()
    for index, identifier in enumerate(ids):
        if identifier in seen:
            raise DuplicateIdentifier(f"{identifier!r} is used twice.", pointer=f"/{field}/{index}/id", id=identifier)
        seen.add(identifier)


def _check_sums(order: Order) -> None:
    check_amount(order.paid_minor, "/lines")
    tendered = sum(tender.amount_minor for tender in order.tenders)
    if tendered != order.paid_minor:
        paid, sold = format_minor(tendered, order.currency), format_minor(order.paid_minor, order.currency)
        raise TendersDoNotSum(
            f"The tenders add up to {order.currency} {paid}, lines and charges to {sold}.",
            pointer="/tenders",
            tenders_minor=tendered,
            lines_minor=order.paid_minor,
        )
