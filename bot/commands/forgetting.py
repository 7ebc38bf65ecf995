"""What is kept for a while only, and its end; the chat server does it now and then, so this imports no migrations."""

from __future__ import annotations

from datetime import timedelta

from bot.clock import Clock
from bot.config import Settings
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.inbox import forget_done
from bot.enrollment.messages import forget_messages
from bot.enrollment.web_access import forget_ended

#: A webhook is repeated within minutes or hours; its stored reply holds personal data and goes after this time.
KEEP_REPLIES = timedelta(days=7)
#: A homeserver repeats a delivery within hours; the event's id (nothing else is left of it) goes after this time.
KEEP_EVENTS = timedelta(days=30)
_ACTOR = Actor("assistant", "system")


async def forget_old(settings: Settings, database: Database) -> None:
    """Deletes what is kept for repeated deliveries and sessions alone, when it is of no more use."""
    async with database.writing(_ACTOR, "replies are kept for repeated messages alone") as session:
        await forget_messages(session, settings.clock.now() - KEEP_REPLIES)
        await forget_done(session, settings.clock.now() - KEEP_EVENTS)
        await forget_ended(session, Clock().now())
        await session.commit()
