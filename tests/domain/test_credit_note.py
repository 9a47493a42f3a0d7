"""The credit note: who gives back what, which tax goes with it, and sums that are exact or no note at all."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.charges import QuotedCharge
from domain.credit_note import (
    Buyer,
    CreditNote,
    CreditNoteDoesNotAddUp,
    Kept,
    NoteReason,
    OrderNamed,
    Repaid,
    Seller,
    Sellers,
    Settled,
    Sold,
    check,
    credit_notes,
    filled,
    from_json,
    numbered,
    to_json,
)
from domain.fees import Fee, FeeKind
from domain.refund import QuotedLine, RefundQuote, quote_refund
from domain.state import Verdict
from domain.tax import Tax, TaxPart
from domain.tenders import TenderPart
from tests.builders import a_fee, a_refund_line

AT = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
SHOP = Seller("shop", "Shop GmbH", ("Weg 1", "10115 Berlin"), "DE", "CN", "UTC", "DE000000000")
WEAVER = Seller("weaver", "Weberei", ("Gasse 2",), "AT", "WV", "UTC+1")
SELLERS = Sellers(SHOP, {"weaver": WEAVER})
VAT = Tax("VAT", 190000, 1916)


def day_of(at: datetime, time_zone: str) -> date:
    return (at + timedelta(hours=1 if time_zone == "UTC+1" else 0)).date()


def settled(sellers: dict[str, str | None] | None = None, ground: Verdict = Verdict.INSPECTED) -> Settled:
    """Two orders with the lines l_1 to l_9, each sold by whom `sellers` says, else by the shop."""
    named = sellers or {}
    sold = {(o, f"l_{n}"): Sold(f"Thing {n}", named.get(f"l_{n}")) for o in ("o_1", "o_2") for n in range(10)}
    placed = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    return Settled("ret_1", "RMA1", ground, Buyer("c_1", "Ada", "DE"), {"o_1": placed, "o_2": placed}, sold, AT)


def over_card(quote: RefundQuote) -> list[TenderPart]:
    return [
        TenderPart(order_id, "t_1", "card", "simulated", "pay_1", minor)
        for order_id, minor in quote.per_order.items()
        if minor
    ]


def notes(quote: RefundQuote, of: Settled | None = None, over: Sequence[TenderPart] | None = None) -> list[CreditNote]:
    return credit_notes(quote, over_card(quote) if over is None else over, of or settled(), SELLERS, day_of=day_of)


def a_quote(*, fees: Sequence[Fee] = (), charges: Sequence[QuotedCharge] = ()) -> RefundQuote:
    """The dress of EUR 120 with 19 % VAT in it, less the fees, with charges of its order."""
    quote = quote_refund("EUR", [a_refund_line(taxes=(VAT,))], fees, told=False)
    more = sum(charge.amount_minor for charge in charges)
    return replace(
        quote,
        charges=tuple(charges),
        charges_minor=more,
        total_minor=quote.total_minor + more,
        per_order={"o_1": quote.per_order["o_1"] + more},
    )


def test_a_note_says_what_was_given_back_and_the_tax_within_it() -> None:
    (note,) = notes(a_quote())
    assert (note.net_minor, note.tax_minor, note.gross_minor, note.refunded_minor) == (10084, 1916, 12000, 12000)
    assert note.taxes == (TaxPart("VAT", 190000, 10084, 1916),)
    assert [(row.description, row.quantity, row.gross_minor) for row in note.rows] == [("Thing 1", 1, 12000)]
    assert note.orders == (OrderNamed("o_1", date(2026, 11, 30)),)
    assert note.repaid == (Repaid("card", 12000),)
    assert (note.seller, note.buyer, note.kept, note.reason) == (
        SHOP, Buyer("c_1", "Ada", "DE"), (), NoteReason.RETURNED,
    )  # fmt: skip


def test_a_fee_that_is_kept_leaves_the_reversed_tax_as_it_is() -> None:
    (note,) = notes(a_quote(fees=[a_fee()]))
    assert (note.gross_minor, note.tax_minor, note.refunded_minor) == (12000, 1916, 11510)
    assert note.kept == (Kept("return_label", 490),)


def test_fees_as_high_as_the_refund_leave_a_note_and_no_money() -> None:
    (note,) = notes(a_quote(fees=[a_fee(amount_minor=99999)]))
    assert (note.gross_minor, note.refunded_minor, note.repaid) == (12000, 0, ())


def test_charges_are_rows_of_their_own_with_their_own_rate() -> None:
    delivery = QuotedCharge("o_1", "ch_1", "delivery", 535, (TaxPart("VAT", 70000, 500, 35),))
    (note,) = notes(a_quote(charges=[delivery]))
    assert [(row.kind, row.gross_minor) for row in note.rows] == [("goods", 12000), ("delivery", 535)]
    assert [(part.rate_ppm, part.tax_minor) for part in note.taxes] == [(190000, 1916), (70000, 35)]
    assert note.gross_minor == note.refunded_minor == 12535


def test_value_lost_is_told_and_is_no_part_of_what_is_given_back() -> None:
    worn = quote_refund("EUR", [a_refund_line(taxes=(VAT,), worn=((1, 25),))], told=False)
    (note,) = notes(worn)
    assert (note.rows[0].loss_minor, note.gross_minor, note.tax_minor) == (3000, 9000, 1437)


@pytest.mark.parametrize(
    ("ground", "reason"),
    [
        (Verdict.INSPECTED, NoteReason.RETURNED),
        (Verdict.AS_DECLARED, NoteReason.RETURNED),
        (Verdict.LOST, NoteReason.LOST),
        (Verdict.ADVANCE, NoteReason.AHEAD),
        (Verdict.BY_LAW, NoteReason.AHEAD),
        (Verdict.RETURNLESS, NoteReason.KEPT),
    ],
)
def test_the_reason_is_the_ground_of_the_refund(ground: Verdict, reason: NoteReason) -> None:
    assert notes(a_quote(), settled(ground=ground))[0].reason is reason


def test_each_seller_has_a_note_and_the_shop_has_the_charges() -> None:
    lines = [a_refund_line(), a_refund_line(order_line_id="l_2", paid_minor=8000)]
    quote = quote_refund("EUR", lines, [a_fee(amount_minor=1000)], told=False)
    delivery = QuotedCharge("o_1", "ch_1", "delivery", 500)
    quote = replace(
        quote,
        charges=(delivery,), charges_minor=500, total_minor=19500, per_order={"o_1": 19500},
    )  # fmt: skip
    over = [
        TenderPart("o_1", "t_2", "gift_card", "simulated", "g", 4500),
        TenderPart("o_1", "t_1", "card", "simulated", "p", 15000),
    ]
    shop, weaver = notes(quote, settled({"l_2": "weaver"}), over)
    assert [(row.kind, row.gross_minor) for row in shop.rows] == [("goods", 12000), ("delivery", 500)]
    assert [(row.kind, row.gross_minor) for row in weaver.rows] == [("goods", 8000)]
    assert shop.kept + weaver.kept == (Kept("return_label", 610), Kept("return_label", 390))
    assert shop.repaid == (Repaid("gift_card", 4500), Repaid("card", 7390))
    assert weaver.repaid == (Repaid("card", 7610),)
    assert (shop.issued_on, weaver.issued_on) == (date(2026, 12, 31), date(2027, 1, 1)), "each seller's own day"
    assert (numbered(shop, 12).number, numbered(weaver, 1).number) == ("CN-2026-000012", "WV-2027-000001")


def test_a_seller_who_makes_their_own_gets_none_of_ours() -> None:
    lines = [a_refund_line(), a_refund_line(order_line_id="l_2", paid_minor=8000)]
    (note,) = notes(quote_refund("EUR", lines, told=False), settled({"l_2": "somebody else"}))
    assert (note.seller, note.gross_minor) == (SHOP, 12000)


def test_goods_of_several_orders_name_them_all() -> None:
    lines = [a_refund_line(), a_refund_line(order_id="o_2")]
    (note,) = notes(quote_refund("EUR", lines, told=False))
    assert [order.id for order in note.orders] == ["o_1", "o_2"]
    assert note.repaid == (Repaid("card", 24000),)


def test_nothing_given_back_makes_no_note() -> None:
    assert notes(quote_refund("EUR", [a_refund_line(paid_minor=0)], told=False)) == []
    assert notes(quote_refund("EUR", [], told=False)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"goods_minor": 12001}, id="goods that are not those of the lines"),
        pytest.param({"total_minor": 11999}, id="a total that is not its parts"),
        pytest.param({"per_order": {"o_1": 11999}}, id="a cent that no order gives back"),
        pytest.param({"deductions": (a_fee(),)}, id="a fee that nobody kept"),
        pytest.param({"lines": (QuotedLine("o_1", "l_99", 1, 12000),)}, id="a line that was not sold"),
        pytest.param(
            {"lines": (QuotedLine("o_1", "l_1", 1, 12000, taxes=(TaxPart("VAT", 190000, 10000, 1916),)),)},
            id="a tax on another price",
        ),
    ],
)
def test_rather_no_note_than_a_wrong_one(wrong: dict[str, Any]) -> None:
    quote = a_quote()
    with pytest.raises(CreditNoteDoesNotAddUp):
        notes(replace(quote, **wrong), over=over_card(quote))


def test_tenders_that_are_not_the_refund_make_no_note() -> None:
    with pytest.raises(CreditNoteDoesNotAddUp, match="tenders of order o_1"):
        notes(a_quote(), over=[TenderPart("o_1", "t_1", "card", "simulated", "p", 11999)])


def test_more_is_not_filled_than_there_is() -> None:
    with pytest.raises(CreditNoteDoesNotAddUp, match="from nowhere"):
        filled([("a", 3)], [("card", 2)])


@given(
    goods=st.lists(
        st.tuples(st.sampled_from(["o_1", "o_2"]), st.integers(0, 10**9), st.sampled_from([None, "weaver", "other"])),
        min_size=1,
        max_size=9,
    ),
    fees=st.lists(st.integers(1, 10**9), max_size=3),
    rate=st.sampled_from([0, 50000, 190000, 88750]),
)
def test_notes_together_are_the_refund(goods: list[tuple[str, int, str | None]], fees: list[int], rate: int) -> None:
    """Whatever is returned of whom: each note adds up, and with the sellers who make their own all of them are the quote."""
    lines = [
        a_refund_line(
            order_id=order_id, order_line_id=f"l_{n}", paid_minor=paid,
            taxes=(Tax("VAT", rate, paid * rate // (1_000_000 + rate)),),
        )
        for n, (order_id, paid, _) in enumerate(goods)
    ]  # fmt: skip
    charged = [a_fee(kind=kind, amount_minor=fee) for kind, fee in zip(FeeKind, fees, strict=False)]
    quote = quote_refund("EUR", lines, charged, told=False)
    everybody = Sellers(SHOP, {"weaver": WEAVER, "other": replace(WEAVER, id="other", prefix="OT")})
    of = settled({f"l_{n}": seller for n, (_, _, seller) in enumerate(goods)})
    made = credit_notes(quote, over_card(quote), of, everybody, day_of=day_of)
    assert sum(note.gross_minor for note in made) == quote.goods_minor
    assert sum(note.refunded_minor for note in made) == quote.total_minor
    assert sum(note.tax_minor for note in made) == sum(part.tax_minor for part in quote.taxes)
    assert sum(kept.amount_minor for note in made for kept in note.kept) == quote.deducted_minor
    for note in made:
        check(note)
        assert from_json(json.loads(json.dumps(to_json(numbered(note, 1))))) == numbered(note, 1)
