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
_OF_DOSES = frozenset({"ask_dose_schedule", "ask_dose_amount", "report_missed_dose"})
#: 'And on the day of the drip?': the visit says which day is meant, not what is asked.
_DAY_OF = re.compile(r"\b(?:day|days|date|on|before|after)\b|天|日|时候", re.IGNORECASE)
_OF_ONE_VISIT = frozenset({"ask_next_visit", "ask_visit_detail", "request_reschedule"})
#: 'What is P-0012 on today?': which drugs somebody takes.
_ON_WHAT = re.compile(r"\bon\b(?!\s+(?:the\s+)?(?:\d|mon|tue|wed|thu|fri|sat|sun))", re.IGNORECASE)
_WEEKDAYS = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")


def resolve(part: Part, memory: Mapping[str, Any]) -> Part:
    """The question that a part asks, seen with what was asked before.

    A part that names only what was missing (a code, a day) completes the waiting question; a follow-up repeats the
    last question with its own day, participant or visit. What cannot be resolved stays as it is.
    """
    last = str(memory.get("intent") or "")
    if memory.get("waiting") and (completed := completes(part, memory)) is not None:
        return completed
    if (moved := _day_that_suits(part, memory)) is not None:
        return moved
    part = _with_ordinal(part, memory)
    if _asks_day_again(part, memory):
        return replace(part, intent="ask_visit_detail", visits=(str(memory["visit"]),), dates=(), scope="")
    if part.intent == "out_of_scope" and last and _is_bare(part) and _POINTS.search(part.text):
        return part.asking("nlu_fallback")  # 'what does it depend on': of what was just said, whatever it is
    if part.intent == "nlu_fallback" and (supported := _supported(part)):
        return part.asking(supported)
    if part.intent == "follow_up" and last not in _REPEATABLE:
        return _without_question_before(part)
    elliptical = part.intent == "nlu_fallback" and _is_bare(part) and bool(_ELLIPTIC.match(part.text))
    if not last or not (part.intent == "follow_up" or (elliptical and last in _REPEATABLE)):
        return part
    part = _with_relative_day(part, memory)
    named = bool(part.participants or part.dates or part.visits or part.visit_class or part.scope or part.drugs)
    if not named:
        return part
    return _asking(_of_the_same(part, last, memory), _question_after(part, last))


def _supported(part: Part) -> str:
    """The likeliest question, doubted as it was, where what the words name leaves little else; else empty."""
    likeliest = next((intent for intent in part.ranking if intent != "follow_up"), "")
    if likeliest in ("ask_next_visit", "ask_visit_detail") and any(_CODED.fullmatch(code) for code in part.visits):
        return likeliest
    return likeliest if likeliest == "ask_dose_schedule" and part.drugs and part.dates else ""


_CODED = re.compile(r"RT\d|IO1|C\dD1")
_POINTS = re.compile(r"\b(?:it|that|this|there|they|them)\b|[它这那]", re.IGNORECASE)


def _asks_day_again(part: Part, memory: Mapping[str, Any]) -> bool:
    """'Which day was it again?': of the visit last spoken of."""
    if not memory.get("visit") or part.visits or part.visit_class or part.drugs or part.participants:
        return False
    about_visit = memory.get("intent") in (None, *_OF_ONE_VISIT) and part.intent in ("follow_up", "nlu_fallback")
    return about_visit and bool(_WHICH_AGAIN.search(part.text))


#: How a message that only goes on with the one before it begins.
_ELLIPTIC = re.compile(
    r"^\W*(?:ok(?:ay)?\W+|so\W+|oh\W+|sorry\W+|no\W+)*(?:and|what\s+about|how\s+about|same|the\s+same|or|then|i\s+mean\w*|"
    r"typo|wrong|correction)\b|^\W*(?:那|还有|换成|再)|呢\W*$",
    re.IGNORECASE,
)


