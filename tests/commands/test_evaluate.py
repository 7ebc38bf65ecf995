"""`./sparc eval` compares as the contract says: what was expected must be there and equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.commands.client import Unreachable
from bot.commands.evaluate import differences, evaluate, load_dialogues
from bot.errors import ClientError, SparcError

NEXT = {"answer": "next_visit", "about": "P-0003", "language": "en",
        "data": {"visit": {"visit": "C2D1", "date": "2026-06-15", "window": None, "days_until": 5}, "reason": None}}  # fmt: skip
LIST = {
    "answer": "visit_list",
    "data": {"visits": [{"visit": "C2D1", "status": "done"}, {"visit": "C3D1", "status": "booked"}]},
}
ON = {"answer": "visits_on", "data": {"visits": [
    {"visit": "C2D1", "participant": "P-0003"}, {"visit": "C2D1", "participant": "P-0004"}]}}  # fmt: skip
CHECK = {"answer": "eligibility_check", "data": {"criteria": [
    {"id": "I01", "result": "pass", "evidence": ["signed"]}, {"id": "E03", "result": "unknown", "evidence": []}],
    "ask_next": ["E03", "I05"]}}  # fmt: skip
DOSES = {
    "answer": "dose_schedule",
    "data": {"items": [{"drug": "capecitabine", "per_dose_mg": 1650}], "next": {"capecitabine": None}},
}
CRITERIA = {"answer": "eligibility_criteria", "data": {"criteria": ["I01", "I02"]}}
TWO = {
    "answer": "next_visit",
    "also": [{"answer": "contact", "data": {"contacts": [1]}}, {"answer": "dose_amount", "data": {}}],
}


@pytest.mark.parametrize(
    ("expect", "custom"),
    [
        ({}, NEXT), ({"answer": "next_visit"}, NEXT), ({"answer": ["clarify", "next_visit"]}, NEXT),
        ({"about": "P-0003", "language": "en"}, NEXT), ({"data": {}}, NEXT), ({"data": {"reason": None}}, NEXT),
        ({"data": {"visit": {"visit": "C2D1", "window": None}}}, NEXT), ({"data": {"visit": {"days_until": 5.0}}}, NEXT),
        ({"missing": None}, NEXT),
        ({"data": {"visits": [{"visit": "C3D1"}]}}, LIST), ({"data": {"visits": [{"visit": "C3D1"}, {"visit": "C2D1"}]}}, LIST),
        ({"data": {"visits": [{"status": "booked"}]}}, LIST),
        ({"data": {"visits": [{"visit": "C2D1", "participant": "P-0004"}, {"visit": "C2D1", "participant": "P-0003"}]}}, ON),
        ({"data": {"visits": []}}, {"answer": "visits_on", "data": {"visits": []}}),
        ({"data": {"criteria": [{"id": "E03", "result": "unknown"}]}}, CHECK),
        ({"data": {"criteria": []}}, {"data": {"criteria": []}}), ({"data": {"criteria": ["I02"]}}, CRITERIA),
        ({"data": {"ask_next": ["E03", "I05"]}}, CHECK),
        ({"data": {"items": [{"drug": "capecitabine", "per_dose_mg": 1650.0}]}}, DOSES),
        ({"data": {"next": {"capecitabine": None}}}, DOSES),
        ({"also": [{"answer": "dose_amount"}]}, TWO), ({"also": [{"answer": "dose_amount"}, {"answer": "contact"}]}, TWO),
        ({"text_has": ["15 June", "C2D1"]}, NEXT), ({"text_lacks": ["P-0003"]}, NEXT), ({"text_has": [], "text_lacks": []}, NEXT),
        ({"data": {"visit": {"any": [{"visit": "C1D1"}, {"visit": "C2D1"}]}}}, NEXT),
    ],
)  # fmt: skip
def test_what_is_there_and_equal_is_right(expect: dict[str, Any], custom: dict[str, Any]) -> None:
    assert differences(expect, custom, "C2D1 is on 15 June") == []


@pytest.mark.parametrize(
    ("expect", "custom", "says"),
    [
        ({"answer": "clarify"}, NEXT, "answer"), ({"answer": ["clarify", "help"]}, NEXT, "answer"),
        ({"about": None}, NEXT, "about"), ({"also": []}, TWO, "also"), ({"data": {"visit": None}}, NEXT, "data.visit"),
        ({"data": {"visit": {"date": "2026-06-16"}}}, NEXT, "data.visit.date"),
        ({"data": {"visit": {"days_until": True}}}, {"data": {"visit": {"days_until": 1}}}, "days_until"),
        ({"data": {"double": False}}, {"data": {"double": 0}}, "double"), ({"data": {"double": False}}, {"data": {}}, "double"),
        ({"data": {"visit": {"visit": "C2D1"}}}, {"answer": "next_visit", "data": {"visit": None}}, "expected an object"),
        ({"data": {"visit": {"visit": "C2D1"}}}, {}, "data"),
        ({"data": {"visits": [{"visit": "C4D1"}]}}, LIST, "lacks"), ({"data": {"visits": []}}, LIST, "expected nothing"),
        ({"data": {"visits": [{"visit": "C3D1", "status": "done"}]}}, LIST, "status"),
        ({"data": {"visits": [{"visit": "C3D1"}, {"visit": "C3D1"}]}}, LIST, "lacks"),
        ({"data": {"visits": [{"visit": "C2D1"}]}}, ON, "has"),
        ({"data": {"visits": [{"visit": "C2D1", "participant": "P-0009"}, {"visit": "C2D1"}]}}, ON, "lacks"),
        ({"data": {"visits": [{"status": "cancelled"}]}}, LIST, "status"), ({"data": {"visits": [{"visit": "C2D1"}]}}, {"data": {}}, "visits"),
        ({"data": {"criteria": [{"id": "E03", "result": "pass"}]}}, CHECK, "E03"),
        ({"data": {"criteria": [{"id": "E99"}]}}, CHECK, "lacks"), ({"data": {"criteria": ["E03"]}}, CRITERIA, "E03"),
        ({"data": {"criteria": [{"id": "I01"}]}}, CRITERIA, "lacks"), ({"data": {"criteria": ["I01"]}}, CHECK, "I01"),
        ({"data": {"ask_next": ["I05", "E03"]}}, CHECK, "ask_next"), ({"data": {"ask_next": ["E03"]}}, CHECK, "ask_next"),
        ({"data": {"items": []}}, DOSES, "items"), ({"data": {"items": [{"drug": "oxaliplatin"}]}}, DOSES, "oxaliplatin"),
        ({"data": {"items": [{"drug": "capecitabine", "per_dose_mg": None}]}}, DOSES, "per_dose_mg"),
        ({"data": {"next": {"capecitabine": "2026-06-29"}}}, DOSES, "next.capecitabine"),
        ({"also": [{"answer": "greeting"}]}, TWO, "greeting"), ({"also": [{"answer": "contact"}]}, NEXT, "also"),
        ({"text_has": ["16 June"]}, NEXT, "text lacks"), ({"text_lacks": ["June"]}, NEXT, "text has"),
        ({"data": {"visit": {"any": [{"visit": "C1D1"}, None]}}}, NEXT, "one of"),
    ],
)  # fmt: skip
def test_what_is_not_there_or_not_equal_is_said(expect: dict[str, Any], custom: dict[str, Any], says: str) -> None:
    problems = differences(expect, custom, "C2D1 is on 15 June")
    assert problems
    assert says in " ".join(problems)


# --- files ------------------------------------------------------------------------------------------------------


def _file(tmp_path: Path, *lines: Any, encoding: str = "utf-8") -> Path:
    path = tmp_path / "dialogues.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    path.write_bytes(text.encode(encoding))
    return path


GOOD = {"id": "x1", "as": "li.wei", "turns": [{"say": "hello", "expect": {"answer": "greeting"}}]}


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    odd = {**GOOD, "turns": [{"say": "one\u2028two\x85three\u2029"}]}
    assert load_dialogues(_file(tmp_path, GOOD, "", "  ", odd)) == [GOOD, odd]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_mark_at_the_start_is_no_matter(tmp_path: Path, encoding: str) -> None:
    assert load_dialogues(_file(tmp_path, GOOD, encoding=encoding)) == [GOOD]


def test_line_ends_of_other_systems_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.jsonl"
    path.write_bytes(f"{json.dumps(GOOD)}\r\n{json.dumps(GOOD)}\r\n".encode())
    assert load_dialogues(path) == [GOOD, GOOD]


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "7", "null", "text", {"id": "x"}, {**GOOD, "turns": None}, {**GOOD, "turns": [{"text": "no say"}]},
        {**GOOD, "turns": ["hello"]}, {**GOOD, "turns": [{"say": 7}]}, {**GOOD, "as": ["li.wei"]}, {**GOOD, "as": None},
        {"as": "li.wei", "turns": []}, {**GOOD, "turns": [{"say": "x", "as": 3}]},
        {**GOOD, "turns": [{"say": "x", "expect": "greeting"}]}, "[" * 100_000,
    ],
    ids=lambda line: str(line)[:40],
)  # fmt: skip
def test_a_line_that_is_no_dialogue_is_named(tmp_path: Path, line: Any) -> None:
    with pytest.raises(SparcError, match="line 2: expected"):
        load_dialogues(_file(tmp_path, GOOD, line))


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SparcError, match="UTF-8"):
        load_dialogues(_file(tmp_path, GOOD, encoding="utf-16"))


# --- runs -------------------------------------------------------------------------------------------------------


class Replies:
    """Stands where the client stands; refuses what holds the word refuse."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, bool]] = []

    def __call__(self, account: str, conversation: str, text: str, direct: bool) -> list[dict[str, Any]]:
        self.sent.append((account, conversation, text, direct))
        if "refuse" in text:
            raise ClientError("the server refused the message (400): text: expected something written")
        if "nobody" in text:
            raise Unreachable("nobody answers")
        return [{"text": "Good day.", "custom": {"answer": "greeting"}}] if text != "silence" else []


