"""Credit notes go with the decision: both are there or neither, and the number after a decision that was cut off follows the one before."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Row, update
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.settlement import SettlementActivities
from database import credit_notes
from database.tables import order_lines
from domain.credit_note import CreditNote, Sellers
from domain.state import Effect, Fact
from policies.sellers import load_sellers
from tests.activities.test_settlement import SETTLE, DyingGateway, Killed, judged
from tests.house import House

pytestmark = pytest.mark.anyio


class CutOff(SettlementActivities):
    """The process dies when all is written, and before the commit."""

    def _decide(self, session: Session, case: Row[Any], effect: Effect) -> set[str]:
        super()._decide(session, case, effect)
        raise Killed


def settle(
    house: House,
    case_id: str,
    *,
    sellers: Sellers | None = None,
    gateway: Any = None,
    kind: type[SettlementActivities] = SettlementActivities,
) -> Fact:
    gateways = {"simulated": gateway or house.partners.payments["simulated"]}
    run: Callable[..., Fact] = ActivityEnvironment().run
    return run(kind(house.made, house.clock, gateways, sellers=sellers or load_sellers()).settle, case_id, SETTLE)


def notes(house: House, case_id: str) -> list[CreditNote]:
    with house.made() as session:
        assert credit_notes.gaps(session) == []
        return credit_notes.of_case(session, case_id)


async def test_a_decision_that_was_cut_off_leaves_no_note_and_no_gap(house: House) -> None:
    first, _ = await judged(house)
    settle(house, first)
    second, _ = await judged(house)
    with pytest.raises(Killed):
        settle(house, second, kind=CutOff)
    assert (notes(house, second), house.refund(second)) == ([], None)
    settle(house, second)
    (before,), (after,) = notes(house, first), notes(house, second)
    assert (before.seller, after.sequence) == (after.seller, before.sequence + 1)


async def test_killed_while_paying_the_note_is_there_and_stays_the_only_one(house: House) -> None:
    case_id, _ = await judged(house)
    with pytest.raises(Killed):
        settle(house, case_id, gateway=DyingGateway(house, "after the call"))
    made = notes(house, case_id)
    assert [note.refunded_minor for note in made] == [2500]
    settle(house, case_id)
    settle(house, case_id)
    assert notes(house, case_id) == made


async def test_an_installation_without_sellers_makes_none(house: House) -> None:
    case_id, _ = await judged(house)
    gateways = {"simulated": house.partners.payments["simulated"]}
    run: Callable[..., Fact] = ActivityEnvironment().run
    run(SettlementActivities(house.made, house.clock, gateways).settle, case_id, SETTLE)
    assert notes(house, case_id) == []
    assert house.case(case_id).refunded_minor == 2500


async def test_a_note_that_does_not_add_up_holds_the_refund_for_a_person(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, _ = await judged(house)
    monkeypatch.setattr(credit_notes, "sold", lambda *_: ({}, {}))
    with pytest.raises(ApplicationError, match="is not known") as refused:
        settle(house, case_id)
    assert (refused.value.non_retryable, refused.value.type) == (True, "CreditNoteDoesNotAddUp")
    assert (notes(house, case_id), house.refund(case_id), house.parts(case_id)) == ([], None, [])


@pytest.mark.parametrize(("seller", "notes_of"), [("weaver", ["weaver"]), ("somebody who makes their own", [])])
async def test_goods_of_another_seller_have_that_sellers_note(house: House, seller: str, notes_of: list[str]) -> None:
    case_id, order = await judged(house)
    with house.made.begin() as session:
        session.execute(update(order_lines).where(order_lines.c.order_id == order.id).values(seller=seller))
    release = load_sellers()
    assert release is not None
    weaver = replace(release.shop, id="weaver", prefix="WV")
    settle(house, case_id, sellers=Sellers(release.shop, {"weaver": weaver}))
    made = notes(house, case_id)
    assert [note.seller.id for note in made] == notes_of
    assert all(note.number.startswith("WV-") for note in made)
    assert house.case(case_id).refunded_minor == 2500
