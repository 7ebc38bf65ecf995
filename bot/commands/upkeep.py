"""What `./sparc run` puts in order before it starts: the database's form, planned days, old replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.commands.accounts import prepare
from bot.commands.forgetting import forget_old
from bot.config import Settings
from bot.enrollment.database import Database
from bot.enrollment.planning import planner
from bot.enrollment.replanning import keep_plans_current
from bot.trial.protocol import load_protocol

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
