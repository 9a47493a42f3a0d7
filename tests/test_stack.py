"""The embedded stack, started for real: it survives kill -9 of any part and leaves nothing running."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text
from temporalio.client import Client, WorkflowExecutionStatus

from ports import LOOPBACK, free_port
from settings import PREFIX, Settings, read_settings, temporal_connect_options
from stack import AlreadyRunning, PortTaken, Stack
from supervisor import ROOT, Event, Health
from tests.waiting import gone, until

Start = Callable[..., AbstractContextManager[Stack]]
PARENT = """
import sys
from pathlib import Path
from settings import read_settings
from stack import Stack
with Stack(read_settings(data_dir=Path(sys.argv[1])), asked_ports={"temporal": int(sys.argv[2]), "ui": int(sys.argv[3])}) as stack:
    print("started", flush=True)
    stack.wait()
"""


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    ports = {"temporal": free_port(), "ui": free_port()}

    @contextmanager
    def started(**given: Any) -> Iterator[Stack]:
        with Stack(read_settings(data_dir=tmp_path / "data"), **{"asked_ports": ports, **given}) as stack:
            yield stack

    return started


def rows(stack: Stack, *orders: str) -> Any:
    """What the last of these SQL orders answers, in one transaction."""
    assert stack.settings.database_url is not None
    engine = create_engine(stack.settings.database_url, pool_pre_ping=True)
    try:
        with engine.begin() as connection:
            return [connection.execute(text(order)) for order in orders][-1].scalar()
    finally:
        engine.dispose()


def open_case(stack: Stack, case_id: str) -> None:
    """Start a workflow that nobody works on yet."""

    async def start_workflow() -> None:
        client = await Client.connect(**temporal_connect_options(stack.settings))
        await client.start_workflow("ReturnCase", id=case_id, task_queue="returns")

    asyncio.run(start_workflow())


def case_is_open(stack: Stack, case_id: str) -> bool:
    async def status() -> WorkflowExecutionStatus | None:
        client = await Client.connect(**temporal_connect_options(stack.settings))
        return (await client.get_workflow_handle(case_id).describe()).status

    return asyncio.run(status()) == WorkflowExecutionStatus.RUNNING


def everything_below(pids: list[int]) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in pids] + [
        c for pid in pids for c in psutil.Process(pid).children(recursive=True)
    ]


def test_a_start_answers_a_stop_leaves_nobody_and_the_next_start_has_it_all(start: Start, tmp_path: Path) -> None:
    with start() as stack:
        rows(stack, "CREATE TABLE returns (units int)", "INSERT INTO returns VALUES (3) RETURNING units")
        open_case(stack, "return/RMA-1")
        assert stack.health() == {"postgres": Health.READY, "temporal": Health.READY}
        assert json.loads((tmp_path / "data" / "pids.json").read_text())["postgres"]["pid"] == stack.pids()["postgres"]
        first_ports, running = stack.ports, everything_below(list(stack.pids().values()))
        with pytest.raises(AlreadyRunning, match=rf"Another stack runs on .*data \(process {os.getpid()}\)"), start():
            pass
    assert [process for process in running if process.is_running()] == []

    with start() as stack:
        assert stack.ports == first_ports
        assert rows(stack, "SELECT units FROM returns") == 3
        assert case_is_open(stack, "return/RMA-1")


def test_killed_servers_come_back_with_what_they_had(start: Start) -> None:
    said: list[tuple[str, Event]] = []
    with start(tell=lambda name, event, sentence: said.append((name, event))) as stack:
        rows(stack, "CREATE TABLE returns (units int)", "INSERT INTO returns VALUES (3) RETURNING units")
        open_case(stack, "return/RMA-2")
        for pid in stack.pids().values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: {("postgres", Event.RESTARTED), ("temporal", Event.RESTARTED)} <= set(said))
        until(lambda: set(stack.health().values()) == {Health.READY})
        assert rows(stack, "SELECT units FROM returns") == 3
        assert case_is_open(stack, "return/RMA-2")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_nobody_outlives_the_stack_however_it_is_ended(start: Start, tmp_path: Path, how: signal.Signals) -> None:
    ports = {"temporal": free_port(), "ui": free_port()}
    order = [sys.executable, "-c", PARENT, str(tmp_path / "data"), *map(str, ports.values())]
    parent = subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    recorded = json.loads((tmp_path / "data" / "pids.json").read_text())
    running = everything_below([recorded["postgres"]["pid"], recorded["temporal"]["pid"]])
    parent.send_signal(how)
    parent.communicate(timeout=30)
    until(lambda: all(gone(process.pid) for process in running))
    if how == signal.SIGKILL:
        with start(asked_ports=ports) as stack:
            assert rows(stack, "SELECT 1") == 1


def test_a_port_asked_for_and_taken_is_named_and_nothing_is_left_running(start: Start, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(PortTaken, match=rf"Port {port}.*temporal port.*process {os.getpid()}"),
            start(asked_ports={"temporal": port}),
        ):
            pass
    assert not (tmp_path / "data" / "pids.json").exists()


def elsewhere(folder: Path, **more: str) -> Settings:
    """Settings that leave no server to the stack."""
    return read_settings(
        data_dir=folder,
        database_url="postgresql+psycopg2://boomerang@db.example/boomerang",
        temporal_address="temporal.example:7233",
        **more,
    )


def test_servers_that_the_settings_name_are_used_and_not_started(tmp_path: Path) -> None:
    settings = elsewhere(tmp_path, payments_url="https://payments.example")
    with Stack(settings) as stack:
        assert stack.pids() == {}
        assert stack.settings.database_url == settings.database_url
        assert stack.settings.temporal_address == "temporal.example:7233"
        assert [part.name for part in stack.partners({})] == ["carriers"]


def test_signals_are_handled_as_before_once_the_stack_has_ended(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with Stack(elsewhere(tmp_path)):
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_the_products_processes_are_told_where_everything_is(tmp_path: Path) -> None:
    settings = elsewhere(tmp_path)
    with Stack(settings) as stack:
        worker, server = stack.worker(2), stack.server()
        payments, carriers = stack.partners({"carriers": ("--auto-scan",)})
    assert (worker.name, worker.argv) == ("worker-2", (sys.executable, str(ROOT / "worker.py")))
    assert server.argv == (sys.executable, str(ROOT / "server.py"))
    assert server.environment["BOOMERANG_DATABASE_URL"] == settings.database_url
    assert server.environment["BOOMERANG_PORT"] == str(stack.ports["server"])
    assert worker.environment["BOOMERANG_PAYMENTS_URL"] == f"http://{LOOPBACK}:{stack.ports['payments']}"
    key = worker.environment["BOOMERANG_PAYMENTS_API_KEY"]
    assert f"--api-key={key}" in payments.argv
    assert (
        payments.argv[payments.argv.index("--webhook-url") + 1] == f"{stack.server_url}/v1/webhooks/payments/simulated"
    )
    assert carriers.argv[-1] == "--auto-scan"
