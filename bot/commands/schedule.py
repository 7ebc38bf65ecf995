"""`./sparc schedule CODE`: a participant's calendar for people, programs and calendar applications."""

from __future__ import annotations

import asyncio
import json

from rich.table import Table

from bot.commands.accounts import prepare
from bot.config import Settings
from bot.enrollment import queries
from bot.enrollment.database import Database
from bot.errors import SparcError
from bot.trial import calendar_export, schedule
from bot.trial.protocol import Protocol, load_protocol
from bot.trial.record import ParticipantRecord
from bot.trial.schedule import Visit


def calendar_of(settings: Settings, code: str) -> tuple[Protocol, ParticipantRecord, tuple[Visit, ...]]:
    """A participant's visits as of today.

    Raises:
        SparcError: the code is not on file.
    """
    prepare(settings)
    record = asyncio.run(_record(settings, code))
    if record is None:
        raise SparcError(f"no participant {code} on file; ./sparc participants list shows who is")
    protocol = load_protocol()
    return protocol, record, schedule.calendar(protocol, record, settings.clock.today())


async def _record(settings: Settings, code: str) -> ParticipantRecord | None:
    async with Database(settings.database_url, clock=settings.clock) as database, database.session() as session:
        return await queries.participant(session, code)


def as_json(record: ParticipantRecord, visits: tuple[Visit, ...]) -> str:
    """The calendar for programs."""
    data = {"participant": record.code, "visits": [visit.as_data() for visit in visits]}
    return json.dumps(data, ensure_ascii=False, indent=2)


def as_ics(settings: Settings, protocol: Protocol, record: ParticipantRecord, visits: tuple[Visit, ...]) -> bytes:
    """The calendar for calendar applications."""
    return calendar_export.export_calendar(protocol, record.code, visits, settings.clock.now(), record.language)


def as_table(record: ParticipantRecord, visits: tuple[Visit, ...]) -> Table:
    """The calendar for people."""
    table = Table(title=f"{record.code}, {record.status}", title_justify="left")
    for column in ("visit", "date", "time", "state", "what", "notes"):
        table.add_column(column)
    for visit in visits:
        days = visit.date.strftime("%a %Y-%m-%d") if visit.date else ""
        if visit.is_open_choice and visit.window and visit.window[1]:
            days += f" or {visit.window[1]:%a %Y-%m-%d}"
        elif visit.window and visit.window[1] is None:
            days += f" not before {visit.window[0]:%Y-%m-%d}"
        time = visit.time.strftime("%H:%M") if visit.time else ""
        table.add_row(
            visit.visit, days.strip(), time, visit.status, visit.title.en, " ".join(visit.notes_for(staff=True))
        )
    return table
