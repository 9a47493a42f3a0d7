"""What the pages name exists: files, targets of make, commands, addresses of the API."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from typer.core import TyperGroup
from typer.main import get_command

from api.app import ROUTERS
from cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
HEADING = re.compile(r"^# .+$", re.MULTILINE)
MAKE = re.compile(r"\bmake ([a-z]+)")
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
COMMAND = re.compile(r"\./boomerang((?: +[a-z]+(?:-[a-z]+)*)+)")
ADDRESS = re.compile(r"(?<!\d)/v1(?:/[A-Za-z0-9_{}-]+)+")  # after a port it is a partner's
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
DECISION = ("## Context", "## Decision", "## Consequences", "## Alternatives")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def in_code(text: str) -> list[str]:
    """The passages that are set as code: what a reader types or looks up."""
    return [*FENCE.findall(text), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_page_has_one_title(page: Path) -> None:
    assert len(HEADING.findall(FENCE.sub("", page.read_text()))) == 1


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_target_of_make_exists(page: Path) -> None:
    named = {target for passage in in_code(page.read_text()) for target in MAKE.findall(passage)}
    assert named <= set(TARGET.findall((ROOT / "Makefile").read_text()))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_exists(page: Path) -> None:
    for words in COMMAND.findall(page.read_text()):
        command: Any = get_command(app)
        for word in words.split():
            if not isinstance(command, TyperGroup):
                break  # an argument
            assert word in command.commands, f"./boomerang{words}"
            command = command.commands[word]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_address_exists(page: Path) -> None:
    known = [re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(route.path)) for route in routes()]
    addresses = {found for passage in in_code(page.read_text()) for found in ADDRESS.findall(passage)}
    assert [address for address in sorted(addresses) if not any(re.fullmatch(one, address) for one in known)] == []


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_has_its_number_its_parts_and_one_sentence(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert tuple(re.findall(r"^## .+$", text, re.MULTILINE)) == DECISION
    decided = text.partition("## Decision")[2].partition("## Consequences")[0].strip()
    assert decided.endswith(".")
    assert ". " not in decided.replace("\n", " ")
