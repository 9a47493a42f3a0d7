"""Keeping processes alive: start them, watch them, start again what dies, and end them all, whatever befell the parent.

A child stands in a session of its own, so Ctrl-C in the terminal reaches the parent alone and the children end in
order. If the parent is killed outright, Linux ends the children (PR_SET_PDEATHSIG); elsewhere the next start ends them,
by the process ids and start times written to pids.json. Output goes to logs/NAME.log.

    with Supervisor(folder, tell=print) as supervisor:
        supervisor.start(Supervised("server", (sys.executable, "server.py"), ready=lambda: answers(8080)))
        supervisor.wait()
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import psutil

from domain.errors import BoomerangError

ROOT = Path(__file__).resolve().parent
WATCH_EVERY_S = 0.1
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
MOST_DEATHS, WITHIN_S = 5, 60.0
STEADY_S = 3.0
LARGEST_LOG_BYTES = 10_000_000
LAST_LINES = 12
SAME_START_S = 2.0  # psutil adds the boot time, which moves a little when the machine's clock is set

# Runs between fork and the program: takes the account, asks to be ended with the parent, becomes the program. It is a
# program of its own, because Python must not run code in the forked child of a process with threads.
LAUNCH = """
import ctypes, os, signal, sys
parent, at_parents_end, user, group = map(int, sys.argv[1:5])
if user:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, at_parents_end)
for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(ignored, signal.SIG_DFL)
if os.getppid() != parent:
    sys.exit("the parent ended meanwhile")
os.execv(sys.argv[5], sys.argv[5:])
"""


class ChildFailed(BoomerangError):
    """A process could not be started or could not be kept alive; `detail` carries the last lines it wrote."""

    code: ClassVar[str] = "process_failed"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "A process of the product does not run"
    next_action: ClassVar[str] = "Read its log, remove the cause and start again; nothing that was saved is lost."


class Event(StrEnum):
    """What happened to a supervised process."""

    STARTED = "started"
    RESTARTED = "restarted"
    GIVEN_UP = "given_up"
    STOPPED = "stopped"


class Health(StrEnum):
    """How a supervised process is now."""

    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not_ready"
    DOWN = "down"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Account:
    """An operating system account (numbers) that a child runs as; only a parent that is root can ask for one."""

    user: int
    group: int


def always() -> bool:
    """Ready as soon as it lives."""
    return True


def nothing() -> None:
    """Leaves nothing behind."""


@dataclass(frozen=True)
class Supervised:
    """One process of the product: its name, how it is started and how it is known to answer. Times are seconds."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    folder: Path = ROOT
    ready: Callable[[], bool] = always
    ready_within_s: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10.0
    at_parents_end: signal.Signals = signal.SIGKILL
    sweep: Callable[[], None] = (
        nothing  # ends what an earlier life left behind; asked before each start and after the end
    )
    account: Account | None = None


Tell = Callable[[str, Event, str], None]


def tell_nobody(name: str, event: Event, sentence: str) -> None:
    """For callers who do not want to hear what happens."""


class Supervisor:
    """Starts, watches, ends processes. Use as a context manager from one thread; `tell` may be called from another."""

    def __init__(self, folder: Path, *, tell: Tell = tell_nobody, restarts: bool = True) -> None:
        self._logs, self._pids = folder / "logs", folder / "pids.json"
        self._tell, self._restarts = tell, restarts
        self._children: list[_Child] = []
        self._lock = threading.RLock()
        self._closing, self._troubled = threading.Event(), threading.Event()
        # PR_SET_PDEATHSIG watches the *thread* that forked: one that lives as long as the supervisor forks them all.
        self._forks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forks")
        self._watch = threading.Thread(target=self._watch_children, name="watch", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self, *parts: Supervised) -> None:
        """Start these together; return when each answers. Raises ChildFailed when one dies first or takes too long."""
        if not self._watch.is_alive():
            self._logs.mkdir(parents=True, exist_ok=True)
            end_leftovers(self._pids)
            self._watch.start()
        started = []
        for part in parts:
            child = _Child(part, self._logs / f"{part.name}.log")
            with self._lock:
                self._children.append(child)
                self._spawn(child)
            started.append(child)
        for child in started:
            self._await_ready(child)
            child.watched = True
            self._tell(child.part.name, Event.STARTED, f"{child.part.name} runs (process {child.pid})")

    def stop(self) -> None:
        """End every child, the last started first: its stop signal, then SIGKILL when time is up. Safe to repeat."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._watch.is_alive():
            self._watch.join()
        for child in reversed(self._children):
            child.end()
            self._tell(child.part.name, Event.STOPPED, f"{child.part.name} ended")
        self._forks.shutdown()
        self._pids.unlink(missing_ok=True)

    def wait(self) -> None:
        """Block until a child is given up; raises ChildFailed then. Ctrl-C ends the wait with KeyboardInterrupt."""
        self._troubled.wait()
        child = next(child for child in self._children if child.given_up)
        raise ChildFailed(
            f"{child.part.name} died {MOST_DEATHS} times within a minute, each time soon after its start. {child.last_words()}"
        )

    def pids(self) -> dict[str, int]:
        """The process ids of the living children, by name."""
        with self._lock:
            return {child.part.name: child.pid for child in self._children if child.alive}

    def health(self) -> dict[str, Health]:
        """How every child is at this moment; asks each one's ready check."""
        return {child.part.name: child.health() for child in self._children}

    def _spawn(self, child: "_Child") -> None:
        self._forks.submit(child.spawn).result()
        _write_pids(self._pids, self._children)

    def _await_ready(self, child: "_Child") -> None:
        until = time.monotonic() + child.part.ready_within_s
        while not child.part.ready():
            if not child.alive:
                raise ChildFailed(f"{child.part.name} {child.death()} while starting. {child.last_words()}")
            if time.monotonic() > until:
                seconds = f"{child.part.ready_within_s:.0f} s"
                raise ChildFailed(f"{child.part.name} did not answer within {seconds}. {child.last_words()}")
            self._closing.wait(0.02)

    def _watch_children(self) -> None:
        while not self._closing.wait(WATCH_EVERY_S):
            for child in [
                child for child in self._children if child.watched and not child.given_up and not child.alive
            ]:
                self._bring_back(child)

    def _bring_back(self, child: "_Child") -> None:
        if child.back_at is None:
            child.mourn()
            if not self._restarts or len(child.deaths) >= MOST_DEATHS:
                self._give_up(child)
        elif time.monotonic() >= child.back_at:
            cause = child.death()
            try:
                with self._lock:
                    self._spawn(child)
            except (OSError, psutil.Error, BoomerangError):
                self._give_up(child)
            else:
                self._tell(child.part.name, Event.RESTARTED, f"{child.part.name} {cause}; started again")

    def _give_up(self, child: "_Child") -> None:
        child.given_up = True
        sentence = (
            f"{child.part.name} {child.death()}; not started again after {len(child.deaths)} deaths within a minute"
        )
        self._tell(child.part.name, Event.GIVEN_UP, sentence)
        self._troubled.set()


