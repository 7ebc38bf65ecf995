"""First presentation or recurrence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding, only_spoken_of
from bot.trial.facts import Finding

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


def courses(note: Note) -> Iterator[Finding]:
    for mention in note.of("course"):
        if not mention.is_patient:
            continue
        value = str(mention.attributes["value"])
        words = note.norms[mention.start : mention.end]
        if value == "primary" and mention.concept == "first_presentation":
            if _the_first_of_two(note, mention) or _long_ago(note, mention):
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


def _long_ago(note: Note, mention: Mention) -> bool:
    """'First diagnosis 2019; recurrence 2026': what was first then has come back."""
    when = dates_of(mention)[0]
    return (
        when.latest is not None
        and (note.today - when.latest).days > 180
        and any(
            m.attributes.get("value") == "recurrent" and m.present and m.start > mention.end for m in note.of("course")
        )
    )


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


_GROWS = frozenset(
    [
        "cancer",
        "tumour",
        "disease",
        "it",
        "growth",
        "carcinoma",
        "adenocarcinoma",
        "adenoca",
        "ca",
        "which",
        "malignancy",
        "lesion",
        "crc",
    ]
)


#: What comes back from a laboratory: 'the PCR is back', 'histology is back'.
_REPORTED = frozenset(
    {
        "pcr", "ihc", "msi", "mmr", "result", "results", "report", "reports", "histology", "pathology", "biopsy", "mri",
        "ct", "scan", "bloods", "blood", "labs", "lab", "serology", "dna", "rna", "swab", "test", "tests", "panel",
    }
)  # fmt: skip


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
            "dz",
            "dis",
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
    if words[-1] == "back" or words == ["has", "returned"]:
        subject = set(note.before(mention.start, 3)) | set(words[:-1])
        after = note.after(mention.end, 1)
        if not subject & _GROWS or after in (
            ["mss"],
            ["msi"],
            ["negative"],
            ["positive"],
            ["normal"],
            ["as"],
            ["from"],
        ):
            # 'The PCR came back MSS', 'consent is back'
            return
    if words[0] in {"recurred", "relapsed", "relapse", "recurrence"} and not explicit:
        owner = note.before(mention.start, 2)
        if len(owner) == 2 and owner[0] in {"the", "his", "her", "an", "a"} and owner[1] not in _GROWS:
            # 'The infection recurred'
            return
    if words == ["is", "back"] and (
        set(note.after(mention.end, 1)) & {"to", "at", "from", "home", "on", "in", "with", "for", "again", "today"}
        or note.after(mention.end, 1) == [":"]
        or set(note.before(mention.start, 1)) & ({"he", "she", "patient", "pt", "who"} | _REPORTED)
    ):
        return
    told = any(m.group in _TUMOURISH for m in note.same_sentence(mention, *_TUMOURISH)) and not note.after(
        mention.end, 1
    )[:1] not in ([], [","], ["."], [";"])
    if mention.present and (
        only_spoken_of(note, mention) or set(note.before(mention.start, 1)) & {"hernia", "stone", "fistula"}
    ):
        return
    answered = (mention.negated and note.after(mention.end, 1) in ([":"], ["?"])) or note.after(mention.end, 2) in (
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
