"""Our message processor beside Rasa's own, on the trained model: the same events, message by message."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from bot.config import Settings
from bot.server.lazy import defer_unused_modules
from bot.training import ensure_model

defer_unused_modules()

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage  # noqa: E402
from rasa.core.lock_store import InMemoryLockStore  # noqa: E402
from rasa.core.nlg import NaturalLanguageGenerator  # noqa: E402
from rasa.core.processor import MessageProcessor  # noqa: E402
from rasa.core.tracker_store import InMemoryTrackerStore  # noqa: E402
from rasa.shared.core.domain import Domain  # noqa: E402
from rasa.utils.endpoints import EndpointConfig  # noqa: E402

from bot.server.processor import ConversationProcessor  # noqa: E402

#: What two runs differ in, and the ids that Rasa draws.
_OF_A_RUN = {"timestamp", "message_id"}


class Endpoint(EndpointConfig):  # type: ignore[misc]
    """An action server that remembers something in each turn."""

    def __init__(self) -> None:
        super().__init__(url="http://127.0.0.1:9/webhook", enable_selective_domain=True)
        self.calls: list[tuple[str, str, Any]] = []

    async def request(self, *_: Any, **named: Any) -> Any:
        call = named["json"]
        tracker = call["tracker"]
        self.calls.append(
            (call["next_action"], tracker["latest_message"]["intent"]["name"], tracker["slots"]["memory"])
        )
        memory = {"event": "slot", "timestamp": None, "name": "memory", "value": f"after {len(self.calls)}"}
        said = {
            "text": "answered",
            "custom": {"answer": "x"},
            "buttons": [{"title": "a", "payload": "a"}],
            "image": None,
        }
        return {"events": [memory], "responses": [said]}


class Side:
    """A processor with its own conversations."""

    def __init__(self, kind: type[MessageProcessor], model: str) -> None:
        self.endpoint = Endpoint()
        self.store = InMemoryTrackerStore(Domain.empty())
        nlg = NaturalLanguageGenerator.create(None, Domain.empty())
        self.processor = kind(model, self.store, InMemoryLockStore(), nlg, self.endpoint)
        self.store.domain = self.processor.domain

    async def say(self, text: str, conversation: str, parse_data: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        output = CollectingOutputChannel()
        message = UserMessage(text, output, conversation, parse_data=parse_data, input_channel="hospital")
        await self.processor.handle_message(message)
        return output.messages

    async def events(self, conversation: str) -> list[Any]:
        tracker = await self.store.retrieve(conversation)
        assert tracker is not None
        return [_without(event.as_dict()) for event in tracker.events]


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(one) for key, one in value.items() if key not in _OF_A_RUN}
    return [_without(one) for one in value] if isinstance(value, (list, tuple)) else value


@pytest.fixture(scope="module")
def model() -> str:
    named = {name: value for name, value in os.environ.items() if name == "SPARC_MODELS"}
    return str(ensure_model(Settings.from_environment(named), print))


@pytest.fixture(scope="module")
def stock(model: str) -> Side:
    return Side(MessageProcessor, model)


@pytest.fixture(scope="module")
def ours(model: str) -> Side:
    return Side(ConversationProcessor, model)


def test_predictions_are_remembered_with_this_model(ours: Side) -> None:
    assert ours.processor._predictions is not None
    assert ours.processor._fills_slots is False


async def test_every_intent_after_every_sort_of_turn_leads_to_the_same_events(stock: Side, ours: Side) -> None:
    intents = sorted(set(ours.processor.domain.intents) - {"restart", "session_start", "back"})
    remembered = []
    for conversation in ("first", "second"):
        for number, intent in enumerate(random.Random(7).sample(intents, len(intents))):
            entities = [{"entity": "drug", "value": "capecitabine", "start": 0, "end": 1}] if number % 3 == 0 else []
            said = {"text": "x", "intent": {"name": intent, "confidence": 1.0}, "entities": entities}
            assert await ours.say("x", conversation, said) == await stock.say("x", conversation, said), intent
        assert await ours.events(conversation) == await stock.events(conversation)
        remembered.append(len(ours.processor._predictions))
    assert remembered[0] == remembered[1], "the second time every prediction is remembered"
    assert ours.endpoint.calls == stock.endpoint.calls
    assert {name for name, _, _ in ours.endpoint.calls} >= {"action_visits", "action_doses", "action_safety"}


@pytest.mark.parametrize("intent", ["restart", "session_start", "back", "no such intent"])
async def test_rasas_own_intents_lead_to_the_same_events(intent: str, stock: Side, ours: Side) -> None:
    conversation = f"own-{intent}"
    for name in ("greet", intent, "ask_next_visit"):
        said = {"text": "x", "intent": {"name": name, "confidence": 1.0}, "entities": []}
        await ours.say("x", conversation, said)
        await stock.say("x", conversation, said)
    assert await ours.events(conversation) == await stock.events(conversation)


@pytest.mark.parametrize(
    "text", ["When is my next visit?", "我下次什么时候来医院？", "hello", "ich weiß nicht", "/greet"]
)
async def test_a_text_is_read_the_same(text: str, stock: Side, ours: Side) -> None:
    assert await ours.say(text, f"text-{text}") == await stock.say(text, f"text-{text}")
    assert await ours.events(f"text-{text}") == await stock.events(f"text-{text}")


async def test_an_action_that_fails_is_an_error_and_leaves_nothing(ours: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    await ours.say("hello", "failing")
    before = await ours.events("failing")

    async def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the action server is gone")

    store = ours.store
    saved: list[Any] = []
    monkeypatch.setattr(store, "save", saved.append)
    monkeypatch.setattr(ours.endpoint, "request", fail)
    with pytest.raises(ConnectionError):
        await ours.say("When is my next visit?", "failing")
    assert (saved, await ours.events("failing")) == ([], before)
