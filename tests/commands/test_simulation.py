"""`boomerang policy simulate`: without a database over the example's cancellations, as tables, JSON and CSV."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from commands.demo import SAMPLE

PROGRAMME = Path(__file__).resolve().parents[2] / "policies" / "programmes" / "online_retail.toml"
PERIOD = ("--from", "2010-12-01", "--to", "2011-12-31")


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """Thirty days in place of four hundred."""
    file = tmp_path / "draft.toml"
    file.write_text(
        PROGRAMME.read_text().replace("days = 400 ", "days = 30 ").replace('version = "1"', 'version = "2"')
    )
    return file


def simulate(draft: object, *words: str, over: Path = SAMPLE) -> Result:
    return CliRunner().invoke(
        app,
        ["policy", "simulate", str(draft), *PERIOD, "--cancellations", str(over), "--processes", "1", *words],
        prog_name="boomerang",
    )


def test_the_tables_say_who_moves_what_it_costs_and_which_returns_change(draft: Path) -> None:
    done = simulate(draft, "--list", "3", "--label-cost", "350")
    assert done.exit_code == 0, done.stderr
    said = done.stdout
    assert "programme online_retail v1 -> programme online_retail v2: 770 returns" in said
    for words in ("authorized", "referred", "refused", "refunds, GBP", "fees of the merchant, GBP", "days gained"):
        assert words in said
    assert "they went at the assumed pace" in said
    assert said.count("return_window: yes -> no") == 3


def test_json_and_csv_hold_every_return_that_changes(draft: Path, tmp_path: Path) -> None:
    file = tmp_path / "changed.csv"
    done = simulate(draft, "--json", "--list", "5", "--csv", str(file))
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["policy_before"]["version"], found["policy_after"]["version"]) == ("1", "2")
    assert sum(move["returns"] for move in found["moves"]) == found["returns"] == 770
    assert len(found["changes"]) == 5
    with file.open(newline="") as rows:
        listed = list(csv.DictReader(rows))
    assert len(listed) == found["changed"] > 5
    assert [row["return"] for row in listed[:5]] == [one["id"] for one in found["changes"]]


def test_days_bound_what_is_run_again(draft: Path) -> None:
    done = CliRunner().invoke(
        app,
        [
            "policy",
            "simulate",
            str(draft),
            "--from",
            "2011-06-01",
            "--to",
            "2011-06-30",
            "--json",
            "--cancellations",
            str(SAMPLE),
            "--processes",
            "1",
        ],
    )
    assert json.loads(done.stdout)["returns"] == 711


def test_the_returns_of_a_database_are_run_beside_the_policy_that_counts(draft: Path, database_url: str) -> None:
    done = CliRunner().invoke(
        app,
        ["policy", "simulate", str(draft), *PERIOD, "--json"],
        env={"BOOMERANG_DATABASE_URL": database_url, "BOOMERANG_PROGRAMME": "online_retail"},
    )
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["policy_before"]["version"], found["policy_after"]["version"], found["returns"]) == ("1", "2", 0)
    unknown = CliRunner().invoke(
        app,
        ["policy", "simulate", "pol_nobody", *PERIOD],
        env={"BOOMERANG_DATABASE_URL": database_url, "BOOMERANG_PROGRAMME": "online_retail"},
    )
    assert (unknown.exit_code, "There is no policy 'pol_nobody'" in unknown.stderr) == (1, True)


def test_what_cannot_be_right_is_a_sentence(draft: Path, tmp_path: Path) -> None:
    reversed_days = CliRunner().invoke(
        app, ["policy", "simulate", str(draft), "--from", "2011-06-02", "--to", "2011-06-01"]
    )
    assert (reversed_days.exit_code, "--to lies before --from" in reversed_days.stderr) == (2, True)
    assert simulate(tmp_path / "nothing.toml").exit_code == 2
    assert "There is no order_lines.csv.gz" in simulate(draft, over=tmp_path).stderr
    draft.write_text(draft.read_text().replace("days = 30 ", "days = -1 "))
    assert "expected a whole number from 0" in simulate(draft).stderr
