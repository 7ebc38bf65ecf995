"""One message of a conversation at a time, in the order of arrival; other conversations do not wait."""

from __future__ import annotations

import asyncio

import pytest

from bot.server.locks import LocalLockStore


async def test_messages_of_a_conversation_follow_one_another_in_order() -> None:
    store, done, inside = LocalLockStore(), [], 0

    async def work(number: int) -> None:
        nonlocal inside
        async with store.lock("a"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            done.append(number)
            inside -= 1

    await asyncio.gather(*(work(number) for number in range(20)))
    assert done == list(range(20))


async def test_another_conversation_does_not_wait() -> None:
    store = LocalLockStore()

    async def work() -> str:
        async with store.lock("b"):
            return "done"

    async with store.lock("a"):
        assert await asyncio.wait_for(work(), timeout=5) == "done"


async def test_an_error_gives_the_conversation_back() -> None:
    store = LocalLockStore()
    with pytest.raises(ValueError, match="broken"):
        async with store.lock("a"):
            raise ValueError("broken")
    async with store.lock("a"):
        pass


async def test_who_gives_up_waiting_takes_nobodys_turn() -> None:
    store, done = LocalLockStore(), []

    async def work(number: int) -> None:
        async with store.lock("a"):
            done.append(number)

    async with store.lock("a"):
        waiting = [asyncio.create_task(work(number)) for number in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.sleep(0)
    await asyncio.wait(waiting)
    assert done == [0, 2]


async def test_a_conversation_nobody_waits_for_is_forgotten() -> None:
    store = LocalLockStore()
    for number in range(100):
        async with store.lock(f"room {number}"):
            pass
    assert (store._locks, store._waiting) == ({}, {})
