"""A house for each module of journeys; the partners run for the whole session."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from database.engine import Sessions
from tests.house import House, World, open_house
from tests.partners.programs import Ear, Program, running


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    payments_folder, carriers_folder = tmp_path_factory.mktemp("payments"), tmp_path_factory.mktemp("carriers")
    with (
        Ear() as payments_say,
        Ear() as carriers_say,
        running(Program("payments", payments_folder, payments_say.url)) as payments,
        running(Program("carriers", carriers_folder, carriers_say.url)) as carriers,
    ):
        yield World(payments, carriers, payments_say, carriers_say)


@pytest.fixture(scope="module")
async def house(made_sessions: Sessions, temporal_address: str, world: World) -> AsyncIterator[House]:
    async with open_house(made_sessions, temporal_address, world) as made:
        yield made
        world.calm()


@pytest.fixture(autouse=True)
def fresh(house: House) -> None:
    """No knob of an earlier test is on, and the clock is the wall's: a new case's own clock starts there too."""
    house.world.calm()
    house.moved = timedelta()
