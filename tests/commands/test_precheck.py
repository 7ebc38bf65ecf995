"""`./sparc precheck`: one assessment a note, whatever the note looks like."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from bot.commands import precheck as module
from bot.commands.precheck import _parse, precheck

TODAY = date(2026, 6, 10)
NOTE = "58M, ECOG 1, cT3N1M0, MSS, 6 cm from the anal verge, adenocarcinoma"


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (NOTE, (NOTE, TODAY, None)), ("", ("", TODAY, None)),
        (json.dumps({"note": NOTE}), (NOTE, TODAY, None)),
        (json.dumps({"note": "line 1\nline 2", "id": "x1"}), ("line 1\nline 2", TODAY, "x1")),
        (json.dumps({"note": NOTE, "clock": "2026-05-01"}), (NOTE, date(2026, 5, 1), None)),
        (json.dumps({"note": NOTE, "clock": "2026-05-01T23:30:00Z"}), (NOTE, date(2026, 5, 2), None)),
        (json.dumps({"note": NOTE, "clock": "2026-05-01T23:30:00+08:00", "id": 7}), (NOTE, date(2026, 5, 1), 7)),
        (json.dumps({"note": NOTE, "clock": None, "gold": {}}), (NOTE, TODAY, None)),
        ("  " + json.dumps({"note": NOTE}), (NOTE, TODAY, None)),
    ],
)  # fmt: skip
def test_a_line_is_a_note_or_an_object_with_one(line: str, parsed: tuple[str, date, object]) -> None:
    assert _parse(line, TODAY) == parsed


@pytest.mark.parametrize(
    "line",
    [
        "{58M, ECOG 1}", "{", '{"text": "no note"}', "[1]", '"note"', '{"a":' * 100_000,
    ],
    ids=lambda line: line[:40],
)  # fmt: skip
def test_any_other_line_is_the_note_itself(line: str) -> None:
    assert _parse(line, TODAY) == (line, TODAY, None)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('{"note": 7}', "note"), ('{"note": null}', "note"),
        ('{"note": "x", "clock": "yesterday"}', "clock"), ('{"note": "x", "clock": 7}', "clock"),
    ],
)  # fmt: skip
def test_an_object_that_is_not_as_it_should_be_is_named_and_keeps_no_other_back(line: str, place: str) -> None:
    first, second, third = precheck([NOTE, line, NOTE], TODAY)
    assert first == third
    assert second["line"] == 2
    assert second["error"].startswith(f"{place}: expected ")


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    lines = [
        NOTE, json.dumps({"id": "x2", "note": "72F, MSI-H, ECOG 3"}), "", "\x00\x1b[K\ufffd\u200b\u202e", "a" * 20_000,
        "今天天气很好", "{58M, MSS}",
    ]  # fmt: skip
    return list(precheck(lines, TODAY))


def test_every_note_has_27_results_in_the_records_order(results: list[dict[str, Any]]) -> None:
    ids = [f"I{n:02d}" for n in range(1, 12)] + [f"E{n:02d}" for n in range(1, 17)]
    assert [[criterion["id"] for criterion in result["criteria"]] for result in results] == [ids] * 7
    assert {result["verdict"] for result in results} <= {"barrier_found", "incomplete", "no_barrier_found"}


def test_an_id_comes_back_and_is_not_made_up(results: list[dict[str, Any]]) -> None:
    assert [result.get("id") for result in results] == [None, "x2", None, None, None, None, None]


def test_what_says_nothing_is_unknown_throughout(results: list[dict[str, Any]]) -> None:
    for result in (results[2], results[3], results[5]):
        assert {criterion["result"] for criterion in result["criteria"]} == {"unknown"}


def test_invisible_characters_hide_nothing_as_in_the_chat() -> None:
    plain, hidden = precheck([NOTE, NOTE.replace("ECOG", "EC\u200bOG").replace("MSS", "M\u00adSS")], TODAY)
    assert hidden == plain


def test_results_are_plain_json(results: list[dict[str, Any]]) -> None:
    assert json.loads(json.dumps(results)) == results


def test_notes_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        @classmethod
        def load(cls) -> Silent:
            return cls()

        def read(self, text: str, today: date) -> tuple[()]:
            return ()

    monkeypatch.setattr(module, "ClinicalReader", Silent)
    asked: list[int] = []

    def lines() -> Any:
        for number in range(3):
            asked.append(number)
            yield NOTE

    results = precheck(lines(), TODAY)
    next(results)
    assert asked == [0]
