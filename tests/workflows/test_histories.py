"""Recorded histories replay on this code: a case that was started weeks ago goes on where it stands.

`make histories` records them anew (after a change of the process that is meant to be one, together with its patch).
"""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from database.engine import Sessions
from domain.order import Order
from domain.state import Method
from tests.house import MERCHANT, OPERATOR, SHOP, House, World, open_house
from worker import WORKFLOWS, sandbox

pytestmark = pytest.mark.anyio

RECORDED = Path(__file__).parent / "histories"
# Cases of earlier releases may still run: what was recorded then replays for ever, and is never recorded anew.
RELEASED = sorted(folder for folder in RECORDED.iterdir() if folder.is_dir())


def replayer(workflows: list[type] | None = None) -> Replayer:
    return Replayer(
        workflows=workflows or list(WORKFLOWS), workflow_runner=sandbox(), data_converter=pydantic_data_converter
    )


@pytest.mark.parametrize(
    "file",
    sorted(RECORDED.rglob("*.json")),
    ids=lambda file: "-".join(file.relative_to(RECORDED).with_suffix("").parts),
)
async def test_a_recorded_history_replays(file: Path) -> None:
    history = WorkflowHistory.from_json(file.stem, file.read_text())
    await replayer().replay_workflow(history)


async def test_a_changed_process_does_not_replay(house: House) -> None:
    """The check can fail: a history in which another effect was asked for is not this code's history."""
    text = (RECORDED / "0.1" / "closed_refunded.json").read_text()
    changed = WorkflowHistory.from_json("changed", text.replace('"name": "book"', '"name": "burn"'))
    result = await replayer().replay_workflow(changed, raise_on_replay_failure=False)
    assert result.replay_failure is not None


def test_every_way_a_case_can_go_is_recorded() -> None:
    assert {file.stem for file in RECORDED.glob("*.json")} == set(STORIES)


def test_what_was_recorded_by_an_earlier_release_is_kept() -> None:
    assert {folder.name: len(list(folder.glob("*.json"))) for folder in RELEASED} == {"0.1": 12, "before_guarantees": 3}


# --- the stories that are recorded ---


async def _booked(house: House, method: Method = Method.LABEL) -> str:
    case_id = await house.open(await house.sell(2), method=method)
    await house.until(case_id, "booked")
    await house.until_idle(case_id)
    return case_id


async def _closed_refunded(house: House) -> str:
    case_id = await _booked(house)
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "in_transit")
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until_done(case_id)
    return case_id


async def _expired(house: House) -> str:
    case_id = await _booked(house)
    await house.pass_deadline(case_id)
    await house.until_done(case_id)
    return case_id


async def _cancelled(house: House) -> str:
    case_id = await _booked(house)
    await house.desk.cancel(case_id, SHOP)
    await house.until_done(case_id)
    return case_id


async def _referred_refused(house: House) -> str:
    case_id = await house.open_referred()
    await house.desk.refuse(case_id, MERCHANT, reason="worn")
    await house.until_done(case_id)
    return case_id


async def _referred_authorized_by_silence(house: House) -> str:
    case_id = await house.open_referred()
    await house.pass_deadline(case_id)
    await house.until(case_id, "booked")
    await house.until_idle(case_id)
    return case_id


async def _lost_by_the_carrier(house: House) -> str:
    case_id = await _booked(house)
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "in_transit")
    await house.pass_deadline(case_id)
    await house.until_done(case_id)
    return case_id


async def _settled_as_declared(house: House) -> str:
    case_id = await _booked(house)
    await house.receive(case_id)
    await house.pass_deadline(case_id)
    await house.until_done(case_id)
    return case_id


async def _sent_back(house: House) -> str:
    case_id = await _booked(house)
    await house.inspect(case_id, accepted=False, grade="D")
    await house.until_done(case_id)
    return case_id


