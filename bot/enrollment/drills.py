"""Drills: what happens when a process is killed in the middle of its work, and when two write at once.

`python -m bot.enrollment.drills kill --times 50` and `... race --times 1000` run them in full,
on SQLite in a scratch folder or on the empty database named by `--url`. The tests run them short.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.enrollment import migrations, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import verify
from bot.enrollment.csv_import import import_participants
from bot.enrollment.database import Database
from bot.enrollment.generate import write_file
from bot.enrollment.models import Ticket

_TODAY = date(2026, 6, 10)
_CLOCK = Clock.from_environment({"SPARC_CLOCK": "2026-06-10T09:00:00+08:00"})
_ROWS = 300
_CODE = "P-0001"
#: The dose that the drills count upwards from, in mg.
_START_MG = 100
_READY = "ready"


class DrillFailed(AssertionError):
    """The database does not hold what the drill demands."""


@dataclass(frozen=True)
class Outcome:
    """What a drill saw: how often something was done, and entries of the audit trail at the end."""

    times: int
    entries: int


# --- workers: run in processes of their own ---------------------------------------------------------------------


async def _work_until_killed(url: str, folder: Path) -> None:
    """Imports two versions of everybody in turn, with one write of two parts after each, for ever."""
    async with Database(url, _CLOCK) as database:
        print(_READY, flush=True)
        version = 0
        while True:
            await import_participants(database, folder / f"{version % 2}.csv", Actor("drill", "operator"))
            await count_up(database, Actor("drill", "operator"))
            version += 1


async def count_up(database: Database, actor: Actor) -> None:
    """Reads a dose, writes it one higher and opens a ticket: both or neither."""
    async with database.writing(actor, "drill") as session:
        record = await queries.participant(session, _CODE)
        if record is None:
            raise DrillFailed(f"{_CODE} is gone")
        await writes.set_prescribed_dose(session, _CODE, "oxaliplatin", (record.oxaliplatin_mg or _START_MG) + 1)
        await writes.create_ticket(session, "drill", _CODE, "drill", "drill", "drill")
        await session.commit()


async def _count_many(url: str, name: str, times: int) -> None:
    async with Database(url, _CLOCK) as database:
        for _ in range(times):
            await count_up(database, Actor(name, "coordinator"))


def _worker(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bot.enrollment.drills", *arguments]
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)


# --- drills -----------------------------------------------------------------------------------------------------


async def kill_drill(url: str, times: int, tell: Callable[[str], None] = print, seed: int = 1) -> Outcome:
    """Kills a process that imports and writes, `times` times at a random moment, and checks the database each time.

    Raises:
        DrillFailed: an import or a write is there in part, or the audit trail does not hold.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _two_versions(folder)
        async with Database(url, _CLOCK) as database:
            await import_participants(database, folder / "0.csv", Actor("drill", "operator"))
        entries = 0
        for number in range(1, times + 1):
            worker = _worker("work", "--url", url, "--folder", scratch)
            assert worker.stdout is not None
            await asyncio.to_thread(worker.stdout.readline)
            await asyncio.sleep(chance.uniform(0.0, 1.2))
            worker.kill()
            await asyncio.to_thread(worker.communicate)
            entries = await check(url)
            tell(f"kill {number} of {times}: everything whole, {entries} audit entries")
    return Outcome(times, entries)


def _two_versions(folder: Path) -> None:
    """Two files about the same participants that differ in everybody's weight."""
    write_file(folder / "0.csv", _ROWS, _TODAY)
    lines = (folder / "0.csv").read_text(encoding="utf-8").splitlines()
    weight = lines[0].split(",").index("weight_kg")
    changed = [lines[0]]
    for line in lines[1:]:
        cells = line.split(",")
        cells[weight] += ".5"
        changed.append(",".join(cells))
    (folder / "1.csv").write_text("\n".join(changed) + "\n", encoding="utf-8")


async def check(url: str) -> int:
    """Checks that nothing is there in part; returns the number of audit entries.

    Raises:
        DrillFailed: with what is wrong.
    """
    async with Database(url, _CLOCK) as database, database.session() as session:
        if url.startswith("sqlite"):
            found = (await session.execute(text("PRAGMA integrity_check"))).scalar_one()
            if found != "ok":
                raise DrillFailed(f"integrity_check: {found}")
        trail = await verify(session)
        if not trail.whole:
            raise DrillFailed(f"audit trail: {trail.faults[0]}")
        people = await queries.participants(session)
        halves = {(record.weight_kg or 0) % 1 for record in people}
        if len(people) != _ROWS or len(halves) != 1:
            raise DrillFailed(f"an import is there in part: {len(people)} participants, versions {halves}")
        await _check_count(session, next(record.oxaliplatin_mg for record in people if record.code == _CODE))
    return trail.entries


async def _check_count(session: AsyncSession, dose: int | None) -> None:
    highest, number = (await session.execute(select(func.max(Ticket.number), func.count()).select_from(Ticket))).one()
    if (highest or 0) != number or (dose or _START_MG) != _START_MG + number:
        raise DrillFailed(f"a write is there in part: {number} tickets up to T-{highest}, dose {dose}")


async def race_drill(url: str, times: int, tell: Callable[[str], None] = print) -> Outcome:
    """Two processes write `times` times each to the same participant; no update may be lost.

    Raises:
        DrillFailed: an update was lost, a process failed, or the audit trail does not hold.
    """
    with tempfile.TemporaryDirectory() as scratch:
        _two_versions(Path(scratch))
        async with Database(url, _CLOCK) as database:
            await import_participants(database, Path(scratch) / "0.csv", Actor("drill", "operator"))
    start = time.monotonic()
    pair = [_worker("count", "--url", url, "--name", f"coord.{name}", "--times", str(times)) for name in ("a", "b")]
    for worker in pair:
        await asyncio.to_thread(worker.communicate)
        if worker.returncode != 0:
            raise DrillFailed(f"a writer failed ({worker.returncode})")
    entries = await check(url)
    async with Database(url, _CLOCK) as database, database.session() as session:
        record = await queries.participant(session, _CODE)
    if record is None or record.oxaliplatin_mg != _START_MG + 2 * times:
        raise DrillFailed("an update was lost")
    tell(f"2 x {times} writes in {time.monotonic() - start:.1f} s: none lost, {entries} audit entries")
    return Outcome(2 * times, entries)


def main(arguments: list[str] | None = None) -> None:
    """The drills' command line."""
    parser = argparse.ArgumentParser(prog="python -m bot.enrollment.drills", description=__doc__)
    parser.add_argument("what", choices=["kill", "race", "work", "count"])
    parser.add_argument("--url", help="an empty database (default: SQLite in a scratch folder)")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--name", default="coord", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.what == "work":
        asyncio.run(_work_until_killed(given.url, given.folder))
    elif given.what == "count":
        asyncio.run(_count_many(given.url, given.name, given.times))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            url = given.url or f"sqlite:///{scratch}/drill.db"
            migrations.upgrade(url)
            drill = kill_drill if given.what == "kill" else race_drill
            asyncio.run(drill(url, given.times))


if __name__ == "__main__":
    main()
