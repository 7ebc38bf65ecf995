"""Figures about the database for those who watch the assistant: counts, never rows."""

from __future__ import annotations

from sqlalchemy import case, func, select

from bot.enrollment.database import Database
from bot.enrollment.models import Ticket


async def open_tickets_by_kind(database: Database) -> dict[str, int]:
    """How many tickets nobody has taken up; a kind of which there ever was one stays, with 0."""
    waiting = func.sum(case((Ticket.acknowledged_at.is_(None), 1), else_=0))
    async with database.session() as session:
        rows = await session.execute(select(Ticket.kind, waiting).group_by(Ticket.kind))
        return {kind: int(count) for kind, count in rows}
