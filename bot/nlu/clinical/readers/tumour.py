"""The rectal tumour: histology, height, TNM and stage, spread, lesion, course, obstruction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note, overlap
from bot.nlu.clinical.readers.common import Standing, dates_of, finding, of_mention
from bot.trial.facts import Finding, Period

_NUM = r"\d{1,3}(?:\.\d+)?"
_VERGE = r"(?:the )?(?:anal verge|av|a\.v|a \. v \.?|verge|anal (?:margin|edge|orifice|ring|opening)|anus|anocutaneous line|acl|anal verg)"
_RANGE = rf"(?:(?P<limit><|>|≤|≥|<=|>=|under|over|less than|more than|about|approximately|approx|approx \.|ca|~|around|only|just|some) )?(?P<a>{_NUM})(?: (?P<u1>cm|mm))?(?: ?(?:-|to|and|–|/) ?(?P<b>{_NUM}))? (?P<u>cm|mm|centimetres?|centimeters?|millimetres?)"
_HEIGHT = (
    re.compile(
        rf"(?<!\S){_RANGE} (?:\( \w+ \) )?(?:\( )?(?:up )?(?:above|from|fr|off|to|proximal to|abv|over|ab|of|inside|short of|away from|distance from|form|of distance from|distant from|cranial to|cephalad to|proximal from|beyond|in from) {_VERGE}(?!\S)"
    ),
    re.compile(rf"(?<!\S){_RANGE} (?:ab ano|ab ani|av|anal verge|f / av|from verge|f\.a\.v)(?!\S)"),
    re.compile(
        rf"(?<!\S)(?:ab ano|ab ani|distance ab ano|(?:distance )?to (?:the )?(?:anus|anal edge|anal margin|anal verge|anal)|from (?:the )?(?:anus|anal edge|anal verge)|distance (?:to|from) (?:the )?(?:anus|anal edge))(?: (?::|=|is|about|of|approx))* {_RANGE}(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:tumour|lesion|cancer|ca|adenocarcinoma|adenoca|adenocarcinomas|rectum|rectal|mass|growth|swelling|ulcer|one|adeno|,)(?: (?:sits|lies|is|was|found|seen|situated|located|begins|starts|of|the|rectum|rectal|in|low|mid|\(|\)|mucinous|biopsy|proven|at|,))* {_RANGE} (?:up|above|high|from below|inside)(?: (?:from|the|verge|anal|in))*(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:rectal (?:adenocarcinoma|adenoca|ca|cancer|tumour|carcinoma|adeno)|(?:adenocarcinoma|adenoca|tumour|cancer|carcinoma|ca|adeno) (?:of )?(?:the )?rectum)(?: ,| \()? {_RANGE}(?= ?(?:,|\.|;|$|\)|m?r?c?t[1-4]|stage|mss|ecog|from|av|on dre))"
    ),
    re.compile(
        rf"(?<!\S)(?:{_VERGE}|anal verge distance|distance (?:from|to|above) {_VERGE}|height above {_VERGE}|height)(?: (?:of|is|:|=|-|\?|at|was|\(|to|tumour|lower|edge|border|distance|the|by|mri|on|\)|tumor|about|lesion|a|measured|measures))* {_RANGE}(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:lower|distal|inferior|caudal|lowest)(?: tumour)? (?:border|edge|margin|pole|end|extent|aspect|limit|part|rim)(?: (?:of|the|tumour|lesion|is|at|lies|lying|sits|:|=|was|mass|its|a|begins|starts|reaches|measured|located|situated|\(|on|by|mri|found|being|comes|down|to|about|distance|av|from|,))* {_RANGE}(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:tumour|lesion|cancer|ca|adenocarcinoma|adenoca|mass|carcinoma|rectum|rectal|growth|neoplasm|adenocarcinomas|one|primary|situated|located|sits|lies|lying|palpable|felt|starts|begins|starting|beginning|anastomosis|rectal ca)(?: (?:found|seen|is|it|lies|located|situated|palpable|on|pr|dre|scope|mri|,|starting|beginning|sitting|felt|low|in|the|biopsy|proven|clearly))* (?:at|from|between) {_RANGE}(?! (?:in (?:size|length|diameter)|across|long|wide|mass|tumour|lesion))(?!\S)"
    ),
)
_HEIGHT_FIELD = re.compile(
    rf"(?<!\S)(?:dist(?:ance)?|height|lower (?:border|edge)|level)(?: (?:from|to|above|of))*(?: {_VERGE})? (?:\( )?(?P<u>cm|mm)(?: \))?(?: (?:from|above|to) {_VERGE})?(?: (?::|=|is))* (?P<a>{_NUM})(?: ?(?:-|to) ?(?P<b>{_NUM}))?(?! (?:x|by|mm|cm)(?!\S))(?!\S)"
)
_SIZE_FIELD = re.compile(
    rf"(?<!\S)(?:target(?: lesion)?|lesion|tumour|size|diameter|length)(?: (?:lesion|size|diameter|length|max|longest|of|mri|\())* (?P<u>cm|mm)(?: \))?(?: (?::|=|is))* (?P<a>{_NUM})(?! (?:x|by|mm|cm)(?!\S))(?!\S)"
)
_NOT_LOWER = re.compile(
    r"(?:upper|proximal|superior|top|cranial)(?: tumour)? (?:border|edge|margin|pole|end|extent|aspect|limit)"
)
_SIZE = re.compile(
    rf"(?<!\S)(?P<a>{_NUM})(?: (?:cm|mm))?(?: ?(?:x|by|/) ?(?P<b>{_NUM})(?: (?:cm|mm))?)?(?: ?(?:x|by|/) ?{_NUM})? (?P<u>cm|mm|centimetres?|centimeters?|millimetres?)(?!\S)"
)
_NOT_SIZE_AFTER = frozenset(
    [
        "from",
        "fr",
        "above",
        "off",
        "to",
        "av",
        "ab",
        "proximal",
        "invasion",
        "beyond",
        "extramural",
        "margin",
        "clear",
        "clearance",
        "away",
        "thick",
        "below",
        "short",
        "into",
        "distance",
        "up",
    ]
)
_NOT_SIZE_BEFORE = frozenset(
    [
        "node",
        "nodes",
        "ln",
        "lns",
        "crm",
        "mrf",
        "margin",
        "emvi",
        "nodule",
        "nodules",
        "polyp",
        "cyst",
        "depth",
        "invasion",
        "distance",
        "aneurysm",
        "stone",
        "height",
        "weight",
        "emd",
        "clearance",
        "gap",
        "thickness",
        "lymph",
        "verge",
        "av",
        "by",
    ]
)
_LESION_WORDS = frozenset(
    [
        "target",
        "tumour",
        "lesion",
        "mass",
        "growth",
        "cancer",
        "ca",
        "carcinoma",
        "neoplasm",
        "adenocarcinoma",
        "adenoca",
        "rectal",
        "mri",
        "ct",
        "scope",
        "colonoscopy",
        "endoscopy",
        "ulcer",
        "sigmoidoscopy",
        "rectum",
        "mr",
        "endorectal",
        "eus",
        "ulcerated",
        "polypoid",
        "circumferential",
        "long",
        "across",
        "length",
        "diameter",
        "measuring",
        "measures",
        "size",
    ]
)


_OTHER_MEASURED = frozenset(
    [
        "caecum",
        "cecum",
        "caecal",
        "cecal",
        "aorta",
        "aortic",
        "spleen",
        "gallbladder",
        "prostate",
        "uterus",
        "fibroid",
        "ovary",
        "ovarian",
        "kidney",
        "bladder",
        "hernia",
        "liver",
        "colon",
        "loops",
        "ureter",
        "cbd",
        "bile",
        "duct",
        "thyroid",
        "wound",
        "incision",
        "haematoma",
        "abscess",
        "collection",
        "effusion",
        "ulcer of",
        "lipoma",
        "dilated",
        "dilatation",
    ]
)


def measures(note: Note) -> list[tuple[int, int, float, float]]:
    """Heights of the lower border above the anal verge: (first token, token after, lowest, highest in mm)."""
    out: list[tuple[int, int, float, float]] = []
    spans: list[tuple[int, int]] = []
    for match, start, end in note.find(_HEIGHT_FIELD):
        factor = 10.0 if match["u"] == "cm" else 1.0
        low = float(match["a"]) * factor
        spans.append((start, end))
        out.append((start, end, low, float(match["b"]) * factor if match["b"] else low))
    for number, pattern in enumerate(_HEIGHT):
        for match, start, end in note.find(pattern):
            if overlap((start, end), spans):
                continue
            before = note.words(max(0, start - 8), end)
            if _NOT_LOWER.search(before) or set(note.before(start, 3)) & {
                "polyp",
                "stoma",
                "fistula",
                "anastomosis",
            } & ({"polyp", "stoma"}):
                continue
            if number == 6 and match["u"].startswith("m"):
                continue
            if number == 7 and set(note.after(end, 3)) & {
                "mrf",
                "crm",
                "mesorectal",
                "fascia",
                "sphincter",
                "levator",
                "prostate",
                "size",
            }:
                continue
            spans.append((start, end))
            factor = 10.0 if match["u"].startswith("c") else 1.0
            low = float(match["a"]) * (10.0 if match["u1"] == "cm" else 1.0 if match["u1"] == "mm" else factor)
            high = float(match["b"]) * factor if match["b"] else low
            limit = match["limit"]
            if limit in {"<", "under", "less than"}:
                low, high = 0.0, low - 0.1
            elif limit in {"≤", "<="}:
                low = 0.0
            elif limit in {">", "over", "more than"}:
                low, high = low + 0.1, 400.0
            elif limit in {"≥", ">="}:
                high = 400.0
            if low <= 400 and low <= high:
                out.append(_restated(note, start, end) or (start, end, low, high))
    return out


_RESTATED = re.compile(
    rf"(?:[,;(.-] )*(?P<word>(?:(?:no|sorry|correction|corrected|correct|rather|actually|wait|mean|scratch|make|should|read|that|i|it|is|be|to|on|hang|at|,|:|-) )+){_RANGE}(?!\S)"
)
_CORRECTS = frozenset(
    {"no", "sorry", "correction", "corrected", "correct", "rather", "actually", "wait", "mean", "scratch", "make"}
)


def _restated(note: Note, start: int, end: int) -> tuple[int, int, float, float] | None:
    """'11 cm from the verge, correction, 6 cm': the height that is said instead, over the words of both."""
    last = min(len(note.norms), end + 14)
    match = _RESTATED.match(note.words(end, last))
    if match is None or not _CORRECTS & set(match["word"].split()) or match["limit"]:
        return None
    factor = 10.0 if match["u"].startswith("c") else 1.0
    low = float(match["a"]) * factor
    high = float(match["b"]) * factor if match["b"] else low
    return (start, end + len(match.group().split()), low, high) if low <= min(high, 400) else None


def sizes(note: Note, taken: list[tuple[int, int]]) -> list[tuple[int, int, float]]:
    """Sizes of the lesion: (first token, token after, longest diameter in mm)."""
    out = []
    others = {"malignancy", "site_lesion", "operation", "lung"}
    for match, start, end in note.find(_SIZE_FIELD):
        size = float(match["a"]) * (10 if match["u"] == "cm" else 1)
        if 2 <= size <= 300 and not overlap((start, end), taken):
            out.append((start, end, size))
    for match, start, end in note.find(_SIZE):
        if overlap((start, end), taken):
            continue
        segment = note.segment(start)
        before = set(note.norms[max(segment.start, start - 4) : start])
        if (note.after(end, 1) and note.norms[end] in _NOT_SIZE_AFTER) or before & _NOT_SIZE_BEFORE:
            continue
        after = set(note.norms[end : min(segment.end, end + 5)])
        if after & {
            "node",
            "nodes",
            "nodule",
            "nodules",
            "polyp",
            "lymph",
            "cyst",
            "margin",
            "renal",
            "kidney",
            "mrf",
            "crm",
            "aneurysm",
            "verge",
            "av",
            "polyps",
        }:
            continue
        if _OTHER_MEASURED & set(note.norms[max(segment.start, start - 6) : min(segment.end, end + 4)]):
            continue
        if any(
            m.group in others
            and note.segment(m.start).clause == segment.clause
            and (m.group != "operation" or m.segment == segment.index)
            and abs(m.start - start) < 10
            for m in note.around(start)
        ):
            continue
        if (
            match["u"].startswith("c")
            and float(match["a"]) < 16
            and not match["b"]
            and start > 0
            and re.fullmatch(r"(?:mr|yc|yp|c|p)?[tnm][0-4x][a-d]?", note.norms[start - 1])
        ):
            # 'rectal ca T3N1M0 5cm': its height as well as its size.
            continue
        bare = segment.end - segment.start <= end - start + 1 and any(
            m.group in {"histology", "course", "site", "tumour"} for m in note.in_sentence(segment.sentence)
        )
        first, last = note.sentence(start)
        alone = (
            match["u"].startswith("m")
            and last - first <= end - start + 1
            and segment.sentence > 0
            and any(m.group in {"measure", "histology"} for m in note.in_sentence(segment.sentence - 1) if m.is_patient)
        )
        if (
            bare
            or alone
            or (before | after | set(note.norms[segment.start : segment.end])) & _LESION_WORDS
            or (
                segment.index
                and set(note.norms[note.layout.segments[segment.index - 1].start : segment.start]) & _LESION_WORDS
            )
        ):
            size = max(float(match["a"]), float(match["b"] or 0)) * (10 if match["u"].startswith("c") else 1)
            if 2 <= size <= 300:
                out.append((start, end, size))
    return out


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
    r"(?<!\S)(?:(?:ajcc|uicc|clinical|tnm|overall|c|anatomic|disease|pathological|prognostic) )*(?:stage|stadium|stg|staged(?: as)?|ajcc|uicc|clinical stage|stage group)(?: (?:is|:|=|group|of|was|as|ajcc|uicc|\(|8th|ed|edition|\)|-|tnm|c|stage|clinical|8))* "
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
        if near & _NOT_TUMOUR_STAGE or _of_another_cancer(note, start):
            continue
        value = _ROMAN[match["v"]] + (match["s"] or "").upper()
        if match["v2"]:
            value += f"-{_ROMAN[match['v2']]}"
        rows.append(("stage", value, "", start, end))
    for name in ("t_category", "n_category", "m_category", "stage"):
        yield from _standing(note, [row for row in rows if row[0] == name])
    yield from _nodes_in_words(note, rows)


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
            assertion="uncertain" if _doubt(note, start, end) else "present",
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


def _doubt(note: Note, start: int, end: int) -> bool:
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
    return _of_another_cancer(note, start)


def _of_another_cancer(note: Note, start: int) -> bool:
    index = note.segment(start).index
    groups = {m.group for m in note.around(start) if note.segment(m.start).index == index}
    return "malignancy" in groups and not groups & {"site", "histology"}


_NODES = re.compile(
    r"(?<!\S)(?:(?P<neg>no|without|nil) (?:involved|suspicious|pathological|enlarged|malignant|positive|regional|mesorectal|abnormal) (?:lymph )?(?:nodes?|lymphadenopathy|nodal)(?: (?:disease|involvement|metastases))?|(?P<neg2>node|nodal|nodes|lymph nodes?|nodally) (?:negative)|(?P<pos>node|nodal|nodes|lymph nodes?|nodally) positive)(?!\S)"
)


def _nodes_in_words(note: Note, rows: list[tuple[str, str, str, int, int]]) -> Iterator[Finding]:
    if any(row[0] == "n_category" for row in rows):
        return
    for match, start, end in note.find(_NODES):
        if not _of_another_cancer(note, start):
            yield finding(
                note,
                "n_category",
                start,
                end,
                {"value": "+" if match["pos"] else "0", "prefix": ""},
                assertion="uncertain" if _doubt(note, start, end) else "present",
            )


def read_tumour(note: Note) -> Iterator[Finding]:
    """All findings about the tumour itself."""
    yield from _histology(note)
    yield from _place(note)
    yield from tnm(note)
    yield from _spread(note)
    yield from _lesion(note)
    yield from _course(note)
    yield from _obstruction(note)


# -------------------------------------------------------------------------------------------- histology

_OTHER_ORGANS = frozenset(
    [
        "appendix",
        "appendiceal",
        "ileum",
        "bronchus",
        "prostate",
        "prostatic",
        "lung",
        "breast",
        "stomach",
        "gastric",
        "pancreas",
        "pancreatic",
        "ovary",
        "ovarian",
        "endometrial",
        "kidney",
        "oesophagus",
        "skin",
        "ear",
        "scalp",
        "nose",
        "cheek",
        "temple",
        "lip",
        "thyroid",
        "bladder",
        "cervix",
        "cervical",
    ]
)


def _histology(note: Note) -> Iterator[Finding]:
    rows: list[tuple[Mention, str]] = [(m, "other_malignant") for m in note.of("malignancy") if renamed(note, m)]
    # 'Primary adenocarcinoma of the rectum' names the histology within the words for its course.
    rows += [
        (m, "adenocarcinoma")
        for m in note.of("course")
        if m.present
        and re.search(r"adenoca|adenocarcinoma", note.words(m.start, m.end))
        and not _of_another_cancer(note, m.start)
        and not set(note.after(m.end, 4)) & _OTHER_ORGANS
    ]
    for mention in note.of("histology"):
        kind = str(mention.attributes["type"])
        if (
            kind == "unspecified"
            or mention.experiencer != "patient"
            or mention.superseded
            or _taken_back(note, mention)
        ):
            continue
        segment = note.segment(mention.start)
        around = set(note.norms[max(segment.start, mention.start - 3) : min(segment.end, mention.end + 4)])
        if around & _OTHER_ORGANS:
            continue
        if kind != "adenocarcinoma" and not _about_tumour(note, mention):
            continue
        if (
            kind == "adenocarcinoma"
            and around & {"sigmoid", "colon", "caecum"}
            and "rectal" not in around
            and "rectum" not in around
            and _treated_long_ago(note, mention)
        ):
            continue
        rows.append((mention, kind))
    rows.sort(key=lambda row: row[0].start)
    standing = Standing(note)
    alive = standing.stands([(m.start, kind, dates_of(m)[0]) for m, kind in rows if True])
    for i in sorted(alive):
        mention, kind = rows[i]
        assertion = mention.assertion if mention.assertion in {"present", "uncertain", "negated"} else "uncertain"
        if (
            mention.cue
            and mention.assertion in {"planned", "hypothetical"}
            and kind == "adenocarcinoma"
            and not _hypothetical(mention)
        ):
            assertion = "present"
        yield finding(
            note,
            "histology",
            mention.start,
            mention.end,
            {"type": kind, "name": note.words(mention.start, mention.end)},
            assertion=assertion,
            cue=mention.cue,
        )


_EARLIER_REPORT = re.compile(
    r"(?<!\S)(?:first|earlier|previous|initial|original|old|former|referral|outside) (?:\S+ )?(?:report|reading|diagnosis|histology|result|reports|label)(?!\S)"
)
_VOID = re.compile(
    r"(?<!\S)(?:withdrawn|retracted|void|cancelled|wrong|incorrect|superseded|replaced|no longer (?:stands|valid|holds)|overturned|revoked|not confirmed|refuted|does not stand|is out)(?!\S)"
)


def _taken_back(note: Note, mention: Mention) -> bool:
    """'The first report of adenocarcinoma is withdrawn': that histology stands no more."""
    words = note.words(*note.clause(mention.start))
    return _EARLIER_REPORT.search(words) is not None and _VOID.search(words) is not None


_CELL_TYPE = re.compile(r"lymphoma|melanoma|sarcoma|dlbcl|plasmacytoma|hodgkin|burkitt")
_NAMES_IT = re.compile(
    r"(?<!\S)(?:review|reviewed|pathology|path|histology|biopsy|biopsies|immuno\w*|immunostains?|addendum|revised|reclassified|diagnosis|reading|report|turns out|shows|proves?)(?!\S)"
)
_LEADS = re.compile(
    r"(?<!\S)(?:is|are|was|:|as|shows|showed|=|in fact|to be|-|now|becomes|reads|says)(?: (?:a|an|the|now|in|fact|primary|actually|really|rather|high|low|grade))*$"
)


def renamed(note: Note, mention: Mention) -> bool:
    """'Review pathology of the rectal mass: B-cell lymphoma, not carcinoma': the tumour itself is of that kind."""
    if (
        mention.group != "malignancy"
        or not mention.present
        or mention.historical
        or _CELL_TYPE.search(note.words(mention.start, mention.end)) is None
    ):
        return False
    first, last = note.sentence(mention.start)
    words = note.words(first, last)
    after = " ".join(note.after(mention.end, 6))
    instead = (
        re.match(
            r"(?:, |\( |and |- )?(?:and )?(?:not|no|rather than|instead of) (?:an? |the |rectal )?(?:adeno\w*|carcinoma|cancer|epithelial)",
            after,
        )
        is not None
    )
    about = (
        re.search(r"(?<!\S)(?:rectal|rectum|anorectal|rectal mass|tumour|mass|lesion|biopsy|biopsies)(?!\S)", words)
        is not None
    )
    if instead:
        return about or _NAMES_IT.search(words) is not None
    head = note.words(max(first, mention.start - 6), mention.start)
    return (
        re.search(r"(?<!\S)(?:rectal|rectum)(?!\S)", note.words(first, mention.start)) is not None
        and _NAMES_IT.search(note.words(first, mention.start)) is not None
        and _LEADS.search(head) is not None
        and not mention.dates
    )


def _hypothetical(mention: Mention) -> bool:
    return mention.assertion == "hypothetical"


def _treated_long_ago(note: Note, mention: Mention) -> bool:
    return any(
        day.period.latest is not None and (note.today - day.period.latest).days > 365
        for day in note.dates_around(mention.start)
        if note.layout.sentence_of(day.start) == note.layout.sentence_of(mention.start)
    )


def _about_tumour(note: Note, mention: Mention) -> bool:
    """Whether another histology is the rectal tumour's: its sentence (or the one before) speaks of rectum or biopsy."""
    if any(
        m.group == "malignancy" and m.start <= mention.start and m.end >= mention.end
        for m in note.around(mention.start)
    ):
        return False
    words = note.sentence_words(mention.start).split()
    here = {
        "rectal",
        "rectum",
        "biopsy",
        "biopsies",
        "bx",
        "histology",
        "pathology",
        "anal",
        "tumour",
        "reading",
        "path",
        "specimen",
        "anorectal",
        "mass",
        "lesion",
        "scope",
        "colonoscopy",
    }
    if set(words) & {"skin", "ear", "scalp", "lip", "face", "cheek", "lung", "hand", "nose", "temple"}:
        return False
    if set(words) & here or any("rect" in word for word in words):
        return True
    number = note.layout.sentence_of(mention.start)
    if number == 0:
        return len(note.layout.sentences) == 1
    names_it = {"diagnosis", "amended", "amendment", "immunostains", "report", "review", "revised", "reclassified"}
    if names_it & set(words) or any(
        c.group == "correction" and note.layout.sentence_of(c.start) == number for c in note.cues_around(mention.start)
    ):
        return bool(note.of("site")) or not {"biopsy", "specimen", "rectal"}.isdisjoint(note.norms)
    previous = note.words(*note.layout.sentences[number - 1]).split()
    return bool(set(previous) & here)


