"""`./sparc run`: everything on one machine; one address, one Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bot.config import ROOT, Settings
from bot.errors import StartupError
from bot.training import current_model, ensure_model

#: A server that is not up by then will not come up.
_START_SECONDS = 120
_STOP_SECONDS = 35
_TAIL_LINES = 25
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A server of ours as a process.

    Attributes:
        health: the address that answers 200 once it is up.
        log: where it writes.
    """

    name: str
    command: Sequence[str]
    health: str
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, settings: Settings) -> None:
        """Starts it; it dies with this process, however that ends."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "RASA_TELEMETRY_ENABLED": "false",
            "SETUPTOOLS_USE_DISTUTILS": "stdlib",  # else one import of distutils brings setuptools along
            "PYTHONWARNINGS": "ignore",  # Rasa's own deprecations; the tests keep ours out
            "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
            "PYTHONPATH": str(ROOT),
            "SPARC_HOME": str(settings.home),
            "SPARC_MODELS": str(settings.models),
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop it in order
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def let_serve(self) -> None:
        """Tells it that what it was told to wait for is there (`--wait`)."""
        if self.process is not None and self.process.stdin is not None and not self.process.stdin.closed:
            with contextlib.suppress(OSError):  # it has ended; that is found out where its health is asked
                self.process.stdin.write(b"\n")
                self.process.stdin.close()

    def ended(self) -> bool:
        """Whether it has stopped by itself."""
        return self.process is not None and self.process.poll() is not None

    def tail(self) -> str:
        """Its last log lines."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.is_file() else ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def answers(self) -> bool:
        """Whether its health address says 200."""
        # Without the proxy that the environment may name: it cannot reach this machine's loopback.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(self.health, timeout=2) as reply:
                return bool(reply.status == 200)
        except (OSError, http.client.HTTPException):  # URLError is an OSError
            return False

    def stop(self) -> None:
        """Ends it, gently first."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(settings: Settings, tell: Callable[[str], None]) -> None:
    """Prepares database and model, starts both servers, waits until one is stopped or dies.

    Raises:
        StartupError: a port is taken, something could not be started, or a server died.
    """
    os.umask(0o077)  # what patients wrote, secrets and logs are the owner's alone; the servers inherit it
    require_free_port(settings.host, settings.port, "SPARC_PORT")
    require_free_port("127.0.0.1", settings.action_port, "SPARC_ACTION_PORT")
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.signing_secret(), settings.action_token()
    model = current_model(settings)
    children: list[Child] = []
    try:
        if model is not None:
            # Most of a start is loading. They do that while the database is prepared, and serve when they are told to.
            children = _started(settings, model)
        tell("Preparing the database")
        demo, links = _prepared(settings, tell)
        if model is None:
            children = _started(settings, ensure_model(settings, tell))
        stopping = _Stop()
        tell("Starting the action server and the chat server")
        for child in children:
            child.let_serve()
        _wait_until_up(children, stopping)
        if not stopping.asked:
            _say_ready(settings, demo, links, tell)
        while not stopping.asked:
            _raise_if_dead(children)
            time.sleep(0.2)
        tell("Stopping")
    finally:
        for child in reversed(children):
            child.stop()


def _started(settings: Settings, model: Path) -> list[Child]:
    children = [_action_server(settings), _chat_server(settings, model)]
    for child in children:
        child.start(settings)
    return children


def _prepared(settings: Settings, tell: Callable[[str], None]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Puts the database in order; the demo's accounts and links, where it is one."""
    from bot.commands.upkeep import put_in_order

    put_in_order(settings, tell)
    return asyncio.run(_demo(settings)) if settings.demo else ({}, [])


class _Stop:
    """Remembers that somebody asked to stop (Ctrl-C, or a service manager)."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def require_free_port(host: str, port: int, setting: str) -> None:
    """Checks that a port can be listened on.

    Raises:
        StartupError: it is taken or not ours to take, or there is no such host; the message names the setting that
            changes it.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except (OSError, UnicodeError):
        raise StartupError(f"SPARC_HOST: expected an address of this machine, found {host!r}") from None
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartupError(
                f"port {port} on {host} cannot be used ({error.strerror}); stop what uses it, or set {setting}"
            ) from None


def _action_server(settings: Settings) -> Child:
    return Child(
        "action server",
        [sys.executable, "-m", "actions.server", "--wait"],
        f"http://127.0.0.1:{settings.action_port}/health/ready",
        settings.home / "logs" / "actions.log",
    )


def _chat_server(settings: Settings, model: Path) -> Child:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    return Child(
        "chat server",
        [sys.executable, "-m", "bot.server", str(model), "--wait"],
        f"http://{host}:{settings.port}/health/ready",
        settings.home / "logs" / "chat.log",
    )


async def _demo(settings: Settings) -> tuple[dict[str, str], list[tuple[str, str]]]:
    from bot.commands.web import demo_links
    from bot.enrollment.database import Database
    from bot.enrollment.demo import load_demo

    async with Database(settings.database_url, clock=settings.clock) as database:
        return await load_demo(database), await demo_links(settings, database)


def _wait_until_up(children: Sequence[Child], stopping: _Stop) -> None:
    deadline = time.monotonic() + _START_SECONDS
    waiting = list(children)
    while waiting and not stopping.asked:
        _raise_if_dead(children)
        waiting = [child for child in waiting if not child.answers()]
        if waiting and time.monotonic() > deadline:
            child = waiting[0]
            raise StartupError(
                f"the {child.name} did not answer within {_START_SECONDS} s; its last lines:\n{child.tail()}"
            )
        time.sleep(0.05)


def _raise_if_dead(children: Sequence[Child]) -> None:
    for child in children:
        if child.ended():
            assert child.process is not None
            code = child.process.returncode
            raise StartupError(f"the {child.name} ended (exit {code}); its last lines ({child.log}):\n{child.tail()}")


def _say_ready(
    settings: Settings, demo: dict[str, str], links: Sequence[tuple[str, str]], tell: Callable[[str], None]
) -> None:
    tell(f"SPARC Assistant answers on http://{settings.host}:{settings.port}")
    if links:
        tell("Open the chat page in a browser, as")
    for who, link in links:
        tell(f"  {who + ':':22} {link}")
    if not settings.alerts.line:
        tell("  Nobody of the team is notified of tickets: no outlet is configured (SPARC_ALERT_LINE).")
    patient = next((account for account, who in demo.items() if who.startswith("P-")), None)
    staff = next((account for account, who in demo.items() if who == "coordinator"), None)
    if patient is None or staff is None:
        tell("  Link an account first, for example:  ./sparc link my.account --staff coordinator")
        tell('  Then try:  ./sparc ask --as my.account "how is recruitment going?"')
        return
    note = "58M, ECOG 1, cT3N1M0, MSS, 6 cm from the anal verge, adenocarcinoma"
    tell("Try, in another terminal:")
    tell(f'  ./sparc ask --as {patient} "When is my next visit?"')
    tell(f"  ./sparc ask --as {staff} {json.dumps(note)}")
    tell(f"  ./sparc chat --as {patient}")
    tell("Stop with Ctrl-C.")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
