"""What is done about each event: rooms are entered and left, messages answered, each once."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from bot import tracing
from bot.alerts.push import Recipient
from bot.channels.exchange import Exchange, Turn
from bot.channels.guard import MAX_BODY_BYTES, RateLimit, clean_text
from bot.channels.inbox import Earlier, Later
from bot.channels.intake import Alarming, OnMessage
from bot.channels.matrix.client import ANSWERS, MatrixClient, Refused, Room
from bot.channels.matrix.events import of_interest
from bot.channels.matrix.messages import File, Messages
from bot.config_matrix import MatrixSettings
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.inbox import WaitingEvent, finish, keep_reply, known, take_in
from bot.logs import place_of
from bot.nlu.language import detect_language
from bot.phrases import Phrases

#: The name under which events are stored.
CHANNEL = "matrix"
#: A message that could not be answered so often gets an apology, so that those behind it are answered.
_MOST_FAILURES = 4
_WARNINGS_A_MINUTE = 2
#: How far back a message may lie that was never delivered; the ids of those that were are kept much longer.
_MISSED_SECONDS = 24 * 60 * 60
_ACTOR = Actor("matrix channel", "system")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Numbers:
    """The numbers that people in need are told."""

    team: str
    emergency: str


class MatrixService:
    """Deals with one stored event at a time a room; `work` is what `RoomQueues` calls."""

    def __init__(
        self,
        settings: MatrixSettings,
        client: MatrixClient,
        database: Database,
        exchange: Exchange,
        messages: Messages,
        phrases: Phrases,
        numbers: Numbers,
        limit: RateLimit,
        room_limit: RateLimit,
        alarming: Alarming,
        bot: OnMessage,
        taken_in: Callable[[Iterable[WaitingEvent]], None],
    ) -> None:
        self._settings = settings
        self._client = client
        self._database = database
        self._exchange = exchange
        self._messages = messages
        self._phrases = phrases
        self._numbers = numbers
        self._limit = limit
        self._room_limit = room_limit
        self._alarming = alarming
        self._bot = bot
        self._taken_in = taken_in
        name = re.escape(settings.user)
        self._name = re.compile(rf"(?<!\w){name}(?!\w)", re.IGNORECASE)
        self._called = re.compile(rf"\A\s*@?(?:{name}|sparc)(?: assistant)?\s*[:,]\s*", re.IGNORECASE)
        self._warnings = RateLimit(_WARNINGS_A_MINUTE, burst=1)
        # Of events that are being worked on: their replies, which were let pass, how often the bot failed them.
        self._made: dict[int, dict[str, Any]] = {}
        self._admitted: set[int] = set()
        self._failures: Counter[int] = Counter()

    async def work(self, event: WaitingEvent, failures: int) -> None:
        """Deals with an event; what the homeserver refuses for good is given up, with a line in the log."""
        try:
            await self._deal_with(event, failures)
        except Refused as refused:
            _log.warning("refused by the homeserver", kind=event.content.get("kind"), reply=str(refused))
        async with self._database.writing(_ACTOR, "event done") as session:
            await finish(session, event.number)
            await session.commit()
        self._made.pop(event.number, None)
        self._failures.pop(event.number, None)
        self._admitted.discard(event.number)

    async def _deal_with(self, event: WaitingEvent, failures: int) -> None:
        kind = event.content.get("kind")
        if kind == "invited":
            await self._enter(event)
            return
        room = await self._client.room(event.room)
        if room is None:
            return  # nobody there to answer to
        if kind == "left":
            if not room.others:
                await self._client.leave(event.room)
        elif kind == "encrypted" or room.encrypted:
            await self._decline(event)
        else:
            missed = await self._missed(event) if not failures else []
            if missed:
                raise Earlier(missed)
            await self._answer(event, room, failures)

    async def push(self, recipient: Recipient, message: Mapping[str, Any]) -> bool:
        """Says something unasked to who wrote in a direct room; False where they are not alone there any more."""
        room = await self._client.room(recipient.conversation)
        if room is None or room.encrypted or not room.direct or recipient.account not in room.others:
            return False
        said = json.dumps(message, sort_keys=True, default=str)
        for number, part in enumerate(self._messages.parts([message])):
            if not isinstance(part, File):
                await self._client.send(
                    recipient.conversation, _transaction(f"{recipient.tracker_id}{said}", number), part
                )
        return True

    # --- rooms ----------------------------------------------------------------------------------------------------

    async def _enter(self, event: WaitingEvent) -> None:
        """Accepts an invitation by people of our own servers, and declines all others."""
        if event.account.partition(":")[2] not in self._settings.friends:
            _log.info("invitation declined")
            await self._client.leave(event.room)
            return
        await self._client.join(event.room)
        room = await self._client.room(event.room)
        if room is None:
            return
        if room.encrypted:
            await self._decline(event)
            return
        if room.direct and not room.history_is_private:
            # Who is invited later would read what was said to the one who is here now.
            if room.may_hide_history:
                await self._client.hide_history(event.room)
            else:
                await self._say(event, "old_messages_shown")
        await self._catch_up(event)

    async def _catch_up(self, event: WaitingEvent) -> None:
        """Takes in what was said between the invitation and our joining, which a homeserver does not deliver."""
        since = itertools.takewhile(
            lambda one: one.get("event_id") != event.event_id, await self._client.last_events(event.room)
        )
        self._taken_in(await self._take_in(list(since)))

    async def _missed(self, event: WaitingEvent) -> list[WaitingEvent]:
        """What was said before a message and was never delivered, stored now.

        A homeserver that is killed can lose what it was about to hand over: Synapse notes an event as handed over
        before the transaction is stored.
        """
        last = await self._client.last_events(event.room)
        before = list(itertools.dropwhile(lambda one: one.get("event_id") != event.event_id, last))[1:]
        ids = [str(one.get("event_id")) for one in before]
        async with self._database.session() as session:
            seen = await known(session, CHANNEL, ids)
        missed = itertools.takewhile(lambda one: one.get("event_id") not in seen and not self._is_end(one), before)
        return await self._take_in(list(missed))

    def _is_end(self, event: Mapping[str, Any]) -> bool:
        """Whether what is before an event is none of ours: it is our joining, or older than deliveries are known."""
        if event.get("type") == "m.room.member" and event.get("state_key") == self._settings.user_id:
            return True
        moment = event.get("origin_server_ts")
        return not isinstance(moment, (int, float)) or time.time() - moment / 1000 > _MISSED_SECONDS

    async def _take_in(self, newest_first: list[dict[str, Any]]) -> list[WaitingEvent]:
        said = of_interest(reversed(newest_first), self._settings.user_id)
        messages = [one for one in said if one.content["kind"] != "left"]
        if not messages:
            return []
        async with self._database.writing(_ACTOR, "events") as session:
            fresh = await take_in(session, CHANNEL, messages)
            await session.commit()
        return fresh

    async def _decline(self, event: WaitingEvent) -> None:
        """Says why an encrypted room is of no use, and leaves it."""
        numbers = {"phone": self._numbers.team, "number": self._numbers.emergency}
        await self._say(event, "encrypted_room", **numbers)
        await self._client.leave(event.room)

    async def _say(self, event: WaitingEvent, phrase: str, **words: object) -> None:
        """A sentence of the channel's own, in both languages, to a room rather than in reply to words."""
        text = "\n".join(self._phrases.say(phrase, language, **words) for language in ("en", "zh"))
        await self._deliver(event, [{"text": text}], again=True)

    # --- messages -------------------------------------------------------------------------------------------------

    async def _answer(self, event: WaitingEvent, room: Room, failures: int) -> None:
        kept = self._made.get(event.number) or event.reply
        if kept is not None and kept["direct"] and not room.direct:
            kept = None  # made for one pair of eyes, and now there are more
        again = kept is not None or failures > 0
        if kept is None:
            # The same id at every try: a ticket that was opened before a crash is found again, not opened twice.
            with tracing.message(CHANNEL, tracing.id_of(CHANNEL, event.event_id, event.account)) as handled:
                messages = await self._reply(event, room)
                handled.update(status=200, reply=messages)
            if messages is None:
                return
            kept = {"direct": room.direct, "messages": messages}
            async with self._database.writing(_ACTOR, "reply") as session:
                await keep_reply(session, event.number, kept)
                await session.commit()
            self._made[event.number] = kept
            now = await self._client.room(event.room)
            if now is None:
                return
            if kept["direct"] and not now.direct:
                raise Later("somebody came into the room", 0.0)
        await self._deliver(event, kept["messages"], again, None if room.direct else event.event_id)

    async def _reply(self, event: WaitingEvent, room: Room) -> list[dict[str, Any]] | None:
        """The reply to a message; None where there is nothing to say."""
        text = event.content.get("text")
        cleaned = clean_text(text) if isinstance(text, str) else ""
        alarming = bool(cleaned) and self._alarming(cleaned)
        named = room.direct or not self._settings.mentioned_only or bool(event.content.get("named"))
        named = named or bool(self._name.search(cleaned))
        if not named and not alarming:
            return None
        language = detect_language(cleaned)
        words: dict[str, object] = {"phone": self._numbers.team, "number": self._numbers.emergency}
        if event.number not in self._admitted and not alarming:
            wait = await self._limit.admit(event.account)
            if not wait and not room.direct:
                wait = await self._room_limit.admit(event.room)
            if wait:
                if self._warnings.wait(event.account):
                    return None  # told already: a flood is not answered with a flood
                return self._own("slow_down", language, seconds=max(1, math.ceil(wait)), number=words["number"])
            self._admitted.add(event.number)
        if not cleaned:
            return self._own("text_only", language, **words)
        if len(cleaned.encode("utf-8")) > MAX_BODY_BYTES and not alarming:
            return self._own("too_long", language, **words)
        turn = Turn(event.account, event.room, room.direct, self._without_name(cleaned))
        try:
            return await self._exchange.answer(turn, self._bot)
        except Exception as error:
            self._failures[event.number] += 1
            if self._failures[event.number] < _MOST_FAILURES:
                raise
            _log.error("message given up", where=place_of(error))
            return self._own("failed", language, **words)

    def _own(self, phrase: str, language: str | None, **words: object) -> list[dict[str, Any]]:
        languages = ("en", "zh") if language is None else (language,)
        return [{"text": "\n".join(self._phrases.say(phrase, one, **words) for one in languages)}]

    def _without_name(self, text: str) -> str:
        """The text without the name by which the assistant was called ('@sparc:h when ...', 'SPARC Assistant: when ...')."""
        return clean_text(self._called.sub("", text.replace(self._settings.user_id, " ")).strip(" :,")) or text

    async def _deliver(
        self, event: WaitingEvent, messages: list[dict[str, Any]], again: bool, replied_to: str | None = None
    ) -> None:
        """Sends a reply, part by part, each once.

        Args:
            again: whether an earlier try may have delivered some of it: then the room is looked at first.
            replied_to: the event that the messages refer to, in rooms where somebody else may have asked.
        """
        there = await self._client.answered(event.room, event.event_id) if again else set()
        relation = _relation(event.content.get("thread"), replied_to or event.event_id, replied_to is not None)
        for number, part in enumerate(self._messages.parts(messages)):
            if number in there:
                continue
            if isinstance(part, File):
                part = part.content(await self._client.upload(part.data, part.kind, part.name))
            content = {**part, **relation, "m.mentions": {}, ANSWERS: {"event_id": event.event_id, "part": number}}
            await self._client.send(event.room, _transaction(event.event_id, number), content)


def _transaction(event_id: str, part: int) -> str:
    return hashlib.sha256(f"{event_id}\x1f{part}".encode()).hexdigest()[:40]


def _relation(thread: Any, event_id: str, quote: bool) -> Mapping[str, Any]:
    if isinstance(thread, str):
        relates = {"rel_type": "m.thread", "event_id": thread, "is_falling_back": True}
        return {"m.relates_to": {**relates, "m.in_reply_to": {"event_id": event_id}}}
    return {"m.relates_to": {"m.in_reply_to": {"event_id": event_id}}} if quote else {}
