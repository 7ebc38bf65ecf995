"""Whole labelled notes: the site's examples where they are at hand, the project's own, and those held out.

`held_out.jsonl` and `fresh.jsonl` were unseen when they were first scored (docs/measurements.md); what was missed has been
worked from since, so their totals here only hold what was reached.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.trial.eligibility import Assessment

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT.parent / "shared" / "examples" / "precheck.jsonl"
DEVELOPMENT = ROOT / "tests" / "data" / "notes" / "dev.jsonl"
HELD_OUT = ROOT / "tests" / "data" / "notes" / "held_out.jsonl"
VOICES = ROOT / "tests" / "data" / "notes" / "voices.jsonl"
#: Nobody who works on the reader has read it: totals alone, and their floor is what was reached at first sight.
UNSEEN = ROOT / "tests" / "data" / "notes" / "unseen.jsonl"
AUTHORS = ROOT / "tests" / "data" / "notes" / "authors.jsonl"

Check = Callable[..., Assessment]


def load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@dataclass(frozen=True)
class Score:
    """Shares of right answers over a file: all criteria, those decided, verdicts; and barriers called passed."""

    criteria: float
    decided: float
    verdict: float
    passed_over: int


def score(check: Check, notes: list[dict[str, Any]]) -> Score:
    right = decided = decided_right = verdicts = passed_over = 0
    for note in notes:
        found = check(note["note"], date.fromisoformat(note.get("clock", "2026-06-10")))
        verdicts += found.verdict == note["verdict"]
        for result in found.criteria:
            gold = note["gold"][result.id]
            right += gold == result.result
            decided += gold != "unknown"
            decided_right += gold != "unknown" and gold == result.result
            passed_over += gold == "fail" and result.result == "pass"
    return Score(right / (27 * len(notes)), decided_right / decided, verdicts / len(notes), passed_over)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the shared examples are not here")
@pytest.mark.parametrize("note", load(EXAMPLES), ids=lambda note: note["id"])
def test_examples_of_the_site(check: Check, note: dict[str, Any]) -> None:
    found = check(note["note"], date.fromisoformat(note.get("clock", "2026-06-10")))
    wrong = {r.id: (r.result, r.why) for r in found.criteria if r.result != note["gold"][r.id]}
    assert wrong == {}
    assert found.verdict == note["verdict"]


@pytest.mark.parametrize(
    "path", [DEVELOPMENT, HELD_OUT, VOICES, AUTHORS], ids=["development", "held out", "voices", "authors"]
)
def test_totals(check: Check, path: Path) -> None:
    reached = score(check, load(path))
    assert reached.criteria >= 0.97
    assert reached.decided >= 0.93
    assert reached.verdict >= 0.95
    assert reached.passed_over == 0


def test_notes_that_nobody_has_worked_from(check: Check) -> None:
    reached = score(check, load(UNSEEN))
    assert reached.criteria >= 0.97
    assert reached.decided >= 0.93
    assert reached.verdict >= 0.88
    assert reached.passed_over == 0
