"""T, N and M categories and the overall stage."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Note, overlap
from bot.nlu.clinical.readers.common import Standing, finding
from bot.trial.facts import Finding, Period

_T = re.compile(
    r"(?<!\S)(?P<p>mr|yc|yp|c|p|y|u|r|mrc)? ?t(?P<v>is|x|[0-4])(?P<s>[a-d]{0,2})(?: ?(?:-|/|or|to) ?(?:c|mr)?t?(?P<v2>[0-4])[a-d]?)?(?= |$)"
)


_N = re.compile(
    r"(?<!\S)(?P<p>mr|yc|yp|c|p|y|u|r|mrc)?n ?(?:(?P<v>[0-3x])(?P<s>mi|[a-c])?(?: ?(?:-|/|or|to) ?(?:c|mr)?n?(?P<v2>[0-3])[a-c]?)?|(?P<plus>positive|\+)|(?P<minus>negative))(?= |$)"
)


_M = re.compile(r"(?<!\S)(?P<p>mr|yc|yp|c|p|y|u|r)?m ?(?P<v>[01x])(?P<s>[a-c])?(?= |$)")


_T_NOT_AFTER = frozenset(
    [
        "weighted",
        "signal",
        "vertebra",
        "vertebral",
        "dm",
        "level",
        "levels",
        "hyperintense",
        "sequence",
        "sequences",
        "lymphocytes",
        "cells",
        "w",
        "images",
        "replacement",
        "axial",
    ]
)


_T_NOT_BEFORE = frozenset(["free", "tsh", "thyroid", "serum", "ft3", "ft4"])


_STAGE = re.compile(
    r"(?<!\S)(?:(?:ajcc|uicc|clinical|tnm|overall|c|anatomic|disease|pathological|prognostic) )*(?:stage|stadium|stg|st \.|staged(?: as)?|ajcc|uicc|clinical stage|stage group)(?: (?:is|:|=|group|of|was|as|ajcc|uicc|\(|8th|ed|edition|\)|-|tnm|c|stage|clinical|8))* "
    r"(?P<v>iv|i{1,3}|[0-4])(?: ?(?P<s>[a-c]))?(?: ?(?:-|/|or|to) ?(?P<v2>iv|i{1,3}|[1-4])[a-c]?)?(?= |$)"
)


_NOT_TUMOUR_STAGE = frozenset(
    [
        "ckd",
        "kidney",
        "disease",
        "fibrosis",
        "pressure",
        "ulcer",
        "hypertension",
        "copd",
        "gold",
        "retinopathy",
        "renal",
        "liver",
        "cirrhosis",
        "sarcoid",
        "labour",
        "melanoma",
        "lymphoma",
        "breast",
        "prostate",
        "trial",
        "study",
        "chronic",
    ]
)


_ROMAN = {"i": "I", "ii": "II", "iii": "III", "iv": "IV", "0": "0", "1": "I", "2": "II", "3": "III", "4": "IV"}


def tnm(note: Note) -> Iterator[Finding]:
    """T, N and M categories and overall stage, with prefix and sub-letter; another cancer's are left out."""
    rows: list[tuple[str, str, str, int, int]] = []
    for name, pattern in (("t_category", _T), ("n_category", _N), ("m_category", _M)):
        for match, start, end in note.find(pattern):
            if _not_tnm(note, name, start, end):
                continue
            groups = match.groupdict()
            value = (groups.get("v") or ("+" if groups.get("plus") else "0")) + (groups.get("s") or "")
            if groups.get("v2"):
                value += f"-{groups['v2']}"
            rows.append((name, value.upper() if value == "x" else value, groups.get("p") or "", start, end))
    for match, start, end in note.find(_STAGE):
        near = set(note.before(start, 2)) | set(note.after(end, 2))
        if near & _NOT_TUMOUR_STAGE or of_another_cancer(note, start):
            continue
        value = _ROMAN[match["v"]] + (match["s"] or "").upper()
        if match["v2"]:
            value += f"-{_ROMAN[match['v2']]}"
        rows.append(("stage", value, "", start, end))
    rows += _stage_alone(note, rows)
    for name in ("t_category", "n_category", "m_category", "stage"):
        yield from _standing(note, [row for row in rows if row[0] == name])
    yield from _nodes_in_words(note, rows)


_ALONE = re.compile(r"(?<!\S)(?P<v>iv|i{2,3}) ?(?P<s>[a-c])(?!\S)")
_OTHER_SCALES = frozenset(
    [
        *_NOT_TUMOUR_STAGE,
        "cin",
        "vin",
        "ain",
        "nyha",
        "class",
        "type",
        "grade",
        "clark",
        "child",
        "factor",
        "bethesda",
        "forrest",
        "fontaine",
        "asa",
        "killip",
        "group",
        "phase",
        "gleason",
        "grad",
        "level",
        "zone",
        "segment",
        "antithrombin",
        "angiotensin",
        "collagen",
        "mallampati",
        "paris",
        "kudo",
        "lst",
        "is",
        "bosniak",
    ]
)


