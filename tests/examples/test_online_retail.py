"""The example data: complete in itself, read alike in both sizes, and matched to the unit as published."""

import gzip
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.matching import Matching, Purchase, UnmatchedReason, match_to_purchases
from domain.order import Order, check_order
from domain.policy import ReturnPolicy
from domain.tier import PlacedOrder, Tier, history_of, tier_of
from examples.reader import (
    Cancellation,
    ExpectedMatch,
    ExpectedUnmatched,
    moment,
    pence,
    read_cancellations,
    read_expected_matches,
    read_expected_unmatched,
    read_markets,
    read_orders,
)
from policies.book import load_policy_book

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "examples" / "online_retail"
WHOLE_YEAR = ROOT.parent / "shared" / "data" / "online_retail"
LARGEST_SAMPLE_BYTES = 1_500_000


@pytest.fixture(scope="module")
def policy() -> ReturnPolicy:
    return load_policy_book().programme("online_retail")


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return list(read_orders(SAMPLE))


class Shelf:
    """The purchases by customer and item, and the units that earlier returns have left of them."""

    def __init__(self, orders: list[Order]) -> None:
        self._purchases: dict[tuple[str, str], dict[str, Purchase]] = defaultdict(dict)
        self.paid_minor: dict[str, int] = {}
        for order in orders:
            for line in order.lines:
                self.paid_minor[line.id] = line.unit_price_minor
                if order.customer_id:
                    self._purchases[order.customer_id, line.sku][line.id] = Purchase(
                        order_id=order.id,
                        order_line_id=line.id,
                        placed_at=order.placed_at,
                        quantity=line.quantity,
                        units_left=line.quantity,
                        unit_price_minor=line.unit_price_minor,
                    )

    def match(self, cancellation: Cancellation, policy: ReturnPolicy) -> Matching:
        purchases = self._purchases.get((cancellation.customer_id or "", cancellation.sku), {})
        matching = match_to_purchases(
            customer_id=cancellation.customer_id,
            sku=cancellation.sku,
            quantity=cancellation.quantity,
            declared_at=cancellation.declared_at,
            purchases=list(purchases.values()),
            policy=policy,
        )
        for part in matching.parts:
            left = part.purchase.units_left - part.quantity
            purchases[part.purchase.order_line_id] = replace(part.purchase, units_left=left)
        return matching


def match_all(
    orders: list[Order], cancellations: list[Cancellation], policy: ReturnPolicy
) -> tuple[list[ExpectedMatch], list[ExpectedUnmatched]]:
    shelf = Shelf(orders)
    matches: list[ExpectedMatch] = []
    unmatched: list[ExpectedUnmatched] = []
    for cancellation in cancellations:
        matching = shelf.match(cancellation, policy)
        for number, part in enumerate(matching.parts, start=1):
            line = part.purchase.order_line_id
            paid = shelf.paid_minor[line] * part.quantity
            matches.append(ExpectedMatch(cancellation.id, number, part.purchase.order_id, line, part.quantity, paid))
        if matching.rest:
            unmatched.append(ExpectedUnmatched(cancellation.id, matching.rest.quantity, matching.rest.reason))
    return matches, unmatched


def test_the_sample_is_matched_row_by_row_as_published(orders: list[Order], policy: ReturnPolicy) -> None:
    matches, unmatched = match_all(orders, read_cancellations(SAMPLE), policy)

    assert matches == read_expected_matches(SAMPLE)
    assert unmatched == read_expected_unmatched(SAMPLE)


def test_the_sample_adds_up_to_what_its_page_says(policy: ReturnPolicy, orders: list[Order]) -> None:
    matches, unmatched = match_all(orders, read_cancellations(SAMPLE), policy)

    assert (len(orders), sum(len(order.lines) for order in orders)) == (2_212, 47_491)
    assert (len(matches), sum(match.quantity for match in matches)) == (684, 6_764)
    assert sum(match.paid_minor for match in matches) == 13_101_56
    assert (len(unmatched), sum(row.quantity for row in unmatched)) == (120, 779)
    assert Counter(row.reason for row in unmatched) == {
        UnmatchedReason.NO_CUSTOMER_ID: 60,
        UnmatchedReason.NOT_GOODS: 22,
        UnmatchedReason.ITEM_NEVER_PURCHASED_IN_DATA: 18,
        UnmatchedReason.PURCHASED_ONLY_LATER: 15,
        UnmatchedReason.EARLIER_PURCHASES_ALREADY_RETURNED: 3,
        UnmatchedReason.QUANTITY_EXCEEDS_EARLIER_PURCHASES: 2,
    }


def test_june_alone_within_the_sample(policy: ReturnPolicy, orders: list[Order]) -> None:
    cancellations = read_cancellations(SAMPLE)
    june = {cancellation.id for cancellation in cancellations if cancellation.declared_at >= moment("2011-06-01 00:00")}
    matches, unmatched = match_all(orders, cancellations, policy)

    assert (len(cancellations), len(june)) == (770, 711)
    assert sum(match.cancellation_id in june for match in matches) == 630
    assert sum(match.paid_minor for match in matches if match.cancellation_id in june) == 12_357_13
    assert sum(row.cancellation_id in june for row in unmatched) == 112


@pytest.mark.large
@pytest.mark.skipif(not WHOLE_YEAR.is_dir(), reason="the whole public year is not at hand beside the project")
def test_the_whole_year_is_matched_row_by_row_as_published(policy: ReturnPolicy) -> None:
    orders = list(read_orders(WHOLE_YEAR))
    matches, unmatched = match_all(orders, read_cancellations(WHOLE_YEAR), policy)

    assert matches == read_expected_matches(WHOLE_YEAR)
    assert unmatched == read_expected_unmatched(WHOLE_YEAR)
    assert (len(matches), len(unmatched)) == (4_843, 1_456)
    assert sum(match.quantity for match in matches) == 127_115
    assert sum(match.paid_minor for match in matches) == 197_500_69
    assert sum(row.quantity for row in unmatched) == 23_353
    assert (len(orders), sum(len(order.lines) for order in orders)) == (19_963, 530_143)
    # The year's 10,655,622.484 pounds less four lines of a tenth of a penny.
    assert sum(order.paid_minor for order in orders) == 10_655_622_48