def _dialogue(name: str, *turns: dict[str, Any], account: str = "li.wei", **more: Any) -> dict[str, Any]:
    return {"id": name, "as": account, "turns": list(turns), **more}


HELLO = {"say": "hello", "expect": {"answer": "greeting"}}
WRONG = {"say": "hello", "expect": {"answer": "help"}}


def test_results_come_in_the_files_order_with_their_failures() -> None:
    dialogues = [_dialogue("a", HELLO), _dialogue("b", HELLO, WRONG, account="he.tao"), _dialogue("c", WRONG)]
    results = evaluate(dialogues, Replies())
    assert [(result.id, result.turns, len(result.failures)) for result in results] == [
        ("a", 1, 0),
        ("b", 2, 1),
        ("c", 1, 1),
    ]
    assert results[1].failures[0].startswith("turn 2: answer")


def test_each_dialogue_has_a_conversation_of_its_own_and_each_run_too() -> None:
    replies = Replies()
    for _ in range(2):
        evaluate([_dialogue("a", HELLO, HELLO), _dialogue("b", HELLO)], replies)
    conversations = [conversation for _, conversation, _, _ in replies.sent]
    assert (len(conversations), len(set(conversations))) == (6, 4)


def test_a_turn_may_have_its_own_speaker_and_room() -> None:
    replies = Replies()
    turns = ({"say": "1"}, {"say": "2", "as": "he.tao"}, {"say": "3", "direct": False})
    evaluate(
        [_dialogue("a", *turns), _dialogue("b", {"say": "4"}, {"say": "5", "direct": True}, direct=False)], replies
    )
    assert sorted((text, account, direct) for account, _, text, direct in replies.sent) == [
        ("1", "li.wei", True), ("2", "he.tao", True), ("3", "li.wei", False), ("4", "li.wei", False), ("5", "li.wei", True),
    ]  # fmt: skip


def test_a_refused_message_fails_its_dialogue_alone() -> None:
    results = evaluate([_dialogue("a", {"say": "refuse"}, HELLO), _dialogue("b", HELLO)], Replies())
    assert ["refused" in " ".join(result.failures) for result in results] == [True, False]


def test_no_server_ends_the_run() -> None:
    with pytest.raises(Unreachable):
        evaluate([_dialogue("a", {"say": "nobody"}), _dialogue("b", HELLO)], Replies())


def test_an_empty_reply_lacks_what_was_expected() -> None:
    (result,) = evaluate([_dialogue("a", {"say": "silence", "expect": {"answer": "greeting"}})], Replies())
    assert result.failures


def test_no_dialogues_are_no_failures() -> None:
    assert evaluate([], Replies()) == []
