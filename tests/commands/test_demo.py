"""The demo, end to end: it reconciles, it is taken up again, and it survives kill -9 of any part and of itself."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from commands.demo import SAMPLE
from examples.reader import read_cancellations, read_expected_matches
from ports import free_port
from settings import PREFIX
from stack import PREFERRED_PORTS
from supervisor import ROOT
from tests.waiting import gone, until

LAST_LINE = re.compile(
    r"reconciled: (\d+) returns, refunded (GBP \d+\.\d\d), provider (GBP \d+\.\d\d), ledger 0, difference 0"
)


class Demo:
    """A running `demo` command over one data folder, and what it has printed."""

    def __init__(self, folder: Path, *words: str, leaves: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ports.json").exists():
            (folder / "ports.json").write_text(json.dumps({name: free_port() for name in PREFERRED_PORTS}))
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self.folder = folder
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "cli.py"), "demo", *(["--exit"] if leaves else []), *words],
            env={**environment, "BOOMERANG_DATA_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def has_said(self, what: str) -> bool:
        return any(what in line for line in self.lines)

    def wait_for(self, *words: str, within_s: float = 120) -> None:
        """Until each of these was printed; fails with what was printed when the demo ends before."""
        until(lambda: all(map(self.has_said, words)) or self.process.poll() is not None, within_s=within_s)
        assert all(map(self.has_said, words)), "\n".join(self.lines)

    def kill_9(self, *names: str) -> None:
        """Kill parts of the product outright."""
        pids = json.loads((self.folder / "pids.json").read_text())
        for name in names:
            os.kill(pids[name]["pid"], signal.SIGKILL)

    def end(self, within_s: float = 240) -> int:
        status = self.process.wait(within_s)
        self._reader.join(10)
        return status

    def reconciled(self, returns: int) -> str:
        """Checks the end of a run: exit status, the last line, our sum and the provider's; answers with the sum."""
        assert self.end() == 0, "\n".join(self.lines)
        last = LAST_LINE.fullmatch(self.lines[-1])
        assert last, self.lines[-1]
        assert int(last[1]) == returns
        assert last[2] == last[3]
        return last[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder; whatever still runs over it afterwards is ended."""
    yield tmp_path / "data"
    pids = tmp_path / "data" / "pids.json"
    if pids.exists():
        for child in json.loads(pids.read_text()).values():
            if psutil.pid_exists(child["pid"]):
                os.kill(child["pid"], signal.SIGKILL)


def expected(returns: int) -> str:
    """What the published matches say that the first so many cancellations bring."""
    chosen = {cancellation.id for cancellation in read_cancellations(SAMPLE)[:returns]}
    paid = sum(match.paid_minor for match in read_expected_matches(SAMPLE) if match.cancellation_id in chosen)
    return f"GBP {paid // 100}.{paid % 100:02d}"


def test_the_demo_reconciles_and_the_same_command_goes_on_from_there_and_serves(folder: Path) -> None:
    first = Demo(folder, "--returns", "25")
    assert first.reconciled(25) == expected(25)
    assert first.has_said("FIRST REFUND")
    assert not (folder / "pids.json").exists()
    again = Demo(folder, "--returns", "30", leaves=False)
    again.wait_for(
        "25 of 30 returns were opened before",
        "0 orders with 0 lines imported",
        f"reconciled: 30 returns, refunded {expected(30)}, provider {expected(30)}, ledger 0, difference 0",
        "It keeps serving until Ctrl-C",
    )
    again.process.send_signal(signal.SIGINT)
    assert again.end() == 0
    assert not (folder / "pids.json").exists()


def test_every_part_may_be_killed_on_the_way(folder: Path) -> None:
    demo = Demo(folder, "--returns", "60")
    demo.wait_for("FIRST REFUND")
    demo.kill_9("worker-1", "payments")
    demo.wait_for("worker-1 died (signal 9); started again", "payments died (signal 9); started again")
    demo.kill_9("postgres", "temporal")
    demo.wait_for("postgres died (signal 9); started again", "temporal died (signal 9); started again")
    demo.kill_9("server", "carriers")
    assert demo.reconciled(60) == expected(60)


def test_a_killed_demo_is_continued_by_the_same_command(folder: Path) -> None:
    killed = Demo(folder, "--returns", "40")
    killed.wait_for("FIRST REFUND")
    children = [child["pid"] for child in json.loads((folder / "pids.json").read_text()).values()]
    killed.process.kill()
    until(lambda: all(map(gone, children)), within_s=30)
    continued = Demo(folder, "--returns", "40")
    assert continued.reconciled(40) == expected(40)
    assert continued.has_said("returns were opened before; continuing")
