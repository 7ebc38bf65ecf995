"""Figures in a message about symptoms: temperatures, how often, how long.

Only figures with a word, a unit or a form that make them one are taken: 38 cm, room 38 and 38 years are no temperature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_UNITS: Final = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30,
}  # fmt: skip
_CHINESE: Final = {
    "零": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
    "十": 10,
}
_ONES: Final = "one|two|three|four|five|six|seven|eight|nine"
_NUMBER: Final = (
    rf"(?:\d+(?:[.,]\d+)?|a dozen|(?:thirty|forty|twenty)(?:[ -](?:{_ONES}))?|{_ONES}|ten|eleven|"
    rf"twelve|thirteen|fourteen|fifteen)"
)
_CJK_NUMBER: Final = r"(?:\d+(?:\.\d+)?|[一二两三四五六七八九十]{1,3})"
_DEGREES: Final = (
    r"(?:°\s*c?|℃|degrees?(?:\s*c(?:elsius|entigrade)?)?|deg|celsius|centigrade|c(?![a-z])|grad(?:os)?(?![a-z])|度)"
)

# 38.4 C, 39 degrees, 38,5°
_WITH_UNIT: Final = re.compile(rf"(?<![\d.,/-])(\d{{2,3}}(?:[.,]\d{{1,2}})?)\s*({_DEGREES})(?![a-z0-9])")
_FAHRENHEIT: Final = re.compile(
    r"(?<![\d.,/-])(9\d|10\d)(?:[.,](\d))?\s*(?:°\s*f|℉|degrees?\s*f(?:ahrenheit)?|fahrenheit|f)(?![a-z])"
)
# 'temp 101', 'fever of 39': a word of temperature shortly before or after the figure
_THERMAL: Final = (
    r"(?:temp\w{0,12}|feve\w{0,5}|fevr|febrile|thermomet\w*|tmax|shiver\w*|shak(?:es?|ing|y)|rigors?|chills|"
    r"体温|发烧|发热|高烧|低烧|烧|温度|寒战|发抖|打颤|哆嗦)"
)
_AFTER_WORD: Final = re.compile(
    rf"{_THERMAL}(?P<between>(?:[^\d.!?;。！？；\n]|"
    rf"(?<=\d)[.,](?=\d)){{0,40}}?)(?<![\d.,/-])(?P<value>\d{{2,3}}(?:[.,]\d{{1,2}})?)(?![\d/]|"
    rf"[.,]\d)"
)
_BEFORE_WORD: Final = re.compile(
    rf"(?<![\d.,/-])(?P<value>\d{{2,3}}(?:[.,]\d{{1,2}})?)(?![\d/])[^\d\n.!?;]{{0,12}}?{_THERMAL}"
)
# A decimal that can only be a body temperature, with nothing that makes it something else
_BARE: Final = re.compile(r"(?<![\d.,/:=<>a-z_-])((?:3[4-9]|4[0-2])[.,]\d)(?![\d/:%]|[.,]\d)")
_WHOLE: Final = re.compile(r"(?<![\d.,/:=<>a-z_-])(3[89]|4[01])(?![\d/:%]|[.,]\d)")
_OTHER_UNIT: Final = re.compile(
    r"\s*(?:-?\s*(?:year|yr|y/?o\b)|%|percent|per cent|cm\b|mm\b|m\b|km\b|kg\b|kilo|g\b|mg\b|"
    r"mcg\b|ml\b|l\b|litre|liter|minute|min\b|hour|hr|day|week|"
    r"month|people|patient|participant|pages?\b|euro|dollar|yuan|rmb|eur\b|usd\b|miles?|stone|"
    r"lb|pound|tablet|pill|question|"
    r"times|mmol|g/|u/|iu|x10|steps|元|岁|公斤|斤|厘米|公里|分钟|小时|天|号|床|楼|片|mm|x\d|"
    r"weeks|k\b|beats|bpm|ng|pg|umol|μ|m2|/)"
)
_OTHER_WORD: Final = re.compile(
    r"(?<![a-z])(?:room|bed|page|ward|floor|bus|line|number|no\.?|nr\.?|version|v|age|aged|"
    r"weigh\w*|weight|height|bmi|cea|crp|albumin|hb|hgb|"
    r"haemoglobin|hemoglobin|platelets?|plt|wbc|anc|bilirubin|creatinine|alt|ast|ca19-9|ki-?67|"
    r"suv\w*|size|cycle|day|week|"
    r"chapter|section|question|item|shoe|ticket|seat|gate|haematocrit|hematocrit|hct|price|cost|"
    r"costs|paid|tumou?r|table|step|points?|score|"
    r"dose|potassium|sodium|glucose|sugar|lactate|inr|房间|床|体重|身高|号|年龄|白细胞|血红蛋白|"
    r"血小板|version\s|room\s+no|street|road|apartment|flat|p-?|t-|#)\s*(?:is|was|of|=|:|nr|no|"
    r"about|around|to|at)?\s*$"
)
# 'my wife is 38' says an age
_AGE: Final = re.compile(
    r"(?:wife|husband|son|daughter|mother|father|mum|mom|dad|sister|brother|partner|doctor|nurse)\s+(?:is|was|turns|turned)\s+$"
)
_LEAST_NORMAL: Final = 36.0
_UNDER: Final = re.compile(r"(?:below|under|less than|lower than|低于|不到)\s*$")
# Weather and rooms have degrees too
_NO_BODY: Final = re.compile(
    r"\s*(?:\w+\s+)?(?:outside|out there|outdoors|in the shade|in the room|in here|in the ward|"
    r"in the sun|in the city|in town|in the street|in the car|in the garden|in the shade|室外|外面)|\s*(?:天气)"
)
_WEATHER: Final = re.compile(r"\bweather\b|\bforecast\b|天气|气温|\bit(?:'s| is) \d+ degrees in (?!my |the |his |her )")
_BARE_F: Final = re.compile(r"(?<![\d.,/:=<>a-z_-])(10[0-5][.,]\d)(?![\d/:%]|[.,]\d)")
# 'thirty-nine and he is grey' with nothing before it
_WHEN_AFTER: Final = re.compile(
    r"\s*(?:tonight|now|today|this (?:morning|evening|afternoon)|since|again|still|yesterday)\b"
)
_ILL_AFTER: Final = re.compile(
    r"(?:\s*,)?\s*(?:and|with|but)\s+(?:i|i'm|he|he's|she|she's|feel\w*|very|so|cold|hot|sweat\w*|still|rising|climbing|not|my|"
    r"grey|weak|dizzy|ill|sick|can't|cannot|won't|shak\w*|shiver\w*)\b"
)
# What may follow a whole number that stands for a temperature
_GOES_ON: Final = re.compile(
    r"\s*(?:$|[.!?;,。，！？\n)]|(?:since|now|today|tonight|this|and|with|but|again|last|"
    r"yesterday|at|in|on|after|for|all|here|right|still|fever|what|is|should|so|feel\w*)\b)"
)
_HAS: Final = re.compile(
    r"(?:\b(?:has|have|had|got|is|was|at|running|i've|he's|she's|of|reads?|shows?|showed|says|"
    r"said|hit|hits|reached|now|up to|to|almost|nearly|about|around|over|thermometer)\s+(?:a\s+|"
    r"an\s+|about\s+|around\s+|at\s+|now\s+|over\s+)?)$"
)
# 'call at 38', 'above 38', 'below 36': a limit asked about
_CHINESE_TEMPERATURE: Final = re.compile(
    r"(?<![\d.])(3[4-9]|4[0-2]|三十[四五六七八九]|四十[一二]?)\s*(?:度|℃|°c?)\s*(?:(\d|"
    r"[一二三四五六七八九])(?!\d)|(半))?"
)
_SPOKEN: Final = re.compile(rf"\b(thirty|forty)[ -]?({_ONES})?(?:\s+point\s+|\s+)?({_ONES}|zero)?\b(\s*degrees)?")
_SPOKEN_F: Final = re.compile(rf"\b(?:a |one )?hundred(?: and)? (one|two|three|four)(?:\s+point\s+({_ONES}))?\b")

_TIMES: Final = re.compile(
    rf"(?<![\w.,])(?:x\s?(?P<x>\d{{1,2}})\b|"
    rf"(?P<n>{_NUMBER})\s*(?:or (?P<m>{_NUMBER})\s*)?(?:more\s+|extra\s+|loose\s+|watery\s+|"
    rf"bloody\s+|liquid\s+|"
    r"runny\s+|additional\s+)*(?:times?|x(?!\w)|×|episodes?|bouts?|trips?|goes|stools?|motions?|"
    r"bowel movements?|bowels?|bms?\b|poos?\b|poops?\b|movements?|"
    r"visits to the (?:toilet|loo)|toilet (?:trips|visits)|rounds?|occasions)|"
    r"(?P<th>\d{1,2})(?:st|nd|rd|th)\s+(?:time|episode|trip|stool|bout))"
)
_MORE: Final = re.compile(rf"(?<![\w.,])(?P<n>{_NUMBER})\s+(?:more|extra)\b")
# 'usually one, today seven'
_THAN_USUAL: Final = re.compile(
    rf"\b(?:usual\w*|normal\w*|before)\b[^.;!?\d]{{0,30}}?(?:{_NUMBER}|once)?[^.;!?\d]{{0,20}}?\b(?:now|today|yesterday)\s+"
    rf"(?:it is\s+|it's\s+|already\s+|about\s+)?(?P<n>{_NUMBER})\b(?!\s*(?:hours?|days?|weeks?|degrees?|o'clock))"
)
_TWICE: Final = re.compile(r"\b(?:twice|two or three|couple of times|a couple)\b")
_ONCE: Final = re.compile(r"\b(?:once|one time|one loose|single|a loose stool|just one|only one)\b")
_OFTEN: Final = re.compile(
    r"\b(?:several|many|multiple|numerous|countless|lots of|loads of|all day|all night|"
    r"non-?stop|constant(?:ly)?|over and over|again and again|"
    r"(?:can't|cannot|cant|won't|wont|doesn't|does not|not) stop(?:ping)?|every (?:hour|half|"
    r"few|\d+|ten|twenty|thirty|fifteen)|hourly|repeatedly|so often|"
    r"a lot|lost count|dozens?|continuous(?:ly)?|all the time|every time|all morning|"
    r"all afternoon|never ending|each hour)"
)
_CHINESE_TIMES: Final = re.compile(rf"(?P<n>{_CJK_NUMBER})(?:来|多|几)?\s*(?:次|趟|回|遍)")
_CHINESE_OFTEN: Final = re.compile(
    r"(?:好几|很多|多|好多|无数|几十|十几|数)(?:次|趟|回|遍)|不停|一直|反复|不断|频繁|没完没了|"
    r"止不住|不止|老是|总是|次数多|次数很多"
)

_HOURS: Final = re.compile(
    rf"(?<![\w.,])(?P<n>{_NUMBER}|a|an|half a|a whole|several|a few|few|many|couple of|over a|"
    rf"the whole|whole)?\s*(?P<u>hours?|hrs?|h\b|days?|nights?|weeks?|"
    rf"minutes?)\b(?P<after>\s*(?:ago|after|later|before|back|of|old|apart))?"
)
_SINCE: Final = (
    (re.compile(
        r"\bsince (?:the day before yesterday|monday|tuesday|wednesday|thursday|friday|saturday|"
        r"sunday|last week|the weekend|cycle|my last|the last|the infusion|chemo)"), 48.0),
    (re.compile(
        r"\b(?:since|from) yesterday(?! (?:evening|night))|\bsince (?:a|one) day|前天|从昨天(?!晚)|"
        r"昨天(?:开始|到现在|起|早上|上午|中午|下午)|一整天|一天一夜|整整一天|(?<!第)一天(?:都|没|"
        r"了|没有|里)?|24小时|两天|三天|好几天"), 24.0),
    (re.compile(
        r"\b(?:since|from) (?:last night|yesterday (?:evening|night)|last evening)|昨晚|昨夜|"
        r"昨天晚上|一晚上|整晚|一夜"), 13.0),
    (re.compile(r"\ball day|whole day|entire day|full day|day and night"), 24.0),
    (re.compile(r"\ball night|whole night|overnight|throughout the night"), 10.0),
    (re.compile(
        r"\bsince (?:this morning|breakfast|lunch|noon|this afternoon|i got up|i woke|\d|midday|"
        r"waking)|\ball morning|今早|早上(?:开始|到现在|起)|从早上|今天早上|上午(?:开始|到现在)|"
        r"半天|中午"), 6.0),
    (re.compile(
        r"(?:\bsince (?:this morning|the morning|breakfast|i got up|i woke|waking|dawn)|\ball day)\b[^.!?]{0,40}"
        r"\b(?:night|evening|bedtime|midnight)|从早上.{0,12}(?:晚上|夜里|半夜)|早上到(?:晚上|现在都晚上)"), 12.0),
    (re.compile(r"\bfor days|days now|days on end"), 72.0),
)  # fmt: skip
_CHINESE_HOURS: Final = re.compile(
    rf"(?P<n>二十几|二十多|十几|十来|十多|{_CJK_NUMBER}|半|好几|几)\s*多?(?:个)?(?P<half>半)?(?:多)?(?P<u>小时|钟头|天|晚|夜|周|星期)"
)
_ABOUT: Final = {
    "半": 0.5,
    "几": 3.0,
    "好几": 4.0,
    "十几": 12.0,
    "十来": 12.0,
    "十多": 12.0,
    "二十几": 22.0,
    "二十多": 22.0,
}
_NOT_A_STRETCH: Final = re.compile(
    r"(?:\bin|within|every|each|after|next|in the last|last|per|another|every other|第|每|每隔|前|in about|per)\s*$"
)


# 'six instead of four', '4 rather than 3', '该吃三片吃成五片': what was taken against what was meant
_TABLETS: Final = re.compile(
    r"\b(?:took|take|taking|taken|swallow\w*|had|tablets?|pills?|capsules?|doses?|capecitabine|xeloda)\b|片|粒|颗|药"
)
_INSTEAD: Final = re.compile(
    rf"(?<![\w.,])(?P<taken>{_NUMBER})\b(?:\s+(?!instead|rather)[a-z]+){{0,3}}?,?\s+(?:instead of|rather than|not|in place of)\s+"
    rf"(?:the\s+|my\s+|only\s+|just\s+|usual\s+|prescribed\s+)*(?P<meant>{_NUMBER})\b(?!\s*(?:hours?|minutes?|o'clock))"
)
_CHINESE_INSTEAD: Final = re.compile(
    rf"(?:本来|原本|应该|应|该|要|需|只)*[吃服]?(?P<meant>{_CJK_NUMBER})\s*[片粒颗][^\d。；！？]{{0,6}}?(?:吃成|吃了|服成|服了|吞了|错吃|当成)了?\s*(?P<taken>{_CJK_NUMBER})\s*[片粒颗]"
)


@dataclass(frozen=True)
class Swap:
    """So many tablets taken where so many were meant, and where it is said."""

    taken: float
    meant: float
    start: int
    end: int


@dataclass(frozen=True)
class Figure:
    """A figure with what it measures (`celsius`, `count`, `hours`), its value and where it stands.

    `limit` marks a temperature that is spoken of as a limit ('above 38'), not as measured.
    """

    kind: str
    value: float
    start: int
    end: int


def figures(plain: str) -> list[Figure]:
    """All figures of a normalised message, in its order; a temperature is taken once."""
    found = [*_temperatures(plain), *_counts(plain), *_durations(plain)]
    return sorted(found, key=lambda figure: figure.start)


def swaps(plain: str) -> list[Swap]:
    """Where a normalised message sets the tablets taken against those meant ('six instead of four')."""
    if not _TABLETS.search(plain):
        return []
    found = []
    for pattern in (_INSTEAD, _CHINESE_INSTEAD):
        for match in pattern.finditer(plain):
            taken, meant = number(match.group("taken")), number(match.group("meant"))
            if taken is not None and meant is not None and max(taken, meant) <= 40:
                found.append(Swap(taken, meant, match.start(), match.end()))
    return found


def number(text: str) -> float | None:
    """The value of a number in digits or in words of either language, or None."""
    text = text.strip().replace(",", ".")
    try:
        return float(text)
    except ValueError:
        pass
    if text == "a dozen":
        return 12.0
    if text and all(character in _CHINESE for character in text):
        return _chinese_number(text)
    parts = re.split(r"[ -]", text)
    if all(part in _UNITS for part in parts):
        return float(sum(_UNITS[part] for part in parts))
    return 40.0 if text == "forty" else None


def _chinese_number(text: str) -> float:
    if "十" not in text:
        return float("".join(str(_CHINESE[character]) for character in text))
    tens, _, ones = text.partition("十")
    return float(_CHINESE.get(tens, 1) * 10 + _CHINESE.get(ones, 0))


def _celsius(value: float) -> float | None:
    """Degrees C of a figure that a body can have, in either scale; None for any other."""
    if 33.0 <= value <= 43.0:
        return value
    if 93.0 <= value <= 109.0:
        return round((value - 32) / 1.8, 1)
    # '385', '389' dictated or typed without the point
    if 350 <= value <= 420:
        return value / 10
    return None


def _temperatures(plain: str) -> list[Figure]:
    taken: dict[int, Figure] = {}
    for value, start, end in _temperature_candidates(plain):
        celsius = _celsius(value)
        if celsius is not None and not any(start < other.end and other.start < end for other in taken.values()):
            if celsius == _LEAST_NORMAL and _UNDER.search(plain[max(0, start - 12) : start]):
                celsius -= 0.1
            taken[start] = Figure("celsius", celsius, start, end)
    return list(taken.values())


def _temperature_candidates(plain: str) -> Iterator[tuple[float, int, int]]:
    for match in _FAHRENHEIT.finditer(plain):
        yield float(f"{match.group(1)}.{match.group(2) or 0}"), match.start(), match.end()
    for match in _CHINESE_TEMPERATURE.finditer(plain):
        whole = number(match.group(1))
        tenths = 5.0 if match.group(3) else number(match.group(2) or "0")
        if whole is not None and tenths is not None:
            yield whole + tenths / 10, match.start(), match.end()
    for match in _WITH_UNIT.finditer(plain):
        if not _NO_BODY.match(plain[match.end() :]) and not _WEATHER.search(plain):
            yield _decimal(match.group(1)), match.start(), match.end()
    for pattern in (_AFTER_WORD, _BEFORE_WORD):
        for match in pattern.finditer(plain):
            if not _means_something_else(plain, match.start("value"), match.end("value")):
                yield _decimal(match.group("value")), match.start("value"), match.end("value")
    for match in _BARE.finditer(plain):
        if not _means_something_else(plain, match.start(), match.end()):
            yield _decimal(match.group(1)), match.start(), match.end()
    for match in _WHOLE.finditer(plain):
        before, after = plain[: match.start()], plain[match.end() :]
        if _means_something_else(plain, match.start(), match.end()) or _NO_BODY.match(after) or _AGE.search(before):
            continue
        alone = not before.strip() and (
            not after.strip(" .!?。！？") or _ILL_AFTER.match(after) or _WHEN_AFTER.match(after)
        )
        if _GOES_ON.match(after) and (_HAS.search(before) or alone):
            yield float(match.group(1)), match.start(), match.end()
    for match in _BARE_F.finditer(plain):
        if not _means_something_else(plain, match.start(), match.end()):
            yield _decimal(match.group(1)), match.start(), match.end()
    yield from _spoken(plain)


def _spoken(plain: str) -> Iterator[tuple[float, int, int]]:
    """Temperatures as dictated: 'thirty eight point five', 'a hundred and one'."""
    if "thirty" in plain or "forty" in plain:
        for match in _SPOKEN.finditer(plain):
            tens, ones, tenth, unit = match.groups()
            value = (30 if tens == "thirty" else 40) + (_UNITS[ones] if ones else 0)
            meant = tenth or unit or re.search(_THERMAL, plain[max(0, match.start() - 40) : match.end() + 12])
            if meant and not _OTHER_UNIT.match(plain[match.end() :]):
                yield value + (_UNITS[tenth] if tenth else 0) / 10, match.start(), match.end()
    if "hundred" in plain:
        for match in _SPOKEN_F.finditer(plain):
            if re.search(_THERMAL, plain):
                yield (
                    100 + _UNITS[match.group(1)] + (_UNITS[match.group(2)] if match.group(2) else 0) / 10,
                    match.start(),
                    match.end(),
                )


def _decimal(text: str) -> float:
    return float(text.replace(",", "."))


def _means_something_else(plain: str, start: int, end: int) -> bool:
    return bool(_OTHER_UNIT.match(plain[end : end + 16]) or _OTHER_WORD.search(plain[max(0, start - 24) : start]))


def _counts(plain: str) -> Iterator[Figure]:
    taken: set[int] = set()
    for pattern in (_TIMES, _CHINESE_TIMES, _MORE, _THAN_USUAL):
        for match in pattern.finditer(plain):
            groups = match.groupdict()
            texts = [groups.get(name) for name in ("x", "n", "m", "th")]
            values = [value for value in (number(text) for text in texts if text) if value is not None]
            if values and max(values) <= 60 and match.start() not in taken:
                taken.add(match.start())
                yield Figure("count", max(values), match.start(), match.end())
    for pattern, value in ((_TWICE, 2.0), (_OFTEN, 6.0), (_CHINESE_OFTEN, 6.0), (_ONCE, 1.0)):
        for match in pattern.finditer(plain):
            yield Figure("count", value, match.start(), match.end())


def _durations(plain: str) -> Iterator[Figure]:
    for match in _HOURS.finditer(plain):
        if (
            match.group("after")
            or not match.group("n")
            or _NOT_A_STRETCH.search(plain[max(0, match.start() - 12) : match.start()])
        ):
            continue
        unit = match.group("u")
        size = (
            168.0 if unit.startswith("week") else 24.0 if unit[0] in "dn" else 1 / 60 if unit.startswith("min") else 1.0
        )
        amount = number(match.group("n")) or {
            "half a": 0.5,
            "several": 4.0,
            "a few": 3.0,
            "few": 3.0,
            "many": 6.0,
            "couple of": 2.0,
        }.get(match.group("n"), 1.0)
        yield Figure("hours", amount * size, match.start(), match.end())
    for match in _CHINESE_HOURS.finditer(plain):
        if (
            _NOT_A_STRETCH.search(plain[max(0, match.start() - 2) : match.start()])
            or plain[match.end() : match.end() + 1] == "前"
        ):
            continue
        unit = match.group("u")
        size = (
            1.0
            if unit in ("小时", "钟头")
            else 10.0
            if unit in ("晚", "夜")
            else 168.0
            if unit in ("周", "星期")
            else 24.0
        )
        amount = _ABOUT.get(match.group("n")) or number(match.group("n")) or 1.0
        yield Figure("hours", amount * size, match.start(), match.end())
    for pattern, hours in _SINCE:
        for match in pattern.finditer(plain):
            yield Figure("hours", hours, match.start(), match.end())
