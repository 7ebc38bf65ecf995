"""Symptoms: the reviewed advice first, a ticket so that a person sees it."""

from __future__ import annotations

from dataclasses import replace

from actions.conversation import Answer, Ask
from actions.eligibility import in_precheck
from actions.small_talk import asks_whether_unwell
from actions.support import open_ticket
from actions.trial_information import contact
from actions.wording import lines
from bot.clock import Clock
from bot.enrollment import outbox
from bot.enrollment.models_alerts import ALERT_LEVELS
from bot.enrollment.outbox import DISPATCHER
from bot.trial.triage import Triage, assess_symptoms


def triage_of(ask: Ask) -> Triage:
    """What the symptoms in the message come to; a clinical note and what staff add to it raise none (the site's levels)."""
    if ask.staff and (ask.reading.is_note or in_precheck(ask)):
        return Triage(level=None)
    return assess_symptoms(ask.services.triage, ask.reading.symptoms)


async def symptom_triage(ask: Ask) -> Answer:
    """The safe next step at once; then the ticket's number. Never a diagnosis, never a change of dose."""
    triage = triage_of(ask)
    if triage.level is None:
        return await _nothing_now(ask)
    named = _about(ask)
    summary = f"symptom:{triage.level}:{','.join(triage.flags)}"[:200]
    ticket = await open_ticket(ask, "symptom", named, summary, triage)
    about = ticket.participant
    advice = ask.services.triage.render(triage, ask.language, ask.services.emergency_number, ask.team_phone)
    told = ask.say("utter_triage_ticket", ticket=ticket.number)
    whom = f"{about}:" if ask.staff and about and ask.direct else ""
    unknown = ask.say("utter_triage_unknown_participant", code=named) if named and about is None and ask.direct else ""
    text = lines(whom, advice, told, unknown, ticket.warning)
    return Answer(
        "symptom_triage",
        text,
        {**triage.as_data(), **ticket.as_data()},
        about=about if ask.direct else None,
        sources=tuple(ask.services.triage.sources[key] for key in triage.sources),
        remember={
            "intent": "report_symptom",
            **({"participant": about} if ask.staff and about else {}),
            **({"alarm": [about, ask.today.isoformat()]} if triage.level in ("emergency", "urgent") else {}),
        },
    )


async def _nothing_now(ask: Ask) -> Answer:
    """No symptom at present: what to do if one comes ('and if I get a fever?'), or whether there is one."""
    if any(finding.status in ("general", "hypothetical") for finding in ask.reading.symptoms):
        answer = await contact(ask)
        return replace(answer, text=lines(ask.say("utter_symptom_general"), answer.text))
    return asks_whether_unwell(ask)


async def nobody_was_told(ask: Ask) -> Answer | None:
    """That nobody of the team could be told of what this account wrote earlier; once, and None where that is not so.

    In a room with others it is said only where they could read the earlier message too.
    """
    if not ask.services.alerts.may_be_untold(ask.account):
        return None
    now = Clock().now()
    async with ask.database.writing(DISPATCHER, "the patient is told") as session:
        here = [
            person
            for person in await outbox.untold(session, now)
            if person.account == ask.account and (ask.direct or person.conversation == ask.conversation)
        ]
        noted = await outbox.mark_told(session, [person.ticket for person in here], now)
        await session.commit()
    told = [person for person in here if person.ticket in noted]
    if not told:
        return None
    gravest = min(told, key=lambda person: ALERT_LEVELS.index(person.level))
    data = {"ticket": f"T-{gravest.ticket}", "nobody_told": True}
    about = gravest.participant if ask.direct else None
    return Answer("handoff", ask.notice(f"later_{gravest.level}"), data, about=about)


def _about(ask: Ask) -> str | None:
    """Whose symptom it is: the participant's own, or the one that staff named."""
    if ask.identity is None:
        return None
    if ask.identity.participant is not None:
        return ask.identity.participant
    named = next((code for part in ask.reading.parts for code in part.participants), None)
    return named or ask.memory.get("participant")