# ------------------------------------------------------------------------------------------------ place


def _place(note: Note) -> Iterator[Finding]:
    heights = measures(note)
    standing = Standing(note)
    statements = [(start, f"{low}-{high}", Period()) for start, _, low, high in heights]
    for i in sorted(standing.stands(statements)):
        start, end, low, high = heights[i]
        if _of_another_cancer(note, start):
            continue
        yield finding(
            note,
            "tumour_height",
            start,
            end,
            {"low_mm": low, "high_mm": high},
            assertion="uncertain" if _doubt(note, start, end) else "present",
        )
    yield from _thirds_after(note)
    yield from _thirds_apart(note)
    sites = []
    for mention in note.of("site"):
        if not mention.is_patient or not _tumour_site(note, mention):
            continue
        sites.append(mention)
    if not any(m.attributes["site"] == "rectum" for m in sites):
        for mention in note.of("malignancy"):
            named = next(
                (
                    site
                    for stem, site in (("sigmoid", "sigmoid"), ("colon", "colon"), ("caec", "colon"))
                    if stem in note.words(mention.start, mention.end)
                ),
                None,
            )
            if named and mention.present and not mention.dates:
                yield finding(note, "tumour_site", mention.start, mention.end, {"site": named})
    alive = standing.stands(
        [
            (m.start, str(m.attributes.get("third") or m.attributes["site"]), Period())
            for m in sites
            if m.attributes.get("third")
        ]
    )
    thirds = [m for m in sites if m.attributes.get("third")]
    for i, mention in enumerate(thirds):
        if i in alive:
            doubt = mention.assertion == "uncertain" or _quoted_alternative(note, mention)
            yield finding(
                note,
                "rectal_third",
                mention.start,
                mention.end,
                {"third": str(mention.attributes["third"])},
                assertion="uncertain" if doubt else "present" if mention.assertion != "negated" else "negated",
            )
    for mention in sites:
        if not mention.attributes.get("third"):
            assertion = mention.assertion if mention.assertion in {"uncertain", "negated"} else "present"
            yield finding(
                note,
                "tumour_site",
                mention.start,
                mention.end,
                {"site": str(mention.attributes["site"])},
                assertion=assertion,
            )


