"""One rate limit over several chat servers, against a real Redis; without it each server limits for itself."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis import Redis as PlainRedis
from redis.exceptions import RedisError

from bot.channels.shared_rate import SharedRateLimit

SERVER = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@pytest.fixture(scope="module")
def redis() -> PlainRedis:
    found = PlainRedis.from_url(SERVER, socket_connect_timeout=2)
    try:
        found.ping()
    except (RedisError, OSError) as error:
        pytest.skip(f"no Redis to test on: {type(error).__name__}")
    return found


@pytest.fixture
def account() -> str:
    return f"li.wei-{uuid.uuid4().hex}"


@pytest.fixture
async def limits(redis: PlainRedis) -> AsyncIterator[list[SharedRateLimit]]:
    async with AsyncExitStack() as stack:
        made = [SharedRateLimit(10, SERVER, "whsec_x") for _ in range(2)]
        for limit in made:
            stack.push_async_callback(limit.close)
        yield made


async def test_two_servers_share_one_bucket(limits: list[SharedRateLimit], account: str) -> None:
    waits = await asyncio.gather(*(limits[number % 2].admit(account) for number in range(12)))
    assert sorted(wait > 0 for wait in waits) == [False] * 5 + [True] * 7
    assert all(wait <= 6.0 for wait in waits)


async def test_a_repetition_is_put_back(limits: list[SharedRateLimit], account: str) -> None:
    for _ in range(5):
        assert await limits[0].admit(account) == 0
    await limits[1].put_back(account)
    assert await limits[0].admit(account) == 0
    assert await limits[0].admit(account) > 0


async def test_putting_back_never_makes_more_than_a_burst(limits: list[SharedRateLimit], account: str) -> None:
    for _ in range(5):
        await limits[0].put_back(account)
    assert [await limits[0].admit(account) > 0 for _ in range(6)] == [False] * 5 + [True]


async def test_accounts_do_not_share(limits: list[SharedRateLimit], account: str) -> None:
    for _ in range(6):
        await limits[0].admit(account)
    assert await limits[0].admit(account + "b") == 0


async def test_redis_holds_no_names_and_forgets(limits: list[SharedRateLimit], account: str, redis: PlainRedis) -> None:
    before = set(redis.keys("sparc:rate:*"))
    await limits[0].admit(account)
    (key,) = set(redis.keys("sparc:rate:*")) - before
    assert account.encode() not in key
    assert 0 < redis.pttl(key) <= 30_000


async def test_no_limit_asks_nobody() -> None:
    limit = SharedRateLimit(0, "redis://127.0.0.1:9/0", "s")
    assert await limit.admit("a") == 0


async def test_without_redis_each_server_limits_for_itself(account: str) -> None:
    limit = SharedRateLimit(10, "redis://127.0.0.1:9/0", "s")
    assert [await limit.admit(account) > 0 for _ in range(6)] == [False] * 5 + [True]
    await limit.put_back(account)
    assert await limit.admit(account) == 0
    await limit.close()
