"""Of what kind the tumour is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import Standing, dates_of, finding
from bot.nlu.clinical.readers.staging import of_another_cancer
from bot.trial.facts import Finding

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


def histologies(note: Note) -> Iterator[Finding]:
    rows: list[tuple[Mention, str]] = [(m, "other_malignant") for m in note.of("malignancy") if renamed(note, m)]
    # 'Primary adenocarcinoma of the rectum' names the histology within the words for its course.
    rows += [
        (m, "adenocarcinoma")
        for m in note.of("course")
        if m.present
        and re.search(r"adenoca|adenocarcinoma", note.words(m.start, m.end))
        and not of_another_cancer(note, m.start)
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