async def _pickup_called_off_to_an_operator(house: House) -> str:
    case_id = await _booked(house, Method.PICKUP)
    for _ in range(3):
        await house.pass_deadline(case_id)
        await house.until(case_id, "booked", "attention")
    await house.until(case_id, "attention")
    await house.desk.retry(case_id, OPERATOR, reason="there is a van again")
    await house.until(case_id, "booked")
    await house.until_idle(case_id)
    return case_id


async def _open_and_extended(house: House) -> str:
    case_id = await _booked(house)
    due = house.case(case_id).due_at
    await house.desk.extend(case_id, OPERATOR, until=due + timedelta(days=9), reason="in hospital")
    await house.until_idle(case_id)
    return case_id


async def _reopened_after_it_expired(house: House) -> str:
    case_id = await _expired(house)
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    return case_id


async def _refund_failed_and_paid_anew(house: House) -> str:
    house.world.payments.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": 0.2})
    case_id = await _booked(house)
    await house.inspect(case_id)
    await house.until(case_id, "attention")
    await house.desk.retry(case_id, OPERATOR, reason="another try")
    await house.until_done(case_id)
    return case_id


async def _refunded_at_first_scan(house: House) -> str:
    case_id = await house.open(await house.sell(1, price_minor=DEAR))
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "awaited")
    await house.until_idle(case_id)
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until_done(case_id)
    return case_id


async def _refunded_at_receipt(house: House) -> str:
    case_id = await house.open(await house.sell(1, price_minor=ABOVE_ADVANCES))
    await house.until(case_id, "booked")
    await house.receive(case_id)
    await house.until(case_id, "awaited")
    await house.pass_deadline(case_id)  # the bench says nothing
    await house.until_done(case_id)
    return case_id


async def _refunded_ahead_and_lost(house: House) -> str:
    case_id = await house.open(await house.sell(1, price_minor=DEAR))
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "awaited")
    await house.until_idle(case_id)
    await house.scan(case_id, "lost")
    await house.until_done(case_id)
    return case_id


async def _refunded_ahead_and_never_seen(house: House) -> str:
    case_id = await house.open(await house.sell(1, price_minor=DEAR))
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "awaited")
    await house.pass_deadline(case_id)  # and the card is charged
    await house.until_done(case_id)
    return case_id


async def _charged_back_and_come_after_all(house: House) -> str:
    case_id = await _refunded_ahead_and_never_seen(house)
    await house.receive(case_id)
    await house.until(case_id, "awaited")
    await house.until_idle(case_id)
    await house.inspect(case_id)
    await house.until(case_id, "closed")
    await house.until_done(case_id)
    return case_id


async def _owed_and_written_off(house: House) -> str:
    house.world.payments.knobs(card_empty={"next": 1})
    case_id = await house.open(await house.sell(1, price_minor=DEAR))
    await house.until(case_id, "booked")
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "awaited")
    await house.pass_deadline(case_id)
    await house.until(case_id, "owed")
    for _ in range(4):  # three reminders, and then nothing
        await house.pass_deadline(case_id)
    await house.until_done(case_id)
    return case_id


async def _returnless(house: House) -> str:
    case_id = await house.open(await house.sell(1, price_minor=500))
    await house.until_done(case_id)
    return case_id


async def _escalated_then_authorized(house: House) -> str:
    case_id = await house.open_referred()
    await house.pass_deadline(case_id)
    await house.pass_deadline(case_id)
    await house.until(case_id, "booked")
    await house.until_idle(case_id)
    return case_id


async def _appealed_after_refusal(house: House) -> str:
    case_id = await _referred_refused(house)
    await house.desk.appeal(case_id, SHOP, reason="it was like that when it came")
    await house.desk.authorize(case_id, OPERATOR)
    await house.until(case_id, "booked")
    await house.until_idle(case_id)
    return case_id


async def _sold_long_ago(house: House) -> Order:
    long_ago = house.clock_now() - timedelta(days=200)
    return await house.sell(1, price_minor=DEAR, placed_at=long_ago, delivered_at=long_ago)


