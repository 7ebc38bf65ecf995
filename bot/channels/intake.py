"""What channels share: a message is claimed, answered and its reply kept, each once; too many are turned away.

A message that was accepted is answered or refused with a clear error; the same one again gets the first reply again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from rasa.core.channels.channel import UserMessage

from bot import tracing
from bot.channels.guard import RateLimit
from bot.enrollment import messages
from bot.enrollment.database import Database
from bot.enrollment.messages import Claim, MessageKey
from bot.logs import place_of
from bot.tracing import timed

_log = structlog.get_logger(__name__)

#: The name of the tasks that handle messages: a server that stops waits for them.
WORK = "sparc message"
#: Hands a message to Rasa.
OnMessage = Callable[[UserMessage], Awaitable[Any]]
#: Whether a text holds an alarming symptom; such a message passes the rate limit.
Alarming = Callable[[str], bool]
#: Makes the reply to the one message it was made for.
Answering = Callable[[], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True)
class Outcome:
    """What came of a message: several deliveries of it may be waiting for the same one.

    Attributes:
        status: as of HTTP.
        body: the reply's messages, or `{"error": ...}`.
        retry_after: seconds after which the same message is worth sending again.
        fresh: whether the reply was made now, and not for an earlier delivery.
    """

    status: int
    body: Any
    retry_after: int | None = None
    fresh: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The header that tells when to send again, where there is one."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, self.retry_after))}


def refusal(status: int, text: str, retry_after: int | None = None) -> Outcome:
    """A message that is not answered, and why."""
    return Outcome(status, {"error": text}, retry_after)


class Intake:
    """Takes the messages of one channel in.

    Args:
        name: the channel, for the log.
        limit: of messages, by account.
        alarming: lets a message pass the limit.
        rooms: of messages, by room with others, where the channel has such rooms.
    """

    def __init__(
        self, name: str, database: Database, limit: RateLimit, alarming: Alarming, rooms: RateLimit | None = None
    ) -> None:
        self._name = name
        self._database = database
        self._limit = limit
        self._rooms = rooms
        self._alarming = alarming
        # Deliveries of one message that arrive together wait for the one piece of work, instead of being turned away.
        self._working: dict[MessageKey, asyncio.Task[Outcome]] = {}

    async def take(self, key: MessageKey, text: str, answering: Answering, room: str | None = None) -> Outcome:
        """The outcome of one delivery of a message; `room` is where it was written, if others are there too."""
        tracing.rename(_request_of(key))
        work = self._working.get(key)
        if work is None:
            work = self._working[key] = asyncio.create_task(self._work(key, text, answering, room), name=WORK)
            work.add_done_callback(lambda _: self._working.pop(key, None))
        # A caller that hangs up ends its handler, never the work: its next delivery finds the reply.
        return await asyncio.shield(work)

    async def _work(self, key: MessageKey, text: str, answering: Answering, room: str | None) -> Outcome:
        with tracing.message(self._name, _request_of(key)) as handled:
            try:
                outcome = await self._claim_and_answer(key, text, answering, room)
            except Exception as error:
                _log.error("message failed", channel=self._name, where=place_of(error))
                await self._give_back(key)
                outcome = refusal(503, "the message could not be answered; send it again", retry_after=2)
            handled.update(status=outcome.status, reply=outcome.body if outcome.fresh else None)
        return outcome

    async def _claim_and_answer(self, key: MessageKey, text: str, answering: Answering, room: str | None) -> Outcome:
        limited = await self._admit(key.account, room)
        if limited and not self._alarming(text):
            # Before the claim: turning a flood away must not take the one writer's lock from everybody else.
            return await self._earlier(key) or refusal(429, "too many messages", retry_after=math.ceil(limited))
        claim = await self._claim(key)
        if not claim.new and not limited:
            await self._limit.put_back(key.account)
            if room is not None and self._rooms is not None:
                await self._rooms.put_back(room)
        if claim.reply is not None:
            return Outcome(200, claim.reply)
        if claim.busy:
            return refusal(503, "the message is being answered; send it again", retry_after=2)
        reply = await answering()
        await self._keep(key, reply)
        return Outcome(200, reply, fresh=True)

    async def _admit(self, account: str, room: str | None) -> float:
        """Takes one message of an account, and of a room with others; else the seconds until the next may pass."""
        # Counted in one step: messages that arrive together must not all see the same space left.
        limited = await self._limit.admit(account)
        if limited or room is None or self._rooms is None:
            return limited
        crowded = await self._rooms.admit(room)
        if crowded:
            await self._limit.put_back(account)
        return crowded

    async def _earlier(self, key: MessageKey) -> Outcome | None:
        """The outcome of a message that was answered before; a repetition is never 'too many'."""
        reply = await self._database.read(lambda connection: messages.stored_reply(connection, key))
        return None if reply is None else Outcome(200, reply)

    @timed("claim")
    async def _claim(self, key: MessageKey) -> Claim:
        now = self._database.clock.now()
        # A claim that a loss of power undoes is no harm: nothing was answered, and the message will be sent again.
        return await self._database.note(lambda connection: messages.claim(connection, key, now), durable=False)

    @timed("reply")
    async def _keep(self, key: MessageKey, reply: Any) -> None:
        await self._database.note(lambda connection: messages.store_reply(connection, key, reply))

    async def _give_back(self, key: MessageKey) -> None:
        """Opens the message to the next delivery; where even that fails, the claim runs out by itself."""
        try:
            await self._database.note(lambda connection: messages.release(connection, key))
        except Exception as error:
            _log.error("claim not given back", channel=self._name, where=place_of(error))


def _request_of(key: MessageKey) -> str:
    return tracing.id_of(key.webhook_id, key.account, key.body_hash)
