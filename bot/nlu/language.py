"""Which language a message is written in: English, Simplified Chinese, or none that shows."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Language = Literal["en", "zh"]

_HAN = re.compile(r"[㐀-䶿一-鿿]")
_KANA_HANGUL = re.compile(r"[぀-ヿ가-힯]")
#: Words; what holds a figure (C3D1, P-0007) is a code and no word.
_LATIN_WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)?(?![A-Za-z0-9])")

#: Latin-script tokens that a Chinese writer uses as well: codes, drug names, trial shorthand.
_SHARED = re.compile(
    r"p|[pt]-?\d+|rt\d?|io\d?|c\d+d\d+|d\d+|ok|okay|hi|hello|bye|restage|surgery|capecitabine|xeloda|oxaliplatin|"
    r"penpulimab|capeox|xelox|capox|ecog|mss|msi|msi-h|dmmr|pmmr|mri|ct|pet|pd|nct|sparc|scrt|tme|ics|id|app|"
    r"am|pm|mg|ml|kg|cm|iu|hbv|hiv|dna|rna",
    re.IGNORECASE,
)


def fold(text: str) -> str:
    """Normalise compatibility forms (full-width digits, letters, punctuation) character by character.

    Unicode NFKC, but only where one character becomes one character, so that every offset into the result is an
    offset into `text`. Letters of other scripts that merely look alike (Cyrillic 'Р') stay what they are.
    """
    if text.isascii():
        return text
    folded = (unicodedata.normalize("NFKC", char) for char in text)
    return "".join(new if len(new) == 1 else old for old, new in zip(text, folded, strict=True))


def detect_language(text: str) -> Language | None:
    """The language a message shows, or None where it shows neither ('P-0007?', '15/6', an emoji).

    Words that both use (codes, drug names, staging) speak for neither. Where both scripts occur, the one that
    carries more words holds, two Chinese characters counting as one word.
    """
    text = fold(text)
    if _KANA_HANGUL.search(text):
        return None
    han = len(_HAN.findall(text))
    latin = sum(1 for word in _LATIN_WORD.findall(text) if not _SHARED.fullmatch(word))
    if not han and not latin:
        return None
    return "zh" if han >= 2 * latin or (han and latin <= 1) else "en"
