"""The credit note as PDF, read back: numbers, parties and sums are on it, in every language, on as many pages as it takes."""

import re
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from domain.charges import ChargeKind
from domain.credit_note import (
    GOODS,
    Buyer,
    CreditNote,
    Kept,
    NoteReason,
    NoteRow,
    OrderNamed,
    Repaid,
    Seller,
    check,
)
from domain.tax import TaxPart
from web.documents import credit_note
from web.documents.credit_note import FEES, METHODS, credit_note_pdf
from web.words import FIRST, LANGUAGES, WORDS

SELLER = Seller("s", "Example Fashion Ltd", ("1 Example Street", "London"), "GB", "CN", "Europe/London", "GB000000000")
NAMES = re.compile(r"""["']credit_note\.([a-z_.]+)["']""")


def a_note(**vary: Any) -> CreditNote:
    """A dress with 19 % and a delivery with 7 % to a customer in Germany, less the freight, over a gift card and a card."""
    vat, delivery = TaxPart("VAT", 190000, 10084, 1916), TaxPart("VAT", 70000, 500, 35)
    note = CreditNote(
        case_id="ret_1",
        rma="RMA100001",
        settlement=1,
        seller=SELLER,
        buyer=Buyer("c_1", "Ada Lovelace", "DE"),
        reason=NoteReason.RETURNED,
        orders=(OrderNamed("o_1", date(2026, 11, 2)),),
        rows=(
            NoteRow(GOODS, "o_1", "l_1", "Linen dress", 1, 10084, (vat,), 12000, loss_minor=3000),
            NoteRow("delivery", "o_1", "ch_1", "", 1, 500, (delivery,), 535),
        ),
        currency="EUR",
        taxes=(vat, delivery),
        net_minor=10584,
        tax_minor=1951,
        gross_minor=12535,
        kept=(Kept("return_label", 490),),
        refunded_minor=12045,
        repaid=(Repaid("gift_card", 5000), Repaid("card", 7045)),
        issued_on=date(2026, 11, 21),
        language="en",
        sequence=1,
    )
    return replace(note, **vary)


