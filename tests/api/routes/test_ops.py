"""Whether the books are right, as operators ask it."""

from sqlalchemy import text

from api.security import Role
from tests.api.doors import Doors


def test_books_that_are_right_are_said_to_be_right(doors: Doors) -> None:
    doors.open(doors.sell())
    found = doors.get("/v1/ops/verify", role=Role.OPERATOR).json()
    assert found["holds"] is True
    assert {check["holds"] for check in found["checks"]} == {True}


def test_what_breaks_a_rule_is_counted_and_named(doors: Doors) -> None:
    order = doors.sell()
    with doors.made.begin() as session:
        session.execute(text("UPDATE order_lines SET claimed = 1 WHERE order_id = :id"), {"id": order})
    found = doors.get("/v1/ops/verify").json()
    broken = [check for check in found["checks"] if not check["holds"]]
    assert found["holds"] is False
    assert [check["name"] for check in broken] == ["units_are_held_once"]
    assert broken[0]["broken"] == 2
    assert {one["order_id"] for one in broken[0]["examples"]} == {order}
