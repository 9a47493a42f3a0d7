"""Orders as storefronts tell of them, and as they are shown: what was sold, how it was paid, and what has come back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.common import Body, Country, Currency, Flag, Identifier, Moment, Money, Name, Quantity, money, spoken
from api.schemas.extras import (
    ChargeTold,
    DeliveryTold,
    DiscountTold,
    TaxTold,
    charges_of,
    discounts_on_lines,
    show_charge,
    show_discount,
    show_tax,
    taxes_of,
)
from database.orders import Customer
from domain.errors import Invalid
from domain.goods import Nature
from domain.money import CurrencyMismatch
from domain.order import LARGEST_QUANTITY, Order, OrderLine, OrderStatus, SoldLine, Tender

LINES_MAX = 1000
SERIALS_MAX = 1000
TENDERS_MAX = 50
TAXES_MAX = 10
CHARGES_MAX = 50
DISCOUNTS_MAX = 50

EXAMPLE: dict[str, Any] = {
    "customer": {"id": "c_1", "country": "DE", "name": "Maria Muster", "email": "maria@example.com", "locale": "de"},
    "placed_at": "2026-11-02T10:00:00Z",
    "delivered_at": "2026-11-05T15:00:00Z",
    "currency": "EUR",
    "lines": [
        {
            "id": "l_1",
            "sku": "DRESS-38",
            "description": "Linen dress, size 38",
            "category": "clothing",
            "quantity": 1,
            "unit_price": {"amount": 12000, "currency": "EUR"},
        },
        {
            "id": "l_2",
            "sku": "BELT",
            "description": "Leather belt",
            "quantity": 1,
            "unit_price": {"amount": 3000, "currency": "EUR"},
        },
    ],
    "tenders": [
        {
            "id": "t_1",
            "method": "card",
            "amount": {"amount": 15000, "currency": "EUR"},
            "processor": "simulated",
            "processor_reference": "pay_1",
        }
    ],
}


class MarketMissing(Invalid):
    code = "market_missing"
    next_action = "Name the market, or the customer whose country it is."


class UnknownProcessor(Invalid):
    code = "unknown_processor"
    next_action = "Name the processor by the code of its gateway; refunds go back the way they were paid."


class CustomerTold(Body):
    id: Identifier
    country: Country
    name: Name | None = None
    email: Annotated[Name, Field(max_length=254)] | None = None
    locale: Annotated[Identifier, Field(max_length=35)] | None = None
    address_key: Identifier | None = Field(
        default=None, description="An opaque key of yours, the same for accounts with the same address; no address."
    )
    device_key: Identifier | None = Field(default=None, description="The same for accounts used on the same device.")


class LineTold(Body):
    id: Identifier
    sku: Identifier
    description: Name
    category: Identifier | None = None
    quantity: Quantity
    unit_price: Money
    discount: Money | None = Field(default=None, description="Off the whole line, not off each unit.")
    tax_rates: Annotated[list[TaxTold], Field(max_length=TAXES_MAX)] = Field(
        default=[], description="The taxes on the whole line, as they were charged after all discounts."
    )
    final_sale: Flag = False
    condition: Identifier = Field(default="new", description="As which it was sold: new, used, refurbished.")
    seller: Identifier | None = Field(default=None, description="Whose goods, where you sell for others.")
    natures: Annotated[list[Nature], Field(max_length=len(Nature))] = Field(
        default=[], description="What kind of goods the law of returns knows them as."
    )
    serials: Annotated[list[Identifier], Field(max_length=SERIALS_MAX)] = Field(default=[])
    shipped: Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)] | None = Field(
        default=None, description="Units that have left; left out, all of them are taken to have."
    )
    exchanged: Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)] = Field(
        default=0, description="Units exchanged for others already, outside of this engine."
    )


class TenderTold(Body):
    id: Identifier
    method: Identifier
    amount: Money
    processor: Identifier
    processor_reference: Identifier


class OrderTold(Body):
    """What was sold. The same again changes nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    customer: CustomerTold | None = Field(default=None, description="Left out for a guest.")
    market: Country | None = Field(default=None, description="Whose law applies; the customer's country by default.")
    placed_at: Moment
    delivered_at: Moment | None = None
    currency: Currency
    status: OrderStatus = OrderStatus.COMPLETED
    channel: Identifier | None = Field(default=None, description="The door of your shop: web, app, store.")
    insured: Flag = Field(default=False, description="Return freight insurance was bought with the order.")
    lines: Annotated[list[LineTold], Field(max_length=LINES_MAX)]
    shipping: Annotated[list[DeliveryTold], Field(max_length=CHARGES_MAX)] = Field(
        default=[], description="What the delivery to the shopper cost."
    )
    charges: Annotated[list[ChargeTold], Field(max_length=CHARGES_MAX)] = Field(
        default=[], description="What else was charged: gift wrap, duty, a surcharge for the means of payment."
    )
    discounts: Annotated[list[DiscountTold], Field(max_length=DISCOUNTS_MAX)] = Field(
        default=[], description="Discounts on the order; they are shared over its lines in proportion to their prices."
    )
    tenders: Annotated[list[TenderTold], Field(max_length=TENDERS_MAX)]

    def order(self, order_id: str, processors: Collection[str]) -> Order:
        """The order in the house's terms. Raises the named errors of what only the whole body shows."""
        market = self.market or (self.customer.country if self.customer else None)
        if market is None:
            raise MarketMissing("An order of a guest names no market by itself.", pointer="/market")
        for given, pointer in self._amounts():
            self._check_currency(given, f"{pointer}/currency")
        for index, tender in enumerate(self.tenders):
            if tender.processor not in processors:
                known = ", ".join(sorted(processors))
                raise UnknownProcessor(
                    f"There is no processor {tender.processor!r}; known: {known}.",
                    pointer=f"/tenders/{index}/processor",
                )
        off = discounts_on_lines(
            self.discounts,
            {
                line.id: line.quantity * line.unit_price.amount - (line.discount.amount if line.discount else 0)
                for line in self.lines
            },
        )
        return Order(
            id=order_id,
            customer_id=self.customer.id if self.customer else None,
            market=market,
            placed_at=self.placed_at,
            delivered_at=self.delivered_at,
            currency=self.currency,
            lines=tuple(_line(order_id, line, off.get(line.id, 0)) for line in self.lines),
            tenders=tuple(_tender(order_id, tender) for tender in self.tenders),
            status=self.status,
            channel=self.channel,
            insured=self.insured,
            charges=charges_of(order_id, self.shipping, self.charges),
            promotions=tuple(discount.promotion() for discount in self.discounts),
        )

    def _amounts(self) -> Iterator[tuple[Money | None, str]]:
        """Every amount of the order and where it stands."""
        for index, line in enumerate(self.lines):
            yield line.unit_price, f"/lines/{index}/unit_price"
            yield line.discount, f"/lines/{index}/discount"
        for index, tender in enumerate(self.tenders):
            yield tender.amount, f"/tenders/{index}/amount"
        for index, delivery in enumerate(self.shipping):
            yield delivery.amount, f"/shipping/{index}/amount"
            yield delivery.standard_amount, f"/shipping/{index}/standard_amount"
        for index, charge in enumerate(self.charges):
            yield charge.amount, f"/charges/{index}/amount"
        for index, discount in enumerate(self.discounts):
            yield discount.amount, f"/discounts/{index}/amount"
            yield discount.threshold, f"/discounts/{index}/threshold"
        taxed: dict[str, list[list[TaxTold]]] = {
            "lines": [line.tax_rates for line in self.lines],
            "shipping": [delivery.tax_rates for delivery in self.shipping],
            "charges": [charge.tax_rates for charge in self.charges],
        }
        for field, told in taxed.items():
            for index, taxes in enumerate(told):
                for number, tax in enumerate(taxes):
                    yield tax.amount, f"/{field}/{index}/tax_rates/{number}/amount"

    def buyer(self) -> Customer | None:
        told = self.customer
        if told is None:
            return None
        return Customer(told.id, told.country, told.name, told.email, told.locale, told.address_key, told.device_key)

    def _check_currency(self, given: Money | None, pointer: str) -> None:
        if given is not None and given.currency != self.currency:
            raise CurrencyMismatch(
                f"The order is in {self.currency}, this amount in {given.currency}.",
                pointer=pointer,
                order_currency=self.currency,
            )


