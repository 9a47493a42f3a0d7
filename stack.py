"""The embedded stack: PostgreSQL, Temporal with its UI, and the product's own processes, on one machine.

    with Stack(settings) as stack:  # PostgreSQL and Temporal answer; stack.settings holds their addresses
        migrate(stack.settings.database_url)
        stack.start_product(workers=2)  # partners, workers, server
        stack.wait()

Everything lives in the data folder (.boomerang/): postgres/, temporal.db, logs/, ports.json, pids.json, secrets.json.
Where the settings name a database or a Temporal address, those are used and the embedded one is not started. Each process
is an entry in a written list: see start(), partners(), worker() and server().
"""

import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, ClassVar, Self

from domain.errors import BoomerangError
from embedded import SEARCH_ATTRIBUTES, PostgresCluster, TemporalServer, embedded_postgres, embedded_temporal
from ports import LOOPBACK, PortTaken, answers, choose_port
from settings import Settings, as_environment, variable, with_demo_secrets
from supervisor import ROOT, ChildFailed, Event, Health, Supervised, Supervisor, Tell, tell_nobody

__all__ = [
    "AlreadyRunning",
    "ChildFailed",
    "Event",
    "Health",
    "PortTaken",
    "Stack",
    "StackError",
    "Supervised",
    "Supervisor",
    "embedded_postgres",
    "embedded_temporal",
]

PREFERRED_PORTS = {"temporal": 7233, "ui": 8233, "server": 8080, "payments": 8181, "carriers": 8182}
PARTNERS = ("payments", "carriers")
DATABASE = "boomerang"


class StackError(BoomerangError):
    """The embedded stack cannot be started as asked; `detail` says what stands in the way."""

    code: ClassVar[str] = "stack"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "The embedded stack does not start"
    next_action: ClassVar[str] = "Remove what stands in the way and start again."


class AlreadyRunning(StackError):
    code = "already_running"
    next_action = "Use the running one, end it first, or give another folder with BOOMERANG_DATA_DIR."


