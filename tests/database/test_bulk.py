"""Many orders by COPY: the rows are the same as one by one, whatever signs are in them."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import text

from database import bulk, orders
from database.engine import Sessions
from domain.order import Order, OrderLine, Tender

STRANGE = "tab\there, line\nthere, a \\ and \\N, ünï 布, '\"; empty next"


def an_order(order_id: str, *, customer_id: str | None = "c_1", description: str = STRANGE) -> Order:
    lines = (
        OrderLine(order_id, "l_1", "S\tKU", description, None, 2, 500, 100),
        OrderLine(order_id, "l_2", "t", "", "N", 1, 0, 0, final_sale=True),
    )
    tenders = (Tender(order_id, "t_1", "card", 900, "simulated", f"pay_{order_id}"),)
    return Order(order_id, customer_id, "DE", datetime(2026, 3, 1, 9, 30, 0, 5, UTC), None, "EUR", lines, tenders)


def put(made: Sessions, *batch: Order) -> None:
    with made.begin() as session:
        bulk.take_turns(session)
        bulk.put_customers(session, {"c_1": "DE"}, replace=True)
        bulk.put_new(session, batch)


def test_what_was_copied_is_read_back_unchanged(made_sessions: Sessions) -> None:
    told = [an_order("copied-1"), an_order("copied-2", customer_id=None)]
    put(made_sessions, *told)
    with made_sessions() as session:
        assert [orders.get(session, order.id) for order in told] == told
        lines = orders.lines_of_customer(session, "c_1", ["S\tKU"], lock=False)
        assert [line.line.order_id for line in lines] == ["copied-1"]


def test_an_order_told_again_by_a_storefront_is_known(made_sessions: Sessions) -> None:
    order = an_order("copied-3")
    put(made_sessions, order)
    with made_sessions.begin() as session:
        assert orders.put(session, order, None) is False
        assert orders.put(session, replace(order, market="FR"), None) is False  # changed, and not new


def test_nothing_to_copy_writes_nothing(made_sessions: Sessions) -> None:
    put(made_sessions)
    with made_sessions() as session:
        bulk.put_customers(session, {}, replace=True)
        assert session.scalar(text("SELECT count(*) FROM orders WHERE id = ''")) == 0


def test_customers_are_kept_or_moved_as_asked(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        bulk.put_customers(session, {"moving": "DE", "staying": "DE"}, replace=True)
        bulk.put_customers(session, {"moving": "FR"}, replace=True)
        bulk.put_customers(session, {"staying": "FR"}, replace=False)
        assert (orders.country_of(session, "moving"), orders.country_of(session, "staying")) == ("FR", "DE")
        bulk.analyze(session)
