"""Sentences, clauses and list items of a note.

Clinical text is cut by full stops, semicolons, line ends and bullets; within a sentence commas, 'and', 'or',
brackets and dashes part the items of a list. Each item is a :class:`Segment`; context (negation and the like)
travels from segment to segment by rule, never by distance.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from bot.nlu.tokenizer import Piece

_TITLES = frozenset(["dr", "mr", "mrs", "ms", "miss", "prof", "st", "mme", "herr", "frau", "sr", "sra"])
_ABBREVIATIONS = frozenset(
    [
        "vs",
        "approx",
        "e.g",
        "i.e",
        "ca",
        "c",
        "b",
        "d",
        "no",
        "pt",
        "pts",
        "dept",
        "fig",
        "al",
        "wk",
        "wks",
        "yr",
        "yrs",
        "mo",
        "mos",
        "hx",
        "dx",
        "tx",
        "rx",
        "bx",
        "abd",
        "adm",
        "incl",
        "resp",
        "ant",
        "post",
        "lap",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "est",
        "max",
        "min",
        "neg",
        "pos",
        "nr",
        "tel",
        "ext",
        "ref",
        "diff",
        "hosp",
        "med",
        "surg",
        "inf",
        "sup",
        "emerg",
        "op",
        "urg",
        "prob",
        "susp",
    ]
)
_NEVER_ENDS = frozenset(
    [
        "geb",
        "jg",
        "ther",
        "prev",
        "treatm",
        "incl",
        "vs",
        "approx",
        "e.g",
        "i.e",
        "b",
        "ca",
        "est",
        "dr",
        "mr",
        "mrs",
        "ms",
        "prof",
    ]
)
_CONJUNCTIONS = frozenset({"and", "or", "nor", "&", "plus", "/", "+"})
_CONTRAST = frozenset(
    {
        "but",
        "however",
        "although",
        "though",
        "whereas",
        "except",
        "nevertheless",
        "nonetheless",
        "yet",
        "albeit",
        "because",
        "while",
    }
)
_PRONOUNS = frozenset({"he", "she", "they", "it", "we", "i", "patient", "pt", "you"})
_ANSWERS = frozenset(
    {
        "yes",
        "no",
        "none",
        "nil",
        "y",
        "n",
        "never",
        "negative",
        "neg",
        "positive",
        "pos",
        "unknown",
        "denied",
        "denies",
        "normal",
    }
)
_BULLETS = frozenset({"•", "*", "-", "·", "–", "▪", "◦", "‣", "●", "○", "■", "□", "→"})
_CLOSERS = frozenset({",", ";", ":", ")", "/"})
#: A line at least this long that runs on in lower case was wrapped, not ended.
_WRAPPED_LINE = 45
#: A sentence of so many words is cut at the next comma, and at the latest at the second figure: no text costs more
#: than its length.
_LONG = 200
_LONGEST = 300


@dataclass(frozen=True)
class Segment:
    """One list item: tokens `start` to `end`; `link` is what parts it from the one before.

    `link` is one of ``start`` (of the sentence), ``,``, ``and``, ``or``, ``nor``, ``/``, ``;``, ``:``, ``(``, ``)``,
    ``-``, ``//`` (a slash between blanks) and ``but``.
    """

    index: int
    start: int
    end: int
    link: str
    sentence: int
    clause: int


@dataclass(frozen=True)
class Layout:
    """Where everything is: sentences as token ranges, segments, and for each token its segment."""

    sentences: tuple[tuple[int, int], ...]
    segments: tuple[Segment, ...]
    segment_of: tuple[int, ...]

    def sentence_of(self, token: int) -> int:
        return self.segments[self.segment_of[token]].sentence


def lay_out(
    tokens: Sequence[Piece], norms: Sequence[str], sentences: Sequence[tuple[int, int]], inside: Set[int]
) -> Layout:
    """Cuts the sentences into segments; `inside` holds the tokens at which a phrase goes on, so that 'hepatitis B or C' stays whole."""
    segments: list[Segment] = []
    segment_of = [0] * len(tokens)
    clause = 0
    for number, (first, last) in enumerate(sentences):
        clause += 1
        start, link = first, "start"
        for i in range(first, last + 1):
            cut = None if i == last or i in inside else _cut(tokens, norms, i, first, last)
            if cut is None and i < last:
                continue
            if i > start or i == last:
                index = len(segments)
                if i > start:
                    segments.append(Segment(index, start, i, link, number, clause))
                    for j in range(start, i):
                        segment_of[j] = index
            if i == last:
                break
            if segments:
                segment_of[i] = len(segments) - 1
            keeps_word = cut == "but"
            link = _stronger(link, cut or ",") if i == start and link != "start" else (cut or ",")
            start = i if keeps_word else i + 1
            if cut in {";", "but", "-", "//"} or (cut == "," and i + 1 < last and norms[i + 1] in _PRONOUNS):
                clause += 1
    if not segments:
        segments.append(Segment(0, 0, len(tokens), "start", 0, 0))
    return Layout(tuple(sentences) or ((0, len(tokens)),), tuple(segments), tuple(segment_of))


_STRENGTH = {",": 0, "/": 1, "//": 6, "and": 2, "or": 2, "nor": 2, "-": 3, "(": 4, ")": 4, ":": 5, ";": 6, "but": 7}


def _stronger(a: str, b: str) -> str:
    return a if _STRENGTH.get(a, 0) > _STRENGTH.get(b, 0) else b


def _cut(tokens: Sequence[Piece], norms: Sequence[str], i: int, first: int, last: int) -> str | None:
    """What parts the sentence at token `i`, if anything does."""
    word = norms[i]
    if word == ":" and first < i < last - 1 and norms[i - 1].isdigit() and norms[i + 1][:1].isdigit():
        # '03:00', '2:1': a time or a ratio, no label.
        return None if tokens[i - 1].end == tokens[i].start and tokens[i].end == tokens[i + 1].start else word
    if word in {",", ";", ":", "(", ")"}:
        return word
    if word in _CONTRAST and i > first:
        return "but"
    if word in {"apart", "other", "aside"} and i + 1 < last and norms[i + 1] in {"from", "than"}:
        return "but"
    if word in {"[x]", "[ ]", "[?]"}:
        return ";"
    if word in _CONJUNCTIONS:
        if (
            word == "/"
            and first < i < last - 1
            and tokens[i].start > tokens[i - 1].end
            and tokens[i].end < tokens[i + 1].start
        ):
            return "//"
        if word in {"/", "+"}:
            return "/" if first < i < last - 1 and not norms[i - 1][-1].isdigit() else None
        return {"&": "and", "plus": "and"}.get(word, word)
    if word == "-" and first < i < last - 1:
        spaced = tokens[i].start > tokens[i - 1].end
        return "-" if spaced and not (norms[i - 1][0].isdigit() and norms[i + 1][0].isdigit()) else None
    return None


def split_sentences(tokens: Sequence[Piece], norms: Sequence[str]) -> list[tuple[int, int]]:
    """Token ranges of the sentences, each token in exactly one."""
    out: list[tuple[int, int]] = []
    start = 0
    line_start = 0
    width = _line_width(tokens)
    for i, token in enumerate(tokens):
        if token.breaks and i > start:
            if _line_ends(tokens, norms, line_start, i, width):
                out.append((start, i))
                start = i
            line_start = i
        length = i + 1 - start
        endless = length >= _LONGEST or (length >= _LONG and norms[i] == ",")
        if i >= start and i + 1 < len(tokens) and (endless or _stops(tokens, norms, i)):
            out.append((start, i + 1))
            start = i + 1
    if start < len(tokens):
        out.append((start, len(tokens)))
    return out


def _line_width(tokens: Sequence[Piece]) -> int:
    """The length of the longest line: what a wrapped text was wrapped to."""
    longest, first = 0, 0
    for i, token in enumerate(tokens):
        if token.breaks:
            first = i
        longest = max(longest, token.end - tokens[first].start)
    return longest


#: Longest label of a form's field, in words.
_LABEL_WORDS = 6


def _labels(tokens: Sequence[Piece], norms: Sequence[str], i: int) -> bool:
    """Whether a line begins with a number of a list or the label of a field: '3. HIV', 'Prior anti-tumour tx: nil'."""
    if len(norms[i]) <= 2 and norms[i].isdigit() and norms[i + 1 : i + 2] in ([")"], ["."]):
        return tokens[i].end == tokens[i + 1].start
    if norms[i] == "(" and len(norms) > i + 2 and norms[i + 1].isdigit() and norms[i + 2] == ")":
        return True
    for k in range(i, min(i + _LABEL_WORDS + 1, len(tokens))):
        if k > i and tokens[k].breaks:
            return False
        if norms[k] == ":":
            return k > i and tokens[i].raw[0].isalpha()
        if norms[k] in {".", ",", ";", "?", "!"}:
            return False
    return False


def _next_number(tokens: Sequence[Piece], norms: Sequence[str], line_start: int, i: int) -> bool:
    """Whether two lines begin with a number and the one after it ('4 Histology ...', '5 Emergency operation ...')."""
    before, after = norms[line_start], norms[i]
    return (
        before.isdigit()
        and after.isdigit()
        and len(after) <= 2
        and int(after) == int(before) + 1
        and i + 1 < len(tokens)
        and tokens[i + 1].raw[0].isalpha()
    )


def _line_ends(tokens: Sequence[Piece], norms: Sequence[str], line_start: int, i: int, width: int) -> bool:
    """Whether the line end before token `i` ends a sentence: a wrapped line of prose does not."""
    if tokens[i].breaks > 1 or norms[i - 1] in {".", ";", "!", "?"} or _next_number(tokens, norms, line_start, i):
        return True
    if norms[i - 1] in _ANSWERS and i > 1 and norms[i - 2] in {":", "?"}:
        return True
    length = tokens[i - 1].end - tokens[line_start].start
    if _labels(tokens, norms, i) and norms[i - 1] not in {",", "and", "or", "no", "of", "the", "/"}:
        return True
    if (
        50 <= width <= 110
        and norms[i] not in _BULLETS
        and length + 1 + len(tokens[i].raw) > width - 3
        and norms[i - 1] != ":"
    ):
        return False
    if norms[i] in _BULLETS or tokens[i].raw[0].isupper():
        return (
            tokens[i - 1].end - tokens[line_start].start < _WRAPPED_LINE
            or norms[i] in _BULLETS
            or norms[i - 1]
            not in {
                ",",
                "and",
                "or",
                "the",
                "of",
                "with",
                "a",
                "no",
                "his",
                "her",
                "to",
                "for",
                "on",
                "dr",
                "mr",
                "mrs",
            }
        )
    if norms[i - 1] == ":":
        return False
    return tokens[i - 1].end - tokens[line_start].start < _WRAPPED_LINE


def _stops(tokens: Sequence[Piece], norms: Sequence[str], i: int) -> bool:
    word, following = norms[i], tokens[i + 1]
    if word in {";", "!"}:
        return True
    gap = following.start > tokens[i].end
    if word == "?":
        before = i > 0 and tokens[i - 1].end == tokens[i].start
        answer = i + 2 if norms[i + 1] == "-" and i + 2 < len(norms) else i + 1
        return before and gap and norms[answer] not in _ANSWERS
    if word != "." or norms[i + 1] in _CLOSERS:
        return False
    previous = norms[i - 1] if i else ""
    if previous in _TITLES:
        return False
    if not gap and not following.breaks:
        return following.raw[0].isupper() and len(previous) > 3
    if previous == "ca" and following.raw[0].isupper() and i > 1 and norms[i - 2].isalpha():
        # 'Sister breast ca. Rectal adenoca'
        return True
    if previous in _NEVER_ENDS and tokens[i - 1].end == tokens[i].start:
        return False
    if (
        len(previous) == 1
        and previous.isalpha()
        and tokens[i - 1].raw.isupper()
        and tokens[i - 1].end == tokens[i].start
    ):
        return not _initial(tokens, norms, i - 1)
    if previous in _ABBREVIATIONS:
        return following.raw[0].isupper() or following.breaks > 0
    return True


def _initial(tokens: Sequence[Piece], norms: Sequence[str], i: int) -> bool:
    """Whether the single capital at `i` is a name's initial (`Mrs A. Osei`, `Mr T. K. Wu`)."""
    j = i - 1
    while j >= 0 and (norms[j] == "." or (len(norms[j]) == 1 and tokens[j].raw.isupper())):
        j -= 1
    if j < 0:
        return True
    return (
        norms[j] in _TITLES
        and tokens[i + 1].end < (tokens[i + 2].start if i + 2 < len(tokens) else 0)
        and (i + 2 < len(tokens) and tokens[i + 2].raw[0].isupper())
    )