class _Child:
    """One supervised process through its lives."""

    def __init__(self, part: Supervised, log: Path) -> None:
        self.part, self.log = part, log
        self.process: subprocess.Popen[bytes] | None = None
        self.watched = self.given_up = False
        self.deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self.back_at: float | None = None
        self.born = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def spawn(self) -> None:
        self.part.sweep()
        self.back_at = None
        self.born = time.monotonic()
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                launched(self.part.argv, account=self.part.account, at_parents_end=self.part.at_parents_end),
                cwd=self.part.folder,
                env=dict(self.part.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def mourn(self) -> None:
        """Note a death, and when to start again: at once half a second later, then later and later."""
        now = time.monotonic()
        if now - self.born > STEADY_S:  # it worked and was killed: another matter than one that cannot live
            self.deaths.clear()
        self.deaths.append(now)
        while self.deaths[0] < now - WITHIN_S:
            self.deaths.popleft()
        self.back_at = now + min(FIRST_PAUSE_S * 2 ** (len(self.deaths) - 1), LONGEST_PAUSE_S)

    def end(self) -> None:
        if self.process is not None and self.alive:
            self.process.send_signal(self.part.stop_signal)
            try:
                self.process.wait(self.part.stop_within_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process is not None:
            _end_session(self.process.pid)
        self.part.sweep()

    def death(self) -> str:
        code = self.process.returncode if self.process else None
        return f"died (signal {-code})" if code is not None and code < 0 else f"ended by itself (exit status {code})"

    def health(self) -> Health:
        if self.given_up:
            return Health.GIVEN_UP
        if not self.alive:
            return Health.DOWN
        if self.part.ready():
            return Health.READY
        return Health.NOT_READY if self.watched else Health.STARTING

    def last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 4_000))
            lines = log.read().decode(errors="replace").splitlines()[-LAST_LINES:]
        return f"The end of {self.log}:\n" + "\n".join(lines) if lines else f"It wrote nothing to {self.log}."


def launched(
    argv: Sequence[str], *, account: Account | None = None, at_parents_end: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The command that runs `argv` (absolute program first) under `account` and ends with the thread that starts it."""
    who = account or Account(0, 0)
    numbers = (os.getpid(), int(at_parents_end), who.user, who.group)
    return [sys.executable, "-I", "-S", "-c", LAUNCH, *map(str, numbers), *argv]


def end_leftovers(pids_file: Path) -> list[str]:
    """End what a killed supervisor left running, by recorded process id and start time; returns their names."""
    try:
        recorded: dict[str, dict[str, float]] = json.loads(pids_file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    recorded.pop("supervisor", None)
    found = {name: same_process(int(was["pid"]), was["started"]) for name, was in reversed(recorded.items())}
    living = {name: process for name, process in found.items() if process is not None}
    end_processes(living.values(), signal.SIGTERM, within_s=5)
    for process in living.values():
        _end_session(process.pid)
    pids_file.unlink(missing_ok=True)
    return list(living)


def same_process(pid: int, started: float) -> psutil.Process | None:
    """The living process with this id and start (seconds since 1970), not a later one that was given the same id."""
    try:
        process = psutil.Process(pid)
        return process if abs(process.create_time() - started) < SAME_START_S else None
    except psutil.NoSuchProcess:
        return None


def end_processes(processes: Iterable[psutil.Process], ask: signal.Signals, *, within_s: float) -> None:
    """Ask these to end with a signal, and kill those that have not when the time is up."""
    asked = list(processes)
    for process in asked:
        _send(process, ask)
    _, deaf = psutil.wait_procs(asked, timeout=within_s)
    for process in deaf:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(deaf, timeout=within_s)


def _send(process: psutil.Process, what: signal.Signals) -> None:
    try:
        process.send_signal(what)
    except psutil.NoSuchProcess:
        return


def _end_session(leader: int) -> None:
    """Kill what still runs in the group a child led: processes it started and did not end."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody is left; on macOS a group of zombies says EPERM
        return


def _write_pids(file: Path, children: Iterable[_Child]) -> None:
    known: dict[str, Any] = {"supervisor": _identity(os.getpid())}
    known |= {child.part.name: _identity(child.pid) for child in children if child.alive}
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(known, indent=2))
    unfinished.replace(file)


def _identity(pid: int) -> dict[str, float]:
    try:
        return {"pid": pid, "started": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:  # died between the two lines
        return {"pid": pid, "started": 0.0}
