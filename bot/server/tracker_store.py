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
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

#: Turns that a retrieved tracker shows; the rules look at the last one only.
WINDOW_TURNS = 3

_metadata = sa.MetaData()

_conversations = sa.Table(
    "conversations",
    _metadata,
    sa.Column("sender_id", sa.String(80), primary_key=True),
    sa.Column("slots", sa.Text, nullable=False),
    sa.Column("recent", sa.Text, nullable=False),
    sa.Column("updated", sa.Float, nullable=False, index=True),
)

_events = sa.Table(
    "conversation_events",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sender_id", sa.String(80), nullable=False, index=True),
    sa.Column("data", sa.Text, nullable=False),
)


class ConversationStore(TrackerStore):  # type: ignore[misc]
    """A tracker store whose cost does not grow with the length of a conversation.

    Every method raises what the database raises: a failed read or write must reach the channel as an error.
    """

    def __init__(self, domain: Domain | None, url: str) -> None:
        super().__init__(domain)
        self._url = url
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Connects and creates the tables; called once inside the serving loop."""
        # The parameters of these statements are what people wrote: they stay out of error messages.
        engine = create_async_engine(self._url, future=True, hide_parameters=True)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine.sync_engine, "connect", _tune_sqlite)
        async with engine.begin() as connection:
            await connection.run_sync(_metadata.create_all)
        self._engine = engine

    async def close(self) -> None:
        """Closes all connections."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The conversation with its slots and last turns, or None where there was none."""
        async with self._connected().connect() as connection:
            row = (
                await connection.execute(
                    sa.select(_conversations.c.slots, _conversations.c.recent).where(
                        _conversations.c.sender_id == sender_id
                    )
                )
            ).first()
        if row is None:
            return None
        slots: dict[str, Any] = json.loads(row.slots)
        recent: list[dict[str, Any]] = json.loads(row.recent)
        start = recent[0]["timestamp"] if recent else None
        restored = [SlotSet(name, value, timestamp=start).as_dict() for name, value in slots.items()]
        tracker = DialogueStateTracker.from_dict(sender_id, [*restored, *recent], self.domain.slots)
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

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Appends what is new and replaces the conversation's row, in one transaction."""
        events = list(tracker.events)
        fresh = events[getattr(tracker, "stored_events", 0) :]
        if not fresh:
            return
        row = {
            "slots": json.dumps(_changed_slots(tracker), ensure_ascii=False),
            "recent": json.dumps([_kept(event, for_export=False) for event in _last_turns(events)], ensure_ascii=False),
            "updated": events[-1].timestamp,
        }
        async with self._connected().begin() as connection:
            await connection.execute(
                sa.insert(_events),
                [
                    {
                        "sender_id": tracker.sender_id,
                        "data": json.dumps(_kept(event, for_export=True), ensure_ascii=False),
                    }
                    for event in fresh
                ],
            )
            updated = await connection.execute(
                sa.update(_conversations).where(_conversations.c.sender_id == tracker.sender_id).values(**row)
            )
            if not updated.rowcount:
                await connection.execute(sa.insert(_conversations).values(sender_id=tracker.sender_id, **row))
        _remember_stored(tracker)

    async def forget_before(self, timestamp: float) -> int:
        """Deletes the conversations that were silent since `timestamp` (seconds since 1970); returns how many."""
        old = sa.select(_conversations.c.sender_id).where(_conversations.c.updated < timestamp)
        async with self._connected().begin() as connection:
            await connection.execute(sa.delete(_events).where(_events.c.sender_id.in_(old)))
            gone = await connection.execute(sa.delete(_conversations).where(_conversations.c.updated < timestamp))
        return int(gone.rowcount)

    async def keys(self) -> Iterable[str]:
        """The ids of all conversations."""
        async with self._connected().connect() as connection:
            return [key for (key,) in await connection.execute(sa.select(_conversations.c.sender_id))]

    def _connected(self) -> AsyncEngine:
        if self._engine is None:
            raise RuntimeError("ConversationStore.open() was not awaited before the first message")
        return self._engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Readers do not wait for the writer, and a second process waits instead of failing.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _remember_stored(tracker: DialogueStateTracker) -> None:
    tracker.stored_events = len(tracker.events)


def _kept(event: Event, for_export: bool) -> dict[str, Any]:
    """An event as it is stored: pictures are drawn again where they are asked for, cards only told to be exported."""
    stored: dict[str, Any] = event.as_dict()
    if isinstance(event, BotUttered):
        dropped = {"image", "attachment"} if for_export else {"image", "attachment", "custom"}
        stored["data"] = {key: value for key, value in (stored.get("data") or {}).items() if key not in dropped}
    return stored


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
