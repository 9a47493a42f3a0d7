"""requirements.lock: what pyproject.toml asks for, each file by its hash, and nothing of the machine that wrote it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = (ROOT / "requirements.lock").read_text().splitlines()
PINNED = re.compile(r"^[a-z0-9][a-z0-9-]*==[0-9][^ ]*( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_line_is_a_pinned_package_or_a_hash() -> None:
    assert [line for line in LINES if not PINNED.match(line) and not HASH.match(line)] == []


def test_everything_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {canonical(re.split(r"[\[<>=~! ;]", requirement)[0]) for requirement in asked}
    assert names <= {line.partition("==")[0] for line in LINES if PINNED.match(line)}
