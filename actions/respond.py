"""One message in, one answer out: symptoms first, then each question in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from actions.conversation import Answer, Ask, Refused
from actions.eligibility import NOT_KNOWN, in_precheck
from actions.follow_up import resolve
from actions.reading import Part
from actions.registry import HANDLERS
from actions.safety import nobody_was_told, triage_of
from actions.wording import lines

_log = structlog.get_logger(__name__)
#: Intents whose answer says nothing of its own beside another answer.
_EMPTY_BESIDE_OTHERS = frozenset({"greet", "thank", "affirm", "deny", "nlu_fallback", "follow_up", "goodbye"})
#: More questions than this in one message are not answered at once.
_MOST_PARTS = 4


@dataclass(frozen=True)
class Reply:
    """What goes back to the channel.

    Attributes:
        text: the whole text, all answers.
        custom: the contract's object.
        buttons: suggestions.
        image: a picture as a data address, where an answer has one.
        attachment: a file as a data address, where an answer has one.
        memory: what the conversation keeps.
    """

    text: str
    custom: Mapping[str, Any]
    buttons: tuple[str, ...]
    memory: Mapping[str, Any]
    image: str | None = None
    attachment: str | None = None


async def respond(ask: Ask) -> Reply:
    """Answers every question of a message; an alarming symptom is answered first whatever was asked."""
    answers: list[Answer] = []
    memory = dict(ask.memory)
    for part in _questions(ask):
        turn = ask.remembering(memory).asking(resolve(part, memory))
        answer = await _answer(turn)
        memory = _remember(memory, answer)
        if not any(answer.name == given.name and answer.data == given.data for given in answers):
            answers.append(answer)
    lead, others = answers[0], answers[1:]
    texts = [answer.text for answer in answers]
    if (earlier := await nobody_was_told(ask)) is not None:
        # Before what was asked now, but after the safe step for a symptom of now.
        texts.insert(1 if lead.name == "symptom_triage" else 0, earlier.text)
        others.append(earlier)
    custom: dict[str, Any] = {
        "answer": lead.name,
        "about": lead.about,
        "data": dict(lead.data),
        "sources": list(dict.fromkeys(source for answer in answers for source in answer.sources)),
        "language": ask.language,
        "as_of": ask.now.isoformat(timespec="seconds"),
        "protocol": ask.protocol.identifier,
    }
    if others:
        custom["also"] = [{"answer": other.name, "about": other.about, "data": dict(other.data)} for other in others]
    _log.info("answered", answer=lead.name, also=[other.name for other in others], language=ask.language)
    image = next((answer.image for answer in answers if answer.image), None)
    attachment = next((answer.attachment for answer in answers if answer.attachment), None)
    return Reply(lines(*texts), custom, lead.buttons, memory, image, attachment)


def _questions(ask: Ask) -> list[Part]:
    """The parts to answer: a present symptom leads; greetings and leftovers beside real questions are dropped."""
    parts = list(ask.reading.parts)
    alarming = triage_of(ask).level is not None
    real = [part for part in parts if part.intent not in _EMPTY_BESIDE_OTHERS]
    if ask.staff and ask.reading.is_note and not alarming:
        return (real or parts)[:1]
    if _adds_to_note(ask) or (in_precheck(ask) and NOT_KNOWN.match(parts[0].text)):
        return [parts[0].asking("check_eligibility")]
    if alarming:
        lead = Part(text=parts[0].text, intent="report_symptom", participants=parts[0].participants)
        asked = [part for part in real if part.intent not in ("report_symptom", "out_of_scope", "request_handoff")]
        return [lead, *asked][:_MOST_PARTS]
    return (real or parts[:1])[:_MOST_PARTS]


def _adds_to_note(ask: Ask) -> bool:
    """Whether staff in the middle of a pre-check add a finding ('hep B and C negative', 'she is pregnant')."""
    if not (in_precheck(ask) and ask.reading.findings):
        return False
    lead = ask.reading.parts[0]
    return not lead.participants and "?" not in lead.text and lead.intent in _MAY_ADD


#: What a finding in shorthand may be taken for; after a pre-check it is a finding all the same.
_MAY_ADD = frozenset(
    {"nlu_fallback", "follow_up", "out_of_scope", "report_symptom", "check_eligibility", "deny", "affirm"}
)


async def _answer(ask: Ask) -> Answer:
    try:
        return await HANDLERS[ask.part.intent](ask)
    except Refused as refused:
        return refused.answer


def _remember(memory: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """The memory after an answer; what was waiting is over unless this answer waits again."""
    kept = {**memory, "waiting": None, "failures": 0, **answer.remember}
    return {key: value for key, value in kept.items() if value is not None}
