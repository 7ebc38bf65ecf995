"""Every cell of the site's reading rules in many wordings, one sentence a case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.trial.eligibility import Assessment

DATA = Path(__file__).with_name("data")
CASES = [
    tuple(line.replace("\\n", "\n").split(" ", 2))
    for path in sorted(DATA.glob("cells_*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("criterion", "expected", "sentence"), CASES, ids=[" ".join(case) for case in CASES])
def test_cell(check: Callable[[str], Assessment], criterion: str, expected: str, sentence: str) -> None:
    result = check(sentence).result(criterion)
    assert result.result == expected, result.why
