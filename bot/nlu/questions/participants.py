"""Participant codes and ticket numbers, in whatever form people write or say them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from bot.nlu.gates import Gate
from bot.nlu.language import fold


@dataclass(frozen=True)
class CodeMention:
    """A participant's code as written; `code` is the canonical form, such as `P-0007`."""

    code: str
    start: int
    end: int


class TicketMention(NamedTuple):
    """A ticket as written ('T-12'); `number` is its number."""

    number: int
    start: int
    end: int


_UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50}
_SPOKEN_DIGITS = {"zero": "0", "oh": "0", "o": "0", "nought": "0"} | {
    word: str(n) for n, word in enumerate(_UNITS[:10])
}
_ZH_DIGITS = {char: n for n, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}

_SPOKEN = "|".join(sorted({*_UNITS, *_TENS, *_SPOKEN_DIGITS, "double", "triple"}, key=len, reverse=True))
_SPOKEN_NUMBER = rf"(?:{_SPOKEN})\b(?:[\s-]+(?:{_SPOKEN})\b){{0,5}}"
_ZH_NUMBER = r"[零〇一二三四五六七八九十]{1,5}"
#: What makes a figure a measure instead of a code.
_MEASURE = (
    r"(?!\s*(?:mg|cm|kg|ml|gy|mm|am\b|pm\b|%|/|years?|yrs?|yo\b|y/o|y\.o|weeks?|wks?|days?|months?|hours?|hrs?|times|"
    r"degrees|°|tablets?|pills?|岁|天|周|个|名|位|次|度|片|粒))"
)
_PEOPLE = (
    r"(?:patients?|participants?|pts?|subjects?|pat|partic|person|case|volunteer|code|study\s+(?:id|no\.?|number))"
)
_ZH_PEOPLE = r"(?:患者|病人|受试者|参与者|参加者|入组者|编号)"

_PATTERNS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        # P-0007, p7, P 0007, P.7, P#7; not part of a longer word or of a look-alike code, not p53 or p16 of a stain
        rf"(?<![\w-])(?:study\s+)?p\s?[-–—_.#]?\s?(?P<digits>\d{{1,6}})(?![\w]|\.\d)(?!\s*(?:mut|pos|neg|\+|wild|staining)){_MEASURE}",
        rf"(?<![\w-]){_PEOPLE}\.?\s*(?:number|numer|num|no\.?|nr\.?|code|id)?\s*[:#]?\s*-?(?P<digits>\d{{1,6}})(?![\w/]|\.\d){_MEASURE}",
        rf"(?<![\w-]){_PEOPLE}\s+(?:number\s+|no\.?\s+|code\s+)?(?:p\s+)?(?P<spoken>{_SPOKEN_NUMBER}){_MEASURE}",
        rf"(?<![\w-])p\s+(?P<spoken>(?:{'|'.join(_SPOKEN_DIGITS)}|double|triple)\b(?:[\s-]+(?:{_SPOKEN})\b)+)",
        r"(?<![\w#&])#\s?(?P<digits>\d{1,4})(?![\w/-]|\.\d)",
        r"^\s*(?:no\.?|nr\.?|number)\s*(?P<digits>\d{1,4})(?![\w/:-]|\.\d)" + _MEASURE,
        rf"{_ZH_PEOPLE}\s*(?:编号|号码|号|代码)?\s*[:#是为]?\s*(?:p\s?-?)?(?P<digits>\d{{1,6}}){_MEASURE}(?![\w.])",
        rf"{_ZH_PEOPLE}\s*(?P<zh>{_ZH_NUMBER})号",
        rf"(?<!\d)(?P<digits>\d{{1,4}})\s*号\s*(?:的)?{_ZH_PEOPLE}",
        rf"(?P<zh>{_ZH_NUMBER})号(?:的)?{_ZH_PEOPLE}",
        # a bare figure only with a leading zero ('0007 next'), and not as a time of day
        rf"(?<![\w/.:+-])(?<!\bat )(?<!@)(?P<digits>0\d{{3}})(?![\w/-]|[:.]\d){_MEASURE}",
        # 'what about 9?'
        r"^\s*(?:and|what\s+about|how\s+about|same\s+for|ok(?:ay)?\s+and)\s+(?:number\s+|no\.?\s*)?(?P<digits>\d{1,3})\s*[?.!]*\s*$",
    )
)  # fmt: skip

