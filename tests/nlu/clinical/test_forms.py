"""One complete patient in many forms: dictated, as a table, as an interview, as a list of denials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.trial.eligibility import Assessment

FORMS = (Path(__file__).with_name("data") / "complete_notes.txt").read_text(encoding="utf-8").split("\n====\n")


@pytest.mark.parametrize("note", FORMS, ids=[note.split("\n")[0][:40] for note in FORMS])
def test_nothing_stands_in_the_way(check: Callable[[str], Assessment], note: str) -> None:
    found = check(note)
    assert {r.id: (r.result, r.why) for r in found.criteria if r.result != "pass"} == {}
    assert found.verdict == "no_barrier_found"
