"""Rasa's processor without what is of no use here says, stores and predicts what the stock one does."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot.server.action_endpoint import slim_call
from bot.server.processor import BadActionReply, action_call, events_of, fills_slots

REPLY: dict[str, Any] = {
    "events": [{"event": "slot", "timestamp": None, "name": "memory", "value": "{}"}],
    "responses": [{"text": "您好", "custom": {"answer": "greeting"}, "buttons": [], "image": None, "response": None}],
}


class Endpoint(EndpointConfig):  # type: ignore[misc]
    """An action server that always says the same."""

    def __init__(self, reply: Any) -> None:
        super().__init__(url="http://127.0.0.1:9", enable_selective_domain=True)
        self._reply = reply

    async def request(self, **_: Any) -> Any:
        return self._reply


def _shown(events: list[Event]) -> list[dict[str, Any]]:
    return [{key: value for key, value in event.as_dict().items() if key != "timestamp"} for event in events]


@pytest.mark.parametrize(
    "reply",
    [
        REPLY, {}, {"events": [], "responses": []}, {**REPLY, "more": 1},
        {"responses": [{"text": "a", "image": "data:x", "buttons": [{"title": "t", "payload": "t"}]}, {"text": "b"}]},
    ],
    ids=["usual", "nothing", "empty", "more", "several"],
)  # fmt: skip
async def test_a_reply_becomes_the_events_that_rasa_makes_of_it(reply: dict[str, Any]) -> None:
    endpoint = Endpoint(copy.deepcopy(reply))
    tracker = DialogueStateTracker.from_events("a", [UserUttered("hi", {"name": "greet"})])
    stock = await RemoteAction("action_visits", endpoint).run(None, None, tracker, Domain.empty())
    assert _shown(events_of(copy.deepcopy(reply))) == _shown(stock)


@pytest.mark.parametrize(
    "reply",
    [
        [], "text", None, {"events": "none"}, {"events": [{"name": "memory"}]}, {"events": [1]}, {"responses": {}},
        {"responses": ["text"]}, {"events": [{"event": 7}]}, {"events": [{"event": "no such"}]},
        {"events": [{"event": "slot"}]}, {"responses": [{"response": "utter_x"}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_reply_of_another_form_is_refused(reply: Any) -> None:
    with pytest.raises(BadActionReply):
        events_of(reply)


def test_an_action_is_told_what_rasa_tells_it_but_the_history() -> None:
    tracker = DialogueStateTracker.from_events(
        "a", [SlotSet("memory", "{}"), ActionExecuted("action_listen"), UserUttered("hi", {"name": "greet"})]
    )

    stock = slim_call(RemoteAction("action_visits", Endpoint(None))._action_call_format(tracker, Domain.empty()))
    assert slim_call(action_call("action_visits", tracker)) == stock


SLOTS = {
    "custom": ("{type: custom}", False),
    "custom by an action": ("{type: custom, action: action_x}", True),
    "from a text": ("{type: from_text}", True),
    "from an entity": ("{type: from_entity, entity: drug}", True),
}


@pytest.mark.parametrize(("mapping", "fills"), SLOTS.values(), ids=SLOTS)
def test_whether_slots_are_filled_from_messages(mapping: str, fills: bool) -> None:
    slots = f"slots: {{memory: {{type: any, influence_conversation: false, mappings: [{mapping}]}}}}"
    assert fills_slots(Domain.from_yaml(f"entities: [drug]\nactions: [action_x]\n{slots}")) is fills


def test_an_action_that_checks_slots_runs_on_every_message() -> None:
    assert fills_slots(Domain.from_yaml("actions: [action_validate_slot_mappings]")) is True


def test_our_own_domain_fills_none() -> None:
    assert fills_slots(Domain.load(str(Path(__file__).parents[2] / "domain.yml"))) is False
