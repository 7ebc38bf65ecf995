"""One message in, one answer out: symptoms first, then each question in turn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from actions.access import whose_record
from actions.conversation import Answer, Ask, Refused
from actions.eligibility import NOT_KNOWN, in_precheck
from actions.follow_up import pending, resolve
from actions.reading import DateMention, Part
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
    for part in _one_by_one(_questions(ask)):
        turn = ask.remembering(memory).asking(resolve(part, memory))
        answer = await _answer(turn)
        memory = _remember(memory, turn.part, answer)
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


#: Questions that can be put to one day, or one visit, after another.
_OF_DAYS = frozenset({"ask_dose_schedule", "ask_next_visit", "ask_visit_detail", "ask_visits_on", "follow_up"})
_OF_VISITS = frozenset({"ask_visit_detail", "ask_next_visit"})
_AND = r"\W*(?:and|or|&|和|跟|还是|或者?|以及|、)?\W*(?:(?:on|the|also|then|my)\s+)*"


def _one_by_one(parts: list[Part]) -> list[Part]:
    """A question about two days or two visits ('on Saturday and Sunday?') is two questions."""
    single: list[Part] = []
    for part in parts:
        days = [mention for mention in part.dates if mention.day is not None and not mention.is_range]
        if part.intent in _OF_DAYS and len(days) == len(part.dates) > 1 and _joined(part.text, days):
            single += [replace(part, dates=(mention,)) for mention in days]
        elif part.intent in _OF_VISITS and len(part.visits) > 1 and not part.dates:
            single += [replace(part, visits=(code,)) for code in part.visits]
        else:
            single.append(part)
    return single[:_MOST_PARTS]


def _joined(text: str, mentions: list[DateMention]) -> bool:
    return re.search(_AND.join(re.escape(mention.text) for mention in mentions), text, re.IGNORECASE) is not None


def _adds_to_note(ask: Ask) -> bool:
    """Whether staff in the middle of a pre-check add a finding ('hep B and C negative', 'she is pregnant')."""
    if _goes_on_in_chinese(ask):
        return True
    if not (in_precheck(ask) and ask.reading.findings):
        return False
    parts = ask.reading.parts
    if any(part.participants for part in parts):
        return False
    if all(part.intent in _MAY_ADD for part in parts):
        return "?" not in parts[0].text
    return not any(_asks(part.text) for part in parts)


def _goes_on_in_chinese(ask: Ask) -> bool:
    """Whether staff who pasted a Chinese note add to it in Chinese: they are told again that it is not read."""
    return (
        ask.staff
        and ask.reading.language == "zh"
        and ask.memory.get("intent") == "check_eligibility"
        and all(part.intent in _MAY_ADD and not part.participants for part in ask.reading.parts)
    )


def _asks(text: str) -> bool:
    """Whether words ask the assistant something; 'HBV status? unknown' and 'consent: signed today' tell it something."""
    last = re.split(r"[?!.;\n]+\s+", text.strip())[-1]
    return last.endswith(("?", "?")) or bool(_ASKING.match(last))


_ASKING = re.compile(
    r"^\W*(?:(?:and|so|ok(?:ay)?|but|also|please|quick\s+\w+)\W+)*(?:what|when|who|whose|how|which|where|why|whens|whats|is|are|was|does|do|did|can|"
    r"could|should|will|list|show|tell|give|save|remind|explain|log|store|keep|record)\b|吗\W*$|什么|谁|怎么|哪|几号|多少",
    re.IGNORECASE,
)


#: What a finding in shorthand may be taken for; after a pre-check it is a finding all the same.
_MAY_ADD = frozenset(
    {"nlu_fallback", "follow_up", "out_of_scope", "report_symptom", "check_eligibility", "deny", "affirm"}
)


async def _answer(ask: Ask) -> Answer:
    try:
        if ask.part.participants and ask.part.intent in _SAYS_NOTHING and not ask.staff:
            await whose_record(ask, "refusal")  # whatever is wanted of another's record: it is refused by name
        return await HANDLERS[ask.part.intent](ask)
    except Refused as refused:
        return refused.answer


#: Intents of which only the code that stands beside them says what is wanted.
_SAYS_NOTHING = frozenset({"nlu_fallback", "follow_up", "out_of_scope", "affirm", "deny"})


def _remember(memory: Mapping[str, Any], part: Part, answer: Answer) -> dict[str, Any]:
    """The memory after an answer; what was waiting is over unless this answer waits again."""
    waiting = pending(part) if answer.remember.get("waiting") else None
    kept = {**memory, "waiting": None, "offered": None, "pending": waiting, "failures": 0, **answer.remember}
    return {key: value for key, value in kept.items() if value is not None}
