"""What each answer holds, for whom, and what the text says."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from icalendar import Calendar

Say = Callable[..., Any]

PERSONAL = [
    "ask_next_visit", "ask_visit_list", "ask_dose_schedule", "ask_dose_amount", "report_missed_dose",
    "ask_participant_status", "request_reschedule",
]  # fmt: skip
OF_STAFF = ["ask_visits_on", "ask_enrolment_summary", "ask_tickets", "acknowledge_ticket"]
PUBLIC = [
    ("ask_trial_purpose", "trial_info"), ("ask_eligibility_criteria", "eligibility_criteria"), ("ask_contact", "contact"),
    ("request_handoff", "handoff"), ("greet", "greeting"), ("goodbye", "goodbye"), ("thank", "thanks"),
    ("ask_help", "help"), ("out_of_scope", "out_of_scope"), ("nlu_fallback", "not_understood"),
]  # fmt: skip


@pytest.mark.parametrize("intent", [*PERSONAL, *OF_STAFF])
async def test_who_is_linked_to_nobody_is_told_so(talk: Say, intent: str) -> None:
    reply = await talk("stranger.1").say({"intent": intent, "text": "my", "participants": ["P-0102"]})
    assert reply.custom["answer"] == "link_needed"
    assert reply.custom["about"] is None
    assert "P-0102" not in reply.text


@pytest.mark.parametrize("intent", PERSONAL)
@pytest.mark.parametrize("code", ["P-0103", "P-9999"])
async def test_anothers_record_is_refused_in_the_same_words_whether_it_exists(
    talk: Say, intent: str, code: str
) -> None:
    reply = await talk("ma.jun").say({"intent": intent, "participants": [code]})
    assert reply.custom["answer"] == "not_allowed"
    assert reply.custom["data"] == {"reason": "own_record_only"}
    assert code not in reply.text


@pytest.mark.parametrize("intent", OF_STAFF)
async def test_the_staffs_figures_are_not_for_participants(talk: Say, intent: str) -> None:
    assert (await talk("ma.jun").say({"intent": intent})).custom["answer"] == "not_allowed"


@pytest.mark.parametrize("intent", [*PERSONAL, *OF_STAFF])
async def test_nothing_personal_is_said_where_others_are(talk: Say, intent: str) -> None:
    reply = await talk("nurse.qiu", direct=False).say({"intent": intent, "participants": ["P-0102"]})
    assert reply.custom["answer"] == "not_direct"
    assert "P-0102" not in reply.text


@pytest.mark.parametrize(("intent", "answer"), PUBLIC)
@pytest.mark.parametrize("account", ["stranger.1", "ma.jun", "nurse.qiu"])
async def test_public_answers_are_for_everybody(talk: Say, account: str, intent: str, answer: str) -> None:
    reply = await talk(account).say({"intent": intent})
    assert reply.custom["answer"] == answer
    assert reply.text.strip()
    assert "{" not in reply.text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_language_of_the_message_is_answered(talk: Say, language: str) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_next_visit"}, language=language)
    assert reply.custom["language"] == language
    assert ("下次访视" in reply.text) == (language == "zh")


async def test_a_message_without_a_language_gets_the_accounts(talk: Say) -> None:
    reply = await talk("luo.xin").say({"intent": "ask_next_visit"}, language=None)
    assert reply.custom["language"] == "zh"


async def test_text_and_custom_agree_on_the_date(talk: Say) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_next_visit"})
    assert reply.custom["data"]["visit"]["date"] == "2026-10-01"
    assert "Thursday 1 October 2026" in reply.text


async def test_an_ambiguous_date_is_asked_back_and_its_answer_completes_the_question(talk: Say) -> None:
    conversation = talk("ma.jun")
    ambiguous = {"text": "03/10", "candidates": ["2026-03-10", "2026-10-03"], "ambiguous": True}
    asked = await conversation.say({"intent": "ask_dose_schedule", "dates": [ambiguous]})
    assert asked.custom["answer"] == "clarify"
    assert asked.custom["data"]["options"] == ["2026-03-10", "2026-10-03"]
    answered = await conversation.say({"intent": "follow_up", "dates": [{"text": "3 October", "date": "2026-10-03"}]})
    assert answered.custom["answer"] == "dose_schedule"
    assert answered.custom["data"]["date"] == "2026-10-03"


async def test_an_impossible_date_is_asked_back(talk: Say) -> None:
    reply = await talk("ma.jun").say(
        {"intent": "ask_dose_schedule", "dates": [{"text": "31 June", "impossible": True}]}
    )
    assert reply.custom["answer"] == "clarify"
    assert "31 June" in reply.text


async def test_staff_are_asked_for_the_code_and_the_code_alone_answers(talk: Say) -> None:
    conversation = talk("nurse.qiu")
    asked = await conversation.say({"intent": "ask_next_visit"})
    assert asked.custom["data"] == {"missing": "participant"}
    answered = await conversation.say({"intent": "nlu_fallback", "text": "P-0102", "participants": ["P-0102"]})
    assert (answered.custom["answer"], answered.custom["about"]) == ("next_visit", "P-0102")
    assert answered.text.startswith("P-0102: ")


async def test_a_code_that_is_not_on_file_is_named_back(talk: Say) -> None:
    reply = await talk("nurse.qiu").say({"intent": "ask_next_visit", "participants": ["P-7777"]})
    assert reply.custom["answer"] == "clarify"
    assert "P-7777" in reply.text


async def test_two_codes_at_once_are_asked_back(talk: Say) -> None:
    reply = await talk("nurse.qiu").say({"intent": "ask_next_visit", "participants": ["P-0101", "P-0102"]})
    assert reply.custom["answer"] == "clarify"


async def test_a_change_of_subject_forgets_the_participant(talk: Say) -> None:
    conversation = talk("coord.shen")
    await conversation.say({"intent": "ask_next_visit", "participants": ["P-0102"]})
    await conversation.say({"intent": "ask_enrolment_summary"})
    assert (await conversation.say({"intent": "ask_next_visit"})).custom["answer"] == "clarify"


async def test_a_patient_never_sees_a_calculated_amount(talk: Say) -> None:
    patient = await talk("gao.yan").say({"intent": "ask_dose_amount", "drugs": ["capecitabine"]})
    assert patient.custom["data"]["per_dose_mg"] is None
    assert patient.custom["data"]["source"] == "none"
    assert set(patient.custom["data"]) == {"drug", "per_dose_mg", "basis", "source"}
    staff = await talk("pharm.dai").say({"intent": "ask_dose_amount", "participants": ["P-0101"]})
    assert staff.custom["data"]["source"] == "calculated"
    assert "not an order" in staff.text


async def test_two_questions_are_both_answered(talk: Say) -> None:
    reply = await talk("ma.jun").say(
        {"intent": "ask_next_visit"}, {"intent": "ask_dose_schedule", "refers_to_previous": True}
    )
    assert reply.custom["answer"] == "next_visit"
    assert reply.custom["also"][0]["answer"] == "dose_schedule"
    assert reply.custom["also"][0]["data"]["date"] == "2026-10-01"
    assert "twice a day" in reply.text


FEVER = {"concept": "fever", "status": "present", "measures": {"celsius": 38.4}, "evidence": "38.4"}


async def test_a_symptom_is_answered_first_and_the_question_after_it(talk: Say) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_next_visit"}, symptoms=[FEVER])
    assert reply.custom["answer"] == "symptom_triage"
    assert reply.custom["about"] == "P-0102"
    assert reply.custom["data"]["ticket"].startswith("T-")
    assert reply.custom["also"][0]["answer"] == "next_visit"
    assert reply.text.index("021-5550") < reply.text.index("1 October")


async def test_a_symptom_is_answered_for_strangers_and_in_groups_without_a_code(talk: Say) -> None:
    stranger = await talk("stranger.1").say({"intent": "report_symptom"}, symptoms=[FEVER])
    assert (stranger.custom["answer"], stranger.custom["about"]) == ("symptom_triage", None)
    group = await talk("ma.jun", direct=False).say({"intent": "report_symptom"}, symptoms=[FEVER])
    assert (group.custom["answer"], group.custom["about"]) == ("symptom_triage", None)
    assert "P-0102" not in group.text


async def test_staff_report_a_participants_symptom(talk: Say) -> None:
    reply = await talk("nurse.qiu").say({"intent": "report_symptom", "participants": ["P-0103"]}, symptoms=[FEVER])
    assert (reply.custom["answer"], reply.custom["about"]) == ("symptom_triage", "P-0103")


async def test_a_code_that_is_not_on_file_keeps_no_alarm_back(talk: Say) -> None:
    reply = await talk("nurse.qiu").say({"intent": "report_symptom", "participants": ["P-0999"]}, symptoms=[FEVER])
    assert (reply.custom["answer"], reply.custom["about"]) == ("symptom_triage", None)
    assert "no P-0999 on file" in reply.text
    assert reply.custom["data"]["ticket"].startswith("T-")


@pytest.mark.parametrize("status", ["negated", "past", "general", "other_person", "hypothetical"])
async def test_no_symptom_now_raises_nothing(talk: Say, status: str) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_next_visit"}, symptoms=[{**FEVER, "status": status}])
    assert reply.custom["answer"] == "next_visit"


def _note(*findings: dict[str, Any]) -> dict[str, Any]:
    return {"is_note": True, "findings": list(findings)}


AGE_77 = {"concept": "age", "values": {"low": 77, "high": 77}, "evidence": ["77 yo", 0, 5]}
ECOG_0 = {
    "concept": "performance_status",
    "values": {"scale": "ECOG", "low": 0, "high": 0},
    "evidence": ["ECOG 0", 0, 6],
}


async def test_a_precheck_gathers_findings_until_the_next_patient(talk: Say) -> None:
    conversation = talk("dr.bai")
    first = await conversation.say({"intent": "check_eligibility", "text": "77 yo"}, note=_note(AGE_77))
    assert first.custom["data"]["verdict"] == "barrier_found"
    assert "77 yo" in first.text
    second = await conversation.say({"intent": "nlu_fallback", "text": "ECOG 0"}, note={"findings": [ECOG_0]})
    results = {entry["id"]: entry["result"] for entry in second.custom["data"]["criteria"]}
    assert (results["I02"], results["I03"]) == ("fail", "pass")
    third = await conversation.say({"intent": "next_patient", "text": "next patient: ECOG 0"}, note=_note(ECOG_0))
    results = {entry["id"]: entry["result"] for entry in third.custom["data"]["criteria"]}
    assert (results["I02"], results["I03"]) == ("unknown", "pass")
    assert len(results) == 27


async def test_nobody_is_ever_called_eligible(talk: Say) -> None:
    reply = await talk("dr.bai").say({"intent": "check_eligibility", "text": "ECOG 0"}, note=_note(ECOG_0))
    assert reply.custom["data"]["verdict"] == "incomplete"
    assert "An investigator decides" in reply.text


async def test_a_precheck_is_saved_with_its_author(talk: Say) -> None:
    conversation = talk("coord.shen")
    assert (await conversation.say({"intent": "save_screening"})).custom["answer"] == "clarify"
    await conversation.say({"intent": "check_eligibility", "text": "77 yo"}, note=_note(AGE_77))
    saved = await conversation.say({"intent": "save_screening", "text": "save"})
    assert saved.custom["data"]["saved"] >= 1


async def test_a_precheck_is_saved_under_no_code_that_is_not_on_file(talk: Say) -> None:
    conversation = talk("nurse.qiu")
    await conversation.say({"intent": "check_eligibility", "text": "77 yo"}, note=_note(AGE_77))
    asked = await conversation.say({"intent": "save_screening", "participants": ["P-9999"]})
    assert (asked.custom["answer"], asked.custom["data"]) == ("clarify", {"missing": "participant"})
    assert "P-9999" in asked.text
    saved = await conversation.say({"intent": "follow_up", "text": "P-0103", "participants": ["P-0103"]})
    assert (saved.custom["answer"], saved.custom["about"]) == ("eligibility_check", "P-0103")


async def test_a_precheck_of_one_person_is_not_saved_under_two_codes(talk: Say) -> None:
    conversation = talk("nurse.qiu")
    await conversation.say({"intent": "check_eligibility", "text": "77 yo"}, note=_note(AGE_77))
    asked = await conversation.say({"intent": "save_screening", "participants": ["P-0103", "P-0104"]})
    assert (asked.custom["answer"], asked.custom["data"]) == ("clarify", {"missing": "participant"})


async def test_more_findings_than_can_be_kept_are_refused_as_a_whole(talk: Say) -> None:
    conversation = talk("dr.bai")
    await conversation.say({"intent": "check_eligibility", "text": "77 yo"}, note=_note(AGE_77))
    many = [{"concept": "allergy", "values": {"name": f"drug {number}"}} for number in range(501)]
    refused = await conversation.say({"intent": "check_eligibility", "text": "allergies"}, note=_note(*many))
    assert (refused.custom["answer"], refused.custom["data"]) == ("clarify", {"missing": "note"})
    again = await conversation.say({"intent": "nlu_fallback", "text": "ECOG 0"}, note={"findings": [ECOG_0]})
    results = {entry["id"]: entry["result"] for entry in again.custom["data"]["criteria"]}
    assert (results["I02"], results["I03"]) == ("fail", "pass")


@pytest.mark.parametrize("account", ["ma.jun", "stranger.1"])
async def test_a_patients_wish_for_a_check_gets_the_criteria_and_the_contact(talk: Say, account: str) -> None:
    reply = await talk(account).say(
        {"intent": "check_eligibility", "text": "can my brother join, 77"}, note=_note(AGE_77)
    )
    assert reply.custom["answer"] == "eligibility_criteria"
    assert "verdict" not in reply.custom["data"]
    assert "021-5550" in reply.text


async def test_a_wish_to_move_a_visit_is_a_ticket_and_changes_nothing(talk: Say) -> None:
    conversation = talk("ma.jun")
    requested = {"text": "2 October", "date": "2026-10-02", "role": "requested"}
    reply = await conversation.say({"intent": "request_reschedule", "dates": [requested]})
    assert reply.custom["data"]["requested"] == "2026-10-02"
    assert reply.custom["data"]["visit"]["visit"] == "C4D1"
    assert reply.custom["data"]["ticket"] in reply.text
    after = await conversation.say({"intent": "ask_next_visit"})
    assert after.custom["data"]["visit"]["date"] == "2026-10-01"


async def test_tickets_are_taken_up_once(talk: Say) -> None:
    ticket = (await talk("ma.jun").say({"intent": "request_handoff"})).custom["data"]["ticket"]
    number = int(ticket.removeprefix("T-"))
    assert ticket in (await talk("nurse.qiu").say({"intent": "ask_tickets"})).text
    assert "yours" in (await talk("nurse.qiu").say({"intent": "acknowledge_ticket", "ticket": number})).text
    assert "somebody else" in (await talk("dr.bai").say({"intent": "acknowledge_ticket", "ticket": number})).text
    assert "no T-99999" in (await talk("dr.bai").say({"intent": "acknowledge_ticket", "ticket": 99999})).text


async def test_after_three_failures_a_person_is_told(talk: Say) -> None:
    conversation = talk("ma.jun")
    names = [(await conversation.say({"intent": "nlu_fallback", "text": "qwe"})).custom["answer"] for _ in range(3)]
    assert names == ["not_understood", "not_understood", "handoff"]


async def test_doubt_offers_the_two_likeliest_meanings(talk: Say) -> None:
    ranking = [["ask_next_visit", 0.4], ["ask_dose_schedule", 0.35], ["greet", 0.1]]
    reply = await talk("ma.jun").say({"intent": "nlu_fallback", "ranking": ranking})
    assert reply.custom["answer"] == "clarify"
    assert list(reply.buttons) == reply.custom["data"]["options"]


async def test_what_staff_cannot_say_is_not_asked_again(talk: Say) -> None:
    conversation = talk("dr.bai")
    first = await conversation.say({"intent": "check_eligibility", "text": "ECOG 0"}, note=_note(ECOG_0))
    asked = first.custom["data"]["ask_next"][0]
    assert f"({asked})" in first.text
    second = await conversation.say({"intent": "deny", "text": "don't know"})
    assert second.custom["answer"] == "eligibility_check"
    assert f"({asked})" not in second.text
    assert second.custom["data"]["ask_next"][0] == asked  # it stays unknown all the same


async def test_a_digression_to_public_information_keeps_the_precheck(talk: Say) -> None:
    conversation = talk("dr.bai")
    await conversation.say({"intent": "check_eligibility", "text": "77 yo"}, note=_note(AGE_77))
    assert (await conversation.say({"intent": "ask_trial_mss"})).custom["answer"] == "trial_info"
    back = await conversation.say({"intent": "check_eligibility", "text": "ECOG 0"}, note=_note(ECOG_0))
    results = {entry["id"]: entry["result"] for entry in back.custom["data"]["criteria"]}
    assert (results["I02"], results["I03"]) == ("fail", "pass")


async def test_a_patient_who_speaks_of_the_body_in_unknown_words_is_asked(talk: Say) -> None:
    reply = await talk("ma.jun").say({"text": "my knee sings"}, of_body=True)
    assert (reply.custom["answer"], reply.custom["data"]) == ("clarify", {"missing": "symptom"})
    assert "120" in reply.text


async def test_staff_are_not_asked_whether_they_feel_unwell(talk: Say) -> None:
    reply = await talk("nurse.qiu").say({"text": "his knee sings"}, of_body=True)
    assert reply.custom["answer"] == "not_understood"


async def test_a_note_raises_no_alarm_for_staff_but_shorthand_of_a_patient_does(talk: Say) -> None:
    staff = await talk("dr.bai").say(
        {"intent": "check_eligibility", "text": "77 yo, 38.4"}, note=_note(AGE_77), symptoms=[FEVER]
    )
    assert staff.custom["answer"] == "eligibility_check"
    patient = await talk("ma.jun").say(
        {"intent": "check_eligibility", "text": "58M 38.4"}, note=_note(AGE_77), symptoms=[FEVER]
    )
    assert patient.custom["answer"] == "symptom_triage"


async def test_the_list_of_visits_comes_with_a_calendar_file(talk: Say) -> None:
    reply = await talk("ma.jun").say({"intent": "ask_visit_list"})
    kind, _, content = reply.attachment.partition(",")
    assert kind == "data:text/calendar;charset=utf-8;base64"
    events = Calendar.from_ical(base64.b64decode(content)).walk("VEVENT")
    dated = [visit["date"] for visit in reply.custom["data"]["visits"] if visit["date"]]
    assert [event.decoded("dtstart").isoformat() for event in events] == dated


async def test_staff_see_who_is_overdue(talk: Say) -> None:
    reply = await talk("coord.shen").say({"intent": "ask_visits_on", "text": "who is overdue"})
    assert {"participant": "P-0110", "visit": "C2D1"} in [
        {key: visit[key] for key in ("participant", "visit")} for visit in reply.custom["data"]["visits"]
    ]
    assert "P-0110" in reply.text
    assert (await talk("ma.jun").say({"intent": "ask_visits_on", "text": "who is overdue"})).custom[
        "answer"
    ] == "not_allowed"
