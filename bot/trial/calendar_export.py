"""A participant's visits as an iCalendar file (RFC 5545) that calendar programs take.

The title says that there is an appointment and nothing else: a calendar is shown on lock screens and shared with
others, so no diagnosis, drug, procedure or trial stands in the file. The UID is the same each time: a later file
replaces the earlier one.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from bot.trial.protocol import Protocol, Text
from bot.trial.record import Language
from bot.trial.schedule import Visit

#: The trial's time zone; a booked time is the wall clock's in Shanghai.
SHANGHAI = ZoneInfo("Asia/Shanghai")

_TITLE = Text(en="Hospital appointment", zh="医院预约")
_OPEN_CHOICE = Text(en="Hospital appointment (one of two days)", zh="医院预约(两天中的一天)")
_ASK = Text(
    en="The study team confirms the day. Questions: call the team.", zh="日期以研究团队确认为准,如有疑问请致电团队。"
)


def export_calendar(
    protocol: Protocol, code: str, visits: Iterable[Visit], now: dt.datetime, language: Language = "en"
) -> bytes:
    """The visits that have a date, as the bytes of an `.ics` file; cancelled and missed ones are marked cancelled.

    Args:
        code: the participant's code; it only seeds the UIDs.
        now: the time stamp of the file, aware.

    Raises:
        ValueError: `now` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now: expected a time with its zone, found one without")
    calendar = Calendar()
    calendar.add("prodid", f"-//SPARC Assistant//Appointments//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for visit in visits:
        if visit.date is not None:
            calendar.add_component(_event(protocol, code, visit, visit.date, now, language))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def uid(protocol: Protocol, code: str, visit: Visit) -> str:
    """The visit's UID: the same for every export of the same participant's visit, and telling nothing by itself."""
    return f"{uuid.uuid5(uuid.NAMESPACE_URL, f'{protocol.identifier}/{code}/{visit.visit}')}@sparc-assistant"


def _event(protocol: Protocol, code: str, visit: Visit, day: dt.date, now: dt.datetime, language: Language) -> Event:
    event = Event()
    event.add("uid", uid(protocol, code, visit))
    event.add("dtstamp", now.astimezone(dt.timezone.utc))
    # Calendar programs take the higher sequence for the newer version of the same UID.
    event.add("sequence", int(now.timestamp()) // 60)
    event.add("summary", (_OPEN_CHOICE if visit.is_open_choice else _TITLE)[language])
    event.add("description", _ASK[language])
    event.add("location", protocol.site.name[language])
    event.add("class", "PRIVATE")
    event.add("status", _STATUS[visit.status])
    if visit.time is not None:
        # How long a visit takes is not known: without an end the event marks its beginning.
        event.add("dtstart", dt.datetime.combine(day, visit.time, tzinfo=SHANGHAI))
    else:
        last = visit.window[1] if visit.is_open_choice and visit.window and visit.window[1] else day
        event.add("dtstart", day)
        event.add("dtend", last + dt.timedelta(days=1))  # RFC 5545: the end is the first day after
        event.add("transp", "TRANSPARENT")
    return event


_STATUS = {
    "planned": "TENTATIVE",
    "booked": "CONFIRMED",
    "done": "CONFIRMED",
    "no_record": "TENTATIVE",
    "missed": "CANCELLED",
    "cancelled": "CANCELLED",
}
