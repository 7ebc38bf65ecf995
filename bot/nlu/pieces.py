"""Signs of illness in long messages: read piece by piece, to the last word, at a cost that grows with the length alone.

Whether a sign is denied, asked about or somebody else's is told by the words around it, and looking for those in a text of
thousands of words costs the square of its length and more. A person's message is a few sentences; what is longer is cut
where a sentence ends. A denial or a relative does not reach over a cut, so that a cut can raise an alarm, never hide one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from bot.nlu.symptoms import SymptomReader
from bot.trial.triage import SymptomFinding

#: Longer messages are cut; at most so many characters are read at once, and of Chinese, where each is a word, fewer.
LONGEST_PIECE, LONGEST_CHINESE_PIECE = 1_500, 400
_HAN = re.compile(r"[㐀-䶿一-鿿]")
#: Where there is no better place to cut, so much is read twice: no word or phrase is lost in a cut.
_OVERLAP = 60
_END = re.compile(r"[.!?。！？；;\n]+\s*")
_BLANK = re.compile(r"[\s,，、]+")


class _Reads(Protocol):
    def read(self, text: str) -> tuple[SymptomFinding, ...]: ...

    def speaks_of_body(self, text: str) -> bool: ...


class PiecewiseReader:
    """Reads signs of illness in messages of any length."""

    def __init__(self, reader: _Reads) -> None:
        self._reader = reader

    @classmethod
    def load(cls) -> PiecewiseReader:
        """With the shipped lexicon.

        Raises:
            LexiconError: a lexicon file is missing or broken.
        """
        return cls(SymptomReader.load())

    def read(self, text: str) -> tuple[SymptomFinding, ...]:
        """Every sign named in the message, with its status; the same one in several pieces once."""
        if len(text) <= LONGEST_CHINESE_PIECE:
            return self._reader.read(text)
        found = (one for piece in pieces(text) for one in self._reader.read(piece))
        return tuple({(one.concept, one.status, tuple(sorted(one.measures.items()))): one for one in found}.values())

    def speaks_of_body(self, text: str) -> bool:
        """Whether any piece speaks of somebody's body or how they feel."""
        return any(self._reader.speaks_of_body(piece) for piece in pieces(text))


def pieces(text: str) -> Iterator[str]:
    """The text in pieces, each cut behind its last sentence, else at a blank or comma."""
    longest = LONGEST_CHINESE_PIECE if _HAN.search(text) else LONGEST_PIECE
    start = 0
    while len(text) - start > longest:
        end, following = _cut(text, start, longest)
        yield text[start:end]
        start = following
    yield text[start:]


def _cut(text: str, start: int, longest: int) -> tuple[int, int]:
    """Where the piece from `start` ends, and where the next one begins."""
    half, last = start + longest // 2, start + longest
    for pattern in (_END, _BLANK):
        place = max((match.end() for match in pattern.finditer(text, half, last)), default=None)
        if place is not None:
            return place, place if pattern is _END else place - _OVERLAP
    return last, last - _OVERLAP
