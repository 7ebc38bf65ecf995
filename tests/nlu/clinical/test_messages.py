"""A pasted note, or shorthand about a patient, is told from a question and from a patient's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.nlu.clinical import ClinicalReader

CASES = [
    tuple(line.split(" ", 1))
    for line in (Path(__file__).with_name("data") / "messages.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("kind", "message"), CASES, ids=[case[1] for case in CASES])
def test_message(reader: ClinicalReader, kind: str, message: str) -> None:
    assert reader.looks_like_note(message) == (kind == "note")
