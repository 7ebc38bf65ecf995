"""Rasa's message processor without what this dialogue does not use.

Model, domain, rules, tracker and events are Rasa's own. Left out is what Rasa does for every message whether it is of use
or not: looking for slots to fill where no slot is filled from messages, copying the tracker for each action, deep copies
of what is not logged, asking the policy again what it was asked before.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import rasa
from rasa.core.actions.action import Action, ActionListen, RemoteAction, create_bot_utterance
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.policies.policy import Policy, PolicyPrediction
from rasa.core.policies.rule_policy import RULES, RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.engine import loader
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata
from rasa.exceptions import ActionLimitReached
from rasa.shared.core.constants import ACTION_VALIDATE_SLOT_MAPPINGS, DEFAULT_SLOT_NAMES
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.common import TempDirectoryPath, get_temp_dir_name

from bot.server.events import event_of
from bot.server.graph import SequentialGraphRunner

#: Predictions that are remembered at most; two for each intent are usual.
_MOST_PREDICTIONS = 5_000
#: Events that no policy sees.
_UNSEEN = (BotUttered, SlotSet)


class BadActionReply(ValueError):
    """What the action server answered is not of Rasa's form."""


class ConversationProcessor(MessageProcessor):  # type: ignore[misc]
    """Answers messages with a model's graph; errors of actions reach the channel."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._fills_slots = fills_slots(self.domain)
        self._predictions: dict[tuple[Any, ...], PolicyPrediction] | None = None
        if sees_turns_alone(self.graph_runner, self.domain):
            self._predictions = {}
        self._with_entities = frozenset(
            intent for intent, properties in self.domain.intent_properties.items() if properties.get("used_entities")
        )
        self._actions: dict[str, Action] = {}

    @staticmethod
    def _load_model(model_path: str | Path) -> tuple[str, ModelMetadata, GraphRunner]:
        with TempDirectoryPath(get_temp_dir_name()) as folder:
            metadata, runner = loader.load_predict_graph_runner(
                Path(folder), Path(model_path), LocalModelStorage, SequentialGraphRunner
            )
        return os.path.basename(model_path), metadata, runner

    async def handle_message(self, message: UserMessage) -> None:
        """Answers a message into its output channel; nothing is stored of one that could not be answered.

        Raises:
            Exception: whatever reading, predicting, the action or the store raised.
        """
        # No metadata: what the channel knows of the writer is with the message, not kept in a slot.
        tracker = await self.fetch_tracker_and_update_session(message.sender_id, message.output_channel)
        await self._handle_message_with_tracker(message, tracker)
        if self._fills_slots:
            tracker = await self.run_action_extract_slots(message.output_channel, tracker)
        await self._run_prediction_loop(message.output_channel, tracker)
        await self.save_tracker(tracker)

    async def parse_message(
        self, message: UserMessage, tracker: DialogueStateTracker | None = None, only_output_properties: bool = True
    ) -> dict[str, Any]:
        """What the pipeline reads in a message."""
        if tracker is None:
            tracker = DialogueStateTracker.from_events(message.sender_id, [])
        found: dict[str, Any] = self._parse_message_with_graph(message, tracker, only_output_properties)
        return found

    @staticmethod
    def _log_slots(tracker: DialogueStateTracker) -> None:
        """Rasa's debug log; what people said is in it."""

    # --- predicting -------------------------------------------------------------------------------------------------

    def _predict_next_with_tracker(self, tracker: DialogueStateTracker) -> PolicyPrediction:
        key = None if self._predictions is None or tracker.followup_action else self._seen(tracker)
        if key is None or self._predictions is None:
            return super()._predict_next_with_tracker(tracker)
        known = self._predictions.get(key)
        if known is None:
            if len(self._predictions) >= _MOST_PREDICTIONS:
                self._predictions.clear()
            known = self._predictions[key] = super()._predict_next_with_tracker(tracker)
        fresh = copy.copy(known)
        fresh.events = [copy.copy(event) for event in known.events]  # an event belongs to one tracker
        return fresh

    def _seen(self, tracker: DialogueStateTracker) -> tuple[Any, ...] | None:
        """What the policies see of a conversation; None where there is more to see than :func:`sees_turns_alone` says."""
        if tracker.active_loop is not None:
            return None
        seen: list[Any] = []
        for event in tracker.events:
            if isinstance(event, UserUttered):
                entities = event.as_sub_state().get("entities", ()) if event.intent_name in self._with_entities else ()
                seen.append((event.intent_name, event.use_text_for_featurization, *entities))
            elif isinstance(event, ActionExecuted):
                seen.append(event.action_name)
                if event.action_name is None:
                    return None
            elif isinstance(event, SessionStarted):
                seen.append(0)
            elif isinstance(event, DefinePrevUserUtteredFeaturization):
                seen.append(event.use_text_for_featurization)
            elif not isinstance(event, _UNSEEN):
                return None
        return tuple(seen)

    def predict_next_with_tracker_if_should(self, tracker: DialogueStateTracker) -> tuple[Action, PolicyPrediction]:
        """The next action and how it was predicted.

        Raises:
            ActionLimitReached: too many actions without listening.
        """
        listens = self.should_predict_another_action(tracker.latest_action_name)
        if self.is_action_limit_reached(tracker, listens):
            raise ActionLimitReached("the limit of actions to predict has been reached")
        prediction = self._predict_next_with_tracker(tracker)
        return self._action_named(self.domain.action_names_or_texts[prediction.max_confidence_index]), prediction

    def _action_named(self, name: str) -> Action:
        action = self._actions.get(name)
        if action is None:
            action = self._actions[name] = self._get_action(name)
        return action

    # --- acting -----------------------------------------------------------------------------------------------------

    async def _run_action(
        self, action: Action, tracker: DialogueStateTracker, output_channel: OutputChannel, nlg: Any, prediction: Any
    ) -> bool:
        simple = all(isinstance(event, DefinePrevUserUtteredFeaturization) for event in prediction.events)
        if not simple or type(action) not in (RemoteAction, ActionListen):
            return bool(await super()._run_action(action, tracker, output_channel, nlg, prediction))
        # Both look at slots and the latest message alone, so they need no copy of the tracker.
        events = await self._answer(action, tracker) if isinstance(action, RemoteAction) else []
        tracker.update_with_events(prediction.events, self.domain)
        tracker.update(action.event_for_successful_execution(prediction))
        tracker.update_with_events(events, self.domain)
        await self.execute_side_effects(events, tracker, output_channel)
        return bool(self.should_predict_another_action(action.name()))

    async def _answer(self, action: RemoteAction, tracker: DialogueStateTracker) -> list[Event]:
        """What the action says and sets.

        Raises:
            BadActionReply: the reply is not of Rasa's form, or names a response for Rasa to fill.
            Exception: whatever the endpoint raised.
        """
        reply = await self.action_endpoint.request(json=action_call(action.name(), tracker))
        return events_of(reply)


