"""Assembles the Rasa agent: our stores, our action endpoint, a checked model."""

from __future__ import annotations

import functools
import gc
from pathlib import Path
from typing import Any

from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.shared.core.domain import Domain

from bot.config import Settings
from bot.errors import StartupError
from bot.server.action_endpoint import ActionEndpoint
from bot.server.locks import LocalLockStore
from bot.server.tracker_store import ConversationStore


def load_agent(model: Path, settings: Settings) -> Agent:
    """The agent of `model`, ready to answer.

    Rasa's own `load_agent` swallows every error and comes up without a model; this one does not come up.

    Raises:
        StartupError: the model cannot be loaded.
    """
    use_prepared_response_check()
    endpoint = ActionEndpoint(f"http://127.0.0.1:{settings.action_port}/webhook", settings.action_token())
    store = ConversationStore(Domain.empty(), settings.tracker_url)
    try:
        agent = Agent.load(
            model_path=str(model), tracker_store=store, lock_store=LocalLockStore(), action_endpoint=endpoint
        )
    except Exception as error:
        reason: BaseException = error
        while reason.__cause__ is not None:  # Rasa wraps what went wrong in what it was doing
            reason = reason.__cause__
        raise StartupError(f"{model}: the model could not be loaded ({type(reason).__name__}: {reason})") from error
    if not agent.is_ready() or agent.processor is None:
        raise StartupError(f"{model}: the model was loaded but is not ready")
    # Rasa wraps every store in FailSafeTrackerStore, which answers with an empty history when a read fails and then
    # drops what was said. A failed read must be an error that the channel reports.
    store.domain = agent.domain
    agent.tracker_store = store
    agent.processor.tracker_store = store
    # A full collection over the model's objects would pause some answer for a tenth of a second.
    gc.collect()
    gc.freeze()
    return agent


def use_prepared_response_check() -> None:
    """Checks action replies against a schema that is compiled once.

    Rasa re-validates its constant schema on every call, which took over half of a short message's time.
    """
    if getattr(RemoteAction._validate_action_result, "prepared", False):
        return

    def check(self: RemoteAction, result: dict[str, Any]) -> bool:
        _response_validator().validate(result)
        return True

    check.prepared = True  # type: ignore[attr-defined]
    RemoteAction._validate_action_result = check  # type: ignore[method-assign]


@functools.cache
def _response_validator() -> Any:
    from jsonschema import validators

    schema = RemoteAction.action_response_format_spec()
    kind = validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)
