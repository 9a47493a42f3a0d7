"""A customer's history of returns, asked in one question: whose it is, of which months, and what counts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from api.security import Role
from database.history import history_of, kept_by_order
from domain.risk import ReturnHistory
from tests.api.doors import Doors, open_doors


@pytest.fixture(scope="module")
def doors(database_url: str) -> Iterator[Doors]:
    with open_doors(database_url) as opened:
        yield opened


def history(doors: Doors, customer: str, *, in_days: int = 0, currency: str = "EUR") -> ReturnHistory:
    with doors.made() as session:
        now = session.scalar(text("SELECT now()"))
        assert now is not None
        return history_of(session, customer, currency=currency, at=now + timedelta(days=in_days))


def test_a_newcomer_has_none(doors: Doors) -> None:
    assert history(doors, "c_nobody") == ReturnHistory()


def test_what_was_bought_and_what_comes_back(doors: Doors) -> None:
    buyer = {"id": "c_anna", "country": "DE"}
    orders = [doors.sell(customer=buyer) for _ in range(2)]
    opened = doors.open(orders[0])
    found = history(doors, "c_anna")
    assert (found.orders, found.sold_minor, found.units_sold) == (2, 30_000, 8)
    assert (found.returned_minor, found.units_returned, found.returns, found.returns_90_days) == (4_000, 1, 1, 1)

    later = history(doors, "c_anna", in_days=91)
    assert (later.returns, later.returns_90_days) == (1, 0), "ninety days on it is still of the last twelve months"
    assert history(doors, "c_anna", in_days=400) == ReturnHistory(), "and then of none"
    assert history(doors, "c_anna", currency="USD").sold_minor == 0, "sums of one currency"

    with doors.made.begin() as session:
        session.execute(text("UPDATE cases SET stage = 'cancelled' WHERE id = :id"), {"id": opened["id"]})
    cancelled = history(doors, "c_anna")
    assert (cancelled.returned_minor, cancelled.returns_90_days) == (0, 1), "what was cancelled did not come back"


def test_a_refused_request_is_no_return(doors: Doors) -> None:
    order_id = doors.sell(customer={"id": "c_bert", "country": "HK"}, status="open")
    assert doors.open(order_id)["stage"] == "refused"
    assert history(doors, "c_bert").returns == 0


def test_accounts_of_one_address_or_device_are_looked_at_together(doors: Doors) -> None:
    first = {"id": "c_carl", "country": "DE", "address_key": "a_9f3", "device_key": "d_1"}
    doors.open(doors.sell(customer=first))
    for other in ({"id": "c_carla", "address_key": "a_9f3"}, {"id": "c_carlo", "device_key": "d_1"}):
        doors.sell(customer={"country": "DE", **other})
        found = history(doors, other["id"])
        assert (found.linked_accounts, found.returns, found.orders) == (1, 1, 2)
    doors.sell(customer={"id": "c_carl", "country": "DE"})
    assert history(doors, "c_carl").linked_accounts == 2, "an order without the keys takes nothing back"
    assert history(doors, "c_anna").linked_accounts == 0, "no key is no link"


def test_what_the_bench_did_not_accept_counts_as_a_mismatch(doors: Doors) -> None:
    opened = doors.open(doors.sell(customer={"id": "c_dora", "country": "DE"}))
    with doors.made.begin() as session:
        session.execute(
            text("UPDATE cases SET state = state || '{\"stage\": \"received\"}', stage = 'received' WHERE id = :id"),
            {"id": opened["id"]},
        )
    body = {"lines": [{"line_id": "rl_1", "quantity": 1, "grade": "D", "accepted": False}]}
    answer = doors.post(f"/v1/returns/{opened['id']}/inspections", body, role=Role.ADMIN)
    assert answer.status_code == 200, answer.text
    assert history(doors, "c_dora").mismatches == 1


def test_refunds_ahead_and_free_labels_are_counted_while_they_are_open_and_of_this_month(doors: Doors) -> None:
    opened = doors.open(doors.sell(customer={"id": "c_emil", "country": "DE"}))
    with doors.made.begin() as session:
        session.execute(
            text(
                "UPDATE cases SET terms = jsonb_set(terms, '{limits,refund_trigger}', '\"first_scan\"') WHERE id = :id"
            ),
            {"id": opened["id"]},
        )
        session.execute(
            text("UPDATE cases SET terms = jsonb_set(terms, '{freight,rule}', '\"tier_benefit\"') WHERE id = :id"),
            {"id": opened["id"]},
        )
    found = history(doors, "c_emil")
    assert (found.advances_open, found.free_labels_used) == (1, 1)
    assert history(doors, "c_emil", in_days=32).free_labels_used == 0, "next month there are new ones"
    with doors.made.begin() as session:
        session.execute(text("UPDATE cases SET stage = 'closed' WHERE id = :id"), {"id": opened["id"]})
    assert history(doors, "c_emil").advances_open == 0


def test_small_sums_of_one_order_cannot_be_split_over_several_requests(doors: Doors) -> None:
    order_id = doors.sell(customer={"id": "c_emil", "country": "DE"})
    opened = doors.open(order_id)
    with doors.made.begin() as session:
        session.execute(
            text(
                "UPDATE cases SET terms = jsonb_set(terms, '{limits,refund_trigger}', '\"returnless\"') WHERE id = :id"
            ),
            {"id": opened["id"]},
        )
    with doors.made() as session:
        assert kept_by_order(session, [order_id]) == {order_id: 4_000}
        assert kept_by_order(session, []) == kept_by_order(session, ["o_nobody"]) == {}
    assert history(doors, "c_emil").returnless_90_days == 1
    assert history(doors, "c_emil", in_days=91).returnless_90_days == 0
