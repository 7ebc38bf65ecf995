"""The Rasa side of the actions: one class a topic, all of one shape.

Each reads the message and the channel's word on who speaks, asks `actions.respond`, and utters one answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import Ask, Services
from actions.reading import Reading
from actions.registry import TOPIC_HANDLERS
from actions.respond import respond
from bot.clock import Clock
from bot.enrollment.queries import Identity
from bot.trial.record import Language

#: The slot that holds what a conversation remembers, as JSON text.
MEMORY_SLOT = "memory"


class NoTurn(ValueError):
    """An action call whose tracker, metadata or reading is not of the form that the chat server sends."""


class TopicAction(Action):  # type: ignore[misc]  # rasa-sdk carries no types
    """Answers the messages of one topic; what else a message asks is answered along with it."""

    def __init__(self, name: str, services: Services, clock: Clock) -> None:
        self._name = name
        self._services = services
        self._clock = clock

    def name(self) -> str:
        """The action's name in the domain."""
        return self._name

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Utters the answer and keeps what the conversation has to remember."""
        try:
            ask = ask_of(tracker, self._services, self._clock)
        except (AttributeError, LookupError, TypeError, ValueError) as problem:
            raise NoTurn("the call holds no turn of a conversation") from problem
        reply = await respond(ask)
        buttons = [{"title": text, "payload": text} for text in reply.buttons]
        dispatcher.utter_message(
            text=reply.text,
            image=reply.image,
            attachment=reply.attachment,
            json_message=dict(reply.custom),
            buttons=buttons,
        )
        return [SlotSet(MEMORY_SLOT, json.dumps(reply.memory, ensure_ascii=False))]


def topic_actions(services: Services, clock: Clock) -> list[TopicAction]:
    """One action for each topic of the registry."""
    return [TopicAction(name, services, clock) for name in TOPIC_HANDLERS]


def ask_of(tracker: Tracker, services: Services, clock: Clock) -> Ask:
    """The turn that a tracker holds.

    Identity, room and account come from the channel's metadata; nothing that a person wrote can set them.
    """
    message: Mapping[str, Any] = tracker.latest_message
    metadata: Mapping[str, Any] = message.get("metadata") or {}
    identity = identity_of(metadata.get("identity"))
    reading = Reading.from_json(message.get("reading") or {})
    memory = json.loads(tracker.get_slot(MEMORY_SLOT) or "{}")
    if not isinstance(memory, dict) or not isinstance(memory.get("failures", 0), int):
        raise TypeError("a memory that is none of ours")
    own: Language = "zh" if identity is not None and identity.language == "zh" else "en"
    language: Language = own if reading.language is None else "zh" if reading.language == "zh" else "en"
    return Ask(
        services=services,
        identity=identity,
        account=str(metadata.get("account", "")),
        conversation=str(metadata.get("conversation", tracker.sender_id)),
        direct=metadata.get("direct") is True,
        now=clock.now(),
        language=language,
        reading=reading,
        part=reading.parts[0],
        memory=memory,
        tracker_id=str(tracker.sender_id or ""),
    )


def identity_of(data: Mapping[str, Any] | None) -> Identity | None:
    """Who the channel says is speaking; None for an account linked to nobody."""
    if not data:
        return None
    return Identity(data["account"], data["kind"], data.get("role"), data.get("participant"), data["language"])
