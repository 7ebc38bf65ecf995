"""Ward lists and clinic lists: which part of a note speaks of other patients."""

from __future__ import annotations

import re

from bot.nlu.clinical.note import Note

_PLACE = re.compile(
    r"(?:bed|room|bay|side room|slot|chair|cubicle|case|pt|patient|no|nr) (?:no |nr |\. |# )*[a-z]?\d{1,3}[a-z]?(?= |$)"
)


def other_patients(note: Note) -> list[tuple[int, int]]:
    """Token ranges of entries ('Bed 4 ...') that are not the one with the rectal tumour; none where that is not clear."""
    heads: list[tuple[int, str]] = []
    for first, last in note.layout.sentences:
        begins = first == 0 or note.tokens[first].breaks > 0
        match = _PLACE.match(note.words(first, min(last, first + 5))) if begins else None
        if match:
            heads.append((first, match.group()))
    if len({head for _, head in heads}) < 2:
        return []
    ends = [first for first, _ in heads[1:]] + [len(note.norms)]
    entries = [(first, end) for (first, _), end in zip(heads, ends, strict=True)]
    own = [
        (first, end)
        for first, end in entries
        if any(
            first <= m.start < end and (m.group == "histology" or m.attributes.get("site") == "rectum")
            for m in note.of("histology", "site")
        )
    ]
    return [entry for entry in entries if entry not in own] if len(own) == 1 else []
