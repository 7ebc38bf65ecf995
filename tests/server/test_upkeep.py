"""What is old goes by itself, and by a command."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.commands.conversations import forget
from bot.config import Settings
from bot.enrollment import migrations
from bot.enrollment.database import Database
from bot.enrollment.messages import MessageKey, claim
from bot.enrollment.models import HandledMessage
from bot.server.conversations import conversations, events, open_conversations
from bot.server.upkeep import keep_tidy

DAY = 86_400.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings.from_environment({"SPARC_HOME": str(tmp_path), "SPARC_KEEP_DAYS": "30"})
    migrations.upgrade(found.database_url)
    return found


async def _talked(engine: AsyncEngine, **days_ago: float) -> None:
    async with engine.begin() as connection:
        for sender, days in days_ago.items():
            row = {"sender_id": sender, "slots": "{}", "recent": "[]", "updated": time.time() - days * DAY}
            await connection.execute(sa.insert(conversations).values(**row))
            await connection.execute(sa.insert(events).values(sender_id=sender, data="{}"))


async def _left(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        senders = set((await connection.execute(sa.select(conversations.c.sender_id))).scalars())
        assert senders == set((await connection.execute(sa.select(events.c.sender_id))).scalars())
    return senders


async def _replies(database: Database) -> int:
    async with database.session() as session:  # a new one each time: an open one goes on seeing what it saw first
        found: int = (await session.execute(sa.select(sa.func.count()).select_from(HandledMessage))).scalar_one()
    return found


async def test_old_conversations_and_replies_go_by_themselves(settings: Settings) -> None:
    engine = await open_conversations(settings.tracker_url)
    await _talked(engine, old=31, fresh=29)
    async with Database(settings.database_url, settings.clock) as database:
        long_ago = settings.clock.now().replace(year=2020)
        key = MessageKey("msg_1", "li.wei", "0" * 64)
        await database.note(lambda connection: claim(connection, key, long_ago))
        task = asyncio.create_task(keep_tidy(settings, database, engine, every=0.01))
        while await _left(engine) != {"fresh"}:
            await asyncio.sleep(0.01)
        while await _replies(database):
            await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await engine.dispose()


async def test_an_error_is_logged_and_does_not_end_it(settings: Settings) -> None:
    engine = await open_conversations(settings.tracker_url)
    async with engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE conversations"))
    async with Database(settings.database_url, settings.clock) as database:
        with capture_logs() as logs:
            task = asyncio.create_task(keep_tidy(settings, database, engine, every=0.01))
            while len(logs) < 2:
                await asyncio.sleep(0.01)
            task.cancel()
    assert {entry["event"] for entry in logs} == {"what is old could not be deleted"}
    await engine.dispose()


async def test_a_setting_of_0_keeps_for_ever(settings: Settings, tmp_path: Path) -> None:
    engine = await open_conversations(settings.tracker_url)
    await _talked(engine, old=4000)
    for_ever = Settings.from_environment({"SPARC_HOME": str(tmp_path), "SPARC_KEEP_DAYS": "0"})
    assert await forget(for_ever, None) == "0 conversations deleted"
    assert await _left(engine) == {"old"}
    assert await forget(for_ever, 3000) == "1 conversations deleted"
    assert await _left(engine) == set()
    await engine.dispose()
