"""Partners as processes for tests: started, asked over HTTP, killed and started again; and an ear for their events."""

import base64
import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx2

ROOT = Path(__file__).resolve().parents[2]
API_KEY = "key-for-tests"
SECRET = "whsec_" + base64.b64encode(b"a secret for tests only, 32 byte").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"somebody else's secret, 32 bytes").decode()

Found = TypeVar("Found")


def until(condition: Callable[[], Found | None], what: str, seconds: float = 10.0) -> Found:
    """Ask again and again until the answer is something, and say what was waited for when it never is."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        if found := condition():
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for: {what}"
        pause.wait(0.01)


@dataclass
class Program:
    """One partner's process with its books in `folder`."""

    name: str
    folder: Path
    webhook_url: str | None = None
    more: tuple[str, ...] = ()
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    client: httpx2.Client = field(init=False)

    def start(self) -> "Program":
        words = [sys.executable, "-m", f"partners.{self.name}", "--port", str(self.port), "--api-key", API_KEY]
        words += ["--books", str(self.folder / f"{self.name}.sqlite"), "--webhook-secret", SECRET, *self.more]
        if self.webhook_url is not None:
            words += ["--webhook-url", self.webhook_url]
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
        self.port = int(self.first_line().rsplit(":", 1)[1])
        headers = {"Authorization": f"Bearer {API_KEY}"}
        self.client = httpx2.Client(base_url=self.url, headers=headers, timeout=10, trust_env=False)
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def first_line(self, seconds: float = 20.0) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline().decode() if ready else ""
        assert line, f"{self.name} said nothing; its log: {(self.folder / f'{self.name}.log').read_text()}"
        return line.strip()

    def kill(self) -> None:
        """The end without goodbye (`kill -9`)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """The polite end (SIGTERM); says the exit status."""
        assert self.process is not None
        self.client.close()
        self.process.terminate()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            if self.process.stdout is not None:
                self.process.stdout.close()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        return self.client.post(path, json=body, headers=headers)

    def knobs(self, **rules: Any) -> None:
        answer = self.post("/admin/knobs", rules)
        assert answer.status_code == 200, answer.text

    def calm(self) -> None:
        """Every knob off."""
        self.client.delete("/admin/knobs")

    def advance(self, seconds: float) -> None:
        assert self.post("/admin/clock", {"seconds": seconds}).status_code == 200


@contextmanager
def running(program: Program) -> Iterator[Program]:
    """Started now, ended afterwards."""
    try:
        yield program.start()
    finally:
        program.stop()


@dataclass(frozen=True)
class Heard:
    """One event as it came in."""

    raw: bytes
    headers: dict[str, str]

    @property
    def id(self) -> str:
        return str(json.loads(self.raw)["id"])


class Ear:
    """A small HTTP server that notes every event and answers as told (204)."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[int] = []
        ear = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                ear.heard.append(Heard(raw, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(ear.answers.pop(0) if ear.answers else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self._server = Server(("127.0.0.1", 0), Door)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/events"

    def about(self, text: str) -> list[Heard]:
        """What was heard about one refund or booking, in the order it came."""
        return [event for event in list(self.heard) if text.encode() in event.raw]

    def hears(self, text: str, times: int = 1) -> list[Heard]:
        """Wait until it was heard about so many times."""
        return until(
            lambda: found if len(found := self.about(text)) >= times else None, f"{times} event(s) about {text}"
        )

    def __enter__(self) -> "Ear":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
