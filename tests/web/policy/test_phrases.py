"""Spans, sums, days and places, as each language writes them."""

import pytest

from domain.policy import MonthDay
from policies.book import load_policy_book
from web.policy import phrases
from web.words import WORDS


@pytest.mark.parametrize(
    ("language", "span", "said"),
    [
        ("en", "1d", "1 day"),
        ("en", "2bd", "2 business days"),
        ("en", "15min", "15 minutes"),
        ("de", "1d", "1 Tag"),
        ("de", "7d", "7 Tagen"),
        ("de", "3bd", "3 Arbeitstagen"),
        ("fr", "1h", "1 heure"),
        ("fr", "2bd", "2 jours ouvrés"),
        ("zh", "1d", "1 天"),
        ("zh", "2bd", "2 个工作日"),
    ],
)
def test_spans_are_said_in_the_plural_of_the_language(language: str, span: str, said: str) -> None:
    assert phrases.span(WORDS[language], span) == said


def test_french_takes_nought_for_one_and_says_so() -> None:
    assert phrases.days(WORDS["fr"], 0) == "0 jour"
    assert phrases.days(WORDS["en"], 0) == "0 days"


def test_money_and_days_are_written_as_the_language_writes_them() -> None:
    assert phrases.sum_of(WORDS["de"], 50000, "EUR") == "500,00\xa0€"
    assert phrases.sum_of(WORDS["en"], 50000, "JPY") == "JP¥50,000"
    assert phrases.dollars(WORDS["en"], 30) == "US$30.00"
    assert [phrases.day_of_year(WORDS[name], MonthDay(2, 29)) for name in ("en", "de", "fr", "zh")] == [
        "29 February",
        "29. Februar",
        "29 février",
        "2月29日",
    ]
    assert phrases.percent(WORDS["fr"], 70) == "70\xa0%"


@pytest.mark.parametrize("language", WORDS)
def test_every_market_has_a_name_in_every_language(language: str) -> None:
    book = load_policy_book()
    codes = {market.iso_code for market in book.markets.values()} | book.eu_members
    assert [code for code in codes if phrases.place(WORDS[language], code) == code] == []
