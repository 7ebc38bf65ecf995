"""Reads the signs in a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.nlu.symptoms.context import Scene, barriers
from bot.nlu.symptoms.lexicon import Lexicon, Sign, Span, load_lexicon
from bot.nlu.symptoms.matching import Hits, Parts, distance, find, find_any, whole
from bot.nlu.symptoms.measures import Figure, figures, swaps
from bot.nlu.symptoms.text import Token, normalise, tokenise
from bot.trial.triage import SymptomFinding

#: Longer messages are read up to here; the channel refuses more than 16 KiB anyway.
MOST_CHARACTERS: Final = 6000
_OVERDOSE: Final = "overdose"
_COUNTED: Final = frozenset({"vomiting", "diarrhoea"})
_TIMED: Final = frozenset({"vomiting", "nothing_down", "no_urine", "headache", "belly_pain", "diarrhoea"})
_GRADED: Final = frozenset(
    {
        "breathless",
        "numbness",
        "rash",
        "itching",
        "hand_foot",
        "diarrhoea",
        "mouth_sores",
        "belly_pain",
        "fatigue",
        "vomiting",
    }
)


@dataclass(frozen=True)
class _Place:
    sign: Sign
    parts: Parts
    span: Span


@dataclass(frozen=True)
class _Seen:
    """What is looked up in a text before anything is made of it."""

    plain: str
    tokens: list[Token]
    questions: frozenset[int]
    hits: Hits
    clause: Sequence[int]
    idle: set[int]


class SymptomReader:
    """Finds signs, their figures, and whether they are there now in the participant. Build it with `load`."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._seen: tuple[str, _Seen] | None = None

    @classmethod
    def load(cls, folder: Path | None = None) -> SymptomReader:
        """The reader with the shipped lexicon, or one of another folder.

        Raises:
            LexiconError: a lexicon file is missing or broken.
        """
        return cls(load_lexicon(folder))

    def read(self, text: str) -> tuple[SymptomFinding, ...]:
        """Every sign named in the message, with its status; one finding for a sign and status."""
        text = text[:MOST_CHARACTERS]
        seen = self._look(text)
        plain, tokens, questions, hits, clause = seen.plain, seen.tokens, seen.questions, seen.hits, seen.clause
        if not tokens:
            return ()
        numbers = figures(plain)
        places = self._counted(self._places(seen), plain, tokens)
        temperatures = [figure for figure in numbers if figure.kind == "celsius"]
        if not places and not temperatures:
            return ()
        scene = Scene(self._lexicon, tokens, hits, clause, questions, (place.parts for place in places))
        found: dict[tuple[str, str], SymptomFinding] = {}
        for finding in (
            *self._measured(scene, temperatures, tokens, text),
            *self._named(scene, places, numbers, tokens, hits, text),
        ):
            key = (finding.concept, finding.status)
            found[key] = _joined(found[key], finding) if key in found else finding
        return tuple(found.values())

    def speaks_of_body(self, text: str) -> bool:
        """Whether a message speaks of somebody's body or how they feel, in whatever words: 'my elbow feels odd'."""
        seen = self._look(text[:MOST_CHARACTERS])
        found = find_any(self._lexicon.context.get("body_talk", ()), seen.hits, seen.tokens, seen.clause)
        return any(not seen.idle.intersection(range(part.start, part.end)) for parts in found for part in parts[-1:])

    def _look(self, text: str) -> _Seen:
        """The words of a text, and where the lexicon's words stand; kept, since a message is asked about twice."""
        if self._seen is None or self._seen[0] != text:
            plain = normalise(text)
            tokens, questions = tokenise(plain, self._lexicon.keys)
            hits = self._lexicon.hits(tokens)
            clause = barriers(hits, tokens)
            idle = self._idle(hits, tokens, clause)
            self._seen = (text, _Seen(plain, tokens, questions, hits, clause, idle))
        return self._seen[1]

    def _idle(self, hits: Hits, tokens: Sequence[Token], clause: Sequence[int]) -> set[int]:
        """The words that only look like a sign's."""
        lexicon = self._lexicon
        found = [
            part
            for name in hits
            for parts in find_any(lexicon.idioms.get(name, ()), hits, tokens, clause)
            for part in parts
        ]
        found += [
            parts[0] for name in hits for parts in find_any(lexicon.lookalikes.get(name, ()), hits, tokens, clause)
        ]
        return {index for part in found for index in range(part.start, part.end)}

    def _places(self, seen: _Seen) -> list[_Place]:
        tokens, hits, clause, idle = seen.tokens, seen.hits, seen.clause, seen.idle
        kept = hits
        if idle:
            kept = {
                name: [span for span in spans if not any(index in idle for index in range(span.start, span.end))]
                for name, spans in hits.items()
            }
            kept = {name: spans for name, spans in kept.items() if spans}
        places = [
            _Place(sign, parts, whole(parts))
            for name in kept
            for sign, pattern in self._lexicon.starts.get(name, ())
            for parts in find(pattern, kept, tokens, clause)
        ]
        replaced = [(name, place.span) for place in places for name in place.sign.replaces]
        return [
            place
            for place in places
            if not any(name == place.sign.name and span.overlaps(place.span) for name, span in replaced)
        ]

    def _counted(self, places: list[_Place], plain: str, tokens: Sequence[Token]) -> list[_Place]:
        """What the numbers say of an overdose: 'six instead of four' is one, 'three instead of four' none."""
        for swap in swaps(plain):
            span = _span_between(swap.start, swap.end, tokens)
            places = [place for place in places if place.sign.name != _OVERDOSE or not place.span.overlaps(span)]
            if swap.taken > swap.meant:
                places += [_Place(sign, (span,), span) for sign in self._lexicon.signs if sign.name == _OVERDOSE]
        return places

    def _measured(
        self, scene: Scene, temperatures: Sequence[Figure], tokens: Sequence[Token], text: str
    ) -> Iterator[SymptomFinding]:
        for figure in temperatures:
            parts = (_span_of(figure, tokens),)
            status = scene.status("temperature", parts, event=False, figure=True)
            yield SymptomFinding("temperature", status, {"celsius": figure.value}, text[figure.start : figure.end])

    def _named(
        self,
        scene: Scene,
        places: Sequence[_Place],
        numbers: Sequence[Figure],
        tokens: Sequence[Token],
        hits: Hits,
        text: str,
    ) -> Iterator[SymptomFinding]:
        for place in places:
            status = scene.status(place.sign.name, place.parts, place.sign.event, planned=place.sign.planned)
            measures = {
                **_figures_of(place, numbers, tokens),
                **_grades_of(place, hits, tokens),
            }
            start, end = tokens[place.span.start].start, tokens[place.span.end - 1].end
            yield SymptomFinding(place.sign.name, status, measures, text[start:end])


