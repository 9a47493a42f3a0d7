"""The embedded servers alone: what the tests and tools ask of them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import create_engine, text

from embedded import (
    LONGEST_SOCKET_PATH,
    PostgresCluster,
    TemporalServer,
    embedded_postgres,
    embedded_temporal,
    temporal_program,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    with embedded_postgres(tmp_path_factory.mktemp("cluster"), durable=False) as running:
        yield running


def ask(url: str, question: str) -> object:
    engine = create_engine(url)
    with engine.begin() as connection:
        answer = connection.execute(text(question)).scalar()
    engine.dispose()
    return answer


def test_it_is_postgresql_18_in_utc_and_unicode(cluster: PostgresCluster) -> None:
    asked = "SELECT current_setting('server_version_num')::int / 10000 || current_setting('TimeZone') || upper('ß→ä')"
    assert ask(cluster.url(), asked) == "18UTCß→Ä"


def test_a_database_is_a_copy_of_its_template(cluster: PostgresCluster) -> None:
    with_rows = cluster.create_database("with_rows")
    ask(with_rows, "CREATE TABLE returns AS SELECT 7 AS units; SELECT 1")
    copy = cluster.create_database("copy of one", template="with_rows")
    assert ask(copy, "SELECT units FROM returns") == 7


def test_a_database_that_is_there_stays_as_it_is(cluster: PostgresCluster) -> None:
    ask(cluster.create_database("kept"), "CREATE TABLE returns AS SELECT 1 AS units; SELECT 1")
    assert ask(cluster.create_database("kept"), "SELECT units FROM returns") == 1


def test_a_database_can_be_dropped_while_somebody_is_connected(cluster: PostgresCluster) -> None:
    cluster.create_database("dropped")
    connected = cluster.connect("dropped")
    cluster.drop_database("dropped")
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        cluster.connect("dropped")
    connected.close()


def test_a_deep_folder_gets_a_short_socket_path(tmp_path: Path) -> None:
    deep = PostgresCluster(tmp_path / ("deep" * 25) / "postgres")
    assert len(str(deep.socket_folder)) <= LONGEST_SOCKET_PATH
    assert deep.socket_folder != PostgresCluster(tmp_path / ("deep" * 26) / "postgres").socket_folder


def search_attributes_of(server: TemporalServer) -> set[str]:
    order = [str(temporal_program()), "operator", "search-attribute", "list", "--address", server.address]
    listed = subprocess.run([*order, "--output", "json"], capture_output=True, text=True, check=True).stdout
    return {name for name in ("Tier", "Market", "Customer") if f'"{name}"' in listed}


def test_a_temporal_file_learns_search_attributes_that_came_later(tmp_path: Path) -> None:
    with embedded_temporal(tmp_path, in_memory=False, search_attributes={"Tier": "Keyword"}) as server:
        assert search_attributes_of(server) == {"Tier"}
    with embedded_temporal(tmp_path, in_memory=False) as server:
        assert search_attributes_of(server) == {"Tier", "Market", "Customer"}


def test_time_skipping_is_for_those_who_ask_for_it() -> None:
    plain, skipping = (TemporalServer(port=7233, time_skipping=asked).supervised() for asked in (False, True))
    assert "frontend.WorkflowTimeSkippingEnabled=true" not in plain.argv
    assert "frontend.WorkflowTimeSkippingEnabled=true" in skipping.argv
