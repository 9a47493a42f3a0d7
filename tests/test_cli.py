"""The `boomerang` command: help for everything, wrong use is 2, and no trace ever."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app
from ports import free_port
from supervisor import ROOT

COMMANDS = [
    "demo",
    "up",
    "serve",
    "work",
    "migrate",
    "data import",
    "data rates",
    "data differences",
    "order put",
    "order show",
    "return open",
    "return show",
    "return list",
    "return inspect",
    "return cancel",
    "return appeal",
    "return authorize",
    "return refuse",
    "return extend",
    "return credit-note",
    "return destination",
    "return goodwill",
    "goodwill list",
    "goodwill approve",
    "goodwill refuse",
    "receipt",
    "withdrawal list",
    "withdrawal show",
    "withdrawal answer",
    "customs put",
    "customs claims",
    "customs show",
    "customs file",
    "customs recovered",
    "customs rejected",
    "ops retry",
    "ops reconcile",
    "ops differences",
    "ops resolve",
    "ops verify",
    "ledger statements",
    "keys create",
    "keys list",
    "keys revoke",
    "policy show",
    "policy list",
    "policy validate",
    "policy draft",
    "policy diff",
    "policy simulate",
    "policy publish",
    "tier show",
    "tier lock",
    "tier unlock",
    "tier review",
]
READING = [
    "order show",
    "return show",
    "return list",
    "goodwill list",
    "withdrawal list",
    "withdrawal show",
    "data differences",
    "customs claims",
    "customs show",
    "ops reconcile",
    "ops differences",
    "ops verify",
    "ledger statements",
    "keys list",
    "policy show",
    "policy list",
    "policy validate",
    "policy diff",
    "policy simulate",
    "tier show",
    "tier review",
]
ASKING_THE_SERVER = {
    "order show": ["o_1"],
    "return show": ["RMA1"],
    "return list": [],
    "return open": ["--order", "o_1", "--line", "l_1=1"],
    "return inspect": ["RMA1"],
    "return cancel": ["RMA1"],
    "return authorize": ["RMA1"],
    "return refuse": ["RMA1", "--reason", "no"],
    "return extend": ["RMA1", "--until", "2026-12-24T18:00:00Z"],
    "return destination": ["RMA1", "--kind", "store_credit"],
    "return goodwill": ["RMA1", "--amount", "5.00", "--reason", "late"],
    "goodwill list": ["--status", "proposed"],
    "goodwill approve": ["gw_1"],
    "goodwill refuse": ["gw_1", "--reason", "no"],
    "receipt": ["par_1"],
    "withdrawal list": ["--status", "with_a_person"],
    "withdrawal show": ["wdr_1"],
    "withdrawal answer": ["wdr_1", "done"],
    "data differences": [],
    "customs claims": [],
    "customs show": ["RMA1"],
    "customs file": ["clm_1", "--reference", "C285-1"],
    "customs recovered": ["clm_1", "1188", "USD"],
    "customs rejected": ["clm_1", "--reason", "no proof"],
    "ops retry": ["RMA1", "--reason", "again"],
    "ops reconcile": [],
    "ops differences": [],
    "ops resolve": ["dif_1", "--reason", "called back"],
    "ops verify": [],
    "tier show": ["c_1"],
    "tier lock": ["c_1", "VIP", "--reason", "lost parcels"],
    "tier unlock": ["c_1"],
}


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which nothing ever ran, and an address at which nobody answers."""
    monkeypatch.setenv("BOOMERANG_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BOOMERANG_SERVER_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("BOOMERANG_API_KEY", "rk_live_x")
    monkeypatch.setattr("commands.client.USUAL_PATIENCE_S", 0.0)


def said(*words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    done = CliRunner().invoke(app, list(words), prog_name="boomerang")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_is_for(command: str) -> None:
    status, out, _ = said(*command.split(), "--help")
    assert status == 0
    assert f"boomerang {command}" in out


def test_every_command_is_listed_here() -> None:
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    named = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    for group, within in groups.items():
        assert within is not None
        for command in within.registered_commands:
            assert command.callback
            named.append(f"{group} {command.name or command.callback.__name__}")
    assert sorted(named) == sorted(COMMANDS)


@pytest.mark.parametrize("command", READING)
def test_whatever_reads_prints_json_when_asked(command: str) -> None:
    assert "--json" in said(*command.split(), "--help")[1]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["dance"], id="unknown command"),
        pytest.param(["return", "show"], id="no return named"),
        pytest.param(["return", "list", "--stage", "sideways"], id="unknown stage"),
        pytest.param(["demo", "--returns", "0"], id="no returns at all"),
        pytest.param(["demo", "--all", "--data", "."], id="two folders"),
        pytest.param(["return", "open", "--order", "o_1"], id="no goods named"),
        pytest.param(["return", "open", "--line", "l_1"], id="no quantity"),
        pytest.param(["return", "open", "no-such-file.json"], id="no such file"),
        pytest.param(["order", "put", "pyproject.toml"], id="not JSON"),
        pytest.param(["keys", "create", "--name", "x", "--role", "king"], id="unknown role"),
        pytest.param(["tier", "lock", "c_1", "GOLD", "--reason", "x"], id="unknown tier"),
        pytest.param(["tier", "review", "--on", "yesterday"], id="no day"),
    ],
)
def test_wrong_use_ends_with_2(words: list[str], nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    status, _, err = said(*words)
    assert status == 2
    assert err


@pytest.mark.parametrize("command", ASKING_THE_SERVER)
def test_a_server_that_does_not_answer_is_a_sentence(command: str, nowhere: None) -> None:
    status, out, err = said(*command.split(), *ASKING_THE_SERVER[command])
    assert status == 1
    assert not out
    assert "does not answer" in err
    assert "What to do: Start it with `boomerang up`" in err


@pytest.mark.parametrize(
    "words", [["migrate"], ["keys", "list"], ["tier", "review"], ["data", "import", "examples/online_retail"]]
)
def test_a_database_that_is_not_there_is_a_sentence(words: list[str], nowhere: None) -> None:
    status, _, err = said(*words)
    assert status == 1
    assert "BOOMERANG_DATABASE_URL is not set and no stack runs" in err


def test_a_server_that_was_never_started_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOOMERANG_SERVER_URL", "BOOMERANG_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOOMERANG_DATA_DIR", str(tmp_path))
    status, _, err = said("return", "list")
    assert status == 1
    assert "No stack ever ran" in err


def test_settings_that_cannot_be_used_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOMERANG_PORT", "many")
    status, _, err = said("demo", "--exit")
    assert status == 1
    assert "BOOMERANG_PORT" in err
    assert "Traceback" not in err


def test_the_command_runs_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "boomerang", "policy", "show", "--market", "DE"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "DE" in done.stdout


def test_the_command_without_words_shows_what_there_is() -> None:
    done = subprocess.run([sys.executable, ROOT / "cli.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "demo" in done.stdout + done.stderr
