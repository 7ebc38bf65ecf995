"""The staff's pre-check: what a note says against all 27 criteria; never a verdict of 'eligible'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from actions.access import require_direct, which_participant
from actions.conversation import Answer, Ask, record_section
from actions.small_talk import not_understood
from actions.support import for_whom
from actions.trial_information import criteria_answer
from actions.wording import lines, say_list
from bot.enrollment import writes
from bot.enrollment.errors import NotOnFile
from bot.trial.eligibility import Assessment, CriterionResult, assess
from bot.trial.facts import Finding, merge

#: Different things known of one person at most; a long discharge letter has some hundred.
_MOST_FINDINGS = 500
#: A second age is somebody else's, and so is another sex, unless it is said to be a correction.
_AGE = frozenset({"age", "birth_date"})
_CORRECTION = re.compile(
    r"\b(?:sorry|actually|correction|corrected|i\s+mean|meant|typo|mistake|not|wrong|instead|should\s+(?:be|read))\b",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\b(?:next|new|another|different)\s+(?:patient|pt|one|case|person|referral)\b", re.IGNORECASE)


#: Words that go back to the person spoken of before: 'back to the 55M', 'update on the 68F'.
_BACK_TO = re.compile(
    r"\b(?:back\s+to|update\s+(?:on|for|about|re)|again\b|still\s+(?:the|about)|same\s+(?:patient|pt|person|man|woman|lady)|re\s*:|"
    r"regarding|about\s+the|as\s+for\s+the|returning\s+to|our|that|the\s+earlier|from\s+before|one\s+more\s+(?:thing|finding)\s+on)\b",
    re.IGNORECASE,
)
#: A note of more findings than this, after another subject and without such words, is of somebody else.
_SHORT_ADDITION = 2

#: Staff's answer to what was asked next, when they cannot say.
NOT_KNOWN = re.compile(
    r"^\W*(?:i\s+|we\s+)?(?:don'?t\s+know|do\s+not\s+know|dunno|no\s+idea|not\s+(?:sure|known|available|done(?:\s+yet)?)|"
    r"unknown|can'?t\s+say|no\s+result(?:s)?(?:\s+yet)?|skip)\W*(?:yet\W*)?$|^\W*(?:不知道|不清楚|不详|没有结果)\W*$",
    re.IGNORECASE,
)


def in_precheck(ask: Ask) -> bool:
    """Whether staff are in the middle of a pre-check and name no participant on file."""
    named = any(part.participants for part in ask.reading.parts)
    under_way = ask.memory.get("intent") == "check_eligibility" and bool(ask.memory.get("findings"))
    return ask.staff and under_way and not named


async def eligibility_check(ask: Ask) -> Answer:
    """Staff get all 27 criteria; everybody else the public criteria and the team's contact, never a check."""
    if not ask.staff:
        return _public(ask)
    require_direct(ask)
    if ask.reading.language == "zh":  # notes are read in English alone: half of one must never make a verdict
        return Answer(
            "clarify",
            ask.say("utter_precheck_english_only"),
            {"missing": "note"},
            remember={"intent": "check_eligibility"},
        )
    earlier = _earlier(ask)
    findings = merge(earlier, ask.reading.findings)
    if not findings:
        text = ask.say("utter_precheck_paste")
        return Answer("clarify", text, {"missing": "note"}, remember={"intent": "check_eligibility"})
    if len(findings) > _MOST_FINDINGS:
        return _too_much(ask, earlier)
    assessment = assess(ask.protocol, findings, ask.today)
    skipped = _skipped(ask, assessment) if earlier else ()
    return Answer(
        "eligibility_check",
        _text(ask, assessment, skipped),
        assessment.as_data(),
        sources=(record_section("Eligibility Criteria"), "site reading rules"),
        remember={
            "intent": "check_eligibility",
            "findings": [finding.to_json() for finding in findings],
            "skipped": list(skipped),
            "participant": None,
        },
    )


async def next_patient(ask: Ask) -> Answer:
    """Forgets the person before; with a note in the same message, checks the next one."""
    if ask.staff and ask.reading.findings:
        return await eligibility_check(ask)
    if not ask.staff:
        return await not_understood(ask)
    require_direct(ask)
    return Answer(
        "clarify",
        ask.say("utter_precheck_next"),
        {"missing": "note"},
        remember={"findings": None, "participant": None, "intent": "check_eligibility"},
    )


