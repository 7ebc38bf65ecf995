"""Messages in patients' words, one a line in `messages/`, with the level that the site's table gives them.

The files were written by those who built the reader, from the table; what it does on messages that nobody tuned to is
reported in docs/safety.md.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bot.nlu.symptoms import SymptomReader
from bot.trial.triage import TriageRules, assess_symptoms

MESSAGES = Path(__file__).parent / "messages"
WORDINGS_OF_A_SIGN = 4


def lines(*names: str) -> list[str]:
    return [line for name in names for line in (MESSAGES / name).read_text(encoding="utf-8").splitlines() if line]


def level(reader: SymptomReader, rules: TriageRules, text: str) -> str | None:
    return assess_symptoms(rules, reader.read(text)).level


@pytest.mark.parametrize("text", lines("emergency.en.txt", "emergency.zh.txt"))
def test_emergency(reader: SymptomReader, rules: TriageRules, text: str) -> None:
    assert level(reader, rules, text) == "emergency"


@pytest.mark.parametrize("text", lines("urgent.en.txt", "urgent.zh.txt"))
def test_urgent_or_higher(reader: SymptomReader, rules: TriageRules, text: str) -> None:
    assert level(reader, rules, text) in ("urgent", "emergency")


@pytest.mark.parametrize("text", lines("routine.en.txt", "routine.zh.txt"))
def test_routine(reader: SymptomReader, rules: TriageRules, text: str) -> None:
    assert level(reader, rules, text) == "routine"


@pytest.mark.parametrize("text", lines("none.en.txt", "none.zh.txt"))
def test_no_triage(reader: SymptomReader, rules: TriageRules, text: str) -> None:
    assert level(reader, rules, text) is None


@pytest.mark.parametrize("text", lines("vomited_tablets.txt"))
def test_vomiting_right_after_the_tablets_only_carries_its_flag(
    reader: SymptomReader, rules: TriageRules, text: str
) -> None:
    triage = assess_symptoms(rules, reader.read(text))
    assert (triage.level, triage.flags) == (None, ("vomited_tablets",))


def test_every_sign_of_the_rules_is_tried_in_several_wordings(reader: SymptomReader, rules: TriageRules) -> None:
    tried: Counter[str] = Counter()
    for text in lines(*(file.name for file in MESSAGES.glob("*.txt") if not file.name.startswith("none"))):
        tried.update({finding.concept for finding in reader.read(text) if finding.status == "present"})
    assert [sign for sign in sorted(rules.signs()) if tried[sign] < WORDINGS_OF_A_SIGN] == []
