"""`boomerang customs`: what a return may claim back, and what an operator notes about it."""

from datetime import UTC, datetime, timedelta

from api.schemas.customs import TOLD_EXAMPLE
from tests.commands.conftest import House, order
from tests.waiting import until


def test_an_operator_follows_a_claim_from_the_refund_to_the_money(house: House) -> None:
    house.done("order", "put", "-", given=order("o_customs", units=1))
    days_ago = (datetime.now(UTC) - timedelta(days=5)).date().isoformat()
    told = {**TOLD_EXAMPLE, "exported_on": days_ago, "imported_on": days_ago}
    assert house.done("customs", "put", "o_customs", "-", given=told) == "customs knows 1 line of o_customs\n"
    rma = house.read("return", "open", "--order", "o_customs", "--line", "l_1=1", "--reason", "wrong_size")["rma"]
    found = house.wait_for(rma, lambda one: one["stage"] == "booked")
    house.done("receipt", found["parcels"][0]["id"])
    house.wait_for(rma, lambda one: one["stage"] == "received")
    house.done("return", "inspect", rma)
    # The provider knows nothing of this payment: the claims are opened by the decision, not by the money.
    until(lambda: house.read("customs", "claims", "--status", "open") != [])
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
    assert house.read("customs", "claims", "--status", "open") == []
    assert "holds" in house.done("ops", "verify")
