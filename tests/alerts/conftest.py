"""Both databases, an on-call system and a mail server, all real and on loopback."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bot.alerts.dispatcher import Dispatcher
from bot.alerts.outlets import build_outlets
from bot.alerts.receiver import Receiver
from bot.alerts.rules import Policy
from bot.alerts.settings import AlertSettings
from bot.clock import TRIAL_ZONE, Clock
from bot.enrollment import writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.outbox import NewAlert, new_sendings
from tests.enrollment.conftest import dialect, migrated_file, server, url

__all__ = ["dialect", "migrated_file", "server", "url"]

SECRET = "whsec_" + base64.b64encode(b"a secret of the on-call system..").decode()
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=TRIAL_ZONE)
TICKET_CLOCK = Clock.from_environment({"SPARC_CLOCK": "2026-06-10T09:00:00+08:00"})
WRITER = Actor("P-0003", "participant")


class HandClock(Clock):
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        object.__setattr__(self, "moment", NOON)

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **time: float) -> None:
        object.__setattr__(self, "moment", self.moment + timedelta(**time))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def oncall() -> Iterator[Receiver]:
    """An on-call system that is up."""
    with Receiver(SECRET) as receiver:
        yield receiver


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The migrated database of a test, without anybody in it; its clock is fixed, as in a demonstration."""
    async with Database(url, TICKET_CLOCK, lambda record: {}) as found:
        yield found


@dataclass
class Desk:
    """Opens tickets as an answer does, and dispatches them."""

    database: Database
    clock: HandClock
    settings: AlertSettings
    made: list[Dispatcher] = field(default_factory=list)

    async def open(
        self,
        level: str = "urgent",
        account: str = "stranger.42",
        outlets: bool = True,
        unreached: bool = False,
        language: str = "en",
    ) -> str:
        """A ticket with its alert."""
        sendings = new_sendings(self.settings.names[0] if outlets and self.settings.names else ())
        alert = NewAlert(level, ("cough", "fever"), language, "web", "web-0123", sendings, unreached, self.clock.now())
        async with self.database.writing(Actor("unlinked", "public"), "chat: symptom") as session:
            number = await writes.create_ticket(session, "symptom", None, "room-1", account, "symptom:x", alert)
            await session.commit()
        return number

    async def acknowledge(self, number: str, name: str = "nurse.qiu") -> None:
        async with self.database.writing(Actor(name, "nurse"), "chat: acknowledge ticket") as session:
            await writes.acknowledge_ticket(session, number)
            await session.commit()

    def dispatcher(self, policy: Policy | None = None, **options: object) -> Dispatcher:
        """A dispatcher over the real outlets of the settings."""
        made = Dispatcher(
            self.database,
            self.settings.names,
            build_outlets(self.settings),
            policy or self.settings.policy,
            self.clock,
            **options,  # type: ignore[arg-type]
        )
        self.made.append(made)
        return made


async def rounds(dispatcher: Dispatcher, times: int = 1) -> None:
    """Looks, and waits for what that has sent."""
    for _ in range(times):
        await dispatcher.round()
        await dispatcher.settle()


MakeDesk = Callable[..., Desk]


@pytest.fixture
async def desk(database: Database, clock: HandClock, oncall: Receiver) -> AsyncIterator[MakeDesk]:
    """Makes a desk; without a line of its own it tells the on-call system alone."""
    made: list[Desk] = []

    def make(line: str | None = None, **variables: str) -> Desk:
        environment = {
            "SPARC_ALERT_LINE": oncall.url if line is None else line,
            "SPARC_ALERT_SECRET": SECRET,
            **variables,
        }
        made.append(Desk(database, clock, AlertSettings.from_environment(environment, demo=True)))
        return made[-1]

    yield make
    for one in made:
        for dispatcher in one.made:
            await asyncio.wait_for(dispatcher.close(), 30)
