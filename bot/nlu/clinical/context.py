"""What the surroundings say of each mention: denied, doubtful, planned, long past, or somebody else's.

Scope follows the list items that `sections` found. 'No A, B or C; D' denies A, B and C; a list item with a status,
date or verb of its own stands for itself ('no A, B since 2019'). A cue after its target ('HIV neg', 'stroke: no')
governs the item it stands in and bare items of the same kind before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.nlu.clinical.note import Assertion, Mention, Note
from bot.nlu.clinical.sections import Segment

_LIST = frozenset({",", "/", "or", "nor", "and", "(", ")"})
_ALTERNATIVE = frozenset({"or", "nor", "/"})
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
_SUBJECTS = frozenset(
    {"he", "she", "patient", "pt", "himself", "herself", "i", "himself/herself", "patients", "her", "his"}
)
_HARD = frozenset({";", "but", ":", "-"})
#: Groups whose mentions carry their own value: negation does not run through them.
SELF_STATED = frozenset({"measure", "person"})
#: Groups that say how things are: an item of a list that names one stands for itself ('no mets, MSS, untreated').
_STATEMENTS = SELF_STATED | {
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


class _View:
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


def apply_context(note: Note) -> None:
    """Sets assertion, experiencer and history of every mention."""
    view = _View(note)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "kin" or cue.group == "kin_section":
                _kin(view, segment, cue)
            elif cue.group == "history":
                _history(view, segment, cue)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "plan":
                _plan(view, segment, cue)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "negation":
                _negation(view, segment, cue)
            elif cue.group == "answer" and _is_answer(view, segment, cue):
                _after(view, segment, cue, "negated")
            elif cue.group == "affirmation":
                _affirm(view, segment, cue)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "uncertain":
                _uncertain(view, segment, cue)
    _blocks(view)
    _answered_fields(view)
    _boxes(view)
    _set_aside(view)


_WRONG = re.compile(
    r"(?<!\S)(?:(?:is |was |has been )?(?:struck out|crossed out|struck through|struck off|deleted|scored out)|should read|(?:is|was|were|are) (?:wrong|incorrect|not correct|an error|a mistake|a typo|false)|in error|by mistake|mistakenly|erroneously|pasted|wrong patient|another patient|other patient|mix up|mixed up|not (?:hers|his) at all|"
    r"belongs to (?:another|someone)|someone else)(?!\S)"
)


def _set_aside(view: _View) -> None:
    """'The sentence ... was pasted in from another record and is wrong': what it names is not the patient's."""
    note = view.note
    for first, last in note.layout.sentences:
        match = _WRONG.search(note.words(first, last))
        if match is None:
            continue
        at = first + len(note.words(first, last)[: match.start()].split())
        home = note.segment(at)
        for mention in note.in_sentence(home.sentence):
            if home.start <= mention.start < at and not any(
                note.norms[i] == "not" for i in range(max(first, mention.start - 2), mention.start)
            ):
                mention.superseded = True


_BLOCK = re.compile(
    r"(?<!\S)(?:(?:answers?|answered|says?|said|ticked|replied|ticks) no to(?: (?:all|each|every|any))?(?: of)?(?: the following| these)?|no to(?: (?:all|each|every))?(?: of)?(?: the following| these)?|none of (?:the following|these)(?: (?:is|are|was|were|applies|apply|present))?|none (?:present|applies|apply|of them|met)|"
    r"(?:denies|denied|negative for|no history of|excluded|no|absent)(?: (?:all|any|each))?(?: of)? the following|all (?:absent|negative|denied|answered no|no)|exclusions? (?:none|absent))(?!\S)"
)


def _blocks(view: _View) -> None:
    """'None of the following: a; b; c' denies every item up to the full stop or the end of the line."""
    note = view.note
    for match, start, end in note.find(_BLOCK):
        colon = next((i for i in range(end, min(end + 4, len(note.norms))) if note.norms[i] in {":", "-"}), None)
        if (
            colon is None
            and "following" not in match.group()
            and not match.group().startswith(("answer", "says no", "said no"))
        ):
            continue
        begin = end if colon is None else colon + 1
        last = begin
        while last < len(note.norms) and note.norms[last] != "." and not (note.tokens[last].breaks and last > begin):
            last += 1
        cue = Mention("no", "negation", {}, start, end, note.layout.segment_of[start])
        for mention in note.mentions:
            if (
                begin <= mention.start < last
                and mention.group not in SELF_STATED
                and not mention.affirmed
                and not view.has(mention.segment, "affirmation", "uncertain")
            ):
                _mark(mention, "negated", cue, note)


