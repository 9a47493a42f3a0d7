"""`boomerang ledger statements`: shown, and written to a file, against the running product."""

import csv
from datetime import UTC, datetime
from pathlib import Path

from tests.commands.conftest import House, order


def test_a_month_is_shown_and_written_to_a_file(house: House, tmp_path: Path) -> None:
    house.done("order", "put", "-", given=order("ledger-1"))
    rma = house.read("return", "open", "--order", "ledger-1", "--sku", "DRESS=1", "--reason", "wrong_size")["rma"]
    house.wait_for(rma, lambda case: case["stage"] == "booked")
    month = f"{datetime.now(UTC):%Y-%m}"

    said = house.done("ledger", "statements", "--month", month)
    assert "not over yet" in said
    assert "payable:carrier:simulated" in said
    merchant = house.read("ledger", "statements", "--month", month, "--bearer", "merchant", "--detail")
    assert rma in {line["rma"] for one in merchant["data"] for line in one["lines"]}
    assert "no_fault_shopper_not_informed" in house.done("ledger", "statements", "--month", month, "--detail")

    file = tmp_path / "month.csv"
    assert f"{file}: " in house.done("ledger", "statements", "--month", month, "--csv", str(file))
    with file.open(newline="") as written:
        rows = list(csv.DictReader(written))
    assert rma in {row["rma"] for row in rows}
    assert sum(int(row["amount_minor"]) for row in rows if row["row"] == "entry") == 0


def test_what_cannot_be_read_or_written_is_said(house: House, tmp_path: Path) -> None:
    status, _, err = house.run("ledger", "statements", "--month", "november")
    assert (status, "2026-11" in err) == (1, True)
    nowhere = str(tmp_path / "no" / "such.csv")
    status, _, err = house.run("ledger", "statements", "--month", "2026-11", "--csv", nowhere)
    assert (status, "cannot be written" in err) == (2, True)
