"""The credit note: the tax document that takes back, as far as the refund goes, what the invoice of an order said.

A document that amends an invoice and refers to it specifically and unambiguously is treated as an invoice (Directive 2006/112/EC,
art. 219). It may be a simplified one (art. 220a(1)(b)), which says the day of issue, the seller, the goods, the tax or what it is
worked out from, and what it amends (art. 226b); the note says more than that. It is made from the quote that the refund was decided by:

- One note for each seller whose goods a return brings back. What the shop charged besides the goods is on the shop's own note.
- Fees that the shopper bears are set off against the refund. They do not make the price given back smaller, so they leave the reversed
  tax as it is and stand below the sum. Where a return has goods of several sellers, each note carries its part of them, in proportion.
- Value that the goods lost is no part of what is given back, and so of no tax either.

Every sum is checked, and the parts of all notes together against the quote: rather none than a wrong one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from domain.errors import Conflict
from domain.money import split
from domain.refund import QuotedLine, RefundQuote
from domain.state import Verdict
from domain.tax import TaxPart, summed
from domain.tenders import TenderPart

GOODS = "goods"  # the kind of a row that is no charge
SEQUENCE_DIGITS = 6
Key = TypeVar("Key")
What = TypeVar("What")
DayOf = Callable[[datetime, str], date]


class CreditNoteDoesNotAddUp(Conflict):
    """A note and the refund that it is for say different things: a mistake of ours, and no note is made."""

    code = "credit_note_does_not_add_up"
    next_action = "Compare the quote of the return with its order; what differs is named."


class NoteReason(StrEnum):
    """Why the price is given back."""

    RETURNED = "returned"
    LOST = "lost"  # on the way back, in the carrier's hands
    AHEAD = "ahead"  # before the goods were looked at, as promised or as the law has it
    KEPT = "kept"  # the goods stay with the customer


REASONS: Mapping[Verdict, NoteReason] = {
    Verdict.LOST: NoteReason.LOST,
    Verdict.ADVANCE: NoteReason.AHEAD,
    Verdict.BY_LAW: NoteReason.AHEAD,
    Verdict.RETURNLESS: NoteReason.KEPT,
}


@dataclass(frozen=True)
class Seller:
    """Who sold, as the note names them. `prefix` begins the numbers of their notes; their days begin and end in `time_zone`."""

    id: str
    name: str
    address: tuple[str, ...]
    country: str
    prefix: str
    time_zone: str
    vat_id: str | None = None


@dataclass(frozen=True)
class Sellers:
    """Those for whom notes are made: the shop itself, and others whose goods it sells and who had it make theirs.

    A note is made in a seller's name only where the seller agreed to that (art. 220), so a seller who is not here makes their own.
    """

    shop: Seller
    others: Mapping[str, Seller]

    def id_of(self, named: str | None) -> str:
        """Goods of nobody in particular are the shop's own."""
        return named or self.shop.id

    def find(self, seller_id: str) -> Seller | None:
        return self.shop if seller_id == self.shop.id else self.others.get(seller_id)


@dataclass(frozen=True)
class Buyer:
    """The customer, as far as the engine was told: no address is kept. Without an id: a guest."""

    id: str | None = None
    name: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Sold:
    """What an order line says of the goods; `seller` None = the shop's own."""

    description: str
    seller: str | None = None


@dataclass(frozen=True)
class OrderNamed:
    """The order that is amended, and the seller's day on which it was placed."""

    id: str
    placed_on: date


@dataclass(frozen=True)
class NoteRow:
    """Goods or a charge of which something is given back, in minor units: net + taxes = gross.

    `id` is the order line's or the charge's; `kind` is "goods" or what was charged for. `loss_minor` was lost in value and is not given
    back; `correction_minor` is what the discount of the kept goods changed, within gross. A row of no units: money of an earlier return.
    """

    kind: str
    order_id: str
    id: str
    description: str
    quantity: int
    net_minor: int
    taxes: tuple[TaxPart, ...]
    gross_minor: int
    loss_minor: int = 0
    correction_minor: int = 0


@dataclass(frozen=True)
class Kept:
    """A fee that the shopper bears, set off against the refund."""

    kind: str
    amount_minor: int


@dataclass(frozen=True)
class Repaid:
    """What goes back over one kind of tender, as it was decided."""

    method: str
    amount_minor: int


@dataclass(frozen=True)
class CreditNote:
    """One note, as it stays for good: gross - kept = refunded = the sum of repaid. `sequence` 0: it has no number yet.

    `taxes` has a row for each name and rate; `issued_on` is the seller's own day; `language` is the customer's, where it is known.
    """

    case_id: str
    rma: str
    settlement: int
    seller: Seller
    buyer: Buyer
    reason: NoteReason
    orders: tuple[OrderNamed, ...]
    rows: tuple[NoteRow, ...]
    currency: str
    taxes: tuple[TaxPart, ...]
    net_minor: int
    tax_minor: int
    gross_minor: int
    kept: tuple[Kept, ...]
    refunded_minor: int
    repaid: tuple[Repaid, ...]
    issued_on: date
    language: str | None = None
    sequence: int = 0

    @property
    def year(self) -> int:
        """Numbers begin anew with each year of the seller."""
        return self.issued_on.year

    @property
    def number(self) -> str:
        """ "CN-2026-000001"."""
        return f"{self.seller.prefix}-{self.year}-{self.sequence:0{SEQUENCE_DIGITS}}"


