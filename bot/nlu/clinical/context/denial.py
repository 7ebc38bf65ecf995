"""Denials and the affirmations that undo them."""

from __future__ import annotations

import re

from bot.nlu.clinical.context.view import (
    ALTERNATIVE,
    LIST_LINKS,
    View,
    following,
    has_status,
    independent,
    mark,
)
from bot.nlu.clinical.note import Assertion, Mention, Note
from bot.nlu.clinical.sections import Segment


def is_answer(view: View, segment: Segment, cue: Mention) -> bool:
    """Whether a 'no' (or 'N') stands after its question: 'stroke: no', 'Transplant - no', 'MI? No'."""
    if cue.end != segment.end and view.note.norms[cue.end : cue.end + 1] not in ([], ["."], ["!"], ["?"]):
        return False
    before = any(m.end <= cue.start for m in view.mentions[segment.index])
    return before or (cue.start == segment.start and segment.link in {":", "-", "(", "start"})


def deny(view: View, segment: Segment, cue: Mention) -> None:
    kind = cue.attributes.get("kind")
    if view.note.norms[cue.start] == "without" and view.note.norms[cue.start - 1 : cue.start] == ["not"]:
        return
    ahead = any(m.start >= cue.end for m in view.mentions[segment.index])
    if kind == "after" or (kind == "either" and not ahead) or is_answer(view, segment, cue):
        deny_before(view, segment, cue, "negated")
    else:
        _before(view, segment, cue)


def _before(view: View, segment: Segment, cue: Mention) -> None:
    note = view.note
    near = cue.attributes.get("reach") == "near" and not (
        note.norms[cue.end - 1] == "neither" and _nor_ahead(view, segment)
    )
    if near and note.words(cue.start, cue.end) in {"not", "never"} and _double(view, cue):
        return
    stop = _reach(view, segment, cue, cue.end)
    if stop:
        return
    for later in following(view, segment):
        if (later.link not in LIST_LINKS and not _same_kind(view, segment, later)) or independent(
            view, later, strong=bool(cue.attributes.get("strong"))
        ):
            break
        if near and later.link not in ALTERNATIVE and not _or_ahead(view, later):
            break
        if _reach(view, later, cue, later.start):
            break


def _same_kind(view: View, segment: Segment, later: Segment) -> bool:
    """'Nil chemo / RT / surgery so far': spaced strokes between bare treatments part a list, no statements."""
    groups = {m.group for m in view.mentions[later.index]}
    own = {m.group for m in view.mentions[segment.index]}
    return later.link == "//" and "treatment" in own & groups and own | groups <= {"treatment", "method"}


def _double(view: View, cue: Mention) -> bool:
    """'not without', 'not excluded', 'not only': no denial."""
    norms = view.note.norms
    following = norms[cue.end] if cue.end < len(norms) else ""
    return following in {
        "without",
        "long",
        "far",
        "so",
        "excluded",
        "only",
        "just",
        "ruled",
        "uncommon",
        "unusual",
        "known",
        "clear",
        "sure",
        "certain",
    }


def _reach(view: View, segment: Segment, cue: Mention, begin: int) -> bool:
    """Denies the mentions of a segment from `begin` on; True where a word ends the scope inside it."""
    seen = False
    last = begin
    for mention in view.mentions[segment.index]:
        if mention.start < begin:
            continue
        stop = view.stop_at(segment.index, last)
        if stop is not None and stop < mention.start and seen:
            return True
        if (
            stop is not None
            and stop < mention.start
            and view.note.norms[stop] in {"but", "apart", "except", "other", "only", "however"}
        ):
            return True
        if "since" in view.note.norms[cue.end : mention.start]:
            # 'No operation since the colostomy' takes the colostomy for granted.
            return True
        if _taken_for_granted(view.note, cue, mention):
            return True
        mark(mention, "negated", cue, view.note)
        seen, last = True, mention.end
    return (
        seen
        and view.stop_at(segment.index, view.mentions[segment.index][-1].end) is not None
        and view.has(segment.index, "stop")
        and _hard_stop(view, segment)
    )


#: After a denial these words name what is there all the same: 'no increase in X', 'not the cause of X', 'nothing to explain X'.
_GRANTED = re.compile(
    r"(?<!\S)(?:(?:increase|decrease|change|changes|worsening|improvement|reduction|difference) (?:in|of)|(?:the|a) (?:cause|reason|result|consequence) (?:of|for)|to (?:explain|account for)|explanation (?:for|of)|(?:prescribed|given|taking|on) (?:\S+ ){1,4}?for (?:his|her|the|their)|post|because of|owing to|until|till)(?: (?:the|a|an|his|her|any))*$"
)


def _taken_for_granted(note: Note, cue: Mention, mention: Mention) -> bool:
    return _GRANTED.search(note.words(cue.end, mention.start)) is not None


