"""What the intent classifier sees of a text: words, characters, and tags for the things the lexicons name.

Codes, dates and figures are replaced by placeholders, so that 'P-0007' teaches nothing about P-0007; drugs and visits
keep their words and add a tag that English and Chinese share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise

from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.mentions import Mentions, read_mentions

#: Any day does: a placeholder stands for every date.
_ANY_DAY = date(2026, 6, 10)
_TOKEN = re.compile(r"x(?:participant|ticket|date|number)x|[a-zà-ɏ]+(?:['’][a-z]+)?|[㐀-鿿]+|[?!]|\d+")
_MOST_WORDS = 20_000
_HAN = re.compile(r"[㐀-鿿]+")
_PLACEHOLDERS = {"participant": " xparticipantx ", "ticket": " xticketx ", "date": " xdatex "}
CONTRACTIONS = {"whens": "when's", "whats": "what's", "hows": "how's", "wheres": "where's", "whos": "who's"}


@dataclass(frozen=True)
class Featured:
    """A text as features: `grams` by block (word, char, tag), and its plain `words` for the share of known ones."""

    grams: dict[str, tuple[str, ...]]
    words: tuple[str, ...]


class Featurizer:
    """Turns texts into features; holds the lexicon and nothing else."""

    blocks = ("word", "char", "tag", "concept")

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        #: what is known of words met before; asking some fifty expressions of each word anew would cost most of the time
        self._carried: dict[str, bool] = {}

    def mentions(self, text: str) -> Mentions:
        """What a text names, on no day in particular."""
        return read_mentions(self._lexicon, text, _ANY_DAY)

    def read(self, text: str) -> Featured:
        """The features of one text, by its own reading of the lexicons."""
        return self.of(self.mentions(text))

    def of(self, mentions: Mentions) -> Featured:
        """The features of a text that has been read already."""
        tokens = list(_tokens(_mask(mentions)))
        return Featured(
            grams={
                "word": tuple(_word_grams(tokens)),
                "char": tuple(_char_grams(tokens)),
                "tag": tuple(self._tags(mentions, tokens)),
                "concept": tuple(self._concepts(mentions)),
            },
            words=tuple(_plain_words(tokens)),
        )

    def carries(self, words: Iterable[str]) -> tuple[bool, ...]:
        """For each word, whether it alone carries an idea of this trial."""
        words = tuple(words)
        fresh = [word for word in words if word not in self._carried]
        if fresh:
            if len(self._carried) > _MOST_WORDS:
                self._carried.clear()
                fresh = list(words)
            self._carried.update(zip(fresh, self._lexicon.carries(fresh), strict=True))
        return tuple(self._carried[word] for word in words)

    def _tags(self, mentions: Mentions, tokens: list[str]) -> Iterator[str]:
        for kind, value, _, _ in mentions.tagged():
            yield f"has:{kind}"
            if kind in ("drug", "visit_class"):
                yield f"{kind}:{value}"
        if mentions.criteria:
            yield "has:criterion"
        if (scope := self._lexicon.read_scope(mentions.text)) is not None:
            yield f"scope:{scope}"
        if self._lexicon.prescribed.search(mentions.text):
            yield "prescribed"
        size = sum(len(token) if _HAN.fullmatch(token) else 2 for token in tokens if token not in "?!")
        yield f"size:{min(size // 4, 6)}"

    def _concepts(self, mentions: Mentions) -> Iterator[str]:
        """Ideas, and every two of them together; what is named (a drug, a date) counts as an idea."""
        named = dict.fromkeys(
            value if kind in ("drug", "visit_class") else kind for kind, value, _, _ in mentions.tagged()
        )
        ideas = [*self._lexicon.read_concepts(mentions.text), *(f"@{name}" for name in named)]
        yield from ideas
        yield from (f"{one}+{other}" for one, other in combinations(ideas, 2))


def _mask(mentions: Mentions) -> str:
    text, out, done = mentions.text, [], 0
    spans = sorted((start, end, kind) for kind, _, start, end in mentions.tagged() if kind in _PLACEHOLDERS)
    for start, end, kind in spans:
        if start >= done:
            out += [text[done:start], _PLACEHOLDERS[kind]]
            done = end
    out.append(text[done:])
    return "".join(out).lower().replace("’", "'")


def _tokens(masked: str) -> Iterator[str]:
    for token in _TOKEN.findall(masked):
        yield "xnumberx" if token.isdigit() else CONTRACTIONS.get(token, token)


def _word_grams(tokens: list[str]) -> Iterator[str]:
    """Words, pairs and skipping pairs; Chinese runs give their characters' pairs and triples as words."""
    words: list[str] = ["<"]
    for token in tokens:
        words += _han_words(token) if _HAN.fullmatch(token) else [token]
    words.append(">")
    yield from words[1:-1]
    yield from (f"{left} {right}" for left, right in pairwise(words))
    yield from (f"{left} _ {right}" for left, right in zip(words, words[2:], strict=False))


def _han_words(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def _char_grams(tokens: Iterable[str]) -> Iterator[str]:
    for token in tokens:
        if _HAN.fullmatch(token):
            padded = f"<{token}>"
            for size in (1, 2, 3, 4):
                yield from (padded[i : i + size] for i in range(len(padded) - size + 1))
        elif token[0].isalpha() and not token.startswith("x"):
            padded = f" {token} "
            for size in (3, 4, 5):
                yield from (padded[i : i + size] for i in range(len(padded) - size + 1))


def _plain_words(tokens: Iterable[str]) -> Iterator[str]:
    for token in tokens:
        if _HAN.fullmatch(token):
            yield from _han_words(token)
        elif token[0].isalpha() and not re.fullmatch(r"x\w+x", token):
            yield token
