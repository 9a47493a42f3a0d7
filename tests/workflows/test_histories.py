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

from domain.process import Method
from tests.house import MERCHANT, OPERATOR, SHOP, House
from worker import WORKFLOWS, sandbox

pytestmark = pytest.mark.anyio

RECORDED = Path(__file__).parent / "histories"


def replayer(workflows: list[type] | None = None) -> Replayer:
    return Replayer(
        workflows=workflows or list(WORKFLOWS), workflow_runner=sandbox(), data_converter=pydantic_data_converter
    )


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.json")), ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    history = WorkflowHistory.from_json(file.stem, file.read_text())
    await replayer().replay_workflow(history)


async def test_a_changed_process_does_not_replay(house: House) -> None:
    """The check can fail: a history in which another effect was asked for is not this code's history."""
    text = (RECORDED / "closed_refunded.json").read_text()
    changed = WorkflowHistory.from_json("changed", text.replace('"name": "book"', '"name": "burn"'))
    result = await replayer().replay_workflow(changed, raise_on_replay_failure=False)
    assert result.replay_failure is not None


def test_every_way_a_case_can_go_is_recorded() -> None:
    assert {file.stem for file in RECORDED.glob("*.json")} == set(STORIES)


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
}


@pytest.mark.parametrize("story", STORIES)
async def test_the_story_is_still_told(house: House, story: str, request: pytest.FixtureRequest) -> None:
    """Each story runs on this code too, and its fresh history replays; `--record-histories` keeps it."""
    case_id = await STORIES[story](house)
    history = await house.handle(case_id).fetch_history()
    await replayer().replay_workflow(history)
    if request.config.getoption("--record-histories"):
        (RECORDED / f"{story}.json").write_text(json.dumps(history.to_json_dict(), indent=1) + "\n")
    house.moved = timedelta()