def read(note: CreditNote, language: str | None = None) -> tuple[str, PdfReader]:
    """The text of all pages, with one space wherever there is any, and the reader."""
    reader = PdfReader(BytesIO(credit_note_pdf(note, language)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split()), reader


def test_the_note_says_who_whom_what_and_how_much() -> None:
    note = a_note()
    check(note)
    text, reader = read(note)
    for said in (
        "Credit note", "CN-2026-000001", "21 November 2026", "RMA100001", "Goods returned",
        "Example Fashion Ltd", "1 Example Street", "VAT ID GB000000000", "Ada Lovelace", "Germany",
        "Order o_1 of 2 November 2026", "Linen dress", "Value lost through use, not given back: €30.00",
        "Delivery", "€100.84", "VAT 19 %: €19.16", "€105.84", "€19.51", "€125.35",
        "less: return freight", "-€4.90", "€120.45", "over gift card", "€50.00", "€70.45", "page 1 of 1",
    ):  # fmt: skip
        assert said in text, (said, text)
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Credit note CN-2026-000001", "Example Fashion Ltd")
    assert reader.pages[0].mediabox.width == pytest.approx(595.28, abs=0.1), "A4"


def test_the_same_note_is_the_same_file() -> None:
    assert credit_note_pdf(a_note()) == credit_note_pdf(a_note())
    assert credit_note_pdf(a_note()) != credit_note_pdf(a_note(sequence=2))


def test_many_rows_go_on_over_pages_with_their_heads() -> None:
    rows = tuple(NoteRow(GOODS, "o_1", f"l_{n}", f"Thing {n:03}", 1, 100, (), 100) for n in range(200))
    text, reader = read(a_note(rows=rows))
    pages = len(reader.pages)
    assert 5 <= pages <= 10
    assert [f"Thing {n:03}" in text for n in range(200)] == [True] * 200
    for number, page in enumerate(reader.pages, start=1):
        assert f"page {number} of {pages}" in page.extract_text()
    assert all("Description" in page.extract_text() for page in reader.pages[: pages - 1])


def test_a_description_longer_than_a_line_and_signs_of_markup_are_kept() -> None:
    row = NoteRow(GOODS, "o_1", "l_1", "<b>Tom & Jerry</b> " + "word " * 60 + "x" * 200, 1, 12000, (), 12000)
    text, _ = read(a_note(rows=(row,)))
    assert "<b>Tom & Jerry</b>" in text
    assert text.count("word") == 60


@pytest.mark.parametrize(
    ("country", "language", "title"),
    [
        ("DE", None, "Rechnungskorrektur"),
        ("AT", None, "Rechnungskorrektur"),
        ("FR", None, "Avoir"),
        ("US", None, "Credit note"),
        ("CN", None, "贷项通知单"),
        ("ZZ", None, "Credit note"),
        ("DE", "fr", "Avoir"),
    ],
)
def test_the_language_is_the_customers_or_that_of_the_country(country: str, language: str | None, title: str) -> None:
    _, reader = read(a_note(language=language, buyer=Buyer("c_1", "Ada", country)))
    assert reader.metadata is not None
    assert reader.metadata.title == f"{title} CN-2026-000001"


def test_a_guest_is_named_by_the_order() -> None:
    text, _ = read(a_note(buyer=Buyer()))
    assert "Guest of order o_1" in text


def test_orders_are_named_row_by_row_where_there_are_several() -> None:
    orders = (OrderNamed("o_1", date(2026, 11, 2)), OrderNamed("o_2", date(2026, 11, 3)))
    text, _ = read(a_note(orders=orders))
    assert "Order o_2 of 3 November 2026" in text
    assert "Linen dress Order o_1" in text


def test_an_order_that_states_no_tax_says_so() -> None:
    row = NoteRow(GOODS, "o_1", "l_1", "Dress", 1, 12535, (), 12535)
    text, _ = read(a_note(rows=(row,), taxes=(), net_minor=12535, tax_minor=0))
    assert "The order states no tax." in text


@pytest.mark.parametrize(
    ("currency", "written"), [("JPY", "¥12,045"), ("KWD", "KWD12.045"), ("GBP", "£120.45"), ("INR", "120.45")]
)
def test_each_currency_has_its_own_digits(currency: str, written: str) -> None:
    text, _ = read(a_note(currency=currency))
    assert written in text


def test_names_in_any_letters_are_set() -> None:
    names = "Łukasz Müller 王小明 田中さん 김민수"
    text, _ = read(a_note(buyer=Buyer("c_1", names, "PL")))
    assert "Łukasz Müller" in text
    assert credit_note_pdf(a_note(buyer=Buyer("c_1", "مرحبا \U0001f600 \x00", "AE")))


# --- the words ---


def names_asked_for() -> set[str]:
    """What the document says: written out, or put together from the lists that it goes by."""
    text = Path(credit_note.__file__).read_text(encoding="utf-8")
    found = {name for name in NAMES.findall(text) if not name.endswith(".")}
    found |= {
        "number",
        "issued_on",
        "amends",
        "return",
        "reason",
        "description",
        "quantity",
        "net",
        "tax",
        "gross",
        "taxes",
    }
    found |= {f"reason.{reason}" for reason in NoteReason} | {f"charge.{kind}" for kind in ChargeKind}
    found |= {f"fee.{kind}" for kind in (*FEES, "other")} | {f"method.{method}" for method in METHODS}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_and_none_that_nobody_says(language: str) -> None:
    messages = {name for name in WORDS[language].messages if name.startswith("credit_note.")}
    assert {name.removeprefix("credit_note.") for name in messages} == names_asked_for()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_note_can_be_said(language: str) -> None:
    rows = tuple(NoteRow(kind, "o_1", kind, "", 1, 100, (), 100, correction_minor=1) for kind in ChargeKind)
    kept = tuple(Kept(kind, 1) for kind in (*FEES, "a fee of tomorrow"))
    repaid = tuple(Repaid(method, 1) for method in (*METHODS, "barter"))
    text, _ = read(a_note(rows=rows, kept=kept, repaid=repaid), language)
    assert "barter" in text
    assert "CN-2026-000001" in text


ALIKE = {"fr": {"method.points", "fee.inspection"}, "de": set(), "zh": set()}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != FIRST])
def test_nothing_is_left_in_english(language: str) -> None:
    english, other = WORDS[FIRST].messages, WORDS[language].messages
    same = {
        name.removeprefix("credit_note.")
        for name in other
        if name.startswith("credit_note.") and other[name] == english[name]
    }
    assert same <= ALIKE[language]
