"""`boomerang policy`: terms by market and tier from the files alone; drafts validated, compared and published."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import app
from policies.book import load_policy_book
from tests.commands.conftest import House, order
from tests.policies.standing import a_text

ROW = '\n[tiers.inspection]\nVIP = "6h"\nwhy = "w"\nsource = "s"\n'


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["policy", *words])


def shown(*words: str) -> str:
    done = run("show", *words)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing runs."""
    monkeypatch.setenv("BOOMERANG_DATA_DIR", str(tmp_path / "nothing"))
    return tmp_path


def write(folder: Path, text: str) -> str:
    file = folder / "draft.toml"
    file.write_text(text)
    return str(file)


# --- show


def test_the_tier_shortens_the_deadlines_and_lengthens_the_window() -> None:
    entry, vip = (json.loads(shown("--market", "US", "--tier", tier, "--json")) for tier in ("ENTRY", "VIP"))
    assert entry["return_window_days"] < vip["return_window_days"]
    assert (entry["limits"]["approval"], vip["limits"]["approval"]) == ("24h", "1h")


def test_sources_stand_beside_the_terms() -> None:
    said = shown("--market", "DE")
    assert "return window" in said
    assert "from law of" in said


def test_how_sure_the_law_is_and_what_must_be_checked_is_shown() -> None:
    said, law = shown("--market", "TH"), load_policy_book().markets["TH"]
    assert re.search(rf"confidence +low, as of {law.as_of}", said)
    assert "low confidence: have it checked" in said
    doubtful = shown("--market", "AR")
    assert re.search("have checked +refund_days", doubtful)


def test_a_country_finds_its_market() -> None:
    said = json.loads(shown("--country", "at", "--json"))
    assert (said["country"], said["market"]) == ("AT", "EU")


def test_every_aspect_of_terms_is_in_a_group() -> None:
    said = shown("--country", "DE", "--tier", "VIP")
    for words in (
        "14 days",
        "60 days from delivered",
        "up to 420 US dollars, 3 open at once",
        "authorized",
        "notice 14d sent",
    ):
        assert words in said


def test_the_terms_that_a_draft_would_give(tmp_path: Path) -> None:
    file = write(tmp_path, a_text(("starts", "days = 99\nstarts")))
    assert "99 days from delivered" in shown("--market", "US", "--file", file)


def test_an_unknown_programme_is_a_sentence_that_names_the_known_ones() -> None:
    done = run("show", "--programme", "dreams")
    assert done.exit_code == 1
    assert "online_retail" in done.stderr
    assert "standard" in done.stderr


# --- validate, without a server


def test_faults_are_lines_that_an_editor_can_follow(alone: Path) -> None:
    file = write(alone, a_text(('"delivered"', '"shipped"'), ("categories", "kategories")))
    done = run("validate", file)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert f"{file}:6: error: window.starts: expected one of delivered, placed, found 'shipped'" in lines
    assert f"{file}:13: error: goods.kategories: expected no such key here, found 'kategories'" in lines
    as_json = json.loads(run("validate", file, "--json").stdout)
    assert {fault["line"] for fault in as_json["faults"]} == {6, 11, 13}


def test_warnings_are_shown_and_are_no_failure(alone: Path) -> None:
    file = write(alone, a_text(("starts", "days = 7\nstarts")))
    done = run("validate", file)
    assert done.exit_code == 0
    assert (
        f"{file}:6: warning: The return window is shorter than the right of withdrawal in 10 markets (EU, DE"
        in done.stdout
    )
    assert "DE: 7 days, against 14 days (law of DE: BGB" in done.stdout
    assert "and 6 more; --json lists them" in done.stdout


def test_what_can_never_be_is_a_failure(alone: Path) -> None:
    file = write(alone, a_text(more='\n[returnless]\nrefund_only = "rule"\n'))
    done = run("validate", file)
    assert done.exit_code == 1
    assert f"{file}:19: error: " in done.stdout
    assert json.loads(run("validate", file, "--json").stdout)["publishable"] is False