_THIRD = {
    "low": "low",
    "lower": "low",
    "distal": "low",
    "mid": "mid",
    "middle": "mid",
    "upper": "upper",
    "high": "upper",
}


_FAR = re.compile(
    r"(?<!\S)(?P<third>low|lower|mid|middle|distal|upper|high)(?: lying)? (?:\S+ ){0,3}?(?:adenocarcinoma|adenoca|tumour|cancer|carcinoma|ca) (?:of|in) (?:the )?rectum(?!\S)"
)
_DOWN = re.compile(
    r"(?<!\S)(?:adenocarcinoma|adenoca|tumour|cancer|carcinoma|ca|lesion|growth|mass) (?:(?:is|it|lies|lying|sits|situated|very|quite|rather|deep|which) )*(?P<third>low|high|lower) (?:down )?in (?:the )?rectum(?!\S)"
)


def _thirds_apart(note: Note) -> Iterator[Finding]:
    """'a low-lying adenocarcinoma of the rectum', 'an adenocarcinoma low in the rectum'."""
    for pattern in (_FAR, _DOWN):
        for match, start, end in note.find(pattern):
            if (
                not any(m.attributes.get("third") and m.start < end and start < m.end for m in note.around(start))
                and "grade" not in match.group()
            ):
                yield finding(note, "rectal_third", start, end, {"third": _THIRD[match["third"]]})