def _stage_alone(note: Note, rows: list[tuple[str, str, str, int, int]]) -> list[tuple[str, str, str, int, int]]:
    """'low rectal adenoca, IIIC': a stage in capitals with its letter, in a sentence on the tumour."""
    out = []
    taken = [(row[3], row[4]) for row in rows]
    for match, start, end in note.find(_ALONE):
        raw = "".join(token.raw for token in note.tokens[start:end])
        home = note.segment(start)
        about = {m.group for m in note.in_sentence(home.sentence) if m.is_patient}
        if (
            raw[:-1].isupper()
            and not overlap((start, end), taken)
            and about & {"histology", "site"}
            and not set(note.before(start, 3)) & _OTHER_SCALES
            and not set(note.after(end, 1)) & _OTHER_SCALES
            and not of_another_cancer(note, start)
        ):
            out.append(("stage", _ROMAN[match["v"]] + match["s"].upper(), "", start, end))
    return out


def _standing(note: Note, rows: list[tuple[str, str, str, int, int]]) -> Iterator[Finding]:
    standing = Standing(note)
    statements = [(row[3], row[1], _section_date(note, row[3])) for row in rows]
    for i in sorted(standing.stands(statements)):
        name, value, prefix, start, end = rows[i]
        yield finding(
            note,
            name,
            start,
            end,
            {"value": value, "prefix": prefix},
            assertion="uncertain" if in_doubt(note, start, end) else "present",
            when=statements[i][2],
        )


def _section_date(note: Note, start: int) -> Period:
    """The date in the same list item or right before ('MRI 3 June: T3 N1')."""
    index = note.segment(start).index
    for day in note.dates_around(start):
        if (
            note.segment(day.start).index in {index, index - 1}
            and note.layout.sentence_of(day.start) == note.layout.sentence_of(start)
            and day.role == "at"
        ):
            return day.period
    return Period()


def in_doubt(note: Note, start: int, end: int) -> bool:
    """'?T3', 'probably T3', 'T3 (provisional)', 'T3?'."""
    segment = note.segment(start)
    for cue in note.cues_around(start):
        if cue.group != "uncertain" or not segment.start <= cue.start < segment.end:
            continue
        if (
            cue.attributes.get("kind") == "before"
            and cue.end <= start
            and not any(m.start >= cue.end and m.end <= start and m.group != "measure" for m in note.around(start))
        ):
            return True
        if (
            cue.attributes.get("kind") == "after"
            and 0 <= cue.start - end <= 6
            and not any(
                m.start >= end and m.end <= cue.start and m.group not in {"measure"} for m in note.around(start)
            )
        ):
            return True
    return note.after(end, 1) == ["?"]


def _not_tnm(note: Note, name: str, start: int, end: int) -> bool:
    if name == "t_category":
        if note.norms[start] == "tx" and note.norms[start + 1 : start + 2][:1] not in (
            [x] for x in ("n0", "n1", "n2", "nx")
        ):
            return True
        if note.norms[start] == "tis" and note.tokens[start].raw not in {"Tis", "TIS", "cTis", "pTis"}:
            return True
        if set(note.after(end, 1)) & _T_NOT_AFTER or set(note.before(start, 1)) & _T_NOT_BEFORE:
            return True
        if note.after(end, 2) in (["-", "weighted"],):
            return True
    return of_another_cancer(note, start)


def of_another_cancer(note: Note, start: int) -> bool:
    home = note.segment(start)
    own = {home.index, home.index - 1} if home.link == "(" else {home.index}
    groups = {m.group for m in note.around(start) if note.segment(m.start).index in own}
    if "malignancy" in groups:
        return not groups & {"site", "histology"}
    if note.before(start, 1) == ["for"] and any(
        m.group in {"operation", "treatment", "minor_treatment"}
        and m.end <= start
        and start - m.end <= 4
        and any(d.period.latest is not None and (note.today - d.period.latest).days > 180 for d in m.dates)
        for m in note.around(start)
    ):
        # 'TEM 2022 for T1 adenocarcinoma'
        return True
    if home.link == "(" and any(
        m.group in {"operation", "treatment", "minor_treatment", "cancer_state"}
        and m.dates
        and note.segment(m.start).index == home.index - 1
        for m in note.around(start)
    ):
        # 'Anterior resection 2017 (T2N0)': of what was taken out then.
        return True
    before = [
        m
        for m in note.in_sentence(home.sentence)
        if m.start < start and m.group in {"malignancy", "site", "histology", "tumour"} and m.is_patient
    ]
    return (
        bool(before)
        and all(m.group == "malignancy" for m in before)
        and before[-1].assertion == "present"
        and not re.search(r"sigmoid|colon|caec", note.words(before[-1].start, before[-1].end))
    )


_NODES = re.compile(
    r"(?<!\S)(?:(?P<neg>no|without|nil) (?:involved|suspicious|pathological|enlarged|malignant|positive|regional|mesorectal|abnormal) (?:lymph )?(?:nodes?|lymphadenopathy|nodal)(?: (?:disease|involvement|metastases))?|(?P<neg2>node|nodal|nodes|lymph nodes?|nodally) (?:negative)|(?P<pos>node|nodal|nodes|lymph nodes?|nodally) positive)(?!\S)"
)


def _nodes_in_words(note: Note, rows: list[tuple[str, str, str, int, int]]) -> Iterator[Finding]:
    if any(row[0] == "n_category" for row in rows):
        return
    for match, start, end in note.find(_NODES):
        if not of_another_cancer(note, start):
            yield finding(
                note,
                "n_category",
                start,
                end,
                {"value": "+" if match["pos"] else "0", "prefix": ""},
                assertion="uncertain" if in_doubt(note, start, end) else "present",
            )
