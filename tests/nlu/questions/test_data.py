"""What the training data must hold to: its format, no sentence twice, none that a test set holds."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from bot.nlu.questions.examples import DATA_FOLDER, ExamplesError, load_examples

TEST_DATA = Path(__file__).parents[2] / "data"
TOPICS = [
    "purpose", "design", "treatment", "penpulimab", "capecitabine", "oxaliplatin", "radiotherapy", "surgery",
    "watch_and_wait", "neoadjuvant", "mss", "status", "size", "dates", "location", "sponsor", "investigator", "results",
    "references", "identifier", "not_in_record",
]  # fmt: skip
INTENTS = {
    *(f"ask_trial_{topic}" for topic in TOPICS),
    "greet", "goodbye", "thank", "ask_help", "ask_next_visit", "ask_visit_list", "ask_visit_detail",
    "ask_dose_schedule", "ask_dose_amount", "report_missed_dose", "check_eligibility", "ask_eligibility_criteria",
    "ask_participant_status", "ask_enrolment_summary", "ask_visits_on", "request_reschedule", "report_symptom",
    "ask_contact", "request_handoff", "out_of_scope", "follow_up", "affirm", "deny", "next_patient", "save_screening",
    "acknowledge_ticket", "ask_tickets",
}  # fmt: skip


def plain(text: str) -> str:
    """Letters and figures alone, so that 'Next visit?' and 'next visit' are one."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\W_]+", " ", folded).strip() or text


def evaluation_lines() -> set[str]:
    found: set[str] = set()
    for path in TEST_DATA.rglob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                row = json.loads(line)
                found.update(plain(turn["say"]) for turn in row.get("turns", ()))
                found.update(
                    plain(row[key]) for key in ("text", "say", "message", "note") if isinstance(row.get(key), str)
                )
    return found


def is_chinese(text: str) -> bool:
    return bool(re.search(r"[一-鿿]", text))


def test_every_intent_has_examples_in_both_languages() -> None:
    examples = load_examples()
    assert {intent for _, intent in examples} == INTENTS
    for chinese, least in ((False, 30), (True, 9)):
        counts = Counter(intent for text, intent in examples if is_chinese(text) == chinese)
        assert {intent: counts[intent] for intent in INTENTS if counts[intent] < least} == {}


@pytest.mark.parametrize(
    "intent",
    [
        "ask_next_visit",
        "ask_visit_detail",
        "ask_visit_list",
        "ask_dose_schedule",
        "ask_dose_amount",
        "report_missed_dose",
    ],
)
def test_visits_and_doses_have_hundreds(intent: str) -> None:
    assert sum(name == intent for _, name in load_examples()) >= 200


def test_no_sentence_stands_twice() -> None:
    counts = Counter(plain(text) for text, _ in load_examples())
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_sentence_of_a_test_set_is_trained_on() -> None:
    held = evaluation_lines()
    assert len(held) > 300
    assert [text for text, _ in load_examples() if plain(text) in held] == []


@pytest.mark.parametrize("path", sorted(DATA_FOLDER.rglob("*.yml")), ids=lambda path: path.stem)
def test_a_file_fits_the_head(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert text.startswith('version: "3.1"')


def test_chinese_lies_apart() -> None:
    for path in DATA_FOLDER.glob("*.yml"):
        assert not is_chinese(path.read_text(encoding="utf-8")), path.name


def test_no_one_opening_fills_an_intent() -> None:
    for intent in INTENTS - {"acknowledge_ticket", "next_patient", "save_screening"}:
        texts = [text for text, name in load_examples() if name == intent and not is_chinese(text)]
        openings = Counter(" ".join(text.lower().split()[:3]) for text in texts)
        assert max(openings.values()) <= max(6, len(texts) * 0.2), intent


def test_held_out_lines_are_many_and_of_every_voice() -> None:
    rows = [json.loads(line) for line in (TEST_DATA / "nlu_held_out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["intent"] for row in rows} == INTENTS | {"nlu_fallback"}
    assert {row["voice"] for row in rows} == {
        "plain", "anxious", "brief", "elderly", "second_language", "voice_to_text", "typos", "staff",
    }  # fmt: skip
    counts = Counter(row["intent"] for row in rows)
    for intent in ("ask_next_visit", "ask_visit_detail", "ask_dose_schedule", "ask_dose_amount", "report_missed_dose"):
        assert counts[intent] >= 15


def test_a_broken_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "odd.yml").write_text("nlu: 3\n", encoding="utf-8")
    with pytest.raises(ExamplesError, match=r"odd\.yml"):
        load_examples(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExamplesError):
        load_examples(tmp_path)
