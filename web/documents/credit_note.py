"""The credit note as people read it: a PDF of A4 pages in the customer's language, the same bytes each time it is asked for."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from typing import Any

from babel.core import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from domain.charges import ChargeKind
from domain.credit_note import GOODS, CreditNote, NoteRow
from domain.money import EXPONENTS
from domain.tax import TaxPart
from web.documents.fonts import BOLD, REGULAR, can_show, fonts, has_east_asian, marked_up
from web.policy.phrases import locale_of, place
from web.words import FIRST, Words, words_for

SIDE, TOP, BOTTOM = 20 * mm, 18 * mm, 24 * mm
WIDTH = A4[0] - 2 * SIDE
FRAME = 6  # what reportlab leaves free within the margins
INK, QUIET, LINE, TINT = HexColor(0x1D2733), HexColor(0x5B6673), HexColor(0xC9D1D9), HexColor(0xF3F5F7)
TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9, leading=12.5, textColor=INK)
SMALL = ParagraphStyle("small", parent=TEXT, fontSize=7.5, leading=10.5, textColor=QUIET)
NUMBER = ParagraphStyle("number", parent=TEXT, alignment=TA_RIGHT)
TITLE = ParagraphStyle("title", parent=TEXT, fontName=BOLD, fontSize=20, leading=25)
COLUMNS = (0.38, 0.11, 0.15, 0.21, 0.15)
FEES = ("return_label", "pickup", "inspection", "outbound_label")
METHODS = ("card", "wallet", "bank", "gift_card", "store_credit", "points")
PPM_PER_PERCENT = 10_000


def credit_note_pdf(note: CreditNote, language: str | None = None) -> bytes:
    """The note, in `language` (a tag), else in that of the customer or of the customer's country."""
    fonts()
    say = words_for(language or _language(note))
    made = BytesIO()
    document = SimpleDocTemplate(
        made,
        pagesize=A4,
        leftMargin=SIDE - FRAME,
        rightMargin=SIDE - FRAME,
        topMargin=TOP,
        bottomMargin=BOTTOM,
        title=f"{say('credit_note.title')} {note.number}",
        author=note.seller.name,
        subject=note.rma,
        creator="Boomerang",
        lang=say.tag,
        invariant=1,  # neither the moment nor an id of its own: the same note is the same file
        pageCompression=1,
    )
    document.build(_story(note, say), canvasmaker=lambda *given, **more: _Pages(note, say, *given, **more))
    return made.getvalue()


def _language(note: CreditNote) -> str:
    """The customer's own language, or the first of the customer's country, or of the seller's."""
    country = note.buyer.country or note.seller.country
    try:
        return note.language or Locale.parse(f"und_{country}").language
    except (UnknownLocaleError, ValueError):
        return FIRST


class _Pages(Canvas):  # type: ignore[misc]  # reportlab says nothing of its types
    """Pages that know how many there are: they are held back until the last one is there."""

    def __init__(self, note: CreditNote, say: Words, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._note, self._say = note, say
        self._held: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        self._held.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._held, start=1):
            self.__dict__.update(page)
            self._foot(number, len(self._held))
            super().showPage()
        super().save()

    def _foot(self, page: int, pages: int) -> None:
        seller, say = self._note.seller, self._say
        names = [seller.name] + ([say("credit_note.vat_id", vat_id=seller.vat_id)] if seller.vat_id else [])
        left, right = " · ".join(names), say("credit_note.page", number=self._note.number, page=page, pages=pages)
        self.setStrokeColor(LINE)
        self.line(SIDE, BOTTOM - 6 * mm, SIDE + WIDTH, BOTTOM - 6 * mm)
        end = ParagraphStyle("end", parent=SMALL, alignment=TA_RIGHT)
        for text, style, at, wide in ((left, SMALL, 0.0, 0.62), (right, end, 0.62, 0.38)):
            foot = _text(text, style)
            _, high = foot.wrap(WIDTH * wide, BOTTOM)
            foot.drawOn(self, SIDE + WIDTH * at, BOTTOM - 8 * mm - high)


def _story(note: CreditNote, say: Words) -> list[Flowable]:
    return [
        _text(say("credit_note.title"), TITLE),
        Spacer(0, 5 * mm),
        _head(note, say),
        Spacer(0, 7 * mm),
        _rows(note, say),
        Spacer(0, 6 * mm),
        KeepTogether([_sums(note, say), Spacer(0, 6 * mm), *_taxes(note, say)]),
    ]


