"""Dictated notes: spoken punctuation and numbers become what they stand for.

Only a note that shows it was dictated ('full stop', 'comma' or 'period' twice) is changed: 'colon' and 'period'
mean other things in a clinic.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from bot.nlu.clinical.forms import unfold
from bot.nlu.clinical.spelled import join_spelled
from bot.nlu.clinical.words import MONTH_NAMES, SMALL_NUMBERS
from bot.nlu.tokenizer import Piece

_UNITS = {word: i for i, word in enumerate(SMALL_NUMBERS)} | {"nought": 0, "naught": 0}
_TENS = {
    w: (i + 2) * 10
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
_ORDINALS = {
    w: i
    for i, w in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
        ],
        1,
    )
} | {"thirtieth": 30}
_SPOKEN = {
    ("full", "stop"): ".",
    ("new", "paragraph"): ".",
    ("new", "line"): ".",
    ("next", "line"): ".",
    ("open", "bracket"): "(",
    ("close", "bracket"): ")",
    ("open", "brackets"): "(",
    ("close", "brackets"): ")",
    ("question", "mark"): "?",
}
_MONTHS = frozenset(MONTH_NAMES)


def is_dictated(words: Sequence[str]) -> bool:
    """Whether punctuation was spoken: 'full stop', 'new paragraph', or 'comma' twice."""
    stops = sum(
        1 for pair in itertools.pairwise(words) if pair in {("full", "stop"), ("new", "paragraph"), ("new", "line")}
    )
    return stops + words.count("comma") >= 2 or words.count("period") >= 3 or words.count("stop") - stops >= 4


def rewrite(tokens: list[Piece]) -> list[Piece]:
    """Forms, dictation and interviews in the form of a written note."""
    return _run_on(_spoken(_measures(undictate(unfold(join_spelled(tokens))))))


_TNM_LETTERS = frozenset({"t", "n", "m"})


def _spoken(tokens: list[Piece]) -> list[Piece]:
    """Numbers in words where only a number can stand: 't three', 'stage three c', 'fifth of may nineteen fifty eight'."""
    words = [piece.norm for piece in tokens]
    if _UNITS.keys().isdisjoint(words) and _TENS.keys().isdisjoint(words) and _ORDINALS.keys().isdisjoint(words):
        return tokens
    out: list[Piece] = []
    i = 0
    while i < len(tokens):
        value, end = _number(words, i) if words[i] in _UNITS or words[i] in _TENS or words[i] in _ORDINALS else ("", i)
        before = words[i - 1] if i else ""
        year = len(value) == 4 and value[:2] in {"19", "20"} and (end - i > 1)
        day = value.endswith("th") and not _MONTHS.isdisjoint(words[end : end + 2])
        if end > i and before in _TNM_LETTERS and value in {"0", "1", "2", "3", "4"} and out:
            out[-1] = replace(out[-1], norm=out[-1].norm + value, end=tokens[end - 1].end)
        elif (end > i and (year or day or (before in {"stage", "stadium"} and value in {"1", "2", "3", "4"}))) or (
            end > i
            and before in {"ecog", "status", "who", "ps", "karnofsky", "kps"} | {"of"}
            and (before != "of" or {"karnofsky", "kps"} & set(words[max(0, i - 4) : i]))
        ):
            out.append(_joined(tokens, i, end, value))
        else:
            out.append(tokens[i])
            end = i + 1
        i = end
    return out


#: Words that open a new statement where nobody set a stop.
_OPENERS = frozenset(
    [
        "no",
        "never",
        "denies",
        "untreated",
        "newly",
        "ecog",
        "karnofsky",
        "hiv",
        "hbsag",
        "hepatitis",
        "pcr",
        "adenocarcinoma",
        "she",
        "he",
        "investigator",
        "contraception",
        "consent",
        "histology",
        "biopsy",
        "mri",
        "ct",
        "heart",
    ]
)
_JOINERS = frozenset(
    [
        "no",
        "not",
        "and",
        "or",
        "nor",
        "the",
        "of",
        "by",
        "with",
        "a",
        "an",
        "has",
        "had",
        "have",
        "on",
        "in",
        "at",
        "to",
        "for",
        "that",
        "which",
        "who",
        "his",
        "her",
        "via",
        "per",
        "other",
        "any",
        "against",
        "active",
        "known",
        "drug",
        "this",
        "said",
        "says",
        "sees",
        "finds",
        "knows",
        "found",
        "shows",
        "showed",
        "reports",
        "when",
        "then",
    ]
)
_SPOUSES = frozenset({"wife", "husband", "partner", "girlfriend", "boyfriend", "fiancee", "spouse"})
#: A text of so many words with fewer marks than one in so many words runs on.
_RUN_ON_WORDS, _RUN_ON_SHARE = 45, 30


def _run_on(tokens: list[Piece]) -> list[Piece]:
    """A transcript without stops gets one before each word that opens a statement."""
    if len(tokens) < _RUN_ON_WORDS:
        return tokens
    marks = sum(piece.norm in {".", ",", ";", ":", "?", "(", "/", "-"} or piece.breaks > 0 for piece in tokens)
    if marks * _RUN_ON_SHARE > len(tokens):
        return tokens
    out: list[Piece] = []
    for i, piece in enumerate(tokens):
        opens = piece.norm in _OPENERS or (
            piece.norm in {"his", "her"} and i + 1 < len(tokens) and tokens[i + 1].norm in _SPOUSES
        )
        if i and opens and tokens[i - 1].norm not in _JOINERS | {".", ",", ";", ":"}:
            at = tokens[i - 1].end
            out.append(Piece(";", ";", at, at, 0))
        out.append(piece)
    return out


_LENGTHS = frozenset(
    {
        "cm",
        "mm",
        "centimetre",
        "centimetres",
        "centimeter",
        "centimeters",
        "millimetre",
        "millimetres",
        "millimeter",
        "millimeters",
    }
)


def _measures(tokens: list[Piece]) -> list[Piece]:
    """'five centimetres' reads '5 cm' in every note."""
    words = [piece.norm for piece in tokens]
    if _LENGTHS.isdisjoint(words):
        return tokens
    out: list[Piece] = []
    i = 0
    while i < len(tokens):
        value, end = _number(words, i) if words[i] in _TENS or words[i] in _UNITS else ("", i)
        if end > i and value.isdigit() and words[end : end + 3] == ["and", "a", "half"]:
            value, end = f"{value}.5", end + 3
        if end > i and words[end : end + 1] and words[end] in _LENGTHS:
            out.append(_joined(tokens, i, end, value))
            i = end
        else:
            out.append(tokens[i])
            i += 1
    return out


def undictate(tokens: list[Piece]) -> list[Piece]:
    """The tokens with spoken marks and numbers replaced; evidence keeps the spoken words."""
    words = [piece.norm for piece in tokens]
    if not is_dictated(words):
        return tokens
    out: list[Piece] = []
    i = 0
    while i < len(tokens):
        pair = (words[i], words[i + 1]) if i + 1 < len(words) else ("", "")
        if pair in _SPOKEN:
            out.append(_joined(tokens, i, i + 2, _SPOKEN[pair]))
            i += 2
        elif words[i] in {"period", "stop"} and (words.count(words[i]) >= 3):
            out.append(_joined(tokens, i, i + 1, "."))
            i += 1
        elif words[i] == "comma":
            out.append(replace(tokens[i], norm=","))
            i += 1
        else:
            value, end = _number(words, i)
            if end > i and out and out[-1].norm in {"t", "n", "m"} and value in {"0", "1", "2", "3", "4"}:
                out[-1] = replace(out[-1], norm=out[-1].norm + value, end=tokens[end - 1].end)
                i = end
            elif end > i:
                out.append(_joined(tokens, i, end, value))
                i = end
            else:
                out.append(tokens[i])
                i += 1
    return out


def _joined(tokens: Sequence[Piece], first: int, last: int, norm: str) -> Piece:
    raw = norm if norm in {".", "(", ")", "?"} else " ".join(t.raw for t in tokens[first:last])
    return Piece(norm, raw, tokens[first].start, tokens[last - 1].end, tokens[first].breaks)


def _below_hundred(words: Sequence[str], i: int) -> tuple[int, int]:
    """A number under a hundred from word `i`, and the word after it; (-1, i) where there is none."""
    if i < len(words) and words[i] in _TENS:
        if i + 1 < len(words) and 0 < _UNITS.get(words[i + 1], 0) < 10:
            return _TENS[words[i]] + _UNITS[words[i + 1]], i + 2
        return _TENS[words[i]], i + 1
    if i < len(words) and words[i] in _UNITS:
        return _UNITS[words[i]], i + 1
    return -1, i


def _number(words: Sequence[str], i: int) -> tuple[str, int]:
    """The number said from word `i` in digits, and the word after it; ('', i) where there is none."""
    if words[i] in _ORDINALS and i + 1 < len(words) and (words[i + 1] == "of" or words[i + 1] in _MONTHS):
        return f"{_ORDINALS[words[i]]}th", i + 1
    if (
        words[i] in _TENS
        and i + 2 < len(words)
        and words[i + 1] in _ORDINALS
        and (words[i + 2] == "of" or words[i + 2] in _MONTHS)
    ):
        return f"{_TENS[words[i]] + _ORDINALS[words[i + 1]]}th", i + 2
    first, after = _below_hundred(words, i)
    if first < 0:
        return "", i
    if first == 2 and words[after : after + 1] == ["thousand"]:
        rest = after + 1 + (words[after + 1 : after + 2] == ["and"])
        year, end = _below_hundred(words, rest)
        return (str(2000 + year), end) if year >= 0 else ("2000", after + 1)
    if first in (19, 20):
        second, end = _below_hundred(words, after)
        if second >= 10:
            return f"{first}{second:02d}", end
    if words[after : after + 1] == ["point"]:
        second, end = _below_hundred(words, after + 1)
        if 0 <= second < 10:
            return f"{first}.{second}", end
    return str(first), after
