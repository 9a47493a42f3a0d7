"""The product as it runs: the embedded stack with every process, reached over HTTP only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ports import free_port
from settings import Settings
from stack import PREFERRED_PORTS, Stack
from tests.trials.product import Product


@pytest.fixture(scope="module")
def product(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[Product]:
    folder = open_folder / request.module.__name__
    settings = Settings(data_dir=folder, programme="standard", log_level="WARNING")
    with Stack(settings, asked_ports={name: free_port() for name in PREFERRED_PORTS}) as stack:
        yield Product.start(stack)
