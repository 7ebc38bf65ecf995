"""One message of a conversation at a time over several servers: order, death, lost Redis. Against a real Redis."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis import Redis as PlainRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.server.redis_locks import RedisTurns, TurnLost

#: A Redis to test on; tests use keys of their own.
SERVER = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@pytest.fixture(scope="module", autouse=True)
def _redis_is_there() -> None:
    try:
        PlainRedis.from_url(SERVER, socket_connect_timeout=2).ping()
    except (RedisError, OSError) as error:
        pytest.skip(f"no Redis to test on: {type(error).__name__}")


@pytest.fixture
def room() -> str:
    return f"hospital-{uuid.uuid4().hex}"


@pytest.fixture
async def servers() -> AsyncIterator[list[RedisTurns]]:
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(2):
            turns = RedisTurns(SERVER, lease=0.6, patience=5.0)
            await turns.open()
            stack.push_async_callback(turns.close)
            opened.append(turns)
        yield opened


async def _until_queued(room: str, count: int) -> None:
    async with Redis.from_url(SERVER) as redis:
        while await redis.llen(f"sparc:turn:{{{room}}}:queue") < count:
            await asyncio.sleep(0.001)


async def test_messages_through_two_servers_follow_one_another_in_the_order_of_arrival(
    servers: list[RedisTurns], room: str
) -> None:
    done: list[int] = []
    inside = 0

    async def work(number: int) -> None:
        nonlocal inside
        async with servers[number % 2].lock(room):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.002)
            done.append(number)
            inside -= 1

    async with servers[0].lock(room):
        tasks = []
        for number in range(20):
            tasks.append(asyncio.create_task(work(number)))
            await _until_queued(room, number + 2)
    await asyncio.gather(*tasks)
    assert done == list(range(20))


async def test_messages_that_arrive_together_at_one_server_keep_their_order(
    servers: list[RedisTurns], room: str
) -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        async with servers[0].lock(room):
            done.append(number)

    await asyncio.gather(*(work(number) for number in range(30)))
    assert done == list(range(30))


async def test_another_conversation_does_not_wait(servers: list[RedisTurns], room: str) -> None:
    async with servers[0].lock(room), servers[1].lock(room + "b"), servers[0].lock(room + "c"):
        pass


async def test_nothing_is_left_in_redis(servers: list[RedisTurns], room: str) -> None:
    async with servers[0].lock(room):
        pass
    async with Redis.from_url(SERVER) as redis:
        assert await redis.keys(f"*{room}*") == []


async def test_who_gives_up_waiting_takes_nobodys_turn(servers: list[RedisTurns], room: str) -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        async with servers[number % 2].lock(room):
            done.append(number)

    async with servers[0].lock(room):
        waiting = []
        for number in range(3):
            waiting.append(asyncio.create_task(work(number)))
            await _until_queued(room, number + 2)
        waiting[1].cancel()
        await asyncio.wait([waiting[1]])
    await asyncio.wait(waiting)
    assert done == [0, 2]


async def test_a_long_piece_of_work_keeps_its_turn(servers: list[RedisTurns], room: str) -> None:
    done: list[str] = []

    async def other() -> None:
        async with servers[1].lock(room):
            done.append("second")

    async with servers[0].lock(room):
        task = asyncio.create_task(other())
        await asyncio.sleep(1.5)  # more than two leases
        done.append("first")
    await task
    assert done == ["first", "second"]


async def test_a_server_that_dies_leaves_its_turn_to_the_next(servers: list[RedisTurns], room: str) -> None:
    async with Redis.from_url(SERVER) as redis:  # what a killed process leaves: a head that nobody renews
        await redis.rpush(f"sparc:turn:{{{room}}}:queue", "dead.1")
        await redis.eval(
            "local c = redis.call('TIME') redis.call('ZADD', KEYS[1], c[1] * 1000 + c[2] / 1000 + 400, 'dead.1')",
            1,
            f"sparc:turn:{{{room}}}:leases",
        )

    async def work() -> str:
        async with servers[0].lock(room):
            return "done"

    assert await asyncio.wait_for(work(), timeout=5) == "done"


async def test_a_turn_that_takes_too_long_to_come_is_an_error(room: str) -> None:
    hasty, slow = RedisTurns(SERVER, lease=0.3, patience=0.3), RedisTurns(SERVER, lease=5)
    await hasty.open()
    await slow.open()
    try:
        async with slow.lock(room):
            with pytest.raises(TurnLost, match="too long"):
                async with hasty.lock(room):
                    pass
    finally:
        await hasty.close()
        await slow.close()


async def test_a_turn_that_was_lost_breaks_the_work_off(servers: list[RedisTurns], room: str) -> None:
    with pytest.raises(TurnLost, match="lost"):
        async with servers[0].lock(room):
            async with Redis.from_url(SERVER) as redis:
                await redis.delete(f"sparc:turn:{{{room}}}:queue", f"sparc:turn:{{{room}}}:leases")
            await asyncio.sleep(30)


async def test_without_redis_there_is_no_turn_and_a_clear_error(room: str) -> None:
    turns = RedisTurns("redis://127.0.0.1:9/0")
    await turns.open()
    try:
        with pytest.raises(TurnLost, match="Redis cannot be reached"):
            async with turns.lock(room):
                pytest.fail("worked without a turn")
        with pytest.raises((RedisError, OSError)):
            await turns.ping()
    finally:
        await turns.close()


async def test_an_error_inside_gives_the_turn_back(servers: list[RedisTurns], room: str) -> None:
    with pytest.raises(ValueError, match="broken"):
        async with servers[0].lock(room):
            raise ValueError("broken")
    async with servers[1].lock(room):
        pass


async def test_turns_that_were_not_opened_say_so() -> None:
    with pytest.raises(RuntimeError, match="open"):
        async with RedisTurns(SERVER).lock("a"):
            pass
