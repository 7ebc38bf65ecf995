"""What the enrolment database costs at 1,000 and at 1,000,000 participants with their visits.

    python -m benchmarks.enrolment_scale                    # SQLite in a scratch folder, 1,000 and 1,000,000
    python -m benchmarks.enrolment_scale --large 100000 --url postgresql://... --url postgresql://...

Participants are generated as a file and imported as a hospital's would be, with progress. In both, 1,000 are in
treatment on the day, the others were through with it before: what grows is the past. Demanded: `next_visit` and
`visits_on` cost at most 1.3 times as much, and the import's memory does not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from bot.clock import Clock
from bot.enrollment import migrations, queries
from bot.enrollment.audit import Actor
from bot.enrollment.csv_import import Progress, import_participants
from bot.enrollment.database import Database
from bot.enrollment.generate import LIVE, write_file
from bot.trial.protocol import Protocol, load_protocol
from bot.trial.roster import visits_on
from bot.trial.schedule import next_visit

TODAY = date(2026, 6, 10)
CLOCK = Clock.from_environment({"SPARC_CLOCK": "2026-06-10T09:00:00+08:00"})
#: The demanded bound on large / small.
BOUND = 1.3


async def fill(url: str, file: Path, number: int) -> None:
    """Migrates and imports, and prints seconds and peak memory (MB) for the parent process."""
    migrations.upgrade(url)
    start = time.perf_counter()
    async with Database(url, CLOCK) as database:
        with Bar(console=Console(stderr=True)) as bar:
            task = bar.add_task(f"{number:,} participants", total=2.0)

            def tell(progress: Progress) -> None:
                done = progress.fraction + (progress.phase == "writing")
                bar.update(task, completed=done, description=f"{progress.phase} {progress.rows:,} of {number:,}")

            await import_participants(database, file, Actor("benchmark", "operator"), progress=tell)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - start:.1f} {peak:.0f}")


Question = Callable[[int], Awaitable[None]]


def questions(database: Database, number: int, protocol: Protocol, times: int) -> dict[str, Question]:
    """What is measured: each asked of somebody in treatment, about a day on which people come."""
    chance = random.Random(2)
    codes = [f"P-{chance.randrange(number - LIVE, number) + 1:04d}" for _ in range(times)]
    days = [TODAY + timedelta(days=chance.randrange(14)) for _ in range(times)]

    async def ask_next_visit(turn: int) -> None:
        async with database.session() as session:
            record = await queries.participant(session, codes[turn])
        assert record is not None
        next_visit(protocol, record, TODAY)

    async def ask_visits_on(turn: int) -> None:
        async with database.session() as session:
            found = await queries.visits_near(session, days[turn], days[turn])
        assert visits_on(protocol, found, days[turn], TODAY)

    return {"next_visit": ask_next_visit, "visits_on": ask_visits_on}


async def measure(urls: list[str], sizes: tuple[int, int], times: int) -> list[dict[str, float]]:
    """Median milliseconds of each question, in each database.

    Each question is put to both databases in turn, so that whatever else the machine does falls on both alike; the
    first round warms up.
    """
    protocol = load_protocol()
    async with Database(urls[0], CLOCK) as small, Database(urls[1], CLOCK) as large:
        pair = [
            questions(database, number, protocol, times) for database, number in zip((small, large), sizes, strict=True)
        ]
        spent: list[dict[str, list[float]]] = [{name: [] for name in pair[0]} for _ in pair]
        for round_ in range(3):
            for turn in range(times):
                for name in pair[0]:
                    for which in (0, 1) if turn % 2 else (1, 0):
                        start = time.perf_counter()
                        await pair[which][name](turn)
                        if round_:
                            spent[which][name].append((time.perf_counter() - start) * 1000)
    return [{name: statistics.median(values) for name, values in each.items()} for each in spent]


def filled(url: str, number: int, folder: Path) -> tuple[float, float]:
    """Fills a database in a process of its own; returns seconds and peak memory in MB."""
    file = folder / f"{number}.csv"
    write_file(file, number, TODAY)
    command = [sys.executable, "-m", "benchmarks.enrolment_scale", "--fill", str(file), "--url", url]
    result = subprocess.run([*command, "--large", str(number)], stdout=subprocess.PIPE, text=True, check=True)
    file.unlink()
    seconds, peak = result.stdout.split()
    return float(seconds), float(peak)


def compare(urls: list[str], large: int, times: int, folder: Path) -> bool:
    """Fills both databases, measures, prints a table; whether the bound holds."""
    sizes = (LIVE, large)
    imports = [filled(url, number, folder) for url, number in zip(urls, sizes, strict=True)]
    small, big = asyncio.run(measure(urls, sizes, times))
    table = Table("", f"{LIVE:,}", f"{large:,}", "ratio")
    for name in small:
        table.add_row(f"{name}, median ms", f"{small[name]:.2f}", f"{big[name]:.2f}", f"{big[name] / small[name]:.2f}")
    (seconds, peak), (long, high) = imports
    table.add_row("import, participants/s", f"{LIVE / seconds:,.0f}", f"{large / long:,.0f}", "")
    table.add_row("import, peak memory MB", f"{peak:.0f}", f"{high:.0f}", f"{high / peak:.2f}")
    Console().print(table)
    return all(big[name] / small[name] <= BOUND for name in small)


def main() -> None:
    """The benchmark's command line; exit 1 where the bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", type=int, default=1_000_000, help="participants in the large database")
    parser.add_argument("--times", type=int, default=300, help="questions of each kind in a round")
    parser.add_argument("--url", action="append", help="an empty database; given twice: the small one, the large one")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill is not None:
        asyncio.run(fill(given.url[0], given.fill, given.large))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        urls = given.url or [f"sqlite:///{folder}/{name}.db" for name in ("small", "large")]
        sys.exit(0 if compare(urls, given.large, given.times, folder) else 1)


if __name__ == "__main__":
    main()
