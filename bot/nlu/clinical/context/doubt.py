"""What is possible, queried, suspected or awaited."""

from __future__ import annotations

from bot.nlu.clinical.context.view import View, following, has_status, mark, next_is
from bot.nlu.clinical.note import Mention
from bot.nlu.clinical.sections import Segment

_OF_ITS_DATE = frozenset({"year", "date", "dates", "month", "day", "years"})


def doubt(view: View, segment: Segment, cue: Mention) -> None:
    note = view.note
    kind = cue.attributes.get("kind")
    if kind == "after" and note.norms[cue.start - 1 : cue.start] and note.norms[cue.start - 1] in _OF_ITS_DATE:
        # 'Hysterectomy (year not recorded)': the day is in doubt, not the event.
        return
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
                mark(mention, "uncertain", cue, note)
            if ahead:
                _spread(view, segment, cue, frozenset({"/", "or", "-"}))
            return
        behind = [m for m in view.mentions[segment.index] if m.end == cue.start]
        if not behind and cue.end == note.sentence(cue.start)[1] and cue.start - note.sentence(cue.start)[0] <= 7:
            # 'TIA in April?' asks, whatever stands between.
            behind = [m for m in view.mentions[segment.index] if m.end <= cue.start][-1:]
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
                mark(mention, "uncertain", cue, note)
        return
    if kind == "before":
        if not ahead and cue.end == segment.end and next_is(view, segment, {":"}):
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
                mark(mention, "uncertain", cue, note)
        if word in {"vs", "versus"}:
            for mention in [m for m in view.mentions[segment.index] if m.end <= cue.start][-1:]:
                mark(mention, "uncertain", cue, note)
        if ahead:
            _spread(view, segment, cue, frozenset({"/", "or"}))
            _spread_alike(view, segment, cue, ahead[-1].group)
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
        if mention.affirmed and word == "repeat":
            continue
        if mention.assertion in {"present", "negated"} and not (
            mention.assertion == "negated" and "exclu" not in word and "rule" not in word
        ):
            mark(mention, "uncertain", cue, note)
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
            or has_status(view, earlier)
            or not {m.group for m in bare} <= groups
        ):
            break
        for mention in bare:
            mark(mention, "uncertain", cue, note)
        index = earlier.index


def _spread_alike(view: View, segment: Segment, cue: Mention, group: str) -> None:
    """'Likely A, B': a bare item of the same kind shares the doubt."""
    for later in following(view, segment):
        bare = view.mentions[later.index]
        if later.link != "," or has_status(view, later) or len(bare) != 1 or bare[0].group != group:
            return
        words = [w for w in view.note.norms[later.start : later.end] if w not in {".", ";"}]
        if len(words) != bare[0].end - bare[0].start:
            return
        mark(bare[0], "uncertain", cue, view.note)


def _spread(view: View, segment: Segment, cue: Mention, links: frozenset[str]) -> None:
    for later in following(view, segment):
        if later.link not in links or has_status(view, later):
            return
        for mention in view.mentions[later.index]:
            mark(mention, "uncertain", cue, view.note)
