"""Works off what was stored: in order within a room, rooms beside each other, again after a failure and a restart."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog

from bot.enrollment.database import Database
from bot.enrollment.inbox import WaitingEvent, waiting
from bot.logs import place_of

#: Seconds until an event is tried again, by failure; the last one from then on.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_log = structlog.get_logger(__name__)


class Later(Exception):
    """What an event needs is not there right now.

    Attributes:
        seconds: after which it is worth trying again, where that was said.
    """

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class Earlier(Exception):
    """Events of the same room that were said before the one at work and have to be dealt with first; they are stored."""

    def __init__(self, events: list[WaitingEvent]) -> None:
        super().__init__(f"{len(events)} earlier events")
        self.events = events


#: Deals with one event; gets how often that has failed before. What it raises makes the event wait and come again.
Work = Callable[[WaitingEvent, int], Awaitable[None]]


class RoomQueues:
    """A queue a room, each worked off by a task of its own.

    Args:
        channel: whose stored events are worked off.
        sleep: waits between tries; a test's own does not.
    """

    def __init__(
        self, channel: str, database: Database, work: Work, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    ) -> None:
        self._channel = channel
        self._database = database
        self._work = work
        self._sleep = sleep
        self._queues: dict[str, deque[WaitingEvent]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped = False

    async def resume(self) -> int:
        """Takes up what an earlier process left; returns how many events that are."""
        async with self._database.session() as session:
            left = await waiting(session, self._channel)
        self.put(left)
        return len(left)

    def put(self, events: Iterable[WaitingEvent]) -> None:
        """Queues events that are stored; while the server stops they are left to the next one."""
        for event in () if self._stopped else events:
            self._queues.setdefault(event.room, deque()).append(event)
            if event.room not in self._tasks:
                self._tasks[event.room] = asyncio.create_task(self._room(event.room))

    def put_next(self, events: Iterable[WaitingEvent]) -> None:
        """Queues stored events of a room that is being worked on, right behind the one at work: they were said earlier."""
        for place, event in enumerate(events, start=1):
            self._queues[event.room].insert(place, event)

    async def idle(self) -> None:
        """Returns when every queue is empty."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def stop(self) -> None:
        """Stops; what is not done waits in the database."""
        self._stopped = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _room(self, room: str) -> None:
        queue = self._queues[room]
        try:
            while queue:
                try:
                    await self._done(queue[0])
                except Earlier as earlier:
                    queue.extendleft(reversed(earlier.events))
                else:
                    queue.popleft()
        finally:
            # No await between the last look at the queue and here: an event put in now starts a task of its own.
            del self._queues[room], self._tasks[room]

    async def _done(self, event: WaitingEvent) -> None:
        failures = 0
        while True:
            try:
                await self._work(event, failures)
                return
            except Earlier:
                raise
            except Later as later:
                pause = later.seconds
                _log.warning("event waits", channel=self._channel, why=str(later), failures=failures)
            except Exception as error:
                pause = None
                _log.error("event failed", channel=self._channel, where=place_of(error), failures=failures)
            await self._sleep(PAUSES[min(failures, len(PAUSES) - 1)] if pause is None else pause)
            failures += 1
