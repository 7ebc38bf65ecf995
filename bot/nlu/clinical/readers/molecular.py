"""Microsatellite status and mismatch repair, each with the method that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import Standing, dates_of, finding, only_spoken_of
from bot.trial.facts import Finding, Period

_PROTEINS = frozenset({"mlh1", "msh2", "msh6", "pms2", "mlh", "msh", "pms"})


def read_molecular(note: Note) -> Iterator[Finding]:
    """`microsatellite` (MSS, MSI-L, MSI-H) and `mismatch_repair` (pMMR, dMMR) with `method` PCR, IHC, NGS or None."""
    rows: list[tuple[Mention, str, str, str | None]] = []
    for mention in [*note.of("msi", "mmr"), *_fields(note)]:
        if not mention.is_patient or mention.superseded or mention.assertion == "hypothetical" or _asked(note, mention):
            continue
        if mention.assertion == "present" and only_spoken_of(note, mention):
            continue
        value = str(mention.attributes["value"])
        if mention.concept == "mmr_markers_present" and not _all_markers(note, mention):
            continue
        if mention.assertion == "negated" and not _own_negation(note, mention):
            value = {"dMMR": "pMMR", "MSI-H": "not_high"}.get(value, value) if value in {"dMMR", "MSI-H"} else "unknown"
            if value in {"unknown", "not_high"}:
                continue
        rows.append((mention, value, mention.group, _method(note, mention)))
    standing = Standing(note)
    for topic in ("msi", "mmr"):
        mine = [row for row in rows if row[2] == topic]
        for method in dict.fromkeys(row[3] for row in mine):
            same = [row for row in mine if row[3] == method or method is None or row[3] is None]
            alive = standing.stands([(row[0].start, row[1], _when(note, row[0])) for row in same])
            for i, row in enumerate(same):
                if row[3] == method and i in alive:
                    yield _made(note, row)


_FIELD = re.compile(
    r"(?<!\S)(?:msi|mss|ms|microsatellites?|microsatellite (?:status|instability|stability|analysis|testing|test))(?: status| test| testing| result)?"
    r"(?: ?[(] ?(?:(?:by|via|with) )?(?:pcr|pcr ce|capillary electrophoresis|ce|pcr capillary electrophoresis) ?[)]| (?:by|via|with|on|per|in) (?:pcr|capillary electrophoresis))"
    r"(?: ?(?::|-|=|is|are|was|were|shows?|showed|said|result|status|came back|reported|as))* (?P<value>stable|high|unstable|low|mss|negative)(?= ?(?:$|,|\.|;|\)|and))"
)
_VALUES = {"stable": "MSS", "mss": "MSS", "negative": "MSS", "high": "MSI-H", "unstable": "MSI-H", "low": "MSI-L"}


def _fields(note: Note) -> Iterator[Mention]:
    """'MSI (PCR): stable', 'microsatellites by PCR: unstable': the method stands within the label."""
    for match, start, end in note.find(_FIELD) if "pcr" in note.norms or "electrophoresis" in note.norms else ():
        if not any(m.start < end and start < m.end for m in note.of("msi", "mmr")):
            index = note.segment(start).index
            yield Mention("msi_field", "msi", {"value": _VALUES[match["value"]], "method": "PCR"}, start, end, index)


def _made(note: Note, row: tuple[Mention, str, str, str | None]) -> Finding:
    mention, value, topic, method = row
    concept = "microsatellite" if topic == "msi" else "mismatch_repair"
    assertion = "uncertain" if mention.assertion in {"uncertain", "planned"} else "present"
    start, end = mention.start, mention.end
    return finding(
        note,
        concept,
        start,
        end,
        {"status": value, "method": method},
        assertion=assertion,
        when=_when(note, mention),
        cue=mention.cue,
    )


def _when(note: Note, mention: Mention) -> Period:
    return dates_of(mention)[0]


def _own_negation(note: Note, mention: Mention) -> bool:
    """Phrases such as 'no loss of MMR proteins' carry their own denial."""
    return note.norms[mention.start] in {"no", "without"}


def _asked(note: Note, mention: Mention) -> bool:
    """'MSI testing requested', 'MSS or MSI-H?' state nothing."""
    after = note.after(mention.end, 2)
    before = note.before(mention.start, 2)
    if (
        after[:1] in (["testing"], ["test"], ["needed"], ["required"], ["mandatory"], ["necessary"], ["wanted"])
        or after[:2] == ["or", "msi"]
        or after[:2] == ["/", "msi"]
        or after[:2] == ["versus", "msi"]
    ):
        return True
    others = [
        m
        for m in note.around(mention.start)
        if m.group in {"msi"} and m is not mention and m.attributes["value"] != mention.attributes.get("value")
    ]
    return any(
        0 <= mention.start - o.end <= 1 and note.norms[o.end : mention.start] in (["or"], ["/"], ["vs"]) for o in others
    ) or before[-1:] == ["whether"]


def _all_markers(note: Note, mention: Mention) -> bool:
    """Single proteins called present say proficient only where none is called lost in the sentence."""
    number = note.layout.sentence_of(mention.start)
    return not any(
        m.concept == "mmr_deficient" and note.layout.sentence_of(m.start) == number for m in note.around(mention.start)
    )


def _method(note: Note, mention: Mention) -> str | None:
    """The method named nearest in the same sentence: in the same list item, a bracket after it or a header before."""
    if mention.attributes.get("method"):
        return str(mention.attributes["method"])
    segments = note.layout.segments
    home = note.segment(mention.start)
    methods = [m for m in note.of("method") if note.layout.sentence_of(m.start) == home.sentence]
    own = [
        m
        for m in methods
        if note.segment(m.start).index == home.index and m.assertion not in {"uncertain", "planned", "negated"}
    ]
    if own:
        before = [m for m in own if m.end <= mention.start]
        after = [m for m in own if m.start >= mention.end]
        other = [m for m in note.of("msi", "mmr") if m is not mention and note.segment(m.start).index == home.index]
        if (
            after
            and not any(mention.end <= o.start < after[0].start for o in other)
            and note.norms[after[0].start - 1]
            in {"by", "on", "via", "per", "(", "from", "using", "through", "with", "in"}
            | set(note.norms[mention.end - 1 : mention.end])
        ):
            return str(after[0].attributes["method"])
        if before:
            return str(before[-1].attributes["method"])
        if after and not any(mention.end <= o.start < after[0].start for o in other):
            return str(after[0].attributes["method"])
    following = segments[home.index + 1 : home.index + 2]
    if following and following[0].sentence == home.sentence and following[0].link in {"(", ",", "-"}:
        segment = following[0]
        inside = [m for m in methods if note.segment(m.start).index == segment.index]
        states = any(
            m.group in {"msi", "mmr"} and note.segment(m.start).index == segment.index
            for m in note.around(mention.start)
        )
        leads = segment.link == "(" or (
            bool(inside)
            and inside[0].start - segment.start <= 1
            and segment.end - segment.start <= 5
            and not _pending(note, segment.index)
            and "no" not in note.norms[segment.start : segment.end]
        )
        if inside and not states and leads and not _pending(note, segment.index):
            return str(inside[0].attributes["method"])
    index = home.index
    while (
        index > 0
        and segments[index].sentence == home.sentence
        and segments[index].link in {":", "-", "(", ",", ")", "and"}
    ):
        step = segments[index].link
        index -= 1
        earlier = [m for m in methods if note.segment(m.start).index == index]
        if earlier:
            if step in {",", "and"} and any(
                m.group in {"msi", "mmr"} and note.segment(m.start).index == index for m in note.around(mention.start)
            ):
                return None
            if _pending(note, index):
                return None
            return str(earlier[-1].attributes["method"])
        if step in {",", "and"} and any(
            m.group not in {"method", "msi_topic", "scan"} and note.segment(m.start).index == index
            for m in note.around(mention.start)
            if m.group in {"measure", "histology", "consent", "msi", "mmr"}
        ):
            return None
        if home.index - index > 3:
            return None
    return None


def _pending(note: Note, index: int) -> bool:
    return any(
        cue.group in {"uncertain", "plan", "negation"} and note.layout.segment_of[cue.start] == index
        for cue in note.cues
    )
