"""What stands between one of Rasa's connectors and the bot: who it is, how much, each message once, link codes."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from rasa.core.channels.channel import UserMessage
from sanic.exceptions import InvalidUsage

from bot.channels.exchange import Exchange, Turn, channel_phrases
from bot.channels.guard import MAX_BODY_BYTES, RateLimit, clean_text
from bot.channels.intake import Alarming, Intake, OnMessage
from bot.enrollment.database import Database
from bot.enrollment.messages import MessageKey
from bot.logs import place_of
from bot.nlu.language import detect_language

_LONGEST = 100
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Common:
    """What every connector works with."""

    secret: str
    database: Database
    limit: RateLimit
    alarming: Alarming
    emergency_number: str
    rooms: RateLimit | None = None


@dataclass(frozen=True)
class Sender:
    """What a connector's verified request says of a message; it travels as the message's metadata and nowhere else.

    Attributes:
        account: the chat's own id of the person, led by the connector's name.
        identifier: of the message: the same one again changes nothing.
    """

    account: str
    room: str
    direct: bool
    identifier: str


def sender_of(connector: str, user: Any, room: Any, direct: Any, identifier: Any) -> dict[str, Any]:
    """The metadata of a message.

    Raises:
        InvalidUsage: an id is missing or is no short printable text.
    """
    for value in (user, room, identifier):
        if (
            not isinstance(value, str)
            or not 0 < len(value) <= _LONGEST
            or not value.isprintable()
            or value.strip() != value
        ):
            raise InvalidUsage("expected ids of a user, a room and a message")
    return {"sender": Sender(f"{connector}:{user}", room, direct is True, identifier)}


class Guard:
    """Puts itself in the place of the bot that a connector calls."""

    def __init__(self, connector: str, common: Common) -> None:
        self._common = common
        self._exchange = Exchange(connector, common.secret, common.database, common.alarming)
        self._intake = Intake(connector, common.database, common.limit, common.alarming, common.rooms)

    def before(self, bot: OnMessage) -> OnMessage:
        """The bot as the connector gets to see it. A message without a verified sender is dropped."""

        async def guarded(message: UserMessage) -> None:
            sender = (message.metadata or {}).get("sender")
            text = clean_text(message.text or "")
            if not isinstance(sender, Sender) or not text:
                _log.warning("message without a sender or a text dropped")
                return
            for said in await self._reply(sender, text, bot):
                await say(message.output_channel, sender.room, said)

        return guarded

    async def _reply(self, sender: Sender, text: str, bot: OnMessage) -> list[str]:
        language = detect_language(text) or "en"
        if len(text.encode("utf-8")) > MAX_BODY_BYTES:
            numbers = {"phone": self._common.emergency_number, "number": self._common.emergency_number}
            return [channel_phrases().say("too_long", language, **numbers)]
        digest = hashlib.sha256(f"{sender.room}\x1f{text}".encode("utf-8", "replace")).hexdigest()
        turn = Turn(sender.account, sender.room, sender.direct, text)
        key = MessageKey(sender.identifier, sender.account, digest)
        room = None if sender.direct else sender.room
        outcome = await self._intake.take(key, text, lambda: self._exchange.answer(turn, bot), room)
        if outcome.status == 429:
            seconds = max(1, math.ceil(outcome.retry_after or 1))
            return [channel_phrases().say("slow_down", language, seconds=seconds, number=self._common.emergency_number)]
        if outcome.status != 200:
            raise RuntimeError("the message was not answered")
        return [with_suggestions(one, language) for one in outcome.body] if outcome.fresh else []


def with_suggestions(message: Mapping[str, Any], language: str) -> str:
    """A message's text, with its buttons as words to write."""
    options = [str(button["title"]) for button in message.get("buttons") or ()]
    text = str(message.get("text", ""))
    if not options:
        return text
    listed = ", ".join(f"“{option}”" for option in options)
    return f"{text}\n{channel_phrases().say('suggestions', language, options=listed)}"


async def say(output: Any, room: str, text: str) -> None:
    """Sends a text over one of Rasa's output channels, which block: in a thread, with a loop of its own.

    A blank line would make two messages of one.
    """
    text = "\n".join(line for line in text.split("\n") if line.strip())
    sending: Callable[[], Awaitable[None]] = lambda: output.send_text_message(room, text)  # noqa: E731

    def send() -> None:
        asyncio.run(_awaited(sending))

    try:
        await asyncio.to_thread(send)
    except Exception as error:
        _log.error("a reply was not delivered", where=place_of(error))


async def _awaited(sending: Callable[[], Awaitable[None]]) -> None:
    await sending()