def _thirds_after(note: Note) -> Iterator[Finding]:
    """'rectal adenocarcinoma, low' and 'Rectal adenoca mid': the third stands after its tumour."""
    for segment in note.layout.segments:
        words = [w for w in note.norms[segment.start : segment.end] if w != "."]
        alone = len(words) in {1, 2} and words[0] in _THIRD and words[1:] in ([], ["third"], ["rectum"])
        at = segment.start
        if not alone:
            last = [
                m
                for m in note.around(segment.start)
                if m.group in {"histology", "tumour"}
                and note.segment(m.start).index == segment.index
                and m.end < segment.end
            ]
            if (
                not last
                or note.norms[last[-1].end] not in _THIRD
                or (
                    last[-1].end + 1 < segment.end
                    and note.norms[last[-1].end + 1] not in {".", "third", ")", "m0", "stage"}
                    and not re.match(r"(?:mr|c|u|p)?t[1-4]", note.norms[last[-1].end + 1])
                )
            ):
                continue
            at = last[-1].end
        first, _end = note.layout.sentences[segment.sentence]
        if any(
            m.attributes.get("site") == "rectum" and first <= m.start < at and m.is_patient for m in note.of("site")
        ):
            yield finding(note, "rectal_third", at, at + 1, {"third": _THIRD[note.norms[at]]})


def _quoted_alternative(note: Note, mention: Mention) -> bool:
    return note.after(mention.end, 1) == ["or"]


_SITE_FRIENDS = frozenset({"tumour", "histology", "course", "lesion"})


