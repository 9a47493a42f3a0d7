"""Orders told and asked for: every impossible order is refused by name, and the same order told twice is one."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.api.doors import Doors, eur, is_problem, order_body, pointers, return_body
from tests.api.routes.test_returns import at_once


def a_line(**vary: Any) -> dict[str, Any]:
    lines = order_body()["lines"]
    return {"lines": [lines[0] | vary, lines[1]]}


def a_tender(**vary: Any) -> dict[str, Any]:
    return {"tenders": [order_body()["tenders"][0] | vary]}


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no lines": ({"lines": []}, "no_order_lines", "/lines"),
    "a quantity of nothing": (a_line(quantity=0), "quantity_not_positive", "/lines/0/quantity"),
    "half a unit": (a_line(quantity=0.5), "quantity_not_whole", "/lines/0/quantity"),
    "a price in fractions": (a_line(unit_price=eur(40.5)), "amount_not_whole", "/lines/0/unit_price/amount"),
    "a price in quotes": (a_line(unit_price=eur("4000")), "amount_not_whole", "/lines/0/unit_price/amount"),
    "a yes for a price": (a_line(unit_price=eur(True)), "amount_not_whole", "/lines/0/unit_price/amount"),
    "a negative price": (a_line(unit_price=eur(-1)), "amount_negative", "/lines/0/unit_price/amount"),
    "a price beyond reason": (a_line(unit_price=eur(10**18)), "amount_too_large", "/lines/0/unit_price/amount"),
    "a price in another currency": (
        a_line(unit_price={"amount": 4000, "currency": "USD"}),
        "currency_mismatch",
        "/lines/0/unit_price/currency",
    ),
    "a discount above the price": (a_line(discount=eur(12001)), "discount_above_price", "/lines/0/discount"),
    "the same line id twice": (a_line(id="l_2"), "duplicate_identifier", "/lines/1/id"),
    "tenders that do not add up": (a_tender(amount=eur(14999)), "tenders_do_not_sum", "/tenders"),
    "a processor nobody knows": (a_tender(processor="paypig"), "unknown_processor", "/tenders/0/processor"),
    "a currency that is none": ({"currency": "ZZZ"}, "unknown_currency", "/currency"),
    "delivered before placed": ({"delivered_at": "2001-01-01T00:00:00Z"}, "delivered_before_placed", "/delivered_at"),
    "a country in words": ({"customer": {"id": "c", "country": "Germany"}}, "wrong_form", "/customer/country"),
    "a guest without a market": ({"customer": None}, "market_missing", "/market"),
    "a name over two lines": (
        {"customer": {"id": "c", "country": "DE", "name": "A\nB"}},
        "control_characters",
        "/customer/name",
    ),
    "a tax on top without its amount": (
        a_line(tax_rates=[{"name": "sales tax", "rate": "8.875", "included": False}]),
        "tax_amount_missing",
        "/tax_rates/0",
    ),
    "a rate in words": (a_line(tax_rates=[{"name": "VAT", "rate": "full"}]), "wrong_form", "/lines/0/tax_rates/0/rate"),
    "more tax than price": (
        a_line(tax_rates=[{"name": "VAT", "rate": "19", "amount": eur(12001)}]),
        "tax_not_possible",
        "/lines/0/tax_rates",
    ),
    "a standard delivery dearer than the express one": (
        {"shipping": [{"id": "s_1", "amount": eur(490), "standard_amount": eur(990)}]},
        "charge_not_possible",
        "/shipping/0",
    ),
    "a charge for a line that is not there": (
        {"charges": [{"id": "w_1", "kind": "gift_wrap", "amount": eur(300), "line_id": "l_9"}]},
        "charge_not_possible",
        "/charges/0/line_id",
    ),
    "a charge in another currency": (
        {"shipping": [{"id": "s_1", "amount": {"amount": 490, "currency": "USD"}}]},
        "currency_mismatch",
        "/shipping/0/amount/currency",
    ),
    "a discount above the goods": (
        {"discounts": [{"id": "d_1", "amount": eur(15001)}]},
        "discount_above_goods",
        "/discounts/0/amount",
    ),
    "units free of nothing": (
        {"discounts": [{"id": "d_1", "kind": "buy_get", "amount": eur(100)}]},
        "promotion_not_possible",
        "/discounts/0",
    ),
    "charges that were not paid": (
        {"shipping": [{"id": "s_1", "amount": eur(490)}]},
        "tenders_do_not_sum",
        "/tenders",
    ),
    "a final sale that is a number": (a_line(final_sale=1), "not_true_or_false", "/lines/0/final_sale"),
    "a field that nobody reads": ({"id": "o_1"}, "unknown_field", "/id"),
    "a field missing": ({"placed_at": None}, "not_a_moment", "/placed_at"),
}


@pytest.mark.parametrize(("vary", "code", "pointer"), WRONG.values(), ids=WRONG)
def test_an_impossible_order_is_refused_by_name_and_without_effect(
    doors: Doors, vary: dict[str, Any], code: str, pointer: str
) -> None:
    before = doors.rows()
    answer = doors.ask("PUT", "/v1/orders/o_wrong", order_body() | vary)
    assert is_problem(answer, 422, code)
    assert pointers(answer) == [pointer]
    assert doors.rows() == before


def test_an_order_told_twice_is_one(doors: Doors) -> None:
    body = order_body()
    first, second = (doors.ask("PUT", "/v1/orders/o_twice", body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.json()["new"], second.json()["new"]) == (True, False)
    assert doors.get("/v1/orders/o_twice").json()["total"] == eur(15000)


@pytest.mark.parametrize("trial", range(5))
def test_an_order_told_twice_at_once_is_one(doors: Doors, trial: int) -> None:
    body = order_body()
    answers = at_once(*[lambda: doors.ask("PUT", f"/v1/orders/o_at_once_{trial}", body)] * 2)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[-1] < 500
    assert 201 in statuses
    assert len(doors.get(f"/v1/orders/o_at_once_{trial}").json()["lines"]) == 2


def test_an_order_with_returns_keeps_its_lines(doors: Doors) -> None:
    order = doors.sell()
    doors.post("/v1/returns", return_body(order))
    assert is_problem(doors.ask("PUT", f"/v1/orders/{order}", order_body()), 409, "order_has_returns")


def test_an_order_id_may_hold_what_shops_put_into_it(doors: Doors) -> None:
    path = "/v1/orders/%23DE%202026%C3%A9-1"
    assert doors.ask("PUT", path, order_body()).status_code == 201
    assert doors.get(path).json()["id"] == "#DE 2026é-1"


@pytest.mark.parametrize("order_id", ["%00", "a%0Ab", "x" * 81], ids=["NUL", "line break", "too long"])
def test_an_id_that_cannot_be_one_is_refused(doors: Doors, order_id: str) -> None:
    assert doors.get(f"/v1/orders/{order_id}").status_code == 422


def test_an_unknown_order_is_said_to_be_unknown(doors: Doors) -> None:
    assert is_problem(doors.get("/v1/orders/o_none"), 404, "unknown_order")


EXTRAS: dict[str, Any] = {
    "shipping": [
        {
            "id": "s_1",
            "amount": eur(1290),
            "standard_amount": eur(490),
            "tax_rates": [{"name": "VAT", "rate": "19", "amount": eur(206)}],
        }
    ],
    "charges": [{"id": "w_1", "kind": "gift_wrap", "amount": eur(300), "line_id": "l_2"}],
    "discounts": [{"id": "d_1", "kind": "coupon", "amount": eur(1500)}],
    "tenders": [
        {
            "id": "t_1",
            "method": "card",
            "amount": eur(15090),
            "processor": "simulated",
            "processor_reference": "pay_extras",
        }
    ],
}


def test_an_order_says_all_that_it_cost_and_is_shown_so(doors: Doors) -> None:
    body = order_body() | EXTRAS
    body["lines"][0]["tax_rates"] = [{"name": "VAT", "rate": "19"}]
    assert doors.ask("PUT", "/v1/orders/o_extras", body).status_code == 201
    assert doors.ask("PUT", "/v1/orders/o_extras", body).status_code == 200, "the same again changes nothing"
    shown = doors.get("/v1/orders/o_extras").json()
    assert shown["total"] == eur(15090)
    assert [line["order_discount"] for line in shown["lines"]] == [eur(1200), eur(300)]
    assert shown["lines"][0]["taxes"] == [{"name": "VAT", "rate": "19", "amount": eur(1724), "included": True}]
    assert [(charge["kind"], charge["paid"], charge["standard_amount"]) for charge in shown["charges"]] == [
        ("delivery", eur(1290), eur(490)),
        ("gift_wrap", eur(300), eur(300)),
    ]
    assert [(discount["kind"], discount["amount"]) for discount in shown["discounts"]] == [("coupon", eur(1500))]


def test_a_preview_says_what_comes_back_of_charges_and_taxes(doors: Doors) -> None:
    assert doors.ask("PUT", "/v1/orders/o_preview", order_body() | EXTRAS).status_code == 201
    lines = [{"order_line_id": "l_1", "quantity": 3, "reason": "changed_mind"}]
    part = doors.post("/v1/returns/preview", {"order_id": "o_preview", "lines": lines}).json()
    assert part["refund"]["charges"] == eur(0), "the belt is still with the shopper"
    lines.append({"order_line_id": "l_2", "quantity": 1, "reason": "changed_mind"})
    whole = doors.post("/v1/returns/preview", {"order_id": "o_preview", "lines": lines}).json()
    assert whole["refund"]["charges"] == eur(790), "the standard delivery and the gift wrap"
    assert whole["refund"]["quoted"] == eur(13500 + 790)
    assert "delivery_standard" in [decision["rule"] for decision in whole["explanation"]]


@pytest.mark.parametrize(
    ("goods", "charges", "status"),
    [
        pytest.param(0, 0, "none", id="nothing has come back"),
        pytest.param(13500, 0, "partly", id="the goods are back, the charges are not"),
        pytest.param(13500, 1590, "fully", id="goods and charges are both back"),
    ],
)
def test_an_order_is_fully_refunded_only_when_goods_and_charges_are_back(
    doors: Doors, goods: int, charges: int, status: str
) -> None:
    order_id = f"o_status_{status}"
    assert doors.ask("PUT", f"/v1/orders/{order_id}", order_body() | EXTRAS).status_code == 201
    with doors.made.begin() as session:
        session.execute(
            text(
                "UPDATE order_lines SET refunded_minor = CASE WHEN :goods > 0 THEN"
                " quantity * unit_price_minor - order_discount_minor ELSE 0 END WHERE order_id = :id"
            ),
            {"goods": goods, "id": order_id},
        )
        session.execute(
            text(
                "UPDATE order_charges SET refunded_minor = CASE WHEN :c > 0 THEN paid_minor ELSE 0 END WHERE order_id = :id"
            ),
            {"c": charges, "id": order_id},
        )
    shown = doors.get(f"/v1/orders/{order_id}").json()
    assert (shown["refund_status"], shown["refunded"]) == (status, eur(goods + charges))
