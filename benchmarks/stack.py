"""A whole installation of several processes for measurements, drills and tests: PostgreSQL, Redis, action and chat servers.

Each process is our own, on ports and in folders of its own, and may be killed; the machine's databases are left alone.
"""

from __future__ import annotations

import asyncio
import glob
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from bot.channels.signature import sign
from bot.config import ROOT, Settings
from bot.enrollment import migrations
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.training import ensure_model

_UP_SECONDS = 120.0
_PATH = "/webhooks/hospital/webhook"
_NOBODY = 65534


def postgresql_folder() -> Path | None:
    """Where PostgreSQL's programs are, or None where it is not installed."""
    found = shutil.which("initdb")  # the real folder: Debian's wrappers of some programs know its own clusters alone
    places = [found] if found else sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return Path(places[-1]).resolve().parent if places else None


def what_is_missing() -> str | None:
    """Why no installation can be started here, or None where it can."""
    if postgresql_folder() is None:
        return "PostgreSQL is not installed here"
    return None if shutil.which("redis-server") else "Redis is not installed here"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@dataclass
class Process:
    """One process of ours that can be started, killed and started again."""

    name: str
    command: Sequence[str]
    log: Path
    is_up: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers.

        Raises:
            RuntimeError: it ended, or did not answer in time; its last lines are in the message.
        """
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Starts it."""
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
            )

    def wait(self) -> None:
        """Waits until it answers; see :meth:`start`."""
        assert self.popen is not None
        until = time.monotonic() + _UP_SECONDS
        while not self.is_up():
            if self.popen.poll() is not None or time.monotonic() > until:
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
                raise RuntimeError(f"{self.name} did not come up (exit {self.popen.poll()}):\n{tail}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kills it and its children at once, as a failing machine would."""
        assert self.popen is not None
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def stop(self, seconds: float = 40.0) -> int:
        """Ends it in order; returns its exit code."""
        if self.popen is None:
            return 0
        if self.popen.poll() is None:
            # PostgreSQL takes SIGTERM for 'when everybody has gone'; SIGINT is its orderly end.
            self.popen.send_signal(signal.SIGINT if self.name == "postgresql" else signal.SIGTERM)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return int(self.popen.returncode)


class Stack:
    """An installation in `folder`.

    Args:
        chats, actions: how many servers of each kind.
        sqlite: on SQLite without Redis, as one machine runs it; then with one server of each kind.
        settings: more settings of both servers.
    """

    def __init__(
        self,
        folder: Path,
        chats: int = 1,
        actions: int = 1,
        sqlite: bool = False,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.secret = "whsec_" + "c3RhY2sgb2YgdGhlIGRyaWxscyBhbmQgdGVzdHM="
        ports = free_ports(2 + chats + actions)
        self.postgresql_port, self.redis_port = ports[:2]
        self.chat_ports, self.action_ports = ports[2 : 2 + chats], ports[2 + chats :]
        self.sqlite = sqlite
        home = folder / "home"
        self.environment = {
            "PYTHONPATH": str(ROOT),
            "RASA_TELEMETRY_ENABLED": "false",
            "PYTHONWARNINGS": "ignore",
            "SPARC_HOME": str(home),
            "SPARC_MODELS": os.environ.get("SPARC_MODELS", str(ROOT / "models")),
            "SPARC_WEBHOOK_SECRET": self.secret,
            "SPARC_ACTION_TOKEN": secrets.token_hex(16),
            "SPARC_METRICS_TOKEN": secrets.token_hex(16),
            "SPARC_RATE": "0",
            "SPARC_ACTION_URL": ",".join(f"http://127.0.0.1:{port}" for port in self.action_ports),
            **({} if sqlite else self._shared()),
            **(settings or {}),
        }
        self.settings = Settings.from_environment(self.environment)
        self.postgresql = self._postgresql()
        self.redis = self._redis()
        self.actions = [self._action_server(number, port) for number, port in enumerate(self.action_ports)]
        self.chats: list[Process] = []

    def _shared(self) -> dict[str, str]:
        return {
            "SPARC_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.postgresql_port}/postgres",
            "SPARC_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
        }

    @property
    def urls(self) -> list[str]:
        """The chat servers' webhooks."""
        return [f"http://127.0.0.1:{port}{_PATH}" for port in self.chat_ports]

    @property
    def processes(self) -> list[Process]:
        """All of them, in the order of their start."""
        databases = [] if self.sqlite else [self.postgresql, self.redis]
        return [*databases, *self.actions, *self.chats]

    def start(self) -> Stack:
        """Starts everything on empty databases with the demonstration's participants."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings.home.mkdir(parents=True, exist_ok=True)
        model = ensure_model(self.settings, lambda line: None)
        self.chats = [self._chat_server(number, port, model) for number, port in enumerate(self.chat_ports)]
        try:
            if not self.sqlite:
                self._make_cluster()
                self.postgresql.start()
                self.redis.start()
            migrations.upgrade(self.settings.database_url)
            asyncio.run(self._fill())
            for server in [*self.actions, *self.chats]:
                server.begin()
            for server in [*self.actions, *self.chats]:
                server.wait()
        except BaseException:
            self.stop()
            raise
        return self

    async def _fill(self) -> None:
        async with Database(self.settings.database_url, clock=self.settings.clock) as database:
            await load_demo(database)

    def stop(self) -> None:
        """Stops everything that runs."""
        for process in reversed(self.processes):
            process.stop()

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def message(self, account: str, conversation: str, text: str, identifier: str | None = None) -> Message:
        """A message as the hospital's chat would sign it."""
        content = {"account": account, "conversation": conversation, "direct": True, "text": text}
        return Message(identifier or f"msg_{secrets.token_hex(12)}", json.dumps(content).encode(), self.secret)

    def _make_cluster(self) -> None:
        data = self.folder / "postgresql"
        programs = postgresql_folder()
        assert programs is not None
        owner = _NOBODY if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        data.mkdir()
        if owner is not None:
            os.chown(data, owner, owner)
            for parent in (self.folder, *self.folder.parents):  # pytest's folders are closed to others
                if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        subprocess.run(
            [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            user=owner,
            group=owner,
            cwd="/",
        )

    def _postgresql(self) -> Process:
        programs = postgresql_folder() or Path()
        options = [f"port={self.postgresql_port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        return Process(
            "postgresql",
            [str(programs / "postgres"), "-D", str(self.folder / "postgresql"), *(f"--{option}" for option in options)],
            self.folder / "postgresql.log",
            lambda: _answers_select(programs, self.postgresql_port),
            user=_NOBODY if os.geteuid() == 0 else None,
        )

    def _redis(self) -> Process:
        options = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        return Process(
            "redis",
            ["redis-server", *options, "--dir", str(self.folder)],
            self.folder / "redis.log",
            lambda: _accepts(self.redis_port),
        )

    def _action_server(self, number: int, port: int) -> Process:
        return Process(
            f"action server {number}",
            [sys.executable, "-m", "actions.server"],
            self.folder / f"actions-{number}.log",
            lambda: _is_ready(port),
            {**self.environment, "SPARC_ACTION_PORT": str(port), "SPARC_PORT": str(self.chat_ports[0])},
        )

    def _chat_server(self, number: int, port: int, model: Path) -> Process:
        return Process(
            f"chat server {number}",
            [sys.executable, "-m", "bot.server", str(model)],
            self.folder / f"chat-{number}.log",
            lambda: _is_ready(port),
            {**self.environment, "SPARC_PORT": str(port), "SPARC_ACTION_PORT": str(self.action_ports[0])},
        )


@dataclass(frozen=True)
class Message:
    """One message; signed anew at each delivery, since a signature is good for five minutes."""

    identifier: str
    body: bytes
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers of one delivery."""
        return {"Content-Type": "application/json", **sign(self.secret, self.identifier, self.body)}


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers_select(programs: Path, port: int) -> bool:
    done = subprocess.run(
        [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)], check=False, timeout=10
    )
    return done.returncode == 0


def _is_ready(port: int) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{port}/health/ready", timeout=3) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