async def _appealed_after_refusal_at_opening(house: House) -> str:
    case_id = await house.open(await _sold_long_ago(house))
    assert house.case(case_id).stage == "refused"
    await house.desk.appeal(case_id, SHOP, reason="I was in hospital")
    await house.until(case_id, "referred")
    await house.desk.authorize(case_id, OPERATOR)
    await house.until(case_id, "booked")
    await house.until_idle(case_id)
    return case_id


async def _refunded_by_law_in_transit(house: House) -> str:
    """Withdrawn in Germany, sent five days later: fourteen days from the notice end before the carrier's fourteen days."""
    case_id = await house.open(await house.sell(1, price_minor=DEAR, country="DE", currency="EUR"))
    await house.until(case_id, "booked")
    await house.pass_time(case_id, timedelta(days=5))
    await house.scan(case_id, "picked_up")
    await house.until(case_id, "in_transit")
    await house.pass_deadline(case_id)
    await house.until(case_id, "awaited")
    await house.until_idle(case_id)
    await house.receive(case_id)
    await house.inspect(case_id)
    await house.until_done(case_id)
    return case_id


# In minor units: more than is refunded while the goods stay, and more than is refunded before they are here.
DEAR, ABOVE_ADVANCES = 12000, 900000
# Stories of another programme than the standard one.
UNDER = {
    "refunded_at_first_scan": "standard_global",
    "refunded_at_receipt": "standard_global",
    "refunded_ahead_and_lost": "standard_global",
    "refunded_ahead_and_never_seen": "standard_global",
    "charged_back_and_come_after_all": "standard_global",
    "owed_and_written_off": "standard_global",
    "returnless": "standard_global",
    "escalated_then_authorized": "mediated",
}

STORIES: dict[str, Callable[[House], Awaitable[str]]] = {
    "closed_refunded": _closed_refunded,
    "expired": _expired,
    "cancelled": _cancelled,
    "referred_refused": _referred_refused,
    "referred_authorized_by_silence": _referred_authorized_by_silence,
    "lost_by_the_carrier": _lost_by_the_carrier,
    "settled_as_declared": _settled_as_declared,
    "sent_back": _sent_back,
    "pickup_called_off_to_an_operator": _pickup_called_off_to_an_operator,
    "open_and_extended": _open_and_extended,
    "reopened_after_it_expired": _reopened_after_it_expired,
    "refund_failed_and_paid_anew": _refund_failed_and_paid_anew,
    "refunded_at_first_scan": _refunded_at_first_scan,
    "refunded_at_receipt": _refunded_at_receipt,
    "refunded_ahead_and_lost": _refunded_ahead_and_lost,
    "refunded_ahead_and_never_seen": _refunded_ahead_and_never_seen,
    "charged_back_and_come_after_all": _charged_back_and_come_after_all,
    "owed_and_written_off": _owed_and_written_off,
    "returnless": _returnless,
    "escalated_then_authorized": _escalated_then_authorized,
    "appealed_after_refusal": _appealed_after_refusal,
    "appealed_after_refusal_at_opening": _appealed_after_refusal_at_opening,
    "refunded_by_law_in_transit": _refunded_by_law_in_transit,
}


@pytest.mark.parametrize("story", STORIES)
async def test_the_story_is_still_told(
    house: House,
    made_sessions: Sessions,
    temporal_address: str,
    world: World,
    story: str,
    request: pytest.FixtureRequest,
) -> None:
    """Each story runs on this code too, and its fresh history replays; `--record-histories` keeps it."""
    if story not in UNDER:
        await _tell(house, story, request)
        return
    async with open_house(made_sessions, temporal_address, world, programme=UNDER[story]) as other:
        await _tell(other, story, request)


async def _tell(house: House, story: str, request: pytest.FixtureRequest) -> None:
    case_id = await STORIES[story](house)
    history = await house.handle(case_id).fetch_history()
    await replayer().replay_workflow(history)
    if request.config.getoption("--record-histories"):
        (RECORDED / f"{story}.json").write_text(json.dumps(history.to_json_dict(), indent=1) + "\n")
    house.moved = timedelta()