@dataclass(frozen=True)
class Settled:
    """A settlement as notes refer to it: `orders` with the moments they were placed at, `sold` by order and line."""

    case_id: str
    rma: str
    ground: Verdict
    buyer: Buyer
    orders: Mapping[str, datetime]
    sold: Mapping[tuple[str, str], Sold]
    at: datetime
    settlement: int = 1
    language: str | None = None


def credit_notes(
    quote: RefundQuote, over: Sequence[TenderPart], of: Settled, sellers: Sellers, *, day_of: DayOf
) -> list[CreditNote]:
    """The notes of a settlement, one a seller, by the sellers' ids, still without numbers; none where nothing is given back.

    `over` is what the refund was spread over; `day_of` tells the day of a moment in a time zone. Raises CreditNoteDoesNotAddUp.
    """
    rows = _rows(quote, of, sellers)
    _check_against(quote, rows)
    kept, repaid = _money(quote, over, rows)
    notes = []
    for seller_id in sorted(rows):
        seller, mine = sellers.find(seller_id), rows[seller_id]
        gross, withheld = sum(row.gross_minor for row in mine), kept.get(seller_id, [])
        if seller is None or not gross:
            continue
        note = CreditNote(
            case_id=of.case_id,
            rma=of.rma,
            settlement=of.settlement,
            seller=seller,
            buyer=of.buyer,
            reason=REASONS.get(of.ground, NoteReason.RETURNED),
            orders=tuple(
                OrderNamed(order_id, day_of(of.orders[order_id], seller.time_zone))
                for order_id in sorted({row.order_id for row in mine})
            ),
            rows=tuple(mine),
            currency=quote.currency,
            taxes=summed([part for row in mine for part in row.taxes]),
            net_minor=sum(row.net_minor for row in mine),
            tax_minor=sum(part.tax_minor for row in mine for part in row.taxes),
            gross_minor=gross,
            kept=tuple(Kept(kind, minor) for kind, minor in withheld),
            refunded_minor=gross - sum(minor for _, minor in withheld),
            repaid=tuple(Repaid(method, minor) for method, minor in repaid.get(seller_id, {}).items()),
            issued_on=day_of(of.at, seller.time_zone),
            language=of.language,
        )
        check(note)
        notes.append(note)
    return notes


def numbered(note: CreditNote, sequence: int) -> CreditNote:
    return replace(note, sequence=sequence)


def check(note: CreditNote) -> None:
    """Raises CreditNoteDoesNotAddUp where a sum of the note is not exactly that of its parts."""
    for row in note.rows:
        _same(f"row {row.id}", row.net_minor + sum(part.tax_minor for part in row.taxes), row.gross_minor)
        if row.gross_minor < 0 or any(part.net_minor != row.net_minor for part in row.taxes):
            raise CreditNoteDoesNotAddUp(f"Row {row.id} takes more back than it gives, or taxes something else.")
    _same("net and taxes", note.net_minor + note.tax_minor, note.gross_minor)
    _same("the taxes", sum(part.tax_minor for part in note.taxes), note.tax_minor)
    _same("the rows", sum(row.gross_minor for row in note.rows), note.gross_minor)
    kept = sum(one.amount_minor for one in note.kept)
    _same("what is refunded", note.refunded_minor + kept, note.gross_minor)
    _same("the tenders", sum(one.amount_minor for one in note.repaid), note.refunded_minor)
    if (
        note.refunded_minor < 0
        or min([one.amount_minor for one in note.kept] + [one.amount_minor for one in note.repaid], default=1) <= 0
    ):
        raise CreditNoteDoesNotAddUp("A fee or a tender has nothing, or less than nothing.")


def _rows(quote: RefundQuote, of: Settled, sellers: Sellers) -> dict[str, list[NoteRow]]:
    rows: dict[str, list[NoteRow]] = {}
    for line in quote.lines:
        sold = of.sold.get((line.order_id, line.order_line_id))
        if sold is None or line.order_id not in of.orders:
            raise CreditNoteDoesNotAddUp(f"Line {line.order_line_id} of order {line.order_id} is not known.")
        rows.setdefault(sellers.id_of(sold.seller), []).append(_goods_row(line, sold))
    for charge in quote.charges:
        net = charge.amount_minor - sum(part.tax_minor for part in charge.taxes)
        row = NoteRow(charge.kind, charge.order_id, charge.charge_id, "", 1, net, charge.taxes, charge.amount_minor)
        rows.setdefault(sellers.shop.id, []).append(row)
    return rows


def _goods_row(line: QuotedLine, sold: Sold) -> NoteRow:
    return NoteRow(
        kind=GOODS,
        order_id=line.order_id,
        id=line.order_line_id,
        description=sold.description,
        quantity=line.quantity,
        net_minor=line.goods_minor - sum(part.tax_minor for part in line.taxes),
        taxes=line.taxes,
        gross_minor=line.goods_minor,
        loss_minor=line.loss_minor,
        correction_minor=line.correction_minor,
    )