def _of_the_same(part: Part, last: str, memory: Mapping[str, Any]) -> Part:
    """What a follow-up about somebody else leaves as it was: the day of a dose, the visit that was named."""
    if not part.participants or part.dates or part.visits or part.visit_class or part.scope:
        return part
    if last == "ask_dose_schedule" and memory.get("date"):
        day = date.fromisoformat(str(memory["date"]))
        return replace(part, dates=(DateMention("", (day,)),))
    if last in _OF_ONE_VISIT and memory.get("named_visits"):
        return replace(part, visits=tuple(str(code) for code in memory["named_visits"]))
    return part


#: 'the 2nd one', 'my third one', '第二次': a visit told by its number among those of the kind last spoken of.
_NUMBERED = re.compile(
    r"\b(?:the|my|his|her|and|number|no\.?)\s+(?:(?P<n>first|1st|second|2nd|third|3rd|fourth|4th|fifth|5th)|"
    r"(?P<last>last|final))(?:\s+(?:one|time))?\W*$|第(?P<zh>[一二三四五12345])[次回个]?(?:呢|是|什么时候|哪天|几号|\W)*$",
    re.IGNORECASE,
)
_NUMBERS = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "fifth": 4, "5th": 4,
    **{figure: place for place, figure in enumerate("一二三四五")}, **{str(n + 1): n for n in range(5)},
}  # fmt: skip
_SERIES = (("RT1", "RT2", "RT3", "RT4", "RT5"), ("C1D1", "C2D1", "C3D1", "C4D1"))


def _with_ordinal(part: Part, memory: Mapping[str, Any]) -> Part:
    """The visit that a number alone names, where one of a series was spoken of."""
    match = _NUMBERED.search(part.text)
    if match is None or part.visits or part.visit_class or part.drugs or part.dates:
        return part
    if part.intent not in ("follow_up", "nlu_fallback", *_OF_ONE_VISIT):
        return part
    series = next((codes for codes in _SERIES if memory.get("visit") in codes), ())
    place = len(series) - 1 if match["last"] else _NUMBERS[(match["n"] or match["zh"]).lower()]
    if place not in range(len(series)):
        return part
    return replace(part, intent="ask_visit_detail", visits=(series[place],), scope="")


#: 'Monday would work', '30 September suits me': an answer to a wish that named no day yet.
_SUITS = re.compile(
    r"\b(?:work(?:s|ed)?|suits?|fine|better|instead|possible|free|available|prefer\w*|ok(?:ay)?|good|can\s+(?:do|come|make)|"
    r"could\s+(?:do|come|make|it|we|i)|how\s+about|what\s+about|make\s+it|would\s+be|please)\b|可以|行|有空|方便|改到|吧\W*$",
    re.IGNORECASE,
)
#: What such an answer may be taken for.
_MAY_SUIT = frozenset(
    {"follow_up", "nlu_fallback", "affirm", "deny", "out_of_scope", "ask_next_visit", "ask_visit_detail", "thank"}
)


def _day_that_suits(part: Part, memory: Mapping[str, Any]) -> Part | None:
    """A day given to a wish to move a visit: another one right after it, the first one whatever came in between."""
    days = [mention for mention in part.dates if not mention.is_range]
    wished = memory.get("visit") if memory.get("intent") == "request_reschedule" else None
    moving = memory.get("moving") or wished
    if not moving or len(days) != 1 or part.intent not in _MAY_SUIT or _ASKS.match(part.text):
        return None
    if not _SUITS.search(part.text):
        return None
    return replace(_asking(part, "request_reschedule"), visits=part.visits or (str(moving),))


_ASKS = re.compile(r"^\W*(?:when|what(?!\s+about)|which|who|where|do|does|am|is|are|did|will)\b", re.IGNORECASE)

# --- a question that waits for what was missing ----------------------------------------------------------------

