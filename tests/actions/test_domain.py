"""Domain, rules, registry and responses say the same."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from actions.registry import TOPIC_HANDLERS
from bot.config import ROOT
from bot.nlu.questions.examples import load_examples
from bot.phrases import PhraseError, Phrases


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_every_intent_has_one_rule_to_its_topics_action() -> None:
    rules = [rule for file in sorted((ROOT / "data" / "rules").glob("*.yml")) for rule in _yaml(file)["rules"]]
    found = {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in rules}
    wanted = {intent: action for action, handlers in TOPIC_HANDLERS.items() for intent in handlers}
    assert found == wanted
    assert len(rules) == len(wanted)
    assert max(Counter(rule["rule"] for rule in rules).values()) == 1


def test_the_domain_knows_every_intent_and_action() -> None:
    domain = _yaml(ROOT / "domain.yml")
    intents = {next(iter(intent)) if isinstance(intent, dict) else intent for intent in domain["intents"]}
    assert intents | {"nlu_fallback"} == {intent for handlers in TOPIC_HANDLERS.values() for intent in handlers}
    assert set(domain["actions"]) == set(TOPIC_HANDLERS)


def test_every_trained_intent_is_answered() -> None:
    trained = {intent for _, intent in load_examples()}
    answered = {intent for handlers in TOPIC_HANDLERS.values() for intent in handlers}
    assert trained <= answered
    assert answered - trained <= {"nlu_fallback"}


def test_both_languages_of_a_response_use_the_same_variables(phrases: Phrases) -> None:
    uneven = {name: found for name in phrases.texts if len(set((found := phrases.variables(name)).values())) > 1}
    assert not uneven


def test_every_response_that_the_actions_name_is_there_and_none_is_left_over(phrases: Phrases) -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "actions").glob("*.py")))
    named = set(re.findall(r'"(utter_[a-z_0-9]+)"', source))
    built = [
        re.compile(re.sub(r"\{[^}]*\}", "[a-z_0-9]+", found) + r"\Z")
        for found in re.findall(r'f"(utter_[^"]*)"', source)
    ]
    built += [
        re.compile(re.sub(r"\{[^}]*\}", "[a-z_0-9]+", found) + r"\Z")
        for found in re.findall(r"f'(utter_[^']*)'", source)
    ]
    assert named <= set(phrases.texts), named - set(phrases.texts)
    unused = [name for name in phrases.texts if name not in named and not any(p.match(name) for p in built)]
    assert not unused


def test_a_missing_variable_is_an_error(phrases: Phrases) -> None:
    with pytest.raises(PhraseError, match="ticket"):
        phrases.say("utter_ticket_unknown", "en")
    with pytest.raises(PhraseError, match="utter_no_such"):
        phrases.say("utter_no_such", "en")


def test_buttons_are_plain_words(phrases: Phrases) -> None:
    for name, texts in phrases.texts.items():
        if name.startswith("utter_meaning_"):
            assert not any(text.startswith("/") or "{" in text for text in texts.values()), name


def test_actions_parse_without_rasa_names() -> None:
    for path in sorted((ROOT / "actions").glob("*.py")):
        imported = {
            (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }
        assert not any(name == "rasa" or name.startswith(("rasa.", "tensorflow")) for name in imported), path
