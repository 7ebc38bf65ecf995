"""What belongs to a relative, a partner or a stranger."""

from __future__ import annotations

from bot.nlu.clinical.context.view import SELF_STATED, STATEMENTS, View, following, next_is
from bot.nlu.clinical.note import Mention
from bot.nlu.clinical.sections import Segment

_SAYS = frozenset(
    [
        "reports",
        "report",
        "reported",
        "says",
        "said",
        "states",
        "stated",
        "tells",
        "told",
        "confirms",
        "confirmed",
        "thinks",
        "notes",
        "noted",
        "noticed",
        "insists",
        "recalls",
        "recalled",
        "worried",
        "worries",
        "against",
        "present",
        "came",
        "comes",
        "attended",
        "attends",
        "drove",
        "drives",
        "translates",
        "translated",
        "interprets",
        "interpreted",
        "agrees",
        "accompanies",
        "accompanied",
        "helps",
        "supports",
        "asks",
        "asked",
        "rang",
        "called",
        "keen",
        "wants",
        "will",
        "understands",
        "visits",
        "visited",
    ]
)
_ALONGSIDE = frozenset(
    [
        "with",
        "by",
        "from",
        "per",
        "to",
        "via",
        "told",
        "informed",
        "and",
        "lives",
        "for",
        "of",
        "two",
        "three",
        "four",
        "five",
        "one",
        "1",
        "2",
        "3",
        "4",
        "5",
        "no",
        "single",
    ]
)


def under_headers(view: View) -> None:
    """'Family history:' or 'PMH:' alone on a line is said of the line after it."""
    note = view.note
    sentences = note.layout.sentences
    for number, (first, last) in enumerate(sentences[:-1]):
        words = note.norms[first:last]
        if words[-1:] != [":"] or len(words) > 5 or not note.tokens[last].breaks:
            continue
        cues = {c.group for c in note.cues_around(first) if first <= c.start < last}
        if not cues & {"kin_section", "history"}:
            continue
        begin, end = last, sentences[number + 1][1]
        while end < len(note.norms) and not note.tokens[end].breaks:
            end = note.sentence(end)[1]
        for mention in note.around(last):
            if begin <= mention.start < end and mention.group not in SELF_STATED:
                if "kin_section" in cues:
                    mention.experiencer = "family"
                else:
                    mention.historical = True


def give_to_kin(view: View, segment: Segment, cue: Mention) -> None:
    """Gives what is said of a relative, partner or stranger to that person."""
    note = view.note
    who = "partner" if cue.attributes.get("partner") else "other" if cue.attributes.get("other") else "family"
    norms = note.norms
    if norms[cue.start] in {"mo", "fa", "sis", "bro"} and cue.end - cue.start == 1:
        # '18 mo' are months, 'FA' may be anything: shorthand for kin stands before an illness.
        following = [m for m in view.mentions[segment.index] if 0 <= m.start - cue.end <= 2]
        if not following or (norms[cue.start - 1 : cue.start] and norms[cue.start - 1][:1].isdigit()):
            return
    before = norms[max(0, cue.start - 3) : cue.start]
    previous = [
        w
        for w in before
        if w not in {"his", "her", "their", "the", "my", "a", "an", "our", "elder", "younger", "older", "late"}
    ][-1:]
    after = norms[cue.end : cue.end + 2]
    section = cue.group == "kin_section"
    if (
        not section
        and norms[cue.end : cue.end + 1]
        and norms[cue.end]
        in {"allogeneic", "allogenic", "donor", "transplant", "allograft", "stem", "marrow", "hsct", "of", "feeding"}
    ):
        return
    behind = [m for m in view.mentions[segment.index] if m.end <= cue.start]
    if not section:
        if behind and (previous and previous[0] in {"in", "of", "affecting"}) and cue.start - behind[-1].end <= 5:
            for mention in behind:
                mention.experiencer = who
        if (
            segment.link == "("
            and segment.end - segment.start <= 3
            and segment.index > 0
            and "donor" not in norms[max(0, cue.start - 4) : cue.end + 3]
        ):
            for mention in view.mentions[segment.index - 1][-1:]:
                mention.experiencer = who
            return
        if (
            segment.link in {":", "-"}
            and cue.start - segment.start <= 1
            and segment.index > 0
            and segment.end - cue.end <= 2
            and "donor" not in norms[max(0, cue.start - 4) : cue.end + 3]
        ):
            header = view.segments()[segment.index - 1]
            if header.sentence == segment.sentence:
                for mention in view.mentions[header.index]:
                    if mention.group in _FAMILY:
                        mention.experiencer = who
        says = any(word in _SAYS for word in after)
        if says or (
            previous
            and previous[0] in _ALONGSIDE
            and after[:1] not in (["has"], ["had"], ["is"], ["was"], ["'s"], ["with"])
        ):
            return
    elif behind and norms[cue.start : cue.end] != ["family"] and norms[cue.end - 1] == "family":
        for mention in behind:
            mention.experiencer = who
        return
    elif (
        norms[cue.start : cue.end] == ["family"]
        and not (cue.end == segment.end and next_is(view, segment, {":"}))
        and segment.link != "start"
    ):
        return
    _give(view, segment, cue.end, who)


_FAMILY = frozenset(
    {
        "given",
        "malignancy",
        "autoimmune",
        "cardiovascular",
        "cardiovascular_minor",
        "transplant",
        "other_illness",
        "tumour",
        "lung",
        "hepatitis",
        "infection_hiv",
        "treatment",
        "history",
    }
)


def _give(view: View, segment: Segment, begin: int, who: str) -> None:
    note = view.note
    for mention in view.mentions[segment.index]:
        if mention.start >= begin:
            mention.experiencer = who
    header = begin == segment.end and segment.end - segment.start <= 3 and next_is(view, segment, {":"})
    for later in following(view, segment):
        if later.link in {";", "but", "//"} or note.norms[later.start] in {
            "he",
            "she",
            "patient",
            "pt",
            "himself",
            "herself",
        }:
            return
        if any(m.group in SELF_STATED for m in view.mentions[later.index]):
            return
        if later.link == "-" or view.has(later.index, "kin"):
            return
        if later.link == "and" and note.norms[later.start] in {"has", "had", "is", "was"}:
            return
        if (
            header
            and view.mentions[later.index]
            and all(m.group in _FAMILY for m in view.mentions[later.index])
            and not view.has(later.index, "plan")
        ):
            for mention in view.mentions[later.index]:
                mention.experiencer = who
            continue
        if (
            later.link in {",", ")"}
            and begin > segment.start
            and (
                view.has(later.index, "negation", "affirmation", "plan")
                or any(m.group in STATEMENTS or m.group not in _FAMILY for m in view.mentions[later.index])
                or (later.link == "," and view.stop_at(later.index, later.start) is not None)
            )
        ):
            return
        for mention in view.mentions[later.index]:
            mention.experiencer = who
