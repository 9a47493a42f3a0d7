"""What is shown while a demo runs: one plain line with every count, and a picture in a terminal."""

from io import StringIO

import pytest
from rich.console import Console

from commands.display import Display
from database.progress import Standing

STANDING = Standing(
    by_stage={"booked": 2, "in_transit": 1, "received": 3, "inspected": 1, "closed": 4, "refused": 5, "attention": 1},
    refunded=4,
    refunded_minor=1234,
    refused={"NO_CUSTOMER_ID": 3, "NOT_GOODS": 2},
    troubled=1,
)


def test_a_plain_line_has_every_count(capsys: pytest.CaptureFixture[str]) -> None:
    Display(started=0.0, currency="GBP", total=20).counts(STANDING)
    line = capsys.readouterr().out
    for part in ("opened 17/20", "in transit 3", "at the bench 3", "inspected 1", "refunded 4 (GBP 12.34)"):
        assert part in line
    assert "refused 5  attention 1  stuck 1  (NO_CUSTOMER_ID 3, NOT_GOODS 2)" in line


def test_what_has_not_changed_is_not_said_again_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(started=0.0, currency="GBP", total=20)
    display.counts(STANDING)
    display.counts(STANDING)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_picture_has_a_line_for_every_count() -> None:
    display = Display(started=0.0, currency="GBP", total=20)
    console = Console(width=80, record=True, file=StringIO())
    console.print(display.picture(STANDING))
    drawn = console.export_text().splitlines()
    assert "9 of 20 returns finished" in drawn[0]
    assert len(drawn[1].strip()) == 60
    assert drawn[2].split() == ["opened", "17/20"]


def test_steps_carry_the_seconds_since_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    Display(started=0.0, currency="GBP").step("postgres runs", at=1.25)
    assert capsys.readouterr().out == "    1.2 s  postgres runs\n"
