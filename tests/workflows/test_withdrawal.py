"""The acknowledgement's workflow: thin, tried until it is done, and replayed as it ran."""

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from api.schemas.withdrawals import present_withdrawal
from desk.withdrawals import WithdrawalsDesk
from domain.withdrawal import Declaration
from tests.house import House
from web.withdrawal.letter import acknowledgement
from worker import WORKFLOWS, sandbox
from workflows.names import acknowledgement_id

pytestmark = pytest.mark.anyio


async def test_it_ends_when_the_mail_is_sent_and_is_replayed_as_it_ran(house: House) -> None:
    desk = WithdrawalsDesk(
        house.made,
        house.client,
        house.desk,
        write=acknowledgement,
        present=present_withdrawal,
        task_queue=house.queue,
    )
    done = await desk.declare(Declaration("Ada", "no-such-order", "ada@customer.example"), "form_of_the_workflow")
    handle = house.client.get_workflow_handle(acknowledgement_id(done.row.id))
    await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    history = await handle.fetch_history()
    assert len(history.events) == 11, "one effect, and nothing else"
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=sandbox())
    await replayer.replay_workflow(history)
