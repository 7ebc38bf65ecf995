"""Which question is answered where: intents by topic, as the rules in `data/rules/` have them too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from actions import dosing, eligibility, enrolment, safety, small_talk, trial_information, visits
from actions.conversation import Answer, Ask
from bot.trial.protocol import TOPICS

Handler = Callable[[Ask], Awaitable[Answer]]

#: The Rasa action of each topic, and the intents it answers.
TOPIC_HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "action_visits": {
        "ask_next_visit": visits.next_visit,
        "ask_visit_list": visits.visit_list,
        "ask_visit_detail": visits.visit_detail,
        "request_reschedule": visits.request_reschedule,
    },
    "action_doses": {
        "ask_dose_schedule": dosing.dose_schedule,
        "ask_dose_amount": dosing.dose_amount,
        "report_missed_dose": dosing.missed_dose,
    },
    "action_eligibility": {
        "check_eligibility": eligibility.eligibility_check,
        "next_patient": eligibility.next_patient,
        "save_screening": eligibility.save_screening,
        "ask_eligibility_criteria": trial_information.eligibility_criteria,
    },
    "action_enrolment": {
        "ask_participant_status": enrolment.participant_status,
        "ask_enrolment_summary": enrolment.enrolment_summary,
        "ask_visits_on": enrolment.visits_on,
        "ask_tickets": enrolment.tickets,
        "acknowledge_ticket": enrolment.acknowledge_ticket,
    },
    "action_safety": {"report_symptom": safety.symptom_triage},
    "action_trial_information": {
        **{f"{trial_information.TOPIC_PREFIX}{topic}": trial_information.trial_info for topic in TOPICS},
        "ask_contact": trial_information.contact,
    },
    "action_small_talk": {
        "greet": small_talk.greeting,
        "goodbye": small_talk.goodbye,
        "thank": small_talk.thanks,
        "affirm": small_talk.acknowledge,
        "deny": small_talk.declined,
        "ask_help": small_talk.help_answer,
        "request_handoff": small_talk.handoff,
        "out_of_scope": small_talk.out_of_scope,
        "nlu_fallback": small_talk.not_understood,
        # Resolved to the question before it; this answers where there was none.
        "follow_up": small_talk.not_understood,
    },
}

#: Every intent's handler.
HANDLERS: Mapping[str, Handler] = {
    intent: handler for handlers in TOPIC_HANDLERS.values() for intent, handler in handlers.items()
}
