"""What the rules of context see: mentions and cues by list item, and what an item says for itself."""

from __future__ import annotations

from collections.abc import Sequence

from bot.nlu.clinical.note import Assertion, Mention, Note
from bot.nlu.clinical.sections import Segment

LIST_LINKS = frozenset({",", "/", "or", "nor", "and", "(", ")"})
ALTERNATIVE = frozenset({"or", "nor", "/"})

#: Groups whose mentions carry their own value: negation does not run through them.
SELF_STATED = frozenset({"measure", "person"})
#: Groups that say how things are: an item of a list that names one stands for itself ('no mets, MSS, untreated').
STATEMENTS = SELF_STATED | {
    "msi",
    "mmr",
    "untreated",
    "not_obstructing",
    "allergy_none",
    "organ",
    "consent",
    "no_lesion",
    "elective",
}


class View:
    """Mentions and cues of a note by segment."""

    def __init__(self, note: Note) -> None:
        self.note = note
        count = len(note.layout.segments)
        self.mentions: list[list[Mention]] = [[] for _ in range(count)]
        self.cues: list[list[Mention]] = [[] for _ in range(count)]
        self.dated = [False] * count
        for mention in note.mentions:
            self.mentions[note.layout.segment_of[mention.start]].append(mention)
        for cue in note.cues:
            self.cues[note.layout.segment_of[cue.start]].append(cue)
        for day in note.dates:
            if (
                day.period.latest is not None
                and day.role != "for"
                and note.words(day.start, day.end).split()[0] not in {"within", "in", "over", "during", "for"}
            ):
                self.dated[note.layout.segment_of[day.start]] = True

    def segments(self) -> tuple[Segment, ...]:
        return self.note.layout.segments

    def has(self, index: int, *groups: str) -> bool:
        return any(cue.group in groups for cue in self.cues[index])

    def stop_at(self, index: int, begin: int) -> int | None:
        """The first token from `begin` in the segment that begins a statement of its own."""
        for cue in self.cues[index]:
            if cue.group == "stop" and cue.start >= begin:
                return cue.start
        return None


def mark(mention: Mention, assertion: Assertion, cue: Mention, note: Note) -> None:
    if mention.group in SELF_STATED and assertion != "uncertain":
        return
    if (
        assertion == "negated"
        and mention.group in {"organ", "msi", "untreated", "not_obstructing", "allergy_none", "consent"}
        and mention.start - cue.end > 3
        and cue.attributes.get("kind") == "before"
    ):
        return
    if assertion == "negated" and (mention.affirmed or mention.assertion == "negated"):
        return
    mention.assertion = assertion
    mention.cue = " ".join(note.quote(cue.start, cue.end)[0].split())


def following(view: View, segment: Segment) -> Sequence[Segment]:
    out = []
    for later in view.segments()[segment.index + 1 :]:
        if later.sentence != segment.sentence:
            break
        out.append(later)
        if len(out) > 60:
            break
    return out


#: Words that open a statement of their own behind 'and' or a comma.
_SUBJECTS = frozenset({"it", "its", "this", "that", "he", "she", "they", "we", "there"})


def independent(view: View, segment: Segment, strong: bool) -> bool:
    """Whether a list item states something for itself, so that a denial before it does not reach it."""
    index = segment.index
    if view.has(index, "affirmation", "uncertain", "kin", "kin_section") or any(
        cue.group == "negation" and cue.start < segment.end for cue in view.cues[index]
    ):
        return True
    if any(m.group in STATEMENTS for m in view.mentions[index]):
        return True
    if view.note.norms[segment.start] in _SUBJECTS and segment.end - segment.start > 1:
        # 'Never had cancer, and it is a new primary'
        return True
    alternative = segment.link in ALTERNATIVE
    if not alternative and view.dated[index]:
        return True
    stop = view.stop_at(index, segment.start)
    if segment.link != "nor" and stop is not None and (stop == segment.start or not alternative):
        return True
    if not alternative and not strong:
        named = {i for m in view.mentions[index] for i in range(m.start, m.end)}
        return any(view.note.norms[i][:1].isdigit() for i in range(segment.start, segment.end) if i not in named)
    return False


def has_status(view: View, segment: Segment) -> bool:
    index = segment.index
    return (
        view.has(index, "negation", "affirmation", "uncertain", "stop", "plan", "kin")
        or view.dated[index]
        or any(m.group in SELF_STATED for m in view.mentions[index])
    )


def next_is(view: View, segment: Segment, links: set[str]) -> bool:
    following = view.segments()[segment.index + 1 : segment.index + 2]
    return bool(following) and following[0].sentence == segment.sentence and following[0].link in links