def _tumour_site(note: Note, mention: Mention) -> bool:
    """Whether a part of the bowel is where this tumour sits, not where a polyp, stent or old cancer was."""
    site = mention.attributes["site"]
    if site == "rectum":
        return True
    segment = note.segment(mention.start)
    near = [m for m in note.around(mention.start) if note.segment(m.start).index == segment.index]
    if any(
        m.group in {"malignancy", "stoma", "minor_treatment", "minor_operation", "operation", "stent"} for m in near
    ):
        return False
    words = set(note.norms[max(segment.start, mention.start - 3) : min(segment.end, mention.end + 3)])
    if words & {
        "polyp",
        "polyps",
        "diverticula",
        "diverticulosis",
        "diverticular",
        "diverticulitis",
        "normal",
        "clear",
        "rest",
        "remaining",
        "remainder",
        "scope",
        "reached",
        "proximal",
        "above",
    }:
        return False
    return any(m.group in _SITE_FRIENDS and abs(m.start - mention.start) <= 7 for m in near) or (
        mention.attributes["site"] == "anal_canal" and bool(near)
    )


# ----------------------------------------------------------------------------------------------- spread

_REGIONAL = frozenset(
    [
        "node",
        "nodal",
        "nodes",
        "lymph",
        "mesorectal",
        "regional",
        "ln",
        "lns",
        "perirectal",
        "locoregional",
        "lymphatic",
        "satellite",
    ]
)
_NOT_SPREAD_AFTER = frozenset(["workup", "work", "screen", "screening", "risk", "potential", "survey", "search"])


def _spread(note: Note) -> Iterator[Finding]:
    for mention in note.of("metastasis"):
        if not mention.is_patient:
            continue
        before = set(note.before(mention.start, 2))
        after = note.after(mention.end, 4)
        regional = (
            (before & _REGIONAL and not before & {"distant", "aortic"})
            or set(after) & {"mesorectal", "regional", "perirectal"}
            or (after[:2] in (["lymph", "nodes"], ["lymph", "node"], ["nodes"]))
        )
        if regional and not mention.attributes.get("named"):
            continue
        if set(after[:1]) & _NOT_SPREAD_AFTER or _near_other_cancer(note, mention):
            continue
        named = bool(mention.attributes.get("named"))
        words = note.words(mention.start, mention.end)
        site = "any"
        if named:
            site = next(
                (
                    s
                    for s in ("liver", "lung", "bone", "brain", "periton", "adrenal", "ovar")
                    if s in words.replace("hepatic", "liver").replace("pulmonary", "lung")
                ),
                "named",
            )
            if " and " in words or " or " in words:
                site = "any"
        assertion = mention.assertion if mention.assertion in {"present", "negated", "uncertain"} else "uncertain"
        if site == "any" and mention.assertion == "negated":
            site = _only_region(note, mention)
        yield finding(
            note, "metastasis", mention.start, mention.end, {"site": site}, assertion=assertion, cue=mention.cue
        )
    yield from _clear_scans(note)
    for mention in note.of("site_lesion"):
        if not mention.is_patient or mention.assertion == "negated":
            continue
        near = set(note.sentence_words(mention.start).split())
        if near & {
            "benign",
            "haemangioma",
            "cyst",
            "cysts",
            "calcified",
            "granuloma",
            "unchanged",
            "stable",
            "scar",
            "harmless",
        } and not near & {"indeterminate", "suspicious"}:
            continue
        yield finding(
            note, "metastasis", mention.start, mention.end, {"site": "lesion"}, assertion="uncertain", cue=mention.cue
        )


def _only_region(note: Note, mention: Mention) -> str:
    """'No mets in the chest': the region it is limited to; a scan of chest, abdomen and pelvis is limited to none."""
    after = note.after(mention.end, 4)
    if after[:1] == ["in"] or after[:1] == ["on"]:
        region = next(
            (
                w
                for w in after[1:]
                if w in {"liver", "lung", "lungs", "chest", "abdomen", "brain", "bone", "bones", "thorax"}
            ),
            None,
        )
        joined = set(note.after(mention.end, 8))
        if region and not joined & {"or", "and", "ct", "pet", "nor", ","}:
            return region
    sentence = note.sentence_words(mention.start)
    if re.search(r"\b(?:chest x ray|cxr|ultrasound|uss?)\b", sentence) and not re.search(
        r"\b(?:ct|pet|mri)\b", sentence
    ):
        return "partial"
    return "any"


def _near_other_cancer(note: Note, mention: Mention) -> bool:
    segment = note.segment(mention.start)
    return any(
        m.group == "malignancy" and note.segment(m.start).index == segment.index and m.end <= mention.start + 6
        for m in note.around(mention.start)
    )


_CLEAR = re.compile(
    r"(?<!\S)(?:(?:liver|lungs?) (?:and|,|/|&) (?:liver|lungs?)(?: (?:are|is|both|all|look|looked))* (?:clear|free|normal|clean) (?:on|in|at|per|by) (?:the )?(?:staging )?(?:ct|pet|mri|scan|staging|imaging)|(?:staging )?(?:ct|pet|pet ct|petct|scans?|staging)(?: (?:tap|cap|chest|abdomen|abdo|pelvis|thorax|/|,|and|&|a|p|c|t|n|scan|scans|of|the|staging|today|ct|pet|is|was|were|are|:|-|all|both|also|results?|report|whole body|fdg))* "
    r"(?:clear|negative|normal|nad|unremarkable|no spread|clean|without spread|shows? no spread|(?:lungs?|liver) (?:and|/) (?:liver|lungs?) (?:are )?clear|(?:shows? )?(?:no|nothing) (?:distant|suspicious|abnormal|of concern|elsewhere|outside)[a-z ]*))(?= ?(?:,|\.|;|$|\)|of|for|-|and|no))"
)


def _clear_scans(note: Note) -> Iterator[Finding]:
    for match, start, end in note.find(_CLEAR):
        if not _doubt(note, start, end) and not _of_another_cancer(note, start):
            words = match.group().split()
            partial = {"chest", "thorax"} & set(words) and not {
                "abdomen",
                "abdo",
                "tap",
                "cap",
                "a",
                "pelvis",
                "pet",
            } & set(words)
            yield finding(
                note,
                "metastasis",
                start,
                end,
                {"site": "partial" if partial else "any"},
                assertion="negated",
                cue=words[-1],
            )


# ----------------------------------------------------------------------------------------------- lesion


