"""Labels cost by where the parcel goes."""

import pytest

from partners.carriers.prices import EU, label_cost


@pytest.mark.parametrize(
    ("from_country", "to_country", "cost"),
    [
        ("DE", "DE", 320),
        ("GB", "GB", 320),
        ("DE", "FR", 890),
        ("FR", "DE", 890),
        ("DE", "GB", 1490),
        ("US", "CN", 1490),
    ],
)
def test_a_label_costs_by_the_pair_of_countries(from_country: str, to_country: str, cost: int) -> None:
    assert label_cost(from_country, to_country) == cost


def test_the_union_has_its_27_members() -> None:
    assert len(EU) == 27
    assert not EU & {"GB", "CH", "NO"}
