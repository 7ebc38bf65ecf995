"""Distant metastases: named, denied, in doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import finding, only_spoken_of
from bot.nlu.clinical.readers.staging import in_doubt, of_another_cancer
from bot.trial.facts import Finding

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


def spreads(note: Note) -> Iterator[Finding]:
    for mention in note.of("metastasis"):
        if not mention.is_patient or _metabolic(note, mention) or (mention.present and only_spoken_of(note, mention)):
            continue
        before = set(note.before(mention.start, 2))
        after = note.after(mention.end, 4)
        regional = (
            (before & _REGIONAL and not before & {"distant", "aortic"})
            or set(after) & {"mesorectal", "regional", "perirectal", "mesorectum"}
            or (after[:2] in (["lymph", "nodes"], ["lymph", "node"], ["nodes"]))
        )
        if regional and not mention.attributes.get("named"):
            continue
        if set(after[:1]) & _NOT_SPREAD_AFTER or near_other_cancer(note, mention):
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
        if mention.assertion == "negated" and _found_later(note, mention):
            continue
        if site == "any" and mention.assertion == "negated":
            site = _only_region(note, mention)
        yield finding(
            note, "metastasis", mention.start, mention.end, {"site": site}, assertion=assertion, cue=mention.cue
        )
    yield from _clear_scans(note)
    yield from _confined(note)
    for mention in note.of("site_lesion"):
        if not mention.is_patient or mention.assertion == "negated":
            continue
        number = note.layout.sentence_of(mention.start)
        last = note.layout.sentences[min(number + 1, len(note.layout.sentences) - 1)][1]
        near = set(note.words(note.layout.sentences[number][0], last).split())
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


def _found_later(note: Note, mention: Mention) -> bool:
    """'CT: no metastases. Addendum after liver MRI: metastases': what is found later replaces the denial."""
    here = note.layout.sentence_of(mention.start)
    after = [c.start for c in note.cues if c.group == "correction" and c.start > mention.end]
    return any(
        other.present
        and other.start > at
        and here < note.layout.sentence_of(other.start) <= note.layout.sentence_of(at) + 2
        for at in after
        for other in note.of("metastasis")
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


def _metabolic(note: Note, mention: Mention) -> bool:
    """'METs > 4', '4-6 METs': metabolic equivalents."""
    if (
        note.words(mention.start, mention.end) not in {"mets", "met"}
        or not note.tokens[mention.start].raw[:3].isupper()
    ):
        return False
    after = [
        w for w in note.after(mention.end, 3) if w not in {":", "=", "of", "about", ">", "<", "≥", "≤", ">=", "<=", "~"}
    ]
    before = note.before(mention.start, 1)
    counted = bool(after) and after[0].isdigit() and note.after(mention.end, 4)[-1:] not in (["in"], ["liver"])
    return counted or (bool(before) and before[0].replace(".", "").isdigit())


_CONFINED = re.compile(
    r"(?<!\S)(?:(?:no|without|nil)(?: (?:evidence|sign|signs|hint) of)?(?: any)? (?:spread|dissemination) (?:to (?:other|distant|any other|any) (?:organs?|sites?|parts?)|elsewhere|outside|beyond|anywhere|to (?:the )?(?:liver or lungs?|lungs? or liver))"
    r"|(?:no|without)(?: (?:evidence|sign|signs) of)?(?: any)? (?:disease|tumour|lesions?|deposits?|uptake|avidity|foci) (?:outside|elsewhere|beyond|at a distance|in (?:the )?(?:liver|lungs?) (?:or|and|nor) (?:the )?(?:liver|lungs?))"
    r"|no (?:distant|remote|extrapelvic|extra pelvic|other avid|further) (?:uptake|avidity|foci|focus|lesions?|deposits?|organ involvement|organs? involved)"
    r"|(?:uptake|avid|avidity|activity) (?:is |was |seen |found )?(?:only|solely|limited to|confined to) (?:in |to )?(?:the )?(?:rectum|rectal|primary|tumour|pelvis)"
    r"|(?:ct|pet|pet ct|scans?|staging|imaging)(?: \S+){0,5}? (?:showing|shows|showed|reveals|revealed|reports|finds|found|with|without|:|-|,|done|and)(?: any)? ?(?:no spread|nothing (?:elsewhere|outside|distant|sinister|suspicious|worrying|metastatic|in (?:the )?(?:liver|lungs?)(?: ?(?:,|or|and|nor|/) ?(?:the )?(?:liver|lungs?))))"
    r"|(?:scan|ct|pet|scans)(?: \S+){0,4}? (?:not|hasnt|has not|have not) spread"
    r"|nothing (?:elsewhere|else|distant) (?:on|in|at|by) (?:the )?(?:staging )?(?:ct|pet|pet ct|scans?|imaging|staging))(?!\S)"
)


def _confined(note: Note) -> Iterator[Finding]:
    """'No spread to other organs', 'nothing elsewhere on CT', 'uptake only in the rectum'."""
    for _, start, end in note.find(_CONFINED):
        if not in_doubt(note, start, end) and not of_another_cancer(note, start):
            yield finding(note, "metastasis", start, end, {"site": "any"}, assertion="negated", cue=note.norms[start])


def near_other_cancer(note: Note, mention: Mention) -> bool:
    segment = note.segment(mention.start)
    return any(
        m.group == "malignancy" and note.segment(m.start).index == segment.index and m.end <= mention.start + 6
        for m in note.around(mention.start)
    )


_CLEAR = re.compile(
    r"(?<!\S)(?:(?:liver|lungs?) (?:and|,|/|&) (?:liver|lungs?)(?: (?:are|is|both|all|look|looked))* (?:clear|free|normal|clean) (?:on|in|at|per|by) (?:the )?(?:staging )?(?:ct|pet|mri|scan|staging|imaging)|(?:staging )?(?:ct|pet|pet ct|petct|scans?|staging)(?: (?:tap|cap|chest|abdomen|abdo|pelvis|thorax|/|,|and|&|a|p|c|t|n|scan|scans|of|the|staging|today|ct|pet|is|was|were|are|:|-|all|both|also|results?|report|whole body|fdg))* "
    r"(?:clear|negative|neg|normal|nad|unremarkable|no spread|clean|without spread|shows? no spread|(?:lungs?|liver) (?:and|/) (?:liver|lungs?) (?:are |both )?(?:clear|free|clean|normal|unremarkable|ok)|(?:shows? )?(?:no|nothing) (?:distant|suspicious|abnormal|of concern|elsewhere|outside)[a-z ]*))(?= ?(?:,|\.|;|$|\)|of|for|-|and|no))"
)


def _clear_scans(note: Note) -> Iterator[Finding]:
    for match, start, end in note.find(_CLEAR):
        if not in_doubt(note, start, end) and not of_another_cancer(note, start):
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
