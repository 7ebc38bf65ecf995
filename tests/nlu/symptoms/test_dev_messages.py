"""Messages written by somebody else from the site's table, open for development, scored together.

They were held out once and are no measure of what is unseen any more; docs/safety.md names the goals, which these must
meet as a whole.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.nlu.symptoms import SymptomReader
from bot.trial.triage import TriageRules, assess_symptoms

DIALOGUES = Path(__file__).parents[2] / "data" / "dialogues"
DEV = DIALOGUES / "symptoms_dev.jsonl"
#: Two further sets by other authors, in plain and imaginative wordings; a message may allow two levels.
DEV_2 = DIALOGUES / "symptoms_dev2.jsonl"
ORDER = [None, "routine", "urgent", "emergency"]


def share(reader: SymptomReader, rules: TriageRules, label: str | None, at_least: str) -> float:
    """The share of messages with this label that are given at least this level."""
    rows = [json.loads(line) for line in DEV.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [row["text"] for row in rows if row["level"] == label]
    levels = [assess_symptoms(rules, reader.read(text)).level for text in texts]
    return sum(ORDER.index(level) >= ORDER.index(at_least) for level in levels) / len(texts)


@pytest.mark.parametrize(
    ("label", "at_least", "floor"),
    [("emergency", "emergency", 1.0), ("urgent", "urgent", 0.97)],
)
def test_signs_are_recognised(
    reader: SymptomReader, rules: TriageRules, label: str, at_least: str, floor: float
) -> None:
    assert share(reader, rules, label, at_least) >= floor


def test_false_alarms_are_few(reader: SymptomReader, rules: TriageRules) -> None:
    assert share(reader, rules, None, "routine") <= 0.05


def share_2(reader: SymptomReader, rules: TriageRules, label: str | None, at_least: str) -> float:
    """The same of the second file, for messages that allow no lower level than this."""
    rows = [json.loads(line) for line in DEV_2.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [row["text"] for row in rows if min(row["levels"], key=ORDER.index) == label]
    levels = [assess_symptoms(rules, reader.read(text)).level for text in texts]
    return sum(ORDER.index(level) >= ORDER.index(at_least) for level in levels) / len(texts)


@pytest.mark.parametrize(
    ("label", "at_least", "floor"),
    [("emergency", "emergency", 1.0), ("urgent", "urgent", 0.99), ("routine", "routine", 0.95)],
)
def test_signs_in_imaginative_wordings_are_recognised(
    reader: SymptomReader, rules: TriageRules, label: str, at_least: str, floor: float
) -> None:
    assert share_2(reader, rules, label, at_least) >= floor


def test_signs_only_spoken_of_raise_little(reader: SymptomReader, rules: TriageRules) -> None:
    assert share_2(reader, rules, None, "routine") <= 0.03
