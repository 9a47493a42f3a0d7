"""Opening and reading returns: what is refused and why, one effect for one wish, and what a return shows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx2
import pytest

from api.schemas.returns import EXAMPLE, ReturnShown
from api.security import Role
from tests.api.doors import Doors, is_problem, order_body, pointers, return_body

Body = dict[str, Any]


def a_line(**vary: Any) -> Body:
    return {"lines": [{"order_line_id": "l_1", "quantity": 1, "reason": "wrong_size"} | vary]}


WRONG: dict[str, tuple[Body, int, str, str]] = {
    "an unknown order": ({"order_id": "o_none"}, 404, "unknown_order", "/order_id"),
    "an order of somebody else": ({"customer_id": "c_stranger"}, 404, "unknown_order", "/order_id"),
    "a line of another order": (a_line(order_line_id="l_9"), 422, "line_not_in_order", "/lines/0/order_line_id"),
    "more than was bought": (a_line(quantity=4), 409, "quantity_above_what_is_left", "/lines/0/quantity"),
    "nothing": (a_line(quantity=0), 422, "quantity_not_positive", "/lines/0/quantity"),
    "less than nothing": (a_line(quantity=-1), 422, "quantity_not_positive", "/lines/0/quantity"),
    "half a unit": (a_line(quantity=0.5), 422, "quantity_not_whole", "/lines/0/quantity"),
    "one unit as a fraction": (a_line(quantity=1.0), 422, "quantity_not_whole", "/lines/0/quantity"),
    "a quantity in quotes": (a_line(quantity="1"), 422, "quantity_not_whole", "/lines/0/quantity"),
    "a yes for a quantity": (a_line(quantity=True), 422, "quantity_not_whole", "/lines/0/quantity"),
    "a quantity beyond reason": (a_line(quantity=10**30), 422, "quantity_too_large", "/lines/0/quantity"),
    "another currency": ({"currency": "USD"}, 422, "currency_mismatch", "/currency"),
    "a currency that is none": ({"currency": "EUX"}, 422, "unknown_currency", "/currency"),
    "no lines": ({"lines": []}, 422, "no_lines", "/lines"),
    "too many lines": ({"lines": a_line()["lines"] * 201}, 422, "too_many", "/lines"),
    "the same line twice": ({"lines": a_line()["lines"] * 2}, 422, "order_line_named_twice", "/lines/1/order_line_id"),
    "a line that names nothing": (a_line(order_line_id=None), 422, "line_not_named", "/lines/0/order_line_id"),
    "an unknown reason": (a_line(reason="because"), 422, "not_one_of", "/lines/0/reason"),
    "a field that nobody reads": ({"status": "closed"}, 422, "unknown_field", "/status"),
    "a repair of the shopper's own goods, which must never refund": (
        {"resolution": "repair"},
        422,
        "resolution_not_offered",
        "/resolution",
    ),
    "a unit price of one's own, above the one that was paid": (
        a_line(unit_price={"amount": 99999, "currency": "EUR"}),
        422,
        "unknown_field",
        "/lines/0/unit_price",
    ),
    "an exchange": ({"resolution": "exchange"}, 422, "resolution_not_offered", "/resolution"),
    "an unknown way back": ({"method": "drone"}, 422, "not_one_of", "/method"),
    "a note with NUL": (a_line(note="a\0b"), 422, "control_characters", "/lines/0/note"),
    "a note too long": (a_line(note="x" * 2001), 422, "too_long", "/lines/0/note"),
    "an id that cannot be seen": ({"order_id": "o\u200b1"}, 422, "characters_not_printable", "/order_id"),
    "an id that is a number": ({"order_id": 7}, 422, "not_a_text", "/order_id"),
    "an empty id": ({"order_id": ""}, 422, "too_short", "/order_id"),
    "a day that is not": ({"declared_at": "2026-02-30T00:00:00Z"}, 422, "not_a_moment", "/declared_at"),
    "a moment without zone": ({"declared_at": "2026-02-03T00:00:00"}, 422, "moment_without_zone", "/declared_at"),
    "a moment as a number": ({"declared_at": 1770000000}, 422, "not_a_moment", "/declared_at"),
    "a moment out of the world": ({"declared_at": "9999-12-31T23:59:59Z"}, 422, "moment_out_of_range", "/declared_at"),
    "lines that are no list": ({"lines": {}}, 422, "not_a_list", "/lines"),
    "a line that is no object": ({"lines": [1]}, 422, "not_an_object", "/lines/0"),
}


@pytest.mark.parametrize(("vary", "status", "code", "pointer"), WRONG.values(), ids=WRONG)
def test_bad_input_is_named_pointed_at_and_without_effect(
    doors: Doors, vary: Body, status: int, code: str, pointer: str
) -> None:
    order = doors.sell()
    before = doors.rows()
    for path in ("/v1/returns", "/v1/returns/preview"):
        answer = doors.post(path, return_body(order) | vary)
        assert is_problem(answer, status, code)
        assert pointers(answer) == [pointer]
    assert doors.rows() == before
    assert set(doors.claimed(order).values()) == {0}


def test_a_body_that_is_no_json_is_refused_by_name(doors: Doors) -> None:
    before = doors.rows()
    assert is_problem(doors.post("/v1/returns", raw=b'{"lines": ['), 400, "malformed_json")
    assert doors.rows() == before


def test_units_refunded_or_under_way_are_gone(doors: Doors) -> None:
    order = doors.sell()
    doors.open(order, **a_line(quantity=2))
    answer = doors.post("/v1/returns", return_body(order, **a_line(quantity=2)))
    assert is_problem(answer, 409, "quantity_above_what_is_left")
    assert answer.json()["facts"] == {"asked": 2, "left": 1}


def test_an_opened_return_is_answered_whole(doors: Doors) -> None:
    order = doors.sell()
    answer = doors.post("/v1/returns", return_body(order), role=Role.STOREFRONT)
    body = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/returns/{body['id']}")
    assert answer.headers["etag"] == f'"{body["version"]}"'
    assert list(body) == list(ReturnShown.model_fields) == list(EXAMPLE)
    assert (body["order_id"], body["status"], body["stage"]) == (order, "open", "authorized")
    assert body["refund"]["quoted"] == {"amount": 4000, "currency": "EUR"}
    assert body["due"]["owner"] == "carrier"
    assert f"return/{body['id']}" in doors.temporal.started


def test_a_return_that_the_policy_refuses_is_opened_as_refused_with_its_reasons(doors: Doors) -> None:
    order = doors.sell(placed_at="2025-01-01T00:00:00Z", delivered_at="2025-01-02T00:00:00Z")
    body = doors.open(order)
    assert (body["status"], body["outcome"], body["due"]) == ("refused", "refused", None)
    assert body["lines"][0]["verdict_reasons"] == ["outside_window"]
    assert doors.claimed(order)["l_1"] == 0
    assert f"return/{body['id']}" not in doors.temporal.started


def test_goods_without_an_order_number_find_their_purchase(doors: Doors) -> None:
    order = doors.sell(customer={"id": "c_regular", "country": "DE"})
    line = {"sku": "BELT", "quantity": 1, "reason": "defective"}
    answer = doors.post("/v1/returns", {"customer_id": "c_regular", "lines": [line]})
    assert answer.status_code == 201
    assert (answer.json()["lines"][0]["order_id"], answer.json()["lines"][0]["order_line_id"]) == (order, "l_2")


def test_preview_says_what_opening_will_and_writes_nothing(doors: Doors) -> None:
    order = doors.sell()
    before = doors.rows()
    seen = doors.post("/v1/returns/preview", return_body(order), key=None).json()
    assert doors.rows() == before
    opened = doors.open(order)
    assert seen["verdict"] == opened["lines"][0]["verdict"] == "eligible"
    assert seen["refund"]["quoted"] == opened["refund"]["quoted"]
    assert seen["due"]["stage"] == opened["stage"]
    assert seen["fees"][0]["bearer"] == "merchant"
    assert seen["terms"]["limits"]["inspection"] == {"duration": "P2D", "business_days": True}
    assert {"question", "answer", "rule", "source", "inputs"} == set(seen["explanation"][0])


# --- twice ---


def at_once(*requests: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """The answers to requests that are let go at the same instant."""
    gate = Barrier(len(requests))

    def go(request: Callable[[], httpx2.Response]) -> httpx2.Response:
        gate.wait()
        return request()

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(go, requests))


@pytest.mark.parametrize("trial", range(10))
def test_one_wish_sent_twice_at_once_has_one_effect_and_one_answer(doors: Doors, trial: int) -> None:
    order = doors.sell()
    before = doors.rows()["cases"]

    def wish() -> httpx2.Response:
        return doors.post("/v1/returns", return_body(order), key=f"twice-{trial}")

    first, second = at_once(wish, wish)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert sorted([first.headers.get("idempotent-replayed", ""), second.headers.get("idempotent-replayed", "")]) == [
        "",
        "true",
    ]
    assert doors.rows()["cases"] == before + 1
    assert doors.claimed(order)["l_1"] == 1


@pytest.mark.parametrize("trial", range(10))
def test_two_people_at_once_cannot_both_have_the_last_unit(doors: Doors, trial: int) -> None:
    order = doors.sell()

    def wish() -> httpx2.Response:
        return doors.post("/v1/returns", return_body(order, **a_line(order_line_id="l_2")))

    answers = at_once(wish, wish)
    lost = next(answer for answer in answers if answer.status_code != 201)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert is_problem(lost, 409, "quantity_above_what_is_left")
    assert pointers(lost) == ["/lines/0/quantity"]
    assert doors.claimed(order)["l_2"] == 1


def test_a_repetition_gets_the_first_answer_even_when_the_return_has_moved_on(doors: Doors) -> None:
    order = doors.sell()
    first = doors.post("/v1/returns", return_body(order), key='"again"')
    doors.post(f"/v1/returns/{first.json()['id']}/cancel")
    second = doors.post("/v1/returns", return_body(order), key="again")
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


def test_the_same_words_spaced_otherwise_are_the_same_wish(doors: Doors) -> None:
    order = doors.sell()
    first = doors.post("/v1/returns", return_body(order), key="spaced")
    spaced = f'{{"lines": [ {{"reason":"wrong_size","quantity":1,"order_line_id":"l_1"}} ],\n "order_id": "{order}"}}'
    assert doors.post("/v1/returns", raw=spaced.encode(), key="spaced").content == first.content


def test_a_key_stands_for_one_request_only(doors: Doors) -> None:
    order = doors.sell()
    doors.post("/v1/returns", return_body(order), key="mine")
    before = doors.rows()
    answer = doors.post("/v1/returns", return_body(order, **a_line(quantity=2)), key="mine")
    assert is_problem(answer, 422, "idempotency_key_reused")
    assert doors.rows() == before


def test_keys_of_two_callers_do_not_meet(doors: Doors) -> None:
    order = doors.sell()
    first = doors.post("/v1/returns", return_body(order), key="shared", role=Role.STOREFRONT)
    second = doors.post("/v1/returns", return_body(order), key="shared", role=Role.ADMIN)
    assert first.json()["id"] != second.json()["id"]


def test_a_refused_request_leaves_its_key_free(doors: Doors) -> None:
    order = doors.sell()
    assert doors.post("/v1/returns", return_body("o_none"), key="free").status_code == 404
    assert doors.post("/v1/returns", return_body(order), key="free").status_code == 201


# --- reading ---


def test_a_return_is_found_by_its_rma_number_too(doors: Doors) -> None:
    opened = doors.open(doors.sell())
    assert doors.get(f"/v1/returns/{opened['rma']}").json() == doors.get(f"/v1/returns/{opened['id']}").json() == opened


def test_what_has_not_changed_is_not_sent_again(doors: Doors) -> None:
    opened = doors.open(doors.sell())
    path = f"/v1/returns/{opened['id']}"
    again = doors.get(path, headers={"If-None-Match": doors.get(path).headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert doors.get(path, headers={"If-None-Match": '"99"'}).status_code == 200


@pytest.mark.parametrize("part", ["", "/timeline", "/explanation", "/ledger", "/terms"])
def test_an_unknown_return_is_said_to_be_unknown(doors: Doors, part: str) -> None:
    assert is_problem(doors.get(f"/v1/returns/ret_none{part}"), 404, "unknown_return")


def test_a_return_tells_its_story(doors: Doors) -> None:
    opened = doors.open(doors.sell())
    path = f"/v1/returns/{opened['id']}"
    told = doors.get(f"{path}/timeline").json()["data"]
    assert [fact["kind"] for fact in told] == ["requested", "checked", "opened_authorized"]
    assert {fact["by"] for fact in told} == {"admin"}
    reasons = doors.get(f"{path}/explanation").json()["data"]
    assert reasons[-1]["question"] == "May the goods come back?"
    assert {reason["step"] for reason in reasons} == {"opening"}
    terms = doors.get(f"{path}/terms").json()
    assert (terms["tier"], terms["market"]) == (opened["tier"], opened["market"])
    assert doors.get(f"{path}/ledger").json() == {
        "return_id": opened["id"],
        "settlement": None,
        "entries": [],
        "balances": [],
    }


def test_pages_follow_one_another_without_gap_or_repetition(doors: Doors) -> None:
    customer = {"id": "c_pages", "country": "DE"}
    opened = [doors.open(doors.sell(customer=customer))["id"] for _ in range(5)]
    seen, path = [], "/v1/returns?customer=c_pages&limit=2"
    while path:
        answer = doors.get(path)
        page = answer.json()
        seen += [one["id"] for one in page["data"]]
        link = answer.headers.get("link", "")
        assert bool(link) == page["has_more"] == (page["next_cursor"] is not None)
        path = link.partition(">")[0].removeprefix("<")
    assert seen == opened[::-1]


def test_a_list_asks_as_much_for_many_as_for_one(doors: Doors, count_queries: Callable[[], int]) -> None:
    customer = {"id": "c_many", "country": "DE"}
    doors.open(doors.sell(customer=customer))
    begun = count_queries()
    doors.get("/v1/returns?customer=c_many")
    for_one = count_queries() - begun
    for _ in range(6):
        doors.open(doors.sell(customer=customer))
    begun = count_queries()
    assert len(doors.get("/v1/returns?customer=c_many").json()["data"]) == 7
    assert count_queries() - begun == for_one


def test_filters_narrow_the_list(doors: Doors) -> None:
    customer = {"id": "c_filters", "country": "DE"}
    open_one = doors.open(doors.sell(customer=customer))
    long_ago = {"placed_at": "2025-01-01T00:00:00Z", "delivered_at": "2025-01-02T00:00:00Z"}
    refused = doors.open(doors.sell(customer=customer, **long_ago))

    def found(query: str) -> list[str]:
        return [one["id"] for one in doors.get(f"/v1/returns?customer=c_filters&{query}").json()["data"]]

    assert found("stage=refused") == found("status=refused") == [refused["id"]]
    assert found("due_before=2100-01-01T00:00:00Z") == [open_one["id"]]
    assert found(f"q={refused['rma']}") == [refused["id"]]
    assert found("needs_attention=true") == []
    assert found("market=DE&tier=ENTRY") == [refused["id"], open_one["id"]]


UNREADABLE = {
    "a limit above the most": ("limit=101", "too_large"),
    "a limit of nothing": ("limit=0", "too_small"),
    "an unknown stage": ("stage=lost", "not_one_of"),
    "a filter that is none": ("stagge=closed", "unknown_field"),
    "a cursor of one's own": ("cursor=abc", "cursor_unreadable"),
    "a cursor that is not text": ("cursor=%00", "cursor_unreadable"),
    "a query with NUL": ("q=%00", "characters_not_printable"),
    "a day for a moment": ("due_before=2026-01-01", "not_a_moment"),
}


@pytest.mark.parametrize(("query", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_question_that_cannot_be_read_is_refused_by_name(doors: Doors, query: str, code: str) -> None:
    assert is_problem(doors.get(f"/v1/returns?{query}"), 422, code)


def test_the_order_shows_what_came_back(doors: Doors) -> None:
    order = doors.sell(**order_body())
    doors.open(order, **a_line(quantity=2))
    line = doors.get(f"/v1/orders/{order}").json()["lines"][0]
    assert (line["quantity"], line["in_returns"], line["left"], line["refunded_units"]) == (3, 2, 1, 0)
