"""Abbreviations that were said letter by letter: 'h i v negative', 'm s s on p c r', 'e cog one'."""

from __future__ import annotations

from collections.abc import Sequence

from bot.nlu.tokenizer import Piece

_SPELLED = frozenset(
    [
        "mss",
        "msi",
        "mri",
        "ct",
        "pcr",
        "hiv",
        "ecog",
        "ps",
        "who",
        "kps",
        "hbv",
        "hcv",
        "hbsag",
        "dna",
        "rna",
        "icf",
        "tia",
        "mi",
        "ihc",
        "dob",
        "nkda",
        "nka",
        "ibd",
        "copd",
        "ild",
        "tb",
        "cabg",
        "nyha",
        "pe",
        "vt",
        "vf",
        "af",
        "cva",
        "mmr",
        "pmmr",
        "dmmr",
        "cea",
        "fbc",
        "cbc",
        "lft",
        "lfts",
        "tme",
        "apr",
        "lar",
        "iud",
        "ius",
        "bmt",
        "hsct",
        "sct",
        "uti",
        "ivf",
        "lmp",
        "nsaid",
        "nsaids",
        "gist",
        "cll",
        "aml",
        "bcc",
        "scc",
        "capox",
        "folfox",
        "pet",
        "iv",
        "im",
    ]
)
_LONGEST = max(map(len, _SPELLED))
#: Abbreviations of which a part is said as a word.
_PARTLY = {
    ("e", "cog"): "ecog",
    ("h", "b", "s", "antigen"): "hbsag",
    ("hbs", "ag"): "hbsag",
    ("hbs", "antigen"): "hbsag",
}
_NUMBERS = frozenset({"zero", "one", "two", "three", "four", "0", "1", "2", "3", "4", "x", "is"})


def join_spelled(tokens: list[Piece]) -> list[Piece]:
    """The tokens with letters that spell an abbreviation joined into it."""
    if not any(_single(piece) for piece in tokens) and "hbs" not in {piece.norm for piece in tokens}:
        return tokens
    out: list[Piece] = []
    i = 0
    while i < len(tokens):
        word, end = _at(tokens, i)
        if end == i:
            out.append(tokens[i])
            end = i + 1
        else:
            out.append(Piece(word, word.upper(), tokens[i].start, tokens[end - 1].end, tokens[i].breaks))
        i = end
    return out


def _single(piece: Piece) -> bool:
    return len(piece.norm) == 1 and piece.norm.isalpha()


def _apart(tokens: Sequence[Piece], first: int, last: int) -> bool:
    """Whether the tokens stand on one line with a blank between each: `h i v`, not `T,N`."""
    return all(tokens[k].start == tokens[k - 1].end + 1 and not tokens[k].breaks for k in range(first + 1, last))


def _at(tokens: Sequence[Piece], i: int) -> tuple[str, int]:
    """The abbreviation spelled from token `i` on, and the token after it; ('', i) where there is none."""
    for parts, whole in _PARTLY.items():
        end = i + len(parts)
        if tuple(piece.norm for piece in tokens[i:end]) == parts and _apart(tokens, i, end):
            return whole, end
    if not _single(tokens[i]):
        return "", i
    run = i
    while run < len(tokens) and run - i < _LONGEST and _single(tokens[run]):
        run += 1
    for end in range(run, i + 1, -1):
        word = "".join(piece.norm for piece in tokens[i:end])
        if word not in _SPELLED or not _apart(tokens, i, end):
            continue
        following = tokens[end].norm if end < len(tokens) else ""
        if word == "ct" and following in _NUMBERS - {"is"}:
            # 'c t three' is a T category.
            continue
        return word, end
    return "", i
