"""Allergy to the study drugs or to others, and radiotherapy that is impossible."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import finding
from bot.trial.facts import Finding


def read_allergies(note: Note) -> Iterator[Finding]:
    """`no_allergy`, `only_allergy`, `allergy` (with `study_drug`), `tolerated_study_drug`, `rt_impossible`."""
    for mention in note.of("rt_impossible"):
        if (mention.is_patient and mention.assertion in {"present", "uncertain"}) or (
            mention.is_patient
            and note.norms[mention.start] in {"no", "not", "cannot", "can", "unable"}
            and mention.assertion != "planned"
        ):
            if note.norms[mention.start] == "contraindication" and mention.assertion == "negated":
                continue
            yield finding(
                note,
                "rt_impossible",
                mention.start,
                mention.end,
                assertion="uncertain" if mention.assertion == "uncertain" else "present",
                cue=mention.cue,
            )
    if not any(m.is_patient for m in note.of("rt_impossible")):
        yield from _no_radiotherapy(note)
    for mention in note.of("allergy_none"):
        if mention.is_patient and mention.assertion not in {"uncertain", "planned"}:
            tail = note.words(mention.end, min(note.sentence(mention.start)[1], mention.end + 6))
            words = note.words(mention.start, mention.end)
            if (
                re.match(r"to (?!any|the study|study|medic|drugs|anything|date|trial|our|his|her)", tail)
                and not re.search(r"study|trial|component|oxaliplatin|capecitabine|penpulimab", words)
                and not re.match(r"to (?:\S+ ){0,3}(?:oxaliplatin|capecitabine|penpulimab|platinum|5 fu)", tail)
            ):
                continue
            if re.match(r"(?:until|till|up to)(?!\S)", tail):
                continue
            barred = [
                m
                for m in note.around(mention.start)
                if m.group in {"treatment", "allergen"}
                and _study_drug(note, m)
                and mention.end <= m.start < note.sentence(mention.start)[1]
            ]
            excepted = re.search(
                r"(?<!\S)(?:except|apart from|other than|but|besides|save|bar|aside from|only)(?!\S)",
                note.words(mention.end, note.sentence(mention.start)[1]),
            )
            if barred and excepted and barred[0].assertion != "negated":
                yield finding(
                    note,
                    "allergy",
                    mention.start,
                    barred[0].end,
                    {"study_drug": True, "to": note.words(barred[0].start, barred[0].end)},
                )
                continue
            yield finding(note, "no_allergy", mention.start, mention.end, {"other": _besides(note, mention)})
    for mention in note.of("allergy"):
        yield from _allergy(note, mention)
    for mention in note.of("tolerated"):
        clause = note.clause(mention.start)
        drugs = [
            m
            for m in note.around(mention.start)
            if clause[0] <= m.start < clause[1]
            and m.group in {"treatment", "allergen"}
            and (m.attributes.get("study") or m.attributes.get("kind") in {"chemotherapy", "immunotherapy"})
        ]
        if (
            mention.is_patient
            and mention.assertion == "present"
            and drugs
            and re.search(
                r"capox|capeox|xelox|folfox|oxaliplatin|capecitabine|5 fu|fluorouracil|penpulimab|xeloda",
                note.words(*clause),
            )
        ):
            yield finding(note, "tolerated_study_drug", mention.start, mention.end)


_RT = r"(?:(?:pelvic |external |beam |the |any )*(?:radiotherapy|rt|radiation(?: therapy)?|irradiation|radiation treatment|xrt))"
_CANNOT = r"(?:cannot|cant|can not|could not|couldnt|unable to|not able to|impossible to|never)"
_NO_RT = re.compile(
    rf"(?<!\S)(?:{_RT}(?: (?!if|when|until|now|today|this)\S+){{0,4}}? {_CANNOT} (?:safely |technically |ever |be )*(?:be )?(?:delivered|given|done|administered|performed|carried out|positioned|tolerated)"
    rf"|{_RT} (?:is |was |has been |would be |proved |proves )?(?:therefore |technically |medically |absolutely )*(?:impossible|contraindicated|contra indicated|precluded|not (?:technically |medically )?(?:possible|feasible|deliverable|practicable)|out of the question)"
    rf"|{_CANNOT} (?:lie|be positioned|be placed|lie flat|lie still|keep still|get onto|hold still|stay still)(?: \S+){{0,5}}? (?:for|so|during|in|on) (?:the )?(?:{_RT}|linac|treatment couch|planning ct)"
    rf"|(?:precludes?|prevents?|rules? out|rule out|excludes?|forbids?|forbid|makes? impossible) (?:any |all |pelvic )*{_RT}"
    rf"|(?:rad(?:iation)? ?onc\w*|radiotherapists?|radiation oncologists?|clinical oncolog\w+)(?: \S+){{0,5}}? (?:rules? it out|says? (?:it is )?impossible|cannot treat|declared it impossible))(?!\S)"
)


def _no_radiotherapy(note: Note) -> Iterator[Finding]:
    """'RT cannot be delivered', 'cannot lie still for radiotherapy', 'ankylosis precludes radiotherapy'."""
    for _, start, end in note.find(_NO_RT):
        home = note.segment(start)
        cues = [c for c in note.cues_around(start) if home.start <= c.start < end]
        if any(c.group == "kin" for c in cues) or re.search(
            r"(?<!\S)(?:not|never|if|unless|before|until|today|this week|yet)$", " ".join(note.before(start, 1))
        ):
            continue
        doubt = any(c.group == "uncertain" for c in cues) or re.match(
            r"(?:today|this week|now|until|yet|before|for now|unless|without)(?!\S)", " ".join(note.after(end, 2))
        )
        yield finding(note, "rt_impossible", start, end, assertion="uncertain" if doubt else "present")


def _allergy(note: Note, mention: Mention) -> Iterator[Finding]:
    if not mention.is_patient:
        return
    first, last = note.clause(mention.start)
    words = note.words(first, last)
    full = note.sentence_words(mention.start)
    drugs = [
        m
        for m in note.around(mention.start)
        if first <= m.start < last and (m.attributes.get("study") or _study_drug(note, m)) and m.is_patient
    ]
    near = [m for m in drugs if _linked(note, mention, m)]
    harmless = [
        m
        for m in note.around(mention.start)
        if first <= m.start < last and m.group == "allergen" and not m.attributes.get("study")
    ]
    if mention.assertion == "negated":
        plain = note.words(mention.start, mention.end) in {
            "allergy",
            "allergies",
            "drug allergy",
            "drug allergies",
            "allergic",
            "hypersensitivity",
            "allergic reactions",
        }
        named = plain and re.search(
            r"(?<!\S)to (?!any|the|study|drugs|medic|anything)", " ".join(note.after(mention.end, 2))
        )
        if not harmless and (near or (plain and not named)):
            yield finding(
                note, "no_allergy", mention.start, mention.end, {"other": _besides(note, mention)}, cue=mention.cue
            )
        return
    if near:
        if all(m.assertion == "negated" and not _denies_another(note, m) for m in near):
            return
        doubt = mention.assertion in {"uncertain", "planned", "hypothetical"} or any(
            m.assertion == "uncertain" for m in near
        )
        drug = near[0]
        yield finding(
            note,
            "allergy",
            min(mention.start, drug.start),
            max(mention.end, drug.end),
            {"study_drug": True, "to": note.words(drug.start, drug.end)},
            assertion="uncertain" if doubt else "present",
            cue=mention.cue,
        )
        return
    only = re.search(
        r"(?<!\S)(?:only|sole|alone|(?:his|her|the|my) (?:one|single) (?:known |drug )?allergy|one allergy|nothing else|no others?|solely|none other|nil else|just|nothing other|no other)(?!\S)",
        words,
    ) or re.search(
        r"(?<!\S)(?:otherwise (?:none|nil|no)|no others?|nothing else|none otherwise|no other allergies)(?!\S)", full
    )
    if only and mention.assertion == "present" and harmless:
        yield finding(note, "only_allergy", mention.start, max(mention.end, harmless[-1].end))
        return
    if mention.assertion in {"present", "uncertain"}:
        yield finding(note, "allergy", mention.start, mention.end, {"study_drug": False}, assertion=mention.assertion)


def _besides(note: Note, mention: Mention) -> bool:
    """'No other allergies': what was named before stands."""
    words = note.words(max(note.sentence(mention.start)[0], mention.start - 3), mention.end)
    return re.search(r"(?<!\S)(?:other|others|otherwise|further|else|additional|besides)(?!\S)", words) is not None


def _denies_another(note: Note, drug: Mention) -> bool:
    """'Could not breathe on oxaliplatin': the denial is the verb's, not the drug's."""
    return drug.cue.lower() in {"not", "cannot", "unable to", "could not"} and note.norms[
        drug.start - 1 : drug.start
    ] in (
        ["on"],
        ["with"],
        ["after"],
        ["during"],
        ["from"],
        ["under"],
    )


def _study_drug(note: Note, mention: Mention) -> bool:
    return (
        re.search(
            r"oxaliplatin|eloxatin|capecitabine|xeloda|5 fu|5fu|fluorouracil|fluoropyrimidine|penpulimab|platinum|capox|folfox|xelox|capeox|excipient|polysorbate",
            note.words(mention.start, mention.end),
        )
        is not None
    )


def _linked(note: Note, allergy: Mention, drug: Mention) -> bool:
    """'allergic to X', 'X allergy', 'anaphylaxis on X', 'X: anaphylaxis'."""
    if {"causes", "cause"} & set(note.norms[min(drug.end, allergy.end) : max(drug.start, allergy.start)]):
        return False
    if drug.start >= allergy.end:
        between = note.norms[allergy.end : drug.start]
        return len(between) <= 10 and not {".", ";"} & set(between)
    between = note.norms[drug.end : allergy.start]
    if re.match(
        r"(?:to|on|with|after|from|against) (?:it|this|that|the drug|this drug|the infusion)(?!\S)",
        " ".join(note.after(allergy.end, 2)),
    ):
        return len(between) <= 16 and not {".", ";"} & set(between)
    return len(between) <= 6 and not {".", ";"} & set(between)
