"""The law of the markets as it stands in the file, against values written by hand."""

from datetime import date
from typing import Any

import pytest

from domain.market import Confidence, Market, Right, market_of
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
