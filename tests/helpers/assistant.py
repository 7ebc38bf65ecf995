"""The real servers, for tests: `./sparc run` as a user starts it, with a home and ports of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.commands.client import Client
from bot.commands.evaluate import Result, evaluate, load_dialogues
from bot.config import ROOT, Settings

#: Training on a busy build machine, and then two servers.
_START_SECONDS = 1200


@dataclass(frozen=True)
class Assistant:
    """A running assistant and its environment."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def printed(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def client(self) -> Client:
        return Client(self.settings)

    def say(self, account: str, text: str, conversation: str = "test", direct: bool = True) -> dict[str, Any]:
        """One message; the first message of the reply."""
        return self.client.send(account, conversation, text, direct)[0]

    def dialogues(self, path: Path) -> list[Result]:
        """Runs a file of dialogues."""
        return evaluate(load_dialogues(path), self.client.send)


def sparc(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of the command line, as `./sparc` runs it."""
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def free_port() -> int:
    """A port that nobody listens on, and neither on the one after it."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return int(port)
    raise RuntimeError("no two free ports side by side")


def environment_for(home: Path, **settings: str) -> dict[str, str]:
    """An environment for a home of its own; the model is the checkout's, so it is trained at most once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPARC_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "RASA_TELEMETRY_ENABLED": "false",
        "SPARC_HOME": str(home),
        "SPARC_PORT": str(free_port()),
        "SPARC_RATE": "0",
        **settings,
    }


@contextmanager
def running(environment: dict[str, str]) -> Iterator[Assistant]:
    """Starts `./sparc run` and waits until it says that it answers; stops it as Ctrl-C does."""
    log = Path(environment["SPARC_HOME"]) / "run.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "bot.cli", "run"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    try:
        while "answers on" not in log.read_text(encoding="utf-8"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        time.sleep(0.3)
        yield Assistant(environment, process, log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)


@contextmanager
def with_participants(folder: Path, clock: str, home: Path) -> Iterator[Assistant]:
    """An assistant with the participants and staff of a folder on file."""
    environment = environment_for(home, SPARC_CLOCK=clock)
    done = sparc(environment, "participants", "import", str(folder / "participants.csv"))
    assert done.returncode == 0, done.stderr
    for account, role in json.loads((folder / "accounts.json").read_text(encoding="utf-8")).items():
        done = sparc(environment, "link", account, "--staff", role)
        assert done.returncode == 0, done.stderr
    with running(environment) as assistant:
        yield assistant