_NO = r"(?:none|no|nil|n|never|0|negative|neg|-|denied|denies|absent|not (?:known|present|any)|none (?:known|ever|reported|at all|so far|given|present|done)|nil (?:known|of note|ever)|no never|not at all|non reactive|nonreactive)"
_ANSWERED_NO = re.compile(rf"^{_NO}(?: ?[,/;] ?(?:and )?{_NO})*(?: ?[.;])*$")
#: Groups that a plain no or yes to a field's question answers.
_ASKED = frozenset(
    [
        "treatment",
        "operation",
        "emergency",
        "stoma",
        "vaccine",
        "trial",
        "transplant",
        "transplant_general",
        "transplant_organ_general",
        "obstruction",
        "complication",
        "malignancy_general",
        "autoimmune_general",
        "autoimmune",
        "cardiovascular",
        "cardiovascular_minor",
        "cardio_general",
        "infection_hiv",
        "infection_general",
        "infection_serious",
        "uncontrolled",
        "uncontrolled_general",
        "hepatitis",
        "pregnancy",
        "lactation",
        "lung",
        "lung_general",
        "metastasis",
        "allergy",
        "recurrence",
    ]
)


def _same_again(view: _View, colon: int, last: int) -> bool:
    """Whether an answer is a no that goes on to say no more than the label ('stroke: no cardiovascular disease')."""
    note = view.note
    words = note.norms[colon + 1 : last]
    if not words or words[0] not in {"no", "none", "never", "nil", "negative"} or len(words) > 7:
        return False
    if set(words) & {
        "but",
        "except",
        "only",
        "apart",
        "since",
        "until",
        "however",
        "after",
        "other",
        "than",
        "save",
        "bar",
    }:
        return False
    if any(colon < day.start < last for day in note.dates_around(colon)):
        return False
    inside = [m for m in note.in_sentence(note.layout.sentence_of(colon)) if m.start > colon]
    return all(m.negated or m.group in {"course", "allergy_none"} for m in inside)


def _answered_fields(view: _View) -> None:
    """'Live vaccine in the last 4 weeks or planned: no': the answer of a field is for all that its label names."""
    note = view.note
    for first, last in note.layout.sentences:
        colons = [i for i in range(first, last) if note.norms[i] in {":", "?"}]
        if len(colons) != 1 or not first < colons[0] < last - 1 or last - colons[0] > 9:
            continue
        answer = note.words(colons[0] + 1, last)
        cue = Mention("no", "negation", {}, colons[0] + 1, last, note.layout.segment_of[colons[0] + 1])
        if _ANSWERED_NO.match(answer) or _same_again(view, colons[0], last):
            for mention in note.in_sentence(note.layout.sentence_of(first)):
                if (
                    mention.end <= colons[0]
                    and mention.group in _ASKED
                    and mention.is_patient
                    and not mention.superseded
                ):
                    mention.affirmed = False
                    _mark(mention, "negated", cue, note)


def _boxes(view: _View) -> None:
    """What follows an unticked or queried box is not said, unless the words after it say so themselves."""
    note = view.note
    for i, word in enumerate(note.norms):
        if word not in {"[ ]", "[?]"} or i + 1 >= len(note.norms):
            continue
        segment = note.segment(i + 1)
        if word == "[ ]" and (
            view.has(segment.index, "negation", "affirmation")
            or view.has(min(segment.index + 1, len(view.cues) - 1), "negation", "answer")
        ):
            continue
        last = note.sentence(i + 1)[1]
        colon = next((k for k in range(i + 1, last) if note.norms[k] in {":", "?"}), None)
        if word == "[ ]" and colon is not None and _ANSWERED_NO.match(note.words(colon + 1, last)):
            continue
        for mention in view.mentions[segment.index]:
            mention.assertion, mention.cue = "uncertain", word


def _mark(mention: Mention, assertion: Assertion, cue: Mention, note: Note) -> None:
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


