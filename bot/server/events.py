"""Rasa's events from their JSON, by a table of their classes.

Rasa looks the class of each event up among all subclasses, gathered anew for every single event.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from rasa.shared.core.events import Event
from rasa.shared.utils.common import all_subclasses


def event_of(data: Mapping[str, Any]) -> Event:
    """The event that its `as_dict` wrote.

    Raises:
        ValueError: there is no such event.
    """
    name = data.get("event")
    kind = _classes().get(name) if isinstance(name, str) else None
    event = None if kind is None else kind._from_parameters(data)
    if event is None:
        raise ValueError("expected an event of Rasa's, found another or none")
    return event


@functools.cache
def _classes() -> dict[str, type[Event]]:
    return {kind.type_name: kind for kind in all_subclasses(Event) if kind.type_name}
