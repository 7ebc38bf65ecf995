"""`./sparc participants set-status, record-visit, dose, ...`: changes of one participant's record, each with its why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich.table import Table
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from bot.commands.accounts import administrator, prepare
from bot.config import Settings
from bot.enrollment import admin, queries, writes
from bot.enrollment.audit_check import HistoryLine, history
from bot.enrollment.database import Database
from bot.enrollment.errors import Conflict, InvalidValue
from bot.enrollment.models import Account, Participant
from bot.enrollment.models_audit import AuditEntry
from bot.server.conversations import erase_accounts, open_conversations
from bot.trial.record import ParticipantRecord

#: One write on a participant's record, in the unit of work that `change` opens.
Deed = Callable[[AsyncSession], Awaitable[Any]]

_FRACTIONS = ("RT1", "RT2", "RT3", "RT4", "RT5")
_CYCLES = ("C1D1", "C2D1", "C3D1", "C4D1")
_TAKES_PLACE = ("done", "booked")
_INTERNAL = frozenset({"id", "participant_id", "recorded_on", "ordered_on"})


async def change(settings: Settings, code: str, why: str, deed: Deed) -> dict[str, Any]:
    """Does one deed to a participant's record and says what the audit trail now has about it.

    Raises:
        NotOnFile: no participant has this code.
        Conflict: the participant was erased.
        InvalidValue: a value that no record may hold, or days out of order because of it; nothing is changed.
        AuditError: `why` is empty or too long.
    """
    await asyncio.to_thread(prepare, settings)
    async with (
        Database(settings.database_url, clock=settings.clock) as database,
        database.writing(administrator(), why) as session,
    ):
        await _owner(session, code)
        last = (await session.execute(sa.select(sa.func.max(AuditEntry.seq)))).scalar_one() or 0
        before = await _record(session, code)
        await deed(session)
        await session.flush()
        today = settings.clock.today()
        wrong = set(disorder(await _record(session, code), today)) - set(disorder(before, today))
        if wrong:
            raise InvalidValue("; ".join(sorted(wrong)))
        lines = [line for line in await history(session, code) if line.seq > last]
        await session.commit()
    return {"participant": code, "changes": [each for line in lines for each in _changes(line)]}


async def _owner(session: AsyncSession, code: str) -> Participant:
    owner = await writes.find(session, code)
    if owner.erased_on is not None:
        raise Conflict(f"{code} was erased on {owner.erased_on}")
    return owner


async def _record(session: AsyncSession, code: str) -> ParticipantRecord:
    record = await queries.participant(session, code)
    assert record is not None  # `_owner` has found the row
    return record


def _changes(line: HistoryLine) -> Iterator[dict[str, Any]]:
    for name, (old, new) in (line.changes or {}).items():
        if name not in _INTERNAL:
            yield {"entry": line.seq, "what": line.entity, "key": line.key, "field": name, "was": old, "is": new}


def disorder(record: ParticipantRecord, today: date) -> Iterator[str]:
    """What cannot have happened in this order, or not yet; the rules are those of the participants file.

    The last capecitabine dose follows the cycles and precedes surgery; re-staging has no fixed place beside it
    (site notes, 9), so these two are not compared.
    """
    days = {code: event.date for code, event in record.events.items() if event.date and event.status in _TAKES_PLACE}
    taken = record.last_capecitabine
    for name, day in (("consent", record.consented), ("enrolment", record.enrolled), ("last capecitabine", taken)):
        if day is not None and day > today:
            yield f"{name}: {day} lies ahead"
    course: list[tuple[str, date | None]] = [("birth", record.birth_date), ("consent", record.consented)]
    course += [("enrolment", record.enrolled), ("RT1", days.get("RT1")), ("IO1", days.get("IO1"))]
    course += [(cycle, days.get(cycle)) for cycle in _CYCLES]  # type: ignore[call-overload]
    yield from _out_of_order([*course, ("last capecitabine", taken), ("SURGERY", days.get("SURGERY"))])
    yield from _out_of_order([*course, ("RESTAGE", days.get("RESTAGE")), ("SURGERY", days.get("SURGERY"))])
    yield from _out_of_order([(fraction, days.get(fraction)) for fraction in _FRACTIONS])  # type: ignore[call-overload]


def _out_of_order(course: list[tuple[str, date | None]]) -> Iterator[str]:
    latest: tuple[str, date] | None = None
    for name, day in course:
        if day is None:
            continue
        if latest is not None and (day < latest[1] or (day == latest[1] and name in (*_CYCLES, *_FRACTIONS[1:]))):
            yield f"{name}: {day} is not after {latest[0]} ({latest[1]})"
        if latest is None or day > latest[1]:
            latest = (name, day)


def as_changes(data: Mapping[str, Any]) -> Table | str:
    """What a change has changed, for people."""
    if not data["changes"]:
        return f"{data['participant']}: nothing changed"
    table = Table(title=data["participant"], title_justify="left")
    for column in ("what", "field", "was", "is"):
        table.add_column(column)
    for each in data["changes"]:
        table.add_row(each["what"], each["field"], _cell(each["was"]), _cell(each["is"]))
    return table


def _cell(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    return str(value)


# --- access and erasure -----------------------------------------------------------------------------------------


async def exported(settings: Settings, code: str) -> dict[str, Any]:
    """Everything on file about a participant; that it was exported is in the audit trail.

    Raises:
        NotOnFile: no participant has this code.
    """
    await asyncio.to_thread(prepare, settings)
    async with Database(settings.database_url, clock=settings.clock) as database:
        return await admin.export(database, code, administrator())


async def erased(settings: Settings, code: str, why: str) -> dict[str, Any]:
    """Erases a person's data on their request, their conversations with the assistant included.

    The conversations go first: were the record first and the process died, nothing would say whose they were.

    Raises:
        NotOnFile: no participant has this code.
        Conflict: the participant was erased before.
        AuditError: `why` is empty or too long; nothing is erased.
    """
    await asyncio.to_thread(prepare, settings)
    async with Database(settings.database_url, clock=settings.clock) as database:
        async with database.writing(administrator(), why) as session:
            owner = await _owner(session, code)
            found = await session.execute(sa.select(Account.account).where(Account.participant_id == owner.id))
            accounts = list(found.scalars())
        gone = await _forget_conversations(settings, accounts)
        done = await admin.erase_participant(database, code, administrator(), why)
    return {**done, "conversations": gone}


async def _forget_conversations(settings: Settings, accounts: list[str]) -> int:
    """Deletes these accounts' conversations from the chat server's own tables; returns how many there were."""
    url = make_url(settings.tracker_url)
    made = url.drivername.split("+")[0] != "sqlite" or await asyncio.to_thread(Path(str(url.database)).is_file)
    if not accounts or not made:
        return 0
    engine = await open_conversations(settings.tracker_url)
    try:
        return await erase_accounts(engine, accounts)
    finally:
        await engine.dispose()
