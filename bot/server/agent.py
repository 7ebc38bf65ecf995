"""Assembles the Rasa agent: our stores, our action endpoint, a checked model."""

from __future__ import annotations

import gc
from pathlib import Path

from rasa.core.agent import Agent
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain, SessionConfig

from bot.config import Settings
from bot.errors import StartupError
from bot.server.action_endpoint import ActionEndpoint
from bot.server.locks import lock_store_of
from bot.server.processor import ConversationProcessor
from bot.server.tracker_store import ConversationStore


class AssistantAgent(Agent):  # type: ignore[misc]
    """Rasa's agent with our message processor and the bare tracker store."""

    def load_model(self, model_path: str | Path, fingerprint: str | None = None) -> None:
        """Loads a model and makes it the one that answers."""
        self.processor = ConversationProcessor(
            model_path=model_path,
            tracker_store=self.tracker_store,
            lock_store=self.lock_store,
            action_endpoint=self.action_endpoint,
            generator=self.nlg,
        )
        self.domain = self.tracker_store.domain = self.processor.domain
        self._set_fingerprint(fingerprint)

    @staticmethod
    def _create_tracker_store(store: TrackerStore | None, domain: Domain | None) -> TrackerStore:
        """The store as it is.

        Rasa wraps every store in FailSafeTrackerStore, which answers with an empty history when a read fails and then
        drops what was said. A failed read must be an error that the channel reports.
        """
        return store


def load_agent(model: Path, settings: Settings) -> Agent:
    """The agent of `model`, ready to answer.

    Rasa's own `load_agent` swallows every error and comes up without a model; this one does not come up.

    Raises:
        StartupError: the model cannot be loaded.
    """
    calls = [f"{url}/webhook" for url in settings.action_urls]
    endpoint = ActionEndpoint(calls[0], settings.action_token(), calls)
    store = ConversationStore(Domain.empty(), settings.tracker_url)
    try:
        agent = AssistantAgent(tracker_store=store, lock_store=lock_store_of(settings), action_endpoint=endpoint)
        agent.load_model(str(model))
    except Exception as error:
        reason: BaseException = error
        while reason.__cause__ is not None:  # Rasa wraps what went wrong in what it was doing
            reason = reason.__cause__
        raise StartupError(f"{model}: the model could not be loaded ({type(reason).__name__}: {reason})") from error
    if not agent.is_ready() or agent.processor is None:
        raise StartupError(f"{model}: the model was loaded but is not ready")
    # After this silence a conversation begins anew and remembers nobody: no participant, no question, no pre-check.
    agent.domain.session_config = agent.processor.domain.session_config = SessionConfig(settings.session_minutes, False)
    # A full collection over the model's objects would pause some answer for a tenth of a second.
    gc.collect()
    gc.freeze()
    return agent
