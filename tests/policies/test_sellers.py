"""The file of sellers: what it holds, and how a bad one is answered."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from policies.page import BadPolicyFile
from policies.sellers import FILE, day_of, load_sellers, read_sellers

TWO = """
default = "shop"
[sellers.shop]
name = "Shop GmbH"
address = ["Weg 1", "10115 Berlin"]
country = "DE"
vat_id = "DE000000000"
prefix = "CN"
time_zone = "Europe/Berlin"
[sellers.weaver]
name = "Weberei"
address = ["Gasse 2"]
country = "AT"
prefix = "WV-AT"
time_zone = "Europe/Vienna"
"""


def test_the_file_of_the_release_names_a_merchant_who_is_made_up() -> None:
    sellers = load_sellers()
    assert sellers is not None
    assert "made-up" in sellers.shop.name
    assert not sellers.others


def test_sellers_are_found_by_their_ids() -> None:
    sellers = read_sellers(TWO, "sellers.toml")
    weaver = sellers.find("weaver")
    assert weaver is not None
    assert (sellers.shop.id, weaver.prefix, weaver.vat_id) == ("shop", "WV-AT", None)
    assert sellers.find("shop") is sellers.shop
    assert sellers.find("stranger") is None


def test_without_the_file_no_notes_are_made(tmp_path: Path) -> None:
    assert load_sellers(tmp_path / FILE.name) is None


@pytest.mark.parametrize(
    ("old", "new", "key", "line"),
    [
        pytest.param('default = "shop"', 'default = "nobody"', "default", 2, id="a default that is not there"),
        pytest.param('name = "Shop GmbH"', 'name = ""', "sellers.shop.name", 4, id="no name"),
        pytest.param('["Weg 1", "10115 Berlin"]', "[]", "sellers.shop.address", 5, id="no address"),
        pytest.param('"DE"', '"Germany"', "sellers.shop.country", 6, id="a country in words"),
        pytest.param('"CN"', '"cn/"', "sellers.shop.prefix", 8, id="a prefix that no address can hold"),
        pytest.param('"WV-AT"', '"CN"', "sellers.weaver.prefix", 14, id="another seller's prefix"),
        pytest.param("Europe/Berlin", "Europe/Bonn", "sellers.shop.time_zone", 9, id="no such time zone"),
        pytest.param("vat_id", "vat", "sellers.shop.vat", 7, id="a slip of the pen"),
        pytest.param('prefix = "WV-AT"\n', "", "sellers.weaver.prefix", 10, id="a missing key"),
    ],
)
def test_a_bad_file_is_answered_with_the_key_and_its_line(old: str, new: str, key: str, line: int) -> None:
    with pytest.raises(BadPolicyFile) as refused:
        read_sellers(TWO.replace(old, new, 1), "sellers.toml")
    fault = refused.value.facts["faults"][0]
    assert (fault.file, fault.key, fault.line) == ("sellers.toml", key, line)


def test_the_day_is_the_sellers_own() -> None:
    at = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert [day_of(at, zone) for zone in ("Europe/London", "Europe/Berlin")] == [date(2026, 12, 31), date(2027, 1, 1)]