_TICKETS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        r"(?<![\w-])t\s?-\s?0*(?P<number>\d{1,7})(?![\w.])",
        r"(?<!\w)(?:tickets?|tkt)\s*(?:number|no\.?|nr\.?|id)?\s*[:#]?\s*(?:t\s?-?\s?)?0*(?P<number>\d{1,7})(?![\w.])",
        r"(?<!\w)(?:ack\w*|acknowledge\w*|close|resolve|done)\s+(?:with\s+)?(?:#|t\s?-?\s?|no\.?\s*|number\s+)?0*(?P<number>\d{1,7})(?![\w.])",
        r"(?:工单|票据|任务单|单号)\s*(?:号|编号)?\s*[:#]?\s*(?:t\s?-?\s?)?0*(?P<number>\d{1,7})",
        r"0*(?P<number>\d{1,7})\s*号工单",
    )
)  # fmt: skip

#: What is drawn like a code and is none: a letter of another script, letters for figures, figures of other scripts, odd
#: separators. Not 'P/IO1', which names a visit.
_DRAWN_FIGURE = r"[\dOoОоΟοIlІіΙι]"
_LOOK_ALIKE = re.compile(
    rf"(?<![\w-])[PpРрΡρ]\s?[-–—_.#/]{{1,2}}\s?(?!IO\d)(?={_DRAWN_FIGURE}*\d){_DRAWN_FIGURE}{{3,6}}(?!\w|\.\d){_MEASURE}"
)

_PATTERN_GATE, _TICKET_GATE = Gate(_PATTERNS), Gate(_TICKETS)


def read_tickets(text: str) -> tuple[TicketMention, ...]:
    """Every ticket that a text names, in order."""
    folded = fold(text)
    found: list[TicketMention] = []
    for place in _TICKET_GATE.through(folded):
        for match in _TICKETS[place].finditer(folded):
            if not any(match.start() < other.end and other.start < match.end() for other in found):
                found.append(TicketMention(int(match["number"]), match.start(), match.end()))
    return tuple(sorted(found, key=lambda mention: mention.start))


def read_participants(text: str) -> tuple[CodeMention, ...]:
    """Every participant code that a text names, in order.

    A code of more than four figures is kept as it stands: it is on no file, and shortening it would name another
    person. So is a look-alike ('Р-0007' with a Cyrillic letter, 'P-OO07'): somebody is named, so that the answer must not
    be about the asker or about who was last spoken of, but it is nobody whom the writer has written out.
    """
    folded = fold(text)
    taken = [(ticket.start, ticket.end) for ticket in read_tickets(folded)]
    found: list[CodeMention] = []
    for place in _PATTERN_GATE.through(folded):
        for match in _PATTERNS[place].finditer(folded):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            code = _code(match.groupdict())
            if code is not None:
                taken.append((match.start(), match.end()))
                found.append(CodeMention(code, match.start(), match.end()))
    for match in _LOOK_ALIKE.finditer(folded):
        if not any(match.start() < end and start < match.end() for start, end in taken):
            found.append(CodeMention(match[0], match.start(), match.end()))
    return tuple(sorted(found, key=lambda mention: mention.start))


def _code(groups: dict[str, str | None]) -> str | None:
    digits = groups.get("digits")
    if digits is None and (spoken := groups.get("spoken")):
        digits = _spoken_digits(spoken)
    if digits is None and (chinese := groups.get("zh")):
        digits = _chinese_digits(chinese)
    if not digits:
        return None
    return f"P-{int(digits):04d}" if len(digits) <= 4 else f"P-{digits}"


def _spoken_digits(words: str) -> str | None:
    """'seven' -> 7, 'twenty one' -> 21, 'double oh oh seven' -> 0007; None for what is no number."""
    parts = re.split(r"[\s-]+", words.lower())
    if len(parts) == 1 and parts[0] in ("o", "oh", "double", "triple"):
        return None
    if parts[0] in _TENS:
        unit = _UNITS.index(parts[1]) if len(parts) > 1 and parts[1] in _UNITS[1:10] else 0
        return str(_TENS[parts[0]] + unit)
    if parts[0] in _UNITS[10:]:
        return str(_UNITS.index(parts[0]))
    digits, repeat = "", 1
    for part in parts:
        if part in ("double", "triple"):
            repeat = 2 if part == "double" else 3
        elif part in _SPOKEN_DIGITS:
            digits += _SPOKEN_DIGITS[part] * repeat
            repeat = 1
        else:
            break
    return digits or None


def _chinese_digits(chars: str) -> str | None:
    if "十" in chars:
        tens, _, units = chars.partition("十")
        return str((_ZH_DIGITS.get(tens, 1) if tens else 1) * 10 + (_ZH_DIGITS.get(units, 0) if units else 0))
    return "".join(str(_ZH_DIGITS[char]) for char in chars)
