"""`boomerang policy show`: terms by market and tier, from the files alone."""

import json

from typer.testing import CliRunner

from cli import app


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, ["policy", "show", *words])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_the_tier_shortens_the_deadlines_and_lengthens_the_window() -> None:
    entry, vip = (json.loads(shown("--market", "US", "--tier", tier, "--json")) for tier in ("ENTRY", "VIP"))
    assert entry["return_window_days"] < vip["return_window_days"]
    assert (entry["limits"]["approval"], vip["limits"]["approval"]) == ("24h", "1h")


def test_sources_stand_beside_the_terms() -> None:
    said = shown("--market", "DE")
    assert "return window" in said
    assert "from law of" in said


def test_an_unknown_programme_is_a_sentence_that_names_the_known_ones() -> None:
    done = CliRunner().invoke(app, ["policy", "show", "--programme", "dreams"])
    assert done.exit_code == 1
    assert "online_retail, standard" in done.stderr
