"""Matching without an order number: oldest purchase first, and one reason for every unit left over."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching import Matching, Purchase, UnmatchedReason, match_to_purchases
from domain.order import QuantityNotPositive, QuantityNotWhole
from domain.policy import ReturnPolicy
from policies.book import load_policy_book

POLICY = load_policy_book().programme("online_retail")
NOON = datetime(2011, 6, 1, 12, tzinfo=UTC)


def bought(name: str, *, days_ago: int = 10, quantity: int = 5, left: int | None = None, price: int = 255) -> Purchase:
    return Purchase(
        order_id=name,
        order_line_id=f"{name}-001",
        placed_at=NOON - timedelta(days=days_ago),
        quantity=quantity,
        units_left=quantity if left is None else left,
        unit_price_minor=price,
    )


def match(
    *purchases: Purchase,
    quantity: int = 3,
    customer_id: str | None = "c_1",
    sku: str = "22960",
    policy: ReturnPolicy = POLICY,
) -> Matching:
    return match_to_purchases(
        customer_id=customer_id,
        sku=sku,
        quantity=quantity,
        declared_at=NOON,
        purchases=purchases,
        policy=policy,
    )


def parts(matching: Matching) -> list[tuple[str, int]]:
    return [(part.purchase.order_id, part.quantity) for part in matching.parts]


def test_the_oldest_purchase_gives_first_and_the_next_the_rest() -> None:
    matching = match(bought("new", days_ago=1), bought("old", days_ago=30, quantity=2), quantity=4)

    assert parts(matching) == [("old", 2), ("new", 2)]
    assert matching.rest is None


def test_units_given_to_an_earlier_return_are_gone() -> None:
    matching = match(bought("old", days_ago=30, left=0), bought("new", days_ago=1), quantity=4)

    assert parts(matching) == [("new", 4)]


def test_a_purchase_at_the_very_minute_counts_and_a_later_one_does_not() -> None:
    assert parts(match(bought("now", days_ago=0), quantity=1)) == [("now", 1)]
    assert parts(match(bought("old"), bought("later", days_ago=-1), quantity=9)) == [("old", 5)]


def test_equal_moments_go_by_order_then_line_however_the_rows_were_read() -> None:
    first, second = bought("536591"), bought("536592")

    assert (
        parts(match(second, first, quantity=6))
        == parts(match(first, second, quantity=6))
        == [("536591", 5), ("536592", 1)]
    )


@pytest.mark.parametrize(
    ("purchases", "quantity", "reason"),
    [
        pytest.param([], 1, UnmatchedReason.ITEM_NEVER_PURCHASED_IN_DATA, id="never purchased"),
        pytest.param(
            [bought("gift", price=0)], 1, UnmatchedReason.ITEM_NEVER_PURCHASED_IN_DATA, id="only got as a gift"
        ),
        pytest.param([bought("later", days_ago=-1)], 1, UnmatchedReason.PURCHASED_ONLY_LATER, id="only later"),
        pytest.param(
            [bought("back", left=0), bought("later", days_ago=-1)],
            1,
            UnmatchedReason.EARLIER_PURCHASES_ALREADY_RETURNED,
            id="all returned before",
        ),
        pytest.param([bought("five")], 7, UnmatchedReason.QUANTITY_EXCEEDS_EARLIER_PURCHASES, id="two too many"),
    ],
)
def test_units_without_a_purchase_have_one_reason(
    purchases: list[Purchase], quantity: int, reason: UnmatchedReason
) -> None:
    matching = match(*purchases, quantity=quantity)

    assert matching.rest is not None
    assert matching.rest.reason is reason
    assert matching.matched_quantity + matching.rest.quantity == quantity


def test_without_a_customer_nothing_else_is_asked() -> None:
    rest = match(bought("old"), customer_id=None, sku="POST").rest

    assert rest is not None
    assert rest.reason is UnmatchedReason.NO_CUSTOMER_ID


def test_codes_that_are_no_goods_are_not_looked_up_and_their_spelling_counts() -> None:
    rest = match(bought("old"), sku="POST").rest

    assert rest is not None
    assert rest.reason is UnmatchedReason.NOT_GOODS
    assert parts(match(bought("old"), sku="post")) == [("old", 3)]


@pytest.mark.parametrize(
    ("quantity", "error"), [(0, QuantityNotPositive), (-1, QuantityNotPositive), (0.5, QuantityNotWhole)]
)
def test_no_units_is_a_mistake(quantity: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        match(bought("old"), quantity=quantity)


purchases_of_any_kind = st.lists(
    st.builds(
        lambda number, days_ago, quantity, gone, price: bought(
            f"o_{number:03}", days_ago=days_ago, quantity=quantity, left=max(0, quantity - gone), price=price
        ),
        number=st.integers(0, 999),
        days_ago=st.integers(-5, 20),
        quantity=st.integers(1, 12),
        gone=st.integers(0, 12),
        price=st.sampled_from([0, 1, 255]),
    ),
    max_size=8,
    unique_by=lambda purchase: purchase.order_id,
)


@given(purchases=purchases_of_any_kind, quantity=st.integers(1, 60))
def test_parts_and_rest_add_up_and_nobody_gives_more_than_is_left(purchases: list[Purchase], quantity: int) -> None:
    matching = match(*purchases, quantity=quantity)

    assert matching.matched_quantity + (matching.rest.quantity if matching.rest else 0) == quantity
    assert all(0 < part.quantity <= part.purchase.units_left for part in matching.parts)
    assert all(part.purchase.placed_at <= NOON and part.purchase.unit_price_minor > 0 for part in matching.parts)
    assert len({part.purchase for part in matching.parts}) == len(matching.parts)


@given(purchases=purchases_of_any_kind, quantity=st.integers(1, 60), shuffled=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter_and_older_ones_are_emptied_first(
    purchases: list[Purchase], quantity: int, shuffled: Random
) -> None:
    matching = match(*purchases, quantity=quantity)
    again = list(purchases)
    shuffled.shuffle(again)

    assert match(*again, quantity=quantity) == matching
    moments = [part.purchase.placed_at for part in matching.parts]
    assert moments == sorted(moments)
    assert all(part.quantity == part.purchase.units_left for part in matching.parts[:-1])
