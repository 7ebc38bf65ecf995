"""Brings everybody's planned days up to date when the protocol file changes: a setting may move every derived day."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.models import Participant, PlannedVisit, Setting
from bot.enrollment.planning import planned_rows
from bot.enrollment.queries import PAGE, records
from bot.trial.protocol import Protocol

_KEY = "planned_with"
_ACTOR = Actor("assistant", "system")


def fingerprint(protocol: Protocol) -> str:
    """What tells one state of the protocol file from another."""
    return hashlib.sha256(protocol.json(encoder=_plain).encode()).hexdigest()


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


async def keep_plans_current(
    database: Database, protocol: Protocol, progress: Callable[[int], None] | None = None
) -> int:
    """Derives all planned days afresh if the protocol has changed since it was last done; else does nothing.

    The database must have been opened with this protocol's planner. An interrupted run is taken up at the next call.

    Args:
        progress: is told how many participants are done.

    Returns:
        How many participants' planned days were derived afresh.
    """
    mark = fingerprint(protocol)
    async with database.session() as session:
        stored = await session.get(Setting, _KEY)
        if stored is not None and stored.value == mark:
            return 0
    after, done = "", 0
    while True:
        async with database.writing(_ACTOR, "the protocol file has changed") as session:
            page = await records(session, Participant.code > after, limit=PAGE)
            if not page:
                await _remember(session, mark)
                await session.commit()
                return done
            await session.execute(delete(PlannedVisit.__table__).where(PlannedVisit.participant_id.in_(list(page))))
            rows = [
                row for key, record in page.items() for row in planned_rows(session.sync_session, key, record).values()
            ]
            if rows:
                await session.execute(insert(PlannedVisit.__table__), rows)
            await session.commit()
        after, done = list(page.values())[-1].code, done + len(page)
        if progress is not None:
            progress(done)


async def _remember(session: AsyncSession, mark: str) -> None:
    row = (await session.execute(select(Setting).where(Setting.key == _KEY))).scalar_one_or_none()
    if row is None:
        session.add(Setting(key=_KEY, value=mark))
    else:
        row.value = mark
    await session.flush()
