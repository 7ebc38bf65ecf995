"""Gates rule out what cannot match, and nothing else."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bot.nlu.clinical
from bot.config import ROOT
from bot.nlu.date_forms import RULES
from bot.nlu.gates import Gate, grams, may_match, needs, plain
from bot.nlu.questions import participants
from bot.nlu.questions.lexicon import Lexicon, Table

_LEXICON = Lexicon.load()
_TABLES = ("visits", "classes", "drugs", "scopes", "criteria", "concepts")


def _table(name: str) -> Table:
    table: Table = getattr(_LEXICON, name)
    return table


def _clinical() -> Iterator[re.Pattern[str]]:
    for module in pkgutil.walk_packages(bot.nlu.clinical.__path__, "bot.nlu.clinical."):
        yield from (
            value for value in vars(importlib.import_module(module.name)).values() if isinstance(value, re.Pattern)
        )


_ALL = [
    *(pattern for name in _TABLES for _, pattern in _table(name)),
    *(pattern for pattern, _ in RULES),
    *participants._PATTERNS,
    *participants._TICKETS,
    *_clinical(),
]


def _messages() -> list[str]:
    data = ROOT / "tests" / "data"
    texts = [json.loads(line)["text"] for line in (data / "nlu_held_out.jsonl").read_text("utf-8").splitlines()]
    texts += [json.loads(line)["note"] for line in (data / "notes" / "dev.jsonl").read_text("utf-8").splitlines()]
    return texts


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("visit", {"vis"}),
        (r"\bnext\s+visit", {"nex"}),
        ("ab|cd", {"ab", "cd"}),
        ("ab|.", None),
        ("a(?:bb|c)d", {"a"}),
        ("a[bc]d", {"abd", "acd"}),
        ("colou?r", {"col"}),
        ("(?:xyz)?", None),
        ("(?:xyz)*ab", {"ab"}),
        ("(?:xyz)+", {"xyz"}),
        (r"\d+", None),
        (r"\d+\s*mg", {"mg"}),
        (r"(?<=on )\d", {"on "}),
        (r"(?!no)yes", {"yes"}),
        ("ab(?=cd)", {"ab"}),
        ("a(?=bcd)", {"bcd"}),
        (r"do\b[ ]n", {"do "}),
        ("化疗|chemo", {"化疗", "che"}),
        ("[^a]b", {"b"}),
        ("(a)\\1", {"a"}),
        ("", None),
    ],
)
def test_what_an_expression_needs(pattern: str, needed: set[str] | None) -> None:
    assert needs(re.compile(pattern)) == needed


def test_a_table_lets_through_in_its_order() -> None:
    gate = Gate(map(re.compile, ("zebra", r"\d", "horse", "ass", "zeb")))
    assert list(gate.through("a zebra")) == [0, 1, 4]
    assert list(gate.through("no such thing")) == [1]


@pytest.mark.parametrize("name", _TABLES)
def test_a_gated_table_finds_what_the_whole_table_finds(name: str) -> None:
    table = _table(name)
    for text in _messages():
        found = [entry for entry in table if entry[1].search(text)]
        assert [entry for entry in table.likely(text) if entry[1].search(text)] == found


def test_few_are_let_through() -> None:
    """Else the gates would be of no use."""
    let = sum(len(list(_table("concepts").likely(text))) for text in _messages())
    assert let < 0.5 * len(_messages()) * len(_table("concepts"))


@pytest.mark.parametrize("pattern", _ALL, ids=range(len(_ALL)))
def test_every_text_of_an_expression_passes_its_gate(pattern: re.Pattern[str]) -> None:
    @settings(max_examples=4, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(pattern), st.sampled_from((str, str.upper, str.lower, str.title)))
    def passes(text: str, written: type[str]) -> None:
        for one in (text, written(text)):
            assert not pattern.search(one) or may_match(pattern, one)

    passes()


def test_what_ignores_case_is_the_same_in_plain_text() -> None:
    """Every character that Python takes for another where case is ignored."""
    kin: dict[str, set[str]] = {}
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        for other in {char.lower(), char.upper(), char.title(), char.casefold()} - {char}:
            if len(other) == 1:
                kin.setdefault(char, set()).add(other)
                kin.setdefault(other, set()).add(char)
    kin.setdefault("i", set()).update("İı")
    for char, others in kin.items():
        pattern = re.compile(re.escape(char), re.IGNORECASE)
        for other in others | {far for near in others for far in kin.get(near, ())}:
            if pattern.fullmatch(other):
                assert plain(other) == plain(char), (char, other)
                assert may_match(pattern, f"x{other}y")


def test_pieces_of_a_text() -> None:
    assert grams("Abca") == {"a", "b", "c", "ab", "bc", "ca", "abc", "bca"}
    assert grams("") == frozenset()
