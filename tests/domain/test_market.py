"""The law of the markets as it stands in the file, against values written by hand."""

from datetime import date
from typing import Any

import pytest

from domain.goods import GoodsCondition, Nature
from domain.market import (
    EXCEPTED_CONDITIONS,
    EXCEPTED_NATURES,
    UNTOLD,
    Confidence,
    Market,
    Right,
    Wear,
    exception,
    freight_with_fault,
    freight_without_fault,
    guarantee,
    market_of,
    original_delivery,
    wear,
    withdrawal_function,
    withdrawal_right,
)
from policies.book import load_policy_book

BOOK = load_policy_book()


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        pytest.param(
            "DE",
            {
                "withdrawal_right": Right.YES,
                "withdrawal_days": 14,
                "withdrawal_day_type": "calendar",
                "withdrawal_starts": "delivery_of_last_item",
                "if_not_informed": "plus_12_months",
                "consumer_ship_back_days": 14,
                "return_shipping_no_fault": "consumer_if_informed_else_seller",
                "return_shipping_seller_fault": "seller",
                "refund_days": 14,
                "refund_starts": "withdrawal_notice_received",
                "refund_withhold_until": "goods_received_or_proof_of_sending_whichever_first",
                "refund_original_delivery": "standard_only",
                "defect_guarantee_months": 24,
                "defect_burden_reversal_months": 12,
                "defect_short_reject_days": None,
                "withdrawal_function_from": date(2026, 6, 19),
                "citation": "BGB 312g, 355, 356, 357, 357a, 437-438, 477",
                "confidence": Confidence.HIGH,
                "as_of": "2026-11",
            },
            id="Germany",
        ),
        pytest.param(
            "UK",
            {
                "iso_code": "GB",
                "withdrawal_days": 14,
                "refund_starts": "goods_received_or_proof_of_sending_whichever_first",
                "defect_guarantee_months": 72,
                "defect_burden_reversal_months": 6,
                "defect_short_reject_days": 30,
                "withdrawal_function_from": None,
                "last_day_on_holiday": "stays",
                "uncertain_fields": (
                    "defect_guarantee_months is the limitation period, not a guarantee",
                    "last_day_on_holiday",
                ),
            },
            id="United Kingdom",
        ),
        pytest.param(
            "KR",
            {
                "withdrawal_days": 7,
                "refund_days": 3,
                "refund_day_type": "business",
                "refund_starts": "goods_returned",
                "return_shipping_no_fault": "consumer",
                "late_refund_penalty": "delay_interest_15pct_pa",
                "consumer_ship_back_days": None,
                "same_payment_method": "yes",
            },
            id="South Korea",
        ),
        pytest.param(
            "BR",
            {
                "withdrawal_days": 7,
                "refund_days": 0,
                "return_shipping_no_fault": "seller",
                "defect_guarantee_months": 3,
            },
            id="Brazil: at once is zero days, not an unknown",
        ),
        pytest.param(
            "ID",
            {"withdrawal_right": Right.CONDITIONAL, "withdrawal_days": 2, "withdrawal_day_type": "business"},
            id="Indonesia",
        ),
        pytest.param(
            "TW",
            {
                "withdrawal_days": 7,
                "return_shipping_no_fault": "seller",
                "refund_days": 15,
                "diminished_value_deduction": "limited",
                "defect_guarantee_months": None,
            },
            id="Taiwan",
        ),
        pytest.param(
            "HK",
            {
                "withdrawal_right": Right.NO,
                "withdrawal_days": None,
                "exceptions": (),
                "return_shipping_no_fault": None,
                "refund_days": None,
                "confidence": Confidence.MEDIUM,
            },
            id="Hong Kong",
        ),
        pytest.param(
            "CA-QC",
            {
                "iso_code": "CA-QC",
                "consumer_ship_back_days": 15,
                "late_refund_penalty": "card_chargeback_within_60_days",
                "exceptions": ("only_for_disclosure_or_delivery_failures",),
            },
            id="Quebec",
        ),
        pytest.param(
            "RU",
            {
                "refund_days": 10,
                "if_not_informed": "3_months_from_delivery",
                "exceptions": (
                    "individually_defined_goods_usable_only_by_buyer",
                    "goods_without_preserved_appearance",
                ),
                "source_url": (
                    "https://spoabris.ru/en/st-26-1-distancionnyi-sposob-prodazhi-tovara.html",
                    "https://niena.ru/en/return",
                ),
            },
            id="Russia",
        ),
    ],
)
def test_the_file_says_what_the_law_says(market: str, expected: dict[str, Any]) -> None:
    row = BOOK.markets[market]

    assert {name: getattr(row, name) for name in expected} == expected


def test_all_thirty_four_markets_are_there_with_a_source_each() -> None:
    assert len(BOOK.markets) == 34
    assert all(market.citation and market.source_url and market.as_of == "2026-11" for market in BOOK.markets.values())


