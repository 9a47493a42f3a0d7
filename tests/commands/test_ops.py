"""`boomerang ops`, against the running product."""

import json
from typing import Any

import httpx2

from settings import Settings, with_demo_secrets
from tests.commands.conftest import House, order


def test_the_books_are_in_order(house: House) -> None:
    said = house.done("ops", "verify")
    assert "BROKEN" not in said
    assert "simulated: its books as of" in said
    assert "I1 to I5 hold" in said
    found = house.read("ops", "verify")
    assert (found["holds"], found["reconciliation"]["status"]) == (True, "finished")
    assert "reconciliation" not in house.read("ops", "verify", "--offline")


def test_trying_again_what_has_not_failed_is_refused(house: House) -> None:
    rma = house.read("return", "open", "--sku", "HAT=1")["rma"]
    status, _, err = house.run("ops", "retry", rma, "--reason", "why not")
    assert status == 1
    assert rma in err


def provider_of(house: House) -> httpx2.Client:
    """The stack's own payment provider, past the house."""
    secrets = with_demo_secrets(Settings(data_dir=house.folder))
    assert secrets.payments_api_key
    port = json.loads((house.folder / "ports.json").read_text())["payments"]
    headers = {"Authorization": f"Bearer {secrets.payments_api_key.get_secret_value()}"}
    return httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False)


def refunded(house: House, order_id: str) -> dict[str, Any]:
    """One of two dresses, refunded."""
    with provider_of(house) as provider:
        payment = {"reference": f"pay_{order_id}", "amount": 2400, "currency": "EUR"}
        assert provider.post("/v1/payments", json={"payments": [payment]}).status_code == 200
    house.done("order", "put", "-", given=order(order_id))
    rma = house.read("return", "open", "--order", order_id, "--line", "l_1=1")["rma"]
    booked = house.wait_for(rma, lambda found: found["stage"] == "booked")
    house.done("receipt", booked["parcels"][0]["id"])
    house.done("return", "inspect", rma)
    return house.wait_for(rma, lambda found: found["stage"] == "closed")


def pay_twice(house: House, order_id: str) -> None:
    """The provider loses an idempotency key."""
    with provider_of(house) as provider:
        (paid,) = provider.get("/v1/refunds", params={"payment": f"pay_{order_id}"}).json()["data"]
        provider.post("/admin/knobs", json={"ignore_keys": {"next": 1}})
        body = {name: paid[name] for name in ("payment", "amount", "currency", "metadata")}
        key = {"Idempotency-Key": paid["metadata"]["refund_id"]}
        assert provider.post("/v1/refunds", json=body, headers=key).status_code == 201


def test_a_refund_that_was_paid_twice_is_found_shown_and_dealt_with(house: House) -> None:
    case = refunded(house, "twice-1")
    assert "reconciled: no difference is open" in house.done("ops", "reconcile")
    pay_twice(house, "twice-1")

    status, said, progress = house.run("ops", "reconcile", "--provider", "simulated")
    assert (status, "not reconciled: 1 difference open" in said) == (1, True), said
    assert "listed" in progress
    status, said, _ = house.run("ops", "verify")
    assert status == 1
    assert "I1  BROKEN" in said
    assert "boomerang ops resolve" in said
    assert said.endswith("BROKEN: I1. The first thing to do stands under each.\n")
    listed = house.done("ops", "differences", "--return", case["rma"])
    assert "doubled" in listed
    assert "EUR 12.00" in listed
    assert house.read("return", "show", case["rma"])["needs_attention"]["reason"] == "payments_differ"

    (one,) = house.read("ops", "differences")
    said = house.done("ops", "resolve", one["id"], "--reason", "the provider took it back, note 4711")
    assert said == f"{one['id']} is resolved.\n"
    assert "by_hand" in house.done("ops", "differences", "--all")
    assert "reconciled: no difference is open" in house.done("ops", "reconcile")
    assert "I1 to I5 hold" in house.done("ops", "verify")


def test_an_unknown_provider_is_a_sentence(house: House) -> None:
    status, _, err = house.run("ops", "reconcile", "--provider", "nobody")
    assert status == 1
    assert "no payment provider" in err


def test_nobody_has_to_wait_for_it(house: House) -> None:
    assert "boomerang ops differences" in house.done("ops", "reconcile", "--no-wait")