class Stack:
    """The embedded servers and the product's processes over one data folder; at most one at a time on each folder."""

    def __init__(
        self,
        settings: Settings,
        *,
        tell: Tell = tell_nobody,
        asked_ports: Mapping[str, int] | None = None,
        search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
        time_skipping: bool = False,
        restarts: bool = True,
    ) -> None:
        self.settings = with_demo_secrets(settings)
        self.ports: dict[str, int] = {}
        self._folder = settings.data_dir.resolve()
        self._simulated = [kind for kind in PARTNERS if getattr(settings, f"{kind}_url") is None]
        self._asked = {**({"server": settings.port} if settings.port else {}), **(asked_ports or {})}
        self._search_attributes, self._time_skipping = search_attributes, time_skipping
        self._tell, self._restarts = tell, restarts
        self._supervisor: Supervisor | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start what the settings leave to the stack and wait until it answers. Raises StackError or ChildFailed."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._open.enter_context(_only_one(self._folder / "stack.lock"))
        self._open.enter_context(_end_on_sigterm())
        self._supervisor = Supervisor(self._folder, tell=self._tell, restarts=self._restarts)
        self._open.callback(_stop_undisturbed, self._supervisor)
        self._supervisor.start()  # ends what a killed stack left behind, so that its ports are free again
        self.ports = self._choose_ports()
        postgres = None if self.settings.database_url else PostgresCluster(self._folder / "postgres")
        temporal = None if self.settings.temporal_address else self._temporal()
        if postgres:
            postgres.prepare()
        self._supervisor.start(*[server.supervised() for server in (postgres, temporal) if server])
        chosen: dict[str, Any] = {"data_dir": self._folder, "port": self.ports["server"]}
        if postgres:
            chosen["database_url"] = postgres.create_database(DATABASE)
        if temporal:
            temporal.settle()
            chosen["temporal_address"] = temporal.address
        for kind in self._simulated:
            chosen[f"{kind}_url"] = f"http://{LOOPBACK}:{self.ports[kind]}"
        self.settings = self.settings.model_copy(update=chosen)

    def stop(self) -> None:
        """End everything, the last started first; nothing is left running. Safe to repeat."""
        self._open.close()

    def wait(self) -> None:
        """Block until Ctrl-C (KeyboardInterrupt), SIGTERM (SystemExit) or a process that cannot be kept alive."""
        self._running().wait()

    def health(self) -> dict[str, Health]:
        """How each process is, by name."""
        return self._running().health() if self._supervisor else {}

    def pids(self) -> dict[str, int]:
        """The process ids by name; also kept in pids.json of the data folder."""
        return self._running().pids() if self._supervisor else {}

    @property
    def temporal_ui_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['ui']}"

    @property
    def server_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['server']}"

    def start_product(self, *, workers: int = 1, options: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Start the partners that no setting replaces (`options`: more arguments by partner), workers and server; return
        when they answer."""
        self._running().start(*self.partners(options or {}))
        self._running().start(*[self.worker(number + 1) for number in range(workers)], self.server())

    def start_more(self, *parts: Supervised) -> None:
        """Start other processes under the same supervision."""
        self._running().start(*parts)

    def partners(self, options: Mapping[str, tuple[str, ...]]) -> list[Supervised]:
        """The simulated partners, as processes of their own with books of their own."""
        return [self._partner(kind, options.get(kind, ())) for kind in self._simulated]

    def worker(self, number: int = 1) -> Supervised:
        """One worker process. It has a long stop time: an activity under way may finish its partner call."""
        argv = (sys.executable, str(ROOT / "worker.py"))
        return Supervised(f"worker-{number}", argv, self.environment(), stop_within_s=15)

    def server(self) -> Supervised:
        """The HTTP server, ready when its port answers."""
        argv = (sys.executable, str(ROOT / "server.py"))
        return Supervised("server", argv, self.environment(), ready=lambda: answers(self.ports["server"]))

    def environment(self) -> dict[str, str]:
        """What the product's processes are started with: this process's variables and the settings as BOOMERANG_*."""
        mine = {**os.environ, **as_environment(self.settings)}
        mine.pop("PYTHONDONTWRITEBYTECODE", None)  # the workflow sandbox would compile the case's module for every case
        return mine

    def _partner(self, kind: str, more: tuple[str, ...]) -> Supervised:
        port, given = self.ports[kind], as_environment(self.settings)
        argv = [sys.executable, "-m", f"partners.{kind}", "--port", str(port)]
        argv += ["--books", str(self._folder / f"{kind}.sqlite")]
        # With "=": a drawn secret may begin with a dash.
        argv += [f"--api-key={given[variable(f'{kind}_api_key')]}"]
        argv += [f"--webhook-secret={given[variable(f'{kind}_webhook_secret')]}"]
        argv += ["--webhook-url", f"{self.server_url}/v1/webhooks/{kind}/simulated"]
        return Supervised(kind, (*argv, *more), ready=lambda: answers(port))

    def _temporal(self) -> "TemporalServer":
        return TemporalServer(
            port=self.ports["temporal"],
            ui_port=self.ports["ui"],
            file=self._folder / "temporal.db",
            namespace=self.settings.temporal_namespace,
            search_attributes=tuple(self._search_attributes.items()),
            time_skipping=self._time_skipping,
        )

    def _choose_ports(self) -> dict[str, int]:
        kept = self._folder / "ports.json"
        remembered = json.loads(kept.read_text()) if kept.exists() else {}
        chosen: dict[str, int] = {}
        for name, preferred in PREFERRED_PORTS.items():
            wishes = [remembered.get(name, preferred), preferred]
            chosen[name] = choose_port(name, self._asked.get(name), wishes, taken=set(chosen.values()))
        kept.write_text(json.dumps(chosen, indent=2))
        return chosen

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise StackError("The stack was not started.")
        return self._supervisor


@contextmanager
def _only_one(file: Path) -> Iterator[None]:
    """Hold the lock of a data folder; the operating system gives it back even when the holder is killed."""
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"Another stack runs on {file.parent}{_by_whom(lock)}.") from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _by_whom(lock: IO[str]) -> str:
    lock.seek(0)
    holder = lock.read().strip()
    return f" (process {holder})" if holder else ""


@contextmanager
def _end_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit while the stack runs: `with` blocks unwind and nothing is left."""
    with _handlers({signal.SIGTERM: _leave, signal.SIGHUP: _leave}):
        yield


def _stop_undisturbed(supervisor: Supervisor) -> None:
    """Let a second Ctrl-C wait: ending is bounded in time, and cut short it would leave processes behind."""
    with _handlers({signal.SIGINT: _ignore, signal.SIGTERM: _ignore, signal.SIGHUP: _ignore}):
        supervisor.stop()


@contextmanager
def _handlers(wanted: Mapping[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _ignore(number: int, frame: FrameType | None) -> None:
    return
