"""Misspelt words set right by the words that questions are made of, before anything else reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from rapidfuzz.distance import DamerauLevenshtein
from rapidfuzz.process import extract

_WORD = re.compile(r"(?<![\w'’-])[A-Za-z]{3,}(?![\w'’-])")


class Speller:
    """Knows words in order of how common they are; the commonest near one replaces an unknown word.

    Cautious on purpose: the first letter must be right; one slip is allowed, two from eight letters on; in words of
    three or four letters only a letter left out or two swapped, never one for another; names (a capital inside a
    sentence) stay as they are.
    """

    def __init__(self, ranks: Mapping[str, int], is_known: Callable[[str], bool]) -> None:
        self._ranks = {word: rank for word, rank in ranks.items() if word.isascii() and len(word) > 2}
        self._words = list(self._ranks)
        self._is_known = is_known

    def text(self, text: str) -> str:
        """The text with misspelt words set right."""
        if not re.search(r"[A-Za-z]{3}", text):
            return text
        return _WORD.sub(self._replace, text)

    def word(self, word: str) -> str:
        """One word in small letters, set right where something near is known."""
        if len(word) < 3 or word in self._ranks or not word.isascii() or self._is_known(word):
            return word
        slips = 1 if len(word) < 8 else 2
        near = extract(word, self._words, scorer=DamerauLevenshtein.distance, score_cutoff=slips, limit=12)
        alike = [(distance, self._ranks[match], match) for match, distance, _ in near if _alike(word, match)]
        return min(alike)[2] if alike else word

    def _replace(self, match: re.Match[str]) -> str:
        word = match[0]
        if word.isupper() or (word[0].isupper() and match.start() > 0):
            return word
        right = self.word(word.lower())
        return word if right == word.lower() else right


def _alike(word: str, match: str) -> bool:
    if match[0] != word[0]:
        return False
    if len(word) > 4:
        return len(match) > 3
    return len(match) == len(word) + 1 or (len(word) == 4 and sorted(match) == sorted(word))
