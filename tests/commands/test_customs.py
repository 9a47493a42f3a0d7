"""`boomerang customs`: what a return may claim back, and what an operator notes about it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from api.schemas.customs import TOLD_EXAMPLE
from tests.commands.conftest import House, order
from tests.waiting import until


def tell_customs(house: House, order_id: str, body: dict[str, Any]) -> None:
    """As a storefront does."""
    port = json.loads((house.folder / "ports.json").read_text())["server"]
    from database import keys
    from database.engine import connect, sessions
    from embedded import PostgresCluster
    from stack import DATABASE

    engine = connect(PostgresCluster((house.folder / "postgres").resolve()).url(DATABASE))
    with sessions(engine).begin() as session:
        _, secret = keys.create(session, f"shop-of-{order_id}", ["orders:write"])
    engine.dispose()
    answer = httpx2.put(
        f"http://127.0.0.1:{port}/v1/orders/{order_id}/customs",
        json=body,
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 200, answer.text


def test_an_operator_follows_a_claim_from_the_refund_to_the_money(house: House) -> None:
    house.done("order", "put", "-", given=order("o_customs", units=1))
    days_ago = (datetime.now(UTC) - timedelta(days=5)).date().isoformat()
    tell_customs(house, "o_customs", {**TOLD_EXAMPLE, "exported_on": days_ago, "imported_on": days_ago})
    rma = house.read("return", "open", "--order", "o_customs", "--line", "l_1=1", "--reason", "wrong_size")["rma"]
    found = house.wait_for(rma, lambda one: one["stage"] == "booked")
    house.done("receipt", found["parcels"][0]["id"])
    house.done("return", "inspect", rma, "--line", f"{found['lines'][0]['id']}=1A")
    house.wait_for(rma, lambda one: one["stage"] == "closed")
    shown = house.done("customs", "show", rma)
    assert "they were part of the price paid to the shop" in shown
    assert "US drawback, unused merchandise" in shown
    claims = {one["kind"]: one for one in house.read("customs", "claims", "--status", "open")}
    drawback = claims["us_unused_drawback"]["id"]
    assert house.done("customs", "file", drawback, "--reference", "C285-1") == f"{drawback} is filed.\n"
    assert house.run("customs", "recovered", drawback, "1188", "DOLLARS")[0] == 2
    assert house.done("customs", "recovered", drawback, "1188", "USD") == f"{drawback} is recovered.\n"
    relief = claims["uk_returned_goods_relief"]["id"]
    assert house.done("customs", "rejected", relief, "--reason", "no proof") == f"{relief} is rejected.\n"
    until(lambda: house.read("customs", "claims", "--status", "open") == [])
    assert "holds" in house.done("ops", "verify")
