"""Events of a chat: taken in once, worked off in order, nothing left of them afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.clock import Clock
from bot.enrollment import removal
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.inbox import NewEvent, WaitingEvent, finish, forget_done, keep_reply, take_in, waiting

_SYSTEM = Actor("matrix", "system")


def _event(number: int, room: str = "!a", account: str = "@x:h", body: str = "hello") -> NewEvent:
    return NewEvent(f"$e{number}", room, account, {"body": body})


async def _take(database: Database, *events: NewEvent, channel: str = "matrix") -> list[WaitingEvent]:
    async with database.writing(_SYSTEM, "test") as session:
        found = await take_in(session, channel, events)
        await session.commit()
    return found


async def _waiting(database: Database, channel: str = "matrix") -> list[str]:
    async with database.session() as session:
        return [event.event_id for event in await waiting(session, channel)]


async def test_an_event_is_taken_in_once(database: Database) -> None:
    assert [e.event_id for e in await _take(database, _event(1), _event(2), _event(1))] == ["$e1", "$e2"]
    assert [e.event_id for e in await _take(database, _event(2), _event(3))] == ["$e3"]
    assert await _waiting(database) == ["$e1", "$e2", "$e3"]


async def test_channels_do_not_know_each_others_events(database: Database) -> None:
    await _take(database, _event(1))
    assert len(await _take(database, _event(1), channel="slack")) == 1
    assert await _waiting(database, "slack") == ["$e1"]


@pytest.mark.parametrize("body", ["你好 😀", "a\x00b", "\ud800", "'; DROP TABLE inbox_events; --"])
async def test_whatever_was_written_comes_back(database: Database, body: str) -> None:
    await _take(database, _event(1, body=body))
    async with database.session() as session:
        (found,) = await waiting(session, "matrix")
    assert found.content == {"body": body}
    assert (found.room, found.account, found.reply) == ("!a", "@x:h", None)


async def test_a_reply_is_kept_until_it_is_delivered_and_then_nothing_is_left(database: Database) -> None:
    (event,) = await _take(database, _event(1, body="my secret"))
    async with database.writing(_SYSTEM, "test") as session:
        await keep_reply(session, event.number, [{"text": "the answer"}])
        await session.commit()
    async with database.session() as session:
        assert (await waiting(session, "matrix"))[0].reply == [{"text": "the answer"}]
    async with database.writing(_SYSTEM, "test") as session:
        await finish(session, event.number)
        await session.commit()
    assert await _waiting(database) == []
    assert await _take(database, _event(1)) == []  # still known
    async with database.session() as session:
        row = (await session.execute(text("SELECT * FROM inbox_events"))).one()
    assert not [word for word in ("my secret", "the answer", "@x:h") if word in str(row)]


async def test_what_is_done_is_forgotten_after_a_while(database: Database) -> None:
    done, left = await _take(database, _event(1), _event(2))
    async with database.writing(_SYSTEM, "test") as session:
        await finish(session, done.number)
        await session.commit()
    month_after = Clock(database.clock.now() + timedelta(days=31))
    async with Database(database.url, month_after) as later, later.writing(_SYSTEM, "test") as session:
        await forget_done(session, month_after.now() - timedelta(days=30))
        await session.commit()
    assert [e.event_id for e in await _take(database, _event(1))] == ["$e1"]
    assert left.event_id in await _waiting(database)


async def test_what_a_participant_wrote_goes_with_them(database: Database, operator: Actor) -> None:
    await load_demo(database)
    await _take(database, _event(1, account="demo.chen", body="my secret"), _event(2, account="demo.liu"))
    async with database.writing(operator, "asked for") as session:
        await removal.erase(session, "P-0001")
        await session.commit()
    assert await _waiting(database) == ["$e2"]
