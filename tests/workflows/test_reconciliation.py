"""Reconciling on the real Temporal server: on demand, by its schedule, through a provider that is away, and replayed as it ran."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import ScheduleActionExecutionStartWorkflow, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from api.schemas.reconciliations import show_run
from database import reconciliations
from desk import IdempotencyKey
from domain.reconciliation import Reconciled
from tests.house import OPERATOR, House, World
from tests.partners.programs import Ear, Program, running
from tests.waiting_for import eventually
from worker import WORKFLOWS, sandbox
from workflows.names import reconciliation_workflow_id
from workflows.schedules import ensure_schedules, reconciliation_id

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def world(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A payment provider of its own: it is killed here."""
    with Ear() as say, running(Program("payments", tmp_path_factory.mktemp("killed_payments"), say.url)) as payments:
        yield World(payments, world.carriers, say, world.carriers_say)


def rows(house: House, run_id: str) -> Any:
    with house.made() as session:
        return reconciliations.run(session, run_id)


def handle(house: House, run_id: str) -> WorkflowHandle[Any, Any]:
    return house.client.get_workflow_handle(reconciliation_workflow_id(run_id), result_type=list[Reconciled])


async def ask(house: House, key: str) -> str:
    asked = IdempotencyKey(key, "POST /v1/ops/reconciliations", "-")
    body, _ = await house.desk.reconciliations.ask("all", OPERATOR, asked, show=show_run)
    return str(body["id"])


async def test_it_is_asked_for_once_and_is_replayed_as_it_ran(house: House) -> None:
    await house.return_all(await house.sell(1))
    run_id = await ask(house, "once")
    assert await ask(house, "once") == run_id
    (found,) = await handle(house, run_id).result()
    (row,) = rows(house, run_id)
    assert (found.provider, found.open, row.status, row.asked_by) == ("simulated", 0, "finished", OPERATOR.name)
    assert row.told_at is not None
    history = await handle(house, run_id).fetch_history()
    assert len(history.events) == 17, "one effect to begin, one for the provider"
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=sandbox())
    await replayer.replay_workflow(history)


async def test_the_schedule_made_at_start_asks_every_provider(house: House) -> None:
    await ensure_schedules(house.client, house.queue)
    schedule = house.client.get_schedule_handle(reconciliation_id(house.queue))
    await schedule.trigger()

    def look() -> Any:
        with house.made() as session:
            return [row for row in reconciliations.last_finished(session) if row.asked_by == "schedule"]

    (row,) = await eventually(look)
    (action,) = (await schedule.describe()).info.recent_actions
    assert isinstance(action.action, ScheduleActionExecutionStartWorkflow)
    assert row.id == f"rec_{action.action.first_execution_run_id}"
    await schedule.delete()


async def test_a_provider_that_is_away_is_asked_until_it_answers(house: House) -> None:
    house.world.payments.kill()
    try:
        run_id = await ask(house, "away")
        (row,) = await eventually(lambda: [row for row in rows(house, run_id) if row.trouble])
        assert (row.status, row.trouble["last_code"]) == ("running", "unreachable")
    finally:
        house.world.payments.start()
    assert len(await handle(house, run_id).result()) == 1
    (row,) = rows(house, run_id)
    assert (row.status, row.trouble) == ("finished", None)


async def test_a_run_whose_server_died_before_it_started_is_started_by_another(house: House) -> None:
    with house.made.begin() as session:
        at = house.clock(session) - timedelta(seconds=10)
        reconciliations.ask(session, "rec_left", ["simulated"], by="operator", at=at)
    assert await house.desk.heal() >= 1
    await handle(house, "rec_left").result()
    (row,) = rows(house, "rec_left")
    assert (row.status, row.told_at is not None) == ("finished", True)
