"""Cutting a message into its questions, with the classifier of the whole training data."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.nlu.questions.reader import QuestionReader

TODAY = date(2026, 6, 10)


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("When is my visit and do I take pills on that day?", ["ask_next_visit", "ask_dose_schedule"]),
        ("how many patients take part, and where?", ["ask_trial_size", "ask_trial_location"]),
        ("who pays for the trial and is it still recruiting", ["ask_trial_sponsor", "ask_trial_status"]),
        ("Are there tablets for me tonight and how many", ["ask_dose_schedule", "ask_dose_amount"]),
        ("When is cycle 2? When is cycle 3?", ["ask_visit_detail", "ask_visit_detail"]),
        ("0003 next visit and status", ["ask_next_visit", "ask_participant_status"]),
        ("下次什么时候来？那天要吃药吗？", ["ask_next_visit", "ask_dose_schedule"]),
        ("试验有多少人参加，在哪里做", ["ask_trial_size", "ask_trial_location"]),
    ],
)
def test_two_questions_are_two_parts(reader: QuestionReader, text: str, intents: list[str]) -> None:
    assert [part.intent for part in reader.read(text, TODAY)] == intents


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("I forgot my xeloda this morning. Should I take twice as much tonight?", "report_missed_dose"),
        ("what are capecitabine tablets and how are they taken", "ask_trial_capecitabine"),
        ("next visit of P-0003 and P-0005", "ask_next_visit"),
        ("Do I take tablets on the 15th and the 16th?", "ask_dose_schedule"),
        ("Hello, when do I have to come in next?", "ask_next_visit"),
        ("I live two hours away and my son drives me. When am I next due?", "ask_next_visit"),
        ("Thanks! And when is my operation?", "ask_visit_detail"),
        ("can we move tomorrow's drip to Friday, I have a funeral", "request_reschedule"),
        ("is it MSS or MSI", "ask_trial_mss"),
        ("good morning and hello", "greet"),
    ],
)
def test_one_question_stays_one_part(reader: QuestionReader, text: str, intent: str) -> None:
    assert [part.intent for part in reader.read(text, TODAY)] == [intent]


def test_that_day_points_to_what_was_said_before(reader: QuestionReader) -> None:
    first, second = reader.read("When is my next visit and do I take tablets that day?", TODAY)
    assert (first.refers_to_previous, second.refers_to_previous) == (False, True)


def test_a_code_named_once_holds_for_both_questions(reader: QuestionReader) -> None:
    first, second = reader.read("When is P-0003 next in and how many tablets does she take?", TODAY)
    assert first.participants == second.participants == ("P-0003",)


def test_what_a_part_names(reader: QuestionReader) -> None:
    (part,) = reader.read("what was prescribed for P-0007, xeloda on 15 June", TODAY)
    assert part.participants == ("P-0007",)
    assert part.drugs == ("capecitabine",)
    assert part.prescribed_only
    assert [mention.date for mention in part.dates] == [date(2026, 6, 15)]


def test_the_days_of_a_move_have_their_roles_also_over_two_sentences(reader: QuestionReader) -> None:
    (part,) = reader.read("It is about my drip tomorrow. Can I have it on Friday instead?", TODAY)
    moved, wanted = part.date_for("visit"), part.date_for("requested")
    assert moved is not None
    assert wanted is not None
    assert (moved.date, wanted.date) == (date(2026, 6, 11), date(2026, 6, 12))
    assert part.visit_class == "infusion"


@pytest.mark.parametrize(
    "text", ["P-0007?", "and P-0009?", "what about tomorrow", "tomorrow?", "the sixth of October", "那明天呢", "0005呢"]
)
def test_a_bare_name_or_day_is_a_follow_up(reader: QuestionReader, text: str) -> None:
    assert [part.intent for part in reader.read(text, TODAY)] == ["follow_up"]


@pytest.mark.parametrize("text", ["xkcj qwe", "asdfgh jkl", "grmbl zzk", "wuppf", "!!!", "", "。。。", "trghj 33 kjh"])
def test_gibberish_is_no_question(reader: QuestionReader, text: str) -> None:
    assert [part.intent for part in reader.read(text, TODAY)] == ["nlu_fallback"]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("wen is my nxet vist", "ask_next_visit"),
        ("do i tak my tabelts tonigt", "ask_dose_schedule"),
        ("i forgto my tablts", "report_missed_dose"),
        ("can i chnage my apointmnt", "request_reschedule"),
    ],
)
def test_misspelt_words_are_set_right(reader: QuestionReader, text: str, intent: str) -> None:
    assert reader.read(text, TODAY)[0].intent == intent


def test_a_part_survives_json(reader: QuestionReader) -> None:
    from bot.nlu.questions.parts import Part

    for part in reader.read("move tomorrow's drip to 03/07 and what is the dose of P-0003", TODAY):
        assert Part.from_json(part.to_json()) == part


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(text=st.text(max_size=120))
def test_any_text_gives_at_least_one_part(reader: QuestionReader, text: str) -> None:
    assert len(reader.read(text, TODAY)) >= 1
