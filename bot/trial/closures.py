"""Days on which the site is closed: they warn, they never move a date (protocol notes, last paragraph)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

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
    return _public_holidays(country, day.year).get(day)


@lru_cache(maxsize=16)  # a year's holidays never change within a release of the library, and cost milliseconds
def _public_holidays(country: str, year: int) -> Mapping[dt.date, Text]:
    import holidays  # slow to import, and needed only for a year that the site has not listed

    english = holidays.country_holidays(country, years=year, language="en_US")
    chinese = holidays.country_holidays(country, years=year, language="zh_CN")
    return MappingProxyType({day: Text(en=label, zh=chinese[day]) for day, label in english.items()})


def is_weekend(day: dt.date) -> bool:
    """Whether the day is a Saturday or a Sunday."""
    return day.isoweekday() >= 6
