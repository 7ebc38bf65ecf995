"""A message delivered again gets the first reply again; nobody gets another's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clock import Clock
from bot.enrollment import messages
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.errors import Conflict
from bot.enrollment.messages import Claim, MessageKey

KEY = MessageKey("msg_1", "li.wei", "a" * 64)
CHANNEL = Actor("channel", "system")
REPLY = [{"recipient_id": "li.wei", "text": "您好", "custom": {"answer": "greeting"}}]


async def _claim(database: Database, key: MessageKey = KEY) -> Claim:
    now = database.clock.now()
    return await database.note(lambda connection: messages.claim(connection, key, now), durable=False)


async def _store(database: Database, reply: object, key: MessageKey = KEY) -> None:
    await database.note(lambda connection: messages.store_reply(connection, key, reply))


async def test_the_first_delivery_is_worked_on_and_the_next_gets_its_reply(database: Database) -> None:
    assert await _claim(database) == Claim(True, None)
    assert (await _claim(database)).busy
    await _store(database, REPLY)
    await _store(database, "another reply")
    assert await _claim(database) == Claim(False, REPLY)


@pytest.mark.parametrize(
    "other",
    [replace(KEY, webhook_id="msg_2"), replace(KEY, account="he.tao"), replace(KEY, body_hash="b" * 64)],
    ids=["id", "account", "body"],
)
async def test_another_message_is_another_message(database: Database, other: MessageKey) -> None:
    await _claim(database)
    await _store(database, REPLY)
    assert await _claim(database, other) == Claim(True, None)


async def test_of_many_deliveries_at_once_one_is_worked_on(database: Database) -> None:
    found = await asyncio.gather(*(_claim(database) for _ in range(8)))
    assert sorted(claim.new for claim in found) == [False] * 7 + [True]


async def test_a_claim_whose_worker_died_is_open_again(url: str, database: Database) -> None:
    await _claim(database)
    later = Clock(database.clock.now() + timedelta(minutes=3))
    async with Database(url, later) as reopened:
        assert await _claim(reopened) == Claim(True, None)


async def test_a_claim_given_back_is_open_again(database: Database) -> None:
    await _claim(database)
    await database.note(lambda connection: messages.release(connection, KEY))
    assert await _claim(database) == Claim(True, None)


async def test_a_claim_that_was_answered_is_not_given_back(database: Database) -> None:
    await _claim(database)
    await _store(database, REPLY)
    await database.note(lambda connection: messages.release(connection, KEY))
    assert await database.read(lambda connection: messages.stored_reply(connection, KEY)) == REPLY


async def test_a_message_without_a_reply_has_none(database: Database) -> None:
    assert await database.read(lambda connection: messages.stored_reply(connection, KEY)) is None
    await _claim(database)
    assert await database.read(lambda connection: messages.stored_reply(connection, KEY)) is None


async def test_a_reply_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(Conflict):
        await _store(database, REPLY)


async def test_old_messages_are_forgotten(database: Database) -> None:
    await _claim(database)
    await _store(database, REPLY)
    async with database.writing(CHANNEL, "message") as session:
        await messages.forget_messages(session, database.clock.now() + timedelta(seconds=1))
        await session.commit()
    assert (await _claim(database)).new


async def test_a_tracker_id_stays_with_its_conversation(database: Database) -> None:
    async with database.writing(CHANNEL, "message") as session:
        await messages.remember_conversation(session, "t", "room-1", "li.wei", True)
        await messages.remember_conversation(session, "t", "room-1", "li.wei", False)
        with pytest.raises(Conflict):
            await messages.remember_conversation(session, "t", "room-1", "he.tao", True)
