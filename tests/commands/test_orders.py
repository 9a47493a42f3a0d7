"""`boomerang order`, against the running product."""

import json
from pathlib import Path

from tests.commands.conftest import House, order


def test_an_order_is_told_from_a_file_and_told_twice_changes_nothing(house: House, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order("told-1")))  # written once: the moments in it are of now
    assert house.done("order", "put", str(file)) == "told-1 is new\n"
    assert house.done("order", "put", str(file)) == "told-1 was known and is as told\n"


def test_orders_are_told_from_standard_input_and_read_again(house: House) -> None:
    told = [order("told-2"), order("told 3 ü")]
    assert house.done("order", "put", "-", given=told) == "told-2 is new\ntold 3 ü is new\n"
    assert house.read("order", "show", "told 3 ü")["total"] == {"amount": 2400, "currency": "EUR"}
    assert "EUR 24.00" in house.done("order", "show", "told-2")


def test_an_order_that_cannot_be_right_is_refused_with_its_field(house: House) -> None:
    wrong = order("told-4")
    wrong["lines"][0]["quantity"] = 0
    status, _, err = house.run("order", "put", "-", given=wrong)
    assert status == 1
    assert "/lines/0/quantity" in err
    assert "What to do:" in err


def test_an_order_without_an_id_is_wrong_use(house: House) -> None:
    assert house.run("order", "put", "-", given={"lines": []})[0] == 2


def test_an_unknown_order_is_said_to_be_unknown(house: House) -> None:
    status, _, err = house.run("order", "show", "never-heard-of")
    assert status == 1
    assert "never-heard-of" in err
