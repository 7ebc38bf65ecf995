"""What `./sparc run` puts in order before it starts: the database's form, planned days, old replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from bot.clock import Clock
from bot.commands.accounts import prepare
from bot.config import Settings
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.inbox import forget_done
from bot.enrollment.messages import forget_messages
from bot.enrollment.planning import planner
from bot.enrollment.replanning import keep_plans_current
from bot.enrollment.web_access import forget_ended
from bot.trial.protocol import load_protocol

#: A webhook is repeated within minutes or hours; its stored reply holds personal data and goes after this time.
KEEP_REPLIES = timedelta(days=7)
#: A homeserver repeats a delivery within hours; the event's id (nothing else is left of it) goes after this time.
KEEP_EVENTS = timedelta(days=30)
_ACTOR = Actor("assistant", "system")
#: From this many participants on, progress is told.
_MANY = 1000


def put_in_order(settings: Settings, tell: Callable[[str], None]) -> None:
    """Upgrades the database, derives planned days afresh if the protocol has changed, forgets old replies.

    Raises:
        ProtocolError: the protocol file is broken.
        EnrolmentError: the database cannot be brought to its newest form.
    """
    prepare(settings)
    asyncio.run(_put_in_order(settings, tell))


async def _put_in_order(settings: Settings, tell: Callable[[str], None]) -> None:
    protocol = load_protocol()

    def progress(done: int) -> None:
        if done >= _MANY:
            tell(f"  planned days of {done} participants derived afresh")

    async with Database(settings.database_url, clock=settings.clock, planner=planner(protocol)) as database:
        await keep_plans_current(database, protocol, progress)
        await forget_old(settings, database)


async def forget_old(settings: Settings, database: Database) -> None:
    """Deletes what is kept for repeated deliveries and sessions alone, when it is of no more use."""
    async with database.writing(_ACTOR, "replies are kept for repeated messages alone") as session:
        await forget_messages(session, settings.clock.now() - KEEP_REPLIES)
        await forget_done(session, settings.clock.now() - KEEP_EVENTS)
        await forget_ended(session, Clock().now())
        await session.commit()
