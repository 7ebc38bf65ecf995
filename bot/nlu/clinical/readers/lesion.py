"""Whether the lesion can be measured or assessed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note, overlap
from bot.nlu.clinical.readers.common import finding
from bot.nlu.clinical.readers.measures import OTHER_MEASURED, measures, sizes
from bot.nlu.clinical.readers.spread import near_other_cancer
from bot.nlu.clinical.readers.staging import in_doubt
from bot.trial.facts import Finding


def lesions(note: Note) -> Iterator[Finding]:
    for mention in note.of("no_lesion"):
        if (
            mention.is_patient
            and mention.assertion not in {"uncertain", "planned", "hypothetical"}
            and not near_other_cancer(note, mention)
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
        elif not OTHER_MEASURED & set(note.sentence_words(start).split()):
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
        if not in_doubt(note, start, end) and not _planned_at(note, start):
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