async def save_screening(ask: Ask) -> Answer:
    """Keeps the pre-check in the screening log, with who asked and when."""
    if not ask.staff:
        return await not_understood(ask)
    require_direct(ask)
    assert ask.identity is not None
    findings = _remembered(ask)
    if not findings:
        return Answer("clarify", ask.say("utter_precheck_paste"), {"missing": "note"})
    assessment = assess(ask.protocol, findings, ask.today)
    if len(ask.part.participants) > 1:
        return which_participant(ask, ask.say("utter_clarify_one_participant"))
    code = ask.part.participants[0] if ask.part.participants else None
    try:
        async with ask.database.writing(ask.identity.actor, "chat: save pre-check") as session:
            number = await writes.save_screening(session, assessment.as_data(), code)
            await session.commit()
    except NotOnFile:
        # Nothing is saved under a code that was mistyped, nor under nobody's; the code alone completes the wish.
        return which_participant(ask, ask.say("utter_clarify_unknown_participant", code=code))
    text = ask.say("utter_precheck_saved", number=number)
    return Answer(
        "eligibility_check",
        for_whom(ask, code, text) if code else text,
        {**assessment.as_data(), "saved": number},
        about=code,
        sources=(record_section("Eligibility Criteria"),),
    )


def _too_much(ask: Ask, earlier: Sequence[Finding]) -> Answer:
    """Nothing is left out of a check in silence: what does not go in is not read at all, and that is said."""
    kept = [finding.to_json() for finding in earlier] or None
    remember = {"intent": "check_eligibility", "findings": kept, "participant": None}
    return Answer("clarify", ask.say("utter_precheck_too_much"), {"missing": "note"}, remember=remember)


def _public(ask: Ask) -> Answer:
    lead = ask.say("utter_check_is_the_teams", phone=ask.team_phone)
    return criteria_answer(ask, ask.part.criteria, lead)


def _earlier(ask: Ask) -> tuple[Finding, ...]:
    """What is known of the same person from the messages before; nothing where this message begins another."""
    earlier, text = _remembered(ask), ask.part.text
    if not earlier or ask.part.intent == "next_patient" or _NEXT.search(text):
        return ()
    if _CORRECTION.search(text):
        return earlier
    said = ask.reading.findings
    back = bool(_BACK_TO.search(text))
    away = ask.memory.get("intent") != "check_eligibility"
    if away and not back and len(said) > _SHORT_ADDITION:
        return ()
    second_age = bool(_ages(earlier)) and bool(_ages(said))
    if second_age and back and _years(earlier) == _years(said):
        second_age = False
    sexes = _sexes(earlier), _sexes(said)
    other_sex = all(sexes) and sexes[0] != sexes[1]
    return () if second_age or other_sex else earlier


def _years(findings: Iterable[Finding]) -> frozenset[Any]:
    return frozenset(tuple(finding.values.values()) for finding in _ages(findings))


def _ages(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.concept in _AGE and finding.experiencer == "patient"]


def _sexes(findings: Iterable[Finding]) -> frozenset[Any]:
    return frozenset(tuple(f.values.values()) for f in findings if f.concept == "sex" and f.experiencer == "patient")


def _remembered(ask: Ask) -> tuple[Finding, ...]:
    stored: list[dict[str, Any]] = ask.memory.get("findings") or []
    return tuple(Finding.from_json(finding) for finding in stored)


def _skipped(ask: Ask, assessment: Assessment) -> tuple[str, ...]:
    """What staff could not say: the first criterion asked for, each time they answer so, is not asked again."""
    skipped = tuple(ask.memory.get("skipped") or ())
    if NOT_KNOWN.match(ask.part.text):
        skipped += tuple(code for code in assessment.ask_next if code not in skipped)[:1]
    return skipped


def _text(ask: Ask, assessment: Assessment, skipped: Sequence[str]) -> str:
    """Short, for a phone: the barrier first, then the questions that decide, then the counts; English for staff."""
    failing = [result for result in assessment.criteria if result.result == "fail"]
    unknown = [result for result in assessment.criteria if result.result == "unknown"]
    passing = [result for result in assessment.criteria if result.result == "pass"]
    head = ask.say(f"utter_precheck_{assessment.verdict}", count=len(failing))
    barriers = [
        ask.say(
            "utter_precheck_barrier",
            id=result.id,
            title=_title(ask, result.id),
            evidence=_quoted(result),
            why=result.why,
        )
        for result in failing
    ]
    asked = [code for code in assessment.ask_next if code not in skipped]
    questions = say_list([f"{_title(ask, code)} ({code})" for code in asked[:3]], ask.language)
    counts = ask.say("utter_precheck_counts", passing=len(passing), failing=len(failing), unknown=len(unknown))
    return lines(
        head,
        *barriers,
        ask.say("utter_precheck_ask_next", questions=questions) if questions else "",
        counts,
        ask.say("utter_precheck_investigator"),
    )


def _title(ask: Ask, criterion_id: str) -> str:
    return ask.protocol.criterion(criterion_id).title[ask.language]


def _quoted(result: CriterionResult) -> str:
    evidence: Sequence[str] = result.evidence
    return ", ".join(f'"{words}"' for words in evidence[:2])
