"""The tiers of real customers, against plain SQL over the same orders: every customer, with the grace and without.

The SQL knows nothing of the product's rules: thresholds stand in it as figures, and the grace is every one of its days, asked one by one.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from activities.tier_review import Page, review_page
from commands.demo import SAMPLE
from database import bulk
from database.engine import Sessions, connect, sessions
from database.tables import orders
from domain.order import Order
from domain.tier import Tier
from embedded import PostgresCluster
from examples.reader import read_cancellations, read_orders
from policies.book import load_policy_book
from settings import ROOT

WHOLE_YEAR = ROOT.parent / "shared" / "data" / "online_retail"
PLAIN = """
WITH days AS (SELECT CAST(:on AS date) - back AS day FROM generate_series(0, :grace_days) AS back),
bought AS (
    SELECT customer_id, CAST(placed_at AT TIME ZONE 'UTC' AS date) AS day, total_minor
    FROM orders WHERE customer_id IS NOT NULL AND currency = 'GBP'
),
figures AS (
    SELECT customers.id, days.day, count(bought.day) AS orders, coalesce(sum(bought.total_minor), 0) AS spend,
        days.day - max(bought.day) AS ago
    FROM customers CROSS JOIN days
    LEFT JOIN bought ON bought.customer_id = customers.id
        AND bought.day <= days.day AND bought.day > CAST(days.day - interval '12 months' AS date)
    GROUP BY customers.id, days.day
),
ranks AS (
    SELECT id, day, CASE
        WHEN orders >= 8 AND spend >= 400000 AND ago <= 120 THEN 3
        WHEN orders >= 4 AND spend >= 150000 AND ago <= 180 THEN 2
        WHEN orders >= 2 AND spend >= 30000 AND ago <= 365 THEN 1
        ELSE 0 END AS rank
    FROM figures
)
SELECT id, (ARRAY['ENTRY', 'INTERMEDIATE', 'ADVANCED', 'VIP'])[max(rank) + 1] AS tier FROM ranks GROUP BY id
"""
DAYS = [
    pytest.param(date(2011, 6, 15), id="15 June: half a year of orders"),
    pytest.param(date(2011, 9, 1), id="1 September"),
    pytest.param(date(2011, 12, 9), id="9 December: the first orders of the data leave the twelve months"),
    pytest.param(date(2012, 4, 20), id="20 April after: nobody has bought for months, and tiers fall"),
]


class Shop(NamedTuple):
    """A database with the orders of one folder, and how many customers bought something in it."""

    made: Sessions
    buyers: int


def shop_of(postgres: PostgresCluster, folder: Path, name: str) -> Iterator[Shop]:
    """Without the lines of the orders, at which no tier looks."""
    url = postgres.create_database(name, template="migrated")
    engine = connect(url)
    made = sessions(engine)
    bought = list(read_orders(folder))
    buyers = {order.customer_id: order.market for order in bought if order.customer_id}
    others = {found.customer_id: found.market for found in read_cancellations(folder) if found.customer_id}
    with made.begin() as session:
        bulk.put_customers(session, {**others, **buyers}, replace=False)
        session.execute(orders.insert(), [_row(order) for order in bought])
        bulk.analyze(session)
    yield Shop(made, len(buyers))
    engine.dispose()
    postgres.drop_database(name)


def _row(order: Order) -> dict[str, Any]:
    columns = ("id", "customer_id", "market", "placed_at", "currency")
    return {name: getattr(order, name) for name in columns} | {"total_minor": order.paid_minor, "content_hash": "-"}


@pytest.fixture(scope="module")
def sample(postgres: PostgresCluster) -> Iterator[Shop]:
    yield from shop_of(postgres, SAMPLE, "tiers_of_the_sample")


@pytest.fixture(scope="module")
def year(postgres: PostgresCluster) -> Iterator[Shop]:
    yield from shop_of(postgres, WHOLE_YEAR, "tiers_of_the_year")


def end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def by_the_product(made: Sessions, on: date, grace_days: int) -> dict[str, Tier]:
    """What a review at the end of the day puts on record, page by page; taken back afterwards, so that every day starts afresh."""
    book = load_policy_book()
    thresholds = replace(book.tiers.thresholds, grace_days=grace_days)
    with made() as session:

        def page(after: str) -> Page | None:
            return review_page(session, lambda *_: thresholds, book.rates, lambda _: end_of(on), after=after, size=1000)

        _to_the_end(page)
        written = session.execute(text("SELECT customer_id, tier FROM customer_tiers")).all()
        session.rollback()
    return {row.customer_id: Tier(row.tier) for row in written}


def _to_the_end(page: Callable[[str], Page | None]) -> None:
    after = ""
    while done := page(after):
        after = done.last


def by_plain_sql(made: Sessions, on: date, grace_days: int) -> dict[str, Tier]:
    with made() as session:
        found = session.execute(text(PLAIN), {"on": on, "grace_days": grace_days})
        return {row.id: Tier(row.tier) for row in found}


grace = pytest.mark.parametrize(
    "grace_days", [pytest.param(0, id="without grace"), pytest.param(30, id="with a grace of 30 days")]
)
days = pytest.mark.parametrize("on", DAYS)


@grace
@days
def test_every_customer_of_the_sample_has_the_tier_that_plain_sql_finds(
    sample: Shop, on: date, grace_days: int
) -> None:
    found = by_the_product(sample.made, on, grace_days)

    assert found == by_plain_sql(sample.made, on, grace_days)
    assert len(found) >= sample.buyers > 0


def test_the_days_are_such_on_which_the_grace_tells(sample: Shop) -> None:
    spring = date(2012, 4, 20)

    assert by_plain_sql(sample.made, spring, 0) != by_plain_sql(sample.made, spring, 30)
    assert set(by_plain_sql(sample.made, date(2011, 6, 15), 0).values()) == set(Tier)


@pytest.mark.large
@pytest.mark.skipif(not WHOLE_YEAR.is_dir(), reason="the whole public year is not at hand beside the project")
@grace
@days
def test_every_customer_of_the_year_has_the_tier_that_plain_sql_finds(year: Shop, on: date, grace_days: int) -> None:
    found = by_the_product(year.made, on, grace_days)

    assert found == by_plain_sql(year.made, on, grace_days)
    assert year.buyers == 4_339
    assert len(found) >= year.buyers
