"""A real homeserver on loopback and people with real clients, for tests: Synapse and matrix-nio in an environment of their own."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVER_NAME = "hospital.test"
#: A homeserver on a busy build machine.
_START_SECONDS = 120
_WAIT_SECONDS = 60.0
_PASSWORD = "a-test-password"


def homeserver_python() -> tuple[str | None, str]:
    """The Python of the homeserver's environment, made if need be; else None and why not."""
    done = subprocess.run(
        [str(ROOT / "scripts" / "homeserver")], capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return done.stdout.strip(), ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Synapse:
    """One homeserver with its database in a folder; it can be killed and started again."""

    def __init__(self, python: str, folder: Path, port: int | None = None) -> None:
        self.python = python
        self.folder = folder
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, registration: str | None, **more: Any) -> None:
        """Writes the configuration, with an application service's registration file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files = []
        if registration is not None:
            (self.folder / "registration.yaml").write_text(registration, encoding="utf-8")
            files = ["registration.yaml"]
        fast = {"per_second": 1000, "burst_count": 1000}
        config = {
            "server_name": SERVER_NAME,
            "pid_file": "homeserver.pid",
            "listeners": [
                {"port": self.port, "type": "http", "tls": False, "bind_addresses": ["127.0.0.1"],
                 "resources": [{"names": ["client"]}]}
            ],
            "database": {"name": "sqlite3", "args": {"database": "homeserver.db"}},
            "signing_key_path": "signing.key",
            "media_store_path": "media",
            "report_stats": False,
            "registration_shared_secret": "test-only",
            "macaroon_secret_key": "test-only",
            "form_secret": "test-only",
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "app_service_config_files": files,
            "rc_message": fast,
            "rc_room_creation": fast,
            "rc_login": {"address": fast, "account": fast, "failed_attempts": fast},
            "rc_invites": {"per_room": fast, "per_user": fast, "per_issuer": fast},
            "rc_joins": {"local": fast},
            **more,
        }  # fmt: skip
        (self.folder / "homeserver.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        if not (self.folder / "signing.key").exists():
            self._run("-m", "synapse.app.homeserver", "-c", "homeserver.yaml", "--generate-keys")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        with (self.folder / "out.log").open("ab") as output:
            self.process = subprocess.Popen(
                [self.python, "-m", "synapse.app.homeserver", "-c", "homeserver.yaml"],
                cwd=self.folder,
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._healthy():
            log = (self.folder / "out.log").read_text(encoding="utf-8", errors="replace")[-3000:]
            assert self.process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.1)

    def kill(self) -> None:
        """Ends it without warning, as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process = None

    def register(self, *users: str) -> None:
        """Makes accounts."""
        where = f"{self.address}/_synapse/admin/v1/register"
        for user in users:
            nonce = _fetch(where)["nonce"]
            signed = "\x00".join((nonce, user, _PASSWORD, "notadmin")).encode()
            mac = hmac.new(b"test-only", signed, hashlib.sha1).hexdigest()
            _fetch(where, {"nonce": nonce, "username": user, "password": _PASSWORD, "admin": False, "mac": mac})

    @contextmanager
    def person(self, user: str) -> Iterator[Person]:
        """A person with a client, signed in."""
        process = subprocess.Popen(
            [self.python, str(Path(__file__).with_name("matrix_client.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment(),
            text=True,
        )
        try:
            person = Person(process)
            person.do("login", homeserver=self.address, user=user, password=_PASSWORD)
            yield person
        finally:
            process.kill()
            process.wait(10)

    def _healthy(self) -> bool:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"{self.address}/health", timeout=2
            ) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "PYTHONUNBUFFERED": "1"}

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


class Person:
    """Somebody who writes and reads with a real client; `seen` is every event of their rooms."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.seen: list[dict[str, Any]] = []

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """One command of `matrix_client.py`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in reply or command == "sync", reply
        return reply

    def create(self, *invite: str, **options: Any) -> str:
        """A new room; direct unless said otherwise."""
        return str(self.do("create", invite=list(invite), **options)["room"])

    def send(self, room: str, text: str) -> str:
        """A message; its event id."""
        return str(self.do("send", room=room, text=text)["event_id"])

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Anything else of the client-server API."""
        return self.do("call", method=method, path=path, body=body)

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], count: int = 1) -> list[dict[str, Any]]:
        """The events of that kind, once there are so many; an error after a while."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while len(found := [event for event in self.seen if wanted(event)]) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count}; seen last: {self.told()[-20:]}"
            self.look(500)
        return found

    def look(self, milliseconds: int = 0) -> None:
        """Reads what is new."""
        self.seen += self.do("sync", milliseconds=milliseconds)["events"]

    def notices(self, room: str, count: int = 1) -> list[dict[str, Any]]:
        """The contents of the assistant's messages in a room, once there are so many."""
        found = self.wait_for(lambda event: event["room"] == room and is_notice(event), count)
        return [event["content"] for event in found]

    def told(self) -> list[str]:
        """What was said, for errors."""
        return [str(event["content"].get("body", event["type"]))[:60] for event in self.seen]


def _fetch(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def is_notice(event: dict[str, Any]) -> bool:
    """Whether the assistant said this."""
    return event["sender"] == f"@sparc:{SERVER_NAME}" and event["type"] == "m.room.message"
