"""What the chat server does by itself now and then: what has been kept long enough goes."""

from __future__ import annotations

import asyncio
import random

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.commands.forgetting import forget_old
from bot.config import Settings
from bot.enrollment.database import Database
from bot.logs import place_of
from bot.server.conversations import forget_silent

#: How often, in seconds. Several servers do it in turn; whoever comes second finds nothing left.
EVERY_SECONDS = 3600.0
_log = structlog.get_logger(__name__)


async def keep_tidy(
    settings: Settings, database: Database, conversations: AsyncEngine, every: float = EVERY_SECONDS
) -> None:
    """Forgets what is old, for ever; an error is logged and tried again the next time."""
    while True:
        await asyncio.sleep(every * random.uniform(0.8, 1.2))
        try:
            gone = await forget_silent(conversations, settings.keep_days)
            await forget_old(settings, database)
        except Exception as error:
            _log.error("what is old could not be deleted", where=place_of(error))
        else:
            _log.info("what is old was deleted", conversations=gone)
