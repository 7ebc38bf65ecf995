"""An on-call system to try and drill against: a real HTTP server that checks signatures and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

from standardwebhooks.webhooks import Webhook

#: `up` takes notifications; `refuse` answers 503; `mute` takes them and hangs up without an answer, as one that dies does.
Mode = Literal["up", "refuse", "mute"]


@dataclass(frozen=True)
class Delivery:
    """A notification that arrived, signed as it should be.

    Attributes:
        answered: whether the sender was told so.
    """

    key: str
    body: bytes
    answered: bool

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def ticket(self) -> str:
        """The ticket that it is about."""
        return str(self.event["data"]["ticket"])


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: whoever sends is killed in the middle of it, that is what this is for."""


class Receiver:
    """Listens on loopback; `start` and `stop` may follow each other, on the same port.

    Args:
        port: 0 for any free one.
    """

    def __init__(self, secret: str, port: int = 0) -> None:
        self._signer = Webhook(secret)
        self._server: ThreadingHTTPServer | None = None
        self.port = port
        self.mode: Mode = "up"
        self.retry_after: int | None = None
        self.deliveries: list[Delivery] = []
        self.requests = 0
        self.badly_signed = 0

    @property
    def url(self) -> str:
        """Where to send to."""
        return f"http://127.0.0.1:{self.port}/hooks/sparc"

    def taken(self, headers: dict[str, str], body: bytes) -> int | None:
        """Keeps a notification; the status to answer, or None to hang up."""
        if self._server is None:  # a connection that was kept from before it stopped
            return None
        self.requests += 1
        if self.mode == "refuse":
            return 503
        try:
            self._signer.verify(body, headers)
        except Exception:  # whatever the library makes of it: it is not signed as it should be
            self.badly_signed += 1
            return 401
        self.deliveries.append(Delivery(headers["webhook-id"], body, self.mode == "up"))
        return 204 if self.mode == "up" else None

    def start(self) -> None:
        """Listens; the port stays the same over further starts."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the sender died in the middle of it: as any server, nothing has arrived
                    self.close_connection = True
                    return
                status = receiver.taken({name.lower(): value for name, value in self.headers.items()}, body)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                if receiver.retry_after is not None:
                    self.send_header("Retry-After", str(receiver.retry_after))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = _QuietServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Listens no more: whoever calls is refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Receiver:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