def _lesion(note: Note) -> Iterator[Finding]:
    for mention in note.of("no_lesion"):
        if (
            mention.is_patient
            and mention.assertion not in {"uncertain", "planned", "hypothetical"}
            and not _near_other_cancer(note, mention)
            and not _scar_elsewhere(note, mention)
        ):
            yield finding(note, "lesion", mention.start, mention.end, {"assessable": False})
    denied = set()
    at: tuple[int, int] | None = None
    nothing: list[tuple[int, int]] = []
    deniable = any(word in note.reading for word in ("measured", "assessed", "evaluated"))
    for match, start, end in note.find(_NOTHING_TO) if deniable else ():
        nothing.append((start, end))
        yield finding(note, "lesion", start, end, {"assessable": False}, cue=match.group().split()[0])
    for match, start, end in note.find(_CANNOT_BE) if deniable else ():
        if "nor" in match.group().split() or "or" in match.group().split():
            yield finding(note, "lesion", start, end, {"assessable": False}, cue=match.group().split()[0])
        elif not _OTHER_MEASURED & set(note.sentence_words(start).split()):
            denied.add("measure" if "measured" in match.group() else "assess")
            at = (start, end)
    for mention in note.of("lesion"):
        if not mention.is_patient or _other_organ(note, mention) or overlap((mention.start, mention.end), nothing):
            continue
        if mention.attributes.get("inverse"):
            denied.add("assess" if "assess" in mention.concept else "measure")
            at = (mention.start, mention.end)
            continue
        if mention.assertion == "negated":
            own = note.norms[mention.start : mention.end]
            denied.add(
                "measure"
                if any(w.startswith("measur") for w in own)
                else "assess"
                if any(w.startswith(("assess", "evalu")) for w in own)
                else own[0]
            )
            at = (mention.start, mention.end)
            continue
        yield finding(
            note,
            "lesion",
            mention.start,
            mention.end,
            {"assessable": True},
            assertion="present" if mention.assertion == "present" else "uncertain",
            cue=mention.cue,
        )
    if {"measure", "assess"} <= denied and at is not None:
        yield finding(note, "lesion", *at, {"assessable": False})
    heights = [(start, end) for start, end, _, _ in measures(note)]
    for start, end, size in sizes(note, heights):
        if not _doubt(note, start, end) and not _planned_at(note, start):
            yield finding(note, "lesion", start, end, {"assessable": True, "size_mm": size})


_NOTHING_TO = re.compile(
    r"(?<!\S)(?:nothing|no (?:lesion|tumour|mass|disease|cancer)) (?:is |left |remains |there )*(?:that |which )(?:can|could) be (?:measured|assessed|evaluated)(?: or| nor| and) (?:be |clinically )?(?:measured|assessed|evaluated|felt|seen)(?!\S)"
)
_CANNOT_BE = re.compile(
    r"(?<!\S)(?:(?:be )?neither (?:be |clinically |reliably )*(?:measured|assessed|evaluated)(?: (?!nor)\S+){0,4} nor (?:be |clinically |to be )*(?:measured|assessed|evaluated|felt|palpated)"
    r"|(?:cannot|can not|cant|could not|can no longer|could no longer) (?:be )?(?:reliably |clinically |properly )*(?:measured|assessed|evaluated) (?:or|nor) (?:be |clinically )*(?:measured|assessed|evaluated|felt)"
    r"|(?:cannot|can not|cant|could not|can no longer|could no longer) be (?:reliably |clinically |properly )*(?:measured|assessed|evaluated))(?!\S)"
)


def _scar_elsewhere(note: Note, mention: Mention) -> bool:
    return any(m.group == "malignancy" for m in note.same_sentence(mention, "malignancy"))


def _other_organ(note: Note, mention: Mention) -> bool:
    segment = note.segment(mention.start)
    near = set(note.norms[segment.start : segment.end])
    return bool(
        near
        & {
            "liver",
            "spleen",
            "node",
            "nodes",
            "pulse",
            "pulses",
            "abdomen",
            "lymph",
            "thyroid",
            "breast",
            "bladder",
            "hernia",
            "kidney",
        }
    ) and not near & {"rectal", "tumour", "lesion", "dre", "pr"}


def _planned_at(note: Note, start: int) -> bool:
    return False


# ----------------------------------------------------------------------------------------------- course

_OTHER_ILLNESS = frozenset(
    {
        "malignancy",
        "autoimmune",
        "cardiovascular",
        "cardiovascular_minor",
        "infection_minor",
        "infection_chest",
        "infection_serious",
        "other_illness",
        "lung",
        "organ_failure",
        "hepatitis",
        "infection_hiv",
    }
)
_TUMOURISH = frozenset({"tumour", "histology", "site"})


def _course(note: Note) -> Iterator[Finding]:
    for mention in note.of("course"):
        if not mention.is_patient:
            continue
        value = str(mention.attributes["value"])
        words = note.norms[mention.start : mention.end]
        if value == "primary" and mention.concept == "first_presentation":
            if _the_first_of_two(note, mention):
                continue
            if not _tumour_course(note, mention) or mention.assertion in {"hypothetical"}:
                continue
            assertion = (
                "uncertain"
                if mention.assertion == "uncertain"
                else "negated"
                if mention.assertion == "negated"
                else "present"
            )
            if assertion == "negated":
                continue
            yield finding(
                note, "course", mention.start, mention.end, {"value": "primary"}, assertion=assertion, cue=mention.cue
            )
        elif value == "primary":
            yield finding(note, "course", mention.start, mention.end, {"value": "primary"})
        else:
            yield from _recurrence(note, mention, words)
    for segment in note.layout.segments:
        # 'rectal ca, new'
        if [w for w in note.norms[segment.start : segment.end] if w != "."] == ["new"] and any(
            m.group in _TUMOURISH and m.is_patient and m.end <= segment.start
            for m in note.in_sentence(segment.sentence)
        ):
            yield finding(note, "course", segment.start, segment.start + 1, {"value": "primary"})
    for mention in note.of("course_word"):
        segment = note.segment(mention.start)
        near = {m.group for m in note.around(mention.start) if note.segment(m.start).index == segment.index}
        bare = not set(note.norms[segment.start : segment.end]) - {"primary", "yes", "y", ".", "is", "a", "it", "the"}
        follows = note.after(mention.end, 1)
        if (
            mention.is_patient
            and mention.assertion == "present"
            and (
                bare
                or (
                    near & {"tumour", "site", "histology"}
                    and follows not in (["site"], ["care"], ["to"])
                    and not near & _OTHER_ILLNESS
                )
            )
        ):
            yield finding(note, "course", mention.start, mention.end, {"value": "primary"})


def _the_first_of_two(note: Note, mention: Mention) -> bool:
    """'Anterior resection for the first tumour' tells of another one after it."""
    return re.fullmatch(
        r"(?:(?:his|her|the|my) )?first (?:rectal |bowel |colorectal )?(?:tumour|cancer|ca)",
        note.words(mention.start, mention.end),
    ) is not None and note.before(mention.start, 1) in (["for"], ["of"], ["from"], ["after"], ["since"], ["following"])


def _tumour_course(note: Note, mention: Mention) -> bool:
    segment = note.segment(mention.start)
    ahead = [
        m
        for m in note.around(mention.start)
        if m.start >= mention.end and m.start - mention.end <= 5 and note.segment(m.start).index == segment.index
    ]
    for other in ahead:
        if other.group in _OTHER_ILLNESS:
            return False
        if other.group in _TUMOURISH:
            return True
    if set(note.after(mention.end, 3)) & {
        "diabetes",
        "diabetic",
        "hypertension",
        "af",
        "asthma",
        "hypothyroidism",
        "epilepsy",
        "depression",
        "anaemia",
        "t2dm",
    }:
        return False
    behind = [
        m
        for m in note.around(mention.start)
        if m.end <= mention.start and note.layout.sentence_of(m.start) == segment.sentence
    ]
    return not (
        behind and behind[-1].group in _OTHER_ILLNESS and note.segment(behind[-1].start).clause == segment.clause
    )


