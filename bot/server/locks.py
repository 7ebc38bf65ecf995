"""One lock a conversation: in one process here, over several in `bot.server.redis_locks`.

Rasa's in-memory ticket lock is polled once a second by whoever waits; an `asyncio.Lock` wakes the next at once and
keeps the order of arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from rasa.core.lock_store import LOCK_LIFETIME, LockStore

from bot.config import Settings


def lock_store_of(settings: Settings) -> LockStore:
    """The locks that the settings ask for: shared through Redis where one is named, else of this process."""
    if settings.redis_url is None:
        return LocalLockStore()
    from bot.server.redis_locks import RedisTurns

    return RedisTurns(settings.redis_url)


class LocalLockStore(LockStore):
    """Serialises the messages of a conversation; forgets a conversation when nobody waits."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    async def open(self) -> None:
        """Needs nothing."""

    async def close(self) -> None:
        """Holds nothing open."""

    @property
    def waiting(self) -> int:
        """Messages that hold a turn or wait for theirs."""
        return sum(self._waiting.values())

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = LOCK_LIFETIME, wait_time_in_seconds: float = 1
    ) -> AsyncGenerator[Any, None]:
        """Holds the conversation's lock; waiters get it in the order in which they came."""
        lock = self._locks.setdefault(conversation_id, asyncio.Lock())
        self._waiting[conversation_id] = self._waiting.get(conversation_id, 0) + 1
        try:
            async with lock:
                yield lock
        finally:
            self._waiting[conversation_id] -= 1
            if not self._waiting[conversation_id]:
                del self._waiting[conversation_id], self._locks[conversation_id]
