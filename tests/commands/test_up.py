"""`boomerang up`: the addresses it prints answer."""

import json
import re

import httpx2

from tests.commands.conftest import House


def test_the_addresses_that_are_printed_answer(house: House) -> None:
    printed = (house.folder.parent / "up.log").read_text()
    addresses = re.findall(r"http://127\.0\.0\.1:\d+\S*", printed)
    assert len(addresses) == 2
    for address in addresses:
        assert httpx2.get(address, follow_redirects=True, trust_env=False).status_code == 200


def test_each_part_is_named_with_its_process(house: House) -> None:
    printed = (house.folder.parent / "up.log").read_text()
    for name, child in json.loads((house.folder / "pids.json").read_text()).items():
        if name != "supervisor":
            assert f"{name} runs (process {child['pid']})" in printed
