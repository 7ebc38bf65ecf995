"""Who the note is about: age, sex, performance status."""

from __future__ import annotations

from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.age import ages, births
from bot.nlu.clinical.readers.common import finding
from bot.nlu.clinical.readers.performance import read_performance
from bot.nlu.clinical.readers.sex import read_sex
from bot.trial.facts import Finding


def read_person(note: Note) -> Iterator[Finding]:
    """Age or birth date, sex, performance status."""
    for low, high, start, end in ages(note):
        yield finding(note, "age", start, end, {"low": low, "high": high})
    for period, start, end in births(note):
        if period.earliest and period.latest and period.latest < note.today:
            yield finding(note, "birth_date", start, end, {}, when=period)
    yield from read_sex(note)
    yield from read_performance(note)
