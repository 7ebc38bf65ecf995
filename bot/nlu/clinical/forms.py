"""Forms, tables and interviews: boxes, bars, columns and `Q:`/`A:` become the colons and stops they stand for.

A row of a form reads 'label: answer.', whatever parts the two on paper: a bar, a semicolon between blanks, dots,
arrows, or two boxes under 'Yes' and 'No'. Evidence keeps the words of the note, only the reading forms change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.nlu.tokenizer import Piece

_BOXES = frozenset({"[x]", "[ ]", "[?]"})
_TICKED = "[x]"
_MARKS = frozenset({".", "?", "!", ";"})
#: So many rows of one kind make a table.
_ROWS = 3


def unfold(tokens: list[Piece]) -> list[Piece]:
    """The tokens of a form in the order and with the marks of plain lines."""
    tokens = _record(_quoted_mail(tokens))
    tokens = _numbered_items(_numbered_rows(tokens))
    norms = {piece.norm for piece in tokens}
    if len(tokens) > _ROWS * 2:
        tokens = _leaders(tokens)
    if not norms.isdisjoint(_BOXES):
        tokens = _ticks(tokens)
    if ";" in norms:
        tokens = _columns(tokens)
    tokens = _fields(tokens)
    if "?" in norms:
        tokens = _questionnaire(_interview(tokens))
    return tokens


#: What the literals of a record stand for.
_LITERALS = {"false": "no", "true": "yes", "null": "unknown"}


def _record(tokens: list[Piece]) -> list[Piece]:
    """A record of `"key": value` pairs reads as the lines of a form."""
    if sum(tokens[i].norm == '"' and tokens[i + 1].norm == ":" for i in range(len(tokens) - 1)) < _ROWS:
        return tokens
    out: list[Piece] = []
    breaks = 0
    for i, piece in enumerate(tokens):
        if piece.norm in {'"', "{", "}"}:
            breaks = max(breaks, piece.breaks)
            continue
        ends = piece.norm == "," and i + 1 < len(tokens) and tokens[i + 1].norm == '"'
        norm = "." if ends else _LITERALS.get(piece.norm, piece.norm)
        out.append(replace(piece, norm=norm, breaks=max(breaks, piece.breaks)))
        breaks = 0
    return out


def _lines(tokens: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    start = 0
    for i, piece in enumerate(tokens):
        if piece.breaks and i > start:
            yield start, i
            start = i
    if tokens:
        yield start, len(tokens)


def _mark(norm: str, after: Piece) -> Piece:
    """A mark that nobody wrote, behind a token."""
    return Piece(norm, norm, after.end, after.end, 0)


def _spaced(tokens: Sequence[Piece], i: int) -> bool:
    """Whether a mark stands between blanks: it parts columns, not sentences."""
    return (
        0 < i < len(tokens) - 1 and tokens[i - 1].end < tokens[i].start and tokens[i].end < tokens[i + 1].start
    ) and not (tokens[i].breaks or tokens[i + 1].breaks)


def _quoted_mail(tokens: list[Piece]) -> list[Piece]:
    """The '>' before the lines of a quoted mail says nothing."""
    if not any(
        piece.norm == ">" and (piece.breaks or i == 0) and i + 1 < len(tokens) and not tokens[i + 1].norm[0].isdigit()
        for i, piece in enumerate(tokens)
    ):
        return tokens
    out: list[Piece] = []
    breaks = 0
    for i, piece in enumerate(tokens):
        if piece.norm == ">" and (piece.breaks or i == 0 or breaks) and i + 1 < len(tokens):
            breaks = max(breaks, piece.breaks)
            continue
        out.append(replace(piece, breaks=breaks) if breaks and not piece.breaks else piece)
        breaks = 0
    return out


# ----------------------------------------------------------------------------------------- numbered items


def _numbered_rows(tokens: list[Piece]) -> list[Piece]:
    """'| 4 | Obstruction | No |': a first column that only counts the rows is left out."""
    rows = []
    for first, last in _lines(tokens):
        at = first + (tokens[first].norm == "|")
        if last - at > 3 and tokens[at + 1].norm == "|" and _ITEM.fullmatch(tokens[at].norm):
            rows.append(at)
    if len(rows) < _ROWS:
        return tokens
    out: list[Piece] = []
    breaks = 0
    for i, piece in enumerate(tokens):
        if i in rows or i - 1 in rows:
            breaks = max(breaks, piece.breaks)
            continue
        out.append(replace(piece, breaks=max(breaks, piece.breaks)) if breaks else piece)
        breaks = 0
    return out


#: So many numbers in turn make a numbered form.
_ITEMS = 4
#: A criterion's number as forms print it: 3, I3, E03, IC-3.
_ITEM = re.compile(r"(?:[ie]c?-?)?0?([1-9]|[12][0-9])")
_MEASURES = frozenset({"cm", "mm", "years", "months", "weeks", "days", "kg", "mg", "ml", "g", "x"})
_ENDS_ITEM = frozenset({"n", "no", "y", "yes", "none", "neg", "negative", "ok", "na", ")", ";", ".", "|", "?", "never"})


def _numbered_items(tokens: list[Piece]) -> list[Piece]:
    """'1 recurrent: N   2 transplant: N   3 HIV: neg': each numbered item is a row; its number says nothing else."""
    items: list[list[int]] = [[]]
    value = 0
    for i, piece in enumerate(tokens[:-1]):
        match = _ITEM.fullmatch(piece.norm)
        after = i + 1 + (tokens[i + 1].norm in {".", ")", ":"})
        if match is None or after >= len(tokens) or not tokens[after].norm[0].isalpha() or tokens[i + 1].breaks:
            continue
        if tokens[after].norm in _MEASURES and not piece.breaks:
            continue
        opens = i == 0 or piece.breaks > 0 or piece.start - tokens[i - 1].end > 1
        if not opens and not (int(match[1]) == value + 1 and tokens[i - 1].norm in _ENDS_ITEM):
            continue
        if int(match[1]) != value + 1 or not items[-1]:
            if int(match[1]) != 1 and items[-1]:
                continue
            items.append([])
        value = int(match[1])
        items[-1].append(i)
    numbers = {i for run in items if len(run) >= _ITEMS for i in run}
    if not numbers:
        return tokens
    out: list[Piece] = []
    breaks = 0
    for i, piece in enumerate(tokens):
        if i in numbers:
            if out and out[-1].norm not in {".", ":"}:
                out.append(_mark(".", out[-1]))
            breaks = max(piece.breaks, 1)
        elif i - 1 in numbers and piece.norm in {".", ")", ":"}:
            continue
        else:
            out.append(replace(piece, breaks=max(breaks, piece.breaks)) if breaks else piece)
            breaks = 0
    return out


# ------------------------------------------------------------------------------------------------- boxes

_YES_NO = frozenset({"yes", "no", "y", "n", "none", "ja", "nein"})
_NEGATIVE = frozenset({"no", "not", "none", "without", "free", "never", "absent", "excluded", "nil", "denies"})
#: An option of a tick list is so many words at most.
_OPTION_WORDS = 4


_TICK_DENIES = re.compile(
    r"(?<!\S)(?:\[x\]|x|ticks?|ticked|checked|crossed)(?: box)? (?:=|:|means?|is|for|if|when|where) (?:absent|no|not present|none|excluded|negative|ruled out|denied|not met|not applicable|does not apply)(?!\S)"
)


def _denied_ticks(tokens: list[Piece]) -> list[Piece]:
    """'(tick = absent) [x] recurrence [x] transplant' reads 'recurrence: no. transplant: no.'"""
    out: list[Piece] = []
    asked = False
    for i, piece in enumerate(tokens):
        ends = piece.norm in _BOXES or (piece.breaks > 0 and asked)
        if ends and asked and out:
            out += [_mark(":", out[-1]), _mark("no", out[-1]), _mark(".", out[-1])]
            asked = False
        if piece.norm == _TICKED and i + 1 < len(tokens) and tokens[i + 1].norm not in _BOXES:
            asked = True
            if out and out[-1].norm not in _MARKS:
                out.append(_mark(".", out[-1]))
            continue
        if asked and piece.norm in _MARKS:
            continue
        out.append(replace(piece, breaks=1) if i and tokens[i - 1].norm == _TICKED else piece)
    if asked and out:
        out += [_mark(":", out[-1]), _mark("no", out[-1]), _mark(".", out[-1])]
    return out


def _ticks(tokens: list[Piece]) -> list[Piece]:
    """Rows under 'Yes' and 'No' columns, options to tick, and boxes at the end of a line."""
    if _TICK_DENIES.search(" ".join(piece.norm for piece in tokens)):
        return _denied_ticks(tokens)
    order = ("yes", "no")
    out: list[Piece] = []
    for first, last in _lines(tokens):
        line = list(tokens[first:last])
        words = [piece.norm for piece in line]
        if _BOXES.isdisjoint(words):
            heads = [w for w in words if w in {"yes", "no"}]
            if words[-len(heads) :] == heads and set(heads) == {"yes", "no"}:
                order = (heads[0], heads[1])
                line.append(_mark(".", line[-1]))
            out += line
            continue
        out += _grid_row(line, order) or _single_box(line) or _options(line)
    return out


def _grid_row(line: list[Piece], order: tuple[str, str]) -> list[Piece]:
    """'4 Tumour obstruction [ ] [x]' reads 'Tumour obstruction: no.'; with both or neither ticked, nothing is said."""
    at = [i for i, piece in enumerate(line) if piece.norm in _BOXES]
    if len(at) < 2 or at[1] != at[0] + 1 or at[0] == 0 or len(at) > 3 or at[-1] != at[0] + len(at) - 1:
        return []
    label, rest = line[: at[0]], line[at[-1] + 1 :]
    if len(label) > 1 and label[0].norm.isdigit() and len(label[0].norm) < 3:
        skip = 2 if label[1].norm in {".", ")"} else 1
        label = [replace(label[skip], breaks=label[0].breaks), *label[skip + 1 :]] if len(label) > skip else label
    if label[-1].norm == ":":
        label = label[:-1]
    ticked = [k for k, i in enumerate(at) if line[i].norm == _TICKED]
    if len(ticked) != 1 or ticked[0] > 1:
        box = replace(line[at[0]], norm="[?]", breaks=label[0].breaks)
        body = [box, replace(label[0], breaks=0), *label[1:]]
    elif order[ticked[0]] == "no":
        body = [*label, _mark(":", label[-1]), replace(line[at[ticked[0]]], norm="no", raw="no")]
    elif _NEGATIVE.isdisjoint(piece.norm for piece in label):
        body = [*label, _mark(":", label[-1]), replace(line[at[ticked[0]]], norm="yes", raw="yes")]
    else:
        body = label
    return [*body, *([_mark(";", body[-1]), *rest] if rest else []), _mark(".", (rest or body)[-1])]


def _single_box(line: list[Piece]) -> list[Piece]:
    """'HIV negative [ ]': a box at the end of its line belongs to what stands before it."""
    if sum(piece.norm in _BOXES for piece in line) != 1 or line[-1].norm not in _BOXES or len(line) < 2:
        return []
    box = replace(line[-1], breaks=line[0].breaks)
    return [box, replace(line[0], breaks=0), *line[1:-1], _mark(".", line[-1])]


def _options(line: list[Piece]) -> list[Piece]:
    """'PS: [ ]0 [x]1 [ ]2' reads 'PS: 1'; 'Transplant [ ] yes [x] no' reads 'Transplant: no'."""
    out: list[Piece] = []
    start = 0
    for i in range(len(line) + 1):
        ends = i == len(line) or (line[i].norm in {".", ";", "|"} and not _numbered(line, i))
        if ends:
            part = line[start:i]
            out += _choice(part)
            if i < len(line):
                out.append(line[i])
            start = i + 1
    return out


def _numbered(line: Sequence[Piece], i: int) -> bool:
    """A stop that ends nothing: of a list number, or of the dots that lead to a box."""
    if line[i].norm != "." or not 0 < i < len(line) - 1:
        return False
    return (
        line[i - 1].norm.isdigit()
        or line[i + 1].norm == "."
        or (line[i - 1].norm == "." and line[i + 1].norm in _BOXES)
    )


def _choice(part: list[Piece]) -> list[Piece]:
    at = [i for i, piece in enumerate(part) if piece.norm in _BOXES]
    if len(at) < 2 or at[0] == 0:
        return part
    label = part[: at[0]]
    trailing = at[-1] == len(part) - 1
    colon = max((i for i, piece in enumerate(label) if piece.norm == ":"), default=-1)
    if trailing:
        # 'Chronic illness: diabetes [ ] asthma [x]', 'HIV yes [ ] no [x]': each box stands behind its option.
        begin = colon + 1 if colon >= 0 else len(label) - 1 if label[-1].norm in _YES_NO else len(label)
        spans = list(zip([begin, *(i + 1 for i in at[:-1])], at, at, strict=True))
        label = part[:begin]
    else:
        spans = list(zip((i + 1 for i in at), [*at[1:], len(part)], at, strict=True))
    if not label or any(not 0 < end - start <= _OPTION_WORDS for start, end, _ in spans):
        return part
    if not trailing and colon < 0 and len(label) > 6:
        return part
    chosen = [part[start:end] for start, end, box in spans if part[box].norm == _TICKED]
    while label and label[-1].norm in {":", "."}:
        label = label[:-1]
    if not label:
        return part
    if not chosen:
        return part
    out = [*label, _mark(":", label[-1])]
    for number, words in enumerate(chosen):
        if number:
            out.append(_mark(",", out[-1]))
        out += [replace(piece, breaks=0) for piece in words if piece.norm != ","]
    return out


# --------------------------------------------------------------------------------------- columns and bars


def _leaders(tokens: list[Piece]) -> list[Piece]:
    """'Age ... 52', 'ECOG >> 1', 'site -> mid rectum': dots and arrows that lead from a label to its answer."""
    runs: list[tuple[int, int]] = []
    i = 0
    while i < len(tokens):
        j = i + 1
        sign = tokens[i].norm
        if sign in {".", ">"}:
            while j < len(tokens) and tokens[j].norm == sign and tokens[j].start == tokens[j - 1].end:
                j += 1
        long = j - i >= (3 if sign == "." else 2)
        arrow = len(sign) > 1 and sign[-1] == ">" and sign[0] in "-="
        if (long or arrow or sign == "→") and i and j < len(tokens) and not tokens[i].breaks and not tokens[j].breaks:
            runs.append((i, j))
        i = j
    spaced = [
        (i, j)
        for i, j in runs
        if j - i > 4
        or (tokens[i - 1].end < tokens[i].start and tokens[j - 1].end < tokens[j].start and _labels(tokens, i))
    ]
    if len(spaced) < _ROWS:
        return tokens
    out: list[Piece] = []
    ends = dict(spaced)
    begins = {_field_start(tokens, i) for i in ends}
    skip = 0
    for i, piece in enumerate(tokens):
        if i in ends:
            out.append(replace(piece, norm=":", end=tokens[ends[i] - 1].end))
            skip = ends[i]
        elif i >= skip:
            if i in begins:
                out.append(_mark(";", tokens[i - 1]))
            out.append(piece)
    return out


#: A label is so many words at most.
_LABEL_WORDS = 6


def _labels(tokens: Sequence[Piece], i: int) -> bool:
    """Whether the line (or its part) begins shortly before token `i`."""
    for k in range(i - 1, max(-1, i - _LABEL_WORDS - 1), -1):
        if tokens[k].breaks or k == 0:
            return True
    return _field_start(tokens, i) > 0


def _field_start(tokens: Sequence[Piece], i: int) -> int:
    """Where the label of a second field in the line begins ('... T3 N1     CT ... booked'): after wide blanks."""
    for k in range(i - 1, max(0, i - _LABEL_WORDS - 1), -1):
        if tokens[k].breaks:
            return -1
        if tokens[k].start - tokens[k - 1].end > 1:
            return k
    return -1


def _columns(tokens: list[Piece]) -> list[Piece]:
    """'consent ; given 3 June ; ICF': semicolons between blanks part the columns of a table."""
    rows = []
    for first, last in _lines(tokens):
        at = [i for i in range(first, last) if tokens[i].norm == ";" and _spaced(tokens, i)]
        if at and at[0] - first <= _LABEL_WORDS:
            rows.append((first, at, last))
    if len(rows) < _ROWS:
        return tokens
    marks: dict[int, str] = {}
    source = sum(len(at) > 1 for _, at, _ in rows) * 2 > len(rows)
    for _, at, last in rows:
        marks[at[0]] = ":"
        if source and len(at) > 1 and last - at[-1] <= _LABEL_WORDS:
            marks[at[-1]] = "."
    return [replace(piece, norm=marks[i]) if i in marks else piece for i, piece in enumerate(tokens)]


def _bars(tokens: list[Piece]) -> dict[int, str]:
    """What each bar stands for: after the label of a row a colon, elsewhere a semicolon; at the edges of a row a stop."""
    marks: dict[int, str] = {}
    rows: list[tuple[int, list[int], int]] = []
    for first, last in _lines(tokens):
        at = [i for i in range(first, last) if tokens[i].norm == "|"]
        if at:
            rows.append((first, at, last))
    framed = [row for row in rows if row[1][0] == row[0]]
    counts = [len(at) for _, at, _ in rows]
    for first, at, last in rows:
        inner = [i for i in at if i not in {first, last - 1}]
        for i in at:
            marks[i] = "."
        colons = any(tokens[i].norm in {":", "="} for i in range(first, last))
        labelled = bool(inner) and any(tokens[i].norm in {":", "="} for i in range(first, inner[0]))
        table = (
            not labelled
            and len(rows) >= _ROWS
            and (len(framed) >= _ROWS or (len(at) < 4 and counts.count(len(at)) >= _ROWS))
        )
        for number, i in enumerate(inner):
            marks[i] = ":" if number == 0 and (table or not colons) else ";" if colons or table else ":"
        if len(inner) > 2 and not table and not colons:
            for i in inner:
                marks[i] = ";"
    return marks


def _fields(tokens: list[Piece]) -> list[Piece]:
    """`key=value` reads `key: value`; bars part label, answer and source of a row; `//` parts statements."""
    tokens = _suspended(tokens)
    norms = [piece.norm for piece in tokens]
    doubled = {
        i for i in range(1, len(norms)) if norms[i] == norms[i - 1] == "/" and tokens[i].start == tokens[i - 1].end
    }
    if {"=", "|", "["}.isdisjoint(norms) and not doubled:
        return _categories(tokens) if ":" in norms else tokens
    out = list(tokens)
    bars = _bars(tokens) if "|" in norms else {}
    for i, piece in enumerate(tokens):
        if piece.norm == "=" and i and tokens[i - 1].norm[:1].isalpha():
            out[i] = replace(piece, norm=":")
        elif piece.norm in {"[", "]"}:
            out[i] = replace(piece, norm="(" if piece.norm == "[" else ")")
        elif i in bars:
            out[i] = replace(piece, norm=bars[i])
            if bars[i] == ":" and tokens[i - 1].norm == "?":
                # '| Signed? | yes |': the bar asks already.
                out[i - 1] = replace(piece, norm=":", raw="?")
    out = _categories(out)
    if doubled:
        out = [
            replace(piece, norm=";") if i in doubled else piece for i, piece in enumerate(out) if i + 1 not in doubled
        ]
    return out


_HALVES = {
    "radio": "radiotherapy",
    "chemo": "chemotherapy",
    "immuno": "immunotherapy",
    "radiochemo": "chemoradiotherapy",
    "chemoradio": "chemoradiotherapy",
    "targeted": "targeted",
    "surgery": "surgery",
}


def _suspended(tokens: list[Piece]) -> list[Piece]:
    """'chemo-, radio-, immuno- or targeted therapy': each half word stands for its whole."""
    norms = [piece.norm for piece in tokens]
    if not any(piece.raw == "-" for piece in tokens) or _HALVES.keys().isdisjoint(norms):
        return tokens
    hanging = {
        i
        for i in range(1, len(tokens) - 1)
        if tokens[i].raw == "-"
        and norms[i - 1] in _HALVES
        and tokens[i - 1].end == tokens[i].start
        and norms[i + 1] in {",", "/", "and", "or", "&", "nor"}
    }
    return [
        replace(piece, norm=_HALVES[piece.norm]) if i + 1 in hanging else piece
        for i, piece in enumerate(tokens)
        if i not in hanging
    ]


_CATEGORY = frozenset({"t", "n", "m", "ct", "cn", "cm", "pt", "pn", "mrt", "mrn"})


def _categories(tokens: list[Piece]) -> list[Piece]:
    """'T: 3; N: 2; M: 0' reads 'T3; N2; M0' where all three letters stand so."""
    at = [
        i
        for i in range(len(tokens) - 2)
        if tokens[i].norm in _CATEGORY and tokens[i + 1].norm == ":" and tokens[i + 2].norm in {"0", "1", "2", "3", "4"}
    ]
    if len({tokens[i].norm[-1] for i in at}) < 3:
        return tokens
    out: list[Piece] = []
    i = 0
    while i < len(tokens):
        if i in at:
            out.append(replace(tokens[i], norm=tokens[i].norm + tokens[i + 2].norm, end=tokens[i + 2].end))
            i += 3
        else:
            out.append(tokens[i])
            i += 1
    return out


# -------------------------------------------------------------------------------------------- interviews

#: Longest question and longest answer of a questionnaire, in words.
_QUESTION_WORDS, _ANSWER_WORDS = 14, 14
_ASKS = frozenset({"q", "nurse", "dr", "doctor", "interviewer", "n", "d", "rn", "question", "physician", "caller"})
_TELLS = frozenset({"a", "patient", "pt", "p", "ans", "answer", "r", "resp", "reply", "he", "she"})


def _questionnaire(tokens: list[Piece]) -> list[Piece]:
    """'Allergies? None. Obstruction? No.': from three such questions on, the mark stands for a colon."""
    pairs = []
    for i, piece in enumerate(tokens[:-1]):
        if (
            piece.norm != "?"
            or not i
            or tokens[i - 1].end != piece.start
            or tokens[i + 1].start == piece.end
            or tokens[i + 1].breaks
        ):
            continue
        before = next(
            (k for k in range(i - 1, max(-1, i - _QUESTION_WORDS), -1) if tokens[k].norm in _MARKS or tokens[k].breaks),
            None,
        )
        after = next((k for k in range(i + 1, min(len(tokens), i + _ANSWER_WORDS)) if tokens[k].norm in _MARKS), None)
        if (
            (before is not None or i < _QUESTION_WORDS)
            and (after is not None or len(tokens) - i < _ANSWER_WORDS)
            and not (after is not None and tokens[after].norm == "?")
        ):
            pairs.append(i)
    if len(pairs) < _ROWS:
        return tokens
    marks = set(pairs)
    return [replace(piece, norm=":") if i in marks else piece for i, piece in enumerate(tokens)]


def _speaker(tokens: Sequence[Piece], i: int, names: frozenset[str], opens: bool) -> int:
    """How many tokens a speaker's label takes at `i` ('Q:', 'A.', 'Nurse:', or a bare 'Q' and 'A'); 0 where none stands."""
    if i + 1 >= len(tokens) or tokens[i].norm not in names or not opens:
        return 0
    if tokens[i + 1].norm in {":", "."} and tokens[i].end == tokens[i + 1].start:
        return 2
    return 1 if tokens[i].raw in {"Q", "A"} and not tokens[i + 1].breaks else 0


