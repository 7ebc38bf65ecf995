"""Events are read as Rasa reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rasa.shared.core.events import (
    ActionExecuted,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.utils.common import all_subclasses

from bot.server.events import event_of

EVENTS = [
    UserUttered("hi", {"name": "greet", "confidence": 0.9}, [{"entity": "drug", "value": "x"}], {"reading": {"a": [1]}},
                timestamp=5.0, metadata={"direct": True}),
    ActionExecuted("action_visits", "RulePolicy", 1.0, timestamp=5.0),
    BotUttered("您好", {"custom": {"answer": "greeting"}}, timestamp=5.0),
    SlotSet("memory", '{"a": 1}', timestamp=5.0),
    SessionStarted(timestamp=5.0),
    Restarted(timestamp=5.0),
    DefinePrevUserUtteredFeaturization(False, timestamp=5.0),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type_name)
def test_an_event_comes_back_as_rasa_reads_it(event: Event) -> None:
    data = json.loads(json.dumps(event.as_dict()))
    assert event_of(data).as_dict() == Event.from_parameters(data).as_dict() == event.as_dict()
    assert type(event_of(data)) is type(event)


def test_every_event_of_rasas_is_known() -> None:
    for kind in all_subclasses(Event):
        if kind.type_name:
            assert Event.resolve_by_type(kind.type_name) is not None


@pytest.mark.parametrize("data", [{}, {"event": "no such event"}, {"event": None}, {"event": ["slot"]}, {"name": "x"}])
def test_what_is_no_event_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected an event"):
        event_of(data)
