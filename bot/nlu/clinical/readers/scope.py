"""How far the words of a note go on speaking of one illness."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.nlu.clinical.note import Mention, Note

_OF_BLOOD = re.compile(r"leukaemia|lymphoma|myeloma|hodgkin|^(?:aml|all|cml|cll|mds|nhl|dlbcl)$|myelo")


def scope_of(note: Note, mention: Mention, rivals: Sequence[Mention]) -> tuple[int, int]:
    """The words that go on speaking of an illness: to the next one of its kind, over a following bare sentence."""
    number = note.layout.sentence_of(mention.start)
    first, last = note.layout.sentences[number]
    for step in (1, 2) if mention.group == "malignancy" else (1,):
        if number + step >= len(note.layout.sentences):
            break
        begin, end = note.layout.sentences[number + step]
        if any(
            m.group in _TOPICS or m.group in {"consent", "measure"}
            for m in note.around(mention.start)
            if begin <= m.start < end and not _speaks_on(note, m, mention)
        ):
            break
        last = end
    for rival in rivals:
        if rival is not mention and mention.end <= rival.start < last:
            last = _cut_before(note, mention, rival)
        elif rival is not mention and first <= rival.start < mention.start:
            first = (
                mention.start if note.segment(rival.start).index != note.segment(mention.start).index - 99 else first
            )
    return first, last


def _speaks_on(note: Note, other: Mention, mention: Mention) -> bool:
    """Words that belong to the illness spoken of: 'no treatment now', 'no recurrence', a lung it was treated for."""
    if mention.group == "malignancy" and other.group == "transplant":
        # Leukaemia is treated with somebody's marrow.
        return _OF_BLOOD.search(note.words(mention.start, mention.end)) is not None
    if other.group == "operation":
        return any(m.group == "cancer_state" and m.start <= other.start < m.end for m in note.around(mention.start))
    return other.group in {"untreated", "course", "fertility", "partial_untreated"} or (
        mention.group == "malignancy" and other.group in {"lung", "tumour"} and other.concept != "tumour_word"
    )


def _cut_before(note: Note, mention: Mention, rival: Mention) -> int:
    """Two illnesses in one list item share what follows ('psoriasis and vitiligo, both on creams only')."""
    between = note.norms[mention.end : rival.start]
    if set(between) <= {"and", "&", "/", ",", "plus"}:
        following = note.sentence(rival.start)[1]
        return following
    segment = note.segment(rival.start)
    return max(segment.start if segment.start > mention.end else rival.start, mention.end)


_TOPICS = frozenset(
    {
        "malignancy",
        "autoimmune",
        "cardiovascular",
        "transplant",
        "tumour",
        "histology",
        "site",
        "hepatitis",
        "infection_hiv",
        "lung",
        "stoma",
        "operation",
        "vaccine",
        "trial",
        "course",
        "msi",
        "mmr",
        "metastasis",
        "lesion",
        "contraception",
        "fertility",
        "allergy",
        "allergy_none",
        "obstruction",
        "malignancy_general",
        "autoimmune_general",
        "cardio_general",
        "infection_general",
        "cardiovascular_minor",
        "other_illness",
        "investigator",
        "organ",
        "untreated",
    }
)
