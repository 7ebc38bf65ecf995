"""Kills chat server, action server, Redis and PostgreSQL in turn under load, and counts what became of every message.

`.venv/bin/python -m benchmarks.kill_drill --times 20` runs it in full; a test runs it short. What it demands: a message whose
sender got an answer was answered once and has its effects once; who got none got a clear error or a broken connection, and
the same message again is answered. In the databases nothing is lost, and the audit trail is whole.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg

from benchmarks.stack import Message, Process, Stack, what_is_missing
from bot.enrollment.audit_check import verify
from bot.enrollment.database import Database

VICTIMS = ("chat server", "action server", "redis", "postgresql")
#: A claim of a server that died is open again after two minutes; by then every message is answered.
_PATIENCE_SECONDS = 200.0
_QUESTION, _HANDOFF = "When is my next visit?", "I want to talk to a real person"
_ACCOUNTS = ("demo.wu", "demo.yang", "demo.chen")


class DrillFailed(AssertionError):
    """A message was lost, answered twice, or the databases do not hold what they should."""


@dataclass
class Sent:
    """One message and what its sender has seen."""

    message: Message
    conversation: str
    text: str
    reply: bytes | None = None
    attempts: Counter[str] = field(default_factory=Counter)


@dataclass
class Load:
    """Senders that talk until they are told to stop; what was not answered is sent again later."""

    stack: Stack
    senders: int
    name: str
    pause: float
    sent: list[Sent] = field(default_factory=list)
    stopping: bool = False

    async def run(self) -> None:
        """Talks until `stopping`, then sends again what was not answered.

        Raises:
            DrillFailed: a message is not answered although everything is up again.
        """
        timeout = aiohttp.ClientTimeout(total=70)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._talk(session, number) for number in range(self.senders)))
            until = time.monotonic() + _PATIENCE_SECONDS
            while open_ones := [one for one in self.sent if one.reply is None]:
                if time.monotonic() > until:
                    seen = [dict(one.attempts) for one in open_ones[:5]]
                    raise DrillFailed(f"{len(open_ones)} messages are never answered: {seen}")
                room = asyncio.Semaphore(self.senders)
                await asyncio.gather(*(self._deliver_again(session, one, room) for one in open_ones))
                await asyncio.sleep(1.0)

    async def _talk(self, session: aiohttp.ClientSession, sender: int) -> None:
        number = 0
        while not self.stopping:
            text = _HANDOFF if number % 3 == 2 else _QUESTION
            conversation = f"{self.name}-{sender}-{number // 6}"
            message = self.stack.message(_ACCOUNTS[sender % len(_ACCOUNTS)], conversation, text)
            one = Sent(message, conversation, text)
            self.sent.append(one)
            await self._deliver(session, one)
            number += 1
            # Who is refused waits, as the server asks; the message itself is sent again at the end.
            await asyncio.sleep(self.pause if one.reply is not None else 0.5)

    async def _deliver_again(self, session: aiohttp.ClientSession, one: Sent, room: asyncio.Semaphore) -> None:
        async with room:
            await self._deliver(session, one)

    async def _deliver(self, session: aiohttp.ClientSession, one: Sent) -> None:
        url = random.choice(self.stack.urls)
        try:
            async with session.post(url, data=one.message.body, headers=one.message.headers) as reply:
                body = await reply.read()
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            one.attempts[type(error).__name__] += 1
            return
        one.attempts[str(reply.status)] += 1
        if reply.status == 200:
            one.reply = body
        elif reply.status not in (429, 503) or "error" not in json.loads(body):
            raise DrillFailed(f"a status that is no clear error: {reply.status} {body[:100]!r}")


@dataclass(frozen=True)
class Outcome:
    """What a drill saw.

    Attributes:
        kills: how often the victim was killed.
        messages: how many were sent, all of them answered in the end.
        attempts: deliveries by what the sender saw.
        worked_on_again: messages whose dialogue turn was repeated after a crash; their effects were not.
    """

    victim: str
    kills: int
    messages: int
    attempts: dict[str, int]
    worked_on_again: int


async def drill(stack: Stack, victim: str, times: int, senders: int = 4, pause: float = 0.05) -> Outcome:
    """Kills one kind of process `times` times under load; of several of a kind, each in turn.

    Raises:
        DrillFailed: see the module.
    """
    victims = [process for process in stack.processes if process.name.startswith(victim)]
    load = Load(stack, senders, f"{victim.replace(' ', '-')}-{time.time_ns()}", pause)
    running = asyncio.create_task(load.run())
    try:
        for number in range(times):
            await asyncio.sleep(random.uniform(0.5, 2.0))
            if running.done():
                break
            await asyncio.to_thread(_kill_and_start, victims[number % len(victims)])
        await asyncio.sleep(1.0)
    finally:
        load.stopping = True
    await running
    return await _checked(stack, load, victim, times)


def _kill_and_start(process: Process) -> None:
    process.kill()
    time.sleep(random.uniform(0.0, 1.0))
    process.start()


async def _checked(stack: Stack, load: Load, victim: str, times: int) -> Outcome:
    """Compares what the senders saw with what the databases hold."""
    url = f"postgresql://postgres@127.0.0.1:{stack.postgresql_port}/postgres"
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT webhook_id, count(*) AS times, max(reply) AS reply FROM handled_messages GROUP BY 1"
        )
        tickets = await connection.fetch(
            "SELECT conversation, count(*) AS times FROM tickets WHERE kind = 'handoff' GROUP BY 1"
        )
        said = await connection.fetch('SELECT data FROM chat.conversation_events WHERE data LIKE \'%"event": "user"%\'')
    finally:
        await connection.close()
    handled = {row["webhook_id"]: row for row in rows}
    for one in load.sent:
        row = handled.get(one.message.identifier)
        if row is None or row["times"] != 1:
            raise DrillFailed("a message that was answered is not on file, or twice")
        if one.reply is None or json.loads(row["reply"]) != json.loads(one.reply):
            raise DrillFailed("the reply on file is another than the one that was given")
    opened = {row["conversation"]: int(row["times"]) for row in tickets}
    asked = Counter(one.conversation for one in load.sent if one.text == _HANDOFF)
    wrong = {name: (count, opened.get(name, 0)) for name, count in asked.items() if opened.get(name, 0) != count}
    if wrong:
        raise DrillFailed(f"tickets asked for and opened differ: {wrong}")
    mine = {one.conversation for one in load.sent}
    turns = Counter((json.loads(row["data"]).get("metadata") or {}).get("conversation") for row in said)
    total = sum(count for name, count in turns.items() if name in mine)
    if total < len(load.sent):
        raise DrillFailed(f"{len(load.sent) - total} messages are missing in the conversations")
    async with Database(stack.settings.database_url, stack.settings.clock) as database, database.session() as session:
        verification = await verify(session)
    if verification.faults:
        raise DrillFailed(f"the audit trail is broken: {verification.faults}")
    attempts: Counter[str] = Counter()
    for one in load.sent:
        attempts.update(one.attempts)
    return Outcome(victim, times, len(load.sent), dict(attempts), total - len(load.sent))


def main() -> int:
    """Runs the drill and prints what it saw, one JSON line a victim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="how often each victim is killed")
    parser.add_argument("--victim", choices=VICTIMS, action="append", help="only this one; may be given again")
    parser.add_argument("--senders", type=int, default=4)
    options = parser.parse_args()
    missing = what_is_missing()
    if missing is not None:
        print(missing, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="sparc-drill-") as folder, Stack(Path(folder) / "stack", 2, 2) as stack:
        for victim in options.victim or VICTIMS:
            outcome = asyncio.run(drill(stack, victim, options.times, options.senders))
            print(json.dumps(outcome.__dict__), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
