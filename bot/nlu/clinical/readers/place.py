"""Where in the bowel the tumour sits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import Standing, finding
from bot.nlu.clinical.readers.measures import measures
from bot.nlu.clinical.readers.staging import in_doubt, of_another_cancer
from bot.trial.facts import Finding, Period


def rectum_named(note: Note) -> bool:
    """Whether the note names the rectum as the place of a tumour."""
    return any(m.attributes.get("site") == "rectum" and m.is_patient for m in note.of("site")) or any(
        "rect" in note.words(m.start, m.end) and m.is_patient for m in note.of("tumour", "course")
    )


def told_as_past(note: Note, mention: Mention) -> bool:
    """'CAPOX in 2011 for cancer of the caecum, in remission since': an earlier cancer, not the tumour of the note."""
    past = note.same_sentence(mention, "cancer_state", "operation", "treatment")
    return mention.historical or any(m.attributes.get("state") == "remission" or (m.dates and m.present) for m in past)


def places(note: Note) -> Iterator[Finding]:
    heights = measures(note)
    standing = Standing(note)
    statements = [(start, f"{low}-{high}", Period()) for start, _, low, high in heights]
    for i in sorted(standing.stands(statements)):
        start, end, low, high = heights[i]
        if of_another_cancer(note, start):
            continue
        yield finding(
            note,
            "tumour_height",
            start,
            end,
            {"low_mm": low, "high_mm": high},
            assertion="uncertain" if in_doubt(note, start, end) else "present",
        )
    yield from _thirds_after(note)
    yield from _thirds_apart(note)
    sites = []
    for mention in note.of("site"):
        if not mention.is_patient or not _tumour_site(note, mention):
            continue
        sites.append(mention)
    if not rectum_named(note):
        for mention in note.of("malignancy"):
            named = next(
                (
                    site
                    for stem, site in (("sigmoid", "sigmoid"), ("colon", "colon"), ("caec", "colon"))
                    if stem in note.words(mention.start, mention.end)
                ),
                None,
            )
            if named and mention.present and not mention.dates and not told_as_past(note, mention):
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


_LOW_DOWN = re.compile(
    r"(?<!\S)(?:rectal|bowel) (?:adenocarcinoma|adenoca|tumour|cancer|carcinoma|ca|lesion|growth|mass) (?:(?:,|is|it|lies|lying|sits|sitting|situated|very|quite|rather) ?)*(?P<third>low)(?: down| lying)(?!\S)"
)


def _thirds_apart(note: Note) -> Iterator[Finding]:
    """'a low-lying adenocarcinoma of the rectum', 'an adenocarcinoma low in the rectum'."""
    for pattern in (_FAR, _DOWN, _LOW_DOWN):
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
                if (
                    m.group in {"histology", "tumour"}
                    or (m.attributes.get("site") == "rectum" and not m.attributes.get("third"))
                )
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
        if alone and segment.link in {"start", ",", "-"} and segment.sentence:
            # 'Adenocarcinoma of the rectum. Low.', 'T3 N1, low.'
            groups = {m.group for m in note.in_sentence(segment.sentence)}
            before = {m.group for m in note.in_sentence(segment.sentence - 1)}
            if (
                groups & {"measure"} or (segment.link == "start" and before & {"histology", "site", "measure"})
            ) and rectum_named(note):
                yield finding(note, "rectal_third", at, at + 1, {"third": _THIRD[note.norms[at]]})
                continue
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
        segment.start <= day.start < segment.end
        and day.period.latest is not None
        and (note.today - day.period.latest).days > 365
        for day in note.dates_around(segment.start)
    ) and any(m.group in {"cancer_state", "treatment", "operation"} for m in near):
        # 'Sigmoid adenocarcinoma 2014 resected'
        return False
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
