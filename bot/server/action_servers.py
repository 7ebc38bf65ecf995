"""Which action server a call goes to: each in turn, past those that cannot be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import aiohttp

from bot import tracing

#: How long a server that could not be reached is asked last, in seconds.
AVOID_SECONDS = 2.0


class ActionServers:
    """The addresses of one or several action servers (or of a balancer before them).

    Args:
        urls: where to post action calls.
        clock: seconds that only ever rise.
    """

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        if not urls:
            raise ValueError("at least one action server is needed")
        self._urls = list(urls)
        self._clock = clock
        self._next = 0
        self._avoided: dict[str, float] = {}

    def in_turn(self) -> list[str]:
        """All addresses in the order in which to try them; the first is another one at each call."""
        order = self._urls[self._next :] + self._urls[: self._next]
        self._next = (self._next + 1) % len(self._urls)
        now = self._clock()
        return sorted(order, key=lambda url: self._avoided.get(url, 0.0) > now)

    def avoid(self, url: str) -> None:
        """Asks this one last for a while."""
        self._avoided[url] = self._clock() + AVOID_SECONDS

    @asynccontextmanager
    async def post(self, session: aiohttp.ClientSession, data: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        """Posts a call to the first server that can be reached.

        A call that a server may have begun to work on is never sent to another one: it could have effects.

        Raises:
            aiohttp.ClientError: none could be reached, or the one that was broke off.
        """
        failure: aiohttp.ClientConnectorError | None = None
        for url in self.in_turn():
            try:
                reply = await session.post(url, data=data, headers=tracing.headers())
            except aiohttp.ClientConnectorError as error:  # no connection: nothing was sent
                self.avoid(url)
                failure = error
                continue
            async with reply:
                yield reply
            return
        assert failure is not None
        raise failure

    async def check(self, session: aiohttp.ClientSession) -> None:
        """Asks whether any server is ready.

        Raises:
            aiohttp.ClientError: none is.
        """
        failure: Exception | None = None
        for url in self._urls:
            try:
                async with session.get(urljoin(url, "/health/ready"), raise_for_status=True):
                    return
            except (aiohttp.ClientError, asyncio.TimeoutError) as error:
                failure = error
        assert failure is not None
        raise failure
