"""The calendar file, read back by the icalendar library, equals the schedule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from bot.trial.calendar_export import export_calendar, uid
from bot.trial.protocol import Protocol
from bot.trial.record import ParticipantRecord
from bot.trial.schedule import calendar

Build = Callable[..., ParticipantRecord]
NOW = dt.datetime(2026, 3, 4, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
COURSES = [
    {"RT1": "2026-03-02"},
    {"RT1": "2026-03-02", "IO1": "booked 2026-03-08 09:30", "C1D1": "booked 2026-03-17 14:00"},
    {"RT1": "2026-02-02", "C1D1": "2026-02-18", "C2D1": "missed 2026-03-02", "SURGERY": "booked 2026-06-16"},
    {"status": "withdrawn", "RT1": "2026-02-02", "C1D1": "2026-02-18"},
    {"status": "enrolled"},
]


def read_back(content: bytes) -> dict[str, Any]:
    return {str(event["uid"]): event for event in Calendar.from_ical(content).walk("VEVENT")}


@pytest.mark.parametrize("given", COURSES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_read_back_equals_the_schedule(protocol: Protocol, build: Build, given: dict[str, str], language: Any) -> None:
    visits = [v for v in calendar(protocol, build(**given), NOW.date()) if v.date is not None]
    events = read_back(export_calendar(protocol, "P-0001", visits, NOW, language))
    assert len(events) == len(visits)
    for visit in visits:
        event = events[uid(protocol, "P-0001", visit)]
        start = event.decoded("dtstart")
        if visit.time is not None:
            assert start == dt.datetime.combine(visit.date or NOW, visit.time, tzinfo=ZoneInfo("Asia/Shanghai"))
            assert str(event["dtstart"].params["TZID"]) == "Asia/Shanghai"
        else:
            assert (type(start), start) == (dt.date, visit.date)
            last = visit.window[1] if visit.is_open_choice and visit.window else visit.date
            assert last and event.decoded("dtend") == last + dt.timedelta(days=1)
        assert (str(event["status"]) == "CANCELLED") == (visit.status in ("missed", "cancelled"))


def test_the_uid_stays_when_the_day_moves(protocol: Protocol, build: Build) -> None:
    early = calendar(protocol, build(RT1="2026-03-02"), NOW.date())
    late = calendar(protocol, build(RT1="2026-03-02", C1D1="booked 2026-03-18"), NOW.date())
    files = [read_back(export_calendar(protocol, "P-0001", visits, NOW)) for visits in (early, late)]
    assert set(files[0]) == set(files[1])
    assert uid(protocol, "P-0001", early[6]) != uid(protocol, "P-0002", early[6])


def test_a_later_export_has_a_higher_sequence(protocol: Protocol, build: Build) -> None:
    visits = calendar(protocol, build(RT1="2026-03-02"), NOW.date())
    numbers = [
        next(iter(read_back(export_calendar(protocol, "P-0001", visits, now)).values()))["sequence"]
        for now in (NOW, NOW + dt.timedelta(hours=1))
    ]
    assert numbers[0] < numbers[1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_in_the_file_tells_of_the_illness(protocol: Protocol, build: Build, language: Any) -> None:
    visits = calendar(protocol, build(RT1="2026-03-02", IO1="booked 2026-03-08 09:30"), NOW.date())
    content = export_calendar(protocol, "P-0001", visits, NOW, language).decode().replace("\r\n ", "").lower()
    telling = [
        "cancer", "rectal", "tumour", "chemo", "radiother", "penpulimab", "capecitabine", "oxaliplatin", "surgery",
        "cycle", "nct", "p-0001", "直肠", "癌", "放疗", "化疗", "手术", "派安普利", "卡培他滨", "周期",
    ]  # fmt: skip
    assert [word for word in telling if word in content] == []


def test_a_time_stamp_needs_its_zone(protocol: Protocol) -> None:
    with pytest.raises(ValueError, match="expected a time with its zone"):
        export_calendar(protocol, "P-0001", (), dt.datetime(2026, 3, 4))
