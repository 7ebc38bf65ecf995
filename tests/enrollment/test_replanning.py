"""A changed protocol file moves everybody's planned days, once."""

from __future__ import annotations

from datetime import date

from bot.enrollment import queries
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.planning import planner
from bot.enrollment.replanning import keep_plans_current
from bot.trial.protocol import Protocol

PLANNED = date(2026, 6, 15)  # the first cycle of P-0002, a fortnight after the first fraction


async def _who_comes(database: Database, day: date) -> list[str]:
    async with database.session() as session:
        return [record.code for record in await queries.visits_near(session, day, day)]


async def test_planned_days_follow_the_protocol_file(url: str, database: Database, protocol: Protocol) -> None:
    await load_demo(database)
    assert await keep_plans_current(database, protocol) == 10
    assert await keep_plans_current(database, protocol) == 0
    assert "P-0002" in await _who_comes(database, PLANNED)
    changed = protocol.copy(update={"settings": protocol.settings.copy(update={"c1d1_offset_days": 21})})
    told: list[int] = []
    async with Database(url, database.clock, planner(changed)) as reopened:
        assert await keep_plans_current(reopened, changed, told.append) == 10
    assert told == [10]
    assert "P-0002" not in await _who_comes(database, PLANNED)
    assert "P-0002" in await _who_comes(database, date(2026, 6, 22))
