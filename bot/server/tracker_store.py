"""Where conversations are kept: every event on disk, the last turns in memory.

Rasa's SQL store loads the whole session for each message, so a conversation becomes slower with every turn. All that
our dialogue needs from the past is the slots and the last turns: a row a conversation holds just these, the full
history is appended to `conversation_events` and read only for export.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.server.conversations import ConversationUnits, forget_before, open_conversations
from bot.server.conversations import conversations as _conversations
from bot.server.conversations import events as _events
from bot.server.events import event_of

#: Turns that a retrieved tracker shows: rules and the end of a session look at nothing before the last one.
WINDOW_TURNS = 1


class ConversationStore(TrackerStore):  # type: ignore[misc]
    """A tracker store whose cost does not grow with the length of a conversation.

    Every method raises what the database raises: a failed read or write must reach the channel as an error.
    """

    def __init__(self, domain: Domain | None, url: str) -> None:
        super().__init__(domain)
        self._url = url
        self._engine: AsyncEngine | None = None
        self._units: ConversationUnits | None = None

    async def open(self) -> None:
        """Connects and creates the tables; called once inside the serving loop."""
        self._engine = await open_conversations(self._url)
        self._units = ConversationUnits(self._engine)

    async def close(self) -> None:
        """Closes all connections."""
        if self._units is not None:
            await self._units.close()
            self._engine = self._units = None

    @property
    def engine(self) -> AsyncEngine:
        """The connections, for checks and for deletions."""
        return self._connected()

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The conversation with its slots and last turns, or None where there was none."""
        row = await self._opened().read(lambda connection: connection.execute(_ROW, {"sender": sender_id}).first())
        if row is None:
            return None
        slots: dict[str, Any] = json.loads(row.slots)
        recent: list[dict[str, Any]] = json.loads(row.recent)
        start = recent[0]["timestamp"] if recent else None
        restored = [SlotSet(name, value, timestamp=start) for name, value in slots.items()]
        known = [*restored, *(event_of(data) for data in recent)]
        tracker = DialogueStateTracker.from_events(sender_id, known, self.domain.slots)
        _remember_stored(tracker)
        return tracker

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """Every event of the conversation, over all its sessions."""
        events = await self.history(conversation_id)
        return DialogueStateTracker.from_dict(conversation_id, events, self.domain.slots) if events else None

    async def history(self, sender_id: str) -> list[dict[str, Any]]:
        """Every stored event, oldest first."""
        query = sa.select(_events.c.data).where(_events.c.sender_id == sender_id).order_by(_events.c.id)
        async with self._connected().connect() as connection:
            return [json.loads(data) for (data,) in await connection.execute(query)]

    async def latest(self, sender_id: str, before: int | None, count: int) -> list[tuple[int, dict[str, Any]]]:
        """The last `count` stored events, oldest first, each with its number; those before a number, where one is given."""
        query = sa.select(_events.c.id, _events.c.data).where(_events.c.sender_id == sender_id)
        if before is not None:
            query = query.where(_events.c.id < before)
        async with self._connected().connect() as connection:
            rows = (await connection.execute(query.order_by(_events.c.id.desc()).limit(count))).all()
        return [(row.id, json.loads(row.data)) for row in reversed(rows)]

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Appends what is new and replaces the conversation's row, in one transaction."""
        events = list(tracker.events)
        fresh = events[getattr(tracker, "stored_events", 0) :]
        if not fresh:
            return
        row = {
            "sender": tracker.sender_id,
            "slots": json.dumps(_changed_slots(tracker), ensure_ascii=False),
            "recent": json.dumps(_in_short(_last_turns(events)), ensure_ascii=False),
            "updated": events[-1].timestamp,
            "account": _account_of(tracker),
        }
        said = [
            {"sender_id": tracker.sender_id, "data": json.dumps(_in_full(event), ensure_ascii=False)} for event in fresh
        ]
        await self._opened().write(lambda connection: _append(connection, said, row))
        _remember_stored(tracker)

    async def forget_before(self, timestamp: float) -> int:
        """Deletes the conversations that were silent since `timestamp` (seconds since 1970); returns how many."""
        return await forget_before(self._connected(), timestamp)

    async def keys(self) -> Iterable[str]:
        """The ids of all conversations."""
        async with self._connected().connect() as connection:
            return [key for (key,) in await connection.execute(sa.select(_conversations.c.sender_id))]

    def _connected(self) -> AsyncEngine:
        if self._engine is None:
            raise RuntimeError("ConversationStore.open() was not awaited before the first message")
        return self._engine

    def _opened(self) -> ConversationUnits:
        if self._units is None:
            raise RuntimeError("ConversationStore.open() was not awaited before the first message")
        return self._units


# Put together once: SQLAlchemy takes longer over a statement than SQLite.
_ROW = sa.select(_conversations.c.slots, _conversations.c.recent).where(
    _conversations.c.sender_id == sa.bindparam("sender")
)
_KEPT = {name: sa.bindparam(name) for name in ("slots", "recent", "updated", "account")}
_REPLACE = sa.update(_conversations).where(_conversations.c.sender_id == sa.bindparam("sender")).values(_KEPT)
_BEGIN = sa.insert(_conversations).values({"sender_id": sa.bindparam("sender"), **_KEPT})


def _append(connection: Connection, said: list[dict[str, Any]], row: dict[str, Any]) -> None:
    connection.execute(sa.insert(_events), said)
    if not connection.execute(_REPLACE, row).rowcount:
        connection.execute(_BEGIN, row)


def _remember_stored(tracker: DialogueStateTracker) -> None:
    tracker.stored_events = len(tracker.events)


def _in_full(event: Event) -> dict[str, Any]:
    """An event as it is exported: all but pictures, which are drawn again where they are asked for."""
    stored: dict[str, Any] = event.as_dict()
    if isinstance(event, BotUttered):
        dropped = {"image", "attachment"}
        stored["data"] = {key: value for key, value in (stored.get("data") or {}).items() if key not in dropped}
    return stored


def _in_short(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as the next turn needs them: what was asked and done, not what was read in it and answered."""
    said = (event for event in events if not isinstance(event, BotUttered))
    return [_asked(event) if isinstance(event, UserUttered) else event.as_dict() for event in said]


def _asked(event: UserUttered) -> dict[str, Any]:
    parse_data = {"intent": event.intent, "entities": event.entities, "text": event.text}
    return {**event.as_dict(), "parse_data": parse_data}


def _account_of(tracker: DialogueStateTracker) -> str | None:
    """Whose conversation it is, so that it can be erased with the person's record."""
    message = tracker.latest_message
    account = message.metadata.get("account") if message is not None else None
    return account if isinstance(account, str) else None


def _changed_slots(tracker: DialogueStateTracker) -> dict[str, Any]:
    return {name: slot.value for name, slot in tracker.slots.items() if slot.value != slot.initial_value}


def _last_turns(events: Sequence[Event]) -> Sequence[Event]:
    """The events since the last but WINDOW_TURNS 'listen'; a turn begins after the bot began to listen."""
    turns = 0
    for index in range(len(events) - 1, -1, -1):
        event = events[index]
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME:
            turns += 1
            if turns > WINDOW_TURNS:
                return events[index:]
    return events
