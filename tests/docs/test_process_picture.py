"""The pictures of the process say what the process does."""

import re
from collections import Counter
from pathlib import Path

import pytest

from domain.stages import ENDS, FOLLOWS, Silence, Stage

ROOT = Path(__file__).resolve().parents[2]
WHOLE = ROOT / "docs" / "process.md"
SMALL = ROOT / "README.md"

DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ARROW = re.compile(r"^ +(?P<left>\S+) --> (?P<right>\S+)(?: : [^:]+)?$")
DIRECTION = re.compile(r"^ +direction (?:LR|TB)$")
OUTSIDE = "[*]"

Arrow = tuple[str, str]


def drawn(page: Path) -> list[Arrow]:
    """Every arrow of the page's diagrams; a line that is no arrow is a mistake, since it would not be compared."""
    lines = [line for diagram in DIAGRAM.findall(page.read_text()) for line in diagram.splitlines()]
    assert lines, f"{page.name} has no picture"
    arrows = [ARROW.match(line) for line in lines if not DIRECTION.match(line)]
    assert None not in arrows, [line for line in lines if not ARROW.match(line)]
    return [(arrow["left"], arrow["right"]) for arrow in arrows if arrow]


def between_stages(arrows: list[Arrow]) -> set[Arrow]:
    return {arrow for arrow in arrows if OUTSIDE not in arrow}


POSSIBLE = {
    (str(stage), str(following))
    for stage, followers in FOLLOWS.items()
    for following in followers
    if following is not stage  # staying is no arrow
}


def test_the_picture_has_the_arrows_of_the_process_and_no_others() -> None:
    assert between_stages(drawn(WHOLE)) == POSSIBLE


def test_no_arrow_is_drawn_twice() -> None:
    assert [arrow for arrow, times in Counter(drawn(WHOLE)).items() if times > 1] == []


def test_every_stage_is_in_the_picture() -> None:
    assert {stage for arrow in drawn(WHOLE) for stage in arrow} - {OUTSIDE} == set(Stage)


def test_the_picture_begins_with_the_request_and_ends_with_the_ends() -> None:
    arrows = drawn(WHOLE)
    assert [right for left, right in arrows if left == OUTSIDE] == [Stage.REQUESTED]
    assert {left for left, right in arrows if right == OUTSIDE} == ENDS


def test_the_small_picture_draws_nothing_that_cannot_happen() -> None:
    assert between_stages(drawn(SMALL)) <= POSSIBLE


@pytest.mark.parametrize("word", [*Stage, *Silence])
def test_the_table_names_every_stage_and_what_silence_means(word: str) -> None:
    rows = [line for line in WHOLE.read_text().splitlines() if line.startswith("| ")]
    assert any(f"`{word}`" in row for row in rows)
