"""Connectors in process over a real database, before a Slack that is played by a small server of our own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from sanic import Sanic

from bot.enrollment import writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.server.lazy import defer_unused_modules
from tests.helpers.slack import SIGNING_SECRET, TOKEN, Slack, SlackApi
from tests.helpers.synapse import free_port

defer_unused_modules()

from bot.channels.connectors.guarded import Common  # noqa: E402
from bot.channels.connectors.slack import GuardedSlack  # noqa: E402

from ..conftest import SECRET, FakeBot, RateLimit, serving  # noqa: E402


@pytest.fixture
async def api() -> AsyncIterator[tuple[SlackApi, str]]:
    played, app, port = SlackApi(), web.Application(), free_port()
    app.router.add_post("/api/chat.postMessage", played.post_message)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield played, f"http://127.0.0.1:{port}/api/"
    await runner.cleanup()


@pytest.fixture(scope="session")
async def people(database: Database) -> None:
    """Whose Slack accounts are linked."""
    async with database.writing(Actor("test", "administrator"), "test") as session:
        await writes.link_participant(session, "slack:T0HOSPITAL/U0PATIENT", "P-0001")
        await writes.link_staff(session, "slack:T0HOSPITAL/U0NURSE", "nurse")
        await writes.link_participant(session, "mattermost:u-patient", "P-0001")
        await writes.link_participant(session, "rocketchat:r-patient", "P-0002")
        await session.commit()


@pytest.fixture
def common(people: None, database: Database, limit: RateLimit) -> Common:
    return Common(SECRET, database, limit, lambda text: "blood" in text, "120")


async def _no_sleep(_seconds: float) -> None:
    return None


@pytest.fixture
async def slack(api: tuple[SlackApi, str], common: Common, bot: FakeBot) -> AsyncIterator[Slack]:
    credentials = {"slack_token": TOKEN, "slack_signing_secret": SIGNING_SECRET, "slack_api": api[1]}
    channel = GuardedSlack(credentials, common)
    channel.queues._sleep = _no_sleep
    app = Sanic(f"test_{uuid.uuid4().hex}", configure_logging=False)
    app.config.KEEP_ALIVE_TIMEOUT = 1
    app.blueprint(channel.blueprint(bot), url_prefix="/webhooks/slack")
    async with serving(app) as address, aiohttp.ClientSession() as session:
        yield Slack(address, session, channel, api[0])
        await channel.stop()