#: 'the first', 'the latter': one of two days that were offered.
_ONE_OF_TWO = re.compile(
    r"^\W*(?:i\s+mean\w*\s+|it'?s\s+)?(?:the\s+)?(?:(?P<first>first|1st|former|earlier|sooner)|(?P<second>second|2nd|latter|later))"
    r"(?:\s+(?:one|day|date|of\s+(?:them|those|the\s+two)))?\W*$|^\W*(?P<zh1>第一个?|前一?个|前者)\W*$|^\W*(?P<zh2>第二个?|后一?个|后者)\W*$",
    re.IGNORECASE,
)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def pending(part: Part) -> dict[str, Any]:
    """What a question that waits has named already, as JSON values."""
    known = [mention for mention in part.dates if mention.day is not None]
    return {
        "text": part.text,
        "participants": list(part.participants),
        "visits": list(part.visits),
        "visit_class": part.visit_class,
        "drugs": list(part.drugs),
        "scope": part.scope,
        "prescribed_only": part.prescribed_only,
        "dates": [
            {"text": one.text, "days": [day.isoformat() for day in one.days], "range": one.is_range, "role": one.role}
            for one in known
        ],
        "role": next((one.role for one in part.dates if one.day is None), ""),
    }


def completes(part: Part, memory: Mapping[str, Any]) -> Part | None:
    """The waiting question with what this part adds to it; None where the part is no answer to it."""
    last, kept = str(memory.get("intent") or ""), memory.get("pending") or {}
    chosen = _chosen_day(part, memory)
    if chosen is not None:
        part = replace(part, dates=(DateMention(part.text, (chosen,)),), visits=(), scope="", intent="follow_up")
    adds = bool(part.participants or part.dates or part.visits or part.visit_class or part.drugs or part.scope)
    if not last or part.intent not in _MAY_COMPLETE or not _is_bare(part) or not adds:
        return None
    role = str(kept.get("role") or "")
    dates = tuple(replace(mention, role=mention.role or role) for mention in part.dates)
    earlier = tuple(
        DateMention(
            one["text"], tuple(date.fromisoformat(day) for day in one["days"]), is_range=one["range"], role=one["role"]
        )
        for one in kept.get("dates", ())
        if not dates or one["role"] != role
    )
    asked = replace(
        part,
        text=str(kept.get("text") or part.text),
        participants=part.participants or tuple(kept.get("participants", ())),
        visits=part.visits or (() if part.visit_class else tuple(kept.get("visits", ()))),
        visit_class=part.visit_class or str(kept.get("visit_class") or ""),
        drugs=part.drugs or tuple(kept.get("drugs", ())),
        scope=part.scope or str(kept.get("scope") or ""),
        prescribed_only=part.prescribed_only or bool(kept.get("prescribed_only")),
        dates=(*earlier, *dates),
    )
    return _asking(asked, last) if not kept else asked.asking(last)


def _chosen_day(part: Part, memory: Mapping[str, Any]) -> date | None:
    """Which of the days that were offered a part takes: 'the first', 'the later one', 'October'."""
    offered = [date.fromisoformat(day) for day in memory.get("offered", ())]
    match = _ONE_OF_TWO.match(part.text)
    if match and len(offered) == 2:
        return offered[0 if match["first"] or match["zh1"] else 1]
    words = re.findall(r"[a-z]{3,}", part.text.lower())
    of_month = [day for day in offered if any(word.startswith(_MONTH_NAMES[day.month - 1]) for word in words)]
    return of_month[0] if len(of_month) == 1 and len(words) <= 3 and not part.dates else None


# --- a follow-up ----------------------------------------------------------------------------------------------


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
    if part.drugs and last not in _OF_DOSES:
        return "ask_dose_schedule"
    if (part.visits or part.visit_class) and not part.drugs and last in _OF_DOSES and not _DAY_OF.search(part.text):
        return "ask_next_visit"
    if part.scope in ("all", "to_come") and not about_days and not part.dates:
        return "ask_visit_list"
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
