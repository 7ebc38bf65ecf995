"""The symptom lexicon: YAML files that a nurse can extend, compiled for spaCy's PhraseMatcher.

A file holds `words` (named lists of words and phrases that mean the same), `signs` (patterns over them), `idioms` (what
only looks like a sign), `lookalikes` (whose first part only looks like one beside the others: 'faint .. rash'),
`context` (cues such as 'no', 'what if', 'last cycle') and `spellings`.

A pattern is a phrase, in which `<chest>` stands for any word of that list. Parts are joined by
`..` (in this order, at most four words between; `..2`: at most two) or by `+` (in either order, at most five words
between; `+8`: at most eight).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import spacy
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc
from spacy.vocab import Vocab

from bot.nlu.symptoms.text import KeyMaker, Token

LEXICON_FOLDER: Final = Path(__file__).parent / "lexicon"
_FILES: Final = ("en.yml", "en.context.yml", "zh.yml", "zh.context.yml")
_SECTIONS: Final = frozenset({"language", "words", "signs", "idioms", "lookalikes", "context", "spellings"})
_SIGN_FIELDS: Final = frozenset({"patterns", "event", "planned", "replaces"})
_JOINER: Final = re.compile(r"\s+(\.\.|\+)(\d*)\s+")
_CLASS: Final = re.compile(r"<([a-z_]+)>")
_GAP: Final = {"..": 4.0, "+": 5.0}


class LexiconError(ValueError):
    """A lexicon file is missing or broken; the message names the file and the field."""


@dataclass(frozen=True)
class Span:
    """Tokens `start` to `end` (exclusive)."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Whether both share a token."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Pattern:
    """Parts (names of word lists) that stand near each other in one clause.

    Attributes:
        parts: names of word lists, each looked for near the one before it.
        gaps: the most words between a part and the one before it.
        ordered: whether a part must follow the one before it.
    """

    parts: tuple[str, ...]
    gaps: tuple[float, ...] = ()
    ordered: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Sign:
    """How one sign is said.

    Attributes:
        event: it counts even when it is over by now (a faint, a fit, chest pain this morning).
        planned: it counts when it is only intended, too (a medicine that must not be taken together).
        replaces: signs that it stands in for where both rest on the same words.
    """

    name: str
    patterns: tuple[Pattern, ...]
    event: bool = False
    planned: bool = False
    replaces: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lexicon:
    """The compiled lexicon; build it with :func:`load_lexicon`.

    Attributes:
        idioms, lookalikes, starts: patterns by the name of their first part, so that only those are tried whose first part
            occurs.
        context: the cues of each list.
    """

    keys: KeyMaker
    vocab: Vocab
    matcher: PhraseMatcher
    signs: tuple[Sign, ...]
    idioms: Mapping[str, tuple[Pattern, ...]]
    lookalikes: Mapping[str, tuple[Pattern, ...]]
    context: Mapping[str, tuple[Pattern, ...]]
    starts: Mapping[str, tuple[tuple[Sign, Pattern], ...]]

    def hits(self, tokens: list[Token]) -> dict[str, list[Span]]:
        """Where each word list occurs, in the order of the message."""
        doc = Doc(self.vocab, words=[token.key for token in tokens])
        found: dict[str, list[Span]] = {}
        for name, start, end in self.matcher(doc):
            found.setdefault(self.vocab.strings[name], []).append(Span(start, end))
        return found


def load_lexicon(folder: Path | None = None) -> Lexicon:
    """Reads and compiles the files of a folder (default: the ones shipped).

    Raises:
        LexiconError: a file is missing or broken, or a pattern names a word list that is not there.
    """
    return _shipped() if folder is None else _loaded(folder)


@functools.cache
def _shipped() -> Lexicon:
    """The lexicon that is shipped: the chat server has two readers of it, and compiling it takes half a second."""
    return _loaded(LEXICON_FOLDER)


def _loaded(where: Path) -> Lexicon:
    merged = _Merged()
    for name in _FILES:
        merged.add(where / name)
    ordinary = (where / "ordinary.txt").read_text(encoding="utf-8").split() if (where / "ordinary.txt").exists() else []
    return merged.compiled(ordinary)


