"""Lexicon files: their small syntax, and errors that name the file and the entry."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy

from bot.nlu.clinical import LexiconError
from bot.nlu.clinical.lexicon import LEXICON_FOLDER, Lexicon, expand
from bot.nlu.clinical.spelling import Speller
from bot.nlu.tokenizer import ClinicalTokenizer


@pytest.mark.parametrize(
    ("phrase", "readings"),
    [
        ("heart attack", ["heart attack"]),
        ("(a|b) c", ["a c", "b c"]),
        ("a [b] c", ["a b c", "a c"]),
        ("(x [y]|z)", ["x", "x y", "z"]),
    ],
)
def test_phrases_expand(phrase: str, readings: list[str]) -> None:
    assert expand(phrase) == readings


@pytest.mark.parametrize("phrase", ["(a", "a)", "[a", "a]"])
def test_brackets_must_pair(phrase: str) -> None:
    with pytest.raises(ValueError, match="brackets"):
        expand(phrase)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a list\n", "mapping"),
        ("thing:\n  phrases: [a]\n", "thing"),
        ("thing:\n  group: g\n", "thing"),
        ("thing:\n  group: g\n  phrases: ['(a']\n", "thing"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "spelling.yml").write_text("variants: {}\ncorrected_to: []\nreal_words: []\n", encoding="utf-8")
    (tmp_path / "broken.yml").write_text(content, encoding="utf-8")
    with pytest.raises(LexiconError, match=message):
        Lexicon.load(spacy.blank("en").vocab, tmp_path)


def test_capitals_tell_an_illness_from_a_title() -> None:
    vocab = spacy.blank("en").vocab
    lexicon = Lexicon.load(vocab)
    names = {
        text: {m.concept.name for m in lexicon.matches(ClinicalTokenizer(vocab, lexicon.speller)(text))}
        for text in ("has MS", "Ms Adair")
    }
    assert "other_autoimmune" in names["has MS"]
    assert "other_autoimmune" not in names["Ms Adair"]


@pytest.mark.parametrize(
    ("word", "read_as"),
    [
        ("adenocarcnoma", "adenocarcinoma"),
        ("anastamosis", "anastomosis"),
        ("oxaliplatn", "oxaliplatin"),
        ("singed", "signed"),
        ("ecgo", "ecog"),
        ("tumor", "tumour"),
        ("content", "content"),
        ("lesson", "lesson"),
        ("join", "join"),
    ],
)
def test_spelling(word: str, read_as: str) -> None:
    speller = Speller.from_file(LEXICON_FOLDER / "spelling.yml")
    assert speller(word) == read_as
