"""Transplants: organs and stem cells, and whose they were."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Note, overlap
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.trial.facts import Finding

_FROM_OTHER = re.compile(
    r"(?<!\S)(?:from (?:a |an |his |her |the |one |another )?(?:\S+ )?(?:brother|sister|sibling|donor|unrelated|mother|father|cousin|twin|daughter|son|stranger|relative)|allogeneic|allogenic|allo|mud|haplo\w*|matched|unrelated|sibling|donor|cord blood|gvhd|graft versus host)(?!\S)"
)
_OWN = re.compile(r"(?<!\S)(?:autologous|auto|own|autograft|self)(?!\S)")


_ORGAN_CAME = re.compile(
    r"(?<!\S)(?:(?:kidneys?|liver|heart|lungs?|pancreas) (?:came|comes|is|was|stems) from (?:a|an|his|her|another|someone|the)(?: \S+)? ?(?:donor|brother|sister|mother|father|person|else|man|woman|stranger|cousin|wife|husband)"
    r"|received (?:a|his|her|one) (?:new )?(?:heart|kidney|liver|lung|pancreas)(?! (?:attack|scan|biopsy|stent|tablet|medication))"
    r"|(?:given|received|got|had|has) (?:his|her|a|the) (?P<kin>brother|sister|mother|father|cousin|son|daughter|sibling|donor|stranger) 's (?P<what>stem cells?|marrow|bone marrow|kidney|liver|cells))(?!\S)"
)


_CELLS = r"(?:stem cells?|bone marrow|marrow|sct|bmt|hsct|cells)"
_NEVER_RECEIVED = re.compile(
    rf"(?<!\S)(?:(?:grafts?|transplants?|transplantations?|tx)(?: ?(?::|-|,|\(|=|none|nil|no|of|for))* ?(?:no|nil|none|neither|never|0)(?: \()?(?: an?| any)? organs?(?: ?(?:,|/|and|or|nor|no|neither|nil|any))* {_CELLS}"
    rf"|(?:no|nil|none|never)(?: any)? (?:tx|grafts?|transplants?)(?: ?(?:\(|:|,|of|or|and|either))* organs?(?: ?(?:,|/|and|or|nor|no))* {_CELLS}"
    rf"|(?:never|not|neither|has no|no)(?: (?:ever|been|has|had|having|himself|herself))*(?: (?:received|given|had|got|been given|accepted))+ (?:an? |any |either )*(?:donor )?organs?(?: ?(?:,|/|and|or|nor|any|no))* {_CELLS}"
    rf"|(?:grafts?|transplants?|transplantations?|tx) ?\( ?organs?(?: ?(?:,|/|and|or))* {_CELLS} ?\) ?(?::|-)? ?(?:never|none|no|nil|negative)"
    rf"|no (?:graft|organ|organ graft)s?(?: ?(?:,|/|and|or|nor|any|no))* (?:transfusion|infusion|transplant\w*|graft|donation)s? of {_CELLS})(?!\S)"
)


def read_transplants(note: Note) -> Iterator[Finding]:
    """Organs and stem cells received, with the donor where it is said; what was given away is left out."""
    denied: list[tuple[int, int]] = []
    for _, start, end in note.find(_NEVER_RECEIVED):
        home = note.segment(start)
        if not any(c.group in {"kin", "uncertain"} and home.start <= c.start < end for c in note.cues_around(start)):
            denied.append((start, end))
            yield finding(note, "transplant", start, end, {"kind": "any"}, assertion="negated", cue="no")
    for match, start, end in note.find(_ORGAN_CAME):
        cells = match["what"] and ("cell" in match["what"] or "marrow" in match["what"])
        yield finding(note, "transplant", start, end, {"kind": "allogeneic" if cells else "organ"})
    for mention in note.of("transplant", "transplant_general", "transplant_organ_general"):
        if not mention.is_patient or overlap((mention.start, mention.end), denied):
            continue
        clause_words = note.words(*note.clause(mention.start))
        gave = list(note.same_clause(mention, "transplant_donor"))
        if gave and mention.assertion != "negated":
            continue
        if mention.assertion == "negated":
            kind = {"transplant_general": "any", "transplant_organ_general": "organ"}.get(
                mention.group, str(mention.attributes.get("kind"))
            )
            yield finding(
                note, "transplant", mention.start, mention.end, {"kind": kind}, assertion="negated", cue=mention.cue
            )
            continue
        if mention.assertion in {"planned", "hypothetical"}:
            continue
        kind = str(mention.attributes.get("kind", ""))
        if kind in {"stem_cell", ""}:
            sentence = note.sentence_words(mention.start)
            if kind == "" and not re.search(
                r"(?<!\S)(?:kidney|renal|liver|heart|lung|stem|marrow)(?!\S)", clause_words
            ):
                if mention.group == "transplant_organ_general" or re.search(r"(?<!\S)organ(?!\S)", clause_words):
                    kind = "organ"
                else:
                    continue
            elif kind == "" and re.search(r"(?<!\S)(?:kidney|renal|liver|heart|lung)(?!\S)", clause_words):
                kind = "organ"
            elif _OWN.search(sentence) and not _FROM_OTHER.search(sentence):
                kind = "autologous"
            elif _FROM_OTHER.search(sentence) and not _OWN.search(sentence):
                kind = "allogeneic"
            else:
                kind = "stem_cell"
        if kind == "autologous" and not re.search(
            r"(?<!\S)(?:stem|marrow|transplant\w*|rescue|sct|hsct|bmt|graft|pbsct|asct|cells)(?!\S)",
            note.sentence_words(mention.start),
        ):
            continue
        yield finding(
            note,
            "transplant",
            mention.start,
            mention.end,
            {"kind": kind},
            assertion=mention.assertion,
            when=dates_of(mention)[0],
            cue=mention.cue,
        )
