"""The lexicon: what words stand for a concept, read from the YAML files in `lexicon/`.

A file maps a concept to its `group`, further attributes, and `phrases`. In a phrase `(a|b)` offers a choice,
`[a]` may be left out, a leading `=` asks for capitals in the note (`=MS`, so that it is not the title Ms).
Spelling goes through the same tokenizer as the notes; a plural `s` on the last word is understood by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc
from spacy.vocab import Vocab

from bot.nlu.clinical.spelling import Speller
from bot.nlu.tokenizer import pieces

LEXICON_FOLDER = Path(__file__).with_name("lexicon")
#: A phrase with more readings than this is kept as a pattern instead of being written out.
_WRITTEN_OUT = 64


#: Groups of words that say how a finding is meant; all other groups are findings.
CUE_GROUPS = frozenset(
    {
        "negation",
        "answer",
        "affirmation",
        "stop",
        "uncertain",
        "plan",
        "kin",
        "kin_section",
        "history",
        "correction",
        "superseded",
    }
)


class LexiconError(ValueError):
    """A lexicon file is not in its form; the message names file and concept."""


@dataclass(frozen=True)
class Concept:
    """One entry: its name, its group and whatever else the file says of it."""

    name: str
    group: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """A phrase found in a Doc: tokens `start` to `end` (exclusive) stand for `concept`."""

    concept: Concept
    start: int
    end: int


def expand(phrase: str) -> list[str]:
    """All readings of a phrase with `(a|b)` choices and `[optional]` words.

    Raises:
        ValueError: brackets do not pair.
    """
    readings = [""]
    for options in _options(phrase):
        readings = [done + option for done in readings for option in options]
    return sorted({" ".join(reading.split()) for reading in readings})


def _options(phrase: str) -> list[list[str]]:
    """The parts of a phrase, each with its choices; an empty choice says that the part may be left out."""
    out: list[list[str]] = []
    literal, at = "", 0
    while at < len(phrase):
        if phrase[at] in ")]":
            raise ValueError(f"brackets do not pair in {phrase!r}")
        if phrase[at] not in "([":
            literal += phrase[at]
            at += 1
            continue
        if literal:
            out.append([literal])
            literal = ""
        end = _closing(phrase, at)
        choices = [reading for choice in _split(phrase[at + 1 : end]) for reading in expand(choice)]
        out.append(["", *choices] if phrase[at] == "[" else choices)
        at = end + 1
    if literal:
        out.append([literal])
    return out


def _closing(phrase: str, at: int) -> int:
    depth = 0
    for i in range(at, len(phrase)):
        depth += (phrase[i] in "([") - (phrase[i] in ")]")
        if depth == 0:
            return i
    raise ValueError(f"brackets do not pair in {phrase!r}")


def _split(inner: str) -> list[str]:
    """The choices of a bracket, parted at its own `|`, not at those of brackets within."""
    out, depth, start = [], 0, 0
    for i, char in enumerate(inner):
        depth += (char in "([") - (char in ")]")
        if char == "|" and depth == 0:
            out.append(inner[start:i])
            start = i + 1
    return [*out, inner[start:]]


def _readings(phrase: str) -> int:
    return prod(len(options) for options in _options(phrase))


@dataclass(frozen=True)
class _Pattern:
    """A phrase with many readings: a regular expression, tried only where each part has a word in the note."""

    concept: str
    expression: re.Pattern[str]
    triggers: tuple[frozenset[str], ...]


def _compile(concept: str, phrase: str, speller: Callable[[str], str]) -> _Pattern:
    units: list[str] = []
    triggers: list[frozenset[str]] = []
    parts = [part for part in _options(phrase) if part != [" "] and any(option.strip() for option in part)]
    for number, options in enumerate(parts):
        spelt = [" ".join(speller(word) for word in _words(option)) for option in options]
        choices = sorted({re.escape(option) for option in spelt if option}, key=len, reverse=True)
        plural = "s?" if number == len(parts) - 1 else ""
        unit = f"(?:{'|'.join(choices)}){plural} "
        if "" in spelt:
            unit = f"(?:{unit})?"
        else:
            triggers.append(frozenset(option.split(" ")[0] for option in spelt))
        units.append(unit)
    return _Pattern(concept, re.compile("(?<!\\S)" + "".join(units)), tuple(triggers))


@lru_cache(maxsize=20_000)
def _words(reading: str) -> tuple[str, ...]:
    return tuple(piece.norm for piece in pieces(reading.replace(" 's", "'s")))


def _with_plural(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    last = words[-1]
    if len(last) > 3 and last.isalpha() and last[-1] not in "sy":
        yield (*words[:-1], last + "s")


class Lexicon:
    """All concepts of a folder of lexicon files, ready to be matched."""

    def __init__(self, vocab: Vocab, entries: Iterable[tuple[Concept, list[str]]], speller: Speller) -> None:
        self.concepts: dict[str, Concept] = {}
        self.speller = speller
        self._vocab = vocab
        self._matcher = PhraseMatcher(vocab)
        self._capitals: set[tuple[str, tuple[str, ...]]] = set()
        self._patterns: list[_Pattern] = []
        phrases: list[tuple[str, tuple[str, ...], bool]] = []
        long: list[tuple[str, str]] = []
        for concept, lines in entries:
            self.concepts[concept.name] = concept
            for line in lines:
                if _readings(line) > _WRITTEN_OUT:
                    long.append((concept.name, line))
                    continue
                capitals = line.startswith("=")
                for reading in expand(line.lstrip("=")):
                    phrases += [(concept.name, words, capitals) for words in _with_plural(_words(reading))]
        speller.learn([w for _, words, _ in phrases for w in words])
        speller.learn([w for _, line in long for part in _options(line) for option in part for w in _words(option)])
        self._patterns = [_compile(name, line, speller) for name, line in long]
        by_concept: dict[str, set[tuple[str, ...]]] = {}
        plain: set[tuple[str, tuple[str, ...]]] = set()
        for name, words, capitals in phrases:
            spelt = tuple(speller(word) for word in words)
            (self._capitals if capitals else plain).add((name, spelt))
            by_concept.setdefault(name, set()).add(spelt)
        self._capitals -= plain
        for name, variants in by_concept.items():
            self._matcher.add(name, [Doc(vocab, words=list(words)) for words in sorted(variants)])

    @classmethod
    def load(cls, vocab: Vocab, folder: Path = LEXICON_FOLDER) -> Lexicon:
        """Reads every file of the folder.

        Raises:
            LexiconError: a file is no mapping of concepts, a phrase does not parse, or a concept comes twice.
        """
        yaml = YAML(typ="safe")
        speller = Speller.from_file(folder / "spelling.yml")
        entries: list[tuple[Concept, list[str]]] = []
        seen: dict[str, str] = {}
        for path in sorted(folder.glob("*.yml")):
            if path.name == "spelling.yml":
                continue
            content = yaml.load(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise LexiconError(f"{path.name}: expected a mapping of concepts")
            for name, entry in content.items():
                if name in seen:
                    raise LexiconError(f"{path.name}: {name} is already in {seen[name]}")
                seen[name] = path.name
                entries.append(_entry(path.name, name, entry))
        return cls(vocab, entries, speller)

    def matches(self, doc: Doc, starts: Set[int] = frozenset()) -> list[Match]:
        """The longest phrases of the Doc, left to right; none crosses into a sentence (tokens `starts` begin one)."""
        tokens = doc.user_data["tokens"]
        strings = self._vocab.strings
        found = {(end - start, start, strings[key]) for key, start, end in self._matcher(doc)}
        found |= self._long_phrases(doc)
        taken = [0] * len(doc)
        out: list[Match] = []
        shouting: bool | None = None
        for length, start, name in sorted(
            found, key=lambda m: (-m[0], self.concepts[m[2]].group in CUE_GROUPS, m[1], m[2])
        ):
            end = start + length
            if starts and length > 1 and not starts.isdisjoint(range(start + 1, end)):
                continue
            if taken[start] != (start << 32 | end) and any(taken[start:end]):
                continue
            if self._capitals:
                if shouting is None:
                    letters = [c for t in tokens for c in t.raw if c.isalpha()]
                    shouting = sum(c.isupper() for c in letters) > 0.7 * len(letters) and len(letters) > 60
                words = tuple(doc[i].text for i in range(start, end))
                if (name, words) in self._capitals and (
                    shouting or not all(tokens[i].raw.isupper() for i in range(start, end))
                ):
                    continue
            taken[start:end] = [start << 32 | end] * length
            out.append(Match(self.concepts[name], start, end))
        out.sort(key=lambda match: match.start)
        return out

    def _long_phrases(self, doc: Doc) -> set[tuple[int, int, str]]:
        words = {token.text for token in doc}
        text = ""
        offsets: dict[int, int] = {}
        found = set()
        for pattern in self._patterns:
            if any(words.isdisjoint(trigger) for trigger in pattern.triggers):
                continue
            if not text:
                text = doc.text + ("" if doc.text.endswith(" ") else " ")
                offsets = {token.idx: token.i for token in doc}
                offsets[len(text)] = len(doc)
            for match in pattern.expression.finditer(text):
                start, end = offsets.get(match.start()), offsets.get(match.end())
                if start is not None and end is not None and end > start:
                    found.add((end - start, start, pattern.concept))
        return found


def _entry(file: str, name: str, entry: object) -> tuple[Concept, list[str]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("phrases"), list) or "group" not in entry:
        raise LexiconError(f"{file}: {name}: expected a group and a list of phrases")
    lines = [str(line) for line in entry["phrases"]]
    for line in lines:
        try:
            _options(line.lstrip("="))
        except ValueError as error:
            raise LexiconError(f"{file}: {name}: {error}") from None
    attributes = {key: value for key, value in entry.items() if key not in {"group", "phrases"}}
    return Concept(str(name), str(entry["group"]), attributes), lines
