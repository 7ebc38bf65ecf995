"""Tokens of clinical shorthand.

`cT3cN1bM0`, `ECOG1`, `6cm`, `10^3`, `tx-naive` and `58M` come apart where a nurse would part them. The words of
the spaCy `Doc` are the reading forms (lower case, British spelling, no accents); where each stood in the note is
kept in ``doc.user_data["tokens"]``, so that evidence can be quoted in the note's own words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from spacy.tokens import Doc
from spacy.vocab import Vocab


@dataclass(frozen=True)
class Piece:
    """One token: its reading form, its own words, where it stood, and how many line ends precede it."""

    norm: str
    raw: str
    start: int
    end: int
    breaks: int


_TRANSLATE: dict[int, str] = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(range(55296, 57344), "�"),
    **dict.fromkeys((0, 160, 8239, 8201, 12288, 8203, 65279, 9), " "),
    **dict.fromkeys((8208, 8209, 8210, 8211, 8212, 8722), "-"),
    **dict.fromkeys((8216, 8217, 700, 96, 180), "'"),
    **dict.fromkeys((8220, 8221, 8222, 171, 187), '"'),
    **dict.fromkeys((215, 10005), "x"),
    0x2028: "\n",
    0x2029: "\n",
    0x85: "\n",
    0x0B: "\n",
    0x0C: "\n",
    0x3002: ".",
    0x3001: ",",
    0xB5: "u",
    0x3BC: "u",
    0x3B2: "b",
    0x2265: "≥",
    0x2267: "≥",
    0x2264: "≤",
    0x2266: "≤",
}

_SLASHED = "w/o|r/o|h/o|s/p|y/o|n/a|c/o|f/u|o/e|b/g|p/w|k/c/o|y/n|n/k|u&es|u&e|u\\+es|u\\+e|a&e|e\\.g|i\\.e|a\\.v"

_TOKEN = re.compile(
    rf"""
    (?P<box>\[\s?[xX✓✔+]?\s?\]|\[[?]\]|[☐☑☒✓✔✗✘])
  | (?P<sign>\(\s*[+\-]{{1,3}}\s*\)|(?<![\w.])[+\-]ve\b|(?<=[A-Za-z])[+\-]ve\b|(?<=[A-Za-z)\d])(?:\+{{1,3}}|-)(?=[\s,;.)/]|$)|(?<=(?i:HBsAg)\s)[+\-](?=[\s,;.]|$)|(?<=(?i:HCV)\s)[+\-](?=[\s,;.]|$)|(?<=(?i:HIV)\s)[+\-](?=[\s,;.]|$))
  | (?P<slash>\b(?i:{_SLASHED})\b)
  | (?P<date>\b\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b | \b\d{{1,2}}(?P<sep>[-/.])\d{{1,2}}(?P=sep)(?:\d{{4}}|\d{{2}})\b
      | \b(?:0?[1-9]|1[0-2])[/.](?:19|20)\d\d\b | \b(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])\b | \b\d{{1,2}}/\d{{1,2}}\b )
  | (?P<power>(?<![\d.])10(?:\^|\*\*|e)\s?\d{{1,2}}\b | (?<![\d.])10[⁰¹²³⁴⁵⁶⁷⁸⁹]+ )
  | (?P<number>\d+(?:[.,]\d+)*)(?P<unit>[yY]/[oO]|(?![xX]\s?\d)[^\W\d_]+)?
  | (?P<times>[xX](?=\s?\d))
  | (?P<word>[^\W\d_](?:[^\W_]|'(?=[^\W\d_]))*)
  | (?P<arrow>[-=]+>|→)
  | (?P<compare>>=|<=|=<|[≥≤<>])
  | (?P<doubt>\?{{2,}})
  | (?P<other>\S)
    """,
    re.VERBOSE,
)

_TNM_PREFIX = r"(?:mr|yc|yp|[cpyur])?"
_TNM = re.compile(
    rf"({_TNM_PREFIX}t(?:is|[0-4x])[a-d]{{0,2}})({_TNM_PREFIX}n(?:[0-3x](?:mi|[a-c])?|\+))?({_TNM_PREFIX}m[01x][a-c]?)?$"
    rf"|({_TNM_PREFIX}n[0-3x][a-c]?)({_TNM_PREFIX}m[01x][a-c]?)$",
    re.IGNORECASE,
)
_SCORE = re.compile(r"(ecog|who|ps|kps|karnofsky|ecogps)([0-9]{1,3})$", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(.+)('s)$", re.IGNORECASE)
_ORDINAL = frozenset({"st", "nd", "rd", "th", "ry"})
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_BOX = {"☑": "[x]", "☒": "[x]", "✓": "[x]", "✔": "[x]", "☐": "[ ]", "✗": "[ ]", "✘": "[ ]"}


@lru_cache(maxsize=20_000)
def fold(word: str) -> str:
    """Lower case without accents: `Sjögren` and `sjogren` are one word."""
    lower = word.lower()
    if lower.isascii():
        return lower
    return "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c)) or lower


def plain_number(text: str) -> str:
    """`1,000` and `12,345.6` lose their thousands separators; `3,5` is a decimal comma."""
    if "," in text:
        if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
            return text.replace(",", "")
        if re.fullmatch(r"\d+,\d{1,2}", text):
            return text.replace(",", ".")
    return text


def _split_word(raw: str, start: int) -> list[tuple[str, str, int]]:
    """The parts of a run of letters and digits: (reading form, raw, start)."""
    match = _POSSESSIVE.match(raw)
    if match:
        return [*_split_word(match[1], start), ("'s", match[2], start + len(match[1]))]
    match = _TNM.match(raw)
    if (match and any(ch.isdigit() for ch in raw)) or (match and len(raw) <= 4):
        parts = []
        for index in range(1, 6):
            if match[index]:
                parts.append((fold(match[index]), match[index], start + match.start(index)))
        return parts
    match = _SCORE.match(raw)
    if match:
        return [(fold(match[1]), match[1], start), (match[2], match[2], start + match.start(2))]
    return [(fold(raw).replace("'", ""), raw, start)]


def _split_number(number: str, unit: str, start: int) -> list[tuple[str, str, int]]:
    if not unit:
        parts = [(plain_number(number), number, start)]
        if re.search(r",\d", number) and "," in parts[0][0]:  # `1,2,3`: a list
            parts, at = [], start
            for piece in number.split(","):
                parts.append((piece, piece, at))
                parts.append((",", ",", at + len(piece)))
                at += len(piece) + 1
            parts.pop()
        return parts
    aged = re.fullmatch(r"(yo|yr|yrs|y|j)([mfMF])", unit)
    if aged:
        first = start + len(number)
        return [(number, number, start), (aged[1], aged[1], first), (fold(aged[2]), aged[2], first + len(aged[1]))]
    if unit.lower() in _ORDINAL:
        return [(fold(number + unit), number + unit, start)]
    rest = start + len(number)
    return [(plain_number(number), number, start), (fold(unit), unit, rest)]


def _joins_words(text: str, at: int) -> bool:
    """Whether the hyphen at `at` joins two words (`tx-naive`, `5-FU`): not a range, not a dash."""
    if 0 < at < len(text) - 2 and text[at + 1] == "\n" and text[at + 2].islower() and text[at - 1].isalpha():
        return True
    if 1 < at < len(text) - 1 and text[at - 1].isalpha() and text[at - 2].isalpha() and text[at + 1].isdigit():
        return True  # PD-1, ECOG-1, COVID-19: not T1-2, not a range
    if not 0 < at < len(text) - 1 or not text[at + 1].isalpha() or not text[at - 1].isalnum():
        return False
    return not re.match(r"[tnTN][0-4]", text[at + 1 : at + 3])


def pieces(text: str) -> list[Piece]:
    """All tokens of a text in order; any string is accepted, surrogates and NULs read as blanks."""
    clean = text.translate(_TRANSLATE)
    out: list[Piece] = []
    last_end = 0
    for match in _TOKEN.finditer(clean):
        start = match.start()
        breaks = clean.count("\n", last_end, start) + clean.count("\r", last_end, start)
        kind = match.lastgroup
        raw = match.group()
        if kind == "unit" or kind == "number":
            parts = _split_number(match["number"], match["unit"] or "", start)
        elif kind == "word":
            parts = _split_word(raw, start)
        elif kind == "sign":
            parts = [("positive" if "+" in raw else "negative", raw, start)]
        elif kind == "box":
            ticked = re.search(r"[xX✓✔+]", raw)
            parts = [(_BOX.get(raw, "[x]" if ticked else "[?]" if "?" in raw else "[ ]"), raw, start)]
        elif kind == "power":
            digits = raw.translate(_SUPERSCRIPT)
            exponent = re.split(r"\^|\*\*|e", digits)[-1].strip() if not digits.isdigit() else digits[2:]
            parts = [(f"10^{int(exponent)}", raw, start)]
        elif raw == "_" or (raw == "-" and _joins_words(clean, start)):
            continue
        elif kind == "doubt":
            parts = [("?", raw, start)]
        else:
            parts = [(fold(raw), raw, start)]
        for norm, own, at in parts:
            out.append(Piece(norm, own, at, at + len(own), breaks))
            breaks = 0
        last_end = match.end()
    return out


class ClinicalTokenizer:
    """Makes the `Doc` of a note; `respell` maps a word to its reading form, `rewrite` the tokens."""

    def __init__(
        self,
        vocab: Vocab,
        respell: Callable[[str], str] | None = None,
        rewrite: Callable[[list[Piece]], list[Piece]] | None = None,
    ) -> None:
        self.vocab = vocab
        self.respell = respell
        self.rewrite = rewrite

    def __call__(self, text: str) -> Doc:
        tokens = pieces(text)
        if self.rewrite is not None:
            tokens = self.rewrite(tokens)
        respell = self.respell
        words = [respell(piece.norm) for piece in tokens] if respell else [piece.norm for piece in tokens]
        doc = Doc(self.vocab, words=words, spaces=[True] * len(words))
        doc.user_data["tokens"] = tokens
        doc.user_data["note"] = text
        return doc

    def to_bytes(self, **_: object) -> bytes:
        return b""

    def from_bytes(self, _bytes: bytes, **_: object) -> ClinicalTokenizer:
        return self

    def to_disk(self, *_: object, **__: object) -> None:
        return None

    def from_disk(self, *_: object, **__: object) -> ClinicalTokenizer:
        return self


def word_map(variants: Mapping[str, str]) -> Callable[[str], str]:
    """A respelling from a plain mapping of word to word."""
    return lambda word: variants.get(word, word)
