"""The whole reading: notes before symptoms before questions."""

import json
from datetime import date

import pytest

from bot.nlu.pieces import PiecewiseReader
from bot.nlu.questions.reader import QuestionReader
from bot.nlu.reading import MessageReader, Reading, distinct
from bot.trial.facts import Evidence, Finding
from bot.trial.triage import load_triage_rules

TODAY = date(2026, 6, 10)


class NotesByMark:
    """Stands for the clinical reader, whose own tests are elsewhere: a note is what bears its mark."""

    def read(self, text: str, today: date) -> tuple[Finding, ...]:
        return ()

    def looks_like_note(self, text: str, findings: object = None) -> bool:
        return "cT3" in text


@pytest.fixture(scope="module")
def messages(reader: QuestionReader) -> MessageReader:
    return MessageReader(reader, PiecewiseReader.load(), NotesByMark(), load_triage_rules())


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("I've got a fever of 38.6 and when is my next chemo", ["report_symptom", "ask_next_visit"]),
        ("when is my next chemo? I have a fever of 38.6", ["report_symptom", "ask_next_visit"]),
        ("crushing chest pain", ["report_symptom"]),
        ("my wife has a fever. do I take my tablets today?", ["ask_dose_schedule"]),
        ("my temperature is 36.7, when do I come next", ["ask_next_visit"]),
        ("I threw up right after my tablets", ["report_missed_dose"]),
        ("when do I come in next", ["ask_next_visit"]),
        ("体温38度6，下次化疗是哪天？", ["report_symptom", "ask_next_visit"]),
    ],
)
def test_a_present_sign_leads(messages: MessageReader, text: str, intents: list[str]) -> None:
    assert [part.intent for part in messages.read(text, TODAY).parts] == intents


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("64F, cT3N1M0, chest pain last year, can she go in", "check_eligibility"),
        ("next patient: 49F, cT3N0", "next_patient"),
        ("ok, new patient, 58M cT3", "next_patient"),
    ],
)
def test_a_note_is_one_part(messages: MessageReader, text: str, intent: str) -> None:
    reading = messages.read(text, TODAY)
    assert [part.intent for part in reading.parts] == [intent]
    assert reading.is_note
    # Its signs are handed over all the same: a patient who writes in shorthand is answered as one who feels ill.


def test_a_persons_own_alarm_is_no_note(messages: MessageReader) -> None:
    reading = messages.read("I am the patient with cT3, I have chest pain now", TODAY)
    assert reading.lead.intent == "report_symptom"
    assert not reading.is_note


@pytest.mark.parametrize(
    "text",
    [
        "0107 says her tongue is swelling, she went home half an hour ago after oxaliplatin",
        "P-0011, 61 F, rang: vomiting blood since noon",
        "P-0004 male 58 collapsed at home, on capecitabine",
    ],
)
def test_a_report_about_a_participant_by_code_is_no_note(messages: MessageReader, text: str) -> None:
    reading = messages.read(text, TODAY)
    assert reading.lead.intent == "report_symptom"
    assert not reading.is_note


@pytest.mark.parametrize("text", ["一股铁锈味", "dry elbows", "food tastes of pennies"])
def test_a_slight_sign_told_in_two_words_is_one(messages: MessageReader, text: str) -> None:
    assert messages.read(text, TODAY).lead.intent == "report_symptom"


def test_staff_name_the_participant_of_a_symptom(messages: MessageReader) -> None:
    assert messages.read("P-0005 has chest pain", TODAY).lead.participants == ("P-0005",)


@pytest.mark.parametrize(
    "text", ["move tomorrow's drip to 03/07", "I have a fever, what now", "P-0007?", "我发烧39度了", ""]
)
def test_a_reading_survives_json(messages: MessageReader, text: str) -> None:
    reading = messages.read(text, TODAY)
    assert Reading.from_json(json.loads(json.dumps(reading.to_json()))) == reading


def test_a_reading_is_small(messages: MessageReader) -> None:
    reading = messages.read("When do I come next and do I take tablets that day?", TODAY)
    assert len(json.dumps(reading.to_json())) < 1500


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format"):
        Reading.from_json({"format": 0})


STORY = "We went to the lake with the whole family and the weather was fine. "


@pytest.mark.parametrize("before", [0, 20, 90, 200])
@pytest.mark.parametrize("after", [0, 20])
def test_a_sign_of_illness_is_read_wherever_it_stands(messages: MessageReader, before: int, after: int) -> None:
    reading = messages.read(STORY * before + "Now I have crushing chest pain. " + STORY * after, TODAY)
    assert reading.lead.intent == "report_symptom"
    assert {one["concept"] for one in reading.symptoms if one["status"] == "present"} >= {"chest_pain"}


def test_a_sign_of_illness_is_read_behind_a_long_chinese_story(messages: MessageReader) -> None:
    reading = messages.read("我们上周去公园看花，天气很好。" * 200 + "我现在胸口剧痛，喘不上气。", TODAY)
    assert reading.lead.intent == "report_symptom"


def test_a_question_behind_a_long_story_is_read(messages: MessageReader) -> None:
    parts = messages.read(STORY * 120 + "When is my next visit?", TODAY).parts
    assert "ask_next_visit" in [part.intent for part in parts]


def test_what_is_found_over_and_over_is_handed_over_once() -> None:
    findings = [Finding("t_category", {"value": "3"}, evidence=Evidence("cT3", at, at + 3)) for at in range(0, 40, 4)]
    other = Finding("t_category", {"value": "4"}, evidence=Evidence("cT4", 60, 63))
    assert distinct([*findings, other]) == (findings[0], other)
