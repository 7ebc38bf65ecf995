"""What a short message means after the one before it, and what asking back does to the question that waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Say = Callable[..., Any]


def on(day: str, text: str = "that day", role: str = "") -> dict[str, Any]:
    """A day as the reader writes it."""
    return {"text": text, "date": day, "role": role}


OPEN = {"text": "03/10", "candidates": ["2026-03-10", "2026-10-03"], "ambiguous": True}
TABLETS = {"intent": "ask_dose_schedule", "text": "tablets on 03/10", "drugs": ["capecitabine"], "dates": [OPEN]}


async def test_a_day_given_back_keeps_whose_tablets_were_asked_about(talk: Say) -> None:
    nurse = talk("nurse.qiu")
    assert (await nurse.say({**TABLETS, "participants": ["P-0103"]})).custom["data"]["missing"] == "date"
    reply = await nurse.say({"intent": "follow_up", "text": "3 October", "dates": [on("2026-10-03")]})
    assert (reply.custom["answer"], reply.custom["about"]) == ("dose_schedule", "P-0103")
    assert reply.custom["data"]["date"] == "2026-10-03"


@pytest.mark.parametrize(
    ("words", "day"),
    [("the first one", "2026-03-10"), ("the later", "2026-10-03"), ("October", "2026-10-03"), ("后者", "2026-10-03")],
)
async def test_one_of_the_days_that_were_offered_is_taken_by_its_place_or_month(
    talk: Say, words: str, day: str
) -> None:
    patient = talk("ma.jun")
    await patient.say(TABLETS)
    reply = await patient.say({"intent": "affirm", "text": words})
    assert reply.custom["data"]["date"] == day


async def test_a_time_that_names_no_day_is_asked_back(talk: Say) -> None:
    vague = {"text": "in a few days", "vague": True}
    reply = await talk("ma.jun").say({"intent": "ask_dose_schedule", "text": "tablets in a few days", "dates": [vague]})
    assert reply.custom["answer"] == "clarify"
    assert "in a few days" in reply.text


async def test_a_wish_to_move_a_visit_that_is_asked_back_keeps_the_visit(talk: Say) -> None:
    patient = talk("ma.jun")
    wish = {"intent": "request_reschedule", "text": "move my fourth chemo to 03/10", "visits": ["C4D1"]}
    await patient.say({**wish, "dates": [{**OPEN, "role": "requested"}]})
    reply = await patient.say({"intent": "follow_up", "text": "3 October", "dates": [on("2026-10-03")]})
    assert reply.custom["answer"] == "reschedule_request"
    assert reply.custom["data"]["visit"]["visit"] == "C4D1"
    assert reply.custom["data"]["requested"] == "2026-10-03"


async def test_a_day_that_suits_belongs_to_the_wish_told_before(talk: Say) -> None:
    patient = talk("ma.jun")
    await patient.say({"intent": "request_reschedule", "text": "I can't come to the fourth chemo", "visits": ["C4D1"]})
    await patient.say({"intent": "ask_dose_schedule", "text": "do I take tablets today"})
    monday = {"intent": "nlu_fallback", "text": "Monday would work for me", "dates": [on("2026-10-05", "Monday")]}
    reply = await patient.say(monday)
    assert reply.custom["data"]["visit"]["visit"] == "C4D1"
    assert reply.custom["data"]["requested"] == "2026-10-05"


async def test_a_week_later_is_counted_from_the_visit(talk: Say) -> None:
    later = {"text": "a week later", "date": "2026-09-23", "role": "requested"}
    wish = {"intent": "request_reschedule", "text": "can the fourth chemo be a week later", "visits": ["C4D1"]}
    plain = await talk("ma.jun").say({"intent": "ask_visit_detail", "text": "fourth chemo", "visits": ["C4D1"]})
    reply = await talk("ma.jun").say({**wish, "dates": [later]})
    assert plain.custom["data"]["visit"]["date"] == "2026-10-01"
    assert reply.custom["data"]["requested"] == "2026-10-08"


async def test_a_number_alone_names_a_visit_of_the_series_spoken_of(talk: Say) -> None:
    patient = talk("deng.hui")
    await patient.say({"intent": "ask_visit_detail", "text": "when is radiotherapy", "visits": ["RT1"]})
    reply = await patient.say({"intent": "follow_up", "text": "and the 3rd one"})
    assert reply.custom["data"]["visit"]["visit"] == "RT3"
    reply = await patient.say({"intent": "follow_up", "text": "and the last one", "scope": "last"})
    assert reply.custom["data"]["visit"]["visit"] == "RT5"


async def test_another_participant_keeps_the_day_and_the_visit_asked_about(talk: Say) -> None:
    nurse = talk("nurse.qiu")
    day = {"intent": "ask_dose_schedule", "text": "tablets P-0103 on 20 September", "dates": [on("2026-09-20")]}
    await nurse.say({**day, "participants": ["P-0103"]})
    reply = await nurse.say({"intent": "follow_up", "text": "and P-0102", "participants": ["P-0102"]})
    assert reply.custom["data"]["date"] == "2026-09-20"
    await nurse.say({"intent": "ask_visit_detail", "text": "third", "visits": ["C3D1"], "participants": ["P-0102"]})
    reply = await nurse.say({"intent": "follow_up", "text": "and P-0103", "participants": ["P-0103"]})
    assert (reply.custom["about"], reply.custom["data"]["visit"]["visit"]) == ("P-0103", "C3D1")


async def test_two_days_in_one_question_are_both_answered(talk: Say) -> None:
    days = [on("2026-09-19", "Saturday"), on("2026-09-24", "Thursday")]
    reply = await talk("ma.jun").say(
        {"intent": "ask_dose_schedule", "text": "tablets on Saturday and on Thursday", "dates": days}
    )
    assert reply.custom["data"]["date"] == "2026-09-19"
    assert [other["data"]["date"] for other in reply.custom["also"]] == ["2026-09-24"]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("tablets the day after my fourth chemo", "2026-10-02"),
        ("tablets two days before the fourth chemo", "2026-09-29"),
        ("第四次化疗前一天吃药吗", "2026-09-30"),
        ("第四次化疗后第二天吃药吗", "2026-10-02"),
    ],
)
async def test_a_day_told_from_a_visit_is_counted_from_it(talk: Say, words: str, day: str) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_dose_schedule", "text": words, "visits": ["C4D1"]})
    assert reply.custom["data"]["date"] == day


@pytest.mark.parametrize(("words", "day"), [("tablets on day 14?", "2026-09-23"), ("c4d2 tablets", "2026-10-02")])
async def test_a_day_of_a_cycle_is_that_cycles(talk: Say, words: str, day: str) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_dose_schedule", "text": words})
    assert reply.custom["data"]["date"] == day


async def test_the_end_of_the_tablets_is_said_where_it_is_asked_for(talk: Say) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_dose_schedule", "text": "until when do I take my tablets"})
    assert "end on Wednesday 23 September 2026" in reply.text


async def test_a_plan_of_doses_never_undoes_the_advice_to_call_first(talk: Say) -> None:
    patient = talk("ma.jun")
    await patient.say(
        {"intent": "report_symptom", "text": "my chest hurts"},
        symptoms=[{"concept": "chest_pain", "status": "present", "measures": {}, "evidence": "chest hurts"}],
    )
    reply = await patient.say({"intent": "ask_dose_schedule", "text": "and my tablets tonight"})
    assert reply.text.startswith("Because of the signs told here: no more tablets")
    other = await talk("ma.jun").say({"intent": "ask_dose_schedule", "text": "my tablets tonight"})
    assert "Because of the signs" not in other.text


@pytest.mark.parametrize(("account", "answer"), [("stranger.1", "link_needed"), ("ma.jun", "not_allowed")])
async def test_a_code_beside_words_that_say_nothing_is_refused_by_name(talk: Say, account: str, answer: str) -> None:
    reply = await talk(account).say({"intent": "nlu_fallback", "text": "I am P-0103", "participants": ["P-0103"]})
    assert reply.custom["answer"] == answer


@pytest.mark.parametrize("intent", ["ask_dose_amount", "report_missed_dose", "ask_dose_schedule"])
async def test_another_medicine_is_never_answered_with_the_trials_doses(talk: Say, intent: str) -> None:
    reply = await talk("ma.jun").say({"intent": intent, "text": "my insulin"})
    assert reply.custom["answer"] in ("trial_info", "out_of_scope")
    assert "1,700" not in reply.text


async def test_a_chinese_note_is_never_half_read(talk: Say) -> None:
    ecog = {"concept": "performance_status", "values": {"scale": "ECOG", "low": 2, "high": 2}}
    doctor = talk("dr.bai")
    note = {"is_note": True, "findings": [ecog]}
    reply = await doctor.say({"intent": "check_eligibility", "text": "男,ECOG 2分"}, language="zh", note=note)
    assert (reply.custom["answer"], reply.custom["data"]) == ("clarify", {"missing": "note"})
    assert "英文" in reply.text
    reply = await doctor.say({"intent": "nlu_fallback", "text": "写错了,是1分"}, language="zh")
    assert "英文" in reply.text


async def test_back_to_the_one_before_keeps_what_was_known(talk: Say) -> None:
    def finding(concept: str, **values: Any) -> dict[str, Any]:
        return {"concept": concept, "values": values}

    first = [finding("age", low=55, high=55), finding("sex", code="M"), finding("pregnancy_test", result="no")]
    again = [finding("age", low=55, high=55), finding("performance_status", scale="ECOG", low=1, high=1)]
    doctor = talk("dr.bai")
    await doctor.say({"intent": "check_eligibility", "text": "55M"}, note={"is_note": True, "findings": first})
    await doctor.say({"intent": "ask_enrolment_summary", "text": "how many are in"})
    reply = await doctor.say(
        {"intent": "check_eligibility", "text": "back to the 55M: ECOG 1"}, note={"is_note": True, "findings": again}
    )
    assert "sex" in str(reply.custom["data"]["facts"])


async def test_several_days_without_a_visit_are_said_to_be_free(talk: Say) -> None:
    weekend = {"text": "at the weekend", "date": "2026-09-19", "last": "2026-09-20"}
    reply = await talk("ma.jun").say({"intent": "ask_next_visit", "text": "at the weekend?", "dates": [weekend]})
    assert reply.text.startswith("Nothing is planned for Saturday 19 September 2026 to Sunday 20 September 2026")
    assert reply.custom["data"]["visit"]["date"] == "2026-10-01"