def _line(order_id: str, told: LineTold, order_discount_minor: int) -> OrderLine:
    discount = told.discount.amount if told.discount else 0
    price = told.quantity * told.unit_price.amount - discount - order_discount_minor
    return OrderLine(
        order_id=order_id,
        id=told.id,
        sku=told.sku,
        description=told.description,
        category=told.category,
        quantity=told.quantity,
        unit_price_minor=told.unit_price.amount,
        discount_minor=discount,
        final_sale=told.final_sale,
        condition=told.condition,
        seller=told.seller,
        natures=tuple(told.natures),
        serials=tuple(told.serials),
        shipped=told.shipped,
        exchanged=told.exchanged,
        order_discount_minor=order_discount_minor,
        taxes=taxes_of(told.tax_rates, price),
    )


def _tender(order_id: str, told: TenderTold) -> Tender:
    return Tender(order_id, told.id, told.method, told.amount.amount, told.processor, told.processor_reference)


def show_order(order: Order, sold: Sequence[SoldLine], charges_refunded: Mapping[str, int]) -> dict[str, Any]:
    """The order, with what has become of its lines and charges."""
    refunded = sum(line.refunded_minor for line in sold) + sum(charges_refunded.values())
    return {
        "id": order.id,
        "customer_id": order.customer_id,
        "market": order.market,
        "placed_at": spoken(order.placed_at),
        "delivered_at": spoken(order.delivered_at),
        "currency": order.currency,
        "status": order.status,
        "channel": order.channel,
        "insured": order.insured,
        "total": money(order.paid_minor, order.currency),
        "refunded": money(refunded, order.currency),
        "refund_status": "none" if not refunded else "fully" if refunded == order.paid_minor else "partly",
        "lines": [_show_line(line) for line in sold],
        "charges": [
            {
                **show_charge(charge, order.currency),
                "refunded": money(charges_refunded.get(charge.id, 0), order.currency),
            }
            for charge in order.charges
        ],
        "discounts": [show_discount(promotion, order.currency) for promotion in order.promotions],
        "tenders": [
            {
                "id": tender.id,
                "method": tender.method,
                "amount": money(tender.amount_minor, order.currency),
                "processor": tender.processor,
                "processor_reference": tender.reference,
            }
            for tender in order.tenders
        ],
    }


