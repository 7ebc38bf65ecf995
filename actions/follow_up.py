"""What a short message means after the one before it: 'and tomorrow?', 'what about P-0009?', a code alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from actions.reading import DateMention, Part

#: Questions that a day or a participant can be put to afresh.
_REPEATABLE = frozenset(
    {
        "ask_next_visit",
        "ask_visit_list",
        "ask_visit_detail",
        "ask_dose_schedule",
        "ask_dose_amount",
        "ask_participant_status",
        "ask_visits_on",
        "report_missed_dose",
        "request_reschedule",
    }
)
#: Intents that a waiting question ('which participant?', 'which day?') takes an answer from.
_MAY_COMPLETE = frozenset({"follow_up", "nlu_fallback", "affirm", "out_of_scope", "ask_participant_status"})
_SCOPES_OF_VISITS = ("after", "next", "last", "first")
#: Days told from the day last spoken of: 'and the day after', 'the Saturday after', '第二天'.
_DAY_AFTER = re.compile(
    r"\b(?:the\s+)?(?:day\s+after(?:\s+that)?|next\s+day|following\s+day)\b|第二天|后一天", re.IGNORECASE
)
_DAY_BEFORE = re.compile(r"\b(?:the\s+)?day\s+before(?:\s+that)?\b|前一天", re.IGNORECASE)
_NOT_RELATIVE = re.compile(r"\bday\s+(?:after\s+tomorrow|before\s+yesterday)\b", re.IGNORECASE)
_WEEKDAY_AFTER = re.compile(
    r"\b(?:the\s+)?(mon|tues|wednes|thurs|fri|satur|sun)day\s+after(?:\s+that)?\b|"
    r"\bthe\s+following\s+(mon|tues|wednes|thurs|fri|satur|sun)day\b",
    re.IGNORECASE,
)
#: 'Which day was it again?'
_WHICH_AGAIN = re.compile(
    r"\b(?:again|remind|what|which)\b.*\b(?:day|date|when|again)\b|哪(?:一)?天来着|再说一遍", re.IGNORECASE
)
_OF_ONE_VISIT = frozenset({"ask_next_visit", "ask_visit_detail", "request_reschedule"})
#: 'What is P-0012 on today?': which drugs somebody takes.
_ON_WHAT = re.compile(r"\bon\b(?!\s+(?:the\s+)?(?:\d|mon|tue|wed|thu|fri|sat|sun))", re.IGNORECASE)
_WEEKDAYS = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")


def resolve(part: Part, memory: Mapping[str, Any]) -> Part:
    """The question that a part asks, seen with what was asked before.

    A part that names only what was missing (a code, a day) completes the waiting question; a follow-up repeats the
    last question with its own day, participant or visit. What cannot be resolved stays as it is.
    """
    last = memory.get("intent")
    waiting = bool(memory.get("waiting")) and part.intent in _MAY_COMPLETE and _is_bare(part)
    if part.intent == "follow_up" and last not in _REPEATABLE and not waiting:
        return _without_question_before(part)
    if not last:
        return part
    if part.intent != "follow_up" and not waiting:
        return part
    part = _with_relative_day(part, memory)
    if _WHICH_AGAIN.search(part.text) and memory.get("visit") and last in _OF_ONE_VISIT:
        return replace(part, intent="ask_visit_detail", visits=(str(memory["visit"]),), dates=(), scope="")
    named = bool(part.participants or part.dates or part.visits or part.visit_class or part.scope or part.drugs)
    if not named:
        return part
    if waiting:
        return _asking(part, str(last))
    return _asking(part, _question_after(part, str(last)))


def _without_question_before(part: Part) -> Part:
    """A follow-up after nothing that it could follow: what its own words name decides, else it is not understood."""
    if part.drugs or (part.participants and part.dates and _ON_WHAT.search(part.text)):
        return part.asking("ask_dose_schedule")
    if part.visits or part.visit_class or (part.dates and not part.participants):
        return part.asking("ask_next_visit")
    return part


def _question_after(part: Part, last: str) -> str:
    """Which question a follow-up asks, by what it names and by what was asked last."""
    about_days = last in ("ask_visits_on", "ask_dose_schedule")
    if part.scope in _SCOPES_OF_VISITS and not part.dates and not about_days:
        return "ask_next_visit"
    if last in ("ask_dose_amount", "report_missed_dose") and part.dates:
        return "ask_dose_schedule"
    if last == "ask_visit_list" and (part.dates or part.visits):
        return "ask_next_visit"
    if last == "request_reschedule" and not part.dates:
        return "ask_next_visit"
    if last == "ask_dose_schedule" and part.drugs and not part.dates:
        return "ask_dose_amount"
    return last


def _asking(part: Part, intent: str) -> Part:
    if intent == "request_reschedule":  # a bare day after a wish to move a visit is the day wished for
        dates = tuple(replace(mention, role=mention.role or "requested") for mention in part.dates)
        return replace(part, intent=intent, dates=dates)
    return part.asking(intent)


def _with_relative_day(part: Part, memory: Mapping[str, Any]) -> Part:
    """The part with a day that is told from the one last spoken of, where it is."""
    if not memory.get("date"):
        return part
    base = date.fromisoformat(str(memory["date"]))
    weekday = _WEEKDAY_AFTER.search(part.text)
    if weekday:
        wanted = _WEEKDAYS.index((weekday.group(1) or weekday.group(2)).lower())
        day = base + timedelta(days=(wanted - base.weekday() - 1) % 7 + 1)
    elif _NOT_RELATIVE.search(part.text):
        return part
    elif _DAY_AFTER.search(part.text):
        day = base + timedelta(days=1)
    elif _DAY_BEFORE.search(part.text):
        day = base - timedelta(days=1)
    else:
        return part
    return replace(part, dates=(DateMention(part.text, (day,)),), scope="")


def _is_bare(part: Part) -> bool:
    """Whether a part is no more than a few words, such as a code or a day."""
    return len(part.text.split()) <= 6
