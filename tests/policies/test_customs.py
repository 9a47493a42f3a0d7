"""What may be claimed from customs, as data: complete, with sources, and a bad row is named."""

import shutil
from pathlib import Path

import pytest

from domain.customs import Condition, Movement
from domain.market import Confidence
from policies.customs import claim_rules, load_claim_rules
from policies.page import HERE, BadPolicyFile


def test_every_row_has_its_source_and_says_how_sure_it_is() -> None:
    rules = claim_rules().rules
    assert len(rules) == 10
    for rule in rules:
        assert len(rule.source) > 20, rule.name
        assert rule.needs, rule.name
        assert rule.confidence is not Confidence.LOW or rule.doubts, rule.name
        assert rule.duty or rule.tax, rule.name
        assert not (rule.relief and rule.movement is not Movement.REIMPORT), rule.name


def test_the_members_of_the_union_come_from_the_law_of_the_markets() -> None:
    assert {"DE", "FI", "IE"} <= claim_rules().eu_members
    assert "GB" not in claim_rules().eu_members


def test_relief_is_for_goods_as_they_left() -> None:
    assert {rule.condition for rule in claim_rules().rules if rule.relief} == {Condition.UNALTERED}


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        pytest.param('limit = "3y"', 'limit = "3 years"', "uk_returned_goods_relief.limit", "a period", id="no period"),
        pytest.param('limit = "3y"', "limit = 3", "uk_returned_goods_relief.limit", "a period", id="a bare number"),
        pytest.param('goods = "unaltered"', 'goods = "new"', "uk_returned_goods_relief.goods", "one of any", id="no condition"),
        pytest.param('"full_hs_code"]', '"hs"]', "uk_returned_goods_relief.needs", "words among", id="no proof"),
        pytest.param('charges = ["duty", "tax"]', "charges = []", "uk_returned_goods_relief.charges", "duty, tax or both", id="no charge"),
        pytest.param("countries = [", "union = true\ncountries = [", "uk_returned_goods_relief.countries", "either countries", id="both"),
        pytest.param('countries = ["GB", "UK"]', "", "uk_returned_goods_relief.countries", "either countries", id="no country"),
        pytest.param("percent = 99", "percent = 199", "us_unused_drawback.percent", "from 1 to 100", id="more than all"),
        pytest.param("relief = true", "releif = true", "uk_returned_goods_relief.relief", "true or false", id="a slip of the pen"),
    ],
)  # fmt: skip
def test_a_bad_row_is_answered_with_key_and_what_was_expected(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    shutil.copytree(HERE, tmp_path / "policies", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = tmp_path / "policies" / "customs.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(BadPolicyFile) as found:
        load_claim_rules(tmp_path / "policies")
    faults = [fault for fault in found.value.facts["faults"] if fault.key == f"claims.{key}"]
    assert faults
    assert expected in faults[0].expected
