"""The whole product, started once by `boomerang up` for the commands that speak to it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import app
from ports import free_port
from settings import PREFIX
from stack import PREFERRED_PORTS
from supervisor import ROOT
from tests.waiting import until

Said = tuple[int, str, str]


class House:
    """A running product over a data folder of its own, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ours = [name for name in os.environ if name.startswith(PREFIX)]
        self.variables: dict[str, str | None] = {**dict.fromkeys(ours), "BOOMERANG_DATA_DIR": str(folder)}

    def run(self, *words: str, given: Any = None) -> Said:
        """Exit status, standard output and standard error of a command; `given` is fed to it as JSON."""
        fed = None if given is None else json.dumps(given)
        done = CliRunner().invoke(app, list(words), input=fed, env=self.variables, prog_name="boomerang")
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    def done(self, *words: str, given: Any = None) -> str:
        """What a command that must succeed prints."""
        status, out, err = self.run(*words, given=given)
        assert status == 0, err
        return out

    def read(self, *words: str) -> Any:
        """What a command says as JSON."""
        return json.loads(self.done(*words, "--json"))

    def wait_for(self, rma: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The return, as soon as the condition holds for it."""
        found: dict[str, Any] = {}

        def holds() -> bool:
            found.update(self.read("return", "show", rma))
            return condition(found) or found["needs_attention"] is not None

        until(holds, within_s=30)
        assert condition(found), (found["stage"], found["needs_attention"], found["trouble"])
        return found


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """`boomerang up`, ended by Ctrl-C; its parcels wait to be moved."""
    folder = tmp_path_factory.mktemp("house") / "data"
    folder.mkdir()
    (folder / "ports.json").write_text(json.dumps({name: free_port() for name in PREFERRED_PORTS}))
    house = House(folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment["BOOMERANG_DATA_DIR"] = str(folder)
    with (folder.parent / "up.log").open("w") as log:
        up = subprocess.Popen(
            [sys.executable, str(ROOT / "cli.py"), "up", "--no-scans"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            until(
                lambda: "Ctrl-C ends all" in (folder.parent / "up.log").read_text() or up.poll() is not None,
                within_s=90,
            )
            assert up.poll() is None, (folder.parent / "up.log").read_text()
            yield house
        finally:
            up.send_signal(signal.SIGINT)
            assert up.wait(60) == 0, (folder.parent / "up.log").read_text()
    assert not (folder / "pids.json").exists()


def order(order_id: str, *, units: int = 2) -> dict[str, Any]:
    """An order of so many dresses at EUR 12.00, delivered three days ago."""
    price, now = {"amount": 1200, "currency": "EUR"}, datetime.now(UTC)
    return {
        "id": order_id,
        "customer": {"id": f"customer-of-{order_id}", "country": "DE"},
        "placed_at": (now - timedelta(days=8)).isoformat(),
        "delivered_at": (now - timedelta(days=3)).isoformat(),
        "currency": "EUR",
        "lines": [{"id": "l_1", "sku": "DRESS", "description": "Dress", "quantity": units, "unit_price": price}],
        "tenders": [
            {
                "id": "t_1",
                "method": "card",
                "amount": {**price, "amount": 1200 * units},
                "processor": "simulated",
                "processor_reference": f"pay_{order_id}",
            }
        ],
    }
