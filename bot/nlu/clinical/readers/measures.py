"""Heights above the anal verge and sizes of the lesion."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Note, overlap

_NUM = r"\d{1,3}(?:\.\d+)?"


_VERGE = r"(?:the )?(?:anal verge|av|a\.v|a \. v \.?|verge|anal (?:margin|edge|orifice|ring|opening)|anus|anocutaneous line|acl|anal verg|margin \( anal verge \)|anus (?:edge|verge|margin|ring)|margin anal|edge anal|border anal|verge \( anal \)|anal canal entrance)"


_RANGE = rf"(?:(?P<limit><|>|≤|≥|<=|>=|under|over|less than|more than|about|approximately|approx|approx \.|ca|~|around|only|just|some) )?(?P<a>{_NUM})(?: (?P<u1>cm|mm))?(?: ?(?:-|to|and|–|/) ?(?P<b>{_NUM}))? (?P<u>cm|mm|centimetres?|centimeters?|millimetres?)"


_HEIGHT = (
    re.compile(
        rf"(?<!\S){_RANGE} (?:\( \w+ \) )?(?:\( )?(?:up )?(?:above|from|fr|fm|frm|ex|distance to|up from|up above|off|to|proximal to|abv|over|ab|of|inside|short of|away from|distance from|form|of distance from|distant from|cranial to|cephalad to|proximal from|beyond|in from) {_VERGE}(?!\S)"
    ),
    re.compile(rf"(?<!\S){_RANGE} (?:ab ano|ab ani|av|anal verge|f / av|from verge|f\.a\.v)(?!\S)"),
    re.compile(
        rf"(?<!\S)(?:ab ano|ab ani|distance ab ano|(?:distance )?to (?:the )?(?:anus|anal edge|anal margin|anal verge|anal)|from (?:the )?(?:anus|anal edge|anal verge)|distance (?:to|from) (?:the )?(?:anus|anal edge))(?: (?::|=|is|about|of|approx))* {_RANGE}(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:tumour|lesion|cancer|ca|adenocarcinoma|adenoca|adenocarcinomas|rectum|rectal|mass|growth|swelling|ulcer|one|adeno|,)(?: (?:sits|lies|is|was|found|seen|situated|located|begins|starts|of|the|rectum|rectal|in|low|mid|\(|\)|mucinous|biopsy|proven|at|,))* {_RANGE} (?:up|above|high|from below|inside|in(?= ?(?:[.,;)]|$)))(?: (?:from|the|verge|anal|in))*(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:rectal (?:adenocarcinoma|adenoca|ca|cancer|tumour|carcinoma|adeno)|(?:adenocarcinoma|adenoca|tumour|cancer|carcinoma|ca|adeno) (?:of )?(?:the )?rectum)(?: ,| \()? {_RANGE}(?= ?(?:,|\.|;|$|\)|m?r?c?t[1-4]|stage|mss|ecog|from|av|on dre))"
    ),
    re.compile(
        rf"(?<!\S)(?:{_VERGE}|anal verge distance|distance (?:from|to|above) {_VERGE}|height above {_VERGE}|height)(?: (?:of|is|:|=|-|\?|at|was|\(|to|tumour|lower|edge|border|distance|the|by|mri|on|\)|tumor|about|lesion|a|measured|measures))* {_RANGE}(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:(?:lower|distal|inferior|caudal|lowest|low|bottom|under)(?: tumour)? (?:border|edge|margin|pole|end|extent|aspect|limit|part|rim|lip|boundary)|lb|bottom|lower lip)(?: (?:of|the|tumour|lesion|is|at|lies|lying|sits|:|=|was|mass|its|a|begins|starts|reaches|measured|located|situated|\(|on|by|mri|found|being|comes|down|to|about|distance|av|from|in|height|,))* {_RANGE}(?! (?:long|wide|across|in (?:length|size|diameter)|thick|mass|x|by)(?!\S))(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:tumour|lesion|cancer|ca|adenocarcinoma|adenoca|mass|carcinoma|rectum|rectal|growth|neoplasm|adenocarcinomas|one|primary|situated|located|sits|lies|lying|regrowth|recurrence|palpable|felt|starts|begins|ends|ending|starting|beginning|anastomosis|rectal ca|reach(?:es|ed)?|finger|fingertip)(?: (?:found|seen|is|it|lies|located|situated|palpable|on|pr|dre|scope|mri|,|starting|beginning|sitting|felt|low|in|the|biopsy|proven|clearly))* (?:at|from|between) {_RANGE}(?! (?:in (?:size|length|diameter)|across|long|wide|mass|tumour|lesion))(?!\S)"
    ),
)


_HEIGHT_FIELD = re.compile(
    rf"(?<!\S)(?:dist(?:ance)?|height|lower (?:border|edge)|level)(?: (?:from|to|above|of))*(?: {_VERGE})? (?:\( )?(?P<u>cm|mm)(?: \))?(?: (?:from|above|to) {_VERGE})?(?: (?::|=|is))* (?P<a>{_NUM})(?: ?(?:-|to) ?(?P<b>{_NUM}))?(?! (?:x|by|mm|cm)(?!\S))(?!\S)"
)


#: '5 above anal verge (cm, MRI)', '7 from AV (cm)': the unit stands behind.
_UNIT_BEHIND = re.compile(
    rf"(?<!\S)(?P<a>{_NUM}) (?:above|from|fm|frm|ab|off|to|over) {_VERGE} \( (?P<u>cm|mm)(?= ?[,)])"
)


#: 'Distance from anal verge: 6': centimetres where no unit stands.
_HEIGHT_BARE = re.compile(
    rf"(?<!\S)(?:(?:distance|dist|height|level)(?: \.)? (?:from|to|above|over|ab) {_VERGE}|(?:lb|lower (?:border|edge|margin|pole)) (?:from|to|above|over|ab) {_VERGE}|height above {_VERGE}) (?::|=|is) (?P<a>{_NUM})(?= ?(?:\.|,|;|$|\)))"
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
        "craniocaudal",
        "spanning",
        "spans",
        "dimension",
        "dimensions",
        "big",
    ]
)


#: Words that name the tumour and may as well precede its height.
_PLACE_WORDS = frozenset({"cancer", "ca", "carcinoma", "adenocarcinoma", "adenoca", "rectal", "rectum"})
#: What a size stands beside in a list of bare facts ('PCR MSS; 58 mm; CT no mets').
_BESIDE_A_SIZE = frozenset({"measure", "histology", "msi", "mmr", "metastasis", "site", "tumour"})


OTHER_MEASURED = frozenset(
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
    for match, start, end in note.find(_UNIT_BEHIND):
        low = float(match["a"]) * (10.0 if match["u"] == "cm" else 1.0)
        spans.append((start, end))
        out.append((start, end, low, low))
    for match, start, end in note.find(_HEIGHT_BARE):
        if not overlap((start, end), spans):
            spans.append((start, end))
            low = float(match["a"]) * (10.0 if float(match["a"]) <= 25 else 1.0)
            out.append((start, end, low, low))
    for number, pattern in enumerate(_HEIGHT):
        for match, start, end in note.find(pattern):
            if overlap((start, end), spans):
                continue
            if _of_upper_edge(note, start, end) or set(note.before(start, 3)) & {
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
    return out + list(_said_otherwise(note, out, spans))


_SAYS = re.compile(
    rf"(?<!\S)(?:says|said|gives|gave|puts|measures|measured|reports|reported|reads|writes|wrote|has|states|notes) (?:it |this |the same |that )?(?:at |as |is )?{_RANGE}(?! (?:long|wide|across|in|mass|tumour|x|by)(?!\S))(?!\S)"
)


def _said_otherwise(
    note: Note, found: list[tuple[int, int, float, float]], spans: list[tuple[int, int]]
) -> Iterator[tuple[int, int, float, float]]:
    """'The letter says lower border 9 cm, the MRI report says 12 cm': the second is a height as well."""
    heights = {note.layout.sentence_of(start) for start, *_ in found}
    for match, start, end in note.find(_SAYS) if found else ():
        if (
            not overlap((start, end), spans)
            and note.layout.sentence_of(start) in heights
            and match["u"].startswith("c")
            and any(e <= start for s, e in spans)
            and not match["b"]
        ):
            low = float(match["a"]) * 10.0
            yield start, end, low, low


def _of_upper_edge(note: Note, start: int, end: int) -> bool:
    """Whether the edge named last before a length is the upper one ('superior pole 13 cm, inferior pole at 9 cm')."""
    before = note.words(max(note.sentence(start)[0], start - 8), end)
    upper = [match.end() for match in _NOT_LOWER.finditer(before)]
    lower = [match.end() for match in _LOWER.finditer(before)]
    return bool(upper) and (not lower or lower[-1] < upper[-1])


_LOWER = re.compile(
    r"(?<!\S)(?:(?:lower|distal|inferior|caudal|lowest|low|bottom|under)(?: tumour)? (?:border|edge|margin|pole|end|extent|aspect|limit|part|rim|lip|boundary)|lb|bottom|lower lip)(?!\S)"
)


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
        if note.before(start, 1) in (["rectum"], ["rectal"]) and match["u"].startswith("c") and not match["b"]:
            # 'Rectum 11 cm per scope' tells a height.
            continue
        if _of_upper_edge(note, start, end) or note.norms[max(0, start - 2) : start] == ["at", ":"]:
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
        beside = set(note.after(end, 4)) & {"tumour", "mass", "lesion", "growth"}
        if not beside and OTHER_MEASURED & set(note.norms[max(segment.start, start - 6) : min(segment.end, end + 4)]):
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
        # 'rectum, 6 cm' may be a height as well, unless the note gives one.
        plain = not taken and match["u"].startswith("c") and not match["b"]
        bare = (
            not plain
            and segment.end - segment.start <= end - start + 1
            and any(
                m.group in {"histology", "course", "site", "tumour", "measure"}
                for m in note.in_sentence(segment.sentence)
            )
        )
        first, last = note.sentence(start)
        alone = (
            match["u"].startswith("m")
            and last - first <= end - start + 1
            and any(
                m.group in _BESIDE_A_SIZE
                for number in (segment.sentence - 2, segment.sentence - 1, segment.sentence + 1)
                for m in note.in_sentence(number)
                if m.is_patient
            )
        )
        words = before | after | set(note.norms[segment.start : segment.end])
        named = _LESION_WORDS - _PLACE_WORDS if plain else _LESION_WORDS
        if (
            bare
            or alone
            or words & named
            or (
                segment.index and set(note.norms[note.layout.segments[segment.index - 1].start : segment.start]) & named
            )
        ):
            size = max(float(match["a"]), float(match["b"] or 0)) * (10 if match["u"].startswith("c") else 1)
            if 2 <= size <= 300:
                out.append((start, end, size))
    return out
