"""Visits, drugs, criteria and scope words of a question, read by the expressions of the lexicon files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidfuzz.fuzz import ratio
from ruamel.yaml import YAML

from bot.nlu.gates import Gate
from bot.nlu.language import fold

_HERE = Path(__file__).parent
_ORDINALS = {
    1: r"(?:1\s?st|first|frist|initial)",
    2: r"(?:2\s?nd|second|secnd|secound)",
    3: r"(?:3\s?rd|third|thrid)",
    4: r"(?:4\s?th|fourth|forth)",
    5: r"(?:5\s?th|fifth|fith)",
}
_CARDINALS = {1: r"(?:0?1|one)", 2: r"(?:0?2|two|ii)", 3: r"(?:0?3|three|iii)", 4: r"(?:0?4|four)", 5: r"(?:0?5|five)"}
_CHINESE = {1: "(?:1|一)", 2: "(?:2|二|两)", 3: "(?:3|三)", 4: "(?:4|四)", 5: "(?:5|五)"}

#: Ideas that are forms of asking or lie outside the trial: they make no question one about it.
_FORMS = frozenset(
    {
        "when", "how_many", "how_much", "how_long", "where", "who", "why", "meaning", "how", "permission", "duty",
        "list_it", "next_one", "remaining", "so_far", "order", "begin", "finish", "people", "elsewhere", "human",
        "take",
    }
)  # fmt: skip

#: Spellings that are taken for a drug when they come close: the name, and how close (0-100, one for one letter wrong).
_DRUG_NAMES = ("capecitabine", "oxaliplatin", "penpulimab")
_CLOSE_ENOUGH = 84
#: 'Calculate it, no order on file yet': the order is spoken of, not asked for.
_NO_ORDER = re.compile(
    r"\b(?:calculat\w*|work\s+(?:it\s+)?out|comput\w+)\b|\b(?:no|without(?:\s+an?)?|nothing|not(?:\s+yet)?)\s+(?:order|prescription|prescribed|ordered)\b|"
    r"没有?(?:医嘱|处方)|计算|算一?下",
    re.IGNORECASE,
)
_OTHER_DRUGS = frozenset({"gemcitabine", "decitabine", "cisplatin", "carboplatin", "pembrolizumab", "pemetrexed"})


class LexiconError(ValueError):
    """A lexicon file that cannot be used; the message names file and entry."""


@dataclass(frozen=True)
class Mention:
    """Words that name something: its `kind` (visit, visit_class, drug, criterion, scope), its `value`, its place."""

    kind: str
    value: str
    start: int
    end: int


class Table(tuple[tuple[str, re.Pattern[str]], ...]):
    """Names with their expressions, in the order of the file."""

    def __init__(self, entries: Iterable[tuple[str, re.Pattern[str]]]) -> None:
        self._gate = Gate(pattern for _, pattern in self)

    def likely(self, text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
        """The entries that a text may match, in order; no other one does."""
        return (self[place] for place in self._gate.through(text))


@dataclass(frozen=True)
class Lexicon:
    """The compiled expressions of the lexicon files; read-only and shared."""

    visits: Table
    classes: Table
    drugs: Table
    scopes: Table
    criteria: Table
    concepts: Table
    first_of_class: re.Pattern[str]
    last_of_class: re.Pattern[str]
    prescribed: re.Pattern[str]
    refers_back: re.Pattern[str]

    @classmethod
    def load(cls, folder: Path = _HERE) -> Lexicon:
        """Read `lexicon.yml`, `criteria.yml` and `concepts.yml` of a folder.

        Raises:
            LexiconError: a file is missing an entry or holds an expression that does not compile.
        """
        words = _read_yaml(folder / "lexicon.yml")
        criteria = _read_yaml(folder / "criteria.yml")
        concepts = _read_yaml(folder / "concepts.yml")
        try:
            visits = [
                *_numbered("RT{}", range(1, 6), words["radiotherapy_visits"]),
                *_numbered("C{}D1", range(1, 5), words["cycle_visits"]),
                *_table(words["visits"]),
            ]
            return cls(
                visits=Table(visits),
                classes=Table(_table(words["visit_classes"])),
                drugs=Table(_table(words["drugs"])),
                scopes=Table(_table(words["scopes"])),
                criteria=Table(_table(criteria)),
                concepts=Table((name, _compile(pattern)) for name, pattern in concepts.items()),
                first_of_class=_compile(words["first_of_class"]),
                last_of_class=_compile(words["last_of_class"]),
                prescribed=_compile(words["prescribed"]),
                refers_back=_compile(words["refers_back"]),
            )
        except KeyError as missing:
            raise LexiconError(f"{folder / 'lexicon.yml'}: expected an entry {missing}, found none") from None

    def read_visits(self, text: str) -> tuple[Mention, ...]:
        """Visits named by code or by number, in order of the text; the longer reading wins where two overlap."""
        folded = fold(text)
        named = _longest(_matches("visit", self.visits, folded))
        return tuple(sorted((*named, *_numbered_before(folded, named)), key=lambda one: one.start))

    def read_classes(self, text: str) -> tuple[Mention, ...]:
        """Visits named by what happens there ('the drip', 'radiotherapy'), whose number is left open."""
        return _longest(_matches("visit_class", self.classes, fold(text)))

    def read_drugs(self, text: str) -> tuple[Mention, ...]:
        """The drugs named, by name, trade name, everyday word or a spelling close to the name.

        CAPEOX stands for both of its drugs.
        """
        folded = fold(text)
        found = list(_longest(_matches("drug", self.drugs, folded)))
        for word in re.finditer(r"[A-Za-z]{7,}", folded):
            if any(word.start() < other.end and other.start < word.end() for other in found):
                continue
            name = _close_drug(word[0].lower())
            if name is not None:
                found.append(Mention("drug", name, word.start(), word.end()))
        drugs: list[Mention] = []
        for mention in sorted(found, key=lambda one: one.start):
            names = ("capecitabine", "oxaliplatin") if mention.value == "capeox" else (mention.value,)
            drugs.extend(Mention("drug", name, mention.start, mention.end) for name in names)
        return tuple(drugs)

    def read_criteria(self, text: str) -> tuple[Mention, ...]:
        """The eligibility criteria a question touches, in the record's order, one mention each."""
        folded = fold(text)
        by_id = [
            Mention("criterion", f"{match[1].upper()}{int(match[2]):02d}", match.start(), match.end())
            for match in _CRITERION_ID.finditer(folded)
            if 1 <= int(match[2]) <= (11 if match[1] in "iI" else 16)
        ]
        if by_id:
            return tuple(by_id)
        first: dict[str, Mention] = {}
        for mention in _matches("criterion", self.criteria, folded):
            first.setdefault(mention.value, mention)
        return tuple(first.values())

    def read_scope(self, text: str) -> str | None:
        """Which of several visits or days is asked for: next, all, to_come, last, after, previous, first or None."""
        folded = fold(text)
        return next((name for name, pattern in self.scopes.likely(folded) if pattern.search(folded)), None)

    def read_concepts(self, text: str) -> tuple[str, ...]:
        """The ideas that a text touches, in the order of the file; for the classifier."""
        folded = fold(text)
        return tuple(name for name, pattern in self.concepts.likely(folded) if pattern.search(folded))

    def carries(self, words: Iterable[str]) -> tuple[bool, ...]:
        """For each word, whether it alone carries an idea of this trial, not just a form of asking."""
        return tuple(
            any(pattern.search(word) for name, pattern in self.concepts.likely(word) if name not in _FORMS)
            for word in words
        )

    def asks_for_order(self, text: str) -> bool:
        """Whether the amount on the order is asked for, not one that is calculated for want of an order."""
        return bool(self.prescribed.search(text)) and not _NO_ORDER.search(text)

    def endpoint_visit(self, text: str, classes: Iterable[str]) -> str | None:
        """The visit meant by 'when does my radiotherapy start' or 'when am I done with chemo', or None."""
        folded = fold(text)
        ends = {"radiotherapy": ("RT1", "RT5"), "chemotherapy": ("C1D1", "C4D1"), "immunotherapy": ("IO1", "C4D1")}
        for name in classes:
            if name in ends:
                if self.first_of_class.search(folded):
                    return ends[name][0]
                if self.last_of_class.search(folded):
                    return ends[name][1]
        return None