def _hard_stop(view: View, segment: Segment) -> bool:
    last = view.mentions[segment.index][-1].end
    return any(
        cue.group == "stop"
        and cue.start >= last
        and view.note.norms[cue.start] in {"but", "except", "apart", "however", "although", "yet"}
        for cue in view.cues[segment.index]
    )


def _nor_ahead(view: View, segment: Segment) -> bool:
    """'Neither A, B, C nor D' denies all of the list, however long."""
    return any(later.link == "nor" for later in following(view, segment)[:12])


def _or_ahead(view: View, segment: Segment) -> bool:
    for later in following(view, segment):
        if later.link in {"or", "nor"}:
            return True
        if later.link not in {",", "/"} or independent(view, later, strong=False):
            return False
    return False


def deny_before(view: View, segment: Segment, cue: Mention, assertion: Assertion) -> None:
    """Marks what stands before a cue in its segment, or the header before the segment, and bare list items."""
    begin = max(
        (
            c.end
            for c in view.cues[segment.index]
            if c.group in {"negation", "affirmation"} and c.end <= cue.start and c.attributes.get("kind") == "after"
        ),
        default=segment.start,
    )
    targets = [m for m in view.mentions[segment.index] if begin <= m.start and m.end <= cue.start]
    first = segment
    alone = cue.end >= segment.end or view.note.norms[cue.end] in {
        ".",
        "!",
        "to",
        "so",
        "ever",
        "at",
        "of",
        "throughout",
        "known",
        "since",
    }
    if (
        not targets
        and cue.start - segment.start <= 2
        and segment.link in {":", "-", "(", ",", "and"}
        and segment.index > 0
    ):
        previous = view.segments()[segment.index - 1]
        stated = view.has(previous.index, "negation", "affirmation") or view.dated[previous.index]
        if previous.sentence == segment.sentence and not (
            segment.link in {",", "and"} and (stated or not alone or cue.start > segment.start)
        ):
            targets, first = list(view.mentions[previous.index]), previous
            if segment.link == ":" or (segment.link == "-" and alone and cue.start == segment.start):
                targets = _header(view, previous) or targets
    if not targets:
        return
    every = (
        view.note.norms[cue.start] in {"all", "both", "denied", "none"}
        or "all" in view.note.norms[max(segment.start, cue.start - 2) : cue.start]
    )
    groups = {_family(m.group) for m in targets}
    for mention in targets:
        mark(mention, assertion, cue, view.note)
    index = first.index
    while index > 0 and view.segments()[index].link in {",", "/", "//", "and", "or", "nor", "("}:
        earlier = view.segments()[index - 1]
        if earlier.sentence != segment.sentence or has_status(view, earlier):
            break
        bare = view.mentions[earlier.index]
        if not bare or not (every or {_family(m.group) for m in bare} <= groups):
            break
        for mention in bare:
            mark(mention, assertion, cue, view.note)
        index -= 1


#: Groups that one label of a form may name side by side.
_TOGETHER = frozenset(
    {
        "complication",
        "obstruction",
        "pregnancy",
        "lactation",
        "treatment",
        "cardiovascular",
        "infection_hiv",
        "hepatitis",
        "site",
        "tumour",
        "operation",
        "emergency",
        "transplant",
        "transplant_general",
    }
)


def _header(view: View, segment: Segment) -> list[Mention]:
    """All mentions of a form's label: 'Chemo, radiotherapy or surgery before: no'."""
    found = list(view.mentions[segment.index])
    index = segment.index
    while view.segments()[index].link in {",", "/", "//", "and", "or", "(", ")"} and index > 0:
        index -= 1
        earlier = view.segments()[index]
        if earlier.sentence != segment.sentence or view.has(index, "negation", "affirmation") or view.dated[index]:
            break
        if found and {m.group for m in view.mentions[index]} - {m.group for m in found} - _TOGETHER:
            break
        found = [*view.mentions[index], *found]
    return found


_FAMILIES = {
    "lactation": "pregnancy",
    "infection_hiv": "hepatitis",
    "infection_screen": "hepatitis",
    "obstruction": "complication",
    "cardiovascular_minor": "cardiovascular",
    "transplant_general": "transplant",
}


def _family(group: str) -> str:
    """Groups that are asked for together and so answered together: HIV and hepatitis, pregnancy and lactation."""
    return _FAMILIES.get(group, group)


def affirm(view: View, segment: Segment, cue: Mention) -> None:
    """A status such as 'positive' after its target undoes a denial that a list carried into it."""
    targets = [m for m in view.mentions[segment.index] if m.end <= cue.start]
    if not targets and cue.start - segment.start <= 1 and segment.link in {":", "-", "("} and segment.index > 0:
        targets = view.mentions[segment.index - 1]
    for mention in targets[-1:]:
        own = any(
            c.group == "negation" and c.attributes.get("kind") == "before" and segment.start <= c.start < mention.start
            for c in view.cues[segment.index]
        ) or (mention.segment != segment.index and mention.assertion == "negated")
        if not own:
            mention.affirmed = True
            mention.assertion = "present"
