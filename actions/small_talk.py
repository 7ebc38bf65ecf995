"""Greeting, help, thanks, good-bye, what is outside the trial, and what was not understood."""

from __future__ import annotations

from actions.conversation import Answer, Ask
from actions.support import OpenedTicket, open_ticket
from actions.wording import lines, say_list, sentences

#: After so many messages in a row that were not understood a person is told.
_PATIENCE = 3


async def greeting(ask: Ask) -> Answer:
    """A greeting with what can be asked."""
    return Answer("greeting", ask.say("utter_greeting"), buttons=_suggestions(ask))


async def goodbye(ask: Ask) -> Answer:
    """A good-bye."""
    return Answer("goodbye", ask.say("utter_goodbye"))


async def thanks(ask: Ask) -> Answer:
    """An answer to thanks."""
    return Answer("thanks", ask.say("utter_thanks"))


async def acknowledge(ask: Ask) -> Answer:
    """A bare 'yes' or 'ok' where nothing was asked."""
    return Answer("thanks", ask.say("utter_acknowledged"))


async def declined(ask: Ask) -> Answer:
    """A bare 'no' or 'never mind': whatever was waiting is dropped."""
    return Answer("thanks", ask.say("utter_declined"), remember={"waiting": None, "intent": None})


async def help_answer(ask: Ask) -> Answer:
    """What the assistant can and cannot do, for the one who asks."""
    name = (
        "utter_help_public" if ask.identity is None else "utter_help_staff" if ask.staff else "utter_help_participant"
    )
    return Answer("help", ask.say(name), buttons=_suggestions(ask))


async def out_of_scope(ask: Ask) -> Answer:
    """Something that is none of the trial's."""
    return Answer("out_of_scope", ask.say("utter_out_of_scope"), buttons=_suggestions(ask))


async def handoff(ask: Ask) -> Answer:
    """A wish to speak to a person becomes a ticket, with the numbers to call meanwhile."""
    participant = ask.identity.participant if ask.identity else None
    ticket = await open_ticket(ask, "handoff", participant, "handoff:asked")
    return _handed_over(ask, "utter_handoff", participant, ticket)


async def not_understood(ask: Ask) -> Answer:
    """What was not understood: the likeliest meanings are offered; after some tries a person is told."""
    failures = int(ask.memory.get("failures") or 0) + 1
    if failures >= _PATIENCE:
        participant = ask.identity.participant if ask.identity else None
        ticket = await open_ticket(ask, "handoff", participant, "handoff:not_understood")
        return _handed_over(ask, "utter_handoff_not_understood", participant, ticket)
    if ask.reading.of_body and not ask.staff:
        # A sign may hide in words that no list knows; asking is safe, and the numbers stand beside it.
        return asks_whether_unwell(ask, failures)
    options = [ask.say(f"utter_meaning_{intent}") for intent in ask.part.ranking[:2] if _has_meaning(ask, intent)]
    if len(options) < 2:
        return Answer(
            "not_understood",
            ask.say("utter_not_understood"),
            buttons=_suggestions(ask),
            remember={"failures": failures},
        )
    text = ask.say("utter_clarify_meaning", options=say_list([f'"{option}"' for option in options], ask.language))
    return Answer("clarify", text, {"options": options}, buttons=tuple(options), remember={"failures": failures})


def asks_whether_unwell(ask: Ask, failures: int = 0) -> Answer:
    """Whether the person feels unwell now, and whom to call if so."""
    ward = ask.say("utter_contact_team", phone=ask.team_phone)
    emergency = ask.say("utter_contact_emergency", number=ask.services.emergency_number)
    text = lines(ask.say("utter_symptom_unclear"), sentences(ward, emergency))
    return Answer("clarify", text, {"missing": "symptom"}, remember={"failures": failures})


def _has_meaning(ask: Ask, intent: str) -> bool:
    return f"utter_meaning_{intent}" in ask.services.phrases.texts


def _handed_over(ask: Ask, name: str, participant: str | None, ticket: OpenedTicket) -> Answer:
    emergency = ask.services.emergency_number
    text = sentences(
        ask.say(name, ticket=ticket.number, phone=ask.team_phone), ask.say("utter_contact_emergency", number=emergency)
    )
    # In a room with others the team alone learns whose wish it is.
    about = participant if ask.direct else None
    return Answer("handoff", lines(text, ticket.warning), ticket.as_data(), about=about, remember={"failures": 0})


def _suggestions(ask: Ask) -> tuple[str, ...]:
    """Questions that this asker can ask, as buttons."""
    if ask.identity is None:
        intents = ("ask_trial_purpose", "ask_eligibility_criteria", "ask_contact")
    elif ask.staff:
        intents = ("ask_visits_on", "ask_enrolment_summary", "ask_eligibility_criteria")
    else:
        intents = ("ask_next_visit", "ask_dose_schedule", "ask_contact")
    return tuple(ask.say(f"utter_meaning_{intent}") for intent in intents)
