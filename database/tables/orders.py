"""What was sold: customers, orders, their lines, and the ways they were paid."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from database.tables.base import Currency, Id, Json, Minor, Moment, Word, metadata

customers = Table(
    "customers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("country", Word, nullable=False),
    Column("name", Text),
    Column("email", Text),
    Column("locale", Word),
    # Opaque keys of the shop's by which accounts are known to belong together; no address and no device is kept here.
    Column("address_key", Id),
    Column("device_key", Id),
    Index(None, "address_key"),
    Index(None, "device_key"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("customers.id")),  # empty: a guest
    Column("market", Word, nullable=False),
    Column("placed_at", Moment, nullable=False),
    Column("delivered_at", Moment),
    Column("currency", Currency, nullable=False),
    Column("total_minor", Minor, nullable=False),
    Column("status", Word, nullable=False, server_default="completed"),
    Column("channel", Word),
    Column("insured", Boolean, nullable=False, server_default="false"),
    Column("promotions", Json, nullable=False, server_default="[]"),
    Column("extras", Boolean, nullable=False, server_default="false"),  # it has charges or promotions
    Column("content_hash", Word, nullable=False),
    Column("recorded_at", Moment, nullable=False, server_default=text("now()")),
    Index(None, "customer_id", "placed_at"),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("customer_id", Id),  # of the order, repeated: goods without an order number are found by customer and SKU
    Column("sku", Id, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", Word),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_minor", Minor, nullable=False),
    Column("discount_minor", Minor, nullable=False, server_default="0"),
    Column("final_sale", Boolean, nullable=False, server_default="false"),
    Column("condition", Word, nullable=False, server_default="new"),
    Column("seller", Id),
    Column("natures", Json, nullable=False, server_default="[]"),
    Column("serials", Json, nullable=False, server_default="[]"),
    Column("shipped", Integer),
    Column("exchanged", Integer, nullable=False, server_default="0"),
    Column(
        "pool", Boolean, nullable=False, server_default="true"
    ),  # sold for money: may be matched without an order number
    Column("claimed", Integer, nullable=False, server_default="0"),  # units in returns that are open or were refunded
    Column("refunded", Integer, nullable=False, server_default="0"),  # units refunded, or about to be
    Column("refunded_minor", Minor, nullable=False, server_default="0"),
    Column("order_discount_minor", Minor, nullable=False, server_default="0"),  # its part of the order's discounts
    Column("taxes", Json, nullable=False, server_default="[]"),
    Column("on_top_minor", Minor, nullable=False, server_default="0"),  # of the taxes: charged on top of the price
    Column("lost_minor", Minor, nullable=False, server_default="0"),  # value lost of units that came back
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("unit_price_minor >= 0", name="price_not_negative"),
    CheckConstraint(
        "discount_minor >= 0 AND discount_minor <= quantity * unit_price_minor", name="discount_within_price"
    ),
    CheckConstraint("shipped IS NULL OR (shipped >= 0 AND shipped <= quantity)", name="shipped_within_quantity"),
    CheckConstraint("exchanged >= 0 AND exchanged <= quantity", name="exchanged_within_quantity"),
    CheckConstraint("claimed >= 0 AND claimed <= quantity", name="claimed_within_quantity"),
    CheckConstraint("refunded >= 0 AND refunded <= claimed", name="refunded_within_claimed"),
    CheckConstraint(
        "refunded_minor >= 0 AND lost_minor >= 0 AND refunded_minor + lost_minor"
        " <= quantity * unit_price_minor - discount_minor - order_discount_minor + on_top_minor",
        name="refunded_within_paid",
    ),
    Index(None, "customer_id", "sku"),
)

order_charges = Table(
    "order_charges",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("kind", Word, nullable=False),
    Column("amount_minor", Minor, nullable=False),
    Column("surplus_minor", Minor, nullable=False),
    Column("taxes", Json, nullable=False),
    Column("paid_minor", Minor, nullable=False),  # with the taxes on top
    Column("line_id", Id),
    Column("refunded_minor", Minor, nullable=False, server_default="0"),
    CheckConstraint(
        "amount_minor >= 0 AND surplus_minor >= 0 AND surplus_minor <= amount_minor", name="surplus_within"
    ),
    CheckConstraint("refunded_minor >= 0 AND refunded_minor <= paid_minor", name="refunded_within_paid"),
)

tenders = Table(
    "tenders",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("method", Word, nullable=False),
    Column("processor", Word, nullable=False),
    Column("reference", Id, nullable=False),
    Column("amount_minor", Minor, nullable=False),
    # Promised back over this tender: paid, pending and unknown alike. What failed for good is given free again.
    Column("refunded_minor", Minor, nullable=False, server_default="0"),
    Column("closed", Word),  # what the provider said when it could not take money back any more
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint("refunded_minor >= 0 AND refunded_minor <= amount_minor", name="refunded_within_amount"),
    Index(None, "processor", "reference"),
)

__all__ = ["customers", "order_charges", "order_lines", "orders", "tenders"]
