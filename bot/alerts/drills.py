"""The drill of notification: the outlet down, and processes killed with `kill -9` between ticket and notification.

`python -m bot.alerts.drills` runs it in full: 30 rounds with the outlet down for a minute in each, on SQLite in a
scratch folder or on the empty database named by `--url`. The tests run it short.

A round: the outlet goes down (closed, refusing, or taking a notification without an answer). A process opens tickets and is
killed with their notifications waiting. A second one goes on; the outlet comes back, and the process is killed as soon as
something has arrived, so between sending and noting it. A third one finishes. Then every ticket of the round must have
arrived, each under one key.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.alerts.desk import AlertDesk
from bot.alerts.dispatcher import LEASE, Dispatcher
from bot.alerts.outlets import build_outlets
from bot.alerts.receiver import Mode, Receiver
from bot.alerts.settings import AlertSettings
from bot.clock import Clock
from bot.enrollment import outbox, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import verify
from bot.enrollment.database import Database

_TICKETS = 3
#: How long a round may take to end once the outlet is back, in seconds.
_PATIENCE = 180.0
#: How the outlet is down, in turn: not listening, answering 503, or taking without an answer.
_WAYS: tuple[Mode | None, ...] = (None, "refuse", "mute")
_WRITER = Actor("unlinked", "public")


class DrillFailed(AssertionError):
    """A ticket was not notified, or one under two keys."""


@dataclass(frozen=True)
class Outcome:
    """What the drill saw.

    Attributes:
        rounds: how often the outlet was down.
        kills: processes killed; `between`: those of them that left notifications waiting.
        tickets: opened in all, each of which arrived.
        repeated: deliveries beyond the first of their key, which a receiver that keeps ids drops.
        two_keys: tickets that arrived under more than one key.
        late: the longest time from the outlet's return to the last ticket of a round, in seconds.
    """

    rounds: int
    kills: int
    between: int
    tickets: int
    repeated: int
    two_keys: int
    late: float


# --- the process that is killed ---------------------------------------------------------------------------------


async def _work(url: str, target: str, secret: str, tickets: int, lease: float) -> None:
    """Opens tickets as an answer does, and dispatches for ever; says each ticket once it is committed."""
    settings = AlertSettings.from_environment(
        # Nobody acknowledges here: the next in line must not be what brings a ticket there.
        {"SPARC_ALERT_LINE": target, "SPARC_ALERT_SECRET": secret, "SPARC_ALERT_WAIT": "urgent=10080"},
        demo=True,
    )
    async with Database(url, planner=lambda record: {}) as database:  # nobody's visits are touched here
        dispatcher = Dispatcher(
            database, settings.names, build_outlets(settings), settings.policy, lease=timedelta(seconds=lease)
        )
        desk = AlertDesk(settings, dispatcher)
        dispatching = asyncio.create_task(dispatcher.run())
        for _ in range(tickets):
            alert = desk.new_alert("symptom", "urgent", ("drill",), "en", "drill-0")
            async with database.writing(_WRITER, "drill") as session:
                number = await writes.create_ticket(session, "symptom", None, "drill", "drill", "symptom:urgent", alert)
                await session.commit()
            assert alert is not None
            desk.opened(number, "symptom", None, alert.at, alert)
            print(number, flush=True)
        print("ready", flush=True)
        await dispatching


class _Worker:
    """A process that opens tickets and dispatches, until it is killed."""

    def __init__(self, url: str, receiver: Receiver, secret: str, tickets: int, lease: float) -> None:
        command = [sys.executable, "-m", "bot.alerts.drills", "--work", receiver.url, "--url", url]
        command += ["--secret", secret, "--tickets", str(tickets), "--lease", str(lease)]
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root
        )

    async def says(self) -> str:
        """Its next line: a ticket, or `ready`."""
        assert self._process.stdout is not None
        line = (await asyncio.to_thread(self._process.stdout.readline)).strip()
        if not line:
            raise DrillFailed("a process ended by itself")
        return line

    async def until_ready(self) -> None:
        """Waits until all its tickets are open."""
        while await self.says() != "ready":
            continue

    async def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        await asyncio.to_thread(self._process.communicate)


# --- the drill --------------------------------------------------------------------------------------------------


class _Drill:
    def __init__(self, url: str, outage: float, lease: float, seed: int) -> None:
        self._url = url
        self._outage = outage
        self._lease = lease
        self._chance = random.Random(seed)
        self._secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.receiver = Receiver(self._secret)
        self.kills = self.between = 0
        self.late = 0.0

    async def round(self, way: Mode | None) -> None:
        """One outage with three processes, the first two of them killed in the middle of their work."""
        if way is None:
            self.receiver.stop()
        else:
            self.receiver.mode = way
        down_since = time.monotonic()
        first = self._worker(_TICKETS)
        await first.says()
        await asyncio.sleep(self._chance.uniform(0.0, 0.05))
        await self._kill(first)
        second = self._worker(1)
        await second.until_ready()
        await asyncio.sleep(max(0.0, self._outage - (time.monotonic() - down_since)))
        seen = len(self.receiver.deliveries)
        self.receiver.mode = "up"
        if way is None:
            self.receiver.start()
        back = time.monotonic()
        while len(self.receiver.deliveries) == seen and time.monotonic() < back + _PATIENCE:
            await asyncio.sleep(0.001)
        await self._kill(second)
        third = self._worker(0)
        try:
            while await self.waiting():
                if time.monotonic() > back + _PATIENCE:
                    raise DrillFailed(f"notifications still wait {_PATIENCE:.0f} s after the outlet came back")
                await asyncio.sleep(0.1)
        finally:
            self.late = max(self.late, time.monotonic() - back)
            await third.kill()

    def _worker(self, tickets: int) -> _Worker:
        return _Worker(self._url, self.receiver, self._secret, tickets, self._lease)

    async def _kill(self, worker: _Worker) -> None:
        await worker.kill()
        self.kills += 1
        self.between += bool(await self.waiting())

    async def waiting(self) -> int:
        """Notifications that wait to be sent."""
        async with Database(self._url) as database, database.session() as session:
            return (await outbox.figures(session, Clock().now())).waiting

    async def check(self) -> tuple[int, int, int]:
        """How many tickets there are, repeated deliveries, and tickets under more than one key.

        Raises:
            DrillFailed: a ticket has not arrived, or under two keys; or the audit trail does not hold.
        """
        async with Database(self._url) as database, database.session() as session:
            tickets = {ticket.number for ticket in await queries.tickets(session, waiting_only=False, limit=1_000_000)}
            if not (await verify(session)).whole:
                raise DrillFailed("the audit trail is broken")
        keys: dict[str, set[str]] = {}
        for delivery in self.receiver.deliveries:
            keys.setdefault(delivery.ticket, set()).add(delivery.key)
        lost = sorted(tickets - {one.ticket for one in self.receiver.deliveries if one.answered})
        if lost:
            raise DrillFailed(f"never notified: {', '.join(lost)}")
        twice = sum(len(found) > 1 for found in keys.values())
        if twice or self.receiver.badly_signed:
            raise DrillFailed(
                f"{twice} tickets under two keys, {self.receiver.badly_signed} notifications badly signed"
            )
        return len(tickets), len(self.receiver.deliveries) - sum(map(len, keys.values())), twice


async def drill(
    url: str,
    times: int,
    outage: float = 60.0,
    lease: float = LEASE.total_seconds(),
    tell: Callable[[str], None] = print,
    seed: int = 1,
) -> Outcome:
    """Runs `times` rounds with the outlet down for `outage` seconds in each.

    Raises:
        DrillFailed: a ticket was not notified, or one under two keys.
    """
    work = _Drill(url, outage, lease, seed)
    with work.receiver:
        for number in range(1, times + 1):
            await work.round(_WAYS[(number - 1) % len(_WAYS)])
            tickets, repeated, _ = await work.check()
            tell(f"round {number} of {times}: {tickets} tickets, all notified; {repeated} repeated under their key")
        tickets, repeated, twice = await work.check()
    return Outcome(times, work.kills, work.between, tickets, repeated, twice, round(work.late, 1))


def main(arguments: list[str] | None = None) -> None:
    """The drill's command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bot.alerts.drills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="an empty database (default: SQLite in a scratch folder)")
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--outage", type=float, default=60.0, help="seconds that the outlet is down in each round")
    parser.add_argument("--lease", type=float, default=LEASE.total_seconds(), help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--secret", default="", help=argparse.SUPPRESS)
    parser.add_argument("--tickets", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.work:
        asyncio.run(_work(given.url, given.work, given.secret, given.tickets, given.lease))
        return
    from bot.enrollment import migrations  # Alembic, which the processes that are killed need not load

    with tempfile.TemporaryDirectory() as scratch:
        url = given.url or f"sqlite:///{scratch}/drill.db"
        migrations.upgrade(url)
        print(asyncio.run(drill(url, given.times, given.outage, given.lease)))


if __name__ == "__main__":
    main()
