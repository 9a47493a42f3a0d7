"""The documentation: complete, true to what the server does, and without a network."""

import html
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from api.docs import FILES
from tests.api.doors import Doors

EXTERNAL = re.compile(r"""(?:src|href|url)\s*[=:(]\s*["']?(?:https?:)?//""", re.IGNORECASE)


def operations(doors: Doors) -> dict[str, Any]:
    described = doors.get("/openapi.json").json()
    return {
        f"{method} {path}": operation for path, item in described["paths"].items() for method, operation in item.items()
    }


@pytest.mark.parametrize(
    "path", ["/docs", "/docs/start.js", *(f"/docs/{file}" for file in FILES if file.endswith("css"))]
)
def test_the_page_loads_nothing_from_elsewhere(doors: Doors, path: str) -> None:
    answer = doors.get(path, role=None)
    assert answer.status_code == 200
    assert not EXTERNAL.search(answer.text)


def test_the_browser_is_forbidden_to_load_from_elsewhere(doors: Doors) -> None:
    assert doors.get("/docs", role=None).headers["content-security-policy"].startswith("default-src 'self';")


def test_the_page_can_read_the_version_of_the_description(doors: Doors) -> None:
    """Swagger UI before 5 shows nothing but an apology for OpenAPI 3.1."""
    assert doors.get("/openapi.json").json()["openapi"].startswith("3.1")
    assert "isOAS31" in doors.get("/docs/swagger-ui-bundle.js", role=None).text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium on this machine to open the page with")
def test_a_browser_shows_every_operation(doors: Doors, tmp_path: Path) -> None:
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=10000"]
    words += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    words += [f"--user-data-dir={tmp_path}", "--dump-dom", f"{doors.url}/docs"]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Unable to render" not in shown
    for name, operation in operations(doors).items():
        assert operation["summary"] in html.unescape(shown), name


def test_all_that_the_page_asks_for_is_here(doors: Doors) -> None:
    page = doors.get("/docs", role=None).text
    asked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(asked) == 4
    assert {doors.get(path, role=None).status_code for path in asked} == {200}


@pytest.mark.parametrize("file", ["index.html", "..%2F__init__.py", "swagger-initializer.js"])
def test_nothing_else_of_the_package_is_served(doors: Doors, file: str) -> None:
    assert doors.get(f"/docs/{file}", role=None).status_code == 404


def test_every_operation_has_a_summary_an_example_and_its_errors(doors: Doors) -> None:
    for name, operation in operations(doors).items():
        assert operation["summary"], name
        good = [answer for status, answer in operation["responses"].items() if status in ("200", "201", "202")]
        assert good, name
        assert all(shape["example"] for answer in good for shape in answer["content"].values()), name
        problems = [answer for status, answer in operation["responses"].items() if int(status) >= 400]
        assert all(set(answer["content"]) == {"application/problem+json"} for answer in problems), name
        if name not in ("get /livez", "get /version"):
            assert "503" in operation["responses"], name
        if "x-scope" in operation:
            assert {"401", "403"} <= set(operation["responses"]), name
            assert operation["security"], name


def test_every_body_has_an_example(doors: Doors) -> None:
    described = doors.get("/openapi.json").json()
    shapes = described["components"]["schemas"]
    for name, operation in operations(doors).items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            given = content["schema"]
            names = [one["$ref"] for one in (given, *given.get("anyOf", ())) if "$ref" in one]
            shown = [shapes[ref.rpartition("/")[2]].get("examples") for ref in names]
            assert content.get("example") or any(shown) or names == ["#/components/schemas/NothingAsked"], name


def test_the_description_refers_to_nothing_that_is_missing(doors: Doors) -> None:
    answer = doors.get("/openapi.json")
    shapes = answer.json()["components"]["schemas"]
    assert set(re.findall(r'#/components/schemas/([^"]+)"', answer.text)) <= set(shapes)
