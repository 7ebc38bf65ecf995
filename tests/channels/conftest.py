"""The hospital's webhook on a loopback port, over a real database, with a bot that the test decides on."""

from __future__ import annotations

import contextlib
import json
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sanic import Sanic

from bot.clock import Clock
from bot.enrollment import migrations
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.server.lazy import defer_unused_modules

defer_unused_modules()

from bot.channels.guard import RateLimit  # noqa: E402
from bot.channels.hospital import HospitalInput  # noqa: E402
from bot.channels.intake import OnMessage  # noqa: E402
from bot.channels.signature import sign  # noqa: E402

# Sanic rewrites its own methods when an application starts; only in test mode does it do so twice.
Sanic.test_mode = True

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CLOCK = Clock.from_environment({"SPARC_CLOCK": "2026-06-10T09:00:00+08:00"})


class StillTime:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: Any
    raw: str


@dataclass
class FakeBot:
    """Stands where Rasa's agent stands: keeps what it was given and answers by `behave`."""

    heard: list[Any] = field(default_factory=list)
    behave: Callable[[Any], Awaitable[None]] | None = None

    async def __call__(self, message: Any) -> None:
        self.heard.append(message)
        if self.behave is not None:
            await self.behave(message)
            return
        await greet(message, len(self.heard))


async def greet(message: Any, number: int = 1) -> None:
    custom = {"answer": "greeting", "about": None, "data": {"number": number}}
    await message.output_channel.send_response(message.sender_id, {"text": f"Good day, {number}.", "custom": custom})


class Hospital:
    """A hospital's chat that holds the secret."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self.address = address
        self._session = session

    @staticmethod
    def body(**changes: Any) -> bytes:
        """A good body with some fields changed; a field of `...` is left out."""
        data = {"account": "demo.chen", "conversation": "room-1", "direct": True, "text": "hello", **changes}
        kept = {key: value for key, value in data.items() if value is not ...}
        return json.dumps(kept, ensure_ascii=False).encode("utf-8", "surrogatepass")

    async def send(self, identifier: str | None = None, **changes: Any) -> Answered:
        """One message, signed as it should be."""
        return await self.deliver(self.body(**changes), identifier)

    async def deliver(self, body: bytes, identifier: str | None = None, moment: datetime | None = None) -> Answered:
        """Any bytes, signed as they should be."""
        return await self.post(body, signed(body, identifier, moment))

    async def post(self, body: bytes, headers: Any, path: str = "/webhooks/hospital/webhook") -> Answered:
        async with self._session.post(self.address + path, data=body, headers=headers) as reply:
            raw = await reply.text()
            return Answered(reply.status, {k.lower(): v for k, v in reply.headers.items()}, json.loads(raw), raw)


def signed(body: bytes, identifier: str | None = None, moment: datetime | None = None) -> dict[str, str]:
    """The headers of a signed request, for bodies of any bytes."""
    import base64
    import hashlib
    import hmac

    identifier = identifier or f"msg_{uuid.uuid4().hex}"
    headers = sign(SECRET, identifier, b"", moment)
    content = f"{identifier}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    given = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {**headers, "webhook-signature": f"v1,{given}"}


def now() -> datetime:
    return datetime.now(timezone.utc)


@contextlib.asynccontextmanager
async def serving(app: Sanic) -> AsyncIterator[str]:
    """Serves an application on a free port of loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False, debug=False)
    await server.startup()
    await server.before_start()
    await server.start_serving()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await server.before_stop()
        server.close()
        await server.wait_closed()
        await server.after_stop()


@contextlib.asynccontextmanager
async def hospital_of(channel: HospitalInput, bot: OnMessage) -> AsyncIterator[Hospital]:
    """The channel behind the hospital's address."""
    app = Sanic(f"test_{uuid.uuid4().hex}", configure_logging=False)
    app.config.KEEP_ALIVE_TIMEOUT = 1
    app.blueprint(channel.blueprint(bot), url_prefix="/webhooks/hospital")
    async with serving(app) as address, aiohttp.ClientSession() as session:
        yield Hospital(address, session)


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, made once."""
    path = tmp_path_factory.mktemp("channels") / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
async def database(demo_file: Path) -> AsyncIterator[Database]:
    """The demonstration's participants and staff; tests keep apart by message ids and rooms of their own."""
    async with Database(f"sqlite:///{demo_file}", CLOCK) as opened:
        await load_demo(opened)
        yield opened


@pytest.fixture
def time() -> StillTime:
    return StillTime()


@pytest.fixture
def limit(time: StillTime) -> RateLimit:
    return RateLimit(0, time)


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot()


@pytest.fixture
def channel(database: Database, limit: RateLimit) -> HospitalInput:
    return HospitalInput(SECRET, database, limit, lambda text: "blood" in text)


@pytest.fixture
async def hospital(channel: HospitalInput, bot: FakeBot) -> AsyncIterator[Hospital]:
    async with hospital_of(channel, bot) as opened:
        yield opened
