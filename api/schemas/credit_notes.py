"""The credit note as the outside sees it."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from api.schemas.common import ShownMoney, money
from api.schemas.extras import percent
from domain.credit_note import CreditNote, NoteRow
from domain.tax import TaxPart


class NoteSellerShown(BaseModel):
    """In whose name the note is."""

    id: str
    name: str
    address: list[str]
    country: str
    vat_id: str | None


class NoteBuyerShown(BaseModel):
    """Whom it is for, as far as the shop told of them; no address is kept here. Without an id: a guest."""

    customer_id: str | None
    name: str | None
    country: str | None


class NoteOrderShown(BaseModel):
    """An order that the note amends, and the day on which it was placed, where the seller is."""

    order_id: str
    placed_on: str


class NoteTaxShown(BaseModel):
    """A tax that is taken back: its name, its rate in per cent, what it was charged on, and how much."""

    name: str
    rate: str
    net: ShownMoney
    tax: ShownMoney


class NoteRowShown(BaseModel):
    """Goods (`kind` goods, `id` of the order line) or a charge (its kind and id): net and taxes make gross.

    `value_lost` is not given back and not within gross; `discount_recalculated` is within it.
    """

    kind: str
    order_id: str
    id: str
    description: str
    quantity: int
    net: ShownMoney
    taxes: list[NoteTaxShown]
    gross: ShownMoney
    value_lost: ShownMoney
    discount_recalculated: ShownMoney


class NoteFeeShown(BaseModel):
    kind: str
    amount: ShownMoney


class NoteTenderShown(BaseModel):
    method: str
    amount: ShownMoney


class CreditNoteShown(BaseModel):
    """A credit note. net + tax = gross; gross less the fees that were kept = refunded = the sum of the tenders.

    `fees_kept` are set off against the refund; they leave the tax that is taken back as it is.
    """

    number: str
    issued_on: str
    return_id: str
    rma: str
    settlement: int
    reason: str
    currency: str
    seller: NoteSellerShown
    buyer: NoteBuyerShown
    orders: list[NoteOrderShown]
    rows: list[NoteRowShown]
    taxes: list[NoteTaxShown]
    net: ShownMoney
    tax: ShownMoney
    gross: ShownMoney
    fees_kept: list[NoteFeeShown]
    refunded: ShownMoney
    tenders: list[NoteTenderShown]


class CreditNotesShown(BaseModel):
    data: list[CreditNoteShown]


def present_note(note: CreditNote) -> dict[str, Any]:
    """A note in plain JSON values."""
    currency, seller = note.currency, note.seller
    return {
        "number": note.number,
        "issued_on": note.issued_on.isoformat(),
        "return_id": note.case_id,
        "rma": note.rma,
        "settlement": note.settlement,
        "reason": note.reason.value,
        "currency": currency,
        "seller": {
            "id": seller.id,
            "name": seller.name,
            "address": list(seller.address),
            "country": seller.country,
            "vat_id": seller.vat_id,
        },
        "buyer": {"customer_id": note.buyer.id, "name": note.buyer.name, "country": note.buyer.country},
        "orders": [{"order_id": order.id, "placed_on": order.placed_on.isoformat()} for order in note.orders],
        "rows": [_row(row, currency) for row in note.rows],
        "taxes": _taxes(note.taxes, currency),
        "net": money(note.net_minor, currency),
        "tax": money(note.tax_minor, currency),
        "gross": money(note.gross_minor, currency),
        "fees_kept": [{"kind": one.kind, "amount": money(one.amount_minor, currency)} for one in note.kept],
        "refunded": money(note.refunded_minor, currency),
        "tenders": [{"method": one.method, "amount": money(one.amount_minor, currency)} for one in note.repaid],
    }


def _row(row: NoteRow, currency: str) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "order_id": row.order_id,
        "id": row.id,
        "description": row.description,
        "quantity": row.quantity,
        "net": money(row.net_minor, currency),
        "taxes": _taxes(row.taxes, currency),
        "gross": money(row.gross_minor, currency),
        "value_lost": money(row.loss_minor, currency),
        "discount_recalculated": money(row.correction_minor, currency),
    }


def _taxes(taxes: Sequence[TaxPart], currency: str) -> list[dict[str, Any]]:
    return [
        {
            "name": part.name,
            "rate": percent(part.rate_ppm),
            "net": money(part.net_minor, currency),
            "tax": money(part.tax_minor, currency),
        }
        for part in taxes
    ]


_EUR_0, _NET, _TAX, _GROSS = money(0, "EUR"), money(10084, "EUR"), money(1916, "EUR"), money(12000, "EUR")
_VAT: dict[str, Any] = {"name": "VAT", "rate": "19", "net": _NET, "tax": _TAX}
EXAMPLE: dict[str, Any] = {
    "number": "CN-2026-000001",
    "issued_on": "2026-11-21",
    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "rma": "RMA100001",
    "settlement": 1,
    "reason": "returned",
    "currency": "EUR",
    "seller": {
        "id": "example",
        "name": "Example Fashion Ltd (a made-up merchant)",
        "address": ["1 Example Street", "London EX1 1EX"],
        "country": "GB",
        "vat_id": "GB000000000",
    },
    "buyer": {"customer_id": "c_1", "name": "Ada Lovelace", "country": "DE"},
    "orders": [{"order_id": "o_1", "placed_on": "2026-11-02"}],
    "rows": [
        {
            "kind": "goods",
            "order_id": "o_1",
            "id": "l_1",
            "description": "Linen dress",
            "quantity": 1,
            "net": _NET,
            "taxes": [_VAT],
            "gross": _GROSS,
            "value_lost": _EUR_0,
            "discount_recalculated": _EUR_0,
        }
    ],
    "taxes": [_VAT],
    "net": _NET,
    "tax": _TAX,
    "gross": _GROSS,
    "fees_kept": [{"kind": "return_label", "amount": money(490, "EUR")}],
    "refunded": money(11510, "EUR"),
    "tenders": [{"method": "card", "amount": money(11510, "EUR")}],
}
