"""`boomerang return` and `receipt`, against the running product: one return walked, and what is refused."""

from datetime import datetime, timedelta
from pathlib import Path

from tests.commands.conftest import House, order


def opened(house: House, order_id: str, *more: str) -> str:
    """The RMA number of a new return of one dress of a new order, once its label is there."""
    house.done("order", "put", "-", given=order(order_id))
    rma = str(house.read("return", "open", "--order", order_id, "--line", "l_1=1", *more)["rma"])
    house.wait_for(rma, lambda case: case["stage"] == "booked")
    return rma


def test_a_return_is_walked_from_the_command_line(house: House) -> None:
    rma = opened(house, "walked", "--reason", "defective")
    parcel = house.read("return", "show", rma)["parcels"][0]
    assert "is received" in house.done("receipt", parcel["id"])
    house.wait_for(rma, lambda case: case["stage"] == "received")
    house.done("return", "inspect", rma, "--grade", "C", "--found", "a seam is open")
    line = house.wait_for(rma, lambda case: case["lines"][0]["grade"] is not None)["lines"][0]
    assert (line["grade"], line["accepted"]) == ("C", 1)
    timeline = house.done("return", "show", rma, "--timeline")
    assert "inspected" in timeline
    assert "operator" in timeline
    assert "Who bears the freight" in house.done("return", "show", rma, "--why")
    assert "payable:carrier" in house.done("return", "show", rma, "--ledger")
    assert house.read("return", "show", rma, "--terms")["market"]


def test_the_same_key_opens_one_return(house: House) -> None:
    house.done("order", "put", "-", given=order("keyed"))
    words = ("return", "open", "--order", "keyed", "--line", "l_1=1", "--key", "click-1")
    assert house.read(*words)["id"] == house.read(*words)["id"]


def test_a_preview_writes_nothing(house: House) -> None:
    house.done("order", "put", "-", given=order("previewed"))
    seen = house.done("return", "open", "--order", "previewed", "--line", "l_1=2", "--preview")
    assert '"verdict": "eligible"' in seen
    assert house.read("return", "list", "--customer", "customer-of-previewed") == []


def test_more_than_was_bought_is_refused_in_words(house: House) -> None:
    house.done("order", "put", "-", given=order("greedy"))
    status, out, err = house.run("return", "open", "--order", "greedy", "--line", "l_1=3")
    assert (status, out) == (1, "")
    assert "3 units are asked, 2 of 2 are left" in err
    assert "What to do:" in err
    assert "Traceback" not in err


def test_goods_without_an_order_number_that_nobody_bought_wait_for_a_person_or_are_refused(house: House) -> None:
    house.done("order", "put", "-", given=order("nameless"))
    bought = house.read("return", "open", "--customer", "customer-of-nameless", "--sku", "DRESS=1")
    assert bought["lines"][0]["order_id"] == "nameless"
    never = house.read("return", "open", "--customer", "customer-of-nameless", "--sku", "HAT=1")
    assert never["stage"] == "refused"
    assert never["lines"][0]["verdict_reasons"] == ["ITEM_NEVER_PURCHASED_IN_DATA"]


def test_a_referred_return_is_decided_by_a_person(house: House) -> None:
    yes, no = (house.read("return", "open", "--sku", "HAT=1")["rma"] for _ in range(2))
    assert house.read("return", "show", yes)["stage"] == "referred"
    assert house.read("return", "refuse", no, "--reason", "we never sold hats")["stage"] == "refused"
    assert house.read("return", "authorize", yes, "--note", "she showed the receipt")["stage"] == "authorized"
    status, _, err = house.run("return", "refuse", yes, "--reason", "too late")
    assert status == 1
    assert "What to do:" in err


def test_a_deadline_is_moved_out_and_never_in(house: House) -> None:
    rma = opened(house, "extended")
    due = datetime.fromisoformat(house.read("return", "show", rma)["due"]["at"])
    later = (due + timedelta(days=3)).isoformat()
    moved = house.read("return", "extend", rma, "--until", later, "--reason", "she is travelling")
    assert datetime.fromisoformat(moved["due"]["at"]) == due + timedelta(days=3)
    assert house.run("return", "extend", rma, "--until", due.isoformat())[0] == 1


def test_a_return_is_cancelled_and_listed_as_such(house: House) -> None:
    rma = opened(house, "cancelled")
    house.done("return", "cancel", rma, "--reason", "kept after all")
    house.wait_for(rma, lambda case: case["stage"] == "cancelled")
    assert rma in house.done("return", "list", "--stage", "cancelled")
    assert rma in [case["rma"] for case in house.read("return", "list", "--find", rma)]


def test_an_unknown_return_and_an_unknown_parcel_are_said_to_be_unknown(house: House) -> None:
    for words in (("return", "show", "RMA1"), ("receipt", "par_never")):
        status, _, err = house.run(*words)
        assert status == 1
        assert words[-1] in err


def test_the_credit_note_is_shown_and_written_as_pdf(house: House, tmp_path: Path) -> None:
    rma = opened(house, "noted", "--reason", "defective")
    assert "no credit note" in house.done("return", "credit-note", rma)
    assert "is received" in house.done("receipt", house.read("return", "show", rma)["parcels"][0]["id"])
    house.wait_for(rma, lambda case: case["stage"] == "received")
    house.done("return", "inspect", rma)
    (number,) = house.wait_for(rma, lambda case: bool(case["credit_notes"]))["credit_notes"]
    shown = house.done("return", "credit-note", rma)
    assert number in shown
    assert "made-up merchant" in shown
    file = tmp_path / "note.pdf"
    assert f"{number} is in {file}" in house.done("return", "credit-note", rma, "--pdf", str(file)).replace("\n", "")
    assert file.read_bytes().startswith(b"%PDF")
    assert house.read("return", "credit-note", rma)[0]["number"] == number
    status, _, err = house.run("return", "credit-note", rma, "--pdf", str(tmp_path / "nowhere" / "note.pdf"))
    assert (status, "cannot be written" in err) == (2, True)
