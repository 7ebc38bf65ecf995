"""Which action server a call goes to: each in turn, past those that cannot be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from bot import tracing
from bot.server.kept import KeptConnections, NotReached, Reply

#: How long a server that could not be reached is asked last, in seconds.
AVOID_SECONDS = 2.0
_CHECK_SECONDS = 2.0


class ActionServers:
    """The addresses of one or several action servers (or of a balancer before them).

    Args:
        urls: where to post action calls.
        headers: sent with every call.
        clock: seconds that only ever rise.
    """

    def __init__(
        self, urls: Sequence[str], headers: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not urls:
            raise ValueError("at least one action server is needed")
        self._urls = list(urls)
        self._connections = {url: KeptConnections(url, headers or {}) for url in urls}
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

    async def post(self, data: bytes, seconds: float) -> Reply:
        """Posts a call to the first server that can be reached.

        A call that a server may have begun to work on is never sent to another one: it could have effects.

        Raises:
            NotReached: none could be reached.
            BrokenOff: the one that was reached broke off.
            asyncio.TimeoutError: it did not answer in time.
        """
        failure: NotReached | None = None
        for url in self.in_turn():
            try:
                return await self._connections[url].post(data, tracing.headers(), seconds)
            except NotReached as error:  # nothing was sent
                self.avoid(url)
                failure = error
        assert failure is not None
        raise failure

    async def check(self) -> None:
        """Asks whether any server is ready.

        Raises:
            ConnectionError, asyncio.TimeoutError: none is.
        """
        failure: Exception | None = None
        for connections in self._connections.values():
            try:
                reply = await connections.get("/health/ready", _CHECK_SECONDS)
            except (ConnectionError, asyncio.TimeoutError) as error:
                failure = error
                continue
            if reply.status == 200:
                return
            failure = ConnectionError(f"status {reply.status}")
        assert failure is not None
        raise failure

    def close(self) -> None:
        """Closes the kept connections."""
        for connections in self._connections.values():
            connections.close()