class _Merged:
    """The files put together: lists of the same name are joined across languages."""

    def __init__(self) -> None:
        self.words: dict[str, list[str]] = {}
        self.patterns: dict[str, list[tuple[str, str]]] = {}
        self.events: set[str] = set()
        self.planned: set[str] = set()
        self.replaces: dict[str, set[str]] = {}
        self.idioms: list[tuple[str, str]] = []
        self.lookalikes: list[tuple[str, str]] = []
        self.context: dict[str, list[tuple[str, str]]] = {}
        self.spellings: dict[str, str] = {}

    def add(self, file: Path) -> None:
        try:
            data = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            raise LexiconError(f"{file}: {error}") from None
        if not isinstance(data, dict) or not set(data) <= _SECTIONS:
            raise LexiconError(f"{file}: expected only the sections {sorted(_SECTIONS)}")
        for name, words in _lists(file, "words", data):
            self.words.setdefault(name, []).extend(words)
        for name, words in _lists(file, "spellings", data):
            self.spellings.update(dict.fromkeys(words, name))
        for name, patterns in _lists(file, "context", data):
            self.context.setdefault(name, []).extend((f"{file}: context.{name}", text) for text in patterns)
        for section, kept in (("idioms", self.idioms), ("lookalikes", self.lookalikes)):
            for _, patterns in _lists(file, section, {section: {"all": data.get(section) or []}}):
                kept.extend((f"{file}: {section}", text) for text in patterns)
        for name, sign in (data.get("signs") or {}).items():
            self._add_sign(file, name, sign)

    def _add_sign(self, file: Path, name: str, sign: Any) -> None:
        if isinstance(sign, list):
            sign = {"patterns": sign}
        if not isinstance(sign, dict) or not set(sign) <= _SIGN_FIELDS or not sign.get("patterns"):
            raise LexiconError(f"{file}: signs.{name}: expected patterns, and perhaps event and replaces")
        where = f"{file}: signs.{name}"
        self.patterns.setdefault(name, []).extend((where, str(text)) for text in sign["patterns"])
        if sign.get("event"):
            self.events.add(name)
        if sign.get("planned"):
            self.planned.add(name)
        self.replaces.setdefault(name, set()).update(sign.get("replaces") or ())

    def compiled(self, ordinary: list[str]) -> Lexicon:
        keys = KeyMaker(self.spellings, ordinary)
        vocab: Vocab = spacy.blank("en").vocab
        matcher = PhraseMatcher(vocab, attr="ORTH")
        literals: dict[str, None] = {}

        phrases: dict[str, list[str]] = dict(self.words)

        def parsed(name: str, patterns: list[tuple[str, str]]) -> tuple[Pattern, ...]:
            # All plain phrases of one list are one entry of the matcher, so that cost does not grow with the list.
            plain = [text for _, text in patterns if not _JOINER.search(text)]
            joined = [self._pattern(where, text, literals) for where, text in patterns if _JOINER.search(text)]
            if plain:
                phrases[name] = list(plain)
                joined.insert(0, Pattern((name,)))
            return tuple(joined)

        signs = tuple(
            Sign(
                name,
                parsed(f"#{name}", patterns),
                name in self.events,
                name in self.planned,
                frozenset(self.replaces[name]),
            )
            for name, patterns in self.patterns.items()
        )
        idioms = _by_first(parsed("~idiom", self.idioms))
        lookalikes = _by_first(parsed("~lookalike", self.lookalikes))
        context = {name: parsed(f"@{name}", patterns) for name, patterns in self.context.items()}
        phrases.update({f"={literal}": [literal] for literal in literals})
        self._check_names(phrases)
        for name, texts in phrases.items():
            variants = {tuple(keys.learn(variant)) for text in texts for variant in self._expanded(text)}
            matcher.add(name, [Doc(vocab, words=list(words)) for words in sorted(variants) if words])
        return Lexicon(keys, vocab, matcher, signs, idioms, lookalikes, context, _by_first_of_signs(signs))

    def _check_names(self, phrases: Mapping[str, list[str]]) -> None:
        for name, texts in phrases.items():
            for unknown in (found for text in texts for found in _CLASS.findall(text) if found not in self.words):
                raise LexiconError(f"{name.lstrip('=#@~')}: names the unknown list <{unknown}>")

    def _pattern(self, where: str, text: str, literals: dict[str, None]) -> Pattern:
        pieces = _JOINER.split(text.strip())
        parts, joiners, widths = pieces[0::3], pieces[1::3], pieces[2::3]
        names = []
        for part in parts:
            unknown = [name for name in _CLASS.findall(part) if name not in self.words]
            if unknown:
                raise LexiconError(f"{where}: {text!r} names the unknown list <{unknown[0]}>")
            whole = _CLASS.fullmatch(part)
            if whole:
                names.append(whole.group(1))
            else:
                literals[part] = None
                names.append(f"={part}")
        gaps = tuple(float(width) if width else _GAP[joiner] for joiner, width in zip(joiners, widths, strict=True))
        return Pattern(tuple(names), gaps, tuple(joiner == ".." for joiner in joiners))

    def _expanded(self, phrase: str) -> Iterator[str]:
        """A phrase with a list inside stands for all of them: 'my <heart> races'."""
        match = _CLASS.search(phrase)
        if match is None:
            yield phrase
            return
        for word in self.words[match.group(1)]:
            yield from self._expanded(phrase[: match.start()] + word + phrase[match.end() :])


def _by_first(patterns: Iterable[Pattern]) -> dict[str, tuple[Pattern, ...]]:
    index: dict[str, list[Pattern]] = {}
    for pattern in patterns:
        index.setdefault(pattern.parts[0], []).append(pattern)
    return {name: tuple(group) for name, group in index.items()}


def _by_first_of_signs(signs: Iterable[Sign]) -> dict[str, tuple[tuple[Sign, Pattern], ...]]:
    index: dict[str, list[tuple[Sign, Pattern]]] = {}
    for sign in signs:
        for pattern in sign.patterns:
            index.setdefault(pattern.parts[0], []).append((sign, pattern))
    return {name: tuple(group) for name, group in index.items()}


def _lists(file: Path, section: str, data: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    content = data.get(section) or {}
    if not isinstance(content, dict):
        raise LexiconError(f"{file}: {section}: expected a mapping")
    for name, words in content.items():
        if not isinstance(words, list):
            raise LexiconError(f"{file}: {section}.{name}: expected a list")
        yield name, [_text(file, f"{section}.{name}", word) for word in words]


def _text(file: Path, where: str, word: Any) -> str:
    # YAML reads a bare no, yes, on or off as a truth value; a list of words must say them in quotes.
    if not isinstance(word, str) or not word.strip():
        raise LexiconError(f"{file}: {where}: {word!r} is no text (put it in quotes)")
    return word.lower()
