"""Dates, lists and amounts as people read them, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time

_WEEKDAYS_ZH = "一二三四五六日"


def say_date(day: date, language: str, today: date | None = None) -> str:
    """A date with its weekday; with `today`, the word for today and tomorrow in front of it."""
    if language == "zh":
        text = f"{day.year}年{day.month}月{day.day}日(星期{_WEEKDAYS_ZH[day.weekday()]})"
    else:
        text = f"{day:%A} {day.day} {day:%B %Y}"
    if today is None or not 0 <= (day - today).days <= 1:
        return text
    near = (day - today).days
    if language == "zh":
        return ("今天,", "明天,")[near] + text
    return ("today, ", "tomorrow, ")[near] + text


def say_time(moment: time | None, language: str) -> str:
    """The booked time of day, led by a blank; empty where there is none."""
    if moment is None:
        return ""
    return f" {moment:%H:%M}" if language == "zh" else f" at {moment:%H:%M}"


def say_amount(milligrams: float, language: str) -> str:
    """An amount in mg, thousands apart, whole numbers without a fraction."""
    number = f"{milligrams:,.0f}" if float(milligrams).is_integer() else f"{milligrams:,.1f}"
    return f"{number} mg" if language != "zh" else f"{number} 毫克"


def say_list(items: Iterable[str], language: str) -> str:
    """Items joined as in a sentence: 'a, b and c'."""
    listed = list(items)
    if language == "zh":
        return "、".join(listed)
    return listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " and " + listed[-1] if listed else ""


def sentences(*texts: str) -> str:
    """Texts one after another, empty ones left out; Chinese sentences need no blank between them."""
    kept = [text.strip() for text in texts if text and text.strip()]
    return " ".join(kept)


def lines(*texts: str) -> str:
    """Texts one a line, empty ones left out."""
    return "\n".join(text for text in texts if text)
