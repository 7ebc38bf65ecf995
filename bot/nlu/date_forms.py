"""The forms in which people write dates: one regular expression a form, and what each means on a given day."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Direction = Literal["past", "future"]


@dataclass(frozen=True)
class Context:
    today: date
    direction: Direction | None
    chinese: bool


Outcome = dict[str, object]
Reader = Callable[["re.Match[str]", Context], "Outcome | None"]

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb febuary", "march mar", "april apr", "may", "june jun", "july jul",
            "august aug", "september sep sept", "october oct", "november nov", "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon mondy", "tuesday tue tues teusday tuesdy", "wednesday wed weds wensday wednsday wedensday",
            "thursday thu thur thurs thrusday thursdy", "friday fri fridy firday", "saturday sat satuday saterday",
            "sunday sun sundy",
        )
    )
    for name in names.split()
}  # fmt: skip
_ZH_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_ZH_WEEKDAYS = {**{char: n for n, char in enumerate("一二三四五六日")}, "天": 6, **{str(n): n - 1 for n in range(1, 8)}}
_NUMBER_WORDS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
        ]
    )
} | {"a": 1, "an": 1, "couple of": 2, "a couple of": 2, "twenty": 20, "thirty": 30}

_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_DAY_NAME = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_FULL_DAY = "|".join(name for name in sorted(_WEEKDAYS, key=len, reverse=True) if len(name) > 3)
_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(sorted(_NUMBER_WORDS, key=len, reverse=True))})"
_UNIT = r"(?P<unit>days?|weeks?|wks?|fortnights?|months?)"
_ZH_NUM = r"[零〇一二两三四五六七八九十\d]{1,3}"
_YEAR = r"(?P<year>20\d\d)"
#: Between day and month in figures four figures are a year, whichever: 9999-12-31 is a day that nobody means.
_ANY_YEAR = r"(?P<year>\d{4})"
_YEARS = range(1900, 2200)
#: What an ordinal can count other than days of a month: '3rd fraction', 'the second chemo', '1st patient'.
_ORDINAL_WORDS = {
    word: number
    for number, word in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"],
        start=1,
    )
} | {f"twenty{sep}{word}": 20 + n for sep in ("-", " ") for n, word in enumerate(
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"], start=1)} | {
    "thirtieth": 30, "thirty-first": 31, "thirty first": 31}  # fmt: skip
_ORDINAL = rf"(?P<ordinal>{'|'.join(sorted(_ORDINAL_WORDS, key=len, reverse=True))})"
#: Spoken days of a month that count nothing else: from the thirteenth on.
_SPOKEN_DAY = (
    rf"(?P<ordinal>{'|'.join(sorted((word for word, n in _ORDINAL_WORDS.items() if n >= 13), key=len, reverse=True))})"
)
_COUNTED = (
    r"(?!\s*(?:-?\s*line|fraction|cycle|chemo|infusion|drip|radio|rt\b|round|visit|dose|treatment|session|week|day|"
    r"time|one|course|appointment|scan|patient|participant|subject|penpulimab|oxali|cape|immuno|half|floor|month|"
    r"stage|phase|degree|part|person|trial|infus|injection|party|opinion))"
)


# -- calendar arithmetic ---------------------------------------------------------------------------------------


def _day(year: int, month: int, day: int) -> date | None:
    if year not in _YEARS or not 1 <= month <= 12:
        return None
    return date(year, month, day) if 1 <= day <= monthrange(year, month)[1] else None


def _add_months(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _near(month: int, day: int, context: Context) -> date | None:
    """The occurrence of a day and month without a year that the question most likely means."""
    today = context.today
    options = [found for year in (today.year - 1, today.year, today.year + 1) if (found := _day(year, month, day))]
    if not options:
        return None
    ahead = [found for found in options if 0 <= (found - today).days <= 300]
    behind = [found for found in options if 0 <= (today - found).days <= 300]
    if context.direction == "past" and behind:
        return max(behind)
    if context.direction == "future" and ahead:
        return min(ahead)
    return min(options, key=lambda found: (abs((found - today).days), found < today))


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())


def _one(day: date | None) -> Outcome:
    return {"date": day} if day is not None else {"impossible": True}


def _either(*days: date) -> Outcome:
    distinct = tuple(sorted(set(days)))
    return {"date": distinct[0]} if len(distinct) == 1 else {"candidates": distinct, "ambiguous": True}


def _span(first: date, last: date) -> Outcome:
    return {"date": first, "last": last}


def _count(word: str) -> int | None:
    word = word.lower()
    return int(word) if word.isdigit() else _NUMBER_WORDS.get(word)


def _zh_number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    if "十" in word:
        tens, _, units = word.partition("十")
        high = _zh_number(tens) if tens else 1
        low = _zh_number(units) if units else 0
        return None if high is None or low is None else high * 10 + low
    digits = [_ZH_DIGITS.get(char) for char in word]
    return None if len(digits) != 1 or digits[0] is None else digits[0]


# -- readers, one a form of writing ----------------------------------------------------------------------------


def _offset(days: int) -> Reader:
    return lambda match, context: _one(context.today + timedelta(days))


def _iso(match: re.Match[str], context: Context) -> Outcome | None:
    return _one(_day(int(match["year"]), int(match["m"]), int(match["d"])))


def _named_month(match: re.Match[str], context: Context) -> Outcome | None:
    month, day = _MONTHS[match["month"].lower()], int(match["d"])
    if not 1 <= day <= 31:
        return None
    year = match["year"]
    return _one(_day(int(year), month, day) if year else _near(month, day, context))


def _spoken_day(match: re.Match[str], context: Context) -> Outcome | None:
    """'the twenty-first'."""
    return _nth(_ORDINAL_WORDS[match["ordinal"].lower()], context)


def _named_weekday(match: re.Match[str], context: Context) -> Outcome | None:
    """'Wed 16': where the weekday and the figure do not fit, either may be meant."""
    outcome = _nth(int(match["d"]), context)
    number = _WEEKDAYS[match["day"].lower()]
    day = outcome.get("date")
    if not isinstance(day, date) or day.weekday() == number:
        return outcome
    return _either(day, context.today + timedelta((number - context.today.weekday()) % 7))


def _spoken_month(match: re.Match[str], context: Context) -> Outcome | None:
    """'the sixth of October', 'October the sixth'."""
    return _one(_near(_MONTHS[match["month"].lower()], _ORDINAL_WORDS[match["ordinal"].lower()], context))


def _named_month_range(match: re.Match[str], context: Context) -> Outcome | None:
    month = _MONTHS[match["month"].lower()]
    first, last = _near(month, int(match["d"]), context), _near(month, int(match["d2"]), context)
    if first is None or last is None:
        return {"impossible": True}
    return _span(first, last) if first <= last else None


def _numeric(match: re.Match[str], context: Context) -> Outcome | None:
    """Day and month in figures: both orders are possible where both are days of the calendar."""
    left, right = int(match["a"]), int(match["b"])
    groups = match.groupdict()
    year = groups.get("year")

    def resolve(month: int, day: int) -> date | None:
        return _day(int(year), month, day) if year else _near(month, day, context)

    plausible = (1 <= left <= 31 and 1 <= right <= 12) or (1 <= left <= 12 and 1 <= right <= 31)
    if not plausible:
        return None
    days = [day for day in (resolve(right, left), resolve(left, right)) if day is not None]
    return _either(*days) if days else {"impossible": True}


def _zh_month_day(match: re.Match[str], context: Context) -> Outcome | None:
    month, day = _zh_number(match["m"]), _zh_number(match["d"])
    if month is None or day is None or not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    year = match["year"]
    return _one(_day(int(year), month, day) if year else _near(month, day, context))


def _day_of_month(match: re.Match[str], context: Context) -> Outcome | None:
    """'the 15th': the next such day (the last one, where the question looks back)."""
    number = _zh_number(match["d"])
    return None if number is None or not 1 <= number <= 31 else _nth(number, context)


def _nth(number: int, context: Context) -> Outcome:
    step = -1 if context.direction == "past" else 1
    first = context.today.replace(day=1)
    for months in range(0, 4):
        month = _add_months(first, step * months)
        day = _day(month.year, month.month, number)
        if day is None:
            if months == 0:  # this month has no such day: ask rather than skip a month in silence
                return {"impossible": True}
            continue
        if (day - context.today).days * step >= 0:
            return {"date": day}
    return {"impossible": True}


def _weekday(match: re.Match[str], context: Context) -> Outcome | None:
    """'Friday', 'this Friday', 'next Tuesday', 'last Monday'.

    'Next' is the day of the coming week; where the same weekday is still ahead in this week, people mean either, so
    both are candidates. 'Last' is its mirror image.
    """
    number = _WEEKDAYS[match["day"].lower()]
    today, which = context.today, (match["which"] or "").lower()
    ahead = today + timedelta((number - today.weekday()) % 7)
    behind = today - timedelta((today.weekday() - number) % 7)
    if which == "next":
        of_next_week = _monday(today) + timedelta(7 + number)
        return _either(of_next_week, *((ahead,) if ahead > today else ()))
    if which in ("last", "past", "previous"):
        of_last_week = _monday(today) + timedelta(number - 7)
        return _either(of_last_week, *((behind,) if behind < today else ()))
    since = re.search(r"\bsince\s*$", match.string[: match.start()], re.IGNORECASE)
    return _one(behind if since or context.direction == "past" else ahead)


def _last_word(match: re.Match[str], context: Context) -> Outcome | None:
    """'xeloda sat?': a short form that is also a word, taken for a day only as the last of a few words."""
    if re.search(r"\b(?:i|we|you|he|she|the|in|just)\s+\w+\W*$", match.string[: match.end()], re.IGNORECASE):
        return None
    return {**(_weekday(match, context) or {}), "start": match.start("day"), "text": match["day"]}


def _weekday_of_week(match: re.Match[str], context: Context) -> Outcome | None:
    """'Tuesday next week', 'Friday of this week': the calendar week is named, nothing is open."""
    weeks = {"this": 0, "next": 1, "last": -1, "following": 1}[match["which"].lower()]
    return _one(_monday(context.today) + timedelta(7 * weeks + _WEEKDAYS[match["day"].lower()]))


def _zh_weekday(match: re.Match[str], context: Context) -> Outcome | None:
    number, today = _ZH_WEEKDAYS[match["day"]], context.today
    prefix = match["which"] or ""
    if not prefix:
        step = (number - today.weekday()) % 7
        back = (today.weekday() - number) % 7
        return _one(today - timedelta(back) if context.direction == "past" else today + timedelta(step))
    weeks = prefix.count("下") - prefix.count("上")
    return _one(_monday(today) + timedelta(7 * weeks + number))


def shift(today: date, count: int, unit: str) -> date:
    """The day so many days, weeks, fortnights or months on from a day; back, where the count is negative."""
    unit = unit.lower()
    if unit.startswith("month") or unit == "月":
        return _add_months(today, count)
    size = 14 if unit.startswith("fortnight") else 7 if unit[0] in "w周星礼" else 1
    return today + timedelta(count * size)


def _relative(sign: int) -> Reader:
    def read(match: re.Match[str], context: Context) -> Outcome | None:
        count = _count(match["count"])
        return None if count is None else _one(shift(context.today, sign * count, match["unit"]))

    return read


def _zh_relative(match: re.Match[str], context: Context) -> Outcome | None:
    count = _zh_number(match["count"])
    sign = -1 if "前" in match["side"] else 1
    return None if count is None else _one(shift(context.today, sign * count, match["unit"]))


def _coming_days(match: re.Match[str], context: Context) -> Outcome | None:
    count = _count(match["count"])
    return None if count is None else _span(context.today, shift(context.today, count, match["unit"]))


def _week(match: re.Match[str], context: Context) -> Outcome | None:
    which = match["which"].lower()
    weeks = 1 if which in ("next", "following", "coming") or "下" in which else 0
    weeks = -1 if which in ("last", "past", "previous") or "上" in which else weeks
    weeks = which.count("下") if which.count("下") > 1 else weeks
    first = _monday(context.today) + timedelta(7 * weeks)
    if match["unit"].lower() in ("weekend", "周末"):
        return _span(first + timedelta(5), first + timedelta(6))
    return _span(first, first + timedelta(6))


def _whole_month(match: re.Match[str], context: Context) -> Outcome | None:
    first = _near(_MONTHS[match["month"].lower()], 1, context)
    return _span(first, _add_months(first, 1) - timedelta(1)) if first else None


def _rest_of_week(match: re.Match[str], context: Context) -> Outcome | None:
    return _span(context.today, _monday(context.today) + timedelta(6))


def _weekday_after_next(match: re.Match[str], context: Context) -> Outcome | None:
    """'the Monday after next': a week on from next Monday, in each of the senses that 'next' has."""
    number, today = _WEEKDAYS[match["day"].lower()], context.today
    ahead = today + timedelta((number - today.weekday()) % 7)
    of_next_week = _monday(today) + timedelta(7 + number)
    return _either(of_next_week + timedelta(7), *((ahead + timedelta(7),) if ahead > today else ()))


def _not_this_but_next(match: re.Match[str], context: Context) -> Outcome | None:
    number, today = _WEEKDAYS[match["day"].lower()], context.today
    return _one(today + timedelta((number - today.weekday()) % 7 + 7))


def _week_after_next(match: re.Match[str], context: Context) -> Outcome | None:
    first = _monday(context.today) + timedelta(14)
    return _span(first, first + timedelta(6))


def _weekday_in_month(match: re.Match[str], context: Context) -> Outcome | None:
    """'the first Monday in October', 'the last Friday of September'."""
    first = _near(_MONTHS[match["month"].lower()], 1, context)
    if first is None:
        return None
    number, which = _WEEKDAYS[match["day"].lower()], match["nth"].lower()
    days = [first + timedelta(n) for n in range(monthrange(first.year, first.month)[1])]
    fitting = [day for day in days if day.weekday() == number]
    place = -1 if which == "last" else _ORDINAL_WORDS[which] - 1
    return _one(fitting[place]) if place < len(fitting) else {"impossible": True}


def _day_of_named_month(match: re.Match[str], context: Context) -> Outcome | None:
    """'the 3rd of next month', '下个月3号'."""
    groups = match.groupdict()
    which = (groups.get("which") or groups.get("zh") or "").lower()
    months = 1 if which in ("next", "coming") or "下" in which else -1 if which == "last" or "上" in which else 0
    first = _add_months(context.today.replace(day=1), months)
    number = _zh_number(match["d"])
    return None if number is None or number > 31 else _one(_day(first.year, first.month, number))


def _dotted_zh(match: re.Match[str], context: Context) -> Outcome | None:
    """'9.21', '9-21' in a Chinese sentence: the month first."""
    month, number = int(match["m"]), int(match["d"])
    if not context.chinese or not 1 <= month <= 12 or not 1 <= number <= 31:
        return None
    return _one(_near(month, number, context))


def _vague(match: re.Match[str], context: Context) -> Outcome | None:
    return {"vague": True}


def _weekday_week(match: re.Match[str], context: Context) -> Outcome | None:
    """'Tuesday week', 'a week on Tuesday': seven days after the coming one."""
    number = _WEEKDAYS[(match["day"] or match["day2"]).lower()]
    return _one(context.today + timedelta((number - context.today.weekday()) % 7 + 7))


def _month(match: re.Match[str], context: Context) -> Outcome | None:
    which = (match["which"] or match["zh"]).lower()
    months = 1 if which in ("next", "coming") or "下" in which else -1 if which == "last" or "上" in which else 0
    first = _add_months(context.today.replace(day=1), months)
    return _span(first, _add_months(first, 1) - timedelta(1))


_LEFT = r"(?<![\w./-])"
#: Forms of writing, the more specific first; a later one never takes what an earlier one has read.
RULES: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), reader)
    for pattern, reader in (
        (rf"{_LEFT}{_ANY_YEAR}\s*(?:-|/|\.|年)\s*(?P<m>\d{{1,2}})\s*(?:-|/|\.|月)\s*(?P<d>\d{{1,2}})(?!\d)\s*[日号]?", _iso),
        (rf"(?:(?<!\d){_YEAR}\s*年\s*)?(?<![\d第])(?P<m>{_ZH_NUM})\s*月\s*(?P<d>{_ZH_NUM})(?![\d个])\s*[日号]?", _zh_month_day),
        (rf"{_LEFT}(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s*(?:-|–|to|until|through)\s*(?:the )?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}", _named_month_range),
        (rf"{_LEFT}(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[\s-]*(?:of\s+)?{_MONTH}(?:,?[\s-]*{_YEAR})?", _named_month),
        (rf"\b{_MONTH}\s*(?:the\s+)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?!\s*(?:days?|weeks?|months?|mg|am|pm)\b)(?:,?\s*{_YEAR})?", _named_month),
        (rf"\b{_ORDINAL}\s+(?:day\s+)?of\s+{_MONTH}", _spoken_month),
        (rf"\b{_MONTH}\s+(?:the\s+)?{_ORDINAL}\b{_COUNTED}", _spoken_month),
        (rf"{_LEFT}(?P<a>\d{{1,2}})[/.-](?P<b>\d{{1,2}})[/.-]{_ANY_YEAR}(?!\d)", _numeric),
        (rf"{_LEFT}(?!24/7)(?P<a>\d{{1,2}})/(?P<b>\d{{1,2}})(?![\d/%])(?!\s*(?:tablet|pill|of (?:a|the)|dose|node|ln\b|mmhg|cores?))", _numeric),
        (r"(?:(?<=on )|(?<=by )|(?<=until )|(?<=from )|(?<=for )|^\s*)(?P<a>\d{1,2})\.(?P<b>\d{1,2})\.(?!\d)", _numeric),
        (rf"\b(?P<nth>first|second|third|fourth|last)\s+(?P<day>{_DAY_NAME})\s+(?:in|of)\s+{_MONTH}", _weekday_in_month),
        (r"\b(?:the\s+)?(?P<d>\d{1,2})(?:st|nd|rd|th)?\s+of\s+(?P<which>this|next|last|the\s+coming)\s+month\b", _day_of_named_month),
        (rf"(?P<zh>这个?|本|下个?|上个?)月(?:的)?(?P<d>{_ZH_NUM})[号日]", _day_of_named_month),
        (r"\b(?P<day>mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)\.?\s+(?P<d>[12]\d|3[01])\b(?!\s*(?:%|mg|/|:|\.\d|am|pm))", _named_weekday),
        (rf"\bnot\s+(?:this|the\s+coming)\s+(?P<day>{_DAY_NAME}),?\s+(?:but\s+)?(?:the\s+)?(?:next|one\s+after|following)(?:\s+(?:one|{_DAY_NAME}))?\b", _not_this_but_next),
        (rf"\b(?:the\s+)?(?P<day>{_DAY_NAME})\s+after\s+next\b", _weekday_after_next),
        (r"\b(?:the\s+)?week\s+after\s+next\b", _week_after_next),
        (r"(?<![\d.-])(?P<m>\d{1,2})[.-](?P<d>\d{2})(?![\d.]|\s*(?:度|毫克|mg|cm|厘米|岁|%|kg|公斤|mmol|天|周|片|粒))", _dotted_zh),
        (r"\bin\s+(?:about\s+)?(?:\w+\s+and\s+a\s+half|half\s+an?|an?\s+few|several|some|a\s+couple\s+of)\s+(?:days?|weeks?|months?)\b", _vague),
        (r"\b(?:the\s+)?(?:very\s+)?(?:end|start|beginning|middle)\s+of\s+(?:the|this|next)\s+month\b|\bmonth[\s-]end\b", _vague),
        (rf"\b(?:(?:the\s+)?(?:end|start|beginning|middle)\s+of|early|mid|late)[\s-]+{_MONTH}(?!\s*\d)", _vague),
        (r"\b(?:on\s+|at\s+|over\s+)?(?:christmas|xmas|easter|new\s+year(?:['’]?s)?|national\s+day|golden\s+week|mid-?autumn(?:\s+festival)?|spring\s+festival|boxing\s+day)(?:\s+(?:day|eve))?\b|\bon\s+(?:my|his|her|our)\s+(?:\w+\s+)?(?:birthday|anniversary|wedding(?:\s+day)?)\b", _vague),
        (r"(?:这个?|本|下个?)?月(?:底|初|中旬|末)|过几[天日周]|(?<!每)(?:国庆|中秋|春节|元旦|端午|清明)(?:节|假期|长假)?|过些[天日]|半个?多?月(?:之?后|以后)", _vague),
        (r"\b(?:the )?day after (?:tomorrow|tomorow|tommorow|tommorrow|tmrw|tmr)\b|(?<!大)后天|\bovermorrow\b", _offset(2)),
        (r"\b(?:the )?day before yesterday\b|(?<!大)前天", _offset(-2)),
        (r"大后天", _offset(3)),
        (r"大前天", _offset(-3)),
        (r"\b(?:a )?week (?:from )?today\b|\btoday week\b", _offset(7)),
        (r"\b(?:a )?week (?:from )?tomorrow\b|\btomorrow week\b", _offset(8)),
        (r"\b(?:tomorrow|tomorow|tommorow|tommorrow|tomorrrow|tmrw|tmr|tmw|tmrrw|tomoz|2moro|2morrow)(?:['’]?s)?\b|明(?:天|日|早|晚|儿|个儿)", _offset(1)),
        (r"\b(?:yesterday|yesteday|yest|last night|yday)(?:['’]?s)?\b|昨(?:天|日|晚|夜|儿)", _offset(-1)),
        (r"\b(?:today|tonight|tonite|2nite|2day|tdy|todays|this (?:morning|evening|afternoon|arvo|noon|very day))(?:['’]?s)?\b|今(?:天|日|晚|早|夜|儿|个儿)", _offset(0)),
        (rf"\b(?P<which>next|this|last|following)\s+week(?:['’]?s)?\s+(?:on\s+)?(?P<day>{_DAY_NAME})\b", _weekday_of_week),
        (rf"\b(?P<day>{_FULL_DAY}|(?<=on )(?:{_DAY_NAME}))\s+(?:of\s+|the\s+)?(?P<which>next|this|last|following)\s+week\b", _weekday_of_week),
        (rf"\b(?P<day>{_DAY_NAME})\s+week\b|\b(?:a |one )?week (?:on|from) (?P<day2>{_DAY_NAME})\b", _weekday_week),
        (rf"\b(?P<which>next|this|last|past|previous|coming)\s+(?:coming\s+)?(?P<day>{_DAY_NAME})(?:['’]?s)?\b", _weekday),
        (rf"\b(?P<which>)(?P<day>{_FULL_DAY})(?:['’]?s)?\b", _weekday),
        (r"(?:(?<=on )|(?<=by )|(?<=till )|(?<=until )|(?<=for )|(?<=to )|(?<=and )|(?<=or )|(?<=from )|^)(?P<which>)(?P<day>mon|tue|wed|thu|fri|sat)\b", _weekday),
        (r"(?P<which>)\b(?P<day>tue|thu|fri|(?-i:Sun))\b(?=\s*[?.!]*$)", _weekday),
        (r"(?<=^)(?:\S+\s+){1,3}?(?P<which>)(?P<day>mon|wed|sat|sun)\b(?=\s*[?.!]*$)", _last_word),
        (r"(?P<which>(?:这个?|本|下下个?|下个?|上上个?|上个?)?)(?:周|星期|礼拜)(?P<day>[一二三四五六日天1-7])(?![个周天次十])", _zh_weekday),
        (rf"再?过(?P<count>{_ZH_NUM})\s*个?(?P<unit>天|日|周|星期|礼拜|月)(?P<side>)", _zh_relative),
        (rf"\b(?:the\s+)?(?:next|coming|following)\s+{_COUNT}\s+{_UNIT}\b", _coming_days),
        (rf"\bin\s+(?:about\s+)?{_COUNT}\s+{_UNIT}(?:['’]?s?\s+time)?\b", _relative(1)),
        (rf"\b{_COUNT}\s+{_UNIT}(?:['’]?s?)?\s+(?:from\s+(?:now|today)|later|time)\b", _relative(1)),
        (rf"\b{_COUNT}\s+{_UNIT}\s+(?:ago|back)\b", _relative(-1)),
        (rf"(?P<count>{_ZH_NUM})\s*个?\s*(?P<unit>天|日|周|星期|礼拜|月)(?P<side>之后|以后|后|之前|以前|前)", _zh_relative),
        (r"\b(?:the )?rest of (?:the|this) week\b|这周剩下", _rest_of_week),
        (r"\b(?P<which>this|next|last|past|previous|coming|following)\s+(?P<unit>week|weekend)(?:['’]?s)?\b(?!\s+(?:on|at|of)\s+(?:cycle|trial))", _week),
        (r"(?P<which>这个?|本|下下个?|下个?|上个?)(?P<unit>周末|周|星期|礼拜)(?![一二三四五六日天1-7期])", _week),
        (r"\b(?:the|at the|on the)\s+(?P<unit>weekend)(?P<which>)\b", _week),
        (r"(?P<which>)(?<![这本下上个])(?P<unit>周末)", _week),
        (r"\b(?P<which>this|next|last|coming)\s+month\b|(?P<zh>这个?|本|下个?|上个?)月(?!\d)", _month),
        (rf"(?:\bon|\bby|\buntil|\btill|\bfor|\bto|\bfrom|\bor)\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)\b{_COUNTED}", _day_of_month),
        (rf"\bthe\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)\b{_COUNTED}", _day_of_month),
        (rf"\bthe\s+{_SPOKEN_DAY}\b{_COUNTED}", _spoken_day),
        (rf"{_LEFT}(?P<d>1[0-9]|2[0-9]|3[01])(?:st|nd|rd|th)\b{_COUNTED}", _day_of_month),
        (rf"(?<![\d第月a-zA-Z-])(?P<d>{_ZH_NUM})[号日](?!病人|患者|受试者|参与者|楼|床|线|窗口|门|机|药|后|前|周|子)", _day_of_month),
        (rf"\bin\s+{_MONTH}(?!\s*\d)", _whole_month),
    )
)  # fmt: skip
