"""One message of a conversation at a time, over several chat servers: a queue a conversation in Redis.

Rasa's own Redis lock is not atomic (two servers at once drew the same ticket in 266 of 300 tries) and its waiters poll
once a second. Here each step is one script, which Redis runs as a whole: a message enters its conversation's queue, the
head of the queue may work, and who leaves wakes the next by a notification. Everybody in a queue holds a lease and renews
it; a server that dies leaves tokens whose lease runs out, and the next one goes on.

Without Redis nobody gets a turn: the message is refused with a clear error and its claim given back, so that the chat sends
it again. It is never worked on out of its order.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from rasa.core.lock_store import LOCK_LIFETIME, LockError, LockStore
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.logs import place_of

#: How long a token counts without being renewed, in seconds: so long a conversation stands still after a server died.
LEASE_SECONDS = 9.0
#: How long a message waits for its turn before its sender is told to send it again, in seconds.
PATIENCE_SECONDS = 45.0
_PREFIX = "sparc:turn"
_log = structlog.get_logger(__name__)

# KEYS: the queue (list of tokens) and the leases (token -> end in ms). A token is `SERVER.NUMBER`; the part before
# the dot names the channel on which its server listens. Tokens whose lease has ended are dropped from the head only:
# further back they hinder nobody.
_HEAD = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function head()
  while true do
    local first = redis.call('LINDEX', KEYS[1], 0)
    if not first then return false end
    local ends = redis.call('ZSCORE', KEYS[2], first)
    if ends and tonumber(ends) > now then return first end
    redis.call('LPOP', KEYS[1])
    redis.call('ZREM', KEYS[2], first)
  end
end
local function stay(token, lease)
  redis.call('ZADD', KEYS[2], now + lease, token)
  redis.call('PEXPIRE', KEYS[1], lease * 2)
  redis.call('PEXPIRE', KEYS[2], lease * 2)
  if head() == token then return 1 end
  return 0
end
"""
#: Takes a place at the end; 1 if it is the head already, else 0.
_ENTER = _HEAD + "redis.call('RPUSH', KEYS[1], ARGV[1]) return stay(ARGV[1], tonumber(ARGV[2]))"
#: Renews the lease; 1 at the head, 0 behind others, -1 where the place is lost.
_STAY = (
    _HEAD + "if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return -1 end return stay(ARGV[1], tonumber(ARGV[2]))"
)
#: Gives the place up and wakes the next; 1 if the place was still there.
_LEAVE = (
    _HEAD
    + """
local had = redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('LREM', KEYS[1], 1, ARGV[1])
local next = head()
if next then redis.call('PUBLISH', ARGV[2] .. string.match(next, '^[^.]*'), next) end
return had
"""
)


class TurnLost(LockError):  # type: ignore[misc]
    """The message has no turn: Redis cannot be reached, or the lease ran out. The sender may send it again."""


