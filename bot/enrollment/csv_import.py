"""Imports a participants file: all of it or nothing, repeatable, in memory that does not grow with the file.

The file is read twice. The first reading checks every line, by itself, against the other lines and against the accounts
on file, and writes nothing; the second saves it in one transaction. A file that changed in between is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import Actor, Change, append
from bot.enrollment.bulk import ALL_FIELDS, BATCH, FILE_ORIGINS, Incoming, Saved, save
from bot.enrollment.csv_rows import VISIT_COLUMNS, ParticipantsFile, Row
from bot.enrollment.database import Database
from bot.enrollment.errors import ImportRefused, Problem
from bot.enrollment.models import Account, Participant
from bot.enrollment.removal import remove_demo
from bot.enrollment.stages import renumber_stages
from bot.enrollment.writes import site_id

#: How many problems are kept to be shown; the others are counted.
SHOWN_PROBLEMS = 200
_VISITS = frozenset(VISIT_COLUMNS.values())


@dataclass(frozen=True)
class Progress:
    """How far an import is: `phase` is `checking` or `writing`, `fraction` goes from 0 to 1 within it."""

    phase: str
    rows: int
    fraction: float


@dataclass
class ImportReport:
    """What an import did.

    Attributes:
        created, updated, unchanged: participants.
        demo_removed: demonstration participants that made way for real ones.
        notes: what was put up with in the file, such as a byte order mark.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    demo_removed: int = 0
    notes: list[str] = field(default_factory=list)


async def import_participants(
    database: Database,
    path: Path,
    actor: Actor,
    why: str = "import of a participants file",
    as_of: date | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Imports the file of the contract; demonstration participants make way.

    Args:
        as_of: the day from which a date is booked and before which it is done; by default the clock's today.

    Raises:
        ImportRefused: with every bad line, column and reason; nothing was imported.
        OSError: the file cannot be read.
    """
    day = as_of or database.clock.today()
    tell = progress or (lambda _: None)
    async with database.writing(actor, why) as session:
        rows, digest = await _check(session, path, day, tell)
        removed = await remove_demo(session)
        report = ImportReport(demo_removed=removed)
        source = ParticipantsFile(path, day)
        saved = Saved()
        site = await site_id(session)
        for batch in _batches(_rows(source)):
            saved.add(await save(session, [_incoming(row, source) for row in batch], site))
            done = saved.created + saved.updated + saved.unchanged
            tell(Progress("writing", done, done / max(rows, 1)))
        if source.sha256 != digest:
            raise ImportRefused([Problem("file", None, "it changed while it was imported; try again")])
        if saved.created or saved.updated or removed:
            await renumber_stages(session)
            note = Change("import", "participants", digest, None, None)
            await session.run_sync(append, [note])
        await session.commit()
    report.created, report.updated, report.unchanged = saved.created, saved.updated, saved.unchanged
    report.notes = source.notes
    return report


def _incoming(row: Row, source: ParticipantsFile) -> Incoming:
    untold = {"oxaliplatin_mg"} if source.has_dose_column else {"oxaliplatin_mg", "capecitabine_mg"}
    return Incoming(row.record, ALL_FIELDS - untold, _VISITS, row.account, has_account=True)


def _rows(source: ParticipantsFile) -> Iterator[Row]:
    for item in source:
        if isinstance(item, Problem):
            raise ImportRefused([Problem("file", None, "it changed while it was imported; try again")])
        yield item


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# --- the first reading ----------------------------------------------------------------------------------------


async def _check(session: AsyncSession, path: Path, as_of: date, tell: Callable[[Progress], None]) -> tuple[int, str]:
    """Reads the whole file; returns the number of rows and the file's digest, or refuses."""
    source = ParticipantsFile(path, as_of)
    size = max(path.stat().st_size, 1)
    problems: list[Problem] = []
    more = rows = 0
    seen = _Seen()
    try:
        batch: list[Row] = []
        for item in source:
            found = [item] if isinstance(item, Problem) else seen.add(item)
            if isinstance(item, Row):
                rows += 1
                batch.append(item)
            if len(batch) == BATCH:
                found += await _taken(session, batch, seen)
                tell(Progress("checking", rows, source.bytes_read / size))
                batch = []
            more += max(0, len(problems) + len(found) - SHOWN_PROBLEMS)
            problems += found[: SHOWN_PROBLEMS - len(problems)]
        problems += await _taken(session, batch, seen)
        problems += [] if more else await seen.unmoved(session)
    finally:
        seen.close()
    if problems:
        raise ImportRefused(sorted(problems, key=_line), more)
    tell(Progress("checking", rows, 1.0))
    return rows, source.sha256


def _line(problem: Problem) -> int:
    return int(problem.place.removeprefix("line ")) if problem.place.startswith("line ") else 0


async def _taken(session: AsyncSession, batch: list[Row], seen: _Seen) -> list[Problem]:
    """Lines about a person who was erased, and accounts that on file belong to somebody else."""
    codes = {row.record.code: row for row in batch}
    erased = select(Participant.code).where(Participant.code.in_(list(codes)), Participant.erased_on.is_not(None))
    problems = [
        Problem(f"line {codes[code].line}", "participant", "this person asked to be erased, and was")
        for code in (await session.execute(erased)).scalars()
    ]
    lines = {row.account: row for row in batch if row.account is not None}
    statement = (
        select(Account.account, Account.role, Account.origin, Participant.code)
        .outerjoin(Participant, Participant.id == Account.participant_id)
        .where(Account.account.in_(list(lines)))
    )
    for account, role, origin, code in await session.execute(statement):
        row = lines[account]
        if code == row.record.code or origin == "demo":
            continue
        if role is not None:
            problems.append(Problem(f"line {row.line}", "account", "it is linked to a member of staff"))
        elif origin not in FILE_ORIGINS:
            problems.append(Problem(f"line {row.line}", "account", f"it is linked to {code}"))
        else:
            seen.moves(row.line, code)
    return problems


class _Seen:
    """The codes and accounts met so far, kept in a scratch database on disk that vanishes when closed."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None)
        self._run("PRAGMA journal_mode=OFF")
        self._run("CREATE TABLE code (value TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._run("CREATE TABLE account (value TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._run("CREATE TABLE moved (line INTEGER, code TEXT)")
        self._run("BEGIN")

    def add(self, row: Row) -> list[Problem]:
        """Remembers a row; a code or account met before is a problem."""
        problems = []
        for table, column, value in (("code", "participant", row.record.code), ("account", "account", row.account)):
            if value is None:
                continue
            if self._run(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", value, row.line).rowcount == 0:
                first = self._run(f"SELECT line FROM {table} WHERE value = ?", value).fetchone()[0]
                problems.append(Problem(f"line {row.line}", column, f"the same as in line {first}"))
        return problems

    def moves(self, line: int, code: str) -> None:
        """Notes that a line takes over an account which an earlier file gave to participant `code`."""
        self._run("INSERT INTO moved VALUES (?, ?)", line, code)

    async def unmoved(self, session: AsyncSession) -> list[Problem]:
        """Accounts taken over from participants whom the file does not mention: it would leave them without one."""
        rows = self._run(
            "SELECT moved.line, moved.code FROM moved LEFT JOIN code ON code.value = moved.code "
            "WHERE code.value IS NULL ORDER BY moved.line LIMIT ?",
            SHOWN_PROBLEMS,
        )
        return [Problem(f"line {line}", "account", f"it is linked to {code}") for line, code in rows]

    def close(self) -> None:
        """Throws the scratch database away."""
        self._scratch.close()

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._scratch.execute(statement, values)
