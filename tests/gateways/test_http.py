"""What an answer means: only a readable yes is a yes, only a no in the partner's own form is a no."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gateways.errors import GatewayError, OutcomeUnknown, ProviderRefused, ProviderUnreachable
from gateways.http import ANSWER_BYTES_MAX, PartnerAddress, PartnerClient, PartnerShape
from gateways.payments.base import RefundOrder
from gateways.payments.simulated import SimulatedPayments
from tests.partners.programs import SECRET


class Told(PartnerShape):
    amount: int


@contextmanager
def answering(
    status: int,
    body: bytes,
    *,
    length: int | None = None,
    header: tuple[str, str] | None = None,
    looked_at: bytes | None = None,
) -> Iterator[tuple[str, list[str]]]:
    """A partner that always answers the same: (its address, the paths it was asked for); who only looks may see another thing."""
    asked: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if looked_at is None:
                self.do_POST()
            else:
                self._say(200, looked_at, None)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self._say(status, body, length)

        def _say(self, status: int, body: bytes, length: int | None) -> None:
            asked.append(self.path)
            self.send_response(status)
            if header is not None:
                self.send_header(*header)
            self.send_header("content-length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str) -> Told:
    client = PartnerClient(url, "k", read_seconds=2)
    try:
        return client.call("POST", "/v1/things", shape=Told, body={})
    finally:
        client.close()


REFUSAL = json.dumps({"error": {"code": "over_refund", "message": "No room."}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "meaning", "code"),
    [
        pytest.param(402, REFUSAL, ProviderRefused, "over_refund", id="a no in the partner's own form"),
        pytest.param(404, b"<h1>nginx</h1>", OutcomeUnknown, "outcome_unknown", id="a no in somebody else's form"),
        pytest.param(400, b'{"error": "no"}', OutcomeUnknown, "outcome_unknown", id="a no in half a form"),
        pytest.param(409, REFUSAL.replace(b"over_refund", b"in_progress"), OutcomeUnknown, "in_progress", id="running"),
        pytest.param(500, REFUSAL, OutcomeUnknown, "outcome_unknown", id="broken, whatever it says"),
        pytest.param(503, b"", OutcomeUnknown, "outcome_unknown", id="unavailable, after who knows what"),
        pytest.param(401, b"", ProviderUnreachable, "not_admitted", id="not let in"),
        pytest.param(429, b"", ProviderUnreachable, "slow_down", id="asked to come back later"),
        pytest.param(200, b"", OutcomeUnknown, "unreadable_answer", id="yes, and nothing"),
        pytest.param(200, b"[" * 100_000, OutcomeUnknown, "unreadable_answer", id="yes, and too deep to read"),
        pytest.param(200, b'{"amount": "10"}', OutcomeUnknown, "unreadable_answer", id="yes, with an amount in words"),
        pytest.param(200, b'{"amount": 1.5}', OutcomeUnknown, "unreadable_answer", id="yes, with half a cent"),
        pytest.param(200, b'{"amount": NaN}', OutcomeUnknown, "unreadable_answer", id="yes, with no number"),
        pytest.param(200, b"\xff\xfe", OutcomeUnknown, "unreadable_answer", id="yes, in no alphabet"),
    ],
)
def test_an_answer_means(status: int, body: bytes, meaning: type[GatewayError], code: str) -> None:
    with answering(status, body) as (url, asked), pytest.raises(GatewayError) as said:
        ask(url)
    assert type(said.value) is meaning
    assert said.value.code == code
    assert asked == ["/v1/things"]  # once: trying again is for who knows whether that is safe


def test_fields_nobody_knows_do_not_matter() -> None:
    with answering(200, b'{"amount": 10, "new": true}') as (url, _):
        assert ask(url) == Told(amount=10)


def test_a_redirect_is_not_followed() -> None:
    with answering(200, b'{"amount": 10}') as (elsewhere, followed):
        with (
            answering(307, b"", header=("Location", elsewhere)) as (url, _),
            pytest.raises(OutcomeUnknown, match="307"),
        ):
            ask(url)
        assert followed == []


def test_an_answer_without_end_is_cut_off() -> None:
    with answering(200, b" " * (ANSWER_BYTES_MAX + 1)) as (url, _), pytest.raises(OutcomeUnknown, match="more than"):
        ask(url)


def test_a_torn_answer_is_no_answer() -> None:
    with answering(200, b'{"amount": 10}', length=99) as (url, _), pytest.raises(OutcomeUnknown, match="without"):
        ask(url)


def test_a_packed_answer_is_not_unpacked() -> None:
    with answering(200, b'{"amount": 10}', header=("Content-Encoding", "gzip")) as (url, _):
        assert ask(url) == Told(amount=10)  # read as it came: nothing small can unfold into something huge


@pytest.mark.parametrize("changed", [{"amount": 1_001}, {"currency": "GBP"}, {"payment": "pay_2"}], ids=str)
def test_an_answer_about_another_refund_is_not_ours(changed: dict[str, object]) -> None:
    metadata = {"refund_id": "rf_1", "case_id": "ret_1"}
    refund = {"id": "pr_1", "payment": "pay_1", "amount": 1_000, "currency": "EUR", "status": "succeeded"}
    body = json.dumps({**refund, "failure": None, "metadata": metadata, **changed}).encode()
    with answering(201, body) as (url, _), pytest.raises(OutcomeUnknown) as unknown:
        SimulatedPayments(PartnerAddress(url, "k", SECRET)).refund(RefundOrder("rf_1", "pay_1", 1_000, "EUR", "ret_1"))
    assert unknown.value.code == "other_refund"


def test_a_list_that_goes_in_circles_ends() -> None:
    body = b'{"data": [], "has_more": true, "next_cursor": "1"}'
    with answering(200, body) as (url, _), pytest.raises(OutcomeUnknown):
        list(SimulatedPayments(PartnerAddress(url, "k", SECRET)).list_refunds())
