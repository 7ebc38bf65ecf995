"""Treatment of this and of other cancers; operations, stomas, and denials of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.trial.facts import Finding, Period

_TUMOUR = frozenset({"tumour", "histology", "site"})
_PELVIC_ORGANS = ("prostat", "cervi", "endometri", "uter", "womb", "bladder", "vagin", "vulva", "anal", "anus", "rect", "pelvi", "ovar", "penile", "penis")
_OTHER_CAUSE = re.compile(
    r"(?<!\S)(?:diverticul\w*|prolapse|endometriosis|volvulus|incontinence|fistula|trauma|injury|benign|crohn\w*|colitis|ibd|hirschsprung\w*|adenoma|polyp|ischaemi\w+)(?!\S)"
)
_NOT_CANCER = re.compile(r"(?<!\S)(?:rheumatoid|arthritis|psoriasis|lupus|sle|ra|ectopic|vasculitis|colitis|crohn\w*|nephrotic|macular|retinopathy|eye|sclerosis|hidradenitis|keloid|heterotopic|wart|warts|keratosis|keratoses|thrombocythaemia|itp|thyroid eye|thyrotoxicosis|graves|transplant)(?!\S)")


def read_treatment(note: Note) -> Iterator[Finding]:
    """`treatment` by kind (present or denied), `untreated`, and minor procedures on the tumour."""
    for mention in note.of("treatment"):
        yield from _treatment(note, mention)
    for mention in note.of("untreated"):
        if mention.is_patient and mention.assertion not in {"uncertain", "planned", "hypothetical"} and not mention.superseded and not _anothers(note, mention):
            yield finding(note, "untreated", mention.start, mention.end)


_FOLLOWS_UNTREATED = frozenset(["so", "to", "at", "and", "or", "as", "by", "rectal", "rectum", "low", "mid", "primary", "adenocarcinoma", "tumour", "cancer", "yet", "until", "up", "in", "for", "thus", "as", "still", "tumours", "on", "with", "cT3", "locally", "adeno", "adenoca", "mss", "newly", "at", "crc"])


def _anothers(note: Note, mention: Mention) -> bool:
    """Whether 'never treated' speaks of another illness of the sentence."""
    number = note.layout.sentence_of(mention.start)
    groups = _TUMOUR | {"autoimmune", "malignancy", "hepatitis", "infection_hiv", "cardiovascular_minor", "other_illness", "infection_minor", "infection_chest"}
    before = [m for m in note.around(mention.start) if m.group in groups and m.end <= mention.start and note.layout.sentence_of(m.start) == number]
    clause = note.segment(mention.start).clause
    near = [m for m in before if note.segment(m.start).clause == clause] or before
    generic = set(note.norms[mention.start : mention.end]) & {"tumour", "cancer", "anti", "anticancer", "oncological", "antitumour"}
    if generic:
        return False
    if note.after(mention.end, 1) and " ".join(note.after(mention.end, 4)).startswith(("for his psoriasis", "for her psoriasis", "for it")) and near and near[-1].group not in _TUMOUR:
        return True
    after = note.after(mention.end, 2)
    if note.words(mention.start, mention.end) == "untreated" and after and after[0].isalpha() and not set(after) & _FOLLOWS_UNTREATED and not any(m.group in _TUMOUR and m.start - mention.end <= 3 and m.start >= mention.end for m in note.around(mention.start)):
        return True
    if "naive" in note.norms[mention.start : mention.end]:
        return False
    if near:
        return near[-1].group not in _TUMOUR
    remission = re.search(r"(?<!\S)(?:remission|clear|recurrence|discharged)(?!\S)", note.sentence_words(mention.start))
    if remission and any(m.group == "malignancy" and m.start < mention.start for m in note.of("malignancy")):
        return True
    if re.search(r"(?<!\S)(?:previous|prior|prev|earlier|so far|to date|yet)(?!\S)", " ".join(note.norms[mention.start : mention.end])):
        return False
    if number > 0 and re.match(r"(?:no|never|not|needs|without) ", note.words(mention.start, mention.end)) and (mention.start == note.layout.sentences[number][0] or re.search(r"(?<!\S)(?:now|needed|since|required|ongoing|any more)(?!\S)", " ".join(note.after(mention.end, 2))) or re.search(r"(?<!\S)(?:remission|clear|recurrence)(?!\S)", note.sentence_words(mention.start))):
        previous = [m for m in note.around(mention.start) if m.group in groups and note.layout.sentence_of(m.start) == number - 1]
        return bool(previous) and previous[-1].group in {"autoimmune", "malignancy"}
    return False


def _treatment(note: Note, mention: Mention) -> Iterator[Finding]:
    if not mention.is_patient or mention.superseded:
        return
    words = note.sentence_words(mention.start)
    kind = str(mention.attributes["kind"])
    beside = {m.group for m in _same_segment(note, mention)}
    if beside & {"allergy", "allergy_none"} and "tolerated" not in beside and kind != "chemoradiation":
        return
    if _as_reason(note, mention):
        return
    pelvic = bool(mention.attributes.get("pelvic"))
    generic = mention.concept == "resection_word"
    if mention.assertion == "negated":
        limits = _limit(note, mention)
        yield finding(note, "treatment", mention.start, mention.end, {"kind": kind, "scope": limits, "pelvic": pelvic}, assertion="negated", cue=mention.cue)
        return
    if mention.assertion != "present":
        yield finding(note, "treatment", mention.start, mention.end, {"kind": kind, "pelvic": pelvic}, assertion=mention.assertion, cue=mention.cue)
        return
    if kind == "radiotherapy" and note.norms[mention.start] == "gy" and not re.search(r"\d", " ".join(note.before(mention.start, 2))):
        return
    if kind == "chemotherapy" and note.norms[mention.start] == "platinum" and mention.end - mention.start == 1 and "therapy" not in words:
        return
    if _only_talk(note, mention, words):
        return
    if _NOT_CANCER.search(words) and not any(m.group in _TUMOUR | {"malignancy"} for m in note.same_sentence(mention, *_TUMOUR, "malignancy")):
        yield finding(note, "treatment", mention.start, mention.end, {"kind": kind, "for": "other_illness"}, when=dates_of(mention)[0])
        return
    cause = _cause(note, mention)
    if kind == "surgery" and ((_OTHER_CAUSE.search(note.words(*note.clause(mention.start))) and "cancer" not in words) or cause == "other_cancer"):
        return
    if generic and not _done_to_tumour(note, mention):
        return
    if kind in {"surgery", "local_excision"} and cause == "other_cancer":
        return
    if cause == "other_cancer" and kind in {"radiotherapy", "chemoradiation"}:
        pelvic = pelvic or _pelvic_cause(note, mention)
    elif kind in {"radiotherapy", "chemoradiation"}:
        pelvic = pelvic or (cause == "this" and not re.search(r"\b(?:breast|chest|neck|brain|mantle|whole brain|mediastin\w*|axilla\w*|lung|spine|skull|face|nose|keloid|skin|head)\b", words))
    yield finding(
        note,
        "treatment",
        mention.start,
        mention.end,
        {"kind": kind, "for": cause, "pelvic": pelvic},
        when=dates_of(mention)[0],
        historical=mention.historical,
        cue=mention.cue,
    )


_GIVEN = re.compile(r"(?<!\S)(?:had|has had|received|given|underwent|completed|started|began|after|following|s/p|post|previous|previously|prior|treated|cycles?|courses?|finished|ongoing|on|history|x|then|plus|with|adjuvant|neoadjuvant|followed|stopped|tolerated|since|undergone|gy)(?!\S)")
_TALK = re.compile(r"(?<!\S)(?:would|regard|regarded|hazardous|endanger\w*|dangerous|contraindicated|risky|possible|feasible|could|should|might|avoid|safe|unsafe|unsuitable|whether|harm\w*|needs|indicated|inadvisable|fears?|afraid|question|objection|exclude|impossible|difficult)(?!\S)")
_GENERIC = frozenset({"chemotherapy", "chemo", "radiotherapy", "radiation", "rt", "immunotherapy", "surgery", "targeted therapy", "checkpoint inhibitors", "chemoradiotherapy"})


def _only_talk(note: Note, mention: Mention, words: str) -> bool:
    """'Immunotherapy would endanger the graft' tells of no treatment that was given; nor does a list after 'include'."""
    if note.words(mention.start, mention.end) in _GENERIC and _TALK.search(words) and not _GIVEN.search(note.words(max(note.sentence(mention.start)[0], mention.start - 6), mention.start)) and not mention.dates:
        return True
    first = note.sentence(mention.start)[0]
    before = note.words(first, mention.start)
    return any(m.group == "untreated" and first <= m.start < mention.start for m in note.around(mention.start)) and (mention.concept != "untreated") and re.search(r"(?<!\S)(?:include|includes|including|such as|like|i\.e|e\.g|meaning|be it|neither|whether)(?!\S)", before) is not None


def _same_segment(note: Note, mention: Mention) -> list[Mention]:
    index = note.segment(mention.start).index
    return [m for m in note.around(mention.start) if note.layout.segment_of[m.start] == index]


def _as_reason(note: Note, mention: Mention) -> bool:
    """Names of drugs and treatments that stand for something else: allergy tests, trial titles, departments."""
    after = note.after(mention.end, 2)
    before = note.before(mention.start, 2)
    return (
        after[:1] in (["naive"], ["unit"], ["suite"], ["planner"], ["planning"], ["consultant"], ["department"], ["nurse"], ["team"], ["allergy"], ["allergic"], ["anaphylaxis"], ["trial"], ["waiting"], ["referral"], ["clinic"])
        or bool(set(before) & {"fit", "suitable", "eligible", "candidate", "unfit", "before", "pre"})
        or before[-1:] in (["before"], ["until"], ["than"], ["about"], ["re"], ["regarding"])
        or after[:2] in (["hypersensitivity"], ["hypersensitivity", "reaction"])
    )


def _limit(note: Note, mention: Mention) -> str:
    """What a denial is limited to: `pelvic`, `rectal`, `recent`, `tumour` or nothing."""
    after = note.after(mention.end, 8)
    text = " ".join(after)
    if mention.attributes.get("pelvic"):
        return "pelvic"
    if re.match(r"(?:in|within|for|over|during) (?:the )?(?:last|past|previous|\d|four|preceding|this|two|three|six)|this (?:year|month)|recently|since|yet today", text):
        return "recent"
    return ""


def _cause(note: Note, mention: Mention) -> str:
    """For which illness a treatment was given: `this`, `other_cancer` or `unclear`."""
    number = note.layout.sentence_of(mention.start)
    here = [m for m in note.around(mention.start) if note.layout.sentence_of(m.start) == number and m.group in _TUMOUR | {"malignancy"} and m.is_patient and not (m.start <= mention.start and m.end >= mention.end)]
    if mention.attributes.get("rectal"):
        others = [m for m in here if m.group == "malignancy" and m.attributes.get("kind") == "cancer"]
        own = [m for m in here if m.group != "malignancy"]
        return "other_cancer" if others and not own and mention.concept == "local_excision" else "this"
    clause = note.segment(mention.start).clause
    for group in ([m for m in here if note.segment(m.start).clause == clause], here):
        if group:
            before = [m for m in group if m.end <= mention.start]
            after = [m for m in group if m.start >= mention.end]
            linked = [m for m in after if set(note.norms[mention.end : m.start]) & {"for", "of", "against"} and m.start - mention.end <= 6]
            owner = linked[0] if linked else before[-1] if before else after[0]
            if owner.group == "malignancy":
                return "other_cancer"
            others = [m for m in before if m.group == "malignancy" and m.attributes.get("kind") == "cancer"]
            return "other_cancer" if others and owner.concept in {"tumour_word"} and not linked else "this"
    if number > 0:
        previous = [m for m in note.around(mention.start) if note.layout.sentence_of(m.start) == number - 1 and m.group in _TUMOUR | {"malignancy"} and m.is_patient]
        if any(m.group == "malignancy" and m.attributes.get("kind") in {"cancer", "skin", "in_situ"} and m.assertion != "negated" for m in previous) and not any(m.group == "site" for m in previous):
            return "other_cancer"
    if any(m.group == "malignancy" and m.attributes.get("kind") == "cancer" and m.present for m in note.of("malignancy")):
        return "unclear"
    return "this"


def _pelvic_cause(note: Note, mention: Mention) -> bool:
    number = note.layout.sentence_of(mention.start)
    for back in (0, 1):
        names = " ".join(note.words(m.start, m.end) for m in note.around(mention.start) if m.group == "malignancy" and note.layout.sentence_of(m.start) == number - back)
        if names:
            return any(stem in names for stem in _PELVIC_ORGANS)
    return False


def _done_to_tumour(note: Note, mention: Mention) -> bool:
    """Whether a bare 'surgery' or 'resected' is an operation on the rectal tumour that took place."""
    segment = note.segment(mention.start)
    words = note.norms[segment.start : segment.end]
    near = [m for m in note.around(mention.start) if note.segment(m.start).clause == segment.clause]
    if any(m.group in {"operation", "minor_operation", "malignancy", "transplant", "cardiovascular", "stoma"} for m in near):
        return False
    told = set(words[: max(0, mention.start - segment.start)]) & {"had", "underwent", "after", "post", "s/p", "previous", "prior", "following"}
    date: Period = dates_of(mention)[0]
    return any(m.group in {"tumour", "site", "histology"} for m in near) and bool(told or date.known)
