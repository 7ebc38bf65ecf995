"""A note as the readers see it: words, layout, mentions with their context, dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal

from bot.nlu.clinical.sections import Layout, Segment
from bot.nlu.gates import grams, needs
from bot.nlu.tokenizer import Piece
from bot.trial.facts import Period

Assertion = Literal["present", "negated", "uncertain", "planned", "hypothetical"]


@dataclass
class Mention:
    """A concept named in the note, with what its surroundings say about it."""

    concept: str
    group: str
    attributes: dict[str, Any]
    start: int
    end: int
    segment: int
    assertion: Assertion = "present"
    affirmed: bool = False
    experiencer: str = "patient"
    historical: bool = False
    superseded: bool = False
    cue: str = ""
    dates: list[DateMention] = field(default_factory=list)

    @property
    def is_patient(self) -> bool:
        """Whether it is said of the patient and not taken back."""
        return self.experiencer == "patient" and not self.superseded

    @property
    def present(self) -> bool:
        return self.assertion == "present" and self.is_patient and not self.superseded

    @property
    def negated(self) -> bool:
        return self.assertion == "negated" and self.is_patient and not self.superseded

    @property
    def unsure(self) -> bool:
        return self.assertion == "uncertain" and self.is_patient and not self.superseded


@dataclass
class DateMention:
    """A date expression: `period` bounds the day; `role` is `at`, `since`, `until` or `for` (a duration)."""

    start: int
    end: int
    period: Period
    role: str = "at"


class Note:
    """Words and layout of one note, and helpers to look around in it."""

    def __init__(self, text: str, tokens: Sequence[Piece], norms: list[str], today: date) -> None:
        self.text = text
        self.tokens = tokens
        self.norms = norms
        self.today = today
        self.mentions: list[Mention] = []
        self.cues: list[Mention] = []
        self.dates: list[DateMention] = []
        self.layout: Layout
        self._indexed: _Index | None = None

    @cached_property
    def reading(self) -> str:
        """All reading forms, parted by blanks, sentences by line ends: no pattern runs from one into the next."""
        return "\n".join(" ".join(self.norms[first:last]) for first, last in self.layout.sentences)

    @cached_property
    def _grams(self) -> frozenset[str]:
        return grams(self.reading)

    @cached_property
    def _offsets(self) -> list[int]:
        out, at = [], 0
        for word in self.norms:
            out.append(at)
            at += len(word) + 1
        return out

    @cached_property
    def _token_at(self) -> dict[int, int]:
        return {offset: i for i, offset in enumerate(self._offsets)}

    def find(self, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], int, int]]:
        """Matches of a pattern that begin and end with whole tokens: (match, first token, token after the last)."""
        # A message is searched with hundreds of patterns, of which hardly any can match: those must cost next to nothing.
        _, by_line, needed = _PREPARED.get(id(pattern)) or _prepare(pattern)
        if needed is not None and needed.isdisjoint(self._grams):
            return iter(())
        return self._matches(by_line)

    def _matches(self, by_line: re.Pattern[str]) -> Iterator[tuple[re.Match[str], int, int]]:
        starts = self._token_at
        for match in by_line.finditer(self.reading):
            first = starts.get(match.start())
            after = starts.get(match.end() + 1) if match.end() < len(self.reading) else len(self.norms)
            if first is not None and after is not None and match.end() > match.start():
                yield match, first, after

    def words(self, start: int, end: int) -> str:
        return " ".join(self.norms[start:end])

    def after(self, token: int, count: int) -> list[str]:
        """Up to `count` words from a token on, within the sentence of the word before it."""
        if token <= 0 or token > len(self.norms):
            return self.norms[token : token + count]
        return list(self.norms[token : min(token + count, self.sentence(token - 1)[1])])

    def before(self, token: int, count: int) -> list[str]:
        """Up to `count` words before a token, within its sentence."""
        if token >= len(self.norms):
            return list(self.norms[max(0, token - count) : token])
        return list(self.norms[max(token - count, self.sentence(token)[0]) : token])

    def quote(self, start: int, end: int) -> tuple[str, int, int]:
        """The note's own words of a token range, with their offsets in the text."""
        if end <= start or not self.tokens:
            return "", 0, 0
        first, last = self.tokens[start].start, self.tokens[end - 1].end
        return self.text[first:last], first, last

    def segment(self, token: int) -> Segment:
        return self.layout.segments[self.layout.segment_of[token]]

    def sentence(self, token: int) -> tuple[int, int]:
        return self.layout.sentences[self.layout.sentence_of(token)]

    def sentence_words(self, token: int) -> str:
        return self.words(*self.sentence(token))

    def clause(self, token: int) -> tuple[int, int]:
        """The token range of the clause around a token."""
        segments = self.layout.segments
        index = self.layout.segment_of[token]
        number = segments[index].clause
        first = last = index
        while first > 0 and segments[first - 1].clause == number:
            first -= 1
        while last + 1 < len(segments) and segments[last + 1].clause == number:
            last += 1
        return segments[first].start, segments[last].end

    def of(self, *names: str) -> list[Mention]:
        """Mentions of the given concepts or groups, in order."""
        by_name = self._index().by_name
        if by_name.keys().isdisjoint(names):
            return []
        found = {id(m): m for name in names for m in by_name.get(name, ())}
        return sorted(found.values(), key=lambda m: (m.start, m.end))

    def in_sentence(self, number: int) -> list[Mention]:
        """All mentions of a sentence, in order."""
        return self._index().by_sentence.get(number, [])

    def around(self, token: int) -> list[Mention]:
        """All mentions of the token's sentence, the two before and the two after: a look that costs the same anywhere."""
        number = self.layout.sentence_of(token)
        index = self._index().by_sentence
        return [m for n in range(number - 2, number + 3) for m in index.get(n, ())]

    def cues_around(self, token: int) -> list[Mention]:
        """The cues of the token's sentence and its neighbours."""
        number = self.layout.sentence_of(token)
        index = self._index().cues
        return [c for n in range(number - 2, number + 3) for c in index.get(n, ())]

    def dates_around(self, token: int) -> list[DateMention]:
        """The dates of the token's sentence and its neighbours."""
        number = self.layout.sentence_of(token)
        index = self._index().dates
        return [d for n in range(number - 2, number + 3) for d in index.get(n, ())]

    def same_sentence(self, mention: Mention, *names: str) -> list[Mention]:
        wanted = set(names)
        return [
            m
            for m in self.in_sentence(self.layout.sentence_of(mention.start))
            if m.concept in wanted or m.group in wanted
        ]

    def same_clause(self, mention: Mention, *names: str) -> list[Mention]:
        number = self.segment(mention.start).clause
        return [m for m in self.same_sentence(mention, *names) if self.segment(m.start).clause == number]

    def same_clause_at(self, token: int) -> list[Mention]:
        """All mentions of the clause around a token."""
        first, last = self.clause(token)
        return [m for m in self.in_sentence(self.layout.sentence_of(token)) if first <= m.start < last]

    def _index(self) -> _Index:
        """Mentions, cues and dates by name and sentence; made anew when any were added."""
        size = (len(self.mentions), len(self.cues), len(self.dates))
        if self._indexed is None or self._indexed.size != size:
            self._indexed = _Index(self, size)
        return self._indexed


