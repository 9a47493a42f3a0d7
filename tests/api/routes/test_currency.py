"""Differences of rates, as whoever keeps the books asks for them."""

from datetime import UTC, datetime, timedelta

from database.tables import exchange_differences
from tests.api.doors import Doors, is_problem

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def a_waiting_difference(doors: Doors, minutes: int) -> str:
    case_id = str(doors.open(doors.sell())["id"])
    with doors.made.begin() as session:
        session.execute(
            exchange_differences.insert().values(
                case_id=case_id,
                settlement=1,
                status="no_rate",
                currency="EUR",
                accounting_currency="GBP",
                returned_minor=4000,
                refunded_on=AT.date(),
                bearer="merchant",
                warn_percent=5,
                parts=[{"order_id": "o_1", "minor": 4000, "sold_on": "2026-11-10"}],
                trouble="no rate on file from EUR to GBP between 2026-11-13 and 2026-11-20",
                decided_at=AT + timedelta(minutes=minutes),
            )
        )
    return case_id


def test_what_waits_for_a_rate_is_listed_page_by_page_and_shown_with_its_return(doors: Doors) -> None:
    first, second = a_waiting_difference(doors, 1), a_waiting_difference(doors, 2)
    page = doors.get("/v1/exchange-differences?status=no_rate&limit=1")
    assert [one["return_id"] for one in page.json()["data"]] == [second]
    rest = doors.get(page.headers["link"].partition(">")[0].lstrip("<")).json()
    assert [one["return_id"] for one in rest["data"]] == [first]
    assert rest["has_more"] is False
    assert doors.get("/v1/exchange-differences?warned=true").json()["data"] == []
    shown = doors.get(f"/v1/returns/{first}/ledger").json()["exchange_differences"]
    assert shown == rest["data"]
    assert shown[0]["orders"][0]["sale"] is None
    decisions = doors.get(f"/v1/returns/{first}/explanation").json()["data"]
    assert decisions[-1]["answer"] == "not known yet: no rate on file"
    letter = doors.get(f"/v1/returns/{first}/explanation", headers={"Accept": "text/plain"}).text
    assert "Not known yet: no rate on file." in letter


def test_a_cursor_that_was_never_given_out_is_refused(doors: Doors) -> None:
    for cursor in (
        "x",
        "2026-11-20T09:30:00 ret_1",
        "2026-11-20T09:30:00%2B00:00",
        "2026-11-20T09:30:00%2B00:00%20%00",
    ):
        assert is_problem(doors.get(f"/v1/exchange-differences?cursor={cursor}"), 422, "cursor_unreadable")
