"""Statements over HTTP: totals, lines and the file say the same, and only finance and operators may read them."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from api.routes import ledger as route
from api.security import Role
from database import ledger
from domain.fees import Bearer
from domain.ledger import fee_entry
from tests.api.doors import Doors, is_problem
from tests.builders import a_fee

OCTOBER = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
PATH = "/v1/ledger/statements"


@pytest.fixture(scope="module")
def booked() -> set[str]:
    return set()


@pytest.fixture
def books(doors: Doors, booked: set[str]) -> str:
    """A return with a label of October and two of November; its id."""
    if not booked:
        case_id = doors.open(doors.sell())["id"]
        with doors.made.begin() as session:
            for number, at in enumerate((OCTOBER, NOVEMBER, NOVEMBER)):
                fee = a_fee(bearer=Bearer.MERCHANT, rule="=1+1", source="@programme") if number == 1 else a_fee()
                ledger.book(session, fee_entry(case_id, f"par_{number}", fee, carrier="simulated"), at)
        booked.add(case_id)
    return next(iter(booked))


def by_party(body: dict[str, Any]) -> dict[str, tuple[int, int, int, int]]:
    return {
        one["party"]: tuple(one[part]["amount"] for part in ("opening", "debits", "credits", "closing"))
        for one in body["data"]
    }


def test_each_party_has_its_totals(doors: Doors, books: str) -> None:
    body = doors.get(f"{PATH}?month=2026-11").json()
    assert by_party(body) == {
        "merchant": (0, 490, 0, 490),
        "shopper": (490, 490, 0, 980),
        "payable:carrier:simulated": (-490, 0, -980, -1470),
    }
    assert [one["is_bearer"] for one in body["data"]] == [True, True, False]
    assert (body["begins"], body["ends"], body["time_zone"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "UTC")
    assert all("lines" not in one for one in body["data"])


def test_a_month_ends_with_its_last_instant_in_utc(doors: Doors, books: str) -> None:
    body = doors.get(f"{PATH}?month=2026-10").json()
    assert by_party(body) == {"shopper": (0, 490, 0, 490), "payable:carrier:simulated": (0, 0, -490, -490)}
    assert doors.get(f"{PATH}?month=2026-09").json()["data"] == []
    assert doors.get(f"{PATH}?month=2009-09").json()["ended"] is True
    assert doors.get(f"{PATH}?month=2199-12").json()["ended"] is False


def test_detail_gives_every_line_with_its_rule(doors: Doors, books: str) -> None:
    (merchant,) = doors.get(f"{PATH}?month=2026-11&bearer=merchant&detail=true").json()["data"]
    (line,) = merchant["lines"]
    assert (line["return_id"], line["at"], line["fee"]) == (books, "2026-11-01T00:00:00Z", "return_label")
    assert (line["rule"], line["source"], line["amount"]["amount"]) == ("=1+1", "@programme", 490)
    assert line["rma"].startswith("RMA")


def test_an_account_may_be_asked_for_by_name(doors: Doors, books: str) -> None:
    body = doors.get(f"{PATH}?month=2026-11&bearer=payable:carrier:simulated").json()
    assert [one["party"] for one in body["data"]] == ["payable:carrier:simulated"]
    assert doors.get(f"{PATH}?month=2026-11&bearer=insurer").json()["data"] == [], "a bearer of nothing"
    assert is_problem(doors.get(f"{PATH}?month=2026-11&bearer=merchnt"), 404, "unknown_party")
    assert is_problem(doors.get(f"{PATH}.csv?month=2026-11&bearer=merchnt"), 404, "unknown_party")


@pytest.mark.parametrize(
    ("path", "headers"),
    [(f"{PATH}.csv", {}), (PATH, {"Accept": "text/csv"})],
    ids=["by its name", "by Accept"],
)
def test_the_file_has_every_line_and_no_formula(doors: Doors, books: str, path: str, headers: dict[str, str]) -> None:
    answer = doors.get(f"{path}?month=2026-11", headers=headers)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="statements-2026-11.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["party"], row["row"], row["amount_minor"]) for row in rows] == [
        ("merchant", "opening", "0"),
        ("merchant", "entry", "490"),
        ("merchant", "sum", "490"),
        ("merchant", "closing", "490"),
        ("shopper", "opening", "490"),
        ("shopper", "entry", "490"),
        ("shopper", "sum", "490"),
        ("shopper", "closing", "980"),
        ("payable:carrier:simulated", "opening", "-490"),
        ("payable:carrier:simulated", "entry", "-490"),
        ("payable:carrier:simulated", "entry", "-490"),
        ("payable:carrier:simulated", "sum", "-980"),
        ("payable:carrier:simulated", "closing", "-1470"),
    ]
    assert (rows[1]["rule"], rows[1]["source"]) == ("'=1+1", "'@programme")


def test_an_answer_with_too_many_lines_is_refused_and_the_file_is_not(
    doors: Doors, books: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "LINES_MAX", 3)
    assert is_problem(doors.get(f"{PATH}?month=2026-11&detail=true"), 422, "too_many_lines")
    assert doors.get(f"{PATH}?month=2026-11").status_code == 200
    assert doors.get(f"{PATH}?month=2026-11&bearer=merchant&detail=true").status_code == 200
    assert doors.get(f"{PATH}.csv?month=2026-11").status_code == 200


@pytest.mark.parametrize("month", ["2026-13", "2026", "%00", "2026-11-01", "november"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}.csv"])
def test_what_is_no_month_is_refused(doors: Doors, path: str, month: str) -> None:
    answer = doors.get(f"{path}?month={month}")
    assert answer.status_code == 422
    assert answer.json()["code"] == "not_a_month"
    assert doors.get(path).status_code == 422, "no month at all"


@pytest.mark.parametrize("role", list(Role))
def test_finance_and_operators_read_and_nobody_else(doors: Doors, books: str, role: Role) -> None:
    expected = 200 if role in (Role.FINANCE, Role.OPERATOR, Role.ADMIN) else 403
    assert doors.get(f"{PATH}?month=2026-11", role=role).status_code == expected
    assert doors.get(f"{PATH}.csv?month=2026-11", role=role).status_code == expected