# ----------------------------------------------------------------------------------------------- negation


def _is_answer(view: _View, segment: Segment, cue: Mention) -> bool:
    """Whether a 'no' (or 'N') stands after its question: 'stroke: no', 'Transplant - no', 'MI? No'."""
    if cue.end != segment.end and view.note.norms[cue.end : cue.end + 1] not in ([], ["."], ["!"], ["?"]):
        return False
    before = any(m.end <= cue.start for m in view.mentions[segment.index])
    return before or (cue.start == segment.start and segment.link in {":", "-", "(", "start"})


def _negation(view: _View, segment: Segment, cue: Mention) -> None:
    if cue.attributes.get("kind") == "after" or _is_answer(view, segment, cue):
        _after(view, segment, cue, "negated")
    else:
        _before(view, segment, cue)


def _before(view: _View, segment: Segment, cue: Mention) -> None:
    note = view.note
    near = cue.attributes.get("reach") == "near" and not (
        note.norms[cue.end - 1] == "neither" and _nor_ahead(view, segment)
    )
    if near and note.words(cue.start, cue.end) in {"not", "never"} and _double(view, cue):
        return
    stop = _reach(view, segment, cue, cue.end)
    if stop:
        return
    for later in _following(view, segment):
        if later.link not in _LIST or _independent(view, later, strong=bool(cue.attributes.get("strong"))):
            break
        if near and later.link not in _ALTERNATIVE and not _or_ahead(view, later):
            break
        if _reach(view, later, cue, later.start):
            break


