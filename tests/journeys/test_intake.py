"""Asking for a return: what the best systems of the field test, and what their users reported, answered over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from api.security import Role
from domain.reasons import ReturnReason
from tests.api.doors import Doors, eur, is_problem, open_doors, pointers, return_body


@pytest.fixture(scope="module")
def house() -> SimpleNamespace:
    """Nothing runs here but the doors and the database."""
    return SimpleNamespace(world=SimpleNamespace(calm=lambda: None), moved=timedelta())


@pytest.fixture(scope="module")
def doors(database_url: str) -> Iterator[Doors]:
    with open_doors(database_url) as opened:
        yield opened


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def dress(**vary: Any) -> dict[str, Any]:
    of_order = {"id": "l_1", "sku": "DRESS-38", "description": "Linen dress", "quantity": 3, "unit_price": eur(5000)}
    return of_order | vary


def verdicts(opened: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(line["verdict"], line["verdict_reasons"]) for line in opened["lines"]]


_numbers = count(1)


def newcomer(country: str = "HK") -> dict[str, Any]:
    """A customer without a history; in Hong Kong there is no right of withdrawal, and the promise alone counts."""
    return {"id": f"c_new_{next(_numbers)}", "country": country}


# --- what was sold


def test_an_order_that_was_never_completed_is_refused_with_a_stored_reason_and_nobody_is_asked(doors: Doors) -> None:
    opened = doors.open(doors.sell(status="open"))

    assert (opened["status"], verdicts(opened)) == ("refused", [("refused", ["order_not_completed"])])
    told = doors.get(f"/v1/returns/{opened['id']}/explanation").json()["data"]
    assert next(one for one in told if one["rule"] == "order_completed")["answer"] == "no: it is open"


@pytest.mark.parametrize(("days", "stage"), [(13.5, "authorized"), (15.5, "refused")])
def test_one_day_inside_and_one_day_outside_the_window(doors: Doors, days: float, stage: str) -> None:
    order_id = doors.sell(customer=newcomer(), placed_at=days_ago(days), delivered_at=days_ago(days))

    assert doors.open(order_id)["stage"] == stage


def test_a_parcel_that_no_return_announced_is_not_received_as_one(doors: Doors) -> None:
    before = doors.rows()

    assert is_problem(doors.post("/v1/parcels/par_nobodys/receipt"), 404, "unknown_parcel")
    assert doors.rows() == before


def test_a_unit_that_never_left_goes_to_a_person_and_is_not_refused(doors: Doors) -> None:
    order_id = doors.sell(lines=[dress(quantity=2, shipped=0), dress(id="l_2", sku="BELT", quantity=1, shipped=1)])
    opened = doors.open(order_id)

    assert verdicts(opened) == [("referred", ["never_shipped"])]


def test_nothing_of_the_order_has_left_so_that_there_is_nothing_to_return(doors: Doors) -> None:
    opened = doors.open(doors.sell(customer=newcomer(), lines=[dress(shipped=0)]))

    assert verdicts(opened) == [("refused", ["nothing_shipped"])]


def test_nothing_has_left_and_a_right_runs_so_that_a_person_cancels_the_order(doors: Doors) -> None:
    assert verdicts(doors.open(doors.sell(lines=[dress(shipped=0)]))) == [("referred", ["nothing_shipped"])]


def test_a_unit_that_is_in_another_return_is_not_eligible_until_that_one_is_cancelled(doors: Doors) -> None:
    order_id = doors.sell(lines=[dress(quantity=1, unit_price=eur(15000))])
    first = doors.open(order_id)
    again = doors.post("/v1/returns", return_body(order_id))
    assert is_problem(again, 409, "quantity_above_what_is_left")
    assert doors.post(f"/v1/returns/{first['id']}/cancel").status_code == 200
    # The label is being bought this moment and given back after; the units are free as soon as the case says that it is over.
    assert doors.claimed(order_id) == {"l_1": 1}


def test_a_unit_that_was_exchanged_cannot_come_back_as_well(doors: Doors) -> None:
    opened = doors.open(doors.sell(lines=[dress(exchanged=3)]))

    assert verdicts(opened) == [("refused", ["already_exchanged"])]


def test_goods_of_two_orders_in_one_return_are_refused(doors: Doors) -> None:
    mine, other = doors.sell(), doors.sell()
    lines = [
        {"order_line_id": "l_1", "quantity": 1, "reason": "wrong_size"},
        {"order_line_id": f"{other}:l_1", "quantity": 1, "reason": "wrong_size"},
    ]
    answer = doors.post("/v1/returns", return_body(mine, lines=lines))

    assert is_problem(answer, 422, "line_not_in_order")
    assert pointers(answer) == ["/lines/1/order_line_id"]


def test_more_than_was_shipped_is_refused(doors: Doors) -> None:
    line = {"order_line_id": "l_1", "quantity": 2, "reason": "wrong_size"}
    opened = doors.open(doors.sell(customer=newcomer(), lines=[dress(shipped=1)]), lines=[line])

    assert verdicts(opened) == [("refused", ["quantity_above_shipped"])]


def test_within_the_right_of_withdrawal_a_person_looks_at_what_was_never_shipped(doors: Doors) -> None:
    line = {"order_line_id": "l_1", "quantity": 2, "reason": "wrong_size"}
    opened = doors.open(doors.sell(lines=[dress(shipped=1)]), lines=[line])

    assert verdicts(opened) == [("referred", ["never_shipped"])]


def test_a_gift_card_cannot_be_returned(doors: Doors) -> None:
    opened = doors.open(doors.sell(customer=newcomer(), lines=[dress(natures=["gift_card"])]))

    assert verdicts(opened) == [("refused", ["gift_card"])]


def test_a_gift_card_within_the_right_of_withdrawal_is_looked_at_by_a_person(doors: Doors) -> None:
    assert verdicts(doors.open(doors.sell(lines=[dress(natures=["gift_card"])]))) == [("referred", ["gift_card"])]


@pytest.mark.parametrize("line_id", ["l_9", "o_other:l_1"], ids=["unknown", "of another order"])
def test_a_line_that_is_not_of_the_order_is_an_error_of_that_line(doors: Doors, line_id: str) -> None:
    line = {"order_line_id": line_id, "quantity": 1, "reason": "wrong_size"}
    answer = doors.post("/v1/returns", return_body(doors.sell(), lines=[line]))

    assert is_problem(answer, 422, "line_not_in_order")
    assert pointers(answer) == ["/lines/0/order_line_id"]


def test_a_second_return_is_offered_only_the_remainder(doors: Doors) -> None:
    order_id = doors.sell(lines=[dress(quantity=5, unit_price=eur(3000))])
    doors.open(order_id, lines=[{"order_line_id": "l_1", "quantity": 2, "reason": "wrong_size"}])

    assert doors.get(f"/v1/orders/{order_id}").json()["lines"][0]["left"] == 3
    four = {"order_line_id": "l_1", "quantity": 4, "reason": "wrong_size"}
    assert doors.post("/v1/returns", return_body(order_id, lines=[four])).json()["facts"]["left"] == 3


# --- what is asked


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        pytest.param({"lines": []}, "no_lines", "/lines", id="no goods"),
        pytest.param({"method": "by pigeon"}, "not_one_of", "/method", id="no such way back"),
        pytest.param({"resolution": "a hug"}, "resolution_not_offered", "/resolution", id="nothing that is offered"),
    ],
)
def test_a_request_that_lacks_what_matters_creates_nothing(
    doors: Doors, body: dict[str, Any], code: str, pointer: str
) -> None:
    order_id = doors.sell()
    before = doors.rows()
    answer = doors.post("/v1/returns", return_body(order_id, **body))

    assert answer.status_code == 422, answer.text
    assert pointers(answer) == [pointer]
    assert code in answer.text
    assert doors.rows() == before


def test_only_a_reason_of_the_list_is_a_reason_and_not_the_group_it_belongs_to(doors: Doors) -> None:
    line = {"order_line_id": "l_1", "quantity": 1, "reason": "quality"}
    answer = doors.post("/v1/returns", return_body(doors.sell(), lines=[line]))

    assert answer.status_code == 422
    assert pointers(answer) == ["/lines/0/reason"]


def test_a_reason_is_asked_for_where_the_programme_wants_one(doors: Doors) -> None:
    answer = doors.post("/v1/returns", return_body(doors.sell(), lines=[{"order_line_id": "l_1", "quantity": 1}]))

    assert is_problem(answer, 422, "reason_missing")
    assert set(answer.json()["facts"]["offered"]) == set(ReturnReason)


def test_the_preview_follows_each_change_of_the_request_and_writes_nothing(doors: Doors) -> None:
    order_id = doors.sell()
    before = doors.rows()

    def quoted(*lines: tuple[str, int]) -> int:
        asked = [{"order_line_id": name, "quantity": units, "reason": "wrong_size"} for name, units in lines]
        answer = doors.post("/v1/returns/preview", return_body(order_id, lines=asked))
        assert answer.status_code == 200, answer.text
        return int(answer.json()["refund"]["quoted"]["amount"])

    assert quoted(("l_1", 1)) == 4000
    assert quoted(("l_1", 1), ("l_2", 1)) == 7000, "a line is added"
    assert quoted(("l_2", 1)) == 3000, "and the other removed"
    assert quoted(("l_2", 1), ("l_1", 3)) == 15000, "added again with another quantity"
    assert doors.rows() == before


def test_nobody_types_a_price_for_the_way_back_since_a_rule_says_who_bears_it(doors: Doors) -> None:
    order_id = doors.sell()
    typed = doors.post("/v1/returns", return_body(order_id, freight={"amount": 100, "note": "as a favour"}))
    assert typed.status_code == 422
    assert pointers(typed) == ["/freight"]
    fee = doors.post("/v1/returns/preview", return_body(order_id)).json()["fees"][0]
    assert (fee["bearer"], fee["amount"]) == ("merchant", None)
    assert fee["source"].startswith("law of DE")


def test_an_amount_in_the_shops_own_currency_cannot_be_entered_on_a_foreign_order(doors: Doors) -> None:
    answer = doors.post("/v1/returns", return_body(doors.sell(), currency="GBP"))

    assert is_problem(answer, 422, "currency_mismatch")
    assert (pointers(answer), answer.json()["facts"]["order_currency"]) == (["/currency"], "EUR")


def test_serials_that_were_not_sold_are_other_goods(doors: Doors) -> None:
    order_id = doors.sell(lines=[dress(serials=["S1", "S2", "S3"])])
    line = {"order_line_id": "l_1", "quantity": 1, "reason": "defective"}
    assert verdicts(doors.open(order_id, lines=[line | {"serials": ["S9"]}])) == [("refused", ["serial_mismatch"])]
    assert verdicts(doors.open(order_id, lines=[line | {"serials": ["S2"]}])) == [("eligible", [])]


def test_every_reason_of_a_refusal_is_told_at_once_with_the_way_to_appeal(doors: Doors) -> None:
    order_id = doors.sell(
        customer=newcomer(),
        placed_at=days_ago(40),
        delivered_at=days_ago(40),
        lines=[dress(final_sale=True, natures=["custom_made"])],
    )
    opened = doors.open(order_id)

    assert verdicts(opened) == [("refused", ["outside_window", "excluded_goods", "final_sale"])]
    assert opened["appeal"]["call"] == f"POST /v1/returns/{opened['id']}/appeal"
    letter = doors.get(f"/v1/returns/{opened['id']}/explanation", headers={"Accept": "text/plain"}).text
    assert "The goods may not come back." in letter
    assert "What if you disagree?" in letter


# --- who asks


def test_a_caller_without_the_scope_cannot_even_list(doors: Doors) -> None:
    assert is_problem(doors.get("/v1/returns", role=Role.WAREHOUSE), 403, "scope_missing")
    assert is_problem(doors.post("/v1/returns", return_body("o_1"), role=Role.WAREHOUSE), 403, "scope_missing")


def test_a_shopper_opens_a_return_of_the_own_order_and_of_no_other(doors: Doors) -> None:
    order_id = doors.sell(customer={"id": "c_anna", "country": "DE"})
    other = doors.post("/v1/returns", return_body(order_id, customer_id="c_bert"))
    assert is_problem(other, 404, "unknown_order")
    assert doors.open(order_id, customer_id="c_anna")["customer_id"] == "c_anna"


def test_a_request_that_was_cancelled_cannot_be_authorized_any_more(doors: Doors) -> None:
    order_id = doors.sell(placed_at=days_ago(200), delivered_at=days_ago(200))
    line = {"order_line_id": "l_1", "quantity": 1, "reason": "defective"}
    opened = doors.open(order_id, lines=[line])
    assert opened["stage"] == "referred"
    assert doors.post(f"/v1/returns/{opened['id']}/cancel").json()["stage"] == "cancelled"
    assert is_problem(doors.post(f"/v1/returns/{opened['id']}/authorize"), 409, "not_now")
    assert set(doors.claimed(order_id).values()) == {0}


def test_a_refusal_is_appealed_against_once_and_units_in_another_return_are_not(doors: Doors) -> None:
    order_id = doors.sell(
        customer=newcomer(),
        placed_at=days_ago(40),
        delivered_at=days_ago(40),
        lines=[dress(quantity=1, unit_price=eur(15000))],
    )
    first, second = doors.open(order_id), doors.open(order_id)
    appealed = doors.post(f"/v1/returns/{first['id']}/appeal", {"reason": "I was in hospital"})
    assert appealed.status_code == 200, appealed.text
    body = appealed.json()
    assert (body["stage"], body["due"]["owner"], body["due"]["default"]) == ("referred", "platform", "authorize")
    assert (verdicts(body), body["appeal"], body["refund"]["quoted"]["amount"]) == (
        [("referred", ["outside_window"])],
        None,
        15000,
    )
    assert doors.claimed(order_id) == {"l_1": 1}
    again = doors.post(f"/v1/returns/{second['id']}/appeal", {"reason": "so was I"})
    assert is_problem(again, 409, "units_in_another_return")
    assert doors.get(f"/v1/returns/{second['id']}").json()["stage"] == "refused"
    ann, bert = {"Boomerang-Actor": "Ann"}, {"Boomerang-Actor": "Bert"}
    refused = doors.post(f"/v1/returns/{first['id']}/refuse", {"reason": "no proof"}, headers=ann)
    assert (refused.json()["stage"], refused.json()["appeal"]) == ("refused", None)
    assert is_problem(doors.post(f"/v1/returns/{first['id']}/appeal", {"reason": "please"}), 409, "done_before")

    defective = {"order_line_id": "l_1", "quantity": 1, "reason": "defective"}
    opened = doors.open(doors.sell(placed_at=days_ago(200), delivered_at=days_ago(200)), lines=[defective])
    path = f"/v1/returns/{opened['id']}"
    assert doors.post(f"{path}/refuse", {"reason": "worn"}, headers=ann).json()["stage"] == "refused"
    assert doors.post(f"{path}/appeal", {"reason": "it broke"}).json()["stage"] == "referred"
    for words in ("authorize", "refuse"):
        again = doors.post(f"{path}/{words}", {"reason": "as I said"} if words == "refuse" else {}, headers=ann)
        assert is_problem(again, 409, "refused_it_before"), "who refused it does not decide about the appeal"
    assert doors.post(f"{path}/authorize", {}, headers=bert).json()["stage"] == "authorized"


def test_an_inactive_reason_is_still_shown_on_an_old_return_and_not_offered_on_a_new_one(doors: Doors) -> None:
    order_id = doors.sell()
    line = {"order_line_id": "l_1", "quantity": 1, "reason": "better_price"}
    old = doors.open(order_id, lines=[line])
    listed = doors.get("/v1/policies").json()["data"]
    live = next(one for one in listed if (one["programme"], one["status"]) == ("standard", "live"))
    text = doors.get(f"/v1/policies/{live['id']}").json()["text"]
    fewer = ", ".join(f'"{reason}"' for reason in ReturnReason if reason != "better_price")
    text = text.replace('version = "1"', 'version = "2"') + f"\n[requests]\nreasons = [{fewer}]\n"
    draft = doors.post("/v1/policies", {"text": text, "note": "no more haggling"})
    assert draft.status_code == 201, draft.text
    published = doors.post(f"/v1/policies/{draft.json()['id']}/publish", {"accept_warnings": True})
    assert published.status_code == 200, published.text

    refused = doors.post("/v1/returns", return_body(order_id, lines=[line]))
    assert is_problem(refused, 422, "reason_not_offered")
    assert doors.get(f"/v1/returns/{old['id']}").json()["lines"][0]["reason"] == "better_price"
    new = doors.open(order_id, lines=[line | {"reason": "wrong_size"}])
    assert (old["policy_version"], new["policy_version"]) == ("1", "2")
