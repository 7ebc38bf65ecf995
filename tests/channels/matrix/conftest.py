"""The Matrix channel in process, over a real database, before a real homeserver and real clients."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sanic import Sanic

from bot.clock import Clock
from bot.config import Settings
from bot.enrollment import migrations, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.server.lazy import defer_unused_modules
from tests.helpers.synapse import SERVER_NAME, Synapse, free_port, homeserver_python

defer_unused_modules()

from bot.channels.guard import RateLimit  # noqa: E402
from bot.channels.matrix.build import build_matrix  # noqa: E402
from bot.channels.matrix.registration import registration  # noqa: E402

Sanic.test_mode = True

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CLOCK = Clock.from_environment({"SPARC_CLOCK": "2026-06-10T09:00:00+08:00"})
PEOPLE = ("li.wei", "zhang.min", "he.tao")
PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass
class Bot:
    """Stands where Rasa's agent stands: personal where it may be."""

    heard: list[Any] = field(default_factory=list)
    fails: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, message: Any) -> None:
        self.heard.append(message)
        if self.fails:
            self.fails -= 1
            raise RuntimeError(f"cannot answer {message.text}")
        who = message.metadata["identity"]
        about = who and who["participant"] if message.metadata["direct"] else None
        text = f"{message.text}: your visit is on 2026-06-15" if about else "nothing personal here"
        custom = {"answer": "next_visit" if about else "not_direct", "about": about, "data": {}, "language": "en"}
        reply = {"text": text, "custom": custom, **self.more}
        await message.output_channel.send_response(message.sender_id, reply)


class Limit(RateLimit):
    """A limit that a test sets."""

    def __init__(self) -> None:
        super().__init__(0, lambda: 0.0)

    def set(self, rate: int) -> None:
        super().__init__(rate, lambda: 0.0)


class Assistant:
    """The channel as one server runs it; it can be stopped and started again over the same database."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.bot = Bot()
        self.limit = Limit()
        self.channel: Any = None

    async def start(self) -> None:
        """Begins to answer, with nothing in memory."""
        alarming: Any = lambda text: "blood" in text  # noqa: E731
        self.channel = build_matrix(self.settings, self.database, self.limit, alarming, self.bot)
        app = Sanic(f"test_{uuid.uuid4().hex}", configure_logging=False)
        app.blueprint(self.channel.blueprint())
        options: dict[str, Any] = {"return_asyncio_server": True, "access_log": False, "debug": False}
        self._server = await app.create_server(host="127.0.0.1", port=self.settings.port, **options)
        await self._server.startup()
        await self.channel.start()
        await self._server.start_serving()

    async def stop(self) -> None:
        """Ends as a server that is killed: what is being worked on is not finished."""
        await self.channel.stop()
        self._server.close()
        for connection in list(self._server.connections):  # a process that dies takes them with it
            connection.transport.abort()
        await self._server.wait_closed()


def settings_for(home: Path, homeserver: str, port: int, **more: str) -> Settings:
    return Settings.from_environment(
        {
            "SPARC_HOME": str(home),
            "SPARC_PORT": str(port),
            "SPARC_WEBHOOK_SECRET": SECRET,
            "SPARC_CLOCK": "2026-06-10T09:00:00+08:00",
            "SPARC_MATRIX_HOMESERVER": homeserver,
            "SPARC_MATRIX_SERVER_NAME": SERVER_NAME,
            **more,
        }
    )


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A homeserver that knows the assistant and three people, once for all tests."""
    python, why = homeserver_python()
    if python is None:
        pytest.skip(f"no homeserver to test with: {why}")
    folder = tmp_path_factory.mktemp("synapse")
    server = Synapse(python, folder)
    settings = settings_for(folder / "home", server.address, free_port())
    server.configure(registration(settings))
    (folder / "port").write_text(str(settings.port))
    server.start()
    try:
        server.register(*PEOPLE)
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
async def matrix_database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """The demonstration's participants; li.wei is P-0001, zhang.min a nurse, he.tao nobody."""
    url = f"sqlite:///{tmp_path_factory.mktemp('matrix') / 'matrix.db'}"
    migrations.upgrade(url)
    async with Database(url, CLOCK) as opened:
        await load_demo(opened)
        async with opened.writing(Actor("test", "administrator"), "test") as session:
            await writes.link_participant(session, f"@li.wei:{SERVER_NAME}", "P-0001")
            await writes.link_staff(session, f"@zhang.min:{SERVER_NAME}", "nurse")
            await session.commit()
        yield opened


@pytest.fixture(scope="session")
async def running(synapse: Synapse, matrix_database: Database) -> AsyncIterator[Assistant]:
    """One assistant for all tests: a homeserver takes a while to come back to one that went away."""
    port = int((synapse.folder / "port").read_text())
    assistant = Assistant(settings_for(synapse.folder / "home", synapse.address, port), matrix_database)
    await assistant.start()
    yield assistant
    await assistant.stop()


@pytest.fixture
def assistant(running: Assistant) -> Assistant:
    running.bot.heard.clear()
    running.bot.fails, running.bot.more = 0, {}
    running.limit.set(0)
    return running


@pytest.fixture
def bot(assistant: Assistant) -> Bot:
    return assistant.bot
