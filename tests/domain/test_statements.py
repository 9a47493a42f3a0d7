"""Each posting stands in one statement; a statement adds up; a file of them is safe to open."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.statements import (
    COLUMNS,
    AccountTotals,
    Line,
    Month,
    NotAMonth,
    csv_rows,
    party_of,
    statements,
)

NOVEMBER = Month(2026, 11)
AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


def a_line(**vary: Any) -> Line:
    label = Line(
        AT,
        "ret_1",
        "RMA1",
        "fee:return_label:par_1",
        "fee",
        "fee:return_label:merchant",
        "programme_bears_all",
        "programme p v1",
        490,
        "EUR",
    )
    return label._replace(**vary)


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
    ],
)
def test_a_month_runs_in_utc_up_to_the_first_of_the_next(text: str, begins: str, ends: str) -> None:
    month = Month.parse(text)
    assert (month.begins.isoformat(), month.ends.isoformat()) == (f"{begins}T00:00:00+00:00", f"{ends}T00:00:00+00:00")
    assert str(month) == text


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "26-11", "2026-11-01", "1999-12", "٢٠٢٦-١١", " 2026-11"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(NotAMonth):
        Month.parse(text)


@pytest.mark.parametrize(
    ("account", "party"),
    [
        ("fee:return_label:merchant", "merchant"),
        ("fee:lost_goods:carrier", "carrier"),
        ("payable:carrier:simulated", "payable:carrier:simulated"),
        ("payable:shopper", "payable:shopper"),
    ],
)
def test_an_account_stands_in_one_statement(account: str, party: str) -> None:
    assert party_of(account) == party


def test_a_statement_adds_its_accounts_up_and_leaves_out_where_nothing_stood() -> None:
    made = statements(
        [
            AccountTotals("payable:shopper", "EUR", 0, 500, -500, 2),
            AccountTotals("fee:pickup:merchant", "EUR", 100, 300, 0, 1),
            AccountTotals("fee:return_label:merchant", "EUR", 50, 490, -490, 2),
            AccountTotals("fee:return_label:merchant", "GBP", 0, 0, 0, 0),
            AccountTotals("fee:return_label:carrier", "EUR", 0, 70, 0, 1),
        ]
    )
    assert [(one.party, one.currency) for one in made] == [
        ("carrier", "EUR"),
        ("merchant", "EUR"),
        ("payable:shopper", "EUR"),
    ]
    merchant = made[1]
    assert [account.account for account in merchant.accounts] == ["fee:pickup:merchant", "fee:return_label:merchant"]
    assert (merchant.opening_minor, merchant.debits_minor, merchant.credits_minor) == (150, 790, -490)
    assert (merchant.sum_minor, merchant.closing_minor, merchant.entries) == (300, 450, 3)


def test_rows_hold_opening_entries_sum_and_closing() -> None:
    made = statements([AccountTotals("fee:return_label:merchant", "EUR", 10, 490, 0, 1)])
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in csv_rows(NOVEMBER, made, [a_line()])][1:]
    assert [(row["row"], row["amount_minor"]) for row in rows] == [
        ("opening", "10"),
        ("entry", "490"),
        ("sum", "490"),
        ("closing", "500"),
    ]
    entry = rows[1]
    assert (entry["at_utc"], entry["rma"], entry["fee"]) == ("2026-11-03T09:30:00Z", "RMA1", "return_label")
    assert (entry["rule"], entry["source"]) == ("programme_bears_all", "programme p v1")


def test_a_line_of_no_statement_is_not_dropped_in_silence() -> None:
    with pytest.raises(ValueError, match="belongs to no statement"):
        list(csv_rows(NOVEMBER, (), [a_line()]))


@given(st.text(max_size=20), st.sampled_from(["=", "+", "-", "@", "\t", "\r", " =", "\n"]))
def test_no_cell_is_a_formula(rest: str, sign: str) -> None:
    nasty = sign + rest
    made = statements([AccountTotals("fee:return_label:merchant", "EUR", 0, -490, 0, 1)])
    written = io.StringIO(newline="")
    csv.writer(written).writerows(csv_rows(NOVEMBER, made, [a_line(rma=nasty, source=nasty, amount_minor=-490)]))
    entry = list(csv.reader(io.StringIO(written.getvalue(), newline="")))[2]
    for column, cell in zip(COLUMNS, entry, strict=True):
        if column == "amount_minor":
            assert int(cell) == -490
        else:
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