def _double(view: _View, cue: Mention) -> bool:
    """'not without', 'not excluded', 'not only': no denial."""
    norms = view.note.norms
    following = norms[cue.end] if cue.end < len(norms) else ""
    return following in {
        "without",
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


def _reach(view: _View, segment: Segment, cue: Mention, begin: int) -> bool:
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
        _mark(mention, "negated", cue, view.note)
        seen, last = True, mention.end
    return (
        seen
        and view.stop_at(segment.index, view.mentions[segment.index][-1].end) is not None
        and view.has(segment.index, "stop")
        and _hard_stop(view, segment)
    )


def _hard_stop(view: _View, segment: Segment) -> bool:
    last = view.mentions[segment.index][-1].end
    return any(
        cue.group == "stop"
        and cue.start >= last
        and view.note.norms[cue.start] in {"but", "except", "apart", "however", "although", "yet"}
        for cue in view.cues[segment.index]
    )


def _following(view: _View, segment: Segment) -> Sequence[Segment]:
    out = []
    for later in view.segments()[segment.index + 1 :]:
        if later.sentence != segment.sentence:
            break
        out.append(later)
        if len(out) > 60:
            break
    return out


def _independent(view: _View, segment: Segment, strong: bool) -> bool:
    """Whether a list item states something for itself, so that a denial before it does not reach it."""
    index = segment.index
    if view.has(index, "affirmation", "uncertain", "kin", "kin_section") or any(
        cue.group == "negation" and cue.start < segment.end for cue in view.cues[index]
    ):
        return True
    if any(m.group in _STATEMENTS for m in view.mentions[index]):
        return True
    alternative = segment.link in _ALTERNATIVE
    if not alternative and view.dated[index]:
        return True
    stop = view.stop_at(index, segment.start)
    if segment.link != "nor" and stop is not None and (stop == segment.start or not alternative):
        return True
    if not alternative and not strong:
        named = {i for m in view.mentions[index] for i in range(m.start, m.end)}
        return any(view.note.norms[i][:1].isdigit() for i in range(segment.start, segment.end) if i not in named)
    return False


def _nor_ahead(view: _View, segment: Segment) -> bool:
    """'Neither A, B, C nor D' denies all of the list, however long."""
    return any(later.link == "nor" for later in _following(view, segment)[:12])


def _or_ahead(view: _View, segment: Segment) -> bool:
    for later in _following(view, segment):
        if later.link in {"or", "nor"}:
            return True
        if later.link not in {",", "/"} or _independent(view, later, strong=False):
            return False
    return False


def _after(view: _View, segment: Segment, cue: Mention, assertion: Assertion) -> None:
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
            if segment.link == ":":
                targets = _header(view, previous) or targets
    if not targets:
        return
    every = (
        view.note.norms[cue.start] in {"all", "both", "denied", "none"}
        or "all" in view.note.norms[max(segment.start, cue.start - 2) : cue.start]
    )
    groups = {_family(m.group) for m in targets}
    for mention in targets:
        _mark(mention, assertion, cue, view.note)
    index = first.index
    while index > 0 and view.segments()[index].link in {",", "/", "//", "and", "or", "nor", "("}:
        earlier = view.segments()[index - 1]
        if earlier.sentence != segment.sentence or _stated(view, earlier):
            break
        bare = view.mentions[earlier.index]
        if not bare or not (every or {_family(m.group) for m in bare} <= groups):
            break
        for mention in bare:
            _mark(mention, assertion, cue, view.note)
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


def _header(view: _View, segment: Segment) -> list[Mention]:
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


def _stated(view: _View, segment: Segment) -> bool:
    index = segment.index
    return (
        view.has(index, "negation", "affirmation", "uncertain", "stop", "plan", "kin")
        or view.dated[index]
        or any(m.group in SELF_STATED for m in view.mentions[index])
    )


def _affirm(view: _View, segment: Segment, cue: Mention) -> None:
    """A status such as 'positive' after its target undoes a denial that a list carried into it."""
    targets = [m for m in view.mentions[segment.index] if m.end <= cue.start]
    if not targets and cue.start - segment.start <= 1 and segment.link in {":", "-", "("} and segment.index > 0:
        targets = view.mentions[segment.index - 1]
    for mention in targets[-1:]:
        own = any(
            c.group == "negation" and c.attributes.get("kind") == "before" and segment.start <= c.start < mention.start
            for c in view.cues[segment.index]
        )
        if not own:
            mention.affirmed = True
            mention.assertion = "present"


# -------------------------------------------------------------------------------------------- uncertainty


def _uncertain(view: _View, segment: Segment, cue: Mention) -> None:
    note = view.note
    kind = cue.attributes.get("kind")
    word = note.words(cue.start, cue.end)
    ahead = [m for m in view.mentions[segment.index] if m.start >= cue.end]
    if word == "?":
        attached = cue.end < len(note.tokens) and (
            cue.start == 0
            or note.tokens[cue.start - 1].end < note.tokens[cue.start].start
            or note.tokens[cue.start].end == note.tokens[cue.end].start
        )
        if attached:
            ahead = [m for m in ahead if m.start - cue.end <= 4]
            for mention in ahead[:2] if len(ahead) > 1 and ahead[1].start - ahead[0].end <= 1 else ahead[:1]:
                _mark(mention, "uncertain", cue, note)
            if ahead:
                _spread(view, segment, cue, frozenset({"/", "or", "-"}))
            return
        behind = [m for m in view.mentions[segment.index] if m.end == cue.start]
        following = note.norms[cue.end] if cue.end < len(note.norms) else ""
        if following not in {
            "yes",
            "no",
            "y",
            "n",
            "none",
            "nil",
            "never",
            "neg",
            "negative",
            "pos",
            "positive",
            "n/a",
            "denied",
            ":",
        }:
            for mention in behind:
                _mark(mention, "uncertain", cue, note)
        return
    if kind == "before":
        if not ahead and cue.end == segment.end and _next_is(view, segment, {":"}):
            ahead = view.mentions[segment.index + 1]
        for mention in ahead:
            stop = view.stop_at(segment.index, cue.end)
            if (
                stop is not None
                and stop < mention.start
                and note.norms[stop] not in {"has", "had", "have", "is", "was", "with", "for", "known"}
            ):
                break
            if mention.assertion != "negated" or "exclu" in word or "rule" in word:
                _mark(mention, "uncertain", cue, note)
        if ahead:
            _spread(view, segment, cue, frozenset({"/", "or"}))
        return
    targets = [m for m in view.mentions[segment.index] if m.end <= cue.start]
    room = 0 if segment.link in {",", "and"} else 2
    if (
        not targets
        and cue.start - segment.start <= room
        and segment.link in {":", "-", "(", ",", "and"}
        and segment.index > 0
    ):
        previous = view.segments()[segment.index - 1]
        if previous.sentence == segment.sentence:
            targets = view.mentions[previous.index]
    if ahead and kind == "after" and (not targets or word.startswith("await")):
        return
    if word == "awaiting" and cue.end < segment.end and note.norms[cue.end] not in {".", "!"}:
        return
    for mention in targets:
        if mention.assertion in {"present", "negated"} and not (
            mention.assertion == "negated" and "exclu" not in word and "rule" not in word
        ):
            _mark(mention, "uncertain", cue, note)
    groups = {m.group for m in targets}
    index = segment.index
    while (
        targets
        and groups <= {"lung", "metastasis", "cardiovascular"}
        and view.segments()[index].link in {",", "/", "or", "and"}
    ):
        # 'Fibrosis at the bases, ILD suspected': the doubt is about the finding as well.
        earlier = view.segments()[index - 1] if index else segment
        bare = view.mentions[earlier.index]
        if (
            earlier.sentence != segment.sentence
            or earlier is segment
            or not bare
            or _stated(view, earlier)
            or not {m.group for m in bare} <= groups
        ):
            break
        for mention in bare:
            _mark(mention, "uncertain", cue, note)
        index = earlier.index


def _next_is(view: _View, segment: Segment, links: set[str]) -> bool:
    following = view.segments()[segment.index + 1 : segment.index + 2]
    return bool(following) and following[0].sentence == segment.sentence and following[0].link in links


def _spread(view: _View, segment: Segment, cue: Mention, links: frozenset[str]) -> None:
    for later in _following(view, segment):
        if later.link not in links or _stated(view, later):
            return
        for mention in view.mentions[later.index]:
            _mark(mention, "uncertain", cue, view.note)


# --------------------------------------------------------------------------------------- plans and history


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


def _plan(view: _View, segment: Segment, cue: Mention) -> None:
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
                _mark(mention, assertion, cue, note)
        return
    for mention in view.mentions[segment.index]:
        if mention.start >= cue.end:
            stop = view.stop_at(segment.index, cue.end)
            if (
                stop is not None
                and stop < mention.start
                and note.norms[stop] in {"had", "was", "has", "underwent", "received"}
            ):
                return
            if assertion == "hypothetical" or mention.group in _PLANNABLE:
                _mark(mention, assertion, cue, note)
    for later in _following(view, segment):
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
        if any(m.group in _STATEMENTS for m in view.mentions[later.index]) or (
            view.dated[later.index] and assertion == "hypothetical"
        ):
            return
        for mention in view.mentions[later.index]:
            if mention.group in _PLANNABLE:
                _mark(mention, assertion, cue, note)


def _history(view: _View, segment: Segment, cue: Mention) -> None:
    if cue.attributes.get("kind") == "after":
        for mention in view.mentions[segment.index]:
            mention.historical = mention.historical or mention.end <= cue.start
        return
    for mention in view.mentions[segment.index]:
        if mention.start >= cue.end:
            mention.historical = True
    for later in _following(view, segment):
        if later.link not in _LIST or _independent(view, later, strong=False):
            break
        for mention in view.mentions[later.index]:
            mention.historical = True
    if view.note.norms[cue.start] in {"pmh", "pmhx", "background", "hx", "history", "past"}:
        for later in _following(view, segment):
            for mention in view.mentions[later.index]:
                mention.historical = True


# ------------------------------------------------------------------------------------------------ family


def _kin(view: _View, segment: Segment, cue: Mention) -> None:
    """Gives what is said of a relative, partner or stranger to that person."""
    note = view.note
    who = "partner" if cue.attributes.get("partner") else "other" if cue.attributes.get("other") else "family"
    norms = note.norms
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
        and not (cue.end == segment.end and _next_is(view, segment, {":"}))
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


def _give(view: _View, segment: Segment, begin: int, who: str) -> None:
    note = view.note
    for mention in view.mentions[segment.index]:
        if mention.start >= begin:
            mention.experiencer = who
    header = begin == segment.end and segment.end - segment.start <= 3 and _next_is(view, segment, {":"})
    for later in _following(view, segment):
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
                or any(m.group in _STATEMENTS or m.group not in _FAMILY for m in view.mentions[later.index])
                or (later.link == "," and view.stop_at(later.index, later.start) is not None)
            )
        ):
            return
        for mention in view.mentions[later.index]:
            mention.experiencer = who
