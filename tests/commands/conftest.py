"""Settings in a home of the test's own, and a web server that answers as the test decides."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings

#: status, headers and body of an answer.
Reply = tuple[int, dict[str, str], bytes]
GREETING = [{"recipient_id": "x", "text": "Good day.", "custom": {"answer": "greeting", "about": None, "data": {}}}]


class FakeServer:
    """Stands where the chat server stands: keeps what it was sent and answers from a list, the last one for ever."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.replies: list[Reply] = [(200, {}, json.dumps(GREETING).encode())]

    def answer(self, headers: dict[str, str], body: bytes) -> Reply:
        self.heard.append((headers, json.loads(body)))
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def refusal(status: int, text: str = "no", **headers: str) -> Reply:
    return (
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        json.dumps({"error": text}).encode(),
    )


@pytest.fixture
def server() -> Iterator[FakeServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers, content = fake.answer({k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeServer(web.server_address[1])
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield fake
    web.shutdown()
    web.server_close()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Sets variables of the environment and returns the settings that they make."""

    def make(**variables: str) -> Settings:
        values = {"SPARC_HOME": str(tmp_path / "home"), "SPARC_CLOCK": "2026-06-10T09:00:00+08:00", **variables}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return Settings.from_environment()

    return make