def _read_yaml(path: Path) -> Mapping[str, Any]:
    loaded = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict):
        raise LexiconError(f"{path}: expected a mapping of entries, found {type(loaded).__name__}")
    return loaded


def _compile(pattern: str) -> re.Pattern[str]:
    try:  # ASCII, so that \b also stands between a Latin word and a Chinese character
        return re.compile(pattern, re.IGNORECASE | re.ASCII)
    except re.error as error:
        raise LexiconError(f"lexicon: expected a regular expression, found {pattern!r} ({error})") from None


def _table(entries: Mapping[str, Iterable[str]]) -> list[tuple[str, re.Pattern[str]]]:
    return [(name, _compile("|".join(f"(?:{pattern})" for pattern in patterns))) for name, patterns in entries.items()]


def _numbered(code: str, numbers: Iterable[int], patterns: Iterable[str]) -> list[tuple[str, re.Pattern[str]]]:
    table: dict[str, list[str]] = {}
    for number in numbers:
        table[code.format(number)] = [
            pattern.replace("{ord}", _ORDINALS[number])
            .replace("{num}", _CARDINALS[number])
            .replace("{zh}", _CHINESE[number])
            for pattern in patterns
        ]
    return _table(table)


def _matches(kind: str, table: Table, text: str) -> list[Mention]:
    return [
        Mention(kind, name, match.start(), match.end())
        for name, pattern in table.likely(text)
        for match in pattern.finditer(text)
    ]


