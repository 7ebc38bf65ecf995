"""Calendar dates as people write them, resolved against a given day in the trial's zone.

Nothing here guesses in silence: what can be read two ways comes back with both candidates and `ambiguous`, what
is on no calendar ('31 June') with `impossible`. The day of the question is an argument, never a clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.nlu.date_forms import RULES, Context, Direction, shift
from bot.nlu.gates import Gate
from bot.nlu.language import fold

__all__ = ["DateMention", "Day", "Direction", "direction_of", "read_dates"]

Day = date
_RULES = Gate(pattern for pattern, _ in RULES)


@dataclass(frozen=True)
class DateMention:
    """One date or range in a text.

    Attributes:
        text, start, end: the words and their place in the text.
        date: the day meant, or the first day of a range; None where it is ambiguous or impossible.
        last: the last day of a range, else None.
        candidates: the days it may mean, earliest first, where it is ambiguous; the nearest real days where it is
            impossible and one suggests itself.
        ambiguous: it can be read in two ways and has to be asked back.
        impossible: no such day exists.
        vague: a time that names no day ('in a few days', 'end of the month'); which day is meant has to be asked.
    """

    text: str
    start: int
    end: int
    date: Day | None = None
    last: Day | None = None
    candidates: tuple[Day, ...] = ()
    ambiguous: bool = False
    impossible: bool = False
    vague: bool = False

    @property
    def days(self) -> tuple[Day, ...]:
        """Every day that the mention may stand for."""
        if self.date is not None and self.last is not None:
            return tuple(self.date + timedelta(n) for n in range((self.last - self.date).days + 1))
        return (self.date,) if self.date is not None else self.candidates


def read_dates(text: str, today: date, direction: Direction | None = None) -> tuple[DateMention, ...]:
    """All dates and ranges of a text, in order, never overlapping.

    Args:
        text: as written; full-width digits are understood.
        today: the calendar day of the question in Asia/Shanghai.
        direction: whether the question looks back or ahead; None looks ahead. Decides what 'Friday' or
            'the 15th' means.
    """
    folded = fold(text)
    context = Context(today, direction, bool(re.search(r"[一-鿿]", folded)))
    found: list[DateMention] = []
    for place in _RULES.through(folded):
        pattern, reader = RULES[place]
        for match in pattern.finditer(folded):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            outcome = reader(match, context)
            if outcome is not None:
                mention = DateMention(text[match.start() : match.end()], match.start(), match.end())
                found.append(replace(mention, **outcome))  # type: ignore[arg-type]
    found.sort(key=lambda mention: mention.start)
    joined = list(_join_weekdays(folded, text, _same_order(found)))
    counted = [_counted_from(folded, text, mention) for mention in _without_bases(folded, joined)]
    return tuple(_join_ranges(folded, text, counted))


def direction_of(text: str) -> Direction | None:
    """Whether a question looks back ('what did I have on Monday') or ahead, by its own words; None: neither."""
    folded = fold(text).lower()
    if re.search(
        r"\b(did|didn'?t|was|wasn'?t|were|had|missed|forgot\w*|skipped|took|came|went|ago|already|happened)\b"
        r"|忘|漏|错过|昨|前天|上次|上周|上个|做了|来了|吃了|打了|之前",
        folded,
    ):
        return "past"
    if re.search(
        r"\b(will|shall|going to|next|when do|when is|move|reschedul\w+|postpone|to come|coming|can i|could i|"
        r"should i)\b|下次|下周|下个|什么时候|改到|改期|推迟|要不要|还要",
        folded,
    ):
        return "future"
    return None


#: 'two weeks from', 'the day before': a stretch of time that is counted from the day named after it.
_STRETCH = re.compile(
    r"\b(?:(?P<count>\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen)\s+)?"
    r"(?P<unit>days?|weeks?|wks?|fortnights?|months?)\s+(?P<side>from|after|following|past|before|prior\s+to)\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_FORTNIGHT = re.compile(
    r"\b(?:a\s+)?(?P<unit>fortnight)\s+(?:on\s+)?$|\b(?P<weeks>two|2)\s+weeks\s+(?:on\s+)?$", re.IGNORECASE
)
_COUNTS = {word: value for value, word in enumerate(
    ["a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen"])} | {"a": 1, "an": 1}  # fmt: skip
#: '从今天起两周后', '两周后的今天': today only says where the counting begins.
_BASE_ZH = re.compile(r"(?:起|开始|算起|往后|再过|之后)?[,，]?(?:的)?")


def _counted_from(folded: str, text: str, mention: DateMention) -> DateMention:
    """The day that a stretch of time before a named day leads to: 'two weeks from today', 'the day after 21 September'."""
    before = folded[: mention.start]
    match = _STRETCH.search(before) or _FORTNIGHT.search(before)
    if match is None or mention.date is None or mention.last is not None:
        return mention
    groups = match.groupdict()
    unit = groups.get("unit") or "weeks"
    count = 2 if groups.get("weeks") else _count_of(groups.get("count") or "a")
    sign = -1 if (groups.get("side") or "").lower().startswith(("before", "prior")) else 1
    day = shift(mention.date, sign * count, unit)
    start = match.start()
    named = replace(mention, text=text[start : mention.end], start=start)
    if groups.get("side") and not groups.get("count") and unit.lower().startswith(("week", "wk", "month")):
        return replace(named, date=None, vague=True)  # 'the week after the 21st' is no one day
    return replace(named, date=day)


def _count_of(word: str) -> int:
    return int(word) if word.isdigit() else _COUNTS[word.lower()]


def _without_bases(folded: str, found: list[DateMention]) -> list[DateMention]:
    """Two days written together in Chinese of which one is only where the other is counted from."""
    kept: list[DateMention] = []
    for mention in found:
        if kept and re.fullmatch(_BASE_ZH, folded[kept[-1].end : mention.start]):
            left, right = folded[kept[-1].start : kept[-1].end], folded[mention.start : mention.end]
            if left.startswith("今") and re.search(r"后$", right):
                kept[-1] = mention
                continue
            if re.search(r"后$", left) and right.startswith("今"):
                continue
        kept.append(mention)
    return kept


_WEEKDAY_ALONE = re.compile(
    r"(?:on\s+)?(?:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)\w*|(?:周|星期|礼拜)[一二三四五六日天1-7]",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[\s,，(（]*(?:the\s+)?", re.IGNORECASE)


def _join_weekdays(folded: str, text: str, found: list[DateMention]) -> Iterator[DateMention]:
    """'Thursday 24th', '29 Sep (Tue)': a weekday beside a date is that date's; where they do not fit, either is meant."""
    pending: DateMention | None = None
    for mention in found:
        if pending is None:
            pending = mention
            continue
        pair = (pending, mention)
        weekday = next((one for one in pair if _WEEKDAY_ALONE.fullmatch(one.text.strip())), None)
        dated = next((one for one in pair if one is not weekday), None)
        beside = bool(_JOINED.fullmatch(folded[pending.end : mention.start]))
        if weekday is None or dated is None or not beside or _WEEKDAY_ALONE.fullmatch(dated.text.strip()):
            yield pending
            pending = mention
            continue
        pending = _fitting(weekday, dated, text[pending.start : mention.end], pending.start, mention.end)
    if pending is not None:
        yield pending


