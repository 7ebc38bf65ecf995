"""Public answers: the trial's record, its criteria, whom to call."""

from __future__ import annotations

import re

from actions.conversation import Answer, Ask, record_section
from actions.wording import lines, say_list
from bot.trial.protocol import Criterion

#: Intents `ask_trial_<topic>` ask for these topics.
TOPIC_PREFIX = "ask_trial_"
#: More criteria than this are listed by their titles, fewer are quoted.
_QUOTED = 6


async def trial_info(ask: Ask) -> Answer:
    """A topic of the public record, with its section; what the record does not answer is said so."""
    name = ask.part.intent.removeprefix(TOPIC_PREFIX)
    topic = ask.protocol.topics[name]
    text = topic.text[ask.language]
    if name == "not_in_record":
        text = lines(text, _contacts_text(ask))
    return Answer(
        "trial_info", text, {"topic": name, "text": text}, sources=(record_section(topic.source),),
        remember={"intent": ask.part.intent},
    )  # fmt: skip


async def not_in_record(ask: Ask) -> Answer:
    """What the record does not answer, said so, with whom to ask."""
    return await trial_info(ask.asking(ask.part.asking("ask_trial_not_in_record")))


async def eligibility_criteria(ask: Ask) -> Answer:
    """The criteria asked about in the record's words, all of them by title where none is named."""
    return criteria_answer(ask, ask.part.criteria)


def criteria_answer(ask: Ask, ids: tuple[str, ...], lead: str = "") -> Answer:
    """The public answer about criteria; `lead` goes in front of it."""
    known = [criterion for criterion in ask.protocol.criteria if criterion.id in ids]
    wanted = known or _of_one_kind(ask) or list(ask.protocol.criteria)
    quoted = len(wanted) <= _QUOTED
    everything = len(wanted) == len(ask.protocol.criteria)
    listed = [
        ask.say("utter_criterion", id=criterion.id, title=criterion.title[ask.language], wording=criterion.text)
        if quoted
        else f"{criterion.id} {criterion.title[ask.language]}"
        for criterion in wanted
    ]
    head = ask.say("utter_criteria_quoted" if quoted else "utter_criteria_all") if quoted or everything else ""
    body = lines(*listed) if quoted else say_list_by_kind(ask, listed)
    foot = ask.say("utter_criteria_investigator_decides")
    return Answer(
        "eligibility_criteria",
        lines(lead, head, body, foot),
        {
            "criteria": [criterion.id for criterion in wanted],
            "text": {criterion.id: criterion.text for criterion in wanted},
        },
        sources=(record_section("Eligibility Criteria"),),
        remember={"intent": "ask_eligibility_criteria"},
    )


#: 'Exclusion criteria', 'what rules somebody out'; 'inclusion criteria', '入选标准'.
_AGAINST = re.compile(r"\bexclu\w+|\brul\w+\s+(?:\w+\s+){0,2}out\b|\bdisqualif\w+|排除", re.IGNORECASE)
_FOR = re.compile(r"\binclusion\b|\binclusive\s+criteria|入选|纳入", re.IGNORECASE)


def _of_one_kind(ask: Ask) -> list[Criterion]:
    """The criteria for or those against, where the words name one kind alone."""
    against, in_favour = bool(_AGAINST.search(ask.part.text)), bool(_FOR.search(ask.part.text))
    if against == in_favour:
        return []
    return [criterion for criterion in ask.protocol.criteria if criterion.id.startswith("E" if against else "I")]


def say_list_by_kind(ask: Ask, listed: list[str]) -> str:
    """All criteria by title, those for taking part before those against."""
    inclusion = [line for line in listed if line.startswith("I")]
    exclusion = [line for line in listed if line.startswith("E")]
    return lines(
        ask.say("utter_criteria_inclusion", listed=say_list(inclusion, ask.language)) if inclusion else "",
        ask.say("utter_criteria_exclusion", listed=say_list(exclusion, ask.language)) if exclusion else "",
    )


async def contact(ask: Ask) -> Answer:
    """Whom to call: the ward's line where the site has set one, then the contacts of the public record."""
    contacts = [
        {"role": entry.role[ask.language], "name": entry.name, "phone": entry.phone, "source": entry.source}
        for entry in ask.protocol.contacts
    ]
    ward = ask.services.ward_line
    if ward:
        role = ask.say("utter_contact_ward")
        contacts.insert(0, {"role": role, "name": None, "phone": ward, "source": "site settings"})
    text = lines(
        ask.say("utter_contact"),
        _contacts_text(ask),
        ask.say("utter_contact_emergency", number=ask.services.emergency_number),
    )
    return Answer(
        "contact", text, {"contacts": contacts}, sources=(record_section("Central Contacts; Facility Contacts"),)
    )


def _contacts_text(ask: Ask) -> str:
    rows = []
    if ask.services.ward_line:
        rows.append(f"{ask.say('utter_contact_ward')}: {ask.services.ward_line}")
    rows += [
        f"{entry.role[ask.language]}{f' ({entry.name})' if entry.name else ''}: {entry.phone}"
        for entry in ask.protocol.contacts
    ]
    return lines(*rows)
