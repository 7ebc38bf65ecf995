"""The reader as a whole: round trip, any string, the lexicon's own checks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.nlu.symptoms import LexiconError, SymptomReader
from bot.nlu.symptoms.lexicon import LEXICON_FOLDER
from bot.trial.triage import SymptomFinding, TriageRules

READER = SymptomReader.load()
WORDS = [
    "no",
    "fever",
    "38.5",
    "if",
    "my",
    "wife",
    "chest",
    "pain",
    "I",
    "have",
    "，",
    "没有",
    "发烧",
    "?",
    ".",
    "but",
    "last",
    "cycle",
    "\n",
]


def test_findings_survive_json(reader: SymptomReader) -> None:
    found = reader.read("Temp 38.4 and shivering, vomited 3 times, my wife has a cough")
    assert found
    assert tuple(SymptomFinding.from_json(json.loads(json.dumps(finding.to_json()))) for finding in found) == found


def test_the_evidence_is_the_writers_own_words(reader: SymptomReader) -> None:
    assert [finding.evidence for finding in reader.read("So… CRUSHING pain in my Chest!")] == [
        "CRUSHING pain in my Chest"
    ]


def test_every_sign_of_the_rules_can_be_read(rules: TriageRules) -> None:
    readable = {sign.name for sign in READER._lexicon.signs} | {"temperature"}
    assert rules.signs() - readable == set()


def test_every_sign_that_is_read_has_a_rule(rules: TriageRules) -> None:
    assert {sign.name for sign in READER._lexicon.signs} - rules.signs() == set()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_string_breaks_it(text: str) -> None:
    for finding in READER.read(text):
        assert finding.evidence in text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_no_jumble_of_symptom_words_breaks_it(words: list[str]) -> None:
    text = " ".join(words)
    assert READER.read(text) == READER.read(text)


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("ches tpain", "chest_pain"),
        ("throat closng", "airway_swelling"),
        ("my chest hurtss", "chest_pain"),
        ("my chest!! it hurts!", "chest_pain"),
        ("could not speak all of a sudden", "stroke_signs"),
        ("I bleed and bleed", "bleeding_severe"),
    ],
)
def test_mistyped_and_broken_up(reader: SymptomReader, text: str, concept: str) -> None:
    assert concept in {finding.concept for finding in reader.read(text)}


@pytest.mark.parametrize("text", ["", " ", "\x00", "😀" * 50, "a" * 20_000, "chest pain " * 2_000, "38.5 " * 2_000])
def test_odd_messages(text: str) -> None:
    assert isinstance(READER.read(text), tuple)


def test_unknown_words_do_not_grow_the_vocabulary(reader: SymptomReader) -> None:
    before = len(reader._lexicon.vocab.strings)
    reader.read("zxqwv plmokn and a secret name Xiaolongbao")
    assert len(reader._lexicon.vocab.strings) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("words: [a]", "words: expected a mapping"),
        ("surplus: {}", "expected only the sections"),
        ("words: {a: [1]}", "words.a: 1 is no text"),
        ("signs: {a: {}}", "signs.a: expected patterns"),
        ("signs: {a: [<nowhere> + pain]}", "unknown list <nowhere>"),
        ("signs: {a: [<nowhere>]}", "unknown list <nowhere>"),
        ("signs: [", "en.yml"),
    ],
)
def test_a_broken_lexicon_is_refused(tmp_path: Path, content: str, message: str) -> None:
    shutil.copytree(LEXICON_FOLDER, tmp_path / "lexicon")
    (tmp_path / "lexicon" / "en.yml").write_text(content, encoding="utf-8")
    with pytest.raises(LexiconError, match=message):
        SymptomReader.load(tmp_path / "lexicon")


@pytest.mark.parametrize("text", ["my elbow makes music", "I feel like a tram", "我膝盖怪怪的", "his liver is singing"])
def test_it_speaks_of_the_body(reader: SymptomReader, text: str) -> None:
    assert reader.speaks_of_body(text)


@pytest.mark.parametrize(
    "text", ["when is my next visit", "the head nurse called", "下次什么时候来", "on the other hand", ""]
)
def test_it_does_not_speak_of_the_body(reader: SymptomReader, text: str) -> None:
    assert not reader.speaks_of_body(text)
