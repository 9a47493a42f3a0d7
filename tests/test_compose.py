"""The production-like shape in docker-compose.yml keeps the compose specification and the rules of this house."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from settings import PREFIX, SECRETS, Settings, variable
from tests.test_house import HEIGHTS

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXACT_VERSION = re.compile(r"^[a-z0-9/-]+:v?\d+\.\d+(\.\d+)?$")
GIVEN_FROM_OUTSIDE = re.compile(r"\$\{[A-Z_]+:(\?[^}]+|-)\}")
NOTES_A_SECRET = re.compile(r"PASSWORD|PWD|SECRET|API_KEY|TOKEN")


def one_shots() -> set[str]:
    """The services that others wait for until they have ended well."""
    waits = [wait for service in SERVICES.values() for wait in service.get("depends_on", {}).items()]
    return {name for name, wait in waits if wait["condition"] == "service_completed_successfully"}


every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_it_keeps_the_compose_specification() -> None:
    order = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    checked = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_part_of_the_product_is_there() -> None:
    parts = {"postgres", "temporal", "temporal-ui", "migrate", "server", "worker", "mailpit"}
    assert parts <= set(SERVICES)
    assert SERVICES["worker"]["deploy"]["replicas"] >= 2


@every_service
def test_every_image_is_pinned(name: str) -> None:
    assert EXACT_VERSION.match(SERVICES[name]["image"])


@every_service
def test_every_service_is_watched_or_ends(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) != (name in one_shots())


@every_service
def test_every_service_says_when_it_is_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == ("on-failure:5" if name in one_shots() else "unless-stopped")


@every_service
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    for needed, wait in SERVICES[name].get("depends_on", {}).items():
        ends = needed in one_shots()
        assert wait["condition"] == ("service_completed_successfully" if ends else "service_healthy")


@every_service
def test_no_secret_stands_in_the_file(name: str) -> None:
    for variable_name, value in SERVICES[name].get("environment", {}).items():
        if NOTES_A_SECRET.search(variable_name) or "://" in str(value):
            assert GIVEN_FROM_OUTSIDE.search(str(value)), f"{variable_name} has a value of its own"


@every_service
def test_only_this_machine_reaches_a_published_port(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_the_databases_have_no_way_out() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["temporal"]["networks"] == ["inside"]
    assert not {"postgres", "temporal"} & {name for name, service in SERVICES.items() if "ports" in service}


def test_volumes_are_named_or_read_only_files_of_this_project() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith("./"):
                assert (ROOT / source).exists()
                assert rest.endswith(":ro")
            else:
                assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", ["migrate", "server", "worker"])
def test_the_product_is_given_settings_it_knows_and_all_that_production_demands(name: str) -> None:
    given = {key for key in SERVICES[name]["environment"] if key.startswith(PREFIX)}
    assert given <= {variable(field) for field in Settings.model_fields}
    demanded = (
        "environment",
        "database_url",
        "temporal_address",
        "payments_url",
        "carriers_url",
        "mail_url",
        "mail_from",
        *SECRETS,
    )
    assert {variable(field) for field in demanded} <= given
    assert SERVICES[name]["environment"]["BOOMERANG_ENVIRONMENT"] == "prod"


def test_every_variable_asked_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    example = re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / "deploy" / "env.example").read_text(), re.MULTILINE)
    assert asked == {name for name, _ in example}
    assert all(value == "" for _, value in example)


def test_the_image_is_pinned_checks_hashes_and_does_not_run_as_root() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.11\.\d+-slim-\w+$", lines, re.MULTILINE)
    assert "--require-hashes --requirement requirements.lock" in lines
    user = re.findall(r"^USER (\S+)$", lines, re.MULTILINE)
    assert user
    assert user[-1] not in {"root", "0"}


def test_the_image_has_every_room_of_the_house() -> None:
    let_in = set(re.findall(r"^!(\w+)$", (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert {room for room in HEIGHTS if (ROOT / room).is_dir()} - let_in == set()
