"""Logs carry the case and the request, one line per record, and nothing personal by accident."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from telemetry import set_up_logs


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_a_short_line_says_process_case_and_request() -> None:
    written = io.StringIO()
    set_up_logs("worker", stream=written)
    logging.getLogger("activities.refund").info("refund sent", extra={"case_id": "ret_1", "request_id": "req_2"})
    assert written.getvalue().endswith("Z worker INFO refund sent case_id=ret_1 request_id=req_2\n")


def test_a_stray_extra_stays_out_of_the_log() -> None:
    for form in ("short", "json"):
        written = io.StringIO()
        set_up_logs("server", form=form, stream=written)
        logging.getLogger("api").warning("refused", extra={"email": "ada@example.org", "code": "not_found"})
        assert "not_found" in written.getvalue()
        assert "example.org" not in written.getvalue()


def test_a_record_stays_one_line_whatever_a_partner_sent() -> None:
    written = io.StringIO()
    set_up_logs("server", stream=written)
    logging.getLogger("api").warning("refused: %s", "x\n2026-11-20T00:00:00Z server INFO forged")
    assert written.getvalue().count("\n") == 1


def test_json_lines_carry_the_error() -> None:
    written = io.StringIO()
    set_up_logs("worker", form="json", stream=written)
    try:
        raise ValueError("torn")
    except ValueError:
        logging.getLogger("workflows").exception("failed", extra={"attempt": 2})
    line = json.loads(written.getvalue())
    assert (line["process"], line["level"], line["attempt"]) == ("worker", "ERROR", 2)
    assert "ValueError: torn" in line["error"]


def test_the_level_is_kept_and_talkative_libraries_speak_from_warning_on() -> None:
    written = io.StringIO()
    set_up_logs("server", "INFO", stream=written)
    logging.getLogger("api").debug("detail")
    logging.getLogger("uvicorn.access").info("GET /v1/returns?q=ada@example.org")
    assert written.getvalue() == ""