def _check_against(quote: RefundQuote, rows: Mapping[str, Sequence[NoteRow]]) -> None:
    """All rows of all sellers together are what was quoted."""
    every = [row for mine in rows.values() for row in mine]
    _same("goods and charges", sum(row.gross_minor for row in every), quote.goods_minor + quote.charges_minor)
    _same("the refund", quote.goods_minor + quote.charges_minor - quote.deducted_minor, quote.total_minor)
    taxes = sorted(summed([part for row in every for part in row.taxes]), key=_by_name)
    if taxes != sorted(quote.taxes, key=_by_name):
        raise CreditNoteDoesNotAddUp("The taxes of the rows are not those of the quote.")


def _by_name(part: TaxPart) -> tuple[str, int]:
    return part.name, part.rate_ppm


def _money(
    quote: RefundQuote, over: Sequence[TenderPart], rows: Mapping[str, Sequence[NoteRow]]
) -> tuple[dict[str, list[tuple[str, int]]], dict[str, dict[str, int]]]:
    """By seller: the fees kept, by kind, and what goes back, by method. Each order's fees and tenders fall to its sellers' parts of it."""
    withheld: dict[str, int] = {}
    repaid: dict[str, dict[str, int]] = {}
    for order_id in sorted({row.order_id for mine in rows.values() for row in mine}):
        gross = {
            seller: minor
            for seller, mine in sorted(rows.items())
            if (minor := sum(row.gross_minor for row in mine if row.order_id == order_id))
        }
        back = quote.per_order.get(order_id, 0)
        fees = dict(zip(gross, split(sum(gross.values()) - back, list(gross.values())), strict=True)) if gross else {}
        tenders = [(part.method, part.amount_minor) for part in over if part.order_id == order_id]
        _same(f"the tenders of order {order_id}", sum(minor for _, minor in tenders), back)
        parts = filled([(seller, minor - fees[seller]) for seller, minor in gross.items()], tenders)
        for seller, fee in fees.items():
            withheld[seller] = withheld.get(seller, 0) + fee
        for seller, given in parts.items():
            by_method = repaid.setdefault(seller, {})
            for method, minor in given:
                by_method[method] = by_method.get(method, 0) + minor
    _same("the fees", sum(withheld.values()), sum(fee.amount_minor for fee in quote.deductions))
    fees_by_kind = [(str(fee.kind), fee.amount_minor) for fee in quote.deductions]
    return filled(sorted(withheld.items()), fees_by_kind), repaid


def filled(needs: Sequence[tuple[Key, int]], supplies: Sequence[tuple[What, int]]) -> dict[Key, list[tuple[What, int]]]:
    """Fill each need from the supplies in their order, to the last unit; both sums must be the same.

    >>> filled([("a", 3), ("b", 4)], [("card", 5), ("gift card", 2)])
    {'a': [('card', 3)], 'b': [('card', 2), ('gift card', 2)]}
    """
    found: dict[Key, list[tuple[What, int]]] = {key: [] for key, _ in needs}
    left = list(supplies)
    for key, need in needs:
        while need and left:
            what, minor = left.pop(0)
            taken = min(need, minor)
            if taken:
                found[key].append((what, taken))
            if minor > taken:
                left.insert(0, (what, minor - taken))
            need -= taken
        if need:
            raise CreditNoteDoesNotAddUp(f"{need} minor units of {key} come from nowhere.")
    return found


def _same(what: str, one: int, other: int) -> None:
    if one != other:
        raise CreditNoteDoesNotAddUp(f"Of {what}: {one} minor units are not {other}.")


# --- as it is kept ---


def to_json(note: CreditNote) -> dict[str, Any]:
    """Plain JSON values, from which `from_json` makes the same note."""
    kept = asdict(note)
    kept["issued_on"] = note.issued_on.isoformat()
    kept["orders"] = [{"id": order.id, "placed_on": order.placed_on.isoformat()} for order in note.orders]
    return kept


def from_json(kept: Mapping[str, Any]) -> CreditNote:
    return CreditNote(
        **{
            **kept,
            "seller": Seller(**{**kept["seller"], "address": tuple(kept["seller"]["address"])}),
            "buyer": Buyer(**kept["buyer"]),
            "reason": NoteReason(kept["reason"]),
            "orders": tuple(OrderNamed(one["id"], date.fromisoformat(one["placed_on"])) for one in kept["orders"]),
            "rows": tuple(NoteRow(**{**row, "taxes": _taxes(row["taxes"])}) for row in kept["rows"]),
            "taxes": _taxes(kept["taxes"]),
            "kept": tuple(Kept(**one) for one in kept["kept"]),
            "repaid": tuple(Repaid(**one) for one in kept["repaid"]),
            "issued_on": date.fromisoformat(kept["issued_on"]),
        }
    )


def _taxes(stored: Sequence[Mapping[str, Any]]) -> tuple[TaxPart, ...]:
    return tuple(TaxPart(**part) for part in stored)
