"""Customs over HTTP: records with named mistakes, claims by deadline, and words about each, once."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.schemas.customs import TOLD_EXAMPLE
from api.security import Role
from database import customs
from database.tables import refunds
from tests.api.doors import Doors, is_problem, order_body, pointers

LESS, EURO = {"amount": -1, "currency": "USD"}, {"amount": 1, "currency": "EUR"}


def told(**vary: Any) -> dict[str, Any]:
    line = {**TOLD_EXAMPLE["lines"][0], **vary.pop("line", {})}
    return {**TOLD_EXAMPLE, "lines": [line], **vary}


def a_claim(doors: Doors) -> dict[str, Any]:
    """The drawback of a return that was decided a moment ago, without a worker: the row of its decision is written by hand."""
    days_ago = (datetime.now(UTC) - timedelta(days=5)).date().isoformat()
    order = doors.sell()
    case_id = str(doors.open(order)["id"])
    with doors.made.begin() as session:
        session.execute(
            refunds.insert().values(
                case_id=case_id, currency="EUR", goods_minor=4000, deducted_minor=0, total_minor=4000, quote={},
                ground="as_declared", decided_at=datetime.now(UTC),
            )
        )  # fmt: skip
    body = told(exported_on=days_ago, imported_on=days_ago)
    assert doors.ask("PUT", f"/v1/orders/{order}/customs", body).status_code == 200
    found = doors.get(f"/v1/returns/{case_id}/customs").json()["claims"]
    return next(claim for claim in found if claim["kind"] == "us_unused_drawback")


def test_records_are_told_read_and_told_anew(doors: Doors) -> None:
    order = doors.sell()
    first = doors.ask("PUT", f"/v1/orders/{order}/customs", told(), role=Role.STOREFRONT)
    assert first.status_code == 200
    (line,) = first.json()["lines"]
    assert (line["hs_code"], line["returns_to"], line["duty_paid"]) == (
        "62044210",
        "GB",
        {"amount": 1200, "currency": "USD"},
    )
    assert doors.get(f"/v1/orders/{order}/customs").json() == first.json()
    again = doors.ask("PUT", f"/v1/orders/{order}/customs", told(return_document="CP71-1", exported_from="UK")).json()
    assert (again["lines"][0]["return_document"], again["lines"][0]["exported_from"]) == ("CP71-1", "GB")


def test_a_return_shows_its_records_and_says_what_becomes_of_duty(doors: Doors) -> None:
    order = doors.sell()
    case = doors.open(order)
    empty = doors.get(f"/v1/returns/{case['id']}/customs").json()
    assert (empty["lines"], empty["claims"], empty["duty"]) == ([], [], [])
    doors.ask("PUT", f"/v1/orders/{order}/customs", told(incoterm="DDU", paid_by="shopper"))
    shown = doors.get(f"/v1/returns/{case['id']}/customs").json()
    assert [line["line_id"] for line in shown["lines"]] == ["rl_1"]
    assert shown["claims"] == [], "nothing is decided yet"
    assert "between the shopper and customs" in shown["duty"][0]["answer"]
    decisions = doors.get(f"/v1/returns/{case['id']}/explanation").json()["data"]
    assert decisions[-1]["rule"] == "duty_between_shopper_and_customs"


@pytest.mark.parametrize(
    ("vary", "code", "pointer"),
    [
        pytest.param({"line": {"hs_code": "62.04"}}, "hs_code_malformed", "/lines/0/hs_code", id="HS"),
        pytest.param({"ioss_number": "IM1"}, "ioss_number_malformed", "/ioss_number", id="IOSS"),
        pytest.param({"export_declaration": "MRN"}, "declaration_number_malformed", "/export_declaration", id="MRN"),
        pytest.param({"paid_by": None}, "charges_paid_by_nobody", "/paid_by", id="nobody paid"),
        pytest.param({"exported_from": "Britain"}, "wrong_form", "/exported_from", id="no country"),
        pytest.param({"line": {"origin": "pt"}}, "wrong_form", "/lines/0/origin", id="no origin"),
        pytest.param({"line": {"duty_paid": LESS}}, "amount_negative", "/lines/0/duty_paid/amount", id="less than nothing"),
        pytest.param({"line": {"import_tax_paid": EURO}}, "currency_mismatch", "/lines/0/import_tax_paid/currency", id="two currencies"),
        pytest.param({"line": {"order_line_id": "l_9"}}, "unknown_order_line", "/lines/0/order_line_id", id="no such line"),
        pytest.param({"exported_on": "02.11.2026"}, "not_a_day", "/exported_on", id="no day"),
        pytest.param({"incoterm": "EXW"}, "not_one_of", "/incoterm", id="no incoterm"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_by_name_and_nothing_is_written(
    doors: Doors, vary: dict[str, Any], code: str, pointer: str
) -> None:
    order = doors.sell()
    before = doors.rows()
    answer = doors.ask("PUT", f"/v1/orders/{order}/customs", told(**deepcopy(vary)))
    assert is_problem(answer, 422, code)
    assert pointers(answer) == [pointer]
    assert doors.rows() == before


def test_a_line_named_twice_and_an_order_that_is_not_there(doors: Doors) -> None:
    order = doors.sell()
    twice = told(lines=TOLD_EXAMPLE["lines"] * 2)
    assert is_problem(doors.ask("PUT", f"/v1/orders/{order}/customs", twice), 422, "customs_line_named_twice")
    for method, body in (("PUT", told()), ("GET", None)):
        assert is_problem(doors.ask(method, "/v1/orders/o_none/customs", body), 404, "unknown_order")


def test_an_order_told_anew_keeps_what_customs_knows(doors: Doors) -> None:
    order = doors.sell()
    doors.ask("PUT", f"/v1/orders/{order}/customs", told())
    assert doors.ask("PUT", f"/v1/orders/{order}", order_body(channel="web")).status_code == 200
    assert len(doors.get(f"/v1/orders/{order}/customs").json()["lines"]) == 1


def test_a_claim_is_filed_and_recovered_by_operators_once(doors: Doors) -> None:
    claim = a_claim(doors)
    path = f"/v1/customs-claims/{claim['id']}"
    assert (claim["status"], claim["expected"]) == ("open", {"amount": 396, "currency": "USD"}), "one of three dresses"
    assert doors.post(f"{path}/file", {"reference": "x"}, role=Role.STOREFRONT).status_code == 403
    amount = {"amount": {"amount": 396, "currency": "USD"}}
    assert is_problem(doors.post(f"{path}/recovered", amount), 409, "claim_not_filed")
    filed = doors.post(f"{path}/file", {"reference": "C285-1"}, role=Role.OPERATOR, key="file-once")
    assert (filed.json()["status"], filed.json()["filed_by"]) == ("filed", "operator")
    again = doors.post(f"{path}/file", {"reference": "C285-1"}, role=Role.OPERATOR, key="file-once")
    assert again.text == filed.text
    assert again.headers["idempotent-replayed"] == "true"
    assert is_problem(doors.post(f"{path}/file", {"reference": "C285-1"}), 409, "claim_not_open")
    balances = doors.get(f"/v1/returns/{claim['return_id']}/ledger").json()["balances"]
    assert {"account": "receivable:customs:US", "amount": {"amount": 396, "currency": "USD"}} in balances
    came = doors.post(f"{path}/recovered", amount, role=Role.OPERATOR).json()
    assert (came["status"], came["recovered"]["amount"]) == ("recovered", 396)
    assert doors.get(path).json() == came
    assert doors.get("/v1/ops/verify").json()["holds"] is True


def test_claims_are_listed_by_deadline_page_by_page(doors: Doors) -> None:
    mine = {a_claim(doors)["id"] for _ in range(2)}
    seen, path = [], "/v1/customs-claims?status=open&limit=1"
    while path:
        page = doors.get(path)
        seen += page.json()["data"]
        path = page.headers["link"].partition(">")[0].lstrip("<") if page.json()["has_more"] else ""
    assert mine <= {claim["id"] for claim in seen}
    due = [claim["deadline"] for claim in seen]
    assert due == sorted(due)
    assert len({claim["id"] for claim in seen}) == len(seen)
    early = doors.get("/v1/customs-claims?due_before=2026-01-01").json()
    assert early["data"] == []
    last = doors.get("/v1/customs-claims?cursor=9999-12-31%20clm_Z")
    assert last.json()["data"] == []
    assert str(customs.NEVER) == "9999-12-31"


def test_what_is_no_claim_and_no_cursor(doors: Doors) -> None:
    assert is_problem(doors.get("/v1/customs-claims/clm_none"), 404, "unknown_customs_claim")
    assert is_problem(doors.get("/v1/customs-claims?cursor=x"), 422, "cursor_unreadable")
    assert is_problem(doors.post("/v1/customs-claims/clm_none/rejected", {"reason": "x"}), 404, "unknown_customs_claim")
