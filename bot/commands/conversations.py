"""`./sparc conversations ...`: what was said, as the chat server keeps it."""

from __future__ import annotations

from bot.config import Settings
from bot.server.conversations import forget_silent, open_conversations


async def forget(settings: Settings, days: int | None) -> str:
    """Deletes what was silent for `days` days, by default those of the settings; returns what was done."""
    engine = await open_conversations(settings.tracker_url)
    try:
        gone = await forget_silent(engine, settings.keep_days if days is None else days)
    finally:
        await engine.dispose()
    return f"{gone} conversations deleted"
