"""From a message to tokens that the lexicon can be matched on.

Patients misspell, dictate, and mix two languages. Every token is reduced to a *key*: a light stem, a known spelling
variant, or the one lexicon word within reach of a typing error. A token that the lexicon does not know becomes `_`, so
that nothing a person types is ever stored in the shared vocabulary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA

#: The key of every token that the lexicon does not know.
UNKNOWN: Final = "_"

#: What is one token though it looks like several: 'could not' is 'cannot', a participant's code is no figure, and the
#: third character of 卡培他滨 (capecitabine) is no 'he'.
_WHOLE: Final = (
    r"(?:can|could)\s+not(?![a-z])|(?:unable|not able|not possible|incapable) to(?![a-z])|"
    r"(?<![a-z0-9])p-?(?:0\d{2,3}|[1-9])(?!\d)|(?<![\d.,])00\d\d(?![\d.,])|(?<![\d.,/:-])0[1-9]\d\d(?![\d.,/:-])|卡培他滨"
)
_CODE: Final = re.compile(r"p?-?0\d{2,3}|p-?[1-9]")
#: The key of a participant's code, P-0107 or 0107.
CODE_KEY: Final = "participantcode"
_CANNOT: Final = re.compile(r"(?:can|could)\s+not|(?:unable|not able|not possible|incapable) to")
_TOKEN: Final = re.compile(_WHOLE + r"|[\u3400-\u9fff]|\d+(?:[.,:/]\d+)*|[a-z]+(?:'[a-z]+)*|\n|\.{2,}|[^\sa-z0-9]")
_CJK: Final = re.compile(r"[\u3400-\u9fff]")
_SENTENCE_END: Final = frozenset({".", "!", "?", ";", "\n", "。", "！", "？", "；", "…"})
_QUESTION: Final = frozenset({"?", "？"})
_LIGHT: Final = frozenset({",", "，", "、", "-", "–", "—", "(", ")", ":", "：", '"', "'", "/"})
_SAME: Final = {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "“": '"', "”": '"', "﹐": ",", "º": "°", "˚": "°"}
_VOWEL: Final = re.compile(r"[aeiouy]")
_SHORTEST_FUZZY: Final = 5
_LONG_WORD: Final = 8


@dataclass(frozen=True)
class Token:
    """One token: its key, where it stands in the message, and its place among the others.

    Attributes:
        key: what the lexicon is matched on.
        start, end: offsets in the message.
        sentence: number of its sentence.
        at: distance from the start in words (a Chinese character counts as half of one).
    """

    key: str
    start: int
    end: int
    sentence: int
    at: float


def normalise(text: str) -> str:
    """The message in plain lower case, of the same length, so that offsets hold."""
    return "".join(map(_plain_character, text))


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    if character in _SAME:
        return _SAME[character]
    folded = unicodedata.normalize("NFKC", character).lower()
    if len(folded) != 1:
        return character
    base = unicodedata.normalize("NFD", folded)[0] if folded.isalpha() and not _CJK.match(folded) else folded
    return _SAME.get(base, base)


def stem(word: str) -> str:
    """A light stem of an English word, the same for lexicon and message: vomits, vomited, vomiting -> vomit."""
    word = word.removesuffix("'s")
    if len(word) < 4 or not word.isalpha():
        return word
    for suffix, shortest in (("ness", 7), ("ing", 6), ("ed", 5)):
        if (
            word.endswith(suffix)
            and len(word) >= shortest
            and not word.endswith("eed")
            and _VOWEL.search(word[: -len(suffix)])
        ):
            word = _undoubled(word[: -len(suffix)])
            break
    else:
        if word.endswith("ies") and len(word) > 4:
            word = word[:-3] + "y"
        elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "y" if len(word) > 3 and word.endswith("i") else word


def _undoubled(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl" else word


def _canonical(word: str) -> str:
    """One spelling of what `_WHOLE` joins."""
    if _CODE.fullmatch(word):
        return CODE_KEY
    return "cannot" if _CANNOT.fullmatch(word) else word


def split_words(phrase: str) -> list[str]:
    """The raw tokens of a phrase of the lexicon or of a normalised message."""
    return _TOKEN.findall(phrase)


class KeyMaker:
    """Turns raw tokens into lexicon keys."""

    def __init__(self, spellings: Mapping[str, str], ordinary: Iterable[str]) -> None:
        """`spellings` maps a variant to the word it stands for; `ordinary` are words never taken for a misspelling."""
        self._spellings = dict(spellings)
        self._ordinary = frozenset(ordinary)
        self._known: set[str] = set()
        self._by_letter: dict[str, list[str]] = {}
        self._forms: dict[str, dict[str, str]] = {}
        self._cached = lru_cache(maxsize=8192)(self._key)

    def learn(self, phrase: str) -> list[str]:
        """The keys of a lexicon phrase, which become known."""
        words = [self._spellings.get(word, word) for word in map(_canonical, split_words(phrase))]
        keys = [stem(word) for word in words]
        for word, key in zip(words, keys, strict=True):
            if len(word) > len(key) and len(word) > _SHORTEST_FUZZY and word.isascii() and word.isalpha():
                self._forms.setdefault(word[0], {})[word] = key
        for key in keys:
            if key not in self._known:
                self._known.add(key)
                if len(key) >= _SHORTEST_FUZZY - 1 and key.isascii() and key.isalpha():
                    self._by_letter.setdefault(key[0], []).append(key)
        return keys

    def key(self, word: str) -> str:
        """The lexicon key of a raw token of a message, or `_`."""
        return self._cached(word) if len(word) <= 40 else UNKNOWN

    def _key(self, word: str) -> str:
        word = self._spellings.get(word := _canonical(word), word)
        key = stem(word)
        if key in self._known:
            return key
        # 'soooo', 'paaain': a letter held down
        squeezed = stem(re.sub(r"(.)\1{2,}", r"\1\1", word))
        if squeezed in self._known:
            return squeezed
        single = stem(re.sub(r"(.)\1+$", r"\1", word))
        return single if len(single) >= 4 and single in self._known else self._misspelt(word, key)

    def _misspelt(self, word: str, key: str) -> str:
        if len(word) < _SHORTEST_FUZZY or not word.isalpha() or word in self._ordinary:
            return UNKNOWN
        best, best_distance = UNKNOWN, 3
        for known in self._by_letter.get(key[0], ()):
            allowed = 2 if min(len(known), len(key)) >= _LONG_WORD else 1
            distance = OSA.distance(key, known, score_cutoff=allowed)
            if distance <= allowed and distance < best_distance:
                best, best_distance = known, distance
        if best == UNKNOWN:
            # 'closng' is further from the stem 'clos' than from the word itself
            forms = self._forms.get(word[0], {})
            best = next((forms[form] for form in forms if OSA.distance(word, form, score_cutoff=1) <= 1), UNKNOWN)
        return best

    def _exact(self, word: str) -> bool:
        return stem(word) in self._known or word in self._ordinary

    def slipped(self, one: str, other: str) -> tuple[str, str] | None:
        """The keys of two words between which the space slipped by a letter ('ches tpain'), or None."""
        if len(other) < 4 or len(one) < 3 or not (one + other).isalpha() or not (one + other).isascii():
            return None
        if self._exact(one) or self._exact(other):
            return None
        for first, second in ((one + other[0], other[1:]), (one[:-1], one[-1] + other)):
            keys = stem(first), stem(second)
            if min(map(len, keys)) >= 3 and all(key in self._known for key in keys):
                return keys
        return None

    def guesses(self, word: str) -> str:
        """What an unknown word would be taken for; what the list of ordinary words is built with."""
        return UNKNOWN if stem(word) in self._known else self._misspelt(word, stem(word))


def tokenise(plain: str, keys: KeyMaker) -> tuple[list[Token], frozenset[int]]:
    """The tokens of a normalised message, and the numbers of the sentences that end in a question mark."""
    tokens: list[Token] = []
    questions: set[int] = set()
    sentence, at = 0, 0.0
    for match in _TOKEN.finditer(plain):
        raw = match.group()
        key = keys.key(raw)
        if tokens and tokens[-1].end + 1 == match.start() and tokens[-1].sentence == sentence:
            before = tokens[-1]
            slipped = keys.slipped(plain[before.start : before.end], raw)
            if slipped is not None:
                tokens[-1] = Token(slipped[0], before.start, before.end, sentence, before.at)
                key = slipped[1]
        tokens.append(Token(key, match.start(), match.end(), sentence, at))
        if _CJK.match(raw):
            at += 0.5 * len(raw)
        elif raw not in _LIGHT or raw in ",，、(":
            at += 1.0
        if raw in _SENTENCE_END or raw.startswith(".."):
            if raw in _QUESTION:
                questions.add(sentence)
            sentence += 1
    return tokens, frozenset(questions)
