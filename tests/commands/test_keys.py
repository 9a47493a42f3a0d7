"""`boomerang keys`, against the running product's database."""

from tests.commands.conftest import House


def test_a_key_is_made_used_listed_and_revoked(house: House) -> None:
    made = house.read("keys", "create", "--name", "shop", "--role", "storefront")
    assert made["key"].startswith("rk_live_")
    listed = {key["id"]: key for key in house.read("keys", "list")}
    assert listed[made["id"]]["last4"] == made["key"][-4:]
    assert made["key"] not in house.done("keys", "list")
    assert house.done("keys", "revoke", made["id"]) == f"{made['id']} is revoked.\n"
    status, _, err = house.run("keys", "revoke", made["id"])
    assert status == 1
    assert "no living key" in err


def test_a_key_may_do_what_its_role_may_and_no_more(house: House) -> None:
    key = house.done("keys", "create", "--name", "dock", "--role", "warehouse").strip()
    house.variables["BOOMERANG_API_KEY"] = key
    try:
        status, _, err = house.run("return", "list")
    finally:
        del house.variables["BOOMERANG_API_KEY"]
    assert status == 1
    assert "returns:read" in err


def test_the_operators_key_is_for_its_owner_only(house: House) -> None:
    assert (house.folder / "operator.key").stat().st_mode & 0o077 == 0
