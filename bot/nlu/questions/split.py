"""Where one question ends and the next begins.

Cuts are proposed by punctuation and by words such as 'and' before a new question, and kept only where both sides stand
as questions of their own; a date, a list or one long question is never cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: How an English or Chinese question or request begins.
_ASK_HEAD = (
    r"(?:(?:so\s+|then\s+|please\s+|pls\s+|also\s+|can\s+you\s+|could\s+you\s+)*"
    r"(?:when|what|where|who|whom|whose|which|how|why|whens|whats|wheres|whos)(?:'s|'re|'ll)?\b"
    r"|(?:do|does|did|am|is|are|was|were|can|could|should|shall|must|will|would|have|has|may|don't|can't|isn't)\s+"
    r"(?:i|we|you|he|she|they|it|my|the|there|this|that|these|any|anyone|his|her|our|people|patients|someone|p\W?\d|"
    r"patient|participant|0\d{3})\b"
    r"|(?:please\s+|pls\s+|also\s+|just\s+)*(?:tell|show|list|give|move|cancel|reschedule|change|send|remind|check|save|"
    r"call|ring|postpone|precheck|explain|put|connect)\b)"
)
_SAY_HEAD = r"(?:(?:i|i'm|i've|i'd|my|he|she|we|they|his|her|it)\b)"
#: A statement of somebody: 'I signed the form', 'we live far away'; not 'my next visit'.
_STATEMENT = re.compile(
    r"\W*(?:(?:hi|hello|hey|sorry|so|well|um|uh|ok|because|since|but)\W+)*(?:i|i'm|i've|i'd|im|ive|we|we're|he|she|they)\s",
    re.IGNORECASE,
)
_ZH_ASK_HEAD = (
    r"(?:我|你们?|您|他|她|那|请|能|可以|什么|哪|怎么|多少|几|是否|需要|要不要|有没有|在哪|谁|何时|为什么|试验|研究|那天|当天|"
    r"下次|手术|今|明|这)"
)
_SENTENCE_END = re.compile(r"(?:[?!？！。；;\n]+|(?<=[a-z)\d])\.(?=\s+[A-Za-z])|\.{2,}|…)\s*", re.IGNORECASE)
_JOIN = re.compile(
    rf"(?:\s*,\s*|\s+)(?:and\s+also|and\s+then|and|also|plus|but|&|\+|as\s+well\s+as)\s+"
    rf"(?:(?:um+|uh+|er+|erm|like|well|so|maybe|please)\s+)*(?={_ASK_HEAD}|{_SAY_HEAD})"
    rf"|\s*[,，]\s*(?={_ASK_HEAD})"
    rf"|\s*[,，]?\s*(?:还有|另外|以及|而且|并且|同时|顺便问?一?下?)[,，]?\s*"
    rf"|\s*[,，]\s*(?={_ZH_ASK_HEAD})",
    re.IGNORECASE,
)
#: a comma before a statement: '..., I stopped the tablets on the 5th'
_ASIDE = re.compile(r"\s*,\s*(?=(?:i|i'm|i've|i'd|im|ive|we|we're)\s)", re.IGNORECASE)
#: 'how many people take part and where': a bare question word takes the rest from the question before it.
_BARE = re.compile(
    r"\s+and\s+(?=(?:where|who|why|how\s+much|how\s+many|how\s+long|how|since\s+when)\s*\W*$)|(?:，|,)?(?:还有|以及|和)?"
    r"(?=(?:在哪里|在哪儿?|多少|谁)[?？]?$)",
    re.IGNORECASE,
)
#: staff shorthand: 'P-0003 next visit and dose', 'p7 status, next visit'
_SHORT = re.compile(
    r"(?:\s*,\s*|\s+)(?:and|also|plus|&|\+)\s+(?=(?:the\s+|my\s+|his\s+|her\s+)?[\w'-]+(?:\s+[\w'-]+){0,3}\W*$)"
    r"|\s*,\s*(?=(?:p\W?\d+|0\d{3})\b)",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    rf"^\W*(?:{_ASK_HEAD})"
    r"|\b(?:what|who|when|where|why|how)(?:'s|\s+(?:is|are|was|were|do|does|did|will|can|should|much|many|long|often))\b"
    r"|\b(?:whats|whens|wheres|whos|hows)\b|\b(?:want(?:ed)?|like|need|have)\s+to\s+(?:ask|know)\b|\bwonder(?:ed|ing)?\b"
    r"|[?？]\s*$|[吗呢么]\s*\W*$|什么|怎么|多少|哪|几|是否|要不要|有没有|能不能|可不可以|谁",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(r"\b(?:it|that|this|them|these|those|one)\b|[它这那]", re.IGNORECASE)


@dataclass(frozen=True)
class Segment:
    """A stretch of the message between two possible cuts; `kind` says what made the cut before it; `gap`: left out text."""

    text: str
    start: int
    end: int
    kind: str = "start"

    @property
    def asks(self) -> bool:
        """Whether it has the form of a question or a request, not of a statement."""
        return bool(_QUESTION.search(self.text))

    @property
    def states(self) -> bool:
        """Whether it tells something of somebody ('I signed the form on Monday')."""
        return not self.asks and bool(_STATEMENT.match(self.text))

    @property
    def points_back(self) -> bool:
        """Whether it speaks of 'it' or 'that', named in what stands before."""
        return bool(_POINTS_BACK.search(self.text))


def segments(text: str) -> tuple[Segment, ...]:
    """The stretches of a message, in order; a message of one question is one segment."""
    cuts: list[tuple[int, int, str]] = [(m.start(), m.end(), "sentence") for m in _SENTENCE_END.finditer(text)]
    for pattern, kind in ((_JOIN, "join"), (_BARE, "bare"), (_SHORT, "short"), (_ASIDE, "aside")):
        for match in pattern.finditer(text):
            if match.start() > 0 and not any(s < match.end() and match.start() < e for s, e, _ in cuts):
                cuts.append((match.start(), match.end(), kind))
    return tuple(_between(text, sorted(cuts)))


def _between(text: str, cuts: list[tuple[int, int, str]]) -> Iterator[Segment]:
    start, kind = 0, "start"
    for cut_start, cut_end, cut_kind in cuts:
        # the question mark stays with its question
        end = cut_end if cut_kind == "sentence" else cut_start
        if text[start:end].strip(" \t\n,.;!?，。；！？"):
            yield _segment(text, start, end, kind)
            kind = cut_kind
        start = cut_end
    if text[start:].strip(" \t\n,.;!?，。；！？"):
        yield _segment(text, start, len(text), kind)


def _segment(text: str, start: int, end: int, kind: str) -> Segment:
    raw = text[start:end]
    start += len(raw) - len(raw.lstrip())
    return Segment(raw.strip(), start, start + len(raw.strip()), kind)


def join(text: str, left: Segment, right: Segment) -> Segment:
    """Two neighbours as one stretch again, with what stood between them."""
    return Segment(text[left.start : right.end], left.start, right.end, left.kind)
