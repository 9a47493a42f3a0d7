"""The real servers that tests run on: one PostgreSQL and one Temporal server a session, a database of its own for every module."""

import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from database.engine import Sessions, connect, sessions
from database.migrate import upgrade
from embedded import PostgresCluster, embedded_postgres, embedded_temporal

_numbers = count(1)

# Started in the background of a script, SIGINT is ignored here and by every process that tests start and end by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """For servers that run under another account: pytest closes its own folder to others whenever a session starts."""
    with TemporaryDirectory(prefix="boomerang-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[PostgresCluster]:
    with embedded_postgres(open_folder / "pg", durable=False) as cluster:
        upgrade(cluster.create_database("migrated"))
        yield cluster


@pytest.fixture(scope="module")
def database_url(postgres: PostgresCluster) -> Iterator[str]:
    """An empty, migrated database for one module."""
    name = f"module_{next(_numbers)}"
    yield postgres.create_database(name, template="migrated")
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def made_sessions(database_url: str) -> Iterator[Sessions]:
    engine = connect(database_url)
    yield sessions(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Temporal server on which a case's own clock can be moved; timers fire as soon as they are due."""
    quick = {"history.timerProcessorMaxTimeShift": '"20ms"'}
    with embedded_temporal(tmp_path_factory.mktemp("temporal"), time_skipping=True, dynamic_config=quick) as server:
        yield server.address


@pytest.fixture(scope="session")
def here() -> Path:
    return Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-histories", action="store_true", help="write tests/workflows/histories anew")
    parser.addoption("--screenshots", metavar="FOLDER", help="keep pictures of the pages that browsers were shown")
