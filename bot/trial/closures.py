"""Days on which the site is closed: they warn, they never move a date (protocol notes, last paragraph)."""

from __future__ import annotations

import datetime as dt

from bot.trial.protocol import Protocol, Text


def closure_on(protocol: Protocol, day: dt.date) -> Text | None:
    """What closes the site on that day, or None.

    The site's own list holds for every year it has an entry for; in other years the public holidays of the setting
    `holiday_country` warn instead.
    """
    closures = protocol.settings.closures
    if any(closure.date.year == day.year for closure in closures):
        return next((closure.label for closure in closures if closure.date == day), None)
    return _public_holiday(protocol.settings.holiday_country, day)


def _public_holiday(country: str, day: dt.date) -> Text | None:
    import holidays  # slow to import, and needed only for a year that the site has not listed

    labels = {
        language: holidays.country_holidays(country, years=day.year, language=locale).get(day)
        for language, locale in (("en", "en_US"), ("zh", "zh_CN"))
    }
    if labels["en"] is None or labels["zh"] is None:
        return None
    return Text(en=labels["en"], zh=labels["zh"])


def is_weekend(day: dt.date) -> bool:
    """Whether the day is a Saturday or a Sunday."""
    return day.isoweekday() >= 6