class RedisTurns(LockStore):  # type: ignore[misc]
    """Serialises the messages of a conversation over all servers that share one Redis, in the order of arrival.

    Args:
        url: address of Redis.
        lease, patience: see `LEASE_SECONDS` and `PATIENCE_SECONDS`.
    """

    def __init__(self, url: str, lease: float = LEASE_SECONDS, patience: float = PATIENCE_SECONDS) -> None:
        self._url = url
        self._lease = lease
        self._patience = patience
        self._server = secrets.token_hex(8)
        self._redis: Redis | None = None
        self._listener: asyncio.Task[None] | None = None
        self._waiting: dict[str, asyncio.Event] = {}

    async def open(self) -> None:
        """Prepares the connections; called once inside the serving loop. Redis need not be there yet."""
        # One connection, whose commands follow one another: two messages of one conversation that arrive here enter
        # the queue in the order in which they came.
        self._redis = Redis.from_url(
            self._url, single_connection_client=True, socket_timeout=3.0, socket_connect_timeout=3.0
        )
        self._enter = self._redis.register_script(_ENTER)
        self._stay = self._redis.register_script(_STAY)
        self._leave = self._redis.register_script(_LEAVE)
        self._listener = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Closes the connections."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        if self._redis is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._redis.close()
            self._redis = None

    @property
    def waiting(self) -> int:
        """Messages that wait for their turn here."""
        return len(self._waiting)

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = LOCK_LIFETIME, wait_time_in_seconds: float = 1
    ) -> AsyncGenerator[Any, None]:
        """Holds the conversation's turn.

        Raises:
            TurnLost: Redis cannot be reached, the wait was too long, or the lease was lost while the turn was held;
                then the work inside was broken off.
        """
        if self._redis is None:
            raise RuntimeError("RedisTurns.open() was not awaited before the first message")
        place = _Place(conversation_id, f"{self._server}.{secrets.token_hex(8)}")
        try:
            await self._come_to_turn(place)
            keeper = asyncio.create_task(self._keep(place, asyncio.current_task()))
            try:
                yield place.token
            except asyncio.CancelledError:
                if place.lost:
                    raise TurnLost("the conversation's turn was lost") from None
                raise
            finally:
                keeper.cancel()
        finally:
            # The place is given up even if the caller is cancelled just now; others wait for it.
            await asyncio.shield(self._give_up(place))

    async def _come_to_turn(self, place: _Place) -> None:
        woken = self._waiting[place.token] = asyncio.Event()
        until = time.monotonic() + self._patience
        try:
            place.renewed = time.monotonic()
            state = await self._ask(self._enter, place)
            while state == 0:
                if time.monotonic() > until:
                    raise TurnLost("the messages before this one take too long")
                with contextlib.suppress(asyncio.TimeoutError):
                    # A notification may get lost with its connection: a renewal looks for itself.
                    await asyncio.wait_for(woken.wait(), self._lease / 3)
                woken.clear()
                place.renewed = time.monotonic()
                state = await self._ask(self._stay, place)
            if state < 0:
                raise TurnLost("the place in the conversation's queue was lost")
        finally:
            del self._waiting[place.token]

    async def _keep(self, place: _Place, worker: asyncio.Task[Any] | None) -> None:
        """Renews the lease while the turn is held; breaks the work off where that is no longer sure."""
        while True:
            await asyncio.sleep(self._lease / 3)
            began = time.monotonic()
            try:
                held = await self._ask(self._stay, place) == 1
            except TurnLost:
                # Nobody else can have the turn before the lease has ended.
                held = began - place.renewed < self._lease * 2 / 3
            else:
                place.renewed = began
            if not held:
                place.lost = True
                _log.error("a conversation's turn was lost")
                if worker is not None:
                    worker.cancel()
                return

    async def _give_up(self, place: _Place) -> None:
        try:
            await self._leave(keys=place.keys, args=[place.token, f"{_PREFIX}:wake:"])
        except (RedisError, OSError) as error:
            # What was worked on stands: an error now would have it done again. The lease ends by itself.
            _log.warning("a conversation's turn could not be given up", where=place_of(error)[:1])

    async def _ask(self, script: Any, place: _Place) -> int:
        try:
            return int(await script(keys=place.keys, args=[place.token, int(self._lease * 1000)]))
        except (RedisError, OSError, asyncio.TimeoutError) as error:
            raise TurnLost(f"Redis cannot be reached ({type(error).__name__})") from error

    async def _listen(self) -> None:
        """Wakes those whose turn has come; a lost connection is made again."""
        while True:
            try:
                redis = Redis.from_url(self._url, socket_connect_timeout=3.0, health_check_interval=10)
                async with redis, redis.pubsub(ignore_subscribe_messages=True) as calls:
                    await calls.subscribe(f"{_PREFIX}:wake:{self._server}")
                    self._wake_all()  # what was said while nobody listened is looked up
                    while True:
                        call = await calls.get_message(timeout=10)
                        if call is not None and (event := self._waiting.get(call["data"].decode())) is not None:
                            event.set()
            except (RedisError, OSError) as error:
                _log.warning("Redis does not answer", where=place_of(error)[:1])
                await asyncio.sleep(0.5)

    def _wake_all(self) -> None:
        for event in self._waiting.values():
            event.set()

    async def ping(self) -> None:
        """Asks whether Redis is there.

        Raises:
            RedisError, OSError: it is not.
        """
        assert self._redis is not None
        await self._redis.ping()


class _Place:
    """A message's place in its conversation's queue."""

    def __init__(self, conversation: str, token: str) -> None:
        self.token = token
        # The braces keep both keys of a conversation on one node of a cluster.
        self.keys = [f"{_PREFIX}:{{{conversation}}}:queue", f"{_PREFIX}:{{{conversation}}}:leases"]
        self.renewed = 0.0
        self.lost = False
