"""What the launcher puts in Rasa's place, and that it does not come up half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent

from bot.config import Settings
from bot.errors import StartupError
from bot.server import agent as launcher

REPLY: dict[str, Any] = {"events": [{"event": "slot", "name": "memory", "value": "{}"}], "responses": [{"text": "hi"}]}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"SPARC_HOME": str(tmp_path)})


def test_the_response_check_is_replaced_once() -> None:
    launcher.use_prepared_response_check()
    first = RemoteAction._validate_action_result
    launcher.use_prepared_response_check()
    assert RemoteAction._validate_action_result is first
    assert first.prepared is True


@pytest.mark.parametrize("reply", [REPLY, {}, {"events": [], "responses": []}, {**REPLY, "more": 1}])
def test_a_reply_of_rasas_form_passes(reply: dict[str, Any]) -> None:
    launcher.use_prepared_response_check()
    assert RemoteAction("action_visits", None)._validate_action_result(reply) is True


@pytest.mark.parametrize(
    "reply",
    [
        [], "text", None, {"events": "none"}, {"events": [{"name": "memory"}]}, {"events": [1]}, {"responses": {}},
        {"responses": ["text"]}, {"events": [{"event": 7}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_reply_of_another_form_is_refused_as_rasa_refuses_it(reply: Any) -> None:
    launcher.use_prepared_response_check()
    with pytest.raises(ValidationError):
        RemoteAction("action_visits", None)._validate_action_result(reply)


def test_the_check_is_the_one_that_rasa_has() -> None:
    assert launcher._response_validator().schema == RemoteAction.action_response_format_spec()


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_model_that_cannot_be_loaded_is_no_start(settings: Settings, tmp_path: Path, content: bytes | None) -> None:
    model = tmp_path / "model.tar.gz"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(StartupError, match="model"):
        launcher.load_agent(model, settings)


def test_an_agent_that_is_not_ready_is_no_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        processor = None

        def is_ready(self) -> bool:
            return False

    monkeypatch.setattr(Agent, "load", lambda **_: Empty())
    with pytest.raises(StartupError, match="not ready"):
        launcher.load_agent(Path("model.tar.gz"), settings)


def test_a_failed_read_is_not_hidden_by_rasas_fail_safe_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from rasa.core.tracker_store import FailSafeTrackerStore
    from rasa.shared.core.domain import Domain

    from bot.server.locks import LocalLockStore
    from bot.server.tracker_store import ConversationStore

    given: dict[str, Any] = {}

    def load(**kwargs: Any) -> Any:
        given.update(kwargs)
        wrapped = FailSafeTrackerStore(kwargs["tracker_store"])
        return SimpleNamespace(
            is_ready=lambda: True, domain=Domain.empty(), tracker_store=wrapped,
            processor=SimpleNamespace(tracker_store=wrapped),
        )  # fmt: skip

    monkeypatch.setattr(Agent, "load", load)
    found = launcher.load_agent(Path("model.tar.gz"), settings)
    assert isinstance(found.tracker_store, ConversationStore)
    assert found.processor.tracker_store is found.tracker_store
    assert isinstance(given["lock_store"], LocalLockStore)
    assert given["action_endpoint"].url == "http://127.0.0.1:5006/webhook"
