"""The HTTP client: errors in words, and calls that are sent again under the same key."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from commands.client import ServerClient, ServerRefused, ServerUnreachable, at
from ports import free_port

Reply = tuple[int, dict[str, Any]]
Heard = list[tuple[str, str | None]]
PROBLEM = {"detail": "There is no return 'x'.", "next_action": "Check the return's id.", "code": "unknown_return"}


@pytest.fixture
def server() -> Iterator[Callable[..., tuple[str, Heard]]]:
    """Starts a server that gives these answers one after another, the last one for ever, and writes down what it hears."""
    running: list[http.server.ThreadingHTTPServer] = []

    def start(*replies: Reply) -> tuple[str, Heard]:
        heard: Heard = []

        class Door(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append((self.path, self.headers.get("Idempotency-Key")))
                status, body = replies[min(len(heard), len(replies)) - 1]
                raw = json.dumps(body).encode()
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        running.append(made)
        threading.Thread(target=made.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{made.server_port}", heard

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def test_a_refusal_says_what_is_wrong_and_what_to_do_next(server: Any) -> None:
    url, _ = server((404, PROBLEM))
    with ServerClient(url, "key") as client, pytest.raises(ServerRefused) as refused:
        client.get("/v1/returns/x")
    assert refused.value.detail == PROBLEM["detail"]
    assert refused.value.advice == PROBLEM["next_action"]
    assert refused.value.http_status == 404
    assert refused.value.problem_code == "unknown_return"


def test_the_field_at_fault_is_named(server: Any) -> None:
    errors = [{"pointer": "/lines/0/quantity", "detail": "It must be at least 1."}]
    url, _ = server((422, {"detail": "The request is wrong.", "errors": errors}))
    with (
        ServerClient(url, "key") as client,
        pytest.raises(ServerRefused, match="/lines/0/quantity: It must be at least 1"),
    ):
        client.post("/v1/returns", {})


def test_an_answer_that_is_no_problem_document_is_still_a_sentence(server: Any) -> None:
    url, _ = server((500, {}))
    with ServerClient(url, "key") as client, pytest.raises(ServerRefused, match="The server answered 500"):
        client.post("/v1/returns", {})


def test_a_call_that_meets_503_is_sent_again_under_the_same_key(server: Any) -> None:
    url, heard = server((503, {"detail": "not now"}), (503, {"detail": "not now"}), (201, {"id": "ret_1"}))
    with ServerClient(url, "key", patience_s=10) as client:
        assert client.post("/v1/returns", {}).body == {"id": "ret_1"}
    assert len(heard) == 3
    assert len({key for _, key in heard}) == 1


def test_a_refusal_is_not_sent_again(server: Any) -> None:
    url, heard = server((409, {"detail": "done before"}))
    with ServerClient(url, "key", patience_s=10) as client, pytest.raises(ServerRefused):
        client.post("/v1/returns", {})
    assert len(heard) == 1


def test_nobody_there_is_a_sentence_with_the_address() -> None:
    client = ServerClient(f"http://127.0.0.1:{(port := free_port())}", "key", patience_s=0)
    with client, pytest.raises(ServerUnreachable, match=f":{port} does not answer") as unreachable:
        client.get("/v1/returns")
    assert "BOOMERANG_SERVER_URL" in unreachable.value.advice


def test_patience_ends_when_the_caller_gives_up() -> None:
    with ServerClient(f"http://127.0.0.1:{free_port()}", "key", patience_s=3600) as client:
        client.give_up()
        with pytest.raises(ServerUnreachable):
            client.get("/v1/returns")


def test_pages_are_followed_to_the_end_and_no_further_than_asked(server: Any) -> None:
    pages = [(200, {"data": [1, 2], "next_cursor": "c"}), (200, {"data": [3, 4], "next_cursor": None})]
    url, _ = server(*pages)
    with ServerClient(url, "key") as client:
        assert list(client.pages("/v1/returns")) == [1, 2, 3, 4]
    url, _ = server(*pages)
    with ServerClient(url, "key") as client:
        assert list(client.pages("/v1/returns", most=3)) == [1, 2, 3]


def test_names_become_one_step_of_the_address() -> None:
    assert at("/v1/returns", "a/b ?", "ledger") == "/v1/returns/a%2Fb%20%3F/ledger"
