"""The supervisor keeps processes alive, says so, and leaves nobody behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import supervisor as subject
from supervisor import ChildFailed, Event, Health, Supervised, Supervisor, end_leftovers
from tests.waiting import gone, until

SLEEPER = "import signal; signal.pause()"
DEAF = "import signal, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path('deaf').touch(); signal.pause()"
PARENT = """
import signal, sys
from pathlib import Path
from supervisor import Supervised, Supervisor
folder = Path(sys.argv[1])
Supervisor(folder).start(Supervised("sleeper", (sys.executable, "-c", "import signal; signal.pause()")))
print("started", flush=True)
signal.pause()
"""


def python(name: str, code: str, *, folder: Path = subject.ROOT, stop_within_s: float = 10.0) -> Supervised:
    return Supervised(name, (sys.executable, "-c", code), folder=folder, stop_within_s=stop_within_s)


@pytest.fixture
def said() -> list[tuple[str, Event, str]]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[tuple[str, Event, str]]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, tell=lambda *what: said.append(what)) as running:
        yield running


def kill(supervisor: Supervisor, name: str) -> int:
    pid = supervisor.pids()[name]
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_killed_process_is_started_again_and_the_caller_is_told(
    supervisor: Supervisor, said: list[tuple[str, Event, str]]
) -> None:
    supervisor.start(python("worker", SLEEPER))
    first = kill(supervisor, "worker")
    until(lambda: supervisor.pids().get("worker", first) != first)
    until(lambda: said[-1] == ("worker", Event.RESTARTED, "worker died (signal 9); started again"))
    assert supervisor.health() == {"worker": Health.READY}


def test_a_process_that_keeps_dying_is_given_up_and_the_wait_ends(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "FIRST_PAUSE_S", 0.0)
    supervisor.start(python("worker", "print('no database')"))
    with pytest.raises(ChildFailed, match=r"(?s)worker died 5 times within a minute.*no database"):
        supervisor.wait()
    assert supervisor.health() == {"worker": Health.GIVEN_UP}


def test_a_process_that_ends_before_it_answers_fails_with_its_last_words(supervisor: Supervisor) -> None:
    part = Supervised("server", (sys.executable, "-c", "import sys; sys.exit('no such port')"), ready=lambda: False)
    with pytest.raises(ChildFailed, match=r"(?s)exit status 1\) while starting.*no such port"):
        supervisor.start(part)


def test_a_process_that_never_answers_fails_in_time(supervisor: Supervisor) -> None:
    part = Supervised("server", (sys.executable, "-c", SLEEPER), ready=lambda: False, ready_within_s=0.2)
    with pytest.raises(ChildFailed, match="did not answer within"):
        supervisor.start(part)


def test_what_does_not_listen_is_killed_at_the_end(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "run") as supervisor:
        supervisor.start(python("deaf", DEAF, folder=tmp_path, stop_within_s=0.2))
        until((tmp_path / "deaf").exists)
        pid = supervisor.pids()["deaf"]
    assert gone(pid)
    assert not (tmp_path / "run" / "pids.json").exists()


def test_ctrl_c_in_the_terminal_does_not_reach_the_children(supervisor: Supervisor) -> None:
    supervisor.start(python("worker", SLEEPER))
    pid = supervisor.pids()["worker"]
    assert os.getsid(pid) == pid != os.getsid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends them")
def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=subject.ROOT)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    child = json.loads((tmp_path / "pids.json").read_text())["sleeper"]["pid"]
    parent.kill()
    parent.communicate()
    until(lambda: gone(child))


def test_leftovers_are_known_by_number_and_start(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    other = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    recorded = {
        "supervisor": {"pid": os.getpid(), "started": psutil.Process().create_time()},
        "left": {"pid": left.pid, "started": psutil.Process(left.pid).create_time()},
        "its number was given to another": {"pid": other.pid, "started": 1.0},
        "ended long ago": {"pid": 2**22 + 1, "started": 1.0},
    }
    pids = tmp_path / "pids.json"
    pids.write_text(json.dumps(recorded))
    try:
        assert end_leftovers(pids) == ["left"]
        assert gone(left.pid)
        assert other.poll() is None
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_a_torn_record_of_processes_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "pids.json").write_text('{"worker": {"pi')
    assert end_leftovers(tmp_path / "pids.json") == []
