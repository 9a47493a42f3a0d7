"""The application behind a real server, on a database of its own for every module."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from tests.api.doors import Doors, open_doors


@pytest.fixture(scope="module")
def doors(database_url: str) -> Iterator[Doors]:
    with open_doors(database_url) as opened:
        yield opened


@pytest.fixture
def count_queries(doors: Doors) -> Iterator[Callable[[], int]]:
    """How many statements the application has sent to the database so far."""
    engine = doors.made.kw["bind"]
    sent = [0]

    def count(*_: object) -> None:
        sent[0] += 1

    event.listen(engine, "before_cursor_execute", count)
    yield lambda: sent[0]
    event.remove(engine, "before_cursor_execute", count)
