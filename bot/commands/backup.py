"""`./sparc backup` and `./sparc restore`: the databases as files, checked on both ways."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from bot.config import Settings
from bot.enrollment import migrations
from bot.enrollment.audit_check import verify
from bot.enrollment.database import Database
from bot.errors import SparcError

_MANIFEST = "backup.json"
_PROGRAMS = {"dump": "pg_dump", "restore": "pg_restore"}


@dataclass(frozen=True)
class Part:
    """One database of an installation: its file in the backup, and its address."""

    file: str
    url: str

    @property
    def sqlite(self) -> Path | None:
        """The SQLite file, or None for PostgreSQL."""
        url = make_url(self.url)
        return Path(str(url.database)) if url.drivername.startswith("sqlite") else None


def parts_of(settings: Settings) -> list[Part]:
    """The databases of the settings; one alone where enrolment and conversations share it."""
    enrolment, conversations = settings.database_url, settings.tracker_url
    found = [Part(_file_name("enrolment", enrolment), enrolment)]
    if conversations != enrolment:
        found.append(Part(_file_name("conversations", conversations), conversations))
    return found


def _file_name(name: str, url: str) -> str:
    return f"{name}.db" if url.startswith("sqlite") else f"{name}.dump"


async def backup(settings: Settings, folder: Path) -> str:
    """Copies all databases into a new folder, which is complete as soon as it has its name; returns what was done.

    Enrolment is copied before the conversations: no reply is on file whose conversation the backup could not know.

    Raises:
        SparcError: a copy cannot be made; nothing is left behind.
    """
    target = folder / f"sparc-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    scratch = target.with_name(f".{target.name}.partial")
    scratch.mkdir(parents=True, mode=0o700)
    try:
        files = {}
        for part in parts_of(settings):
            if part.sqlite is not None:
                if not part.sqlite.is_file():
                    continue
                await asyncio.to_thread(_copy_sqlite, part.sqlite, scratch / part.file)
            else:
                dump = ["--format=custom", "--no-owner", f"--file={scratch / part.file}"]
                await _postgresql("dump", part.url, *dump)
            files[part.file] = await asyncio.to_thread(_digest, scratch / part.file)
        if not files:
            raise SparcError(f"{settings.home}: there is no database to copy yet")
        manifest = {
            "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "revision": await asyncio.to_thread(migrations.current, settings.database_url),
            "files": files,
        }
        (scratch / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return f"{target}: {', '.join(sorted(files))}"


async def restore(settings: Settings, folder: Path) -> str:
    """Puts a backup in the place of the databases, brings it to the newest form and checks the audit trail.

    Raises:
        SparcError: the folder is no backup of such an installation or was changed (then nothing is touched), or the
            audit trail of what was restored is broken.
    """
    manifest = _read_manifest(folder)
    parts = [part for part in parts_of(settings) if part.file in manifest["files"]]
    if {part.file for part in parts} != set(manifest["files"]):
        raise SparcError(f"{folder}: it was made of other kinds of databases than the settings name")
    for part in parts:
        found = await asyncio.to_thread(_digest, folder / part.file)
        if found != manifest["files"][part.file]:
            raise SparcError(f"{folder / part.file}: the file was changed after the backup was made")
    for part in parts:
        if part.sqlite is not None:
            await asyncio.to_thread(_put_sqlite, folder / part.file, part.sqlite)
        else:
            put = ["--clean", "--if-exists", "--no-owner", "--exit-on-error", "--single-transaction"]
            await _postgresql("restore", part.url, *put, str(folder / part.file))
    await asyncio.to_thread(migrations.upgrade, settings.database_url)
    async with Database(settings.database_url, clock=settings.clock) as database, database.session() as session:
        verification = await verify(session)
    if verification.faults:
        raise SparcError(f"restored, but the audit trail is broken at entry {verification.faults[0].seq}")
    return (
        f"restored {', '.join(part.file for part in parts)}; the audit trail is whole, {verification.entries} entries"
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(manifest["files"], dict):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise SparcError(f"{folder}: expected a folder that ./sparc backup has made") from None
    return manifest


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's own copy: consistent whatever is written meanwhile."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    target.chmod(0o600)


def _put_sqlite(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.restored")
    _copy_sqlite(source, fresh)
    for rest in ("-wal", "-shm"):  # of the file that goes: SQLite would read them into the one that comes
        target.with_name(target.name + rest).unlink(missing_ok=True)
    fresh.replace(target)


async def _postgresql(what: str, url: str, *arguments: str) -> None:
    """Runs PostgreSQL's own program; the password goes by the environment, where no list of processes shows it."""
    parsed = make_url(url).set(drivername="postgresql")
    environment = {**os.environ, **({"PGPASSWORD": parsed.password} if parsed.password else {})}
    address = parsed.set(password=None).render_as_string(hide_password=False)
    program = shutil.which(_PROGRAMS[what])
    if program is None:
        raise SparcError(f"{_PROGRAMS[what]} is not installed here; it comes with PostgreSQL's client programs")
    process = await asyncio.create_subprocess_exec(
        program,
        f"--dbname={address}",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        reason = said.decode("utf-8", "replace").strip().splitlines()
        raise SparcError(f"{_PROGRAMS[what]} failed: {reason[-1] if reason else process.returncode}")


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
