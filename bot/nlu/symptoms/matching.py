"""Patterns over word lists: which signs and cues a message holds, and where."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.nlu.symptoms.lexicon import Pattern, Span
from bot.nlu.symptoms.text import Token

Hits = Mapping[str, Sequence[Span]]
_LONGEST_PHRASE: Final = 8.0
#: A pattern that begins with one of these stays between two commas: 'not dizzy, eating well' is no 'not eating'.
_DENYING: Final = frozenset({"not", "=not", "=no"})
_COMMAS: Final = frozenset({",", "，", "、"})
#: The spans of a pattern's parts, in the order of the pattern.
Parts = tuple[Span, ...]


def whole(parts: Parts) -> Span:
    """From the first token of any part to the last."""
    return Span(min(part.start for part in parts), max(part.end for part in parts))


def find(pattern: Pattern, hits: Hits, tokens: Sequence[Token], clause: Sequence[int]) -> list[Parts]:
    """Every place where the pattern's parts stand near enough in one clause; the tightest for each first part."""
    first = hits.get(pattern.parts[0])
    if not first:
        return []
    if len(pattern.parts) == 1:
        return [(span,) for span in first]
    if any(part not in hits for part in pattern.parts[1:]):
        return []
    found = []
    within = pattern.parts[0] in _DENYING
    for span in first:
        completions = _completions(pattern, 1, (span,), hits, tokens, clause)
        if within:
            completions = (parts for parts in completions if not _over_comma(parts, tokens))
        best = min(completions, key=_length, default=None)
        if best is not None:
            found.append(best)
    return found


def find_any(patterns: Iterable[Pattern], hits: Hits, tokens: Sequence[Token], clause: Sequence[int]) -> list[Parts]:
    """Every place of any of the patterns."""
    return [parts for pattern in patterns for parts in find(pattern, hits, tokens, clause)]


def _over_comma(parts: Parts, tokens: Sequence[Token]) -> bool:
    first, second = parts[:2]
    return any(tokens[index].key in _COMMAS for index in range(first.end, second.start))


def _start(span: Span) -> int:
    return span.start


def _length(parts: Parts) -> int:
    span = whole(parts)
    return span.end - span.start


def _completions(
    pattern: Pattern, index: int, chosen: Parts, hits: Hits, tokens: Sequence[Token], clause: Sequence[int]
) -> Iterator[Parts]:
    if index == len(pattern.parts):
        yield chosen
        return
    last, gap = chosen[-1], pattern.gaps[index - 1]
    spans = hits[pattern.parts[index]]
    here = bisect_left(spans, last.start, key=_start)
    # outwards from the part before, and no further than the gap: a long message costs no more for its length
    for span in spans[here:]:
        if distance(last, span, tokens) > gap or clause[span.start] != clause[last.start]:
            break
        if not any(span.overlaps(other) for other in chosen):
            yield from _completions(pattern, index + 1, (*chosen, span), hits, tokens, clause)
    if pattern.ordered[index - 1]:
        return
    for span in reversed(spans[:here]):
        apart = distance(last, span, tokens)
        if apart > gap + _LONGEST_PHRASE or clause[span.start] != clause[last.start]:
            break
        if apart <= gap and not any(span.overlaps(other) for other in chosen):
            yield from _completions(pattern, index + 1, (*chosen, span), hits, tokens, clause)


def distance(one: Span, other: Span, tokens: Sequence[Token]) -> float:
    """Words between two spans; 0 where they touch or overlap."""
    first, second = (one, other) if one.start <= other.start else (other, one)
    if second.start <= first.end:
        return 0.0
    return tokens[second.start].at - tokens[first.end].at