def _fitting(weekday: DateMention, dated: DateMention, text: str, start: int, end: int) -> DateMention:
    joined = DateMention(text, start, end)
    if weekday.date is None or dated.last is not None or dated.impossible:
        return replace(dated, text=text, start=start, end=end)
    on_that_day = [day for day in dated.days if day.weekday() == weekday.date.weekday()]
    if len(on_that_day) == 1:
        return replace(joined, date=on_that_day[0])
    return replace(joined, candidates=tuple(sorted({weekday.date, *dated.days})), ambiguous=True)


def _same_order(found: list[DateMention]) -> list[DateMention]:
    """'from 11/6 to 15/6': who writes one date day first writes the other so; month first likewise."""
    orders = {
        order
        for mention in found
        if mention.date and (figures := _FIGURES.match(mention.text))
        for order, place in (("day", 1), ("month", 2))
        if int(figures[place]) > 12
    }
    if len(orders) != 1:
        return found
    place = 1 if "day" in orders else 2
    settled = []
    for mention in found:
        figures = _FIGURES.match(mention.text)
        fitting = [day for day in mention.candidates if figures and day.day == int(figures[place])]
        if mention.ambiguous and len(fitting) == 1:
            mention = replace(mention, date=fitting[0], candidates=(), ambiguous=False)
        settled.append(mention)
    return settled


_FIGURES = re.compile(r"(\d{1,2})[/.-](\d{1,2})\b")
_MOVING = re.compile(
    r"\b(move|change|switch|re-?schedul\w*|shift|postpone|swap|bring|push)\b|改|换|推|挪|提前", re.IGNORECASE
)


def _join_ranges(folded: str, text: str, found: list[DateMention]) -> Iterator[DateMention]:
    """Two days with 'to' between them are one range, unless a visit is to be moved from one to the other."""
    moving = bool(_MOVING.search(folded))
    pending: DateMention | None = None
    for mention in found:
        if pending is not None and pending.date and mention.date and not pending.last and not mention.last:
            between = folded[pending.end : mention.start].strip().lower()
            opened = folded[: pending.start].rstrip().lower().endswith(("between", "从"))
            linked = between in ("to", "until", "till", "through", "-", "–", "到", "至") and not moving
            if pending.date < mention.date and (linked or (opened and between in ("and", "和", "到", "至"))):
                pending = replace(pending, text=text[pending.start : mention.end], end=mention.end, last=mention.date)
                continue
        if pending is not None:
            yield pending
        pending = mention
    if pending is not None:
        yield pending