def _show_line(sold: SoldLine) -> dict[str, Any]:
    line = sold.line
    return {
        "id": line.id,
        "sku": line.sku,
        "description": line.description,
        "category": line.category,
        "quantity": line.quantity,
        "unit_price": money(line.unit_price_minor, sold.currency),
        "discount": money(line.discount_minor, sold.currency),
        "order_discount": money(line.order_discount_minor, sold.currency),
        "taxes": [show_tax(tax, sold.currency) for tax in line.taxes],
        "final_sale": line.final_sale,
        "condition": line.condition,
        "seller": line.seller,
        "natures": list(line.natures),
        "serials": list(line.serials),
        "shipped": line.shipped,
        "exchanged": line.exchanged,
        "paid": money(line.paid_minor, sold.currency),
        "in_returns": sold.claimed,
        "left": sold.left,
        "refunded_units": sold.refunded,
        "refunded": money(sold.refunded_minor, sold.currency),
    }


SHOWN_EXAMPLE: dict[str, Any] = {
    "id": "o_1",
    "customer_id": "c_1",
    "market": "DE",
    "placed_at": "2026-11-02T10:00:00Z",
    "delivered_at": "2026-11-05T15:00:00Z",
    "currency": "EUR",
    "status": "completed",
    "channel": None,
    "insured": False,
    "total": {"amount": 15000, "currency": "EUR"},
    "refunded": {"amount": 0, "currency": "EUR"},
    "refund_status": "none",
    "lines": [
        {
            **EXAMPLE["lines"][0],
            "discount": {"amount": 0, "currency": "EUR"},
            "order_discount": {"amount": 0, "currency": "EUR"},
            "taxes": [],
            "final_sale": False,
            "condition": "new",
            "seller": None,
            "natures": [],
            "serials": [],
            "shipped": None,
            "exchanged": 0,
            "paid": {"amount": 12000, "currency": "EUR"},
            "in_returns": 0,
            "left": 1,
            "refunded_units": 0,
            "refunded": {"amount": 0, "currency": "EUR"},
        }
    ],
    "charges": [],
    "discounts": [],
    "tenders": EXAMPLE["tenders"],
}
