"""The dock and the bench: what a code means, one receipt for each parcel, one inspection for each return."""

from typing import Any

import pytest

from api.security import Role
from database import facts, parcels
from database.engine import database_time
from domain.state import Fact, FactKind
from tests.api.doors import Doors, is_problem, pointers
from tests.api.routes.test_returns import at_once


def on_its_way(doors: Doors) -> dict[str, Any]:
    """A return of one dress whose label is bought; the worker that does such things is away."""
    opened = doors.open(doors.sell())
    with doors.made.begin() as session:
        at = database_time(session)
        values = {"id": f"par_{opened['rma']}", "case_id": opened["id"], "effect_key": "book:1", "direction": "return"}
        more = {"method": "label", "carrier": "simulated", "status": "in_transit", "tracking_code": f"T{opened['rma']}"}
        parcels.order(session, {**values, **more, "status_at": at, "created_at": at})
        facts.record(session, opened["id"], Fact(FactKind.BOOKED, at, "booked:book:1", "boomerang", {}))
    return opened | {"parcel": f"par_{opened['rma']}", "tracking": f"T{opened['rma']}"}


def found(**vary: Any) -> dict[str, Any]:
    return {"lines": [{"line_id": "rl_1", "quantity": 1, "grade": "A"} | vary]}


def test_every_code_on_a_parcel_leads_to_what_is_expected(doors: Doors) -> None:
    case = on_its_way(doors)
    answers = [
        doors.get(f"/v1/station/scan/{code}", role=Role.WAREHOUSE)
        for code in (case["parcel"], case["tracking"], case["rma"], case["id"])
    ]
    bodies = [answer.json() for answer in answers]
    assert bodies[1:] == bodies[:-1]
    assert bodies[0]["return"]["id"] == case["id"]
    assert (bodies[0]["parcel_id"], bodies[0]["possible"]) == (case["parcel"], ["receive", "inspect"])
    expected = bodies[0]["expected"][0]
    assert (expected["line_id"], expected["description"], expected["quantity"]) == ("rl_1", "Linen dress", 1)
    assert "amount" not in answers[0].text


def test_an_unknown_code_is_said_to_be_unknown(doors: Doors) -> None:
    assert is_problem(doors.get("/v1/station/scan/T-none"), 404, "unknown_code")
    assert is_problem(doors.post("/v1/parcels/T-none/receipt"), 404, "unknown_parcel")


def test_a_parcel_is_received_once_and_the_second_is_told_by_whom(doors: Doors) -> None:
    case = on_its_way(doors)
    path = f"/v1/parcels/{case['tracking']}/receipt"
    first = doors.post(path, role=Role.WAREHOUSE, headers={"Boomerang-Actor": "Ana"})
    assert first.json()["stage"] == "received"
    assert first.json()["parcels"][0]["received_by"] == "warehouse: Ana"
    second = doors.post(path, {}, role=Role.WAREHOUSE, headers={"Boomerang-Actor": "Ben"})
    assert is_problem(second, 409, "done_before")
    assert second.json()["facts"]["by"] == "warehouse: Ana"


def test_the_warehouse_sees_goods_and_no_money(doors: Doors) -> None:
    case = on_its_way(doors)
    answer = doors.post(f"/v1/parcels/{case['parcel']}/receipt", role=Role.WAREHOUSE)
    assert answer.json()["lines"][0]["quantity"] == 1
    assert "amount" not in answer.text
    assert not {"refund", "fees", "customer_id"} & set(answer.json())
    assert "refund" in doors.post(f"/v1/returns/{case['id']}/inspections", found(), role=Role.ADMIN).json()


@pytest.mark.parametrize("trial", range(10))
def test_two_docks_that_scan_at_once_receive_once(doors: Doors, trial: int) -> None:
    case = on_its_way(doors)

    def scan() -> Any:
        return doors.post(f"/v1/parcels/{case['parcel']}/receipt", role=Role.WAREHOUSE)

    answers = at_once(scan, scan)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    told = doors.get(f"/v1/returns/{case['id']}/timeline").json()["data"]
    assert [fact["kind"] for fact in told].count("received") == 1


def test_what_the_bench_found_is_shown_on_the_line(doors: Doors) -> None:
    case = on_its_way(doors)
    doors.post(f"/v1/parcels/{case['parcel']}/receipt")
    answer = doors.post(
        f"/v1/returns/{case['id']}/inspections", found(grade="C", findings=["a stain"]), role=Role.WAREHOUSE
    )
    line = answer.json()["lines"][0]
    assert answer.json()["stage"] == "inspected"
    assert (line["received"], line["accepted"], line["grade"], line["disposition"]) == (1, 1, "C", "liquidate")


def test_goods_not_taken_back_go_back(doors: Doors) -> None:
    case = on_its_way(doors)
    line = doors.post(f"/v1/returns/{case['id']}/inspections", found(accepted=False)).json()["lines"][0]
    assert (line["accepted"], line["disposition"]) == (0, "send_back")


def test_of_two_inspectors_at_one_box_the_second_is_told_who_was_first(doors: Doors) -> None:
    case = on_its_way(doors)
    seen = doors.get(f"/v1/station/scan/{case['parcel']}").headers["etag"]
    path = f"/v1/returns/{case['id']}/inspections"
    first = doors.post(path, found(), headers={"If-Match": seen, "Boomerang-Actor": "Ana"})
    second = doors.post(path, found(grade="B"), headers={"If-Match": seen, "Boomerang-Actor": "Ben"})
    assert first.status_code == 200
    assert is_problem(second, 412, "version_is_older")
    assert second.json()["facts"]["by"] == "admin: Ana"
    assert doors.get(f"/v1/returns/{case['id']}").json()["lines"][0]["grade"] == "A"


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no lines": ({"lines": []}, "invalid", "/lines"),
    "a line of another return": (found(line_id="rl_9"), "unknown_return_line", "/lines/0/line_id"),
    "more than comes back": (found(quantity=2), "quantity_above_what_comes_back", "/lines/0/quantity"),
    "half a unit": (found(quantity=0.5), "quantity_not_whole", "/lines/0/quantity"),
    "no units": (found(quantity=0), "quantity_not_positive", "/lines/0/quantity"),
    "a grade that is none": (found(grade="E"), "not_one_of", "/lines/0/grade"),
    "a fate that is none": (found(disposition="eat"), "not_one_of", "/lines/0/disposition"),
    "a finding with NUL": (found(findings=["\0"]), "control_characters", "/lines/0/findings/0"),
    "a field that nobody reads": (found(price=1), "unknown_field", "/lines/0/price"),
}


@pytest.mark.parametrize(("body", "code", "pointer"), WRONG.values(), ids=WRONG)
def test_findings_that_cannot_be_are_refused_by_name_and_without_effect(
    doors: Doors, body: dict[str, Any], code: str, pointer: str
) -> None:
    case = on_its_way(doors)
    before = doors.rows()
    answer = doors.post(f"/v1/returns/{case['id']}/inspections", body)
    assert is_problem(answer, 422, code)
    assert pointers(answer) == [pointer]
    assert doors.rows() == before


def test_the_receipt_takes_nothing_but_the_parcel(doors: Doors) -> None:
    case = on_its_way(doors)
    assert is_problem(doors.post(f"/v1/parcels/{case['parcel']}/receipt", {"quantity": 3}), 422, "unknown_field")