def _interview(tokens: list[Piece]) -> list[Piece]:
    """'Q: HIV? A: negative.' and 'Q HIV? A negative.' read 'HIV: negative.'"""
    asked: dict[int, int] = {}
    told: dict[int, int] = {}
    for i in range(len(tokens)):
        opens = i == 0 or tokens[i].breaks > 0 or tokens[i - 1].norm in _MARKS | {",", ")"}
        size = _speaker(tokens, i, _ASKS, opens)
        if size:
            asked[i] = size
            continue
        size = _speaker(tokens, i, _TELLS, i > 0 and tokens[i - 1].norm in _MARKS | {")", ","})
        if size:
            told[i] = size
    if len(told) < 2 or sum(tokens[i - 1].norm == "?" for i in told) < 2:
        return tokens
    out: list[Piece] = []
    breaks = i = 0
    while i < len(tokens):
        size = asked.get(i, 0) or told.get(i, 0)
        if size:
            if i in told and out and out[-1].norm == "?":
                out[-1] = replace(out[-1], norm=":")
            else:
                if out and out[-1].norm not in _MARKS:
                    out.append(_mark(".", out[-1]))
                breaks = tokens[i].breaks
            i += size
            continue
        out.append(replace(tokens[i], breaks=max(breaks, tokens[i].breaks)) if breaks else tokens[i])
        breaks = 0
        i += 1
    return out
