"""Taxes follow the money of a refund, and add up to what was charged."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.tax import Tax, TaxPart, included_tax, on_top, summed, taxes_of_refund

VAT = Tax("VAT", 190000, 1900)


def test_three_equal_refunds_of_a_taxed_line_take_equal_tax_and_add_up() -> None:
    parts = [taxes_of_refund([Tax("VAT", 200000, 150)], 900, before, 300)[0].tax_minor for before in (0, 300, 600)]
    assert parts == [50, 50, 50]


def test_a_lowered_refund_takes_less_of_included_and_of_added_tax_alike() -> None:
    added = Tax("sales tax", 88750, 888, included=False)
    assert on_top([added]) == 888
    half = taxes_of_refund([added], 10888, 0, 5444)
    assert (half[0].tax_minor, half[0].net_minor) == (444, 5000)
    assert taxes_of_refund([VAT], 11900, 0, 5950) == (TaxPart("VAT", 190000, 5000, 950),)


def test_a_line_with_two_rates_is_worked_out_for_each() -> None:
    federal, province = Tax("GST", 50000, 500, included=False), Tax("QST", 99750, 998, included=False)
    parts = taxes_of_refund([federal, province], 11498, 0, 11498)
    assert [(part.tax_minor, part.net_minor) for part in parts] == [(500, 10000), (998, 10000)]


def test_nothing_paid_and_nothing_refunded_takes_no_tax() -> None:
    assert taxes_of_refund([Tax("VAT", 190000, 0)], 0, 0, 0) == ()


def test_a_rate_without_an_amount_is_the_tax_within_the_price() -> None:
    assert included_tax(11900, 190000) == 1900
    assert included_tax(1, 190000) == 0


def test_rows_are_summed_by_name_and_rate() -> None:
    rows = summed([TaxPart("VAT", 190000, 100, 19), TaxPart("VAT", 70000, 100, 7), TaxPart("VAT", 190000, 200, 38)])
    assert rows == (TaxPart("VAT", 190000, 300, 57), TaxPart("VAT", 70000, 100, 7))


@given(paid=st.integers(1, 10**9), tax=st.integers(0, 10**8), cuts=st.lists(st.integers(0, 10**9), max_size=8))
def test_the_tax_of_any_sequence_of_refunds_is_the_tax_that_was_charged(paid: int, tax: int, cuts: list[int]) -> None:
    edges = sorted([0, *(cut % (paid + 1) for cut in cuts), paid])
    taken = 0
    for before, after in pairwise(edges):
        for part in taxes_of_refund([Tax("VAT", 190000, tax)], paid, before, after - before):
            assert part.tax_minor >= 0
            taken += part.tax_minor
        assert taken <= tax
    assert taken == tax
