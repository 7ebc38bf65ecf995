"""Conversations: every event is kept, a message reads the last turns and the slots alone, failures are errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, Restarted, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.exc import DBAPIError

from bot.enrollment import migrations
from bot.server.conversations import erase_accounts
from bot.server.tracker_store import WINDOW_TURNS, ConversationStore

DOMAIN = Domain.from_yaml(
    """
intents: [ask]
actions: [action_answer]
slots:
  memory: {type: any, influence_conversation: false, mappings: [{type: custom}]}
  other: {type: any, influence_conversation: false, initial_value: first, mappings: [{type: custom}]}
"""
)


def _turn(number: int, memory: Any = ...) -> list[Event]:
    at = 1000.0 + number
    return [
        UserUttered(f"question {number}", {"name": "ask", "confidence": 1.0}, timestamp=at),
        ActionExecuted("action_answer", timestamp=at),
        *([] if memory is ... else [SlotSet("memory", memory, timestamp=at)]),
        BotUttered(f"answer {number}", timestamp=at),
        ActionExecuted("action_listen", timestamp=at),
    ]


async def _say(store: ConversationStore, sender: str, *events: Event) -> DialogueStateTracker:
    tracker = await store.retrieve(sender) or await store.create_tracker(sender)
    for event in events:
        tracker.update(event, DOMAIN)
    await store.save(tracker)
    return tracker


async def _talk(store: ConversationStore, sender: str, turns: int, start: int = 0) -> None:
    for number in range(start, start + turns):
        await _say(store, sender, *_turn(number, f"memory {number}"))


def _questions(tracker: DialogueStateTracker | None) -> list[str]:
    assert tracker is not None
    return [event.text for event in tracker.events if isinstance(event, UserUttered)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    return f"sqlite+aiosqlite:///{tmp_path / 'conversations.db'}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[ConversationStore]:
    opened = ConversationStore(DOMAIN, url)
    await opened.open()
    yield opened
    await opened.close()


async def test_who_never_spoke_has_no_conversation(store: ConversationStore) -> None:
    assert await store.retrieve("nobody") is None
    assert await store.retrieve_full_tracker("nobody") is None
    assert await store.history("nobody") == []


async def test_a_conversation_comes_back_as_it_was(store: ConversationStore) -> None:
    await _say(store, "a", *_turn(1, {"participant": "P-0003", "text": "下次"}))
    found = await store.retrieve("a")
    assert found is not None
    assert found.get_slot("memory") == {"participant": "P-0003", "text": "下次"}
    assert (found.latest_message.text, found.latest_action_name) == ("question 1", "action_listen")
    assert found.sender_id == "a"


@pytest.mark.parametrize("value", ["text", "", 0, False, 1.5, [], ["a", {"b": None}], {"x": 1}, None])
async def test_a_slot_of_any_value_is_restored_after_its_turn_has_left_the_window(
    store: ConversationStore, value: Any
) -> None:
    await _say(store, "a", *_turn(0, value))
    for number in range(1, 8):
        await _say(store, "a", *_turn(number))
    found = await store.retrieve("a")
    assert found is not None
    assert "question 0" not in _questions(found)
    assert found.get_slot("memory") == value


async def test_a_slot_set_back_to_its_first_value_is_so(store: ConversationStore) -> None:
    await _say(store, "a", SlotSet("other", "second"), *_turn(0))
    await _say(store, "a", SlotSet("other", "first"), *_turn(1))
    for number in range(2, 8):
        await _say(store, "a", *_turn(number))
    found = await store.retrieve("a")
    assert found is not None
    assert found.get_slot("other") == "first"


async def test_a_message_sees_the_last_turns(store: ConversationStore) -> None:
    await _talk(store, "a", 10)
    assert _questions(await store.retrieve("a")) == [f"question {n}" for n in range(10 - WINDOW_TURNS, 10)]


async def test_the_history_holds_every_event_once_and_in_order(store: ConversationStore) -> None:
    await _talk(store, "a", 12)
    history = await store.history("a")
    assert [event["text"] for event in history if event["event"] == "user"] == [f"question {n}" for n in range(12)]
    assert [event["value"] for event in history if event["event"] == "slot"] == [f"memory {n}" for n in range(12)]
    assert len(history) == 1 + 12 * 5  # create_tracker listens once


async def test_the_full_tracker_is_the_whole_conversation(store: ConversationStore) -> None:
    await _talk(store, "a", 9)
    full = await store.retrieve_full_tracker("a")
    assert _questions(full) == [f"question {n}" for n in range(9)]


async def test_saving_twice_stores_nothing_twice(store: ConversationStore) -> None:
    tracker = await _say(store, "a", *_turn(0))
    await store.save(tracker)
    assert len(await store.history("a")) == 5


async def test_conversations_do_not_mix(store: ConversationStore) -> None:
    await asyncio.gather(*(_talk(store, f"room {n}", 3, start=100 * n) for n in range(5)))
    for n in range(5):
        told = await store.retrieve_full_tracker(f"room {n}")
        assert _questions(told) == [f"question {100 * n + k}" for k in range(3)]
    assert sorted(await store.keys()) == [f"room {n}" for n in range(5)]


class Statements:
    """Counts what the database is asked and how many bytes of conversation it hands out."""

    def __init__(self, store: ConversationStore) -> None:
        self.said: list[str] = []
        file = store._opened()._file
        engine = store._connected().sync_engine if file is None else file._reader._engine
        sa.event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        self.said.append(statement)

    def take(self) -> list[str]:
        said, self.said = [statement for statement in self.said if statement != "BEGIN"], []
        return said


async def test_a_message_costs_the_same_however_long_the_conversation_is(store: ConversationStore) -> None:
    costs = {}
    counter = Statements(store)
    for turns in (5, 60):
        await _talk(store, "a", turns - len([e for e in await store.history("a") if e["event"] == "user"]))
        counter.take()
        found = await store.retrieve("a")
        assert found is not None
        read = counter.take()
        assert not [statement for statement in read if "conversation_events" in statement]
        before = len(await store.history("a"))
        await _say(store, "a", *_turn(turns, f"memory {turns}"))
        costs[turns] = (len(read), len(found.events), len(await store.history("a")) - before)
    assert costs[5] == costs[60] == (1, costs[5][1], 5)


async def test_the_row_of_a_conversation_does_not_grow(store: ConversationStore) -> None:
    async def size() -> int:
        query = sa.text("SELECT length(slots) + length(recent) FROM conversations")
        async with store._connected().connect() as connection:
            return int((await connection.execute(query)).scalar_one())

    await _talk(store, "a", 10)
    early = await size()
    await _talk(store, "a", 50, start=10)
    assert abs(await size() - early) < 200  # the numbers in the texts have become longer


async def test_a_restart_forgets_the_slots_and_keeps_the_history(store: ConversationStore) -> None:
    await _talk(store, "a", 2)
    await _say(store, "a", Restarted(), ActionExecuted("action_listen"))
    found = await store.retrieve("a")
    assert found is not None
    assert found.get_slot("memory") is None
    assert len([event for event in await store.history("a") if event["event"] == "user"]) == 2


async def test_slots_that_were_kept_over_a_new_session_stay(store: ConversationStore) -> None:
    await _talk(store, "a", 5)
    await _say(
        store, "a", ActionExecuted("action_session_start"), SessionStarted(), SlotSet("memory", "kept"),
        ActionExecuted("action_listen"),
    )  # fmt: skip
    await _say(store, "a", *_turn(9))
    found = await store.retrieve("a")
    assert found is not None
    assert found.get_slot("memory") == "kept"


async def test_a_new_process_finds_everything(store: ConversationStore, url: str) -> None:
    await _talk(store, "a", 6)
    await store.close()
    again = ConversationStore(DOMAIN, url)
    await again.open()
    try:
        await _talk(again, "a", 1, start=6)
        assert _questions(await again.retrieve_full_tracker("a")) == [f"question {n}" for n in range(7)]
    finally:
        await again.close()


async def test_two_processes_write_side_by_side(store: ConversationStore, url: str) -> None:
    other = ConversationStore(DOMAIN, url)
    await other.open()
    try:
        await asyncio.gather(_talk(store, "a", 8), _talk(other, "b", 8))
        assert [len(await store.history(sender)) for sender in "ab"] == [41, 41]
    finally:
        await other.close()


async def test_silent_conversations_are_forgotten_whole(store: ConversationStore) -> None:
    await _say(store, "old", *_turn(0))
    await _say(store, "new", *_turn(500))
    row = sa.text("UPDATE conversations SET updated = 1000.0 WHERE sender_id = 'old'")
    async with store._connected().begin() as connection:
        await connection.execute(row)
    assert await store.forget_before(1200.0) == 1
    assert await store.retrieve("old") is None
    assert await store.history("old") == []
    assert len(await store.history("new")) == 5
    assert await store.forget_before(1200.0) == 0


async def test_a_store_that_was_not_opened_says_so() -> None:
    with pytest.raises(RuntimeError, match="open"):
        await ConversationStore(DOMAIN, "sqlite+aiosqlite://").retrieve("a")


async def _drop(store: ConversationStore, table: str) -> None:
    async with store._connected().begin() as connection:
        await connection.execute(sa.text(f"DROP TABLE {table}"))


async def test_a_read_that_fails_is_an_error_and_no_new_conversation(store: ConversationStore) -> None:
    await _talk(store, "a", 1)
    await _drop(store, "conversations")
    with pytest.raises(DBAPIError):
        await store.retrieve("a")


async def test_a_write_that_fails_leaves_nothing_and_quotes_nobody(store: ConversationStore) -> None:
    tracker = await _say(store, "a", *_turn(0))
    await _drop(store, "conversations")
    for event in _turn(1):
        tracker.update(event, DOMAIN)
    with pytest.raises(DBAPIError) as failed:
        await store.save(tracker)
    assert "question" not in str(failed.value)
    assert len(await store.history("a")) == 5


async def test_what_an_account_said_is_erased_and_nothing_else(store: ConversationStore) -> None:
    for sender, account in (("a1", "li.wei"), ("a2", "li.wei"), ("b", "he.tao")):
        said = UserUttered("hello", {"name": "ask"}, metadata={"account": account}, timestamp=1000.0)
        await _say(store, sender, said, ActionExecuted("action_listen"))
    assert await erase_accounts(store._connected(), ["li.wei", "nobody"]) == 2
    assert await erase_accounts(store._connected(), []) == 0
    assert (await store.retrieve("a1"), await store.history("a2")) == (None, [])
    assert _questions(await store.retrieve("b")) == ["hello"]


async def test_servers_that_start_together_make_the_tables_once(url: str) -> None:
    stores = [ConversationStore(DOMAIN, url) for _ in range(4)]
    if url.startswith("sqlite"):
        stores = stores[:1]  # one file has one server
    await asyncio.gather(*(store.open() for store in stores))
    for store in stores:
        await store.close()


async def test_a_database_of_an_earlier_version_gets_the_new_column(url: str) -> None:
    first = ConversationStore(DOMAIN, url)
    await first.open()
    async with first._connected().begin() as connection:
        await connection.execute(sa.text("DROP INDEX ix_conversations_account"))
        await connection.execute(sa.text("ALTER TABLE conversations DROP COLUMN account"))
    await first.close()
    again = ConversationStore(DOMAIN, url)
    await again.open()
    await _talk(again, "a", 1)
    await again.close()


async def test_it_lies_beside_the_enrolment_tables(postgresql: str) -> None:
    migrations.upgrade(postgresql)
    store = ConversationStore(DOMAIN, postgresql)
    await store.open()
    await _talk(store, "a", 2)
    assert len(await store.history("a")) == 11
    await store.close()
    migrations.upgrade(postgresql)
