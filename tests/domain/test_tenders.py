"""A refund is spread exactly, within each tender's room, or refused with what is missing before anything is sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.order import AmountNegative, AmountNotWhole
from domain.tenders import (
    Dead,
    NotEnoughRoom,
    Spread,
    TenderLimits,
    TenderRoom,
    TendersOfTwoOrders,
    is_dead,
    spread_over_tenders,
)
from tests.builders import a_tender_room

METHODS = ["card", "gift_card", "store_credit", "points", "bank", "wallet", "cash_on_delivery"]

rooms = st.lists(
    st.tuples(st.sampled_from(METHODS), st.integers(0, 10**9), st.integers(0, 100)).map(
        lambda drawn: a_tender_room(method=drawn[0], amount_minor=drawn[1], refunded_minor=drawn[1] * drawn[2] // 100)
    ),
    max_size=6,
).map(lambda drawn: [a_tender_room(**{**vars(room), "tender_id": f"t_{place}"}) for place, room in enumerate(drawn)])


def parts_of(amount_minor: int, tenders: list[TenderRoom]) -> list[tuple[str, int]]:
    spread = spread_over_tenders(amount_minor, tenders)
    assert isinstance(spread, Spread)
    return [(part.tender_id, part.amount_minor) for part in spread.parts]


@given(tenders=rooms, amount_minor=st.integers(0, 10**10))
def test_a_spread_sums_exactly_within_each_room_or_is_refused(tenders: list[TenderRoom], amount_minor: int) -> None:
    room = {tender.tender_id: tender.room_minor for tender in tenders}
    outcome = spread_over_tenders(amount_minor, tenders)
    if amount_minor > sum(room.values()):
        assert outcome == NotEnoughRoom(asked_minor=amount_minor, room_minor=sum(room.values()))
        return
    assert isinstance(outcome, Spread)
    assert sum(part.amount_minor for part in outcome.parts) == amount_minor
    assert all(0 < part.amount_minor <= room[part.tender_id] for part in outcome.parts)
    assert len({part.tender_id for part in outcome.parts}) == len(outcome.parts)


@given(tenders=rooms, data=st.data())
def test_refunds_one_after_another_give_each_tender_back_what_it_paid(
    tenders: list[TenderRoom], data: st.DataObject
) -> None:
    left = sum(tender.room_minor for tender in tenders)
    while left:
        amount = data.draw(st.integers((left + 4) // 5, left))
        given_back = dict(parts_of(amount, tenders))
        tenders = [
            a_tender_room(**{**vars(room), "refunded_minor": room.refunded_minor + given_back.get(room.tender_id, 0)})
            for room in tenders
        ]
        left -= amount
    assert all(tender.refunded_minor == tender.amount_minor for tender in tenders)


def test_stored_value_comes_back_before_money() -> None:
    tenders = [a_tender_room(tender_id=method, method=method, amount_minor=100) for method in METHODS]
    assert parts_of(650, tenders) == [
        ("points", 100),
        ("store_credit", 100),
        ("gift_card", 100),
        ("card", 100),
        ("wallet", 100),
        ("bank", 100),
        ("cash_on_delivery", 50),
    ]


def test_tenders_of_one_method_take_their_turn_as_the_order_lists_them() -> None:
    cards = [a_tender_room(tender_id="second", amount_minor=500), a_tender_room(tender_id="first", amount_minor=500)]
    assert parts_of(600, cards) == [("second", 500), ("first", 100)]


def test_the_second_refund_goes_to_the_other_tender_when_the_first_is_used_up() -> None:
    card = a_tender_room(tender_id="t_1", amount_minor=10000)
    used_up = a_tender_room(tender_id="t_2", method="gift_card", amount_minor=5000, refunded_minor=5000)
    assert parts_of(3000, [card, used_up]) == [("t_1", 3000)]


def test_what_one_tender_cannot_hold_goes_on_to_the_next() -> None:
    gift_card = a_tender_room(tender_id="t_2", method="gift_card", amount_minor=5000, refunded_minor=4000)
    assert parts_of(3000, [a_tender_room(), gift_card]) == [("t_2", 1000), ("t_1", 2000)]


def test_a_part_names_the_payment_it_goes_back_to() -> None:
    spread = spread_over_tenders(700, [a_tender_room(reference="pay_9")])
    assert isinstance(spread, Spread)
    (part,) = spread.parts
    assert (part.order_id, part.tender_id, part.method, part.processor, part.reference, part.amount_minor) == (
        "o_1",
        "t_1",
        "card",
        "simulated",
        "pay_9",
        700,
    )


def test_too_little_room_is_a_value_that_says_how_much_is_missing() -> None:
    outcome = spread_over_tenders(10001, [a_tender_room(amount_minor=10000)])
    assert outcome == NotEnoughRoom(asked_minor=10001, room_minor=10000)
    assert outcome.missing_minor == 1


def test_a_free_order_has_no_tender_and_needs_none() -> None:
    assert spread_over_tenders(0, []) == Spread(())
    assert spread_over_tenders(1, []) == NotEnoughRoom(asked_minor=1, room_minor=0)


def test_a_tender_refunded_above_its_amount_lends_no_room_to_others() -> None:
    over = a_tender_room(tender_id="t_2", method="gift_card", amount_minor=100, refunded_minor=300)
    assert parts_of(10000, [a_tender_room(), over]) == [("t_1", 10000)]


@pytest.mark.parametrize(("amount", "error"), [(-1, AmountNegative), (0.5, AmountNotWhole)])
def test_an_impossible_amount_is_refused(amount: Any, error: type[Invalid]) -> None:
    with pytest.raises(error):
        spread_over_tenders(amount, [a_tender_room()])


def test_the_tenders_of_two_orders_are_never_mixed() -> None:
    with pytest.raises(TendersOfTwoOrders):
        spread_over_tenders(100, [a_tender_room(), a_tender_room(order_id="o_2")])


# --- tenders that can no longer take money back ---

PAID = datetime(2026, 1, 1, 12, tzinfo=UTC)
YEAR = {"simulated": TenderLimits(max_age_days=365)}
THRICE = {"simulated": TenderLimits(max_refunds=3)}


def day(number: int) -> datetime:
    return PAID + timedelta(days=number)


@pytest.mark.parametrize(
    ("vary", "limits", "at", "dead"),
    [
        pytest.param({"paid_at": PAID}, YEAR, day(365), None, id="on its last day a card still takes money back"),
        pytest.param({"paid_at": PAID}, YEAR, day(366), Dead.TOO_OLD, id="after a year and a day it takes none"),
        pytest.param({"paid_at": PAID}, {}, day(3000), None, id="without a limit no card is too old"),
        pytest.param({}, YEAR, day(3000), None, id="a payment without a day is not too old"),
        pytest.param({"refunds_made": 2}, THRICE, day(1), None, id="the third of three refunds goes"),
        pytest.param({"refunds_made": 3}, THRICE, day(1), Dead.USED_UP, id="the fourth does not"),
        pytest.param({"closed": "account_closed"}, {}, day(1), Dead.CLOSED, id="a closed account takes nothing"),
        pytest.param({"refunds_made": 9}, {"other": TenderLimits(max_refunds=3)}, day(1), None, id="limits of others"),
    ],
)
def test_a_tender_past_its_limits_takes_nothing(vary: Any, limits: Any, at: datetime, dead: Dead | None) -> None:
    outcome = spread_over_tenders(700, [a_tender_room(**vary)], limits=limits, at=at)
    assert isinstance(outcome, Spread)
    if dead is None:
        assert (sum(part.amount_minor for part in outcome.parts), outcome.needs) == (700, None)
    else:
        assert outcome.parts == ()
        assert outcome.needs is not None
        assert [(part.tender_id, part.amount_minor, why) for part, why in outcome.needs.parts] == [("t_1", 700, dead)]
        assert outcome.needs.minor == 700


def test_what_a_dead_tender_cannot_take_goes_over_the_others_before_a_destination_is_asked_for() -> None:
    gift_card = a_tender_room(tender_id="t_2", method="gift_card", amount_minor=5000, closed="account_closed")
    card = a_tender_room(amount_minor=2000)
    assert parts_of(2000, [gift_card, card]) == [("t_1", 2000)]
    outcome = spread_over_tenders(2500, [gift_card, card])
    assert isinstance(outcome, Spread)
    assert [part.amount_minor for part in outcome.parts] == [2000]
    assert outcome.needs is not None
    assert outcome.needs.minor == 500


@given(tenders=rooms, amount_minor=st.integers(0, 10**10), data=st.data())
def test_whichever_tenders_are_dead_every_unit_is_accounted_for_within_its_room(
    tenders: list[TenderRoom], amount_minor: int, data: st.DataObject
) -> None:
    tenders = [
        a_tender_room(**{**vars(room), "closed": data.draw(st.sampled_from([None, "account_closed"]))})
        for room in tenders
    ]
    outcome = spread_over_tenders(amount_minor, tenders)
    if isinstance(outcome, NotEnoughRoom):
        assert amount_minor > sum(tender.room_minor for tender in tenders)
        return
    homeless = [part for part, _ in outcome.needs.parts] if outcome.needs else []
    together = [*outcome.parts, *homeless]
    room = {tender.tender_id: tender.room_minor for tender in tenders}
    assert sum(part.amount_minor for part in together) == amount_minor
    assert all(0 < part.amount_minor <= room[part.tender_id] for part in together)
    closed = {tender.tender_id for tender in tenders if tender.closed}
    assert not closed & {part.tender_id for part in outcome.parts}
    assert {part.tender_id for part in homeless} <= closed
    alive = sum(tender.room_minor for tender in tenders if not tender.closed)
    assert not homeless or sum(part.amount_minor for part in outcome.parts) == alive


@pytest.mark.parametrize(
    ("failure", "dead"),
    [
        ("account_closed", True),
        ("expired_or_canceled_card: The card is gone.", True),
        ("lost_or_stolen_card", True),
        ("returned_by_bank", True),
        ("refund_too_old", True),
        ("over_refund: Only 5 are left.", False),
        ("insufficient_funds", False),
        (None, False),
    ],
)
def test_only_failures_of_the_tender_itself_ask_for_another_destination(failure: str | None, dead: bool) -> None:
    assert is_dead(failure) is dead
