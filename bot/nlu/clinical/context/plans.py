"""What is planned or only supposed, and what is long past."""

from __future__ import annotations

from bot.nlu.clinical.context.view import LIST_LINKS, STATEMENTS, View, following, independent, mark, next_is
from bot.nlu.clinical.note import Assertion, Mention
from bot.nlu.clinical.sections import Segment

#: What can be planned at all.
_PLANNABLE = frozenset(
    [
        "given",
        "treatment",
        "operation",
        "minor_operation",
        "stoma",
        "stent",
        "vaccine",
        "trial",
        "consent",
        "transplant",
        "contraception",
        "emergency",
        "elective",
        "minor_treatment",
        "immunosuppressant",
        "replacement",
        "cancer_state",
        "lesion",
        "transplant_general",
        "organ_failure",
        "cardiovascular",
        "fertility",
    ]
)


_PAST = frozenset(
    {
        "has",
        "had",
        "was",
        "were",
        "is",
        "underwent",
        "received",
        "developed",
        "started",
        "takes",
        "on",
        "remains",
        "currently",
        "now",
        "but",
        "however",
    }
)


def plan(view: View, segment: Segment, cue: Mention) -> None:
    note = view.note
    assertion: Assertion = "hypothetical" if cue.attributes.get("hypothetical") else "planned"
    dated = note.words(cue.start, cue.end) in {
        "booked for",
        "listed for",
        "scheduled for",
        "due for",
        "booked in for",
        "planned for",
    } and not any(m.start >= cue.end for m in view.mentions[segment.index])
    if cue.attributes.get("kind") == "after" or dated:
        targets = [m for m in view.mentions[segment.index] if m.end <= cue.start]
        ahead = [m for m in view.mentions[segment.index] if m.start >= cue.end]
        if ahead and ahead[0].start == cue.end:
            return
        if (
            not targets
            and not ahead
            and segment.index > 0
            and cue.start - segment.start <= 2
            and segment.link in {":", "-", "(", ",", "and"}
        ):
            previous = view.segments()[segment.index - 1]
            if previous.sentence == segment.sentence and not view.dated[previous.index]:
                targets = view.mentions[previous.index]
        for mention in targets[-2:]:
            if mention.assertion == "present" and mention.group in _PLANNABLE:
                mark(mention, assertion, cue, note)
        return
    for mention in view.mentions[segment.index]:
        if mention.start >= cue.end:
            stop = view.stop_at(segment.index, cue.end)
            if (
                stop is not None
                and stop < mention.start
                and note.norms[stop] in {"had", "was", "has", "underwent", "received"}
                and note.norms[cue.start] != "whether"
            ):
                return
            if assertion == "hypothetical" or mention.group in _PLANNABLE:
                mark(mention, assertion, cue, note)
    for later in following(view, segment):
        if later.link in {";", "but", "-", "//"} or (later.link == ")" and segment.link == "("):
            return
        stop = view.stop_at(later.index, later.start)
        if stop is not None and note.norms[stop] in _PAST:
            return
        first_word = note.norms[later.start]
        if view.has(later.index, "negation", "affirmation") or first_word in {
            "he",
            "she",
            "patient",
            "pt",
            "no",
            "ecog",
            "who",
            "which",
            "whose",
            "untreated",
        }:
            return
        if any(m.group in STATEMENTS for m in view.mentions[later.index]) or (
            view.dated[later.index] and assertion == "hypothetical"
        ):
            return
        for mention in view.mentions[later.index]:
            if mention.group in _PLANNABLE:
                mark(mention, assertion, cue, note)


def date_back(view: View, segment: Segment, cue: Mention) -> None:
    if cue.attributes.get("kind") == "after":
        for mention in view.mentions[segment.index]:
            mention.historical = mention.historical or mention.end <= cue.start
        return
    for mention in view.mentions[segment.index]:
        if mention.start >= cue.end:
            mention.historical = True
    for later in following(view, segment):
        if later.link not in LIST_LINKS or independent(view, later, strong=False):
            break
        for mention in view.mentions[later.index]:
            mention.historical = True
    header = cue.end == segment.end and next_is(view, segment, {":"})
    if view.note.norms[cue.start] in {"pmh", "pmhx", "background"} or (
        header and view.note.norms[cue.start] in {"hx", "history", "past", "medical"}
    ):
        for later in following(view, segment):
            if later.link == "but":
                return
            for mention in view.mentions[later.index]:
                mention.historical = True
