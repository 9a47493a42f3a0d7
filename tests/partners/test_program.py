"""Every partner's program: says where it listens, lets in who knows the key, speaks in one form, and ends cleanly."""

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.partners.programs import API_KEY, ROOT, SECRET, Program, running

NAMES = ["payments", "carriers"]


@pytest.mark.parametrize("name", NAMES)
def test_one_line_at_the_start_and_silence_until_a_clean_end(tmp_path: Path, name: str) -> None:
    program = Program(name, tmp_path)
    with running(program):
        assert program.process is not None
        assert program.process.stdout is not None
        assert program.get("/livez") == {"status": "alive"}
        program.get("/v1/balance")
        program.process.terminate()
        assert program.process.wait(10) == 0
        assert program.process.stdout.read() == b""
        assert (tmp_path / f"{name}.log").read_text() == ""


def test_a_hanging_answer_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with running(Program("carriers", tmp_path)) as program:
        program.knobs(hang={"probability": 1, "seconds": 3_600})
        body = {"booking_id": "bk_1", "case_id": "ret_1", "method": "label", "reference": "RMA1", "units": 1}
        body |= {"from_country": "DE", "to_country": "DE", "currency": "EUR"}
        with pytest.raises(httpx2.ReadTimeout):
            program.client.post("/v1/shipments", json=body, timeout=0.2)
        assert program.stop() == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_taken_port_is_named(tmp_path: Path, name: str, one_payments: Program) -> None:
    words = ["--port", str(one_payments.port), "--api-key", API_KEY, "--webhook-secret", SECRET]
    words += ["--books", str(tmp_path / "books.sqlite")]
    ended = subprocess.run(
        [sys.executable, "-m", f"partners.{name}", *words], cwd=ROOT, capture_output=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    assert f"127.0.0.1:{one_payments.port}" in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()


@pytest.mark.parametrize("path", ["/v1/balance", "/v1/refunds", "/admin/knobs", "/admin/pending"])
@pytest.mark.parametrize("key", ["", "Bearer wrong", f"Basic {API_KEY}", "Bearer k\u00e9y"])
def test_without_the_key_nobody_is_let_in(payments: Program, path: str, key: str) -> None:
    answer = httpx2.get(payments.url + path, headers={b"Authorization": key.encode()}, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_admitted")


def test_an_unknown_door_and_an_unknown_knob_are_named_in_the_partners_form(payments: Program) -> None:
    nowhere = payments.client.get("/v1/nowhere")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "no_such_door")
    knob = payments.post("/admin/knobs", {"lose": {"next": 1}})
    assert (knob.status_code, knob.json()["error"]["code"]) == (422, "unknown_knob")
    rule = payments.post("/admin/knobs", {"delay": {"often": 1}})
    assert (rule.status_code, rule.json()["error"]["code"]) == (422, "malformed")


def test_the_clock_goes_forward_and_stays_there_after_the_end(tmp_path: Path) -> None:
    program = Program("payments", tmp_path)
    with running(program):
        before = program.get("/admin/clock")["now"]
        program.advance(400 * 86_400)
        after = program.get("/admin/clock")["now"]
        assert int(after[:4]) >= int(before[:4]) + 1
        program.kill()
        program.start()
        assert program.get("/admin/clock")["now"] >= after
        assert program.post("/admin/clock", {"seconds": -1}).status_code == 422
