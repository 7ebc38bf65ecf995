"""`./sparc participants ...` and `./sparc db ...`: the enrolment database for people and programs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic.util.exc import CommandError
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from bot.commands.accounts import administrator, prepare
from bot.config import Settings
from bot.enrollment import admin, migrations
from bot.enrollment.csv_import import Progress
from bot.enrollment.database import Database
from bot.enrollment.errors import NotOnFile
from bot.errors import SparcError


def import_file(settings: Settings, file: Path, console: Console) -> dict[str, Any]:
    """Imports a participants file (CSV) or a FHIR R4 bundle (`.json`), with a progress bar where a person watches.

    Raises:
        ImportRefused: with every bad line, column and reason; nothing was imported.
        SparcError: the file cannot be read.
    """
    prepare(settings)

    async def work(tell: Any) -> dict[str, Any]:
        async with Database(settings.database_url, clock=settings.clock) as database:
            return await admin.import_file(database, file, administrator(), progress=tell)

    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("importing", total=1.0)

        def tell(progress: Progress) -> None:
            bar.update(task, description=f"{progress.phase}, {progress.rows} rows", completed=progress.fraction)

        try:
            return asyncio.run(work(tell))
        except OSError as error:
            raise SparcError(f"{file}: {error.strerror}") from None


def say_report(report: Mapping[str, Any]) -> str:
    """What an import did, for people."""
    lines = [f"{report['created']} created, {report['updated']} updated, {report['unchanged']} unchanged"]
    if report["demo_removed"]:
        lines.append(f"{report['demo_removed']} demonstration participants made way")
    return "\n".join([*lines, *report["notes"]])


async def listed(settings: Settings, status: str | None) -> list[dict[str, Any]]:
    """All participants, or those of one status."""
    await asyncio.to_thread(prepare, settings)
    async with Database(settings.database_url, clock=settings.clock) as database:
        return await admin.list_participants(database, status)


async def shown(settings: Settings, code: str) -> dict[str, Any]:
    """What is on file about one participant; that somebody looked is in the audit trail.

    Raises:
        SparcError: the code is not on file.
    """
    await asyncio.to_thread(prepare, settings)
    async with Database(settings.database_url, clock=settings.clock) as database:
        try:
            return await admin.show_participant(database, code, administrator())
        except NotOnFile:
            raise SparcError(f"no participant {code} on file; ./sparc participants list shows who is") from None


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Participants for people."""
    table = Table()
    for column in ("code", "status", "sex", "enrolled", "last visit on file", "capecitabine"):
        table.add_column(column)
    for row in rows:
        last = max((event for event in row["events"] if event["date"]), key=lambda event: event["date"], default=None)
        dose = f"{row['capecitabine_mg']} mg" if row["capecitabine_mg"] else ""
        seen = f"{last['visit']} {last['date']} {last['status']}" if last else ""
        table.add_row(row["code"], row["status"], row["sex"] or "", row["enrolled"] or "", seen, dose)
    return table


def as_card(row: Mapping[str, Any]) -> Table:
    """One participant for people."""
    table = Table(show_header=False)
    for key, value in row.items():
        table.add_row(key.replace("_", " "), _cell(key, value))
    return table


def _cell(key: str, value: object) -> str:
    if key == "events" and isinstance(value, (list, tuple)):
        return "\n".join(f"{event['visit']} {event['date'] or ''} {event['status']}" for event in value)
    if key == "holds" and isinstance(value, (list, tuple)):
        return "\n".join(f"{hold['drug']} from {hold['first']} to {hold['last'] or 'further notice'}" for hold in value)
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def upgrade_database(settings: Settings) -> str:
    """Brings the database to the newest form; says where it stands."""
    prepare(settings)
    return f"the database is at revision {migrations.current(settings.database_url)}"


def downgrade_database(settings: Settings, revision: str) -> str:
    """Takes the database back to an earlier revision; says where it stands.

    Raises:
        SparcError: no such revision.
        MigrationError: what is on file does not fit the earlier form; nothing was changed.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    if migrations.current(settings.database_url) is None:
        raise SparcError("the database holds nothing yet")
    try:
        migrations.downgrade(settings.database_url, revision)
    except CommandError as error:
        raise SparcError(f"{revision}: {error}") from None
    return f"the database is at revision {migrations.current(settings.database_url) or 'base'}"