@pytest.mark.large
@pytest.mark.skipif(not WHOLE_YEAR.is_dir(), reason="the whole public year is not at hand beside the project")
def test_the_sample_is_a_part_of_the_year_and_complete_for_its_customers(orders: list[Order]) -> None:
    year = {order.id: order for order in read_orders(WHOLE_YEAR)}
    customers = {cancellation.customer_id for cancellation in read_cancellations(SAMPLE)} - {None}
    until = moment("2011-07-01 00:00")

    assert all(year[order.id] == order for order in orders)
    assert {order.id for order in orders} >= {
        order.id for order in year.values() if order.customer_id in customers and order.placed_at < until
    }


@pytest.mark.large
@pytest.mark.skipif(not WHOLE_YEAR.is_dir(), reason="the whole public year is not at hand beside the project")
@pytest.mark.parametrize(
    ("on", "spread"),
    [
        pytest.param(datetime(2011, 6, 1, tzinfo=UTC), (1_442, 949, 256, 71), id="June: half a year of history"),
        pytest.param(datetime(2011, 9, 1, tzinfo=UTC), (1_530, 1_201, 433, 153), id="September: nine months"),
    ],
)
def test_real_customers_spread_over_all_four_tiers(on: datetime, spread: tuple[int, ...]) -> None:
    thresholds = load_policy_book().tiers.thresholds
    placed: dict[str, list[PlacedOrder]] = defaultdict(list)
    for order in read_orders(WHOLE_YEAR):
        if order.customer_id and order.placed_at <= on:
            placed[order.customer_id].append(PlacedOrder(order.placed_at, order.paid_minor, order.currency))
    tiers = Counter(
        tier_of(history_of(orders, thresholds=thresholds, at=on), thresholds, on.date())[0]
        for orders in placed.values()
    )

    assert tuple(tiers[tier] for tier in Tier) == spread


def test_every_order_of_the_sample_is_a_possible_order(orders: list[Order]) -> None:
    for order in orders:
        check_order(order)

    assert len({order.id for order in orders}) == len(orders)


def test_every_customer_of_the_sample_has_a_tier_from_whole_orders(orders: list[Order]) -> None:
    thresholds = load_policy_book().tiers.thresholds
    at = moment("2011-06-15 12:00")
    placed: dict[str, list[PlacedOrder]] = defaultdict(list)
    for order in orders:
        if order.customer_id:
            placed[order.customer_id].append(PlacedOrder(order.placed_at, order.paid_minor, order.currency))
    tiers = {
        tier_of(history_of(own, thresholds=thresholds, at=at), thresholds, date(2011, 6, 15))[0]
        for own in placed.values()
    }

    assert tiers == set(Tier)


def test_lines_stamped_a_minute_apart_make_one_order_of_the_earlier_minute(tmp_path: Path) -> None:
    write_orders(tmp_path, "536591-001,536591,1,2010-12-01 16:58", "536591-002,536591,2,2010-12-01 16:57")

    (order,) = read_orders(tmp_path)

    assert order.placed_at == datetime(2010, 12, 1, 16, 57, tzinfo=UTC)
    assert [line.id for line in order.lines] == ["536591-001", "536591-002"]
    assert (order.customer_id, order.market, order.currency, order.delivered_at) == (None, "GB", "GBP", None)
    assert [(tender.reference, tender.amount_minor) for tender in order.tenders] == [("pay_536591", 2 * 6 * 255)]


def write_orders(folder: Path, *starts: str) -> None:
    header = "line_id,invoice_no,line_no,invoice_date,stock_code,description,quantity,unit_price,customer_id,country"
    rows = [f"{start},85123A,HEART,6,2.55,,United Kingdom,GOODS,SALE" for start in starts]
    text = "\n".join([f"{header},item_class,line_type", *rows, ""])
    (folder / "order_lines.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "country_map.csv").write_text("country,iso_alpha2\nUnited Kingdom,GB\n")


@pytest.mark.parametrize(
    ("country", "market"),
    [("United Kingdom", "GB"), ("EIRE", "IE"), ("European Community", "EU"), ("Unspecified", "ZZ")],
)
def test_countries_of_the_data_become_market_codes(country: str, market: str) -> None:
    assert read_markets(SAMPLE)[country] == market


def test_summer_stamps_are_british_summer_time() -> None:
    assert moment("2011-06-01 08:26") == datetime(2011, 6, 1, 7, 26, tzinfo=UTC)
    assert moment("2011-01-18 10:01") == datetime(2011, 1, 18, 10, 1, tzinfo=UTC)


def test_a_tenth_of_a_penny_is_no_price() -> None:
    assert [pence(pounds) for pounds in ("0.001", "0.01", "2.55", "38970.00")] == [0, 1, 255, 38970_00]


def test_cancellations_come_in_time_order() -> None:
    moments = [cancellation.declared_at for cancellation in read_cancellations(SAMPLE)]

    assert moments == sorted(moments)


def test_the_sample_stays_small_and_names_its_source() -> None:
    page = (SAMPLE / "README.md").read_text(encoding="utf-8")

    assert sum(file.stat().st_size for file in SAMPLE.iterdir()) < LARGEST_SAMPLE_BYTES
    assert "CC BY 4.0" in page
    assert "10.24432/C5BW33" in page