@pytest.mark.parametrize(
    ("country", "market"),
    [
        pytest.param("DE", "DE", id="own row"),
        pytest.param("de ", "DE", id="small letters"),
        pytest.param("GB", "UK", id="by ISO code"),
        pytest.param("UK", "UK", id="by market"),
        pytest.param("SE", "EU", id="member state without a row"),
        pytest.param("US-CA", "US-CA", id="part with a row"),
        pytest.param("CA-BC", "CA", id="part without a row"),
        pytest.param("DE-BY", "DE", id="part of a member state"),
        pytest.param("SE-AB", "EU", id="part of a member state without a row"),
        pytest.param("IS", "IS", id="no statute on file"),
        pytest.param("", "ZZ", id="unknown"),
    ],
)
def test_which_law_applies(country: str, market: str) -> None:
    assert market_of(BOOK, country).market == market


def test_a_country_without_a_statute_on_file_has_no_rights_and_says_how_sure_we_are() -> None:
    market: Market = market_of(BOOK, "IS")

    assert not market.has_withdrawal_right
    assert market.confidence is Confidence.LOW
    assert "no statute on file" in market.name


# --- the questions


def test_a_right_is_only_what_holds_without_conditions() -> None:
    assert withdrawal_right(BOOK.markets["DE"]).days == 14
    japan = withdrawal_right(BOOK.markets["JP"])
    assert (japan.days, japan.conditional) == (0, 8)
    assert withdrawal_right(BOOK.markets["US"]).days == 0


@pytest.mark.parametrize(("market", "months"), [("DE", 12), ("TR", 12), ("RU", 3), ("TW", 4), ("BR", 0)])
def test_who_is_not_told_of_the_right_has_it_for_longer(market: str, months: int) -> None:
    assert withdrawal_right(BOOK.markets[market], informed=False).more_months == months
    assert withdrawal_right(BOOK.markets[market]).more_months == 0


@pytest.mark.parametrize("market", sorted(name for name, law in BOOK.markets.items() if law.has_withdrawal_right))
def test_every_exception_of_a_right_is_known_or_said_to_be_for_people(market: str) -> None:
    for word in BOOK.markets[market].exceptions:
        plain = word.split("(")[0].split(" ")[0]
        assert plain in {*EXCEPTED_NATURES, *EXCEPTED_CONDITIONS, *UNTOLD}, word


@pytest.mark.parametrize(
    ("market", "natures", "condition", "excepted"),
    [
        pytest.param("DE", {Nature.CUSTOM_MADE}, "not_said", "custom_made", id="made to order"),
        pytest.param("DE", {Nature.SEALED_HYGIENE}, "as_sold", None, id="sealed"),
        pytest.param("DE", {Nature.SEALED_HYGIENE}, "opened", "sealed_hygiene_unsealed", id="the seal is broken"),
        pytest.param("DE", set(), "used", None, id="use takes no right away in Germany"),
        pytest.param("KR", set(), "used", "value_fell_by_use", id="in Korea it does"),
        pytest.param("SA", set(), "used", "used", id="and in Saudi Arabia"),
        pytest.param(
            "RU", {Nature.CUSTOM_MADE}, "as_sold", "individually_defined_goods_usable_only_by_buyer", id="Russia"
        ),
        pytest.param("BR", {Nature.CUSTOM_MADE}, "opened", None, id="Brazil excepts nothing"),
    ],
)
def test_what_a_law_excepts(market: str, natures: set[Nature], condition: str, excepted: str | None) -> None:
    assert exception(BOOK.markets[market], frozenset(natures), GoodsCondition(condition)) == excepted


@pytest.mark.parametrize(
    ("market", "says"),
    [("DE", Wear.DEDUCTED), ("CN", Wear.MUST_BE_INTACT), ("BR", Wear.NOT_DEDUCTED), ("HK", Wear.NOT_KNOWN)],
)
def test_what_a_law_says_of_lost_value(market: str, says: Wear) -> None:
    assert wear(BOOK.markets[market]) is says


def test_every_word_on_lost_value_is_known() -> None:
    for market in BOOK.markets.values():
        assert market.diminished_value_deduction is None or wear(market) is not Wear.NOT_KNOWN, market.market


def test_an_answer_says_where_it_stands_and_how_sure_it_is() -> None:
    assert BOOK.markets["DE"].source("withdrawal_days") == "law of DE: BGB 312g, 355, 356, 357, 357a, 437-438, 477"
    assert BOOK.markets["ES"].source("late_refund_penalty").endswith("(from memory: have it checked)")
    assert BOOK.markets["CN"].source("defect_guarantee_months").endswith("(from memory: have it checked)")
    assert BOOK.markets["TH"].source("withdrawal_days").endswith("(low confidence: have it checked)")


@pytest.mark.parametrize(("on", "offered"), [(date(2026, 6, 18), False), (date(2026, 6, 19), True)])
def test_the_withdrawal_function_is_offered_from_its_day_on(on: date, offered: bool) -> None:
    assert withdrawal_function(BOOK.markets["FR"], on) is offered
    assert not withdrawal_function(BOOK.markets["US"], on)


def test_the_other_questions_answer_from_the_row() -> None:
    france = BOOK.markets["FR"]
    assert guarantee(france)[:3] == (24, 24, None)
    assert guarantee(BOOK.markets["UK"])[:3] == (72, 6, 30)
    assert original_delivery(france).rule == "standard_only"
    assert freight_without_fault(france).rule == "consumer_if_informed_else_seller"
    assert freight_with_fault(BOOK.markets["AU"]).rule == "seller_if_significant_cost"
