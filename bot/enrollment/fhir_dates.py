"""FHIR's dates and instants, as days and times of the trial's zone."""

from __future__ import annotations

from datetime import date, datetime

from bot.clock import TRIAL_ZONE
from bot.trial.facts import Period


def whole_date(text: str) -> date | None:
    """The day of a FHIR date or dateTime; None where it is no whole day."""
    if len(text) == 10:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    moment = instant(text)
    return None if moment is None else moment.date()


def instant(text: str) -> datetime | None:
    """A FHIR instant in the trial's zone; None where it is none, or has no zone."""
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
        return None if moment.tzinfo is None else moment.astimezone(TRIAL_ZONE)
    except (ValueError, OverflowError):
        return None


def period(text: str | None) -> Period:
    """The days that a FHIR date stands for: a year or a month is all of its days; what is no date says nothing."""
    if text is None:
        return Period()
    if len(text) >= 10:
        day = whole_date(text)
        return Period() if day is None else Period.on(day)
    try:
        numbers = [int(part) for part in text.split("-")]
        if len(numbers) == 2:
            year, month = numbers
            following = date(year + month // 12, month % 12 + 1, 1)
            return Period(date(year, month, 1), date.fromordinal(following.toordinal() - 1))
        return Period(date(numbers[0], 1, 1), date(numbers[0], 12, 31))
    except ValueError:
        return Period()
