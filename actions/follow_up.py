"""What a short message means after the one before it: 'and tomorrow?', 'what about P-0009?', a code alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.reading import Part

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


def resolve(part: Part, memory: Mapping[str, Any]) -> Part:
    """The question that a part asks, seen with what was asked before.

    A part that names only what was missing (a code, a day) completes the waiting question; a follow-up repeats the
    last question with its own day, participant or visit. What cannot be resolved stays as it is.
    """
    last = memory.get("intent")
    if not last:
        return part
    names_something = bool(part.participants or part.dates or part.visits or part.visit_class or part.scope)
    if memory.get("waiting") and part.intent in _MAY_COMPLETE and names_something and _is_bare(part):
        return part.asking(str(last))
    if part.intent != "follow_up":
        return part
    if (
        not part.dates
        and part.scope in ("after", "next", "last", "first")
        and last not in ("ask_visits_on", "ask_dose_schedule")
    ):
        return part.asking("ask_next_visit")
    if last == "ask_dose_amount" and part.dates:
        return part.asking("ask_dose_schedule")
    if last == "request_reschedule" and not part.dates:
        return part.asking("ask_next_visit")
    if last == "ask_visit_list" and (part.dates or part.visits):
        return part.asking("ask_next_visit")
    if last == "ask_dose_schedule" and part.drugs and not part.dates:
        return part.asking("ask_dose_amount")
    if last in _REPEATABLE and (names_something or part.drugs):
        return part.asking(str(last))
    return part


def _is_bare(part: Part) -> bool:
    """Whether a part is no more than a few words, such as a code or a day."""
    return len(part.text.split()) <= 6
