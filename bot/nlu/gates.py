"""Which of many regular expressions can match a text at all, told by the letters that it holds.

Most expressions of a lexicon name words, and most messages hold none of them. What every match of an expression has to
contain is worked out once from its parse tree; a text's pieces of one to three letters then rule most expressions out
without running them. It is exact where it rules out: an expression that could match is always let through.
"""

from __future__ import annotations

import re
import sre_constants as sre
import sre_parse
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

#: Expressions that need one of more words than this are let through: a gate of many small holes holds nothing.
_MOST_WORDS = 400
#: A set of characters is spelled out up to this many.
_MOST_CHARACTERS = 12
#: How much of a needed word is looked at.
_GRAM = 3
#: Letters that count as the same where case is ignored, and that `casefold` keeps apart.
_ALIKE = str.maketrans({"İ": "i", "ı": "i"})

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_WIDTHLESS = (sre.AT, sre.ASSERT_NOT)

Words = frozenset[str]


def plain(text: str) -> str:
    """The text as gates compare it: what an expression that ignores case takes for the same is the same here."""
    if text.isascii():
        return text.lower()
    return text.translate(_ALIKE).casefold()


@lru_cache(maxsize=16)
def grams(text: str) -> frozenset[str]:
    """All pieces of one to three characters of a text."""
    letters = plain(text)
    pairs = map("".join, pairwise(letters))
    triples = map("".join, zip(letters, letters[1:], letters[2:], strict=False))
    return frozenset((*letters, *pairs, *triples))


class Gate:
    """The expressions of one table, in their order, and which of them a text lets through."""

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        self._always = 0
        self._open_to: dict[str, int] = {}
        for place, pattern in enumerate(patterns):
            needed = needs(pattern)
            if needed is None:
                self._always |= 1 << place
            for gram in needed or ():
                self._open_to[gram] = self._open_to.get(gram, 0) | 1 << place
        self._grams = frozenset(self._open_to)

    def through(self, text: str) -> Iterator[int]:
        """The places of the expressions that may match, in order; any other one cannot."""
        left = self._always
        for gram in grams(text) & self._grams:
            left |= self._open_to[gram]
        while left:
            lowest = left & -left
            yield lowest.bit_length() - 1
            left ^= lowest


def may_match(pattern: re.Pattern[str], text: str) -> bool:
    """Whether an expression can match anywhere in a text; false is certain, true is not."""
    needed = needs(pattern)
    return needed is None or not needed.isdisjoint(grams(text))


@lru_cache(maxsize=4096)
def needs(pattern: re.Pattern[str]) -> Words | None:
    """Pieces of one to three characters of which every match contains one; None where nothing is sure.

    A match also counts what it looks at before and after itself (lookaheads, lookbehinds): that is in the text, too.
    """
    words = _of_sequence(sre_parse.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    if words is None or len(words) > _MOST_WORDS or "" in words:
        return None
    return frozenset(_rarest(word) for word in words)


def _rarest(word: str) -> str:
    """The piece of a word that fewest texts hold, as far as its letters tell."""
    pieces = [word[i : i + _GRAM] for i in range(max(1, len(word) - _GRAM + 1))]
    return max(pieces, key=lambda piece: sum(letter not in " eationsrhldm" for letter in piece))


def _of_sequence(items: Any) -> Words | None:
    """What a sequence needs: the best of what its parts need, where letters side by side make one word."""
    best: Words | None = None
    run: Words | None = None
    for operation, value in items:
        if operation in _WIDTHLESS:
            continue  # takes no characters: what stands before and after it is side by side
        spelled = _spelled(operation, value)
        if spelled is not None:
            joined = None if run is None else _side_by_side(run, spelled)
            best, run = (best, joined) if joined is not None else (_better(best, run), spelled)
            continue
        best, run = _better(best, run), None
        best = _better(best, _of_one(operation, value))
    return _better(best, run)


def _spelled(operation: Any, value: Any) -> Words | None:
    """What one character, or one of a few, can be."""
    if operation is sre.LITERAL:
        return frozenset({plain(chr(value))})
    if operation is not sre.IN:
        return None
    found: set[str] = set()
    for kind, item in value:
        if kind is sre.LITERAL:
            found.add(plain(chr(item)))
        elif kind is sre.RANGE and item[1] - item[0] < _MOST_CHARACTERS:
            found.update(plain(chr(code)) for code in range(item[0], item[1] + 1))
        else:
            return None
    return frozenset(found) if 0 < len(found) <= _MOST_CHARACTERS else None


def _side_by_side(one: Words, other: Words) -> Words | None:
    """Every word of the one with every word of the other after it; None where these are too many."""
    if len(one) * len(other) > _MOST_CHARACTERS:
        return None
    return frozenset(first + second for first in one for second in other)


def _of_one(operation: Any, value: Any) -> Words | None:
    """What one part of a sequence needs."""
    if operation is sre.SUBPATTERN:
        return _of_sequence(value[-1])
    if operation is sre.BRANCH:
        found: set[str] = set()
        for way in value[1]:
            needed = _of_sequence(way)
            if needed is None:
                return None
            found |= needed
        return frozenset(found)
    if operation in _REPEATS:
        least, _, inner = value
        return _of_sequence(inner) if least else None
    if operation is sre.ASSERT:
        return _of_sequence(value[1])
    return _spelled(operation, value)


def _better(one: Words | None, other: Words | None) -> Words | None:
    """Which of two needs rules more out: longer words, then fewer of them."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=_worth)


def _worth(words: Words) -> tuple[int, int]:
    shortest = min(map(_weight, words))
    return min(shortest, _GRAM), -len(words)


def _weight(word: str) -> int:
    """How much a word rules out; a Chinese character as much as three letters."""
    return sum(_GRAM if letter > "\u2e80" else 1 for letter in word)
