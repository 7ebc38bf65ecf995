"""Sex: said outright, by a title, or by the pronouns."""

from __future__ import annotations

from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.age import MALE, SEX_OF_TITLE, STATED, TITLED, as_shorthand, someone_else
from bot.nlu.clinical.readers.common import finding
from bot.trial.facts import Finding

_SEX_WORDS = {
    **dict.fromkeys(
        [
            "male",
            "man",
            "gentleman",
            "gent",
            "chap",
            "boy",
            "widower",
            "bloke",
            "lad",
            "fellow",
            "mannlich",
            "homme",
            "hombre",
        ],
        "M",
    ),
    **dict.fromkeys(
        ["female", "woman", "lady", "girl", "widow", "housewife", "weiblich", "femme", "mujer", "patientin", "lass"],
        "F",
    ),
}


def read_sex(note: Note) -> Iterator[Finding]:
    for pattern in STATED:
        if "sex" not in pattern.groupindex:
            continue
        for match, start, end in note.find(pattern):
            if not someone_else(note, start, end) and as_shorthand(note, match, start, end):
                yield finding(note, "sex", start, end, {"code": "M" if match["sex"] in MALE.split("|") else "F"})
                return
    for i, word in enumerate(note.norms):
        if word in {"♂", "♀"}:
            yield finding(note, "sex", i, i + 1, {"code": "M" if word == "♂" else "F"})
            return
    for i, word in enumerate(note.norms):
        if word in _SEX_WORDS and not _another(note, i) and note.tokens[i].raw != "LAD":
            yield finding(note, "sex", i, i + 1, {"code": _SEX_WORDS[word]})
            return
    for i, word in enumerate(note.norms[:-1]):
        labelled = i > 0 and note.norms[i - 1] in {":", "sex", "gender"} and {"sex", "gender"} & set(note.before(i, 2))
        alone = (
            (i == 0 and note.tokens[0].raw in {"M", "F"})
            or (
                i > 0
                and note.tokens[i].raw in {"M", "F"}
                and note.norms[i - 1] in {":", ";", ","}
                and note.norms[i + 1] in {":", ";", ","}
                and note.layout.sentence_of(i) == 0
            )
            or (
                note.tokens[i].raw in {"M", "F"}
                and (
                    [w for w in note.norms[slice(*note.sentence(i))] if w != ";"] == [word]
                    or (
                        [w for w in note.norms[note.segment(i).start : note.segment(i).end] if w != "."] == [word]
                        and note.segment(i).link in {"start", ",", ";"}
                    )
                )
                and note.layout.sentence_of(i) < 6
            )
        )
        if word in {"m", "f"} and (labelled or alone):
            yield finding(note, "sex", i, i + 1, {"code": word.upper()})
            return
    for match, start, end in note.find(TITLED):
        yield finding(note, "sex", start, end, {"code": SEX_OF_TITLE[match["title"]]})
        return
    counts = {"M": 0, "F": 0}
    places: dict[str, int] = {}
    for i, word in enumerate(note.norms):
        code = {
            "he": "M",
            "his": "M",
            "him": "M",
            "himself": "M",
            "she": "F",
            "her": "F",
            "hers": "F",
            "herself": "F",
        }.get(word)
        if code:
            counts[code] += 1
            places.setdefault(code, i)
    for i, word in enumerate(note.norms):
        if (
            word in {"mr", "mrs", "ms", "miss"}
            and note.norms[i - 1 : i] != ["dear"]
            and not (counts["M"] + counts["F"])
        ):
            yield finding(note, "sex", i, i + 1, {"code": SEX_OF_TITLE[word]})
            return
    if counts["M"] or counts["F"]:
        code = "M" if counts["M"] > counts["F"] or (counts["M"] == counts["F"] and places["M"] < places["F"]) else "F"
        yield finding(note, "sex", places[code], places[code] + 1, {"code": code})


def stated_sex(note: Note) -> str:
    """`M` or `F` where a word other than a pronoun says so, else nothing."""
    for found in read_sex(note):
        if found.evidence.text.lower() not in {"he", "his", "him", "himself", "she", "her", "hers", "herself"}:
            return found.text("code")
    return ""


def _another(note: Note, i: int) -> bool:
    before = note.before(i, 2)
    return bool(
        set(before) & {"another", "other", "young", "if", "his", "her", "unrelated", "every", "women", "next", "each"}
    ) or note.norms[i + 1 : i + 2] in (["donor"], ["partner"], ["partners"], ["nurse"], ["colleague"], ["doctor"])
