"""The house rules: who may import whom, no circles, and every test beside its subject.

LAYERS is read from the top: a room may import any room of a lower line, and none of its own line or above.
"""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"cli", "commands"}),
    frozenset({"worker", "server"}),
    frozenset({"assembly"}),
    frozenset({"web"}),
    frozenset({"api"}),
    frozenset({"desk"}),
    frozenset({"workflows"}),
    frozenset({"activities"}),
    frozenset({"gateways", "database"}),
    frozenset({"policies"}),
    frozenset({"domain"}),
)
PROCESSES = LAYERS[0] | LAYERS[1] | LAYERS[2]
# What processes alone may read; among themselves, the ones further right serve the ones further left.
PROCESS_ONLY = ("stack", "embedded", "supervisor", "ports", "settings", "telemetry")
STRANGERS = "partners"  # other companies' programs: they know nothing of this house, and it knows only their doors
HEIGHTS = {room: height for height, rooms in enumerate(reversed(LAYERS)) for room in rooms}
ROOMS = {*HEIGHTS, *PROCESS_ONLY, STRANGERS}
MIGRATIONS = "migrations"  # may read settings, as processes do

# Tests of something other than one file: of a whole folder, of several rooms at once, or of what is not Python.
NOT_A_MODULE = {
    "test_compose": "docker-compose.yml",
    "test_lock": "requirements.lock",
    "test_house": ".",
}
OWN_FOLDERS = {"journeys", "trials", "examples", "docs"}
WHOLE_ROOM = "contract"  # what every file of a folder promises alike
RECORDED = "histories"  # of running cases, kept beside the test that replays them


def files_of(room: str) -> list[Path]:
    return [file for file in [ROOT / f"{room}.py", *sorted((ROOT / room).rglob("*.py"))] if file.exists()]


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(file): file for room in sorted(ROOMS) for file in files_of(room)}


def room_of(module: str) -> str:
    return module.partition(".")[0]


def modules_of(*rooms: str) -> list[str]:
    return sorted(module for module in MODULES if room_of(module) in rooms)


def imported_by(file: Path) -> set[str]:
    """Everything a file imports, anywhere in it; a submodule taken from its package counts as that submodule."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.relative_to(ROOT)} has a relative import in line {node.lineno}"
            package = node.module or ""
            candidates = {alias.name: f"{package}.{alias.name}" for alias in node.names}
            found.update(full if full in MODULES else package for full in candidates.values())
    return found


def rooms_imported_by(module: str) -> set[str]:
    return {room_of(name) for name in imported_by(MODULES[module])} - {room_of(module)}


@pytest.mark.parametrize("module", modules_of(*HEIGHTS))
def test_imports_point_downwards(module: str) -> None:
    room = room_of(module)
    for other in sorted(rooms_imported_by(module) & ROOMS):
        if {room, other} <= {"cli", "commands"}:
            continue  # the command line is one program in several files
        if other in PROCESS_ONLY:
            assert room in PROCESSES, f"{module} imports {other}: processes read it and hand on what others need"
        else:
            assert other != STRANGERS, f"{module} imports {other}: a partner is spoken to through its doors only"
            assert HEIGHTS[other] < HEIGHTS[room], f"{module} imports {other}, which does not stand below it"


@pytest.mark.parametrize("module", modules_of(*PROCESS_ONLY))
def test_what_processes_are_made_of_knows_no_layer_above_the_rules(module: str) -> None:
    own = PROCESS_ONLY.index(room_of(module))
    allowed = {"domain", *PROCESS_ONLY[own + 1 :]}
    assert rooms_imported_by(module) & ROOMS <= allowed


@pytest.mark.parametrize("module", modules_of("workflows"))
def test_workflows_reach_the_world_through_activities(module: str) -> None:
    assert not rooms_imported_by(module) & {"gateways", "database"}


@pytest.mark.parametrize("module", modules_of("api", "web"))
def test_doors_leave_effects_to_the_worker(module: str) -> None:
    assert not rooms_imported_by(module) & {"activities", "gateways"}


@pytest.mark.parametrize("module", modules_of("domain"))
def test_rules_need_the_standard_library_only(module: str) -> None:
    assert rooms_imported_by(module) <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", modules_of(STRANGERS))
def test_partners_know_nothing_of_this_house(module: str) -> None:
    assert not rooms_imported_by(module) & {*ROOMS, MIGRATIONS}


def test_imports_make_no_circle() -> None:
    graph = {module: (imported_by(file) & MODULES.keys()) - {module} for module, file in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()


TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def address(file: Path) -> str:
    return file.relative_to(ROOT / "tests").as_posix()


@pytest.mark.parametrize("test", TESTS, ids=address)
def test_every_test_stands_beside_its_subject(test: Path) -> None:
    folder, subject = test.parent.relative_to(ROOT / "tests"), test.stem.removeprefix("test_")
    if folder.parts and folder.parts[0] in OWN_FOLDERS:
        return
    if not folder.parts and test.stem in NOT_A_MODULE:
        assert (ROOT / NOT_A_MODULE[test.stem]).exists()
        return
    candidates = [ROOT / folder / f"{subject}.py", ROOT / folder / subject / "__init__.py"]
    assert any(file.exists() for file in candidates) or subject in {folder.name, WHOLE_ROOM, RECORDED}, (
        f"what is {address(test)} a test of?"
    )


def test_every_folder_of_tests_is_a_package() -> None:
    """Without it, tests/api would hide the real api."""
    folders = {test.parent for test in TESTS}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
