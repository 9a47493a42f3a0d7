"""The file of rates: what it holds, and how a bad one is answered."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.money import EXPONENTS
from policies.rates import FILE, BadRatesFile, load_rates


def test_the_rates_as_published() -> None:
    rates = load_rates()

    assert (rates.as_of, len(rates.per_euro)) == (date(2026, 10, 30), 29)
    assert "European Central Bank" in rates.source
    assert rates.per_euro["GBP"] == Decimal("0.8338")
    assert rates.translate(100_00, "EUR", "USD") == 111_72
    assert set(rates.per_euro) <= set(EXPONENTS)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        pytest.param("GBP = 0.8338", "GBP = 0", "per_euro.GBP", id="a rate of nothing"),
        pytest.param("GBP = 0.8338", "GBP = -0.8338", "per_euro.GBP", id="a negative rate"),
        pytest.param("GBP = 0.8338", "GBP = nan", "per_euro.GBP", id="no number"),
        pytest.param("GBP = 0.8338", 'GBP = "0.8338"', "per_euro.GBP", id="a text"),
        pytest.param("GBP = 0.8338", "GBP = true", "per_euro.GBP", id="a yes"),
        pytest.param("GBP = 0.8338", "STG = 0.8338", "per_euro.STG", id="no currency"),
        pytest.param("GBP = 0.8338", "EUR = 1", "per_euro.EUR", id="the base itself"),
        pytest.param("[per_euro]", "[per_dollar]", "per_dollar", id="a key nobody reads"),
        pytest.param("as_of = 2026-10-30", 'as_of = "today"', "as_of", id="no date"),
        pytest.param('base = "EUR"', 'base = "USD"', "base", id="another base"),
        pytest.param("European Central Bank, euro foreign exchange reference rates", " ", "source", id="no source"),
        pytest.param("[per_euro]", "[per_euro", "(file)", id="no TOML"),
    ],
)
def test_a_bad_file_is_answered_with_the_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "rates.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(BadRatesFile) as bad:
        load_rates(file)

    assert bad.value.facts["key"] == key


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRatesFile, match="a readable file"):
        load_rates(tmp_path / "rates.toml")