def action_call(name: str, tracker: DialogueStateTracker) -> dict[str, Any]:
    """The body of an action call: slots and the latest message, which is all that our actions read."""
    return {
        "next_action": name,
        "sender_id": tracker.sender_id,
        "version": rasa.__version__,
        "domain": {},
        "tracker": {
            "sender_id": tracker.sender_id,
            "slots": tracker.current_slot_values(),
            "latest_message": tracker._latest_message_data(),
            "active_loop": {},
            "latest_action_name": tracker.latest_action_name,
            "events": [],
        },
    }


def events_of(reply: Any) -> list[Event]:
    """The events of an action's reply: what it says, then what it sets.

    Raises:
        BadActionReply: the reply is not of Rasa's form, or names a response for Rasa to fill: our texts come filled.
    """
    if not isinstance(reply, dict):
        raise BadActionReply("expected an object as the action's reply")
    said, set_ = reply.get("responses", []), reply.get("events", [])
    for name, entries in (("responses", said), ("events", set_)):
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise BadActionReply(f"{name}: expected a list of objects in the action's reply")
    if any(response.get("response") for response in said):
        raise BadActionReply("responses: expected texts, found the name of a response")
    try:
        events = [event_of(entry) for entry in set_]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadActionReply(f"events: {type(error).__name__} in the action's reply") from None
    if not all(isinstance(event.key, str) for event in events if isinstance(event, SlotSet)):
        raise BadActionReply("events: expected a slot's name in the action's reply")
    # What is empty is left out, as Rasa leaves it out.
    return [*(create_bot_utterance({key: value for key, value in one.items() if value}) for one in said), *events]


# --- when Rasa's own work can be spared ---------------------------------------------------------------------------------


def fills_slots(domain: Domain) -> bool:
    """Whether any slot is filled from what people write, or by an action that runs on every message."""
    if ACTION_VALIDATE_SLOT_MAPPINGS in domain.user_actions:
        return True
    mappings = [mapping for slot in domain.slots if slot.name not in DEFAULT_SLOT_NAMES for mapping in slot.mappings]
    return any(str(mapping.get("type")) != "custom" or mapping.get("action") for mapping in mappings)


def sees_turns_alone(runner: GraphRunner, domain: Domain) -> bool:
    """Whether nothing but intents, their entities and actions can change a prediction, so that it may be remembered by them.

    It is so where rules are the only policy, none of them looks at a text, and no slot influences the conversation.
    """
    policies = [part for part in getattr(runner, "components", ()) if isinstance(part, Policy)]
    return (
        bool(policies)
        and all(type(policy) is RulePolicy for policy in policies)
        and not any('"text"' in rule for policy in policies for rule in policy.lookup[RULES])
        and not any(slot.influence_conversation for slot in domain.slots)
    )
