"""Labels: asked for twice, bought once."""

import pytest
from temporalio.testing import ActivityEnvironment

from database import cases, parcels
from domain.state import Effect, EffectKind
from tests.house import House
from worker import activities

pytestmark = pytest.mark.anyio


async def test_a_label_asked_for_twice_is_one_label(house: House) -> None:
    order = await house.sell(1)
    case_id = await house.open(order)
    await house.until(case_id, "booked")
    with house.made() as session:
        before = cases.get(session, case_id).version, len(parcels.of_case(session, case_id))
    book = next(
        effect for effect in activities(house.made, house.partners, clock=house.clock) if effect.__name__ == "book"
    )
    ActivityEnvironment().run(book, case_id, Effect(EffectKind.BOOK, "book:1"))
    with house.made() as session:
        assert (cases.get(session, case_id).version, len(parcels.of_case(session, case_id))) == before
    assert len(house.bookings(case_id)) == 1
