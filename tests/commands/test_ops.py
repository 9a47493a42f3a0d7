"""`boomerang ops`, against the running product."""

from tests.commands.conftest import House


def test_the_books_are_in_order(house: House) -> None:
    assert "BROKEN" not in house.done("ops", "verify")
    assert house.read("ops", "verify")["holds"] is True


def test_trying_again_what_has_not_failed_is_refused(house: House) -> None:
    rma = house.read("return", "open", "--sku", "HAT=1")["rma"]
    status, _, err = house.run("ops", "retry", rma, "--reason", "why not")
    assert status == 1
    assert rma in err
