"""What the launcher puts in Rasa's place, and that it does not come up half."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rasa.shared.core.domain import Domain

from bot.config import Settings
from bot.errors import StartupError
from bot.server import agent as launcher
from bot.server.agent import AssistantAgent
from bot.server.locks import LocalLockStore
from bot.server.tracker_store import ConversationStore


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"SPARC_HOME": str(tmp_path)})


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_model_that_cannot_be_loaded_is_no_start(settings: Settings, tmp_path: Path, content: bytes | None) -> None:
    model = tmp_path / "model.tar.gz"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(StartupError, match="model"):
        launcher.load_agent(model, settings)


def test_an_agent_that_is_not_ready_is_no_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AssistantAgent, "load_model", lambda self, path: None)
    with pytest.raises(StartupError, match="not ready"):
        launcher.load_agent(Path("model.tar.gz"), settings)


def test_a_failed_read_is_not_hidden_by_rasas_fail_safe_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def processor(**named: Any) -> Any:
        given.update(named)
        return SimpleNamespace(domain=Domain.empty())

    monkeypatch.setattr(launcher, "ConversationProcessor", processor)
    found = launcher.load_agent(Path("model.tar.gz"), settings)
    assert isinstance(found.tracker_store, ConversationStore)
    assert given["tracker_store"] is found.tracker_store
    assert isinstance(given["lock_store"], LocalLockStore)
    assert given["action_endpoint"].url == "http://127.0.0.1:5006/webhook"
    assert found.domain.session_config.session_expiration_time == settings.session_minutes