class _Index:
    """What stands in a note, by name and by sentence."""

    def __init__(self, note: Note, size: tuple[int, int, int]) -> None:
        self.size = size
        self.by_name: dict[str, list[Mention]] = {}
        self.by_sentence: dict[int, list[Mention]] = {}
        self.cues: dict[int, list[Mention]] = {}
        self.dates: dict[int, list[DateMention]] = {}
        for mention in note.mentions:
            self.by_name.setdefault(mention.concept, []).append(mention)
            if mention.group != mention.concept:
                self.by_name.setdefault(mention.group, []).append(mention)
            self.by_sentence.setdefault(note.layout.sentence_of(mention.start), []).append(mention)
        for cue in note.cues:
            self.cues.setdefault(note.layout.sentence_of(cue.start), []).append(cue)
        for day in note.dates:
            self.dates.setdefault(note.layout.sentence_of(day.start), []).append(day)


#: What was made of a pattern, by its identity: hashing a pattern takes longer than most of them take to find nothing.
_PREPARED: dict[int, tuple[re.Pattern[str], re.Pattern[str], frozenset[str] | None]] = {}
_MOST_PREPARED = 2048


def _prepare(pattern: re.Pattern[str]) -> tuple[re.Pattern[str], re.Pattern[str], frozenset[str] | None]:
    """A pattern (kept, so that nothing else gets its id), the same with `$` meaning the end of a sentence, and what a text
    must hold for it to match at all."""
    if len(_PREPARED) >= _MOST_PREPARED:
        _PREPARED.clear()
    by_line = re.compile(pattern.pattern, pattern.flags | re.MULTILINE)
    prepared = _PREPARED[id(pattern)] = (pattern, by_line, needs(by_line))
    return prepared


def overlap(a: tuple[int, int], spans: Iterable[tuple[int, int]]) -> bool:
    """Whether a token range shares a token with any of the others."""
    return any(a[0] < end and start < a[1] for start, end in spans)