def _recurrence(note: Note, mention: Mention, words: list[str]) -> Iterator[Finding]:
    sentence = note.layout.sentence_of(mention.start)
    owners = [
        m
        for m in note.around(mention.start)
        if m.group in _OTHER_ILLNESS and note.layout.sentence_of(m.start) == sentence
    ]
    explicit = bool(
        set(words)
        & {
            "rectal",
            "anastomosis",
            "anastomotic",
            "pelvic",
            "local",
            "locoregional",
            "presacral",
            "pelvis",
            "rectum",
            "tumour",
            "cancer",
            "disease",
            "adenocarcinoma",
        }
    ) or bool(
        set(note.after(mention.end, 4))
        & {
            "anastomosis",
            "rectal",
            "rectum",
            "pelvis",
            "tumour",
            "cancer",
            "adenocarcinoma",
            "adenoca",
            "disease",
            "anastomotic",
            "crc",
        }
    )
    if (
        note.after(mention.end, 1) == ["of"]
        and not set(words)
        & {"rectal", "rectum", "tumour", "cancer", "disease", "local", "anastomotic", "anastomosis", "pelvic"}
        and not set(note.after(mention.end, 5))
        & {"rectal", "rectum", "tumour", "cancer", "disease", "adenocarcinoma", "carcinoma", "crc", "malignancy"}
    ):
        return
    if words == ["is", "back"] and (
        set(note.after(mention.end, 1)) & {"to", "at", "from", "home", "on", "in", "with", "for", "again", "today"}
        or set(note.before(mention.start, 1)) & {"he", "she", "patient", "pt", "who"}
    ):
        return
    told = any(m.group in _TUMOURISH for m in note.same_sentence(mention, *_TUMOURISH)) and not note.after(
        mention.end, 1
    )[:1] not in ([], [","], ["."], [";"])
    answered = note.after(mention.end, 2) in (
        [":", "yes"],
        [":", "y"],
        ["?", "yes"],
        ["?", "y"],
        ["-", "yes"],
        ["-", "y"],
    )
    if (
        words[0].startswith(("recurrent", "relapsing"))
        and not explicit
        and not answered
        and not (told and note.after(mention.end, 1) in ([], [","], ["."]))
    ):
        return
    if owners and not (
        explicit
        and {"rectal", "anastomosis", "anastomotic", "rectum", "presacral", "pelvic"}
        & (set(words) | set(note.after(mention.end, 4)))
    ):
        return
    if not explicit and mention.assertion == "negated" and any(m.group == "malignancy" for m in note.of("malignancy")):
        return
    if (
        not explicit
        and words[0] in {"came", "come", "has"}
        and not any(m.group in _TUMOURISH for m in note.same_sentence(mention, *_TUMOURISH))
    ):
        return
    if not owners and sentence > 0 and not explicit:
        previous = [m for m in note.around(mention.start) if note.layout.sentence_of(m.start) == sentence - 1]
        if any(m.group == "malignancy" for m in previous):
            return
    if mention.assertion == "negated":
        yield finding(note, "course", mention.start, mention.end, {"value": "primary"}, cue=mention.cue)
    elif mention.assertion == "present":
        yield finding(note, "course", mention.start, mention.end, {"value": "recurrent"}, when=dates_of(mention)[0])
    elif mention.assertion == "uncertain":
        yield finding(
            note, "course", mention.start, mention.end, {"value": "recurrent"}, assertion="uncertain", cue=mention.cue
        )


# ------------------------------------------------------------------------------------------ obstruction

_RELIEF = re.compile(
    r"(?<!\S)(?:relieved|resolved|settled|cleared|decompressed|overcome|subsided|treated|managed|bypassed|dealt with|released|solved|opened|passed off|abated|eased|recanalised)(?!\S)"
)
_STILL = re.compile(
    r"(?<!\S)(?:still|again|remains|remain|persists?|persisting|persistent|re obstructed|reobstructed|despite|in spite of|ongoing|continues|not relieved|unrelieved|not resolved|not settled|currently|now|blocked)(?!\S)"
)


_NARROW = re.compile(r"(?:stenos|strictur|stenotic|narrow)")
_NEARLY = re.compile(
    r"(?<!\S)(?:imminent|impending|threatened|threatens|threatening|may|might|could|would|will soon|soon|about to|likely to|risk of|danger of|near|nearly|almost|incipient|verge of|close to|if it|should it|before it|in case it|until it)(?: (?:to|a|an|the|tumour|it|total|complete|partial|full))*$"
)
_OTHER_PASSAGE = frozenset(
    [
        "nose",
        "nasal",
        "ear",
        "ears",
        "airway",
        "airways",
        "artery",
        "arteries",
        "coronary",
        "vein",
        "venous",
        "catheter",
        "line",
        "port",
        "picc",
        "urinary",
        "ureter",
        "ureteric",
        "urethra",
        "kidney",
        "bile",
        "biliary",
        "retinal",
        "bundle",
        "duct",
        "sinus",
        "vessel",
        "vessels",
        "femoral",
        "carotid",
        "graft",
        "bladder",
        "bronchus",
        "bronchial",
        "lvot",
        "rca",
        "lad",
        "tear",
        "eustachian",
        "nerve",
        "pfo",
        "valve",
    ]
)


def _elsewhere_blocked(note: Note, mention: Mention) -> bool:
    """'Blocked nose', 'coronary artery occlusion', 'airway obstructed': no bowel."""
    segment = note.segment(mention.start)
    around = note.norms[max(segment.start, mention.start - 3) : min(segment.end, mention.end + 4)]
    return bool(_OTHER_PASSAGE & set(around)) and not {"bowel", "tumour", "rectal", "rectum", "intestinal"} & set(
        around
    )