def _head(note: CreditNote, say: Words) -> Table:
    """The parties, and beside them what the note is and what it amends."""
    seller = note.seller
    by = [seller.name, *seller.address, place(say, seller.country)]
    by += [say("credit_note.vat_id", vat_id=seller.vat_id)] if seller.vat_id else []
    about = [
        ("number", note.number),
        ("issued_on", say.date(note.issued_on)),
        ("amends", "\n".join(_order(say, order.id, say.date(order.placed_on)) for order in note.orders)),
        ("return", note.rma),
        ("reason", say(f"credit_note.reason.{note.reason}")),
    ]
    facts = Table(
        [[_text(say(f"credit_note.{name}"), SMALL), _text(value, bold=name == "number")] for name, value in about],
        colWidths=[WIDTH * 0.21, WIDTH * 0.29],
        style=[("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(0, 1.2)],
    )
    parties = [
        _text(say("credit_note.seller"), SMALL),
        _text("\n".join(by)),
        Spacer(0, 4 * mm),
        _text(say("credit_note.buyer"), SMALL),
        _text("\n".join(_buyer(note, say))),
    ]
    return Table(
        [[parties, facts]],
        colWidths=[WIDTH * 0.5, WIDTH * 0.5],
        style=[("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(0, 0)],
    )


def _order(say: Words, order: str, day: str) -> str:
    return say("credit_note.order", order=order, date=day)


def _buyer(note: CreditNote, say: Words) -> list[str]:
    buyer = note.buyer
    if buyer.id is None:
        return [say("credit_note.guest", order=", ".join(order.id for order in note.orders))]
    who = [buyer.name] if buyer.name else []
    where = [place(say, buyer.country)] if buyer.country else []
    return [*who, *where, say("credit_note.customer", id=buyer.id)]


def _rows(note: CreditNote, say: Words) -> LongTable:
    names = ("description", "quantity", "net", "tax", "gross")
    head = [_text(say(f"credit_note.{name}"), SMALL if name == "description" else _right(SMALL)) for name in names]
    return LongTable(
        [head, *([_what(row, note, say), *_figures(row, note, say)] for row in note.rows)],
        colWidths=[WIDTH * part for part in COLUMNS],
        repeatRows=1,
        style=[
            ("BACKGROUND", (0, 0), (-1, 0), TINT),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            *_padding(2 * mm, 1.6 * mm),
        ],
    )


def _what(row: NoteRow, note: CreditNote, say: Words) -> list[Paragraph]:
    more = []
    if len(note.orders) > 1:
        more.append(say("credit_note.of_order", order=row.order_id))
    if row.loss_minor:
        more.append(say("credit_note.loss", amount=_sum(say, row.loss_minor, note.currency)))
    if row.correction_minor:
        more.append(say("credit_note.correction", amount=_sum(say, row.correction_minor, note.currency)))
    name = row.description
    if row.kind != GOODS:
        known = row.kind in list(ChargeKind)
        name = say(f"credit_note.charge.{row.kind if known else ChargeKind.OTHER}")
    return [_text(name), *(_text(line, SMALL) for line in more)]


def _figures(row: NoteRow, note: CreditNote, say: Words) -> list[Paragraph]:
    taxes = "\n".join(f"{_tax(say, part)}: {_sum(say, part.tax_minor, note.currency)}" for part in row.taxes)
    return [
        _text(str(row.quantity) if row.quantity else "–", NUMBER),
        _text(_sum(say, row.net_minor, note.currency), NUMBER),
        _text(taxes or "–", _right(SMALL) if taxes else NUMBER),
        _text(_sum(say, row.gross_minor, note.currency), NUMBER),
    ]


def _sums(note: CreditNote, say: Words) -> Table:
    """Net, tax, gross; what was kept; what is refunded, and over what."""
    lines = [("net_total", say("credit_note.net_total"), note.net_minor)]
    lines += [("tax_total", say("credit_note.tax_total"), note.tax_minor)]
    lines += [("total", say("credit_note.total"), note.gross_minor)]
    for fee in note.kept:
        name = say(f"credit_note.fee.{fee.kind if fee.kind in FEES else 'other'}")
        lines.append(("fee", say("credit_note.less", what=name), -fee.amount_minor))
    lines.append(("refunded", say("credit_note.refunded"), note.refunded_minor))
    for one in note.repaid:
        method = say(f"credit_note.method.{one.method}") if one.method in METHODS else one.method
        lines.append(("over", say("credit_note.over", method=method), one.amount_minor))
    strong = {"total", "refunded"}
    return Table(
        [
            [
                _text(text, SMALL if kind == "over" else TEXT, bold=kind in strong),
                _text(
                    _sum(say, minor, note.currency), _right(SMALL) if kind == "over" else NUMBER, bold=kind in strong
                ),
            ]
            for kind, text, minor in lines
        ],
        colWidths=[WIDTH * 0.36, WIDTH * 0.19],
        hAlign="RIGHT",
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            *(("LINEABOVE", (0, n), (-1, n), 0.8, INK) for n, (kind, _, _) in enumerate(lines) if kind in strong),
            *_padding(2 * mm, 1 * mm),
        ],
    )


def _taxes(note: CreditNote, say: Words) -> list[Flowable]:
    told: list[Flowable] = []
    if note.taxes:
        head = [
            _text(say(f"credit_note.{name}"), SMALL if name == "taxes" else _right(SMALL))
            for name in ("taxes", "net", "tax")
        ]
        body = [
            [
                _text(_tax(say, part)),
                _text(_sum(say, part.net_minor, note.currency), NUMBER),
                _text(_sum(say, part.tax_minor, note.currency), NUMBER),
            ]
            for part in note.taxes
        ]
        style = [("BACKGROUND", (0, 0), (-1, 0), TINT), ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE)]
        widths = [WIDTH * 0.4, WIDTH * 0.2, WIDTH * 0.2]
        told.append(Table([head, *body], colWidths=widths, hAlign="LEFT", style=[*style, *_padding(2 * mm, 1.2 * mm)]))
    else:
        told.append(_text(say("credit_note.no_tax"), SMALL))
    told.append(Spacer(0, 3 * mm))
    if note.kept:
        told.append(_text(say("credit_note.fees_and_tax"), SMALL))
    return told


def _tax(say: Words, part: TaxPart) -> str:
    rate = format_decimal(Decimal(part.rate_ppm) / PPM_PER_PERCENT, format="0.####", locale=locale_of(say))
    return f"{part.name} {rate}\xa0%"


def _sum(say: Words, minor: int, currency: str) -> str:
    """With the currency's sign, or its code where no font has the sign."""
    amount, locale = Decimal(minor).scaleb(-EXPONENTS[currency]), locale_of(say)
    written = str(format_currency(amount, currency, locale=locale))
    return written if can_show(written) else str(format_currency(amount, currency, "#,##0.00\xa0¤¤", locale=locale))


def _text(text: str, style: ParagraphStyle = TEXT, *, bold: bool = False) -> Paragraph:
    bold = bold or style.fontName == BOLD
    return Paragraph(marked_up(text, bold=bold), _fitting(style.name, bold, has_east_asian(text)))


@lru_cache(maxsize=64)
def _fitting(name: str, bold: bool, east_asian: bool) -> ParagraphStyle:
    style = _STYLES[name]
    return ParagraphStyle(
        f"{name}{bold}{east_asian}",
        parent=style,
        fontName=BOLD if bold else REGULAR,
        wordWrap="CJK" if east_asian else None,
        splitLongWords=1,
    )


def _right(style: ParagraphStyle) -> ParagraphStyle:
    return _STYLES[f"{style.name}.right"]


def _padding(side: float, height: float) -> Sequence[Any]:
    return [
        ("LEFTPADDING", (0, 0), (-1, -1), side),
        ("RIGHTPADDING", (0, 0), (-1, -1), side),
        ("TOPPADDING", (0, 0), (-1, -1), height),
        ("BOTTOMPADDING", (0, 0), (-1, -1), height),
    ]


_STYLES = {
    style.name: style
    for style in (
        TEXT,
        SMALL,
        NUMBER,
        TITLE,
        ParagraphStyle("small.right", parent=SMALL, alignment=TA_RIGHT),
        ParagraphStyle("end", parent=SMALL, alignment=TA_RIGHT),
    )
}