_CRITERION_ID = re.compile(r"(?<![A-Za-z0-9])([IE])\s?-?(\d{1,2})(?![\dA-Za-z])", re.IGNORECASE)
#: 'My second and third chemo': the number before the one that stands at the visit.
_NUMBER_BEFORE = tuple(
    (
        number,
        re.compile(
            rf"\b{_ORDINALS[number]}\s*(?:,|and|or|&|/)\s*(?:the\s+|my\s+|his\s+|her\s+)?$|第{_CHINESE[number]}[次个]?(?:和|跟|、|以及|还有)$",
            re.IGNORECASE | re.ASCII,
        ),
    )
    for number in _ORDINALS
)


def _numbered_before(text: str, named: Iterable[Mention]) -> list[Mention]:
    """The visits whose number alone stands before another's of the same kind."""
    found: list[Mention] = []
    for mention in named:
        kind = re.fullmatch(r"(RT|C)\d(D1)?", mention.value)
        if kind is None:
            continue
        for number, pattern in _NUMBER_BEFORE:
            match = pattern.search(text[: mention.start])
            code = f"{kind[1]}{number}{kind[2] or ''}"
            if match and code != mention.value and not (kind[1] == "C" and number > len(_CARDINALS) - 1):
                found.append(Mention("visit", code, match.start(), mention.start))
    return found


def _longest(mentions: Iterable[Mention]) -> tuple[Mention, ...]:
    kept: list[Mention] = []
    for mention in sorted(mentions, key=lambda one: (one.start - one.end, one.start)):
        if not any(mention.start < other.end and other.start < mention.end for other in kept):
            kept.append(mention)
    return tuple(sorted(kept, key=lambda one: one.start))


def _close_drug(word: str) -> str | None:
    if word in _OTHER_DRUGS:
        return None
    best = max(_DRUG_NAMES, key=lambda name: ratio(word, name))
    return best if word[0] == best[0] and ratio(word, best) >= _CLOSE_ENOUGH else None
