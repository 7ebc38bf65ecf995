"""Dates in a note: absolute, relative and partial, as bounds against a given day.

'MI 6 months ago' is that very day; 'December 2025' is bounded by its first and last day; 'over 3 years ago' has
no earliest day. `05/06/2026` that can be read two ways is bounded by both readings, unless another date of the
note shows its order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from bot.nlu.clinical.note import DateMention, Note, overlap
from bot.nlu.clinical.words import MONTH_NAMES, SMALL_NUMBERS
from bot.trial.facts import Period, shift_months

_MONTHS = (
    {name: i for i, name in enumerate(MONTH_NAMES, 1)}
    | {
        short: i
        for i, short in enumerate(
            ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
        )
    }
    | {"sept": 9, "juni": 6, "juli": 7, "mai": 5, "marz": 3, "okt": 10, "dez": 12}
)
_DAYS = {n: i for i, n in enumerate(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])} | {
    "mon": 0,
    "tue": 1,
    "tues": 1,
    "wed": 2,
    "thu": 3,
    "thur": 3,
    "thurs": 3,
    "fri": 4,
}
NUMBER_WORDS = {word: i for i, word in enumerate((*SMALL_NUMBERS, "twenty"))} | {
    "a": 1,
    "an": 1,
    "thirty": 30,
    "forty": 40,
}
_UNITS = {
    "day": "d",
    "days": "d",
    "d": "d",
    "night": "d",
    "nights": "d",
    "week": "w",
    "weeks": "w",
    "wk": "w",
    "wks": "w",
    "w": "w",
    "fortnight": "f",
    "fortnights": "f",
    "month": "m",
    "months": "m",
    "mo": "m",
    "mos": "m",
    "mth": "m",
    "mths": "m",
    "year": "y",
    "years": "y",
    "yr": "y",
    "yrs": "y",
    "y": "y",
    "decade": "t",
    "decades": "t",
}
_SEASONS = {
    "spring": (3, 5),
    "summer": (6, 8),
    "autumn": (9, 11),
    "fall": (9, 11),
    "winter": (12, 14),
    "christmas": (12, 12),
    "xmas": (12, 12),
    "easter": (3, 4),
}

_M = "|".join(sorted(_MONTHS, key=len, reverse=True))
_D = "|".join(sorted(_DAYS, key=len, reverse=True))
_U = "|".join(sorted(_UNITS, key=len, reverse=True))
_N = r"\d+(?:\.\d+)?|" + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
_YEAR = r"(?:19|20)\d\d"
_PART = r"(?P<part>early|mid|middle of|late|beginning of|start of|end of|the end of|the beginning of|first half of|second half of)"
_FEW = r"few|couple of|couple|several|many|some|half a"

_NUMERIC = re.compile(
    rf"(?<!\S)(?:(?P<iso>\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}})|(?P<dmy>\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:\d{{4}}|\d\d))"
    rf"|(?P<my>\d{{1,2}}[/.]{_YEAR})|(?P<ym>{_YEAR}[-/](?:0[1-9]|1[0-2]))|(?P<dm>\d{{1,2}}/\d{{1,2}}))(?!\S)"
)
_NAMED = re.compile(
    rf"(?<!\S)(?:{_PART} )?(?P<which>last |this |next )?(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?:- \d{{1,2}} )?)?(?P<month>{_M})(?: \.)?"
    rf"(?: (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?=(?: ,)? {_YEAR}(?!\S)))?(?: ,)?(?: of)?(?: -)?"
    rf"(?: (?P<year>{_YEAR})| (?P<ago>last|this|the previous|the past) year| ' ?(?P<yy>\d\d)| (?P<short>\d\d)(?:st|nd|rd|th)?(?! (?:mm|cm|mg|{_U}|%|x|iu|,? ?{_YEAR})(?!\S)))?(?!\S)"
)
#: '17.05., 02:15 h' and 'until 26.05.': day and month with the stop of an ordinal number.
_DOTTED = re.compile(
    r"(?<!\S)(?P<day>0[1-9]|[12]\d|3[01])\.(?P<month>0[1-9]|1[0-2])(?= \. (?:,|\)|;|:|-|and|until|to|[a-z]{1,9} ))"
)
#: 'POD 5', 'day 6 post', 'postoperative day 3'.
_DAY_AFTER = re.compile(
    r"(?<!\S)(?:(?:pod|post ?op(?:erative)? day|postop day|day)(?: #| no)? ?(?P<n>\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)(?= (?:post|after|following|of|from|since|s/p|, ))|(?:pod|post ?op(?:erative)? day|postop day)(?: #| no)? ?(?P<n2>\d{1,2})|(?P<n3>\d{1,2}) (?P<unit>days?|d|weeks?|wks?|w|months?) (?=(?:post|s/p|post op|postop|after) ))(?!\S)"
)
_SEASON = re.compile(
    rf"(?<!\S)(?P<which>last |this |in (?:the )?)?(?P<season>{'|'.join(_SEASONS)})(?: of)?(?: (?P<year>{_YEAR}))?(?!\S)"
)
_YEAR_ONLY = re.compile(
    rf"(?<!\S)(?:{_PART} )?(?:the )?(?P<year>{_YEAR})(?: - (?P<to>{_YEAR}|\d\d))?(?! ?(?:iu|copies|cp|mg|ml|log|units?|ng|u|cells|x|metres|m|kcal|steps|hours)(?!\S))(?!\S)"
)
#: "hysterectomy '04"
_SHORT_YEAR = re.compile(r"(?<!\S)' ?(?P<yy>\d\d)(?! ?(?:'|s|cm|mm|yo|y|years?|%))(?!\S)")
_DECADE = re.compile(r"(?<!\S)(?:(?P<part>early|mid|late) )?(?P<decade>(?:19|20)\d0) ?'?s(?!\S)")
_AGO = re.compile(
    rf"(?<!\S)(?P<hedge>over|more than|>|at least|≥|>=|nearly|almost|just under|less than|under|<|about|around|approximately|approx|circa|c|ca|~|roughly|some|"
    rf"just over|well over|exactly)? ?(?:(?P<n>{_N}|{_FEW}|a few|a couple of|a couple)(?: (?:-|to|or) (?P<to>{_N}))?(?P<half> and a half)? )?"
    rf"(?P<unit>{_U}|m)(?:s)? (?P<tail>ago|back|previously|earlier|prior|before|post|since|out|postoperatively|in the past)(?!\S)"
)
_UK_AGO = re.compile(r"(?<!\S)(?P<n>\d{1,2})/(?P<unit>7|52|12)(?: (?P<tail>ago|back|post|since))(?!\S)")
_WITHIN = re.compile(
    rf"(?<!\S)(?:within|in|over|during|for) (?:the )?(?:last|past|previous|preceding) (?:(?P<n>{_N}|few|couple of|several) )?(?P<unit>{_U})(?!\S)"
)
_LAST = re.compile(
    rf"(?<!\S)(?P<which>last|this|the previous|past|earlier this|late last|early last|on|since|by|the other) (?P<what>week|month|year|night|weekend|{_D})(?!\S)"
    rf"|(?<!\S)(?P<word>yesterday|today|tonight|tomorrow|this morning|this afternoon|the day before yesterday|recently|lately|(?<!not )(?<!so )(?<!too )long ago|years ago|decades ago|months ago|weeks ago|days ago|"
    rf"ages ago|a long time ago|in (?:his |her |early )?childhood|as a (?:student|child|boy|girl|teenager|kid|baby|young man|young woman)|in infancy|as an infant|in (?:his|her) (?:youth|teens))(?!\S)"
)
_DURATION = re.compile(
    rf"(?<!\S)(?:for|x|these|now) (?P<hedge>over |more than |at least |nearly |almost |about |the (?:last|past) |> ?|under |less than )?(?P<n>{_N}|many|several|few|a few) (?P<unit>{_U})(?! ago)(?!\S)"
)
_AT_AGE = re.compile(
    r"(?<!\S)(?:(?:at )?(?:the )?(?:age of|aged|age|at age) (?P<age>\d{1,2})|(?:in|during) (?:his|her|their) (?:early |mid |late )?(?P<dec>twenties|thirties|forties|fifties|sixties|seventies)"
    r"|when (?:he|she|they) (?:was|were) (?P<age2>\d{1,2})|at (?P<age3>\d{2})(?= (?:years|yrs|,|;|\.|$)))(?!\S)"
)
_DECADES_OF_LIFE = {"twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60, "seventies": 70}
_SINCE = frozenset({"since", "from", "started", "commenced", "began", "starting", "seit"})
_UNTIL = frozenset(
    {
        "until",
        "till",
        "ended",
        "stopped",
        "finished",
        "completed",
        "left",
        "to",
        "ending",
        "ceased",
        "up",
        "off",
        "through",
    }
)


def _safe(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month_end(year: int, month: int) -> date:
    return shift_months(date(year, month, 1), 1) - timedelta(days=1) if year < 9999 else date(year, month, 28)


def _span(year: int, first: int, last: int) -> Period:
    """From the first day of one month to the last day of another; months beyond 12 run into the next year."""
    end = shift_months(date(year, 1, 1), last - 1)
    return Period(shift_months(date(year, 1, 1), first - 1), _month_end(end.year, end.month))


def _full_year(two: int, today: date) -> int:
    return 2000 + two if 2000 + two <= today.year + 1 else 1900 + two


def number(text: str) -> float:
    """A count in digits or words."""
    text = text.strip()
    if text in NUMBER_WORDS:
        return float(NUMBER_WORDS[text])
    return float(text)


def back(today: date, amount: float, unit: str) -> date:
    """The day so many days, weeks, months or years before; very distant pasts stop at year 1900."""
    kind = _UNITS.get(unit, unit)
    if kind == "t":
        amount, kind = amount * 10, "y"
    if kind == "f":
        amount, kind = amount * 2, "w"
    amount = min(amount, 1500.0)
    if kind == "d":
        return today - timedelta(days=round(amount))
    if kind == "w":
        return today - timedelta(days=round(amount * 7))
    months = amount * 12 if kind == "y" else amount
    months = min(months, 1500)
    whole = int(months)
    return shift_months(today, -whole) - timedelta(days=round((months - whole) * 30))


def find_dates(note: Note, birth_year: int | None = None) -> list[DateMention]:
    """All date expressions of a note, in order, none overlapping another."""
    found: list[DateMention] = []
    spans: list[tuple[int, int]] = []
    day_first = _day_first(note)

    def take(pattern: re.Pattern[str], make: Callable[[re.Match[str]], Period | None], role: str = "at") -> None:
        for match, start, end in note.find(pattern):
            if overlap((start, end), spans):
                continue
            period = make(match)
            if period is not None:
                spans.append((start, end))
                found.append(DateMention(start, end, period, _role(note, start, role)))

    today = note.today
    take(_UK_AGO, lambda m: Period.on(back(today, float(m["n"]), {"7": "d", "52": "w", "12": "m"}[m["unit"]])))
    take(_NUMERIC, lambda m: _numeric(m, note, day_first))
    take(_DOTTED, lambda m: _two_ways(int(m["day"]), int(m["month"]), None, today, True))
    take(
        _DAY_AFTER,
        lambda m: Period.on(back(today, number(m["n"] or m["n2"] or m["n3"]), m["unit"] or "day")),
    )
    take(_WITHIN, lambda m: _within(m, today))
    take(_AGO, lambda m: _ago(m, today))
    take(_NAMED, lambda m: _named(m, note))
    take(_DECADE, _decade)
    take(_SEASON, lambda m: _season(m, today))
    take(_YEAR_ONLY, lambda m: _year(m, today))
    take(_SHORT_YEAR, lambda m: _span(_full_year(int(m["yy"]), today), 1, 12))
    take(_LAST, lambda m: _last(m, today))
    take(_DURATION, lambda m: _duration(m, today), "for")
    take(_AT_AGE, lambda m: _at_age(m, today, birth_year))
    found.sort(key=lambda mention: mention.start)
    return found


def _role(note: Note, start: int, role: str) -> str:
    before = note.norms[max(0, start - 2) : start]
    if before == ["and", "including"] and note.norms[max(0, start - 3) : start - 2] in (["until"], ["to"], ["till"]):
        return "until"
    if before and before[-1] in {"in", "the", "early", "late", "about", "around", "at", "on"} and len(before) > 1:
        before = before[:-1]
    if before and before[-1] in _SINCE:
        return "since"
    if before and before[-1] in _UNTIL:
        return "until"
    return role


def _day_first(note: Note) -> bool | None:
    """The order that other dates of the note show: True for day/month, False for month/day, None unknown."""
    for match in _NUMERIC.finditer(note.reading):
        parts = re.split(r"[-/.]", match["dmy"] or match["dm"] or "")
        if len(parts) >= 2 and "." in (match["dmy"] or ""):
            return True
        if len(parts) >= 2 and int(parts[0]) > 12 >= int(parts[1]):
            return True
        if len(parts) == 3 and int(parts[1]) > 12 >= int(parts[0]):
            return False
        if len(parts) == 3 and int(parts[0]) <= 12 and int(parts[1]) <= 12 and _only_month_first(parts, note.today):
            return False
    return False if "us date" in note.reading else None


def _only_month_first(parts: list[str], today: date) -> bool:
    """Day/month would lie in the future and month/day does not: the note writes the month first."""
    year = int(parts[2]) if len(parts[2]) == 4 else _full_year(int(parts[2]), today)
    day_month, month_day = _safe(year, int(parts[1]), int(parts[0])), _safe(year, int(parts[0]), int(parts[1]))
    return day_month is not None and month_day is not None and month_day <= today < day_month


def _two_ways(a: int, b: int, year: int | None, today: date, day_first: bool | None) -> Period | None:
    """`a/b[/year]`: day and month in either order, bounded by all readings that are dates."""
    readings: list[date] = []
    for day, month, is_day_first in ((a, b, True), (b, a, False)):
        if day_first is not None and is_day_first != day_first:
            continue
        if year is not None:
            when = _safe(year, month, day)
        else:
            when = _safe(today.year, month, day)
            if when is not None and when > today:
                when = _safe(today.year - 1, month, day)
        if when is not None:
            readings.append(when)
    readings = [day for day in readings if day <= today] or readings
    if not readings:
        return None
    if day_first is None and readings[0] == max(readings):
        return Period.on(readings[0])
    return Period(min(readings), max(readings))


def _numeric(match: re.Match[str], note: Note, day_first: bool | None) -> Period | None:
    today = note.today
    if match["iso"]:
        year, month, day = (int(x) for x in re.split(r"[-/.]", match["iso"]))
        when = _safe(year, month, day)
        return Period.on(when) if when else None
    if match["dmy"]:
        a, b, y = (int(x) for x in re.split(r"[-/.]", match["dmy"]))
        year = y if y > 99 else _full_year(y, today)
        return _two_ways(a, b, year, today, True if "." in match["dmy"] else day_first)
    if match["my"]:
        month, year = (int(x) for x in re.split(r"[/.]", match["my"]))
        return _span(year, month, month) if 1 <= month <= 12 else None
    if match["ym"]:
        year, month = (int(x) for x in re.split(r"[-/]", match["ym"]))
        return _span(year, month, month)
    a, b = (int(x) for x in match["dm"].split("/"))
    before = note.reading[: match.start()].rsplit(None, 2)[-2:]
    after = note.reading[match.end() :].split(None, 1)[:1]
    if {"ecog", "ps", "who", "gleason", "grade", "bp", "kps", "score", "t", "child", "nrs"} & set(before) or {
        "nodes",
        "lns",
        "node",
        "ln",
    } & set(after):
        return None
    return _two_ways(a, b, None, today, day_first) if a and b else None


def _named(match: re.Match[str], note: Note) -> Period | None:
    today = note.today
    month_word = match["month"]
    bare = not (match["day"] or match["year"] or match["yy"] or match["day2"] or match["part"] or match["which"])
    if month_word in {"may", "mar", "dec", "sep", "mai"} and bare:
        before = note.reading[: match.start()].split()[-1:]
        if (
            month_word == "may"
            and before[:1] not in (["in"], ["since"], ["of"], ["until"], ["by"], ["from"], ["last"], ["to"], ["on"])
            and not match["short"]
        ):
            raw_index = len(note.reading[: match.start()].split())
            following = note.norms[raw_index + 1 : raw_index + 2]
            if following not in ([], [","], ["."], [")"], [";"]) or not note.tokens[raw_index].raw[0].isupper():
                return None
    month = _MONTHS[month_word]
    day_text = match["day"] or match["day2"]
    year: int | None = None
    if match["year"]:
        year = int(match["year"])
    elif match.groupdict().get("ago"):
        year = today.year - (match["ago"] != "this")
    elif match["yy"]:
        year = _full_year(int(match["yy"]), today)
    elif match["short"]:
        short = int(match["short"])
        if day_text:
            year = _full_year(short, today)
        else:
            return _month_or_day(month, short, today)
    if year is None:
        year = _recent_year(month, int(day_text) if day_text else 1, today, match["which"])
    if day_text:
        when = _safe(year, month, int(day_text))
        return Period.on(when) if when else None
    period = _span(year, month, month)
    return _part_of(period, match["part"]) if match["part"] else period


def _month_or_day(month: int, two: int, today: date) -> Period | None:
    """'Mar 19' is 19 March or March 2019: bounded by both; 'Jan 26' in 2026 is that month either way."""
    year = _full_year(two, today)
    as_month = _span(year, month, month) if year <= today.year else None
    recent = _recent_year(month, two, today, None)
    day = _safe(recent, month, two)
    if day is None:
        return as_month
    if as_month is None:
        return Period.on(day)
    return as_month.reaches(Period.on(day))


def _recent_year(month: int, day: int, today: date, which: str | None) -> int:
    """The year of the most recent such month or day that is not in the future."""
    if which and which.strip() == "next":
        return today.year if month > today.month else today.year + 1
    if which and which.strip() == "this":
        return today.year
    return today.year if (month, day) <= (today.month, today.day) else today.year - 1


def _part_of(period: Period, part: str) -> Period:
    if period.earliest is None or period.latest is None:
        return period
    length = (period.latest - period.earliest).days + 1
    third = length // 3
    if part in {"early"} or "beginning" in part or "start" in part:
        return Period(period.earliest, period.earliest + timedelta(days=third + 3))
    if part in {"late"} or "end" in part:
        return Period(period.latest - timedelta(days=third + 3), period.latest)
    if part.startswith("first half"):
        return Period(period.earliest, period.earliest + timedelta(days=length // 2))
    if part.startswith("second half"):
        return Period(period.earliest + timedelta(days=length // 2), period.latest)
    return Period(period.earliest + timedelta(days=third - 3), period.latest - timedelta(days=third - 3))


def _season(match: re.Match[str], today: date) -> Period | None:
    first, last = _SEASONS[match["season"]]
    if match["year"]:
        return _span(int(match["year"]), first, last)
    if not match["which"]:
        return None
    year = today.year if first <= today.month else today.year - 1
    if match["which"].strip() == "last":
        return _span(year - 1, first, last).reaches(_span(year, first, last))
    return _span(year, first, last)


def _decade(match: re.Match[str]) -> Period:
    first = int(match["decade"])
    return Period(date(first, 1, 1), date(first + 9, 12, 31))


def _year(match: re.Match[str], today: date) -> Period | None:
    year = int(match["year"])
    if year > today.year + 5 or year < 1900:
        return None
    last = year
    if match["to"]:
        to = match["to"]
        last = int(to) if len(to) == 4 else year // 100 * 100 + int(to)
        if not year <= last <= today.year + 5:
            last = year
    period = Period(date(year, 1, 1), date(last, 12, 31))
    return _part_of(period, match["part"]) if match["part"] else period


def _ago(match: re.Match[str], today: date) -> Period | None:
    tail, count, unit = match["tail"], match["n"], match["unit"]
    if tail == "in the past":
        tail = "ago"
    if tail in {"prior", "before", "post", "since", "out", "earlier", "previously"} and not count:
        return None
    if unit == "m":
        unit = "month"
    kind = _UNITS.get(unit, unit)
    if count is None or count in {"many", "some"}:
        least = {"d": 2, "w": 2, "m": 2, "y": 2, "t": 1, "f": 2}[kind]
        if count == "many" and kind == "y":
            least = 5
        most = back(today, 3, "month") if kind in "dwf" else back(today, 24, "month") if kind == "m" else None
        return Period(most, back(today, least, unit))
    if count in {"few", "a few", "several"}:
        return Period(back(today, 9, unit), back(today, 2, unit))
    if count == "half a":
        return (
            Period(back(today, 7, "month"), back(today, 5, "month"))
            if kind == "y"
            else Period(back(today, 1, unit), today)
        )
    if count in {"couple of", "couple", "a couple of", "a couple"}:
        return Period(back(today, 3, unit), back(today, 2, unit))
    amount = number(count) + (0.5 if match["half"] else 0.0)
    point = back(today, amount, unit)
    if match["to"]:
        return Period(back(today, number(match["to"]), unit), point)
    hedge = match["hedge"] or ""
    if hedge in {"over", "more than", ">", "just over", "well over"}:
        return Period(None, point - timedelta(days=1))
    if hedge in {"at least", "≥", ">="}:
        return Period(None, point)
    if hedge in {"nearly", "almost", "less than", "under", "<", "just under"}:
        earliest = point + timedelta(days=1)
        return Period(
            earliest, back(today, amount * 0.8, unit) if hedge in {"nearly", "almost", "just under"} else today
        )
    if hedge and hedge != "exactly":
        return Period(back(today, amount * 1.2, unit), back(today, amount * 0.8, unit))
    if amount == 1 and kind in "my":
        slack = timedelta(days=5 if kind == "m" else 45)
        return Period(point - slack, point + slack)
    return Period.on(point)


def _within(match: re.Match[str], today: date) -> Period:
    count = match["n"]
    amount = (
        1.0
        if count is None
        else 6.0
        if count in {"few", "several"}
        else 2.0
        if count.startswith("couple")
        else number(count)
    )
    return Period(back(today, amount, match["unit"]), today)


def _last(match: re.Match[str], today: date) -> Period | None:
    word = match["word"]
    if word:
        return _adverb(word, today)
    which, what = match["which"], match["what"]
    if what in _DAYS:
        ago = (today.weekday() - _DAYS[what]) % 7
        if which in {"last", "the previous", "past"} and ago == 0:
            ago = 7
        return Period.on(today - timedelta(days=ago))
    if which in {"on", "since", "by", "the other"}:
        return None
    this = which in {"this", "earlier this"}
    if what == "night":
        return Period(today - timedelta(days=1), today)
    if what == "weekend":
        return Period(today - timedelta(days=8), today)
    if what == "week":
        monday = today - timedelta(days=today.weekday())
        return Period(monday, today) if this else Period(monday - timedelta(days=7), monday - timedelta(days=1))
    if what == "month":
        first = today.replace(day=1)
        return Period(first, today) if this else Period(shift_months(first, -1), first - timedelta(days=1))
    first = date(today.year, 1, 1)
    if this:
        return Period(first, today)
    year = Period(date(today.year - 1, 1, 1), first - timedelta(days=1))
    return _part_of(year, which.split()[0]) if which in {"late last", "early last"} else year


def _adverb(word: str, today: date) -> Period | None:
    if word in {"today", "this morning", "this afternoon", "tonight"}:
        return Period.on(today)
    if word == "yesterday":
        return Period.on(today - timedelta(days=1))
    if word == "the day before yesterday":
        return Period.on(today - timedelta(days=2))
    if word == "tomorrow":
        return Period.on(today + timedelta(days=1))
    if word in {"recently", "lately"}:
        return None
    if word == "days ago":
        return Period(back(today, 14, "day"), back(today, 2, "day"))
    if word == "weeks ago":
        return Period(back(today, 12, "week"), back(today, 2, "week"))
    if word == "months ago":
        return Period(back(today, 24, "month"), back(today, 2, "month"))
    if word in {"years ago", "long ago", "ages ago", "a long time ago"}:
        return Period(None, back(today, 2, "year"))
    return Period(None, back(today, 10, "year")) if "teen" not in word else Period(None, back(today, 3, "year"))


def _duration(match: re.Match[str], today: date) -> Period | None:
    count = match["n"]
    if count in {"many", "several", "few", "a few"}:
        return Period(None, back(today, 2 if count != "many" else 3, match["unit"]))
    amount = number(count)
    point = back(today, amount, match["unit"])
    hedge = (match["hedge"] or "").strip()
    if hedge in {"over", "more than", "at least", ">"}:
        return Period(None, point if hedge == "at least" else point - timedelta(days=1))
    if hedge in {"nearly", "almost", "under", "less than"}:
        return Period(point + timedelta(days=1), today)
    if hedge == "about":
        return Period(back(today, amount * 1.2, match["unit"]), back(today, amount * 0.8, match["unit"]))
    return Period.on(point)


def _at_age(match: re.Match[str], today: date, birth_year: int | None) -> Period | None:
    if birth_year is None:
        return None
    if match["dec"]:
        first = birth_year + _DECADES_OF_LIFE[match["dec"]]
        years = (first - 1, first + 10)
    else:
        age = int(match["age"] or match["age2"] or match["age3"])
        years = (birth_year + age - 1, birth_year + age + 2)
    first_day = date(max(years[0], 1900), 1, 1)
    if first_day > today:
        return None
    return Period(first_day, min(date(max(years[1], 1900), 12, 31), today))