def _span_of(figure: Figure, tokens: Sequence[Token]) -> Span:
    return _span_between(figure.start, figure.end, tokens)


def _span_between(start: int, end: int, tokens: Sequence[Token]) -> Span:
    inside = [index for index, token in enumerate(tokens) if token.start < end and start < token.end]
    return Span(inside[0], inside[-1] + 1) if inside else Span(0, 1)


def _figures_of(place: _Place, numbers: Sequence[Figure], tokens: Sequence[Token]) -> dict[str, float]:
    """How often and how long, from the same sentence; a stretch of time may stand in the next one."""
    sentence = tokens[place.span.start].sentence
    measures: dict[str, float] = {}
    for figure in numbers:
        span = _span_of(figure, tokens)
        name = place.sign.name
        near = tokens[span.start].sentence == sentence
        if figure.kind == "count" and name in _COUNTED and near and distance(place.span, span, tokens) <= 10.0:
            measures["count"] = max(figure.value, measures.get("count", 0.0))
        if figure.kind == "hours" and name in _TIMED and abs(tokens[span.start].sentence - sentence) <= 1:
            measures["hours"] = max(figure.value, measures.get("hours", 0.0))
    return measures


def _grades_of(place: _Place, hits: Hits, tokens: Sequence[Token]) -> dict[str, float]:
    if place.sign.name not in _GRADED:
        return {}

    mild = hits.get("mild", ())

    def near(name: str, within: float) -> bool:
        return any(
            distance(span, place.span, tokens) <= within
            and tokens[span.start].sentence == tokens[place.span.start].sentence
            # 'nothing bad' holds 'bad'
            and (name == "mild" or not any(span.overlaps(other) for other in mild))
            for span in hits.get(name, ())
        )

    if near("severe", 2.0) or near("worse", 5.0):
        return {"severe": 1.0}
    return {"mild": 1.0} if near("mild", 3.0) else {}


def _joined(one: SymptomFinding, other: SymptomFinding) -> SymptomFinding:
    """Two mentions of one sign: the graver figures hold, and a mild mention does not soften one that is not."""

    def graver(name: str, first: Mapping[str, float], second: Mapping[str, float]) -> float:
        values = [values[name] for values in (first, second) if name in values]
        # of two temperatures the one further from normal
        return max(values, key=lambda value: abs(value - 36.8)) if name == "celsius" else max(values)

    names = {*one.measures, *other.measures}
    measures = {name: graver(name, one.measures, other.measures) for name in sorted(names)}
    if "mild" in measures and not ("mild" in one.measures and "mild" in other.measures):
        del measures["mild"]
    evidence = one.evidence if len(one.evidence) >= len(other.evidence) else other.evidence
    return SymptomFinding(one.concept, one.status, measures, evidence)
