"""`boomerang data import`: the sample, twice, and folders that are no data."""

from pathlib import Path

import pytest

from commands.data import NotTheData, check_folder
from commands.demo import SAMPLE
from examples.reader import read_orders
from tests.commands.conftest import House


def test_the_sample_is_imported_and_skipped_the_second_time(house: House) -> None:
    first = house.read("data", "import", str(SAMPLE))
    assert (first["orders"], first["lines"], first["known"]) == (2212, 47491, 0)
    again = house.read("data", "import", str(SAMPLE))
    assert (again["orders"], again["lines"], again["known"]) == (0, 0, 2212)


def test_an_imported_order_is_read_as_one_that_a_storefront_told(house: House) -> None:
    house.done("data", "import", str(SAMPLE))
    some = next(order for order in read_orders(SAMPLE) if order.customer_id and len(order.lines) > 2)
    found = house.read("order", "show", some.id)
    assert found["total"] == {"amount": some.paid_minor, "currency": "GBP"}
    assert [(line["id"], line["sku"]) for line in found["lines"]] == sorted((line.id, line.sku) for line in some.lines)


def test_a_folder_that_is_no_data_is_refused_with_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotTheData, match=r"order_lines\.csv\.gz"):
        check_folder(tmp_path)


def test_a_file_that_is_no_data_is_a_sentence(house: House, tmp_path: Path) -> None:
    for name in ("order_lines.csv.gz", "cancellation_lines.csv.gz", "country_map.csv"):
        (tmp_path / name).write_bytes(b"this is no data")
    status, _, err = house.run("data", "import", str(tmp_path))
    assert status == 1
    assert "cannot be read" in err
    assert "Traceback" not in err
