"""`boomerang tier`: shown with what it comes from, locked and unlocked by hand, reviewed at once."""

import asyncio
import json
from itertools import count
from typing import Any

from temporalio.client import Client

from tests.commands.conftest import House, order

_numbers = count(1)


def a_customer(house: House) -> str:
    """Somebody who has bought two dresses for EUR 24.00."""
    bought = order(f"tier-{next(_numbers)}")
    house.done("order", "put", "-", given=bought)
    customer: str = bought["customer"]["id"]
    return customer


def test_a_tier_is_shown_with_figures_and_what_is_missing(house: House) -> None:
    customer = a_customer(house)
    said = house.done("tier", "show", customer)

    assert "ENTRY as of" in said
    assert "1 in 12 months" in said
    assert "INTERMEDIATE with 1 more orders and GBP" in said
    assert house.read("tier", "show", customer, "--on", "2011-09-01")["figures"]["orders"] == 0


def test_a_tier_is_locked_and_unlocked_by_hand(house: House) -> None:
    customer = a_customer(house)
    assert "is VIP, locked as VIP by operator" in house.done(
        "tier", "lock", customer, "VIP", "--reason", "lost parcels"
    )
    assert "lost parcels" in house.done("tier", "show", customer)
    assert "is ENTRY, without a lock" in house.done("tier", "unlock", customer)
    changes = house.read("tier", "show", customer)["changes"]
    assert [change["why"] for change in changes] == ["unlocked", "locked"]


def test_an_unknown_customer_and_an_end_that_is_past_are_sentences(house: House) -> None:
    for words in (["show", "c_nobody"], ["unlock", "c_nobody"]):
        status, _, err = house.run("tier", *words)
        assert (status, "There is no customer 'c_nobody'" in err) == (1, True)
    end = ["--reason", "x", "--until", "2020-01-01T00:00:00Z"]
    status, _, err = house.run("tier", "lock", a_customer(house), "VIP", *end)
    assert (status, "is past" in err) == (1, True)


def test_a_review_puts_every_customer_on_record_and_says_how_many_changed(house: House) -> None:
    customer = a_customer(house)
    looked: dict[str, Any] = house.read("tier", "review", "--on", "2011-09-01")
    assert house.read("tier", "show", customer)["on_record"] is None
    assert (
        looked["after"]["ENTRY"] + sum(looked["after"][tier] for tier in ("INTERMEDIATE", "ADVANCED", "VIP"))
        == (looked["customers"])
    )
    reviewed: dict[str, Any] = house.read("tier", "review")

    assert reviewed["customers"] == sum(reviewed["before"].values()) == sum(reviewed["after"].values())
    assert (reviewed["before"]["not_reviewed"] >= 1, reviewed["after"]["not_reviewed"]) == (True, 0)
    assert house.read("tier", "show", customer)["on_record"]["tier"] == "ENTRY"
    said = house.done("tier", "review")
    assert f"{reviewed['customers']:,} customers reviewed" in said
    assert " 0 changed" in said


def test_a_worker_makes_the_schedule_of_the_review_when_it_starts(house: House) -> None:
    async def described() -> Any:
        ports = json.loads((house.folder / "ports.json").read_text())
        client = await Client.connect(f"127.0.0.1:{ports['temporal']}")
        return await client.get_schedule_handle("tier-review/returns").describe()

    assert asyncio.run(described()).info.next_action_times
