"""Spelling: British and American forms are one, and typing errors in clinical words are forgiven.

A word the lexicon does not know is read as the one word of a list (`corrected_to` in `spelling.yml`) that is one
slip away (two, from nine letters on): a letter lost, added, changed or swapped with its neighbour. Real words are
never changed; those that lie close to a listed word are listed too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ruamel.yaml import YAML

_MIN_LENGTH = 5
_TWO_SLIPS_FROM = 9
_TWO_SLIPS = 2
#: From so many letters on, shorthand may leave out two of a long word ('infectn', 'obstructd').
_SHORTHAND_FROM = 6
_CACHE_LIMIT = 50_000


def slips(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance of two words, or `limit` + 1 where it is more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        current = [i]
        for j, cb in enumerate(b, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (ca != cb))
            if i > 1 and j > 1 and ca == b[j - 2] and a[i - 2] == cb:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, previous = previous, current
    return previous[-1]


def _deletions(word: str, depth: int) -> set[str]:
    found = {word}
    layer = {word}
    for _ in range(depth):
        layer = {w[:i] + w[i + 1 :] for w in layer for i in range(len(w))}
        found |= layer
    return found


class Speller:
    """Maps a word to its reading form; remembers what it has seen, within bounds."""

    def __init__(self, variants: Mapping[str, str], corrected_to: Iterable[str], real_words: Iterable[str]) -> None:
        self._variants = dict(variants)
        self._known: set[str] = set(real_words)
        self._index: dict[str, set[str]] = {}
        self._cache: dict[str, str] = {}
        for word in set(corrected_to):
            self._known.add(word)
            for key in _deletions(word, self._depth(word)):
                self._index.setdefault(key, set()).add(word)

    @classmethod
    def from_file(cls, path: Path) -> Speller:
        """Reads `variants` (word: reading form), `corrected_to` and `real_words` (never corrected)."""
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        targets = [word for line in content["corrected_to"] for word in str(line).split()]
        words = [word for line in content["real_words"] for word in str(line).split()]
        return cls({str(k): str(v) for k, v in content["variants"].items()}, targets, words)

    def learn(self, words: Iterable[str]) -> None:
        """Adds words of the lexicon: they are right as they stand."""
        self._known |= {self._variants.get(word, word) for word in words}
        self._cache.clear()

    @staticmethod
    def _depth(word: str) -> int:
        return 2 if len(word) >= _TWO_SLIPS_FROM else 1

    def __call__(self, word: str) -> str:
        done = self._cache.get(word)
        if done is None:
            if len(self._cache) > _CACHE_LIMIT:
                self._cache.clear()
            done = self._cache[word] = self._variants.get(word) or self._correct(word)
        return done

    def _correct(self, word: str) -> str:
        if len(word) < _MIN_LENGTH or len(word) > 30 or not word.isalpha() or word in self._known:
            return word
        limit = self._depth(word)
        candidates: set[str] = set()
        for key in _deletions(word, limit):
            candidates |= self._index.get(key, set())
        ranked = sorted(
            (distance, candidate)
            for candidate in candidates
            if (distance := slips(word, candidate, _TWO_SLIPS))
            <= (_TWO_SLIPS if len(word) >= _SHORTHAND_FROM and _left_out(word, candidate) else limit)
            and candidate[0] == word[0]
            and not _inflection(word, candidate)
        )
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            # 'obstructd' is 'obstructed' rather than 'obstruct': of two forms of a word the one with the same ending.
            ranked.sort(key=lambda pair: (pair[0], pair[1][-1] != word[-1]))
            if (
                ranked[0][1][-1] == word[-1] != ranked[1][1][-1]
                and len(_common_prefix(ranked[0][1], ranked[1][1])) >= _MIN_LENGTH
            ):
                return ranked[0][1]
        if not ranked or (
            len(ranked) > 1 and ranked[0][0] == ranked[1][0] and not _siblings(ranked[0][1], ranked[1][1])
        ):
            return word
        return ranked[0][1]


def _left_out(word: str, candidate: str) -> bool:
    """Whether the word is a long candidate with letters left out, none changed and none added."""
    letters = iter(candidate)
    return len(candidate) >= _TWO_SLIPS_FROM and all(letter in letters for letter in word)


def _siblings(a: str, b: str) -> bool:
    """Singular and plural of one word: either will do."""
    return a + "s" == b or b + "s" == a


def _inflection(word: str, other: str) -> bool:
    """Whether the two differ by an ending only, and so are both right."""
    stem = len(_common_prefix(word, other))
    if word[stem:] == "d" and word[stem - 1] not in "aeiouy":
        # 'obstructd' is no word beside 'obstructed'.
        return False
    return stem >= 4 and {word[stem:], other[stem:]} <= {
        "",
        "s",
        "d",
        "r",
        "ed",
        "es",
        "e",
        "ly",
        "al",
        "y",
        "ing",
        "er",
        "or",
    }


def _common_prefix(a: str, b: str) -> str:
    length = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:length]
