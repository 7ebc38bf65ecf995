"""Every rule is run once in the trained model, and Rasa's own validation finds nothing wrong with them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import ROOT, Settings
from bot.nlu.questions.examples import load_examples
from bot.server.lazy import defer_unused_modules
from bot.training import ensure_model

defer_unused_modules()

from rasa.core.agent import Agent  # noqa: E402
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage  # noqa: E402
from rasa.utils.endpoints import EndpointConfig  # noqa: E402

#: Examples tried for an intent until one is read as it; the reader may well see another question first.
_TRIED = 60
#: What Rasa warns of and is meant so: texts are said by the actions, never by a rule.
_MEANT = re.compile(r"The utterance 'utter_\w+' is not used in any story or rule\.")


def _rules() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((ROOT / "data" / "rules").glob("*.yml")):
        for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["rules"]:
            intent, action = (next(iter(step.values())) for step in rule["steps"])
            found[intent] = action
    return found


class _Recorder(EndpointConfig):  # type: ignore[misc]
    """An action server that says what it was asked to run."""

    def __init__(self) -> None:
        super().__init__(url="http://127.0.0.1:9/webhook")
        self.called: list[str] = []

    async def request(self, *_: Any, **kwargs: Any) -> Any:
        self.called.append(kwargs["json"]["next_action"])
        return {"events": [], "responses": [{"text": "answered"}]}


@pytest.fixture(scope="module")
def recorder() -> _Recorder:
    return _Recorder()


@pytest.fixture(scope="module")
def agent(recorder: _Recorder) -> Agent:
    settings = Settings.from_environment({name: value for name, value in os.environ.items() if name == "SPARC_MODELS"})
    return Agent.load(str(ensure_model(settings, print)), action_endpoint=recorder)


@pytest.fixture(scope="module")
def examples() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for text, intent in load_examples():
        found[intent].append(text)
    found["nlu_fallback"] = ["qwfp zxcv arst", "blorp vex quindle", "asdf jkl"]
    return found


@pytest.mark.parametrize(("intent", "action"), sorted(_rules().items()))
async def test_a_rule_leads_from_its_intent_to_its_action_and_ends_there(
    intent: str, action: str, agent: Agent, recorder: _Recorder, examples: dict[str, list[str]]
) -> None:
    for text in examples[intent][:_TRIED]:
        if (await agent.parse_message(text))["intent"]["name"] == intent:
            break
    else:
        pytest.fail(f"none of {_TRIED} examples of {intent} is read as it")
    recorder.called.clear()
    output = CollectingOutputChannel()
    await agent.handle_message(UserMessage(text, output, f"rule-{intent}", metadata={"identity": None, "direct": True}))
    assert recorder.called == [action]
    assert [message["text"] for message in output.messages] == ["answered"]
    tracker = await agent.tracker_store.retrieve(f"rule-{intent}")
    assert tracker is not None
    assert tracker.latest_action_name == "action_listen"
    assert tracker.active_loop_name is None


def test_rasas_validation_finds_no_contradiction_and_nothing_unexpected(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "rasa", "data", "validate"],
        cwd=ROOT,
        env={**os.environ, "RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1", "NO_COLOR": "1"},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "No story structure conflicts found" in said
    warnings = [line for line in said.splitlines() if "UserWarning" in line]
    assert [line for line in warnings if not _MEANT.search(line)] == []
