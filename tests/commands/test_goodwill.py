"""`boomerang return goodwill` and `boomerang goodwill`, against the running product: one asks, another agrees, it is paid."""

import json

import httpx2

from tests.commands.conftest import House
from tests.commands.test_returns import opened
from tests.waiting import until


def captured(house: House, reference: str, minor: int) -> None:
    """The simulated provider is told at its own door what was paid, as docs/how-to/storefront.md does."""
    port = json.loads((house.folder / "ports.json").read_text())["payments"]
    key = json.loads((house.folder / "secrets.json").read_text())["payments_api_key"]
    payment = {"reference": reference, "amount": minor, "currency": "EUR"}
    answer = httpx2.post(
        f"http://127.0.0.1:{port}/v1/payments",
        json={"payments": [payment]},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200, answer.text


def test_one_asks_another_agrees_and_it_is_paid(house: House) -> None:
    captured(house, "pay_generous", 2400)
    rma = opened(house, "generous")
    asked = house.read("return", "goodwill", rma, "--amount", "2.50", "--reason", "late", "--as", "ann")
    assert (asked["amount"], asked["status"]) == ({"amount": 250, "currency": "EUR"}, "proposed")
    assert asked["id"] in house.done("goodwill", "list", "--status", "proposed")
    status, _, err = house.run("goodwill", "approve", asked["id"], "--as", "ann")
    assert status == 1
    assert "somebody else decides" in err
    assert "is approved" in house.done("goodwill", "approve", asked["id"], "--as", "bob")
    until(lambda: house.read("goodwill", "list", "--return", rma)[0]["status"] == "paid", within_s=30)
    assert house.read("return", "show", rma)["refund"]["goodwill"] == {"amount": 250, "currency": "EUR"}
    assert house.run("ops", "verify")[0] == 0


def test_more_than_is_left_is_refused_in_words(house: House) -> None:
    rma = opened(house, "too-generous")
    status, _, err = house.run("return", "goodwill", rma, "--amount", "24.01", "--reason", "late")
    assert status == 1
    assert "EUR 24.00 is left" in err
    refused = house.read("return", "goodwill", rma, "--amount", "1", "--reason", "late", "--as", "ann")
    assert "is refused" in house.done("goodwill", "refuse", refused["id"], "--reason", "no", "--as", "bob")


def test_an_amount_that_is_none_is_wrong_use(house: House) -> None:
    rma = opened(house, "mistyped")
    for amount in ("five", "1.005", "1e400"):
        assert house.run("return", "goodwill", rma, "--amount", amount, "--reason", "x")[0] == 2


def test_a_destination_is_asked_for_only_when_money_looks_for_one(house: House) -> None:
    rma = opened(house, "not-asked")
    status, _, err = house.run("return", "destination", rma, "--kind", "store_credit")
    assert status == 1
    assert "no money looks for another destination" in err
    status, _, err = house.run("return", "destination", rma, "--kind", "bank", "--token", "4242424242424242")
    assert status == 1
    assert "4242" not in err