def test_a_file_that_is_none(alone: Path) -> None:
    assert run("validate", str(alone / "nowhere.toml")).exit_code == 2


# --- diff


def test_without_a_server_a_draft_is_compared_with_the_file_of_the_release(alone: Path) -> None:
    text = load_policy_book().texts["programmes/standard.toml"] + ROW
    done = run("diff", write(alone, text))
    assert done.exit_code == 0, done.stderr
    assert "compared with the file of the release" in done.stderr
    assert re.search(r"rows\.inspection +VIP +12h +6h", done.stdout)
    assert re.search(r"limits\.inspection +34", done.stdout)


# --- with the running product


def test_from_a_file_to_a_version_that_the_next_return_stands_under(house: House, tmp_path: Path) -> None:
    house.done("order", "put", "-", given=order("o-policy"))
    before = house.read("return", "open", "--order", "o-policy", "--line", "l_1=1")
    file = write(tmp_path, a_text(("draft-1", "cli-1"), ("starts", "days = 88\nstarts"), more=ROW))

    drafted = house.read("policy", "draft", file, "--note", "agreed")
    listed = {one["id"]: one for one in house.read("policy", "list")}
    assert (listed[drafted["id"]]["status"], listed["file:standard"]["status"]) == ("draft", "live")
    assert drafted["id"] in house.done("policy", "list")

    compared = [house.read("policy", "diff", one) for one in (file, drafted["id"])]
    assert compared[0]["changes"] == compared[1]["changes"]
    assert "rows.inspection VIP: 12h -> 6h" in {one["says"] for one in compared[0]["changes"]}

    status, _, said = house.run("policy", "publish", drafted["id"])
    assert status == 1
    assert "text, line" in said or "policies/tiers.toml, line" in said
    assert "accept_warnings" in said
    assert "version cli-1, counts from" in house.done("policy", "publish", drafted["id"], "--accept-warnings")

    after = house.read("return", "open", "--order", "o-policy", "--line", "l_1=1")
    assert terms(house, after)["return_window"]["duration"] == "P88D"
    assert terms(house, after)["policy_version"] == "cli-1"
    assert terms(house, before)["policy_version"] != "cli-1"
    assert {one["id"]: one["status"] for one in house.read("policy", "list")}["file:standard"] == "past"

    # The house goes on serving other tests: what the release promises is published again.
    as_released = load_policy_book().texts["programmes/standard.toml"].replace('version = "1"', 'version = "cli-back"')
    again = house.read("policy", "draft", write(tmp_path, as_released))
    house.done("policy", "publish", again["id"], "--accept-warnings")


def test_a_draft_at_fault_is_refused_line_by_line_and_replaced_when_right(house: House, tmp_path: Path) -> None:
    good = a_text(("draft-1", "cli-2"))
    drafted = house.read("policy", "draft", write(tmp_path, good))
    file = write(tmp_path, good.replace('"delivered"', '"shipped"'))

    status, _, said = house.run("policy", "draft", file, "--replace", drafted["id"])
    assert status == 1
    assert f"{file}:6: key window.starts: expected one of delivered, placed" in said
    replaced = house.read("policy", "draft", write(tmp_path, good + ROW), "--replace", drafted["id"])
    assert (replaced["id"], replaced["text"]) == (drafted["id"], good + ROW)


def test_a_version_for_later_waits(house: House, tmp_path: Path) -> None:
    drafted = house.read("policy", "draft", write(tmp_path, a_text(("draft-1", "cli-3"))))
    published = house.read("policy", "publish", drafted["id"], "--accept-warnings", "--from", "2090-01-01T00:00:00Z")
    assert (published["status"], published["effective_from"]) == ("scheduled", "2090-01-01T00:00:00Z")


def terms(house: House, case: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.done("return", "show", case["rma"], "--terms"))
    return found