def _obstruction(note: Note) -> Iterator[Finding]:
    for mention in note.of("not_obstructing"):
        if mention.is_patient:
            yield finding(
                note, "obstruction", mention.start, mention.end, assertion="negated", cue=note.norms[mention.start]
            )
    denied = any(m.negated for m in note.of("obstruction")) or bool(note.of("not_obstructing"))
    for mention in note.of("near_obstruction"):
        if denied and _NARROW.match(note.words(mention.start, mention.end)):
            # 'Stenosing but no obstruction'
            continue
        if (
            mention.is_patient
            and mention.assertion == "present"
            and note.norms[mention.start] not in {"stenosis", "narrowing", "stenotic"}
        ):
            yield finding(
                note, "obstruction", mention.start, mention.end, assertion="uncertain", cue=note.norms[mention.start]
            )
    for mention in note.of("obstruction"):
        if not mention.is_patient or mention.superseded or _elsewhere_blocked(note, mention):
            continue
        if mention.present and _NEARLY.search(" ".join(note.before(mention.start, 4))):
            mention.assertion = "uncertain"
        if mention.assertion == "present" and set(note.after(mention.end, 2)) & {
            "impending",
            "imminent",
            "threatening",
            "threatened",
            "looming",
            "near",
            "risk",
        }:
            mention.assertion = "uncertain"
        words = note.sentence_words(mention.start)
        if note.norms[mention.start] == "obstructive" and mention.end - mention.start == 1 and not mention.negated:
            continue
        following = _next_sentence(note, mention.start)
        relief = _RELIEF.search(words) is not None
        still = (
            re.search(
                r"(?<!\S)(?:still|again|remains|persist\w*|re obstructed|reobstructed|unrelieved|not relieved|despite|in spite)(?!\S)",
                words,
            )
            is not None
        )
        by = ""
        if re.search(
            r"(?<!\S)(?:by itself|spontaneously|on its own|without intervention|with enemas?|after laxatives)(?!\S)",
            words,
        ):
            by = "self"
        elif re.search(r"(?<!\S)stent\w*(?!\S)", words + " " + following) and re.search(
            r"(?<!\S)stent\w* (?:\S+ ){0,3}(?:failed|impossible|not possible|unsuccessful|abandoned|slipped|migrated|blocked)|(?:failed|unsuccessful|attempted|no) (?:\S+ )?stent",
            words + " " + following,
        ):
            by = ""
        elif re.search(r"(?<!\S)stent\w*(?!\S)", words):
            by = "stent"
        elif relief and not any(m.group == "stoma" for m in note.same_sentence(mention, "stoma")):
            by = "self"
        elif re.search(
            r"^(?:it |this |which )?(?:has |have |was |were |since )*(?:relieved|resolved|settled)|^stent", following
        ):
            by = "stent" if "stent" in following else "" if "stoma" in following or "ostomy" in following else "self"
        assertion = mention.assertion if mention.assertion in {"present", "negated", "uncertain"} else "uncertain"
        yield finding(
            note,
            "obstruction",
            mention.start,
            mention.end,
            {"relieved_by": by or None, "still": still},
            assertion=assertion,
            when=dates_of(mention)[0],
            cue=mention.cue,
            historical=mention.historical,
        )
    for mention in note.of("stoma"):
        if mention.is_patient and mention.assertion == "present" and _stoma_to_come(note, mention):
            mention.assertion = "planned"
        if (
            mention.is_patient
            and re.search(
                r"(?<!\S)(?:prepared for|preparing for|awaiting|needs|need of|requires|for|on the list for|going for|waiting for|booked for|listed for|asked for|marked for|consented for|candidate for)(?: (?:a|an|the|his|her|loop|defunctioning|urgent))*$",
                " ".join(note.before(mention.start, 6)),
            )
            and not dates_of(mention)[0].known
            and not re.search(r"(?<!\S)(?:theatre|operated|taken|took)(?!\S)", " ".join(note.before(mention.start, 12)))
        ):
            mention.assertion = "planned"
        if mention.is_patient and mention.assertion in {"present", "negated", "planned"}:
            made = mention.assertion == "present" or (mention.assertion == "planned" and made_already(note, mention))
            yield of_mention_as(note, mention, "stoma", "present" if made else mention.assertion)


_STOMA_TALK = re.compile(
    r"(?<!\S)(?:consent\w*|decid\w*|decision|re|regarding|whether|needs?|needing|requir\w*|booked|listed|await\w*|plan\w*|consider\w*|offer\w*|discuss\w*|talk\w*|counsel\w*|refus\w*|declin\w*|mark\w*|may|might|will|would|should|could|to have|to get|to form|to fashion|to make|to give|for|about|options?|vs|versus|if|wants?|possible|urgent|ready|prepar\w*|scheduled|asks?|asked|against|undecided)(?!\S)"
)
_STOMA_MADE = re.compile(
    r"(?<!\S)(?:had|has|have|with|formed|fashioned|made|created|raised|done|got|received|given|after|by|since|bears|carries|relieved|underwent|via|through|constructed|sited|placed|now|functioning|working|in situ|post|s/p|brought|for (?:\d+|one|two|three|four|five|six|several|some|many) (?:days?|weeks?|months?|years?))(?!\S)"
)
_STOMA_AFTER = re.compile(
    r"^(?:(?:is|are|was|being|still|formation|has been|tonight|today|now|,|-|\() ?)*(?:to be|booked|planned|under discussion|under consideration|being (?:discussed|considered|planned)|discussed|considered|in the morning|in the (?:afternoon|evening)|siting|marking|marked|sited with|tonight|tomorrow|this (?:evening|afternoon|week)|later|next|pending|awaited|offered|declined|refused|\?|undecided|scheduled|listed|proposed|recommended|advised|needed|required|if|not decided)(?!\S)"
)


def _stoma_to_come(note: Note, mention: Mention) -> bool:
    """A stoma that is only asked consent for, decided about, booked, offered or refused relieves nothing yet."""
    clause = note.clause(mention.start)
    segment = note.segment(mention.start)
    head = note.words(max(segment.start, mention.start - 7), mention.start)
    tail = note.words(mention.end, min(clause[1], mention.end + 7))
    past = [d for d in mention.dates if d.period.latest is not None and d.period.latest < note.today]
    if _STOMA_AFTER.search(tail) and not _STOMA_MADE.search(head):
        return True
    talk = [m.end() for m in _STOMA_TALK.finditer(head)]
    made = [m.end() for m in _STOMA_MADE.finditer(head)]
    if not talk or (past and not re.search(r"(?<!\S)(?:re|whether|decid\w*|decision|refus\w*|declin\w*)(?!\S)", head)):
        return False
    return (not made or max(talk) > max(made)) and not re.match(
        r"(?:formed|fashioned|made|created|raised|done|given|sited|constructed)(?!\S)|(?:, |and |which |that |it |then )*(?:was|has been|got) (?:then |duly |later )?(?:formed|fashioned|made|created|raised|done)",
        tail,
    )


def made_already(note: Note, mention: Mention) -> bool:
    """'relieved by a planned loop colostomy on 9 October': planned means elective where it has been done."""
    first, last = note.sentence(mention.start)
    when, _ = dates_of(mention)
    tail = note.norms[mention.end : min(last, mention.end + 2)]
    if not when.known and tail[-1:] == ["planned"]:
        # 'Loop ileostomy, planned, 6 May 2026'
        near = [day for day in note.dates_around(mention.start) if mention.end < day.start <= mention.end + 4]
        when = near[0].period if near else when
    past = when.latest is not None and when.latest <= note.today
    if not past or not mention.cue.lower().startswith("planned"):
        return False
    words = note.norms[max(first, mention.start - 8) : mention.start]
    if set(words) & {"by", "had", "was", "underwent", "with", "after", "got", "received", "has", "made", "did"}:
        return True
    named = note.words(mention.start, mention.end).split()[0] in {"defunctioned", "diverted"}
    return named or tail[-1:] == ["planned"] or "planned" in words[-3:]


def of_mention_as(note: Note, mention: Mention, concept: str, assertion: str) -> Finding:
    base = of_mention(note, mention, concept)
    return finding(
        note,
        concept,
        mention.start,
        mention.end,
        dict(base.values),
        assertion=assertion,
        when=base.when,
        ended=base.ended,
        cue=mention.cue,
    )


def _next_sentence(note: Note, token: int) -> str:
    number = note.layout.sentence_of(token) + 1
    if number >= len(note.layout.sentences):
        return ""
    return note.words(*note.layout.sentences[number])
